"""The two ways to enumerate flips (plain Python, compiled merges) against every subset."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from campaign import some
from drawing import Numbers, made_by, reached, seeded
from fedmech import Market, solve
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.pooled import enumeration
from fedmech.solvers.pooled.enumeration import _halves, best_flips
from fedmech.solvers.pooled.flips import EnumerationTooLarge, FlipProblem
from fedmech.solvers.pooled.merging import MergeSearch, compiled_extend, extend
from fedmech.solvers.pooled.plain import PlainSearch
from hypothesis import given, settings


def random_flips(rng: Numbers) -> tuple[FlipProblem, float]:
    """Flips of a consistent problem: what a flip loses follows from its money, its score and its group's price."""
    size, price = int(rng.integers(0, 11)), int(rng.integers(0, 4))
    groups = rng.integers(-1, 3, size) if rng.random() < 0.8 else np.zeros(size, dtype=np.int64)
    unit = 8.0
    charges = {g: int(rng.choice([0, 0, 3, 7])) for g in range(3)}
    count = rng.choice([-2, -1, -1, 1, 1, 2], size)
    money = rng.integers(-9, 10, size)
    loss = rng.integers(0, 12, size)
    # D v = D-fold score: what makes up the loss, given money, count and the group's price.
    charge = np.array([charges.get(int(g), 0) for g in groups], dtype=np.int64)
    score = price * money + charge * count - loss
    present = {int(g) for g in groups if g >= 0}
    room = {g: int(rng.integers(0, 3)) for g in present}
    flips = FlipProblem(
        groups,
        money,
        score,
        count,
        loss / unit,
        room,
        {g: charges[g] / unit for g in present},
        int(rng.integers(-12, 20)),
    )
    return flips, float(rng.integers(0, 40)) / unit


def by_every_subset(flips: FlipProblem, limit: float) -> int | None:
    best = None
    size = len(flips.groups)
    for flags in itertools.product((False, True), repeat=size):
        taken = np.array(flags, dtype=bool)
        if flips.money[taken].sum() > flips.money_room:
            continue
        lost = flips.loss[taken].sum()
        rises = {g: int(flips.count[taken & (flips.groups == g)].sum()) for g in flips.room}
        if any(rises[g] > room for g, room in flips.room.items()):
            continue
        lost += sum(flips.unused[g] * (room - rises[g]) for g, room in flips.room.items())
        if lost <= limit:
            gain = int(flips.score[taken].sum())
            best = gain if best is None else max(best, gain)
    return best


def is_possible(flips: FlipProblem, taken: np.ndarray) -> bool:
    fits = flips.money[taken].sum() <= flips.money_room
    return fits and all(flips.count[taken[flips.groups[taken] == g]].sum() <= room for g, room in flips.room.items())


@pytest.mark.parametrize("way", ["plain", "merges", "compiled"])
@settings(max_examples=some(500))
@given(case=made_by(random_flips))
def test_best_flips_of_every_way(way: str, case: tuple[FlipProblem, float]) -> None:
    flips, limit = case
    halves, split = _halves(flips, limit)
    above = limit * (1 + enumeration.ROUNDING_SLACK)
    if way == "plain":
        found = PlainSearch(flips, above, 10**6, Control()).run(halves, split)
    else:
        kernel = extend if way == "merges" else compiled_extend(10**9)
        assert kernel is not None
        found = MergeSearch(flips, above, 10**6, Control(), kernel).run(halves, split)
    best = by_every_subset(flips, limit)
    if best is not None:
        assert found is not None
        assert found[0] >= best
    if found is not None:
        assert flips.score[found[1]].sum() == found[0]
        assert is_possible(flips, found[1])
        # Each half keeps to the limit, both together need not: what is found may lose more, but must be possible.
        most = by_every_subset(flips, np.inf)
        assert most is not None
        assert found[0] <= most


def test_some_flips_are_found_and_some_are_split() -> None:
    reached(made_by(random_flips), lambda case: by_every_subset(*case) is not None and _halves(*case)[1] is not None)


def test_a_search_cut_short_says_so() -> None:
    flips, _ = random_flips(seeded(3))
    halves, split = _halves(flips, 1e9)
    with pytest.raises(EnumerationTooLarge):
        MergeSearch(flips, 1e9, 1, Control(), extend).run(halves, split)
    with pytest.raises(Stopped):
        MergeSearch(flips, 1e9, 10**6, Control(deadline=0.0), extend).run(halves, split)
    with pytest.raises(EnumerationTooLarge):
        best_flips(flips, 1e9, 1)
    with pytest.raises(Stopped):
        best_flips(flips, 1e9, 10**6, Control(deadline=0.0))


def test_money_that_fits_no_word_beside_flips_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the self-test: a budget beyond 2^63 was subtracted from costs in words."""
    monkeypatch.setattr("fedmech.solvers.pooled.enumeration.LEAST", 1)
    monkeypatch.setattr("fedmech.solvers.pooled.leaf.CORE_ITEMS", (1, 2))
    high = 5 * 10**18
    market = Market.build(
        scores=[1, 2, 2, 5],
        costs=[5, high, high, 2 * high - 10**17 - 997],
        groups=["g2", "g1", "g1", "g1"],
        budgets=[4 * high - 10**17 - 994],
    )
    assert solve(market, "opt").value == 9
