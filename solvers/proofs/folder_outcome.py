"""The outcome of DriftPay-CO on a folder of files, checked in one pass by a witness of a few rows.

=================  ==========================================================================================
``rho_i``          ``b_i / v_i``; the order is by ``(rho_i, i)``
``last``           the last worker of the critical prefix ``S``; none: it is empty
``critical``       the first worker after it; none: all are in ``S``
``places``         for each group a score and a row: of ``S``, it hires who has more, or as much and no later a row
``M``, ``M'``      what ``S``, and ``S`` with the critical worker, is worth at best
=================  ==========================================================================================

1. ``S`` are the workers before ``critical``, and none of them comes after ``last``. Row, bid and score of both are in the files.
2. Of each group those at its place or better win. There are as many as the caps admit, or as there are in ``S``: in the order by
   score, ties to the lower row, no others can be the best set.
3. ``rho_last M <= B`` and ``rho_critical M' > B``. Neither factor falls along the order, so no other prefix is the critical one.
   ``M'`` is ``M`` and the critical worker's score, less that of the worst winner of its group if the group is full; not below ``M``.
4. The price is ``min(rho_critical, B / M)``; each winner is paid its score times the price.

*Exactness.* Ratios are compared by `limbs`; all else are Python integers and fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...models.exact import exact_sum
from ...models.procurement.folder import LARGEST, Folder, Rows
from .arrays.limbs import combine
from .outcome import compare_number
from .proof import Pulse, refuse

__all__ = [
    "FORMAT",
    "CheckedFolderOutcome",
    "RowPlace",
    "Witness",
    "check_folder_outcome",
    "check_witness",
    "outcome_fields",
    "winners_among",
]

FORMAT = "fedmech-folder-outcome/1"

FIELDS = {"format", "mechanism", "rows", "k", "hired", "last", "critical", "places", "seconds", "winners"}
FIELDS |= {f"{name}{end}" for name in ("total_payment", "score", "critical_price") for end in ("", "_exact")}


class _RowColumns(Protocol):
    @property
    def rows(self) -> np.ndarray: ...
    @property
    def costs(self) -> np.ndarray: ...
    @property
    def scores(self) -> np.ndarray: ...


class RowPlace(NamedTuple):
    """A worker's place in the order: its row over all files, and bid and score in the folder's units."""

    row: int
    bid: int
    score: int

    @staticmethod
    def of(columns: _RowColumns, at: int) -> RowPlace:
        """Return the place of one of some rows."""
        return RowPlace(int(columns.rows[at]), int(columns.costs[at]), int(columns.scores[at]))


class Witness(NamedTuple):
    """What an outcome follows from; see the table above."""

    last: RowPlace | None
    critical: RowPlace | None
    places: Sequence[tuple[int, int] | None]


@dataclass(frozen=True)
class CheckedFolderOutcome:
    """What DriftPay-CO does on a folder, in the market's own units; winners are counted by group, over all and of each file."""

    k: int
    counts: list[int]
    file_counts: list[list[int]]
    score: Fraction
    price: Fraction | None

    @property
    def total_payment(self) -> Fraction:
        """What all winners together are paid."""
        return Fraction(0) if self.price is None else self.score * self.price


@dataclass
class _FileTotals:
    """What is added up over one file: the prefix and its winners by group, their score, the least one in each group, rows seen."""

    prefix: np.ndarray
    counts: np.ndarray
    least: np.ndarray
    score: int = 0
    seen: int = 0


def winners_among(rows: Rows, witness: Witness) -> np.ndarray:
    """Mark the winners of a block."""
    return _before(rows, witness.critical) & _at_place(rows, witness)


