"""``fedmech.report``: a page about a market of either kind, a result, the ledger, or anything that shows itself as a page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..fl.comparison.table import Comparison
from ..fl.experiments.engine.results import is_result, read_results
from ..models.display import Readable
from ..models.input_error import InputError
from ..models.procurement.market import Market
from ..models.sharing.market import MotsMarket
from ..solvers.sharing.answer import SocialAnswer
from ..solvers.solution import Solution
from ..verification.ledger import Entry, Verdicts, verify
from .document import Report, Section, page_markup
from .ledger import ledger_report
from .procurement import comparison_sections, market_report, solution_sections
from .sharing import answer_sections, sharing_report

__all__ = ["opened", "report"]


def report(
    subject: Any,
    mechanisms: Any = None,
    *,
    title: str = "",
    options: Any = None,
    seed: int | None = None,
    time_limit: float | None = None,
) -> Report:
    """Make a page that can be read anywhere: in a browser, on a phone, by a screen reader, without a network.

    Parameters
    ----------
    subject : Market, MotsMarket, Solution, Comparison, Verdicts, DataFrame, path or 'ledger'
        A market is solved, and its mechanisms are run; a path is that of a market or of an experiment's result; ``'ledger'`` has every
        claim judged again. Whatever else shows itself as a page is taken as it is.
    mechanisms : sequence of str or callable, optional
        For a procurement market, as :func:`fedmech.compare` takes them; all that are registered if left out.
    title : str
    options, seed
        For the mechanisms.
    time_limit : float, optional
        Seconds, for markets.

    Returns
    -------
    Report
        ``.save(path)`` writes it, ``.html()`` is its text.

    Raises
    ------
    InputError
        For what is none of these, and as the readers of files.
    """
    if isinstance(subject, str | os.PathLike):
        if subject == "ledger" and not Path(subject).exists():
            subject = verify()
        else:
            subject, title = opened(subject), title or Path(subject).name
    if isinstance(subject, Market):
        return market_report(subject, mechanisms, title=title, options=options, seed=seed, time_limit=time_limit)
    if mechanisms is not None or options or seed is not None:
        raise InputError("mechanisms are run on a procurement market, and this is none", field="mechanisms")
    if isinstance(subject, MotsMarket):
        return sharing_report(subject, title=title, time_limit=time_limit)
    if isinstance(subject, Verdicts) or (
        isinstance(subject, Sequence) and subject and all(isinstance(entry, Entry) for entry in subject)
    ):
        return ledger_report(subject, title=title)
    if isinstance(subject, Solution):
        market = Section("The market", page_markup(subject.market.page()))
        sections = [market, *solution_sections(subject)]
        return Report(title or f"{subject.problem}", sections, subject.status == "optimal", subject.proved)
    if isinstance(subject, SocialAnswer):
        market = Section("The market", page_markup(subject.market.page()))
        sections = [market, *answer_sections(subject)]
        return Report(title or "A social state", sections, subject.status == "optimal", subject.proved)
    if isinstance(subject, Comparison):
        return Report(title or "A comparison", comparison_sections(subject), subject.complete, subject.proved)
    if type(subject).__name__ == "DataFrame":
        from .results import result_report

        rows: Any = subject
        return result_report(rows, title=title)
    if isinstance(subject, Readable):
        return Report(title or type(subject).__name__, [Section("Result", page_markup(subject.page()))])
    raise InputError(f"cannot report on {type(subject).__name__}", field="subject")


def opened(path: str | os.PathLike[str], *, drop_zero: bool = False) -> Any:
    """Read what a path leads to: a market of either kind, or an experiment's result."""
    if is_result(path):
        return read_results(path)
    from ..front import read

    return read(path, drop_zero=drop_zero)
