"""LP and MPS files as markets, and markets of one requester as such files.

A model is a market where its columns are binary, its objective gives every column a score, and its rows are a budget, caps of groups
that have no column in common, and a limit on how many columns are taken in all (the seats). Nothing is approximated on the way:
numbers are kept as they are written, a row that no choice breaks is left out, and what is of another shape is refused by the name of
its row. A reader that goes through floating point would solve a neighbour of the model, without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path

from ..exact import format_exact
from ..files import PathLike, read_text
from ..input_error import InputError
from .columns import UNLIMITED
from .linear_model import Column, LinearModel, Row, brief
from .lp import parse_lp
from .market import Market
from .mps import parse_mps

__all__ = ["LP_ENDING", "MPS_ENDING", "lp_text", "market_of", "mps_text", "read_model"]

LP_ENDING, MPS_ENDING = ".lp", ".mps"


def read_model(path: PathLike, *, drop_zero: bool = False) -> Market:
    """Read the market that an LP or MPS file is; the end of its name says which of the two.

    Parameters
    ----------
    path : path
    drop_zero : bool
        Leave out columns that the objective does not have instead of refusing them.

    Raises
    ------
    InputError
        With the file, and the line, row or column.
    """
    try:
        parse = parse_mps if Path(path).suffix.lower() == MPS_ENDING else parse_lp
        return market_of(parse(read_text(path)), drop_zero=drop_zero)
    except InputError as error:
        raise error.in_file(path) from None


@dataclass
class _Limit:
    """A row as ``sum of terms <= most``, all terms above 0."""

    row: Row
    terms: dict[str, Fraction]
    most: Fraction

    @property
    def counts(self) -> bool:
        """Whether it counts columns."""
        return all(value == 1 for value in self.terms.values())

    @property
    def void(self) -> bool:
        """Whether no choice of columns breaks it."""
        return sum(self.terms.values()) <= self.most


def market_of(model: LinearModel, *, drop_zero: bool = False) -> Market:
    """Return the market that a model is.

    Parameters
    ----------
    model : LinearModel
    drop_zero : bool
        Leave out columns that the objective does not have instead of refusing them.

    Returns
    -------
    Market
        Workers, groups and the requester are called what columns, rows of caps and the budget's row are.

    Raises
    ------
    InputError
        Naming the row or the column that no market has.
    """
    for name, column in model.columns.items():
        _require_binary(name, column)
    if model.constant:
        raise InputError(f"adds the constant {format_exact(model.constant)}", row=model.objective.where)
    scores = _scores(model)
    limits = [limit for row in model.rows if (limit := _limit(row)) is not None and limit.terms]
    budget, counted, group_of = _roles(limits, len(model.columns))
    kept = {*group_of.values()}
    caps = {limit.row.name: floor(limit.most) for limit in limits if limit.row.name in kept}
    rest = _new_name("rest", caps)
    return Market.build(
        worker_ids=[*model.columns],
        scores=scores,
        costs=[budget.terms.get(name, Fraction(0)) for name in model.columns],
        budgets=[budget.most],
        requester_ids=[budget.row.name],
        groups=[group_of.get(name, rest) for name in model.columns] if caps else None,
        group_ids=[*caps, *([rest] if len(group_of) < len(model.columns) else [])] if caps else None,
        caps={(group, budget.row.name): cap for group, cap in caps.items()},
        seats=[min((floor(limit.most) for limit in counted), default=None)],
        drop_zero=drop_zero,
    )


def _require_binary(name: str, column: Column) -> None:
    where = f"column {brief(name)}"
    if not column.integer:
        raise InputError("is not binary: it may be fractional", row=where)
    if column.upper is None and column.lower == 0:
        raise InputError(
            "is an integer without an upper bound; readers differ on whether that is 1, so the file has to say",
            row=where,
        )
    if (column.lower, column.upper) != (0, 1):
        low, high = ("none" if bound is None else format_exact(bound) for bound in (column.lower, column.upper))
        raise InputError(f"is not binary: its bounds are {low} and {high}", row=where)


def _scores(model: LinearModel) -> list[Fraction]:
    sign = 1 if model.maximise else -1
    scores = [sign * model.objective.terms.get(name, Fraction(0)) for name in model.columns]
    wrong = next((name for name, score in zip(model.columns, scores, strict=True) if score < 0), None)
    if wrong is not None:
        way, other = ("maximises", "negative") if model.maximise else ("minimises", "positive")
        raise InputError(
            f"{way}, and the coefficient of {brief(wrong)} is {other}: nobody has a score below 0",
            row=model.objective.where,
        )
    return scores


def _limit(row: Row) -> _Limit | None:
    """Write a row as an upper limit on columns that all use it up; None if it limits nothing."""
    terms = {name: value for name, value in row.terms.items() if value}
    lower, upper = row.lower, row.upper
    if terms and all(value < 0 for value in terms.values()):
        terms = {name: -value for name, value in terms.items()}
        lower, upper = (None if bound is None else -bound for bound in (upper, lower))
    if any(value < 0 for value in terms.values()):
        raise InputError("has coefficients of both signs: neither a budget nor a cap", row=row.where)
    if lower is not None and lower > 0:
        raise InputError(
            f"asks for {format_exact(lower)} or more: budgets, caps and seats are upper limits", row=row.where
        )
    if upper is None:
        return None
    if upper < 0:
        raise InputError("no choice satisfies it", row=row.where)
    return _Limit(row, terms, upper)


def _roles(limits: list[_Limit], columns: int) -> tuple[_Limit, list[_Limit], dict[str, str]]:
    """Return the budget, the limits on how many columns are taken in all, and the group of every column that has one.

    A row that counts is a budget too, of costs 1: where no other is there, one of two counting rows that overlap has to be.
    """
    money = [limit for limit in limits if not limit.counts]
    if len(money) > 1:
        raise InputError(f"is a second budget beside row {brief(money[0].row.name)}", row=money[1].row.where)
    if not limits:
        raise InputError("no row limits anything", row="rows")
    whole = [limit for limit in limits if len(limit.terms) == columns]
    binding = [limit for limit in limits if not limit.void]
    refusal = InputError("no row is a budget", row="rows")
    for budget in money or _overlapping(limits, columns) or [(whole or binding or limits)[0]]:
        others = [limit for limit in limits if limit is not budget]
        try:
            group_of = _groups([limit for limit in others if len(limit.terms) < columns])
        except InputError as error:
            refusal = error
        else:
            return budget, [limit for limit in others if len(limit.terms) == columns], group_of
    raise refusal


def _overlapping(limits: list[_Limit], columns: int) -> list[_Limit]:
    """Return two limits of some of the columns that have a column in common and can both be broken, if there are any."""
    first: dict[str, _Limit] = {}
    for limit in limits:
        if not limit.void and len(limit.terms) < columns:
            other = next((first[name] for name in limit.terms if name in first), None)
            if other is not None:
                return [other, limit]
            first |= dict.fromkeys(limit.terms, limit)
    return []


def _groups(limits: list[_Limit]) -> dict[str, str]:
    """Return the group of every column that has one.

    Rows that nothing breaks give way where they overlap with others; a single column that may be taken is no group.
    """
    group_of: dict[str, str] = {}
    for limit in sorted(limits, key=lambda limit: limit.void):
        twice = next((name for name in limit.terms if name in group_of), None)
        if limit.void and (twice is not None or len(limit.terms) == 1):
            continue
        if twice is not None:
            other = brief(group_of[twice])
            raise InputError(
                f"has column {brief(twice)} in common with row {other}: groups are disjoint", row=limit.row.where
            )
        group_of |= dict.fromkeys(limit.terms, limit.row.name)
    return group_of


def _new_name(name: str, taken: Iterable[str]) -> str:
    alike = {other.casefold() for other in taken}
    while name in alike:
        name += "_"
    return name


def _written_rows(
    market: Market, names: Sequence[str], costs: Sequence[str], budget: str
) -> list[tuple[str, list[tuple[str, str]], str]]:
    """The rows of a market of one requester: name, terms and limit each, the budget first."""
    rows = [(market.requester_ids[0], list(zip(names, costs, strict=True)), budget)]
    for group, cap in enumerate(market.cap_limits[:, 0].tolist()):
        members = [(name, "1") for name, l in zip(names, market.group_of.tolist(), strict=True) if l == group]
        if cap != UNLIMITED and members:
            rows.append((market.group_ids[group], members, str(cap)))
    if (seats := int(market.seat_limits[0])) != UNLIMITED:
        rows.append((_new_name("seats", [row[0] for row in rows]), [(name, "1") for name in names], str(seats)))
    return rows


def lp_text(market: Market, names: Sequence[str], items: Sequence[tuple[str, str]], budget: str) -> str:
    """Write a market of one requester as the text of an LP file.

    Parameters
    ----------
    market : Market
    names : sequence of str
        Of the columns.
    items : sequence of (score, cost)
        As they are to be written, as `budget` is.
    budget : str
    """
    lines = [
        "maximize",
        " score:",
        *(f"  + {score} {name}" for name, (score, _) in zip(names, items, strict=True)),
        "subject to",
    ]
    for row, terms, limit in _written_rows(market, names, [cost for _, cost in items], budget):
        lines += [f" {row}:", *(f"  + {value} {name}" for name, value in terms), f"  <= {limit}"]
    return "\n".join([*lines, "binary", *(f"  {name}" for name in names), "end", ""])


def mps_text(market: Market, names: Sequence[str], items: Sequence[tuple[str, str]], budget: str) -> str:
    """Write a market of one requester as the text of a free MPS file; parameters as of :func:`lp_text`."""
    rows = _written_rows(market, names, [cost for _, cost in items], budget)
    objective = _new_name("score", [row for row, _, _ in rows])
    columns: dict[str, list[str]] = {
        name: [f"  {name} {objective} {score}"] for name, (score, _) in zip(names, items, strict=True)
    }
    for row, terms, _ in rows:
        for name, value in terms:
            columns[name].append(f"  {name} {row} {value}")
    lines = [
        "NAME market",
        "OBJSENSE",
        "  MAX",
        "ROWS",
        f"  N {objective}",
        *(f"  L {row}" for row, _, _ in rows),
        "COLUMNS",
    ]
    lines += [line for column in columns.values() for line in column]
    lines += ["RHS", *(f"  RHS {row} {limit}" for row, _, limit in rows)]
    return "\n".join([*lines, "BOUNDS", *(f"  BV BOUND {name}" for name in names), "ENDATA", ""])
