"""Every truthful rule at once: is there one, on a grid of bids, that keeps the budget and is within a factor of the optimum?

A deterministic rule that is truthful hires who bids less wherever it hires who bids more, and pays who is hired at least every bid with which it would be (nobody who is not hired is charged). So a rule
on all real bids is, on a grid, a table of who is hired at which profile, in which that is so and in which no two or more bids with which workers are hired beside each other are more than the budget. z3
looks for such a table; that there is none on the grid says that there is no such rule at all. That there is one says nothing of finer grids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from importlib import import_module
from itertools import combinations, product
from typing import Any

__all__ = ["Profile", "best_scores", "table_within"]

Profile = tuple[int, ...]


def _sets(groups: Sequence[int], caps: Sequence[int]) -> list[tuple[int, ...]]:
    """Sets of workers that can be placed."""
    n = len(groups)
    every = (chosen for size in range(n + 1) for chosen in combinations(range(n), size))
    return [S for S in every if all(sum(groups[i] == g for i in S) <= cap for g, cap in enumerate(caps))]


def best_scores(scores: Sequence[int], steps: int, groups: Sequence[int], caps: Sequence[int]) -> dict[Profile, int]:
    """OPT at every profile of bids 0, 1, ..., `steps`, the budget being `steps`."""
    sets = _sets(groups, caps)
    return {
        bids: max(sum(scores[i] for i in S) for S in sets if sum(bids[i] for i in S) <= steps)
        for bids in product(range(steps + 1), repeat=len(scores))
    }


def _moved(bids: Profile, worker: int, bid: int) -> Profile:
    return (*bids[:worker], bid, *bids[worker + 1 :])


def _too_dear(bids: Profile, chosen: tuple[int, ...], steps: int) -> Iterator[tuple[int, ...]]:
    """Least bids, none below those of the profile, that come to more than the budget together."""
    for asked in product(*(range(bids[i], steps + 1) for i in chosen)):
        over = sum(asked) - steps
        if over > 0 and all(over == 1 or bid == bids[i] for i, bid in zip(chosen, asked, strict=True)):
            yield asked


def table_within(
    scores: Sequence[int],
    steps: int,
    factor: Fraction,
    groups: Sequence[int] | None = None,
    caps: Sequence[int] = (),
    seconds: float = 60,
) -> dict[Profile, tuple[int, ...]] | None:
    """Return who is hired at every profile by some truthful, rational rule within the budget and the factor, or None if there is none.

    Raises
    ------
    TimeoutError
        If z3 gives up.
    """
    z3: Any = import_module("z3")
    n = len(scores)
    groups = [0] * n if groups is None else groups
    best = best_scores(scores, steps, groups, caps)
    wins = {(i, bids): "-".join(map(str, ("w", i, *bids))) for i in range(n) for bids in best}
    # Written out and read by z3 at once: a call for every term would take ten times as long.
    lines = [f"(declare-const {name} Bool)" for name in wins.values()]

    def not_all(names: Iterable[str]) -> str:
        return f"(assert (or {' '.join(f'(not {name})' for name in names)}))"

    for bids, most in best.items():
        for i in range(n):
            if bids[i] < steps:
                lines.append(f"(assert (=> {wins[i, _moved(bids, i, bids[i] + 1)]} {wins[i, bids]}))")
        for g, cap in enumerate(caps):
            for S in combinations([i for i in range(n) if groups[i] == g], cap + 1):
                lines.append(not_all(wins[i, bids] for i in S))
        for size in range(2, n + 1):
            for S in combinations(range(n), size):
                for asked in _too_dear(bids, S, steps):
                    lines.append(not_all(wins[i, _moved(bids, i, bid)] for i, bid in zip(S, asked, strict=True)))
        needed = -(-most * factor.denominator // factor.numerator)
        if needed > 0:
            weights = " ".join(map(str, scores))
            lines.append(f"(assert ((_ pbge {needed} {weights}) {' '.join(wins[i, bids] for i in range(n))}))")
    solver = z3.Solver()
    solver.set("timeout", int(1000 * seconds))
    solver.from_string("\n".join(lines))
    answer = str(solver.check())
    if answer == "unknown":
        raise TimeoutError(f"z3 gave up on {tuple(scores)}")
    if answer == "unsat":
        return None
    model = solver.model()
    true = {str(name) for name in model.decls() if z3.is_true(model[name])}
    return {bids: tuple(i for i in range(n) if wins[i, bids] in true) for bids in best}
