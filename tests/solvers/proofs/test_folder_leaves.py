"""The checker of folders on a few rows in memory: every number that a leaf rests on is worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, cast

import numpy as np
import pytest
from fedmech.models.procurement.folder import Folder, Rows
from fedmech.solvers.proofs import streamed
from fedmech.solvers.proofs.document import digest
from fedmech.solvers.proofs.folder_document import check_folder_document, folder_document
from fedmech.solvers.proofs.proof import ProofError, ProofTooLarge

Row = tuple[int, int, int]
"""Score, cost, group."""

A, B, C, D = (7, 3, 0), (5, 2, 0), (4, 4, 1), (1, 1, 1)


@dataclass(frozen=True)
class Held:
    """Takes the place of a folder: rows in memory, in blocks of two."""

    rows: list[list[Row]]
    limits: tuple[int, ...] = (1, 2)
    budget: int = 6
    seats_bind: bool = False
    block: int = 2
    files: tuple[None, ...] = field(init=False)
    sizes: tuple[int, ...] = field(init=False)
    starts: list[int] = field(init=False)
    n: int = field(init=False)

    def __post_init__(self) -> None:
        sizes = tuple(map(len, self.rows))
        for name, value in (
            ("files", (None,) * len(sizes)),
            ("sizes", sizes),
            ("starts", list(accumulate(sizes, initial=0))[:-1]),
            ("n", sum(sizes)),
        ):
            object.__setattr__(self, name, value)

    def each_file(self, task_of: Callable[[int], Callable[[Any], Any]], pulse: Any) -> Iterator[Any]:
        return (task_of(at)(pulse) for at in range(len(self.rows)))

    def blocks(self, at: int) -> Iterator[Rows]:
        for begin in range(0, max(1, self.sizes[at]), self.block):
            part = np.array(self.rows[at][begin : begin + self.block], dtype=np.int64).reshape(-1, 3)
            yield Rows(self.starts[at] + begin, *part.T)


def bits(held: Held, *hired: Row) -> list[np.ndarray]:
    return [np.packbits(np.array([row in hired for row in rows], dtype=bool)) for rows in held.rows]


def leaf(
    scale: int = 2, price: int = 2, places: tuple[int, ...] = (4, 0), count: int = 0, **more: Any
) -> dict[str, Any]:
    return {
        "low": 0, "high": 3, "scale": scale, "price": price, "count": count, "places": list(places), **more,
    }  # fmt: skip


def rest(bound: int, groups: int = 2) -> dict[str, Any]:
    """A dynamic program over all that is left, which proves whatever is true."""
    body = {"scale": 1, "price": 0, "places": [0] * groups, "cells": [0]}
    return {"kind": "dynamic", "bound": bound, "body": body}


def checked(held: Held, chosen: list[np.ndarray], *leaves: dict[str, Any]) -> streamed.CheckedFolder:
    return streamed.check_folder(cast(Folder, held), chosen, list(leaves), lambda: None)


FOUR = Held([[B, C, D, A]])
"""B and C are best: they are worth 9 and cost 6. With 2 for money and 4 for a place of A and B, all sets are worth 22/2 at most:

