"""Choices among tied workers that spend the money to the last unit: numbers of 40 bits, in both types of columns, of few groups and many."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from fedmech.models.exact import python_integers
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.pooled import PooledProblem, four_lists, solve_pooled
from fedmech.solvers.pooled.leaf_multipliers import LeafMultipliers


def tied(n: int, groups: int, bits: int, seed: int) -> tuple[PooledProblem, LeafMultipliers, np.ndarray]:
    """Scores equal to costs; three tenths of each group are held, and the budget is what half as many more sets cost."""
    rng = np.random.default_rng(seed)
    costs = rng.integers(1, 1 << bits, n)
    group = np.arange(n) // 10 % groups
    base = np.arange(n) % 10 < 3
    limits = np.bincount(group[base], minlength=groups).tolist()
    spent = int(costs[base].sum())
    problem = PooledProblem.of(costs, costs, group, limits, spent + (1 << bits) // 3)
    return problem, LeafMultipliers(0, n, 1, 1, 0, (1,) * groups), base


@pytest.mark.parametrize(("groups", "bits"), [*itertools.product([1, 3, 10], [8, 20]), (3, 48)])
def test_groups_keep_their_counts_in_both_types(groups: int, bits: int) -> None:
    """As many of each group as before, no more money than there is, none left where lists are long enough; and the same in Python integers."""
    problem, multipliers, base = tied(130, groups, bits, groups + bits)
    chosen = four_lists.spend(problem, multipliers, base, np.arange(problem.n), 0, Control())
    assert chosen is not None
    before, after = (np.bincount(problem.groups[x], minlength=groups).tolist() for x in (base, chosen))
    left = problem.budget - problem.cost(chosen)
    assert before == after
    assert left >= 0
    # A range of 48 bits is beyond lists of 2**17: short ones come within some 2**-20 of it all the same.
    assert left == 0 or (bits == 48 and left < problem.budget - problem.cost(base))
    wide = replace(problem, scores=python_integers(problem.scores), costs=python_integers(problem.costs))
    same = four_lists.spend(wide, multipliers, base, np.arange(problem.n), 0, Control())
    assert same is not None
    assert same.tolist() == chosen.tolist()


def test_nothing_fits() -> None:
    """Where every choice is dearer than the budget there is none; without ties there is the base alone."""
    problem, multipliers, base = tied(20, 2, 8, 0)
    poor = PooledProblem.of(problem.scores, problem.costs, problem.groups, problem.limits, 1)
    assert four_lists.spend(poor, multipliers, base, np.arange(20), 0, Control()) is None
    with pytest.raises(Stopped):
        four_lists.spend(problem, multipliers, base, np.arange(20), 0, Control.for_seconds(0.0))
    alone = four_lists.spend(problem, multipliers, base, np.arange(0), 0, Control())
    assert alone is not None
    assert alone.tolist() == base.tolist()


def test_groups_with_places_to_spare_choose_together() -> None:
    """Their places free and enough, workers of one group may take the places of others; of a full group they may not."""
    problem, _, base = tied(120, 3, 8, 1)
    spare = four_lists.LIST_ITEMS
    counts = np.bincount(problem.groups[base]).tolist()
    for more, together in ((spare, True), (spare - 1, False)):
        limits = tuple(c + more for c in counts)
        roomy = PooledProblem.of(problem.scores, problem.costs, problem.groups, limits, problem.budget)
        free = LeafMultipliers(0, 120, 1, 1, 0, (0, 0, 0))
        chosen = four_lists.spend(roomy, free, base, np.arange(120), 0, Control())
        assert chosen is not None
        assert roomy.feasible(chosen)
        assert int(chosen.sum()) == int(base.sum())
        assert (np.bincount(roomy.groups[chosen]).tolist() != counts) == together


@pytest.mark.parametrize(("score", "n", "bits"), [("c", 100, 30), ("d", 200, 30), ("d", 200, 40)])
def test_markets_whose_numbers_are_long(score: str, n: int, bits: int) -> None:
    """Kinds c and d under caps, which took seconds to minutes, or ended without a proof: the bound is met at the first leaf."""
    rng = np.random.default_rng(0)
    costs = rng.integers(1, 1 << bits, n)
    groups = rng.integers(0, 10, n)
    limits = (np.bincount(groups, minlength=10) * 3 // 10).tolist()
    scores = costs + (1 << bits) // 10 if score == "c" else costs
    budget = sum(limits) * (1 << bits) // 3
    result = solve_pooled(PooledProblem.of(scores, costs, groups, limits, budget))
    assert result.proved
    assert len(result.leaves) == 1
    assert result.value == budget + (sum(limits) * ((1 << bits) // 10) if score == "c" else 0)