def check_witness(folder: Folder, witness: Witness, pulse: Pulse) -> CheckedFolderOutcome:
    """Read all rows and say what DriftPay-CO does, if the witness is one.

    Parameters
    ----------
    folder : Folder
        Whose money are bids, see `Folder.on_bids`.
    witness : Witness
    pulse : callable
        Called in the threads that read; what it raises ends the check.

    Raises
    ------
    ProofError
        Says what is wrong.
    """
    if folder.seats_bind:
        refuse("seat limits could bind: not for this kind of outcome")
    if len(witness.places) != len(folder.limits):
        refuse("places: must have one for every group")
    groups, level = np.arange(len(folder.limits)), len(folder.limits)
    total = _FileTotals(0 * groups, 0 * groups, np.full(level, LARGEST))
    file_counts = []
    for part in folder.each_file(lambda at: partial(_pass, folder, at, witness), pulse):
        total.prefix, total.counts = total.prefix + part.prefix, total.counts + part.counts
        file_counts.append(part.counts.tolist())
        total.least = np.minimum(total.least, part.least)
        total.score, total.seen = total.score + part.score, total.seen + part.seen
    if total.seen != sum(place is not None for place in (witness.last, witness.critical)):
        refuse("last and critical: there are no such rows")
    limits = np.array(folder.limits, dtype=np.int64)
    if (total.counts != np.minimum(limits, total.prefix)).any():
        refuse("places: others win")
    k, score = int(total.prefix.sum()), total.score
    if (witness.last is None) != (k == 0):
        refuse("last: is there if and only if the prefix is not empty")
    budget = folder.header.total_budget * folder.cost_denominator
    if witness.last is not None and witness.last.bid * score > budget * witness.last.score:
        refuse("the prefix is too long: its last worker's ratio is not affordable")
    if witness.critical is not None:
        more = score + _gain(folder, witness.critical, total)
        if witness.critical.bid * more <= budget * witness.critical.score:
            refuse("the prefix is too short: the critical worker's ratio is affordable")
    price = None
    if score:
        price = budget / score
        if witness.critical is not None:
            price = min(price, Fraction(witness.critical.bid, witness.critical.score))
        price *= Fraction(folder.score_denominator, folder.cost_denominator)
    return CheckedFolderOutcome(k, total.counts.tolist(), file_counts, Fraction(score, folder.score_denominator), price)


def _gain(folder: Folder, critical: RowPlace, total: _FileTotals) -> int:
    """Return by how much the best set's score grows when the critical worker joins the prefix."""
    home = _group_of(folder, critical.row)
    if total.counts[home] < folder.limits[home]:
        return critical.score
    return max(0, critical.score - int(total.least[home])) if folder.limits[home] else 0


def _group_of(folder: Folder, row: int) -> int:
    at = int(np.searchsorted(folder.starts, row, side="right")) - 1
    for rows in folder.blocks(at):
        if row < rows.begin + len(rows.groups):
            return int(rows.groups[row - rows.begin])
    raise AssertionError("the row has been read before")


def _pass(folder: Folder, at: int, witness: Witness, pulse: Pulse) -> _FileTotals:
    level = len(folder.limits)
    nobody = np.zeros(level, dtype=np.int64)
    found = _FileTotals(nobody, nobody.copy(), np.full(level, LARGEST))
    for rows in folder.blocks(at):
        pulse()
        prefix = _before(rows, witness.critical)
        if witness.last is None:
            strange = prefix
        else:
            strange = prefix & ~_before(rows, witness.last)
            if 0 <= witness.last.row - rows.begin < len(strange):
                strange[witness.last.row - rows.begin] = not prefix[witness.last.row - rows.begin]
        if strange.any():
            refuse("last: is not the last worker before the critical one")
        chosen = np.flatnonzero(prefix & _at_place(rows, witness))
        found.prefix += np.bincount(rows.groups[np.flatnonzero(prefix)], minlength=level)
        found.counts += np.bincount(rows.groups[chosen], minlength=level)
        np.minimum.at(found.least, rows.groups[chosen], rows.scores[chosen])
        found.score += exact_sum(rows.scores[chosen])
        found.seen += sum(_is_there(rows, place) for place in (witness.last, witness.critical))
    return found


