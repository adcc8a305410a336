"""Packing sets of several purses, against all ways to choose them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from campaign import thorough
from drawing import Numbers, generators
from fedmech.models.exact import INT64_SAFE, python_integers
from fedmech.solvers.proofs import disjoint_sets
from fedmech.solvers.proofs.disjoint_sets import can_pack, unhired_loss
from fedmech.solvers.proofs.proof import ProofTooLarge
from fedmech.solvers.proofs.purse_sets import Sets, packed
from hypothesis import given, settings


def as_sets(rows: np.ndarray, losses: np.ndarray, sure: list[int], half: int = 0) -> Sets:
    """The sets of one purse, listed in two halves of the workers; `sure` are in all of them."""
    workers, each = np.setdiff1d(np.arange(rows.shape[1]), sure), np.arange(len(rows))
    first, second = workers[:half], workers[half:]
    return Sets(np.array(sure, dtype=np.int64), first, second, rows[:, first], rows[:, second], each, each, losses)


def least_loss(lists: list[tuple[np.ndarray, np.ndarray, int]], price: list[int]) -> int | None:
    """The least loss of disjoint sets, one for each purse, and of those whom nobody hires; by looking at all choices."""
    purses = [(rows, losses) for rows, losses, copies in lists for _ in range(copies)]
    best = None
    for choice in product(*(range(len(rows)) for rows, _ in purses)):
        hired = sum(rows[at].astype(int) for at, (rows, _) in zip(choice, purses, strict=True))
        if np.any(hired > 1):
            continue
        loss = sum(int(losses[at]) for at, (_, losses) in zip(choice, purses, strict=True))
        loss += sum(x for x, times in zip(price, np.asarray(hired).tolist(), strict=True) if not times)
        best = loss if best is None else min(best, loss)
    return best


@pytest.mark.parametrize("unit", thorough([1, INT64_SAFE // 20, 10**30], (10**30).__eq__))
@pytest.mark.parametrize("counting", [0, disjoint_sets.WORTH_COUNTING])
def test_sets_are_packed_at_the_least_loss_and_no_less(
    unit: int, counting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disjoint_sets, "WORTH_COUNTING", counting)

    @settings(max_examples=60)
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        workers = int(rng.integers(1, 6))
        lists, given = [], []
        for _ in range(int(rng.integers(1, 4))):
            rows = np.unique(rng.random((int(rng.integers(1, 6)), workers)) < 0.35, axis=0)
            sure = np.flatnonzero(rows.all(axis=0))[:1].tolist()
            losses = rng.integers(0, 6, len(rows))
            copies = int(rng.integers(1, 3))
            lists.append((rows, python_integers(losses) * unit, copies))
            column = losses * unit if 20 * unit <= INT64_SAFE else python_integers(losses) * unit
            one = as_sets(rows, column, sure, int(rng.integers(0, workers + 1)))
            given.append((one, copies))
            prices = (python_integers(rng.integers(0, 9, workers)) * unit).tolist()
            outside = [sum(x for x, hired in zip(prices, row, strict=True) if not hired) for row in rows]
            found = unhired_loss(one, packed(prices), sum(prices))
            assert found.tolist() == [int(loss) + rest for loss, rest in zip(column, outside, strict=True)]
        price = rng.integers(0, 4, workers)
        best = least_loss(lists, [int(x) * unit for x in price])
        column = price * unit if 20 * unit <= INT64_SAFE else python_integers(price) * unit
        for gap in {at + step for at in range(0, 16 * unit, unit) for step in (-1, 0)} - {-1}:
            assert can_pack(given, column, gap, lambda: None) == (best is not None and best <= gap)

    holds()


def test_partial_packings_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One purse with one set: nothing packed, and the set packed."""
    one = as_sets(np.ones((1, 1), dtype=bool), np.zeros(1, dtype=np.int64), [])
    monkeypatch.setattr(disjoint_sets, "MOST_NODES", 2)
    looked: list[int] = []
    assert can_pack([(one, 1)], np.zeros(1, dtype=np.int64), 0, lambda: looked.append(1))
    assert len(looked) == 3
    monkeypatch.setattr(disjoint_sets, "MOST_NODES", 1)
    with pytest.raises(ProofTooLarge):
        can_pack([(one, 1)], np.zeros(1, dtype=np.int64), 0, lambda: None)


@pytest.mark.parametrize("workers", [63, 64, 65, 127, 128, 129])
@settings(max_examples=40)
@given(rng=generators)
def test_sets_are_told_apart_by_every_word(workers: int, rng: Numbers) -> None:
    """Ranges of workers, many of them alike but for one worker at either end of a word."""
    ends = sorted({0, 1, 62, 63, 64, 65, workers - 1, workers} & {*range(workers + 1)})
    lists = []
    for _ in range(2):
        rows = np.zeros((6, workers), dtype=bool)
        for row in rows:
            low, high = sorted(rng.sample(ends, 2))
            row[low:high] = True
        lists.append((rows, rng.integers(0, 4, 6), int(rng.integers(1, 3))))
    price = rng.integers(0, 2, workers) * rng.integers(0, 2)
    best = least_loss(lists, price.tolist())
    given = [(as_sets(rows, losses, [], workers // 2), copies) for rows, losses, copies in lists]
    if best is None:
        assert not can_pack(given, price, 10**6, lambda: None)
        return
    assert can_pack(given, price, best, lambda: None)
    assert not best or not can_pack(given, price, best - 1, lambda: None)


def test_a_purse_without_sets_beside_one_with() -> None:
    one = as_sets(np.ones((1, 1), dtype=bool), np.zeros(1, dtype=np.int64), [])
    none = one.keep(np.zeros(1, dtype=bool))
    for lists in ([(one, 1), (none, 1)], [(none, 1), (one, 1)]):
        assert not can_pack(lists, np.zeros(1, dtype=np.int64), 10, lambda: None)


@pytest.mark.parametrize("loss", [1, 2**62, 2**70])
def test_what_one_purse_cannot_lose_goes_whatever_the_others_keep(loss: int) -> None:
    dear = as_sets(np.array([[True], [False]]), packed([0, loss]), [])
    free = as_sets(np.array([[True], [False]]), packed([0, 0]), [])
    for lists in ([(dear, 1), (free, 1)], [(free, 1), (dear, 1)]):
        assert can_pack(lists, packed([loss]), 0, lambda: None)
        assert can_pack([*lists, (dear, 1)], packed([loss]), loss, lambda: None)
        assert not can_pack([*lists, (dear, 1)], packed([loss]), loss - 1, lambda: None)


@pytest.mark.parametrize("counting", [0, 2, 3, disjoint_sets.WORTH_COUNTING])
def test_a_worker_who_costs_just_what_may_be_lost_may_be_left_out(
    counting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hires the first worker takes all that the other purse can have."""
    monkeypatch.setattr(disjoint_sets, "WORTH_COUNTING", counting)
    rows = np.zeros((2, 3, 5), dtype=bool)
    for purse, sets in enumerate((([3], [4], [0, 1, 2]), ([1], [2], [0, 3, 4]))):
        for row, members in zip(rows[purse], sets, strict=True):
            row[members] = True
    lists = [(as_sets(one, np.zeros(3, dtype=np.int64), []), 1) for one in rows]
    for gap in (4, 5):
        assert can_pack(lists, packed([5, 0, 0, 0, 0]), gap, lambda: None) == (gap == 5)