margins are 14 - 6 - 4 = 4, 10 - 4 - 4 = 2, 8 - 8 = 0 and 2 - 2 = 0, and 2 * 6 + 4 * 1 + 4 + 2 = 22. What is worth 10 loses 2 at most.
"""


def test_a_point_is_added_up() -> None:
    for held in (FOUR, Held([[B], [C, D, A]]), Held([[B, C], [], [D, A]]), Held([[B, C, D, A]], block=4)):
        found = checked(held, bits(held, B, C), leaf())
        assert (found.value, found.cost, found.counts, found.bound) == (9, 6, [1, 1], 11)
        assert found.open == ["the multipliers leave a gap"]
    nobody = checked(FOUR, bits(FOUR), leaf())
    assert (nobody.value, nobody.cost, nobody.counts, nobody.bound) == (0, 0, [0, 0], 11)
    empty = Held([], limits=(1,))
    found = checked(empty, [], {**leaf(places=(0,)), "high": 0})
    assert (found.value, found.cost, found.counts, found.bound, found.open) == (0, 0, [0], 0, [])
    # A place that nobody takes is still priced: what its price proves is said as it is.
    assert checked(empty, [], {**leaf(1, 0, (3,)), "high": 0}).bound == 3


def test_points_that_do_not_fit() -> None:
    for held, hired, words in (
        (FOUR, (A, C), "costs more than the budget"),
        (FOUR, (A, B), "more of a group than the caps admit"),
        (Held([[B, C, D, A]], limits=(0, 2)), (B,), "more of a group"),
        (Held([[B, C, D, A]], limits=(2, 0)), (D,), "more of a group"),
        (Held([[B, C, D, A]], seats_bind=True), (B,), "seat limits could bind"),
    ):
        with pytest.raises(ProofError, match=words):
            checked(held, bits(held, *hired), leaf())
    twelve = Held([[B] * 12, [C] * 8])
    for first, second, words in (
        ([0, 16], [0], None),
        ([0, 8], [0], "beyond the last row"),
        ([0, 1], [0], "beyond the last row"),
        ([0, 0], [1], None),
        ([0], [0], "a bit for every row"),
        ([0, 0, 0], [0], "a bit for every row"),
        ([0, 0], [0, 0], "a bit for every row"),
        ([0, 0], [], "a bit for every row"),
    ):
        point = [np.array(part, dtype=np.uint8) for part in (first, second)]
        if words is None:
            assert checked(twelve, point, leaf()).value == sum(
                int(part.any()) * score for part, score in zip(point, (5, 4), strict=True)
            )
            continue
        with pytest.raises(ProofError, match=words):
            checked(twelve, point, leaf())
    zero = np.zeros(2, dtype=np.uint8)
    for point, words in (
        ([zero], "bits for every file"),
        ([zero, zero, zero], "bits for every file"),
        ([zero.astype(np.int64), zero[:1]], "a bit for every row"),
        ([[0, 0], zero[:1]], "a bit for every row"),
    ):
        with pytest.raises(ProofError, match=words):
            checked(twelve, cast(Any, point), leaf())


def test_the_clock_is_read_at_every_block() -> None:
    looks: list[int] = []
    held = Held([[B, C, D], [A]])
    streamed.check_folder(cast(Folder, held), bits(held), [leaf()], lambda: looks.append(1))
    assert len(looks) == 3


@pytest.mark.parametrize(
    ("width", "bound", "most", "reason"),
    [
        # A is hired for sure: 3 of money and no place of its group are left, so that D is the best of the others. 7 + 1 < 9.
        (2, 1, 9, None),
        (2, 2, 9, None),
        (2, 3, 10, "the rest may hold something better"),
        (2, 5, 11, "the rest may hold something better"),
        (2, 0, 11, "the rest: the program leaves something"),
        # A is open as well, and all that is left are all rows.
        (4, 9, 9, None),
        (4, 8, 11, "the rest: the program leaves something"),
        (None, 9, 9, None),
        (None, 8, 11, "the rest: the program leaves something"),
        (1, 1, 11, "the gap is 2, wider than 1"),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 4])
def test_what_is_left_to_the_rest(width: int | None, bound: int, most: int, reason: str | None, block: int) -> None:
    held = Held([[B, C, D, A]], block=block)
    found = checked(held, bits(held, B, C), leaf(width=width, rest=rest(bound)))
    assert found.bound == most
    assert [why[: len(reason)] for why in found.open] == [reason] if reason else not found.open


def test_rows_beyond_the_width_are_never_hired() -> None:
    """At 5 for money B's margin is 10 - 10 - 4 = -4 and C's -12, A's -5 and D's -3; 30 + 4 is 14 above 2 * 10."""
    held = Held([[B, C, D, A]])
    for width, bound, right in ((14, 9, True), (14, 8, False)):
        found = checked(held, bits(held, B, C), leaf(price=5, width=width, rest=rest(bound)))
        assert (not found.open) == right
    # At 3 and 6 for A's group: 14 - 9 - 6 = -1, -2, -4 and -1; 18 + 6 leaves a gap of 4, with which all are open.
    assert not checked(held, bits(held, B, C), leaf(price=3, places=(6, 0), width=4, rest=rest(9))).open
    # Had a better point been found, worth 11, C could not be in one that is better still.
    five = Held([[B, C, D, A, (10, 4, 1)]], limits=(1, 1))
    found = checked(five, bits(five, B, (10, 4, 1)), leaf(price=4, places=(2, 4), width=1, rest=rest(5)))
    # Margins: 0, -12, -6, 0 and 0; 24 + 2 + 4 leaves -2: closed without a rest, whatever it says.
    assert (found.bound, found.open) == (15, [])


@pytest.mark.parametrize(
    ("limit", "budget", "bound", "reason"),
    [
        (1, 6, 10, None),
        (2, 5, 10, None),
        # Just enough of both, and what is hired for sure is worth 20 already.
        (2, 6, 20, "the rest may hold something better"),
    ],
)
def test_of_those_hired_for_sure_there_may_be_too_many(limit: int, budget: int, bound: int, reason: str | None) -> None:
    """Both of two are hired for sure, without a place or without the money for the second: no set is better than one of them."""
    two = Held([[(10, 3, 0), (10, 3, 0)]], (limit, 2), budget)
    first = [np.array([128], dtype=np.uint8)]
    found = checked(two, first, leaf(1, 0, (0, 0), width=0, rest=rest(0)))
    assert (found.value, found.bound, found.open) == (10, bound, [reason] if reason else [])


def test_steps_of_scores_and_costs() -> None:
    """Scores are even, and so are costs: what is better than 8 is worth 10, and of 5 only 4 can be spent."""
    for rows, budget, bound in (
        # 4 + 5 with a margin of 8 - 3, of a set that is worth 10.
        ([(8, 3, 0), (2, 2, 0)], 4, 8),
        ([(8, 3, 0), (2, 2, 0)], 5, 10),
        ([(8, 3, 0), (2, 2, 0)], 6, 10),
        ([(8, 3, 0), (2, 2, 0)], 7, 12),
        ([(8, 4, 0), (2, 2, 0)], 5, 8),
        ([(8, 4, 0), (2, 2, 0)], 6, 10),
        # One score, or one cost, is odd: 4 + 5 + 1, or 5 + 4.
        ([(8, 3, 0), (3, 2, 0)], 4, 10),
        ([(8, 4, 0), (3, 3, 0)], 5, 9),
        ([(8, 3, 0), (2, 2, 0), (3, 3, 0)], 4, 9),
        # Who costs more than all the money does not count.
        ([(8, 3, 0), (2, 2, 0), (3, 9, 0)], 4, 8),
        ([(8, 4, 0), (2, 2, 0), (2, 9, 0)], 5, 8),
        # Who costs all of it does.
        ([(8, 3, 0), (3, 4, 0), (3, 9, 0)], 4, 9),
        # Nothing costs anything: money is worth nothing, and both are hired.
        ([(8, 0, 0)], 5, 8),
        ([(8, 0, 0), (16, 0, 0)], 5, 24),
    ):
        for held in (
            *(Held([rows], (2,), budget, block=block) for block in (1, 2, 4)),
            Held([[row] for row in rows], (2,), budget),
        ):
            found = checked(held, bits(held, rows[0]), leaf(1, 1, (0,)))
            assert bool(found.open) == (bound > 8)
            assert (found.value, found.bound) == (8, bound), (rows, budget)


def test_prices_of_the_number_hired() -> None:
    """With 3 for each of at most two: 6 + 4 + 2 + 1. With -3 for at least two: 7 + 5 + 4 + 1 + 12 - 6."""
    few, many = {**leaf(1, 0, (0, 0), 3), "high": 2}, {**leaf(1, 0, (0, 0), -3), "low": 2}
    all_of = {**leaf(1, 0, (0, 0))}
    for leaves, bound in (
        ([few, {**all_of, "low": 3}], 17),
        ([few, {**few, "low": 2, "high": 3}], 16),
        ([many, {**few, "high": 1}], 23),
    ):
        assert checked(FOUR, bits(FOUR, B, C), *leaves).bound == bound
    # At 1 for each of three: 3 + 6 + 4 + 3.
    assert checked(FOUR, bits(FOUR, B, C), leaf(1, 0, (0, 0), 1)).bound == 16
    # And their margins decide who is left to the rest: A by 7 - 3 - 0.
    found = checked(FOUR, bits(FOUR, B, C), {**leaf(1, 1, (3, 0), -1), "low": 0, "width": None, "rest": rest(9)})
    assert (found.bound, found.open) == (9, [])


def test_every_number_hired_is_held_by_a_leaf() -> None:
    def between(low: int, high: int) -> dict[str, Any]:
        return {**leaf(), "low": low, "high": high}

    for ends, missing in (
        ([(0, 3)], None),
        ([(0, 9)], None),
        ([(2, 3), (0, 1)], None),
        ([(0, 3), (1, 2)], None),
        ([(0, 2), (1, 3)], None),
        ([(0, 2)], 3),
        ([(1, 3)], 0),
        ([(0, 0), (2, 3)], 1),
        ([(0, 2), (1, 1)], 3),
        ([], 0),
    ):
        if missing is None:
            assert checked(FOUR, bits(FOUR, B), *(between(*pair) for pair in ends)).bound == 11
            continue
        with pytest.raises(ProofError, match=f"none holds the sets of {missing} workers"):
            checked(FOUR, bits(FOUR, B), *(between(*pair) for pair in ends))
    wide = Held([[B, C]], limits=(5, 5))
    assert checked(wide, bits(wide), between(0, 2)).value == 0
    with pytest.raises(ProofError, match="sets of 2 workers"):
        checked(wide, bits(wide), between(0, 1))


def test_what_a_leaf_has() -> None:
    good = leaf(width=2, rest=rest(1))
    for given, words in (
        (None, "must be a list"),
        ({}, "must be a list"),
        ([None], "a leaf has low"),
        ([[good]], "a leaf has low"),
        ([{**good, "more": 1}], "a leaf has low"),
        ([{key: good[key] for key in good if key != "low"}], "a leaf has low"),
        ([{key: good[key] for key in good if key != "width"}], "a leaf has low"),
        ([{key: good[key] for key in good if key != "rest"}], "a leaf has low"),
        ([{**good, "low": -1}], "low and high: must be whole"),
        ([{**good, "low": False}], "low and high: must be whole"),
        ([{**good, "high": 3.0}], "low and high: must be whole"),
        ([{**good, "width": -1}], "width: must be a whole"),
        ([{**good, "width": 2.0}], "width: must be a whole"),
        ([{**good, "rest": []}], "rest: has a kind"),
        ([{**good, "rest": {}}], "rest: has a kind"),
        ([{**good, "rest": {**rest(1), "more": 1}}], "rest: has a kind"),
        ([{**good, "rest": {**rest(1), "bound": "1"}}], "rest: its bound must be a whole number"),
        ([{**good, "scale": 0}], "scale"),
        ([{**good, "places": [1]}], "places"),
    ):
        with pytest.raises(ProofError, match=words):
            streamed.check_folder(cast(Folder, FOUR), bits(FOUR, B, C), given, lambda: None)
    zero = {**leaf(3, 3, (9, 0)), "width": 0, "rest": rest(1)}
    # Margins 3, 0, 0 and 0 of what is worth 30 / 3 at most: A is hired for sure, and D is the best of the others.
    assert checked(FOUR, bits(FOUR, B, C), zero).bound == 9
    assert streamed.check_folder(cast(Folder, FOUR), bits(FOUR, B, C), (good,), lambda: None).bound == 9


def test_as_many_leaves_as_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "MOST_LEAVES", 2)
    assert checked(FOUR, bits(FOUR), leaf(), leaf()).bound == 11
    with pytest.raises(ProofTooLarge, match="more than 2"):
        checked(FOUR, bits(FOUR), leaf(), leaf(), leaf())


@pytest.mark.parametrize(
    ("width", "rows", "counts"),
    [
        # At 3 for money and 6 for a place of A and B their margins are 14 - 9 - 6 = -1 and -2, those of C and D -4 and -1.
        (0, 0, [0, 0]),
        (1, 2, [0, 0]),
        (2, 3, [0, 0]),
        (3, 3, [0, 0]),
        (4, 4, [0, 0]),
        (None, 4, None),
    ],
)
def test_rows_that_are_held(width: int | None, rows: int, counts: list[int] | None) -> None:
    found = totals_of(leaf(price=3, places=(6, 0), width=width, rest=rest(1)))
    assert (found.rows, sum(len(part[0]) for part in found.kept)) == (rows, rows)
    assert (found.gain, found.score, found.cost) == (0, 0, 0)
    assert counts == (None if found.counts is None else found.counts.tolist())


def totals_of(given: dict[str, Any]) -> streamed._LeafTotals:
    held = cast(Folder, FOUR)
    read = streamed._read_leaves([given], held)
    return streamed._pass(held, 0, bits(FOUR)[0], read, lambda: None).leaves[0]


def test_rows_that_are_hired_for_sure() -> None:
    """Margins of 4, 2, 0 and 0, of A to D."""
    for width, rows, score, cost, counts in ((4, 4, 0, 0, [0, 0]), (3, 3, 7, 3, [1, 0]), (1, 2, 12, 5, [2, 0])):
        found = totals_of(leaf(width=width, rest=rest(1)))
        assert (found.rows, found.gain, found.score, found.cost) == (rows, 6, score, cost)
        assert found.counts is not None
        assert found.counts.tolist() == counts


def test_no_more_rows_are_held_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a rest none are; of too many no further block is, and in the end none."""
    assert (totals_of(leaf()).rows, totals_of(leaf()).gain) == (0, 6)
    monkeypatch.setattr(streamed, "MOST_REST", 1)
    found = totals_of(leaf(width=9, rest=rest(1)))
    assert (found.rows, len(found.kept), found.gain) == (2, 1, 6)
    whole = streamed._LeafTotals()
    whole.add(found)
    assert (whole.rows, whole.kept, whole.gain) == (2, [], 6)


