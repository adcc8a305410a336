"""A procurement market's page: optima, guarantees beside what is attained, and what mechanisms promise about payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...models.display import Page, Table, show
from .pages import attained, mark, ruling_tables
from .ruling import PAYMENTS, Ruling

if TYPE_CHECKING:
    from .procurement import ProcurementJudgement

__all__ = ["procurement_page"]


def procurement_page(judged: ProcurementJudgement) -> Page:
    """Return optima, guarantees and promises on one page."""
    market = judged.market
    about = "bids taken for costs" if judged.at_bids else "costs known"
    facts = []
    for name, solution in judged.optima.items():
        proved = "proved" if solution.exactness == "checked" else solution.exactness
        shown = (
            f"{show(solution.value)} ({proved})"
            if solution.status == "optimal"
            else f"between {show(solution.value)} and {show(solution.bound)} ({solution.stopped})"
        )
        facts.append((name.upper(), shown))
    promises = [ruling for ruling in judged.rulings if ruling.applies and ruling.measure in PAYMENTS.values()]
    others = [ruling for ruling in judged.rulings if ruling not in promises]
    refused = [[name, why] for name, why in judged.refused.items()]
    return Page(
        f"{market.n:,} workers, {market.m} requesters, {market.L} groups; {about}",
        facts,
        [*ruling_tables(others), _promises(promises), Table(["mechanism", "why"], refused, (), "Not run")],
    )


def _promises(rulings: Sequence[Ruling]) -> Table:
    """For each mechanism, how near it comes to breaking what it promises about payments."""
    found = {(ruling.subject, ruling.measure): f"{attained(ruling)} {mark(ruling)}".strip() for ruling in rulings}
    names = dict.fromkeys(ruling.subject for ruling in rulings)
    rows = [[name, *(found.get((name, measure), "") for measure in PAYMENTS.values())] for name in names]
    return Table(["mechanism", *PAYMENTS.values()], rows, (1, 2, 3), "Payments, each at most 1")
