"""Markets in other projects' formats. What is written is read back before it is called written: a format that cannot say something refuses it."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..files import PathLike, write_whole
from ..input_error import InputError
from .file import number_literal, write_market
from .formats import PABULIB_ENDING, read_any_market
from .market import Market
from .model_file import LP_ENDING, MPS_ENDING, lp_text, mps_text

__all__ = ["WRITTEN_ENDINGS", "convert"]


def convert(market: Market, path: PathLike, *, workers_file: str | None = None, rename: bool = False) -> None:
    """Write a market in the format that the end of a name says, exactly.

    Parameters
    ----------
    market : Market
    path : path
        ``*.json`` (ours), ``*.pb`` (Pabulib, projects with scores), ``*.csv`` (Pisinger), ``*.in`` (Jooken), or ``*.kp``, ``*.knapsack``,
        ``*.txt`` (plain: items and capacity, then profit and weight), ``*.lp`` or ``*.mps`` (a model: binary columns, a budget, caps, seats).
    workers_file : str, optional
        Of our own format: the ``.csv`` or ``.parquet`` file beside it that takes the workers.
    rename : bool
        Whether workers, the requester and the group may be called what the format calls them: numbers, where it knows no names.

    Raises
    ------
    InputError
        If the format cannot say something that the market says, naming it, or the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending == ".json":
        write_market(market, path, workers_file=workers_file)
        return
    if ending not in _WRITERS:
        raise InputError(f"a market is written as .json, {', '.join(_WRITERS)}", file=str(path))
    if workers_file is not None:
        raise InputError("is for *.market.json; other formats are one file", field="workers_file")
    if market.costs is None:
        raise InputError(f"{ending} cannot say that costs are not known", field="costs")
    if market.m != 1:
        raise InputError(f"{ending} has one budget, and there are {market.m} requesters", field="requesters")
    text = _WRITERS[ending](market, rename)
    lost = _lost(market, text, ending, rename)
    if lost is not None:
        more = "; --rename lets it go" if lost.endswith("names") else ""
        raise InputError(f"{ending} cannot say everything: {lost} would be lost{more}", file=str(path))
    write_whole(path, text)


def _lost(market: Market, text: str, ending: str, rename: bool) -> str | None:
    """What of a market is not there any more when its text is read; None if everything is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"market{ending}"
        file.write_bytes(text.encode())
        try:
            again = read_any_market(file)
        except InputError as error:
            return f"something that its reader does not take ({error.message}), numbers or names"
    costs = market.scaled.costs
    assert costs is not None
    checks: list[tuple[str, bool]] = [
        ("scores", [*market.scores] == [*again.scores]),
        ("costs", [*(market.costs or ())] == [*(again.costs or ())]),
        ("bids other than costs", bool((market.scaled.bids == costs).all())),
        ("the budget", [*market.budgets] == [*again.budgets]),
        ("coverage", market.scaled.coverage is None),
        ("groups", market.L == again.L and bool(np.array_equal(market.group_of, again.group_of))),
        ("caps", bool(np.array_equal(market.cap_limits, again.cap_limits))),
        ("seats", bool(np.array_equal(market.seat_limits, again.seat_limits))),
    ]
    if not rename:
        checks += [
            ("the workers' names", [*market.worker_ids] == [*again.worker_ids]),
            ("the requester's and the group's names", _outer(market) == _outer(again)),
        ]
    return next((name for name, kept in checks if not kept), None)


def _outer(market: Market) -> tuple[list[str], list[str]]:
    return [*market.requester_ids], [*market.group_ids]


def _decimal(value: Fraction) -> str:
    """A number that every reader takes: a decimal, or what is refused when it is read back."""
    return number_literal(value).strip('"')


def _items(market: Market) -> list[tuple[str, str]]:
    return [(_decimal(market.score(i)), _decimal(market.cost(i))) for i in range(market.n)]


def _names(market: Market, rename: bool) -> list[str]:
    return [str(i + 1) for i in range(market.n)] if rename else [*market.worker_ids]


def _pabulib(market: Market, rename: bool) -> str:
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator="\n")
    writer.writerows([["META"], ["key", "value"], ["description", "a market, as projects with scores"]])
    about = [
        ("num_projects", market.n),
        ("num_votes", 0),
        ("budget", _decimal(market.budget(0))),
        ("vote_type", "approval"),
    ]
    writer.writerows(about)
    writer.writerows([["PROJECTS"], ["project_id", "cost", "score"]])
    # Names may stay here: Pabulib has names for projects.
    writer.writerows([name, cost, score] for name, (score, cost) in zip(market.worker_ids, _items(market), strict=True))
    writer.writerows([["VOTES"], ["voter_id", "vote"]])
    return target.getvalue()


def _pisinger(market: Market, rename: bool) -> str:
    head = ["knapsack", f"n {market.n}", f"c {_decimal(market.budget(0))}", "z 0", "time 0"]
    rows = [
        f"{name},{score},{cost},0" for name, (score, cost) in zip(_names(market, rename), _items(market), strict=True)
    ]
    return "\n".join([*head, *rows, "-----", ""])


def _jooken(market: Market, rename: bool) -> str:
    rows = [
        f"{name} {score} {cost}" for name, (score, cost) in zip(_names(market, rename), _items(market), strict=True)
    ]
    return "\n".join([str(market.n), *rows, _decimal(market.budget(0)), ""])


def _plain(market: Market, rename: bool) -> str:
    rows = [f"{score} {cost}" for score, cost in _items(market)]
    return "\n".join([f"{market.n} {_decimal(market.budget(0))}", *rows, ""])


def _lp(market: Market, rename: bool) -> str:
    return lp_text(market, _columns(market, rename), _items(market), _decimal(market.budget(0)))


def _mps(market: Market, rename: bool) -> str:
    return mps_text(market, _columns(market, rename), _items(market), _decimal(market.budget(0)))


def _columns(market: Market, rename: bool) -> list[str]:
    """Names of columns: unlike other formats, LP files know no names that are numbers."""
    return [f"x{name}" for name in _names(market, rename)] if rename else _names(market, rename)


_WRITERS: dict[str, Callable[[Market, bool], str]] = {
    PABULIB_ENDING: _pabulib,
    ".csv": _pisinger,
    ".in": _jooken,
    ".kp": _plain,
    ".knapsack": _plain,
    ".txt": _plain,
    LP_ENDING: _lp,
    MPS_ENDING: _mps,
}

WRITTEN_ENDINGS = (".json", *_WRITERS)
"""The ends of names that a market can be written under."""
