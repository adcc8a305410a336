"""A sharing market's page: alignment, types, conditions, what would have to change, and the claims that apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ...fl.sharing.joining import Join
from ...models.display import Page, Table, show
from ...models.sharing.market import MotsMarket
from ...models.sharing.market_text import state_text
from .alignment import Alignment
from .pages import ruling_tables
from .views import TypeView

if TYPE_CHECKING:
    from .sharing import SharingJudgement

__all__ = ["sharing_page"]

WORDS = {True: "yes", False: "no", None: "undecided"}


def sharing_page(judged: SharingJudgement) -> Page:
    """Return everything that is said of a sharing market on one page."""
    market, facts = judged.market, []
    if judged.free is not None:
        facts += _alignment(market, "without a requirement", judged.free)
    if judged.required is not None:
        facts += _alignment(market, f"error at most {show(market.max_error)}", judged.required)
    return Page(
        f"{market.type_count} types, {market.population:,} clients; theta = {show(market.heterogeneity)}",
        facts,
        [
            _types("Types at the best state", market, judged.views),
            _types("Types at the state given", market, judged.given or ()),
            _held(judged),
            _changes(judged),
            *ruling_tables(judged.rulings),
        ],
    )


def _alignment(market: MotsMarket, name: str, found: Alignment) -> Iterator[tuple[str, str]]:
    if found.best.status == "infeasible":
        yield name, f"no state; the least error is {show(found.best.error)}"
        return
    word = {True: "coincide", False: "do not coincide", None: "may or may not coincide"}[found.aligned]
    yield name, f"greatest welfare and least error {word}" + (f" ({found.decided})" if found.decided else "")
    for what, answer in (("best state", found.best), ("least error", found.least)):
        if answer.state is not None and answer.welfare is not None:
            proved = "" if answer.status == "optimal" else f" (not proved; at most {show(answer.bound)})"
            yield what, f"{state_text(market, answer.state)}"
            yield "", f"welfare {show(answer.welfare.middle)}{proved}, error {show(answer.error)}"


def _types(title: str, market: MotsMarket, views: Sequence[TypeView]) -> Table:
    rows = [
        [
            market.types[each.index].id,
            "low" if each.low else "high",
            each.pattern,
            each.region,
            show(each.inverse),
            show(each.limit),
            "never" if each.switching is None else f"{each.switching:,}",
            f"{each.remaining:,}",
        ]
        for each in views
    ]
    columns = ["type", "", "takes part", "region", "1/D", "Phi", "switches after", "left"]
    return Table(columns, rows, (4, 5, 6, 7), title)


def _held(judged: SharingJudgement) -> Table:
    market = judged.market
    rows = [
        [f"condition ({name})", WORDS[condition.holds], _where(market, condition.fails_at)]
        for name, condition in judged.conditions.items()
    ]
    if judged.assumptions is not None:
        rows.append(["increasing marginal utility", WORDS[judged.assumptions.increasing_marginal.holds], ""])
    rows += [
        ["low types all-or-none", WORDS[judged.whole_low], ""],
        ["high types none, all or stationary", WORDS[judged.high_stationary], ""],
    ]
    found, mechanism = judged.equilibria, judged.mechanism
    if mechanism is not None and mechanism.ratio is not None:
        rows.append(["SWAN's incentive cost", show(mechanism.incentive_cost(mechanism.target)), ""])
    if found is not None and mechanism is not None:
        several = f"{len(found.states)}" + ("" if found.complete else " or more")
        rows.append(
            ["SWAN's equilibria", several, "" if mechanism.target in found.states else "the best state is none"]
        )
    return Table(["", "", "fails where"], rows, (), "Holds here")


def _changes(judged: SharingJudgement) -> Table:
    market, rows = judged.market, []
    if judged.requirement_limit is not None:
        rows.append(["max_error", f"below {show(judged.requirement_limit)}"])
    elif judged.cost_changes:
        rows.append(["max_error", "not found"])
    for change in judged.cost_changes:
        name = "all costs" if change.type is None else f"cost of {market.types[change.type].id}"
        rows.append([name, _change(change.type, change.value, searched=change.searched)])
    return Table(["", ""], rows, (), "Either makes them coincide")


def _change(index: int | None, value: Fraction | None, *, searched: bool) -> str:
    if value is None:
        return "no change of it alone" if searched else "not found"
    return f"times {show(value)}" if index is None else show(value)


def _where(market: MotsMarket, join: Join | None) -> str:
    return "" if join is None else f"{market.types[join[2]].id} joins {state_text(market, join[0])}"
