"""Packing sets of several purses, against all ways to choose them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from fedmech.models.exact import INT64_SAFE, python_integers
from fedmech.solvers.proofs import disjoint_sets
from fedmech.solvers.proofs.disjoint_sets import can_pack
from fedmech.solvers.proofs.proof import ProofTooLarge
from fedmech.solvers.proofs.purse_sets import Sets


def as_sets(rows: np.ndarray, losses: np.ndarray, sure: list[int]) -> Sets:
    """The sets of one purse, listed in full; `sure` are in all of them."""
    nobody, workers = np.zeros(0, dtype=np.int64), np.setdiff1d(np.arange(rows.shape[1]), sure)
    second = np.zeros((1, 0), dtype=bool)
    each = np.arange(len(rows))
    return Sets(np.array(sure, dtype=np.int64), workers, nobody, rows[:, workers], second, each, 0 * each, losses)


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


@pytest.mark.parametrize("unit", [1, INT64_SAFE // 20, 10**30])
@pytest.mark.parametrize("counting", [0, disjoint_sets.WORTH_COUNTING])
def test_sets_are_packed_at_the_least_loss_and_no_less(
    unit: int, counting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disjoint_sets, "WORTH_COUNTING", counting)
    rng = np.random.default_rng(3)
    packed = 0
    for _ in range(60):
        workers = int(rng.integers(1, 6))
        lists, given = [], []
        for _ in range(int(rng.integers(1, 4))):
            rows = np.unique(rng.random((int(rng.integers(1, 6)), workers)) < 0.35, axis=0)
            sure = np.flatnonzero(rows.all(axis=0))[:1].tolist()
            losses = rng.integers(0, 6, len(rows))
            copies = int(rng.integers(1, 3))
            lists.append((rows, python_integers(losses) * unit, copies))
            column = losses * unit if 20 * unit <= INT64_SAFE else python_integers(losses) * unit
            given.append((as_sets(rows, column, sure), copies))
        price = rng.integers(0, 4, workers)
        best = least_loss(lists, [int(x) * unit for x in price])
        column = price * unit if 20 * unit <= INT64_SAFE else python_integers(price) * unit
        for gap in {at + step for at in range(0, 16 * unit, unit) for step in (-1, 0)} - {-1}:
            assert can_pack(given, column, gap, lambda: None) == (best is not None and best <= gap)
        packed += best is not None
    assert packed > 20


def test_partial_packings_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One purse with one set: nothing packed, and the set packed."""
    one = as_sets(np.ones((1, 1), dtype=bool), np.zeros(1, dtype=np.int64), [])
    monkeypatch.setattr(disjoint_sets, "MOST_NODES", 2)
    assert can_pack([(one, 1)], np.zeros(1, dtype=np.int64), 0, lambda: None)
    monkeypatch.setattr(disjoint_sets, "MOST_NODES", 1)
    with pytest.raises(ProofTooLarge):
        can_pack([(one, 1)], np.zeros(1, dtype=np.int64), 0, lambda: None)