def test_the_market_that_a_rest_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """B, C and D, with what A leaves: no place of the first group, and 3 of money."""
    asked: list[tuple[Any, Any]] = []
    monkeypatch.setattr(streamed, "check_bound", lambda proof, market, pulse: asked.append((proof, market)))
    checked(FOUR, bits(FOUR, B, C), leaf(width=2, rest=rest(1)))
    ((proof, market),) = asked
    assert (proof.problem, proof.kind, proof.bound, proof.body) == ("opt", "dynamic", 1, rest(1)["body"])
    assert market.scaled.scores.tolist() == [5, 4, 1]
    assert market.scaled.needed_costs.tolist() == [2, 4, 1]
    assert market.group_of.tolist() == [0, 1, 1]
    assert market.cap_limits.tolist() == [[0], [2]]
    assert market.scaled.budgets.tolist() == [3]


@pytest.mark.parametrize("files", [1, 2])
def test_as_many_rows_as_are_held(files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three are left open; that A is hired for sure is seen after them, in the file's last block or in another file."""
    held = Held([[B, C, D, (1, 3, 0), A]] if files == 1 else [[B, C, D], [(1, 3, 0), A]])
    for most, bound in ((3, 9), (2, 11), (0, 11)):
        monkeypatch.setattr(streamed, "MOST_REST", most)
        found = checked(held, bits(held, B, C), leaf(width=2, rest=rest(1)))
        assert (found.bound, found.open) == (
            bound,
            [] if most == 3 else [f"more than {most} rows are left to the rest"],
        )
        # D alone is worth more than nothing.
        assert checked(held, bits(held, B, C), leaf(width=2, rest=rest(0))).bound == 11


def test_the_market_of_a_rest() -> None:
    scores, costs, groups = (np.array(column, dtype=np.int64) for column in ([3, 4, 5], [1, 2, 2], [0, 1, 1]))
    market = streamed.rest_market(scores, costs, groups, [5, 1], 3)
    assert (market.n, market.m, market.L) == (3, 1, 2)
    assert market.cap_limits.tolist() == [[3], [1]]
    assert market.seat_limits.tolist() == [-1]
    assert market.scaled.scores.tolist() == [3, 4, 5]
    assert market.scaled.needed_costs.tolist() == [1, 2, 2]
    assert market.scaled.budgets.tolist() == [3]
    assert market.group_of.tolist() == [0, 1, 1]


# ---- as a file


def document() -> dict[str, Any]:
    return folder_document(cast(Folder, FOUR), bits(FOUR, B, C), 9, 9, [leaf(width=2, rest=rest(1))])


def test_a_proof_about_a_folder_as_a_file() -> None:
    whole = document()
    assert (whole["rows"], whole["point"]) == ([4], ["wA=="])
    found = check_folder_document(whole, cast(Folder, FOUR), lambda: None)
    assert (found.value, found.bound, found.counts) == (9, 9, [1, 1])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rows": [5]}, "for other files"),
        ({"rows": (4,)}, "for other files"),
        ({"point": "wA=="}, "must be a list of texts"),
        ({"point": [192]}, "must be a list of texts"),
        ({"point": [192, "wA=="]}, "must be a list of texts"),
        ({"point": ["w"]}, "not in base 64"),
        ({"point": ["wA==\n"]}, "not in base 64"),
        ({"point": ["ü"]}, "not in base 64"),
        ({"point": ["gA=="]}, "not worth that"),
        ({"value": 8}, "not worth that"),
        ({"value": 10}, "not worth that"),
        ({"value": 9.0}, "not worth that"),
        ({"bound": 8}, "no bound below 9: the point is worth more"),
        ({"bound": 9.0}, "no bound below 9"),
        ({"leaves": [leaf()]}, "no bound below 11: the multipliers leave a gap"),
        ({"format": "fedmech-proof/1"}, "not a fedmech-folder-proof/1 file"),
        ({"more": 1}, "other fields"),
    ],
)
def test_what_a_file_may_not_say(fields: dict[str, Any], words: str) -> None:
    changed = {**document(), **fields, "seal": None}
    with pytest.raises(ProofError, match=words):
        check_folder_document({**changed, "seal": digest(changed)}, cast(Folder, FOUR), lambda: None)


def test_a_bound_may_be_higher_than_what_is_proved() -> None:
    changed = {**document(), "bound": 10, "seal": None}
    assert check_folder_document({**changed, "seal": digest(changed)}, cast(Folder, FOUR), lambda: None).bound == 9
    with pytest.raises(ProofError, match="seal"):
        check_folder_document({**document(), "bound": 10}, cast(Folder, FOUR), lambda: None)
