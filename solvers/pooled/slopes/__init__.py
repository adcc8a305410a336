"""Scores that follow costs: the optimum meets a bound that only counts items, and exchanges find a set that costs just so much.

*Problem.* That of :mod:`fedmech.solvers.pooled`, where ``q v_i = p c_i + d_i`` with few different ``d_i``: one (strongly correlated
knapsacks and their inverse, subset sums), or two beside 0 (multiple strongly correlated, profit ceiling). Every price of money
leaves many items tied, so no core decides anything; but what a set is worth depends on its cost and on how many items of each
class it holds, not on which. The families are Pisinger's (Where are the hard knapsack problems?, 2005); the algorithm is ours.

1. *Slope* (`detect`). Pairs of a few items propose ``p/q``; a sample has to agree, then all items, exactly. Anything else is seen
   after a few items and left to the other methods.
2. *Border* (`border`). The most items that fit into B, the cheapest first (``d >= 0``) or the dearest first (``d < 0``). Only those
   between two costs that a sample shows are sorted.
3. *Bound* (`single`). ``d >= 0``: k fit, and ``p B + k d`` bounds ``q v``; more do not fit, which a price of money above ``p/q``
   shows. ``d < 0``: up to k items are worth no more than the k dearest, and with more ``p B + (k + 1) d`` bounds ``q v``. Two leaves
   by the number of items, with no search in either. Bounds are rounded down to what divides the scores.
4. *Exchange* (`change`). From the first k (or k + 1) items, one exchange, two or four make the set cost exactly what the bound needs:
   exchanges of two disjoint parts of the items are listed, ordered by what they change, and joined by a binary search.
5. *Staircase* (`stairs`). With two positive ``d``, the cheapest items of both classes fit for counts on one side of a staircase, and
   ``p B + n_1 d_1 + n_2 d_2`` at its best corner bounds ``q v``. Every corner that attains the bound is tried with exchanges within
   each class, and with items of the class of ``d = 0``, which may come alone.
6. *Limits* (`limited`). With two classes and limits that bind, or where 5 finds no set, the best excess ``d(x)`` of all sets that fit
   is a problem of the same sort, of few different scores, which multipliers close; ``p B + d(x)`` bounds ``q v``, and exchanges within
   a class and a group spend the money.
7. *End*. Is there no such set, or does it break a limit, nothing is said, and the other methods go on. Limits of groups that a
   sample shows to bind are seen in 1.

==================  ==============================================================================================
``p q``             `detect.Slope`: ``price``, ``scale``
``d``               ``offsets``, ``classes``; `stairs.Stairs`: ``gain``
``k``, ``c(x)``     `border.Border`: ``count``, ``cost``
the optimum         `single.SlopeOptimum`: ``chosen``, ``value``, and ``leaves`` or ``proof``
==================  ==============================================================================================

*Exactness.* Integers: ``int64`` where the slope times the largest entries fits, Python integers elsewhere. Floating point and
samples choose what to look at. The leaves are a proof of kind ``tree``, which both checkers of trees follow; the proof of 5 is of
kind ``staircase``, whose checkers rebuild the staircase from the slope alone, that of 6 of kind ``lattice``, which holds the leaves of
the excess.
"""

from __future__ import annotations

from ...control import Control
from ..lattice.cuts import Inner
from ..problem import PooledProblem
from .detect import find_slope
from .limited import solve_limited
from .single import SlopeOptimum, solve_single
from .stairs import solve_stairs

__all__ = ["SlopeOptimum", "close_by_slope"]


def close_by_slope(
    problem: PooledProblem, step: int, control: Control, inner: Inner | None = None
) -> SlopeOptimum | None:
    """Return the optimum and its proof where scores follow costs and the bound is met; else None.

    Parameters
    ----------
    problem : PooledProblem
        No item costs more than the budget, which is a multiple of what divides the costs.
    step : int
        Common divisor of the scores.
    control : Control
        Nothing is returned once time is up.
    inner : callable, optional
        Solves a problem of few different scores by multipliers; without it 6 is left out.
    """
    found = find_slope(problem)
    if found is None or control.expired():
        return None
    slope, offsets, classes, limited = found
    if classes is None:
        closed = solve_single(problem, slope, int(offsets[0]), step, control)
        return closed if closed is not None and problem.placeable(closed.chosen) else None
    closed = None if limited else solve_stairs(problem, slope, offsets, classes, step, control)
    if closed is None and inner is not None:
        closed = solve_limited(problem, slope, offsets, classes, step, inner, control)
    return closed