def _is_there(rows: Rows, place: RowPlace | None) -> bool:
    if place is None or not 0 <= (at := place.row - rows.begin) < len(rows.scores):
        return False
    return (int(rows.costs[at]), int(rows.scores[at])) == (place.bid, place.score)


def _before(rows: Rows, place: RowPlace | None) -> np.ndarray:
    """Mark the rows before a place in the order; all of them, if there is none."""
    count = len(rows.scores)
    if place is None:
        return np.ones(count, dtype=bool)
    difference = combine(rows.costs, rows.scores, np.zeros(count, dtype=np.int64), place.score, place.bid, [0])
    not_less, more = difference.above(-1), difference.above(0)
    earlier = np.arange(rows.begin, rows.begin + count) < place.row
    return ~not_less | (~more & earlier)


def _at_place(rows: Rows, witness: Witness) -> np.ndarray:
    """Mark the rows at their group's place in the order by score, then row, or better."""
    least, row = np.array([(LARGEST, -1) if place is None else place for place in witness.places], dtype=np.int64).T
    index = np.arange(rows.begin, rows.begin + len(rows.scores))
    floor = least[rows.groups]
    return (rows.scores > floor) | ((rows.scores == floor) & (index <= row[rows.groups]))


def outcome_fields(folder: Folder, witness: Witness) -> dict[str, Any]:
    """Return what of a witness is written to a document."""
    return {
        "format": FORMAT,
        "mechanism": "driftpay-co",
        "rows": list(folder.sizes),
        "last": None if witness.last is None else witness.last._asdict(),
        "critical": None if witness.critical is None else witness.critical._asdict(),
        "places": [None if place is None else list(place) for place in witness.places],
    }


def check_folder_outcome(document: Any, folder: Folder, pulse: Pulse) -> CheckedFolderOutcome:
    """Verify that a document is DriftPay-CO's outcome on a folder.

    Parameters
    ----------
    document : mapping
        As ``fedmech run --json`` writes it.
    folder : Folder
        Whose money are bids.
    pulse : callable

    Raises
    ------
    ProofError
        Says what is wrong.
    """
    if not isinstance(document, dict) or set(document) != FIELDS or document["format"] != FORMAT:
        refuse("the outcome has other fields than 'fedmech run --json' writes")
    if document["mechanism"] != "driftpay-co":
        refuse("only outcomes of driftpay-co can be recomputed")
    if document["rows"] != list(folder.sizes):
        refuse("the document is for other files")
    last, critical = (_read_place(document[name], name) for name in ("last", "critical"))
    found = check_witness(folder, Witness(last, critical, _read_places(document["places"])), pulse)
    for name, right in (("k", found.k), ("hired", sum(found.counts))):
        if type(document[name]) is not int or document[name] != right:
            refuse(f"{name}: should be {right}")
    compare_number(document, "total_payment", found.total_payment)
    compare_number(document, "score", found.score)
    compare_number(document, "critical_price", found.price)
    return found


def _read_place(given: Any, name: str) -> RowPlace | None:
    if given is None:
        return None
    if not isinstance(given, dict) or set(given) != set(RowPlace._fields):
        refuse(f"{name}: must have row, bid and score, or be none")
    place = RowPlace(**given)
    if not all(type(x) is int and 0 <= x < LARGEST for x in place) or not place.score:
        refuse(f"{name}: row, bid and score must be whole numbers that are not negative")
    return place


def _read_places(given: Any) -> list[tuple[int, int] | None]:
    def whole(x: Any) -> bool:
        return type(x) is int and -1 <= x <= LARGEST

    if not isinstance(given, list) or not all(
        place is None or (isinstance(place, list) and len(place) == 2 and all(map(whole, place))) for place in given
    ):
        refuse("places: must be a list of score and row, or none, for every group")
    return [None if place is None else (place[0], place[1]) for place in given]
