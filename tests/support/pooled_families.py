"""Families of pooled markets: the usual kinds a to d of the knapsack literature, and those that defeat simple methods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from fedmech import Market
from fedmech.solvers.pooled import PooledProblem

RANGE = 10**6


def assemble(rng, scores, costs, *, groups: int = 10, share: float = 0.3, money: float = 0.5) -> PooledProblem:
    """Draw groups; each may have `share` of its size, and the budget is `money` times the cost of the best such set."""
    n = len(scores)
    group = rng.integers(0, groups, n)
    sizes = np.bincount(group, minlength=groups)
    limits = [max(1, int(s * share)) if share < 1 else int(s) for s in sizes]
    order = np.lexsort((-np.asarray(scores, dtype=np.float64), group))
    rank = np.arange(n) - np.concatenate([[0], np.cumsum(sizes)[:-1]])[group[order]]
    best = order[rank < np.asarray(limits)[group[order]]]
    total = sum(int(c) for c in np.asarray(costs, dtype=object)[best]) if n else 0
    return PooledProblem.of(scores, costs, group, limits, int(total * money))


def kind(letter: str, n: int, seed: int = 0, top: int = RANGE, **market) -> PooledProblem:
    """Kinds a (uncorrelated), b (weakly), c (strongly correlated), d (subset sum), i (inverse strongly correlated)."""
    rng = np.random.default_rng(seed)
    costs = rng.integers(1, top + 1, n)
    if letter == "a":
        scores = rng.integers(1, top + 1, n)
    elif letter == "b":
        scores = np.maximum(1, costs + rng.integers(-(top // 10), top // 10 + 1, n))
    elif letter == "c":
        scores = costs + top // 10
    elif letter == "d":
        scores = costs.copy()
    elif letter == "i":
        scores, costs = costs, costs + top // 10
    else:
        raise KeyError(letter)
    return assemble(rng, scores, costs, **market)


def _drawn(n: int, seed: int, draw: Callable, **market) -> PooledProblem:
    rng = np.random.default_rng(seed)
    scores, costs = (np.maximum(1, np.rint(1e4 * draw(rng, n))).astype(np.int64) for _ in range(2))
    return assemble(rng, scores, costs, **market)


def _changed(n: int, seed: int, change: Callable, letter: str = "a", **market) -> PooledProblem:
    problem = kind(letter, n, seed, **market)
    rng = np.random.default_rng(seed + 1)
    scores, costs, budget = change(rng, problem)
    return PooledProblem.of(scores, costs, problem.groups, problem.limits, budget)


def _copies(rng, p: PooledProblem, kinds: int):
    pick = rng.integers(0, kinds, p.n)
    return p.scores[pick], p.costs[pick], p.budget


def _zero(rng, p: PooledProblem, budget: int):
    return p.scores, np.where(rng.random(p.n) < 0.2, 0, p.costs), budget


def _scales(rng, p: PooledProblem):
    big = np.where(rng.random(p.n) < 0.5, 1, 10**9)
    scores = p.scores * big
    return scores, p.costs * np.where(rng.random(p.n) < 0.5, 1, 10**9), p.budget * 10**8


def _powers(rng, p: PooledProblem):
    power = 10 ** rng.integers(0, 13, p.n)
    scores = p.scores.astype(object) * power // 1000 + 1
    costs = p.costs.astype(object) * power // 1000 + 1
    return scores, costs, sum(costs) // 8


def _huge(rng, p: PooledProblem):
    one, two = rng.integers(1, 2**60, p.n).astype(object), rng.integers(1, 2**60, p.n).astype(object)
    return one * 2**40 + p.scores, two * 2**40 + p.costs, int(sum(two)) * 2**40 // 8


def _noisy(rng, p: PooledProblem):
    return p.scores + rng.integers(-500, 501, p.n), p.costs, p.budget


def _ceiling(_, p: PooledProblem):
    return 3 * ((p.costs + 2) // 3), p.costs, p.budget


def _circle(_, p: PooledProblem):
    x = p.costs.astype(float) - 2.0 * RANGE
    scores = np.maximum(1, np.rint(2 / 3 * np.sqrt(np.maximum(0.0, 4.0 * RANGE**2 - x * x)))).astype(np.int64)
    return scores, p.costs, p.budget


FAMILIES: dict[str, Callable[[int, int], PooledProblem]] = {
    "a": lambda n, s: kind("a", n, s),
    "b": lambda n, s: kind("b", n, s),
    "c": lambda n, s: kind("c", n, s),
    "d": lambda n, s: kind("d", n, s),
    "c, loose caps": lambda n, s: kind("c", n, s, share=1, money=0.3),
    "c, small budget": lambda n, s: kind("c", n, s, money=0.02),
    "c, loose caps, small budget": lambda n, s: kind("c", n, s, share=1, money=0.01),
    "c, middling caps": lambda n, s: kind("c", n, s, share=0.6, money=0.3),
    "inverse c": lambda n, s: kind("i", n, s),
    "inverse c, loose caps": lambda n, s: kind("i", n, s, share=1),
    "almost c": lambda n, s: _changed(n, s, _noisy, "c"),
    "almost c, loose caps": lambda n, s: _changed(n, s, _noisy, "c", share=1, money=0.3),
    "a, loose caps": lambda n, s: kind("a", n, s, share=1, money=0.3),
    "b, loose caps": lambda n, s: kind("b", n, s, share=1, money=0.3),
    "d, loose caps": lambda n, s: kind("d", n, s, share=1, money=0.3),
    "a, one group": lambda n, s: kind("a", n, s, groups=1),
    "b, one group": lambda n, s: kind("b", n, s, groups=1),
    "c, one group": lambda n, s: kind("c", n, s, groups=1),
    "d, one group": lambda n, s: kind("d", n, s, groups=1),
    "a, two groups": lambda n, s: kind("a", n, s, groups=2),
    "a, n/10 groups": lambda n, s: kind("a", n, s, groups=max(2, n // 10)),
    "b, n/100 groups": lambda n, s: kind("b", n, s, groups=max(2, n // 100)),
    "c, n/10 groups": lambda n, s: kind("c", n, s, groups=max(2, n // 10)),
    "a, tiny budget": lambda n, s: kind("a", n, s, money=0.001),
    "lognormal": lambda n, s: _drawn(n, s, lambda rng, k: rng.lognormal(0, 1.5, k)),
    "pareto": lambda n, s: _drawn(n, s, lambda rng, k: 1 + rng.pareto(1.2, k)),
    "pareto, loose caps": lambda n, s: _drawn(n, s, lambda rng, k: 1 + rng.pareto(1.2, k), share=1, money=0.1),
    "numbers 1..3": lambda n, s: kind("a", n, s, top=3),
    "numbers 1..10": lambda n, s: kind("a", n, s, top=10),
    "numbers 1..10, loose caps": lambda n, s: kind("a", n, s, top=10, share=1, money=0.2),
    "numbers 1..100": lambda n, s: kind("a", n, s, top=100),
    "50 kinds": lambda n, s: _changed(n, s, lambda rng, p: _copies(rng, p, 50)),
    "n/10 kinds": lambda n, s: _changed(n, s, lambda rng, p: _copies(rng, p, max(1, p.n // 10))),
    "zero costs": lambda n, s: _changed(n, s, lambda rng, p: _zero(rng, p, p.budget // 2)),
    "zero budget": lambda n, s: _changed(n, s, lambda rng, p: _zero(rng, p, 0)),
    "6 decimals, a": lambda n, s: kind("a", n, s, top=10**9),
    "6 decimals, c": lambda n, s: kind("c", n, s, top=10**9),
    "even numbers, odd budget": lambda n, s: _changed(
        n, s, lambda _, p: (p.scores * 2, p.costs * 2, p.budget * 2 + 1), "d"
    ),
    "two scales": lambda n, s: _changed(n, s, _scales),
    "thirteen scales": lambda n, s: _changed(n, s, _powers),
    "100-bit numbers": lambda n, s: _changed(n, s, _huge),
    "profit ceiling": lambda n, s: _changed(n, s, _ceiling),
    "circle": lambda n, s: _changed(n, s, _circle),
}


def market_of(problem: PooledProblem) -> Market:
    """The problem as the market of two requesters, who share money and places."""
    return Market.build(
        scores=problem.scores,
        costs=problem.costs,
        groups=problem.groups.tolist(),
        group_ids=range(len(problem.limits)),
        budgets=[problem.budget // 3, problem.budget - problem.budget // 3],
        caps=[[k // 2, k - k // 2] for k in problem.limits],
    )
