"""Cuts until the best whole numbers within them are those of a set."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...control import Control
from ..dual import Grouped
from ..leaf_multipliers import LeafMultipliers
from ..problem import PooledProblem
from ..relaxation import bound_of, complete
from ..slopes.single import SlopeOptimum
from .bases import Bases, find_bases
from .cells import Cells
from .cuts import Cut, Inner, best_points, lattice_proof, written

MOST_CELLS = 1 << 14
"""More cells are not looked at."""

MOST_SLOPES = 1 << 9
"""Edges of more slopes are not looked at."""

MOST_CUTS = 32
"""With more cuts it is given up."""

MOST_POINTS, MOST_EDGES = 8, 2
"""So many points that are worth the same are tried, each from so many edges."""


def close_by_lattice(problem: PooledProblem, step: int, control: Control, inner: Inner) -> SlopeOptimum | None:
    """Return the optimum and its proof, where all items are multiples of two and the bound is met; else None.

    Parameters
    ----------
    problem : PooledProblem
        No item costs more than the budget.
    step : int
        Common divisor of the scores.
    control : Control
        Nothing is returned once time is up.
    inner : callable
        Solves a problem with counts for scores and costs.
    """
    bases = find_bases(problem)
    if bases is None or control.expired():
        return None
    cells = Cells.of(problem, bases)
    slopes = _slopes(cells)
    if len(cells.size) > MOST_CELLS or len(slopes) > MOST_SLOPES:
        return None
    edges = [Cut(*slope, _worth(cells, *slope)) for slope in slopes]
    common = gcd(*bases.costs) or 1
    cuts = [Cut(bases.costs[0] // common, bases.costs[1] // common, problem.budget // common)]
    proved = {cuts[0]: _money(problem, common, cuts[0])}
    while (found := _points(cells, bases, edges, cuts, control)) is not None:
        value, points = found
        for point in points[:MOST_POINTS]:
            chosen = _set_at(cells, edges, point, control)
            if chosen is None:
                chosen = _excluded(problem, bases, point, cuts, proved, inner, control)
            if chosen is not None and problem.placeable(chosen):
                written_cuts = [proved.get(cut) or _edge(problem, bases, cut) for cut in cuts]
                kinds = zip(bases.gains, bases.costs, strict=True)
                return SlopeOptimum(chosen, value, proof=lattice_proof(value, (1, 0), kinds, written_cuts))
            if cuts[-1].within != point[0]:
                return None
    return None


def _points(
    cells: Cells, bases: Bases, edges: list[Cut], cuts: list[Cut], control: Control
) -> tuple[int, list[tuple[int, int]]] | None:
    """Return what the best counts within cuts and edges are worth, and these counts; edges that exclude better ones become cuts."""
    most = cells.counts(cells.size)
    while not control.expired() and len(cuts) <= MOST_CUTS:
        found = best_points(bases.gains, most, cuts)
        if found is None:
            break
        value, points = found
        within = [point for point in points if all(_distance(edge, point) >= 0 for edge in edges)]
        if within:
            return value, within
        cuts.append(min(edges, key=lambda edge: _distance(edge, points[0])))
    return None


def _excluded(
    problem: PooledProblem,
    bases: Bases,
    point: tuple[int, int],
    cuts: list[Cut],
    proved: dict[Cut, dict[str, Any]],
    inner: Inner,
    control: Control,
) -> NDArray[np.bool_] | None:
    """Return a set with such counts; if there is none, append the cut that says so, with its proof.

    With no more than so many of the first base, the most of it and then of the second: a problem with counts for scores and costs.
    """
    first, second = (np.where(bases.kind == at, bases.times, 0) for at in (0, 1))
    steep = int(bases.times.max()) ** 2 + 1
    found = (
        None
        if control.expired()
        else inner(replace(problem, scores=steep * first + second, costs=first, budget=point[0]))
    )
    if found is None:
        return None
    chosen, value, leaves, other = found
    if (int(first[chosen].sum()), int(second[chosen].sum())) == point:
        return chosen
    if value >= steep * point[0] + point[1] or (other is not None and problem.most is not None):
        return None
    cut = Cut(steep, 1, value, point[0])
    kind, body = ("tree", written(problem, leaves)) if other is None else (other.kind, dict(other.body))
    proved[cut] = cut.proved_by(kind, body)
    cuts.append(cut)
    return None


def _set_at(cells: Cells, edges: list[Cut], point: tuple[int, int], control: Control) -> NDArray[np.bool_] | None:
    """Return a set with just such counts, from sets on the nearest edges; nobody of one base is an edge too."""
    sides = [*edges, Cut(-1, 0, 0), Cut(0, -1, 0)]
    for edge in sorted(sides, key=lambda edge: _distance(edge, point))[:MOST_EDGES]:
        if control.expired():
            return None
        held = cells.reach(cells.near(cells.ends(edge.first, edge.second), point), point)
        if held is not None:
            return cells.items(held)
    return None


def _slopes(cells: Cells) -> list[tuple[int, int]]:
    """Return the weights of the two counts at which some item of either base is worth as much as one of the other, or nothing."""
    ones, twos = (np.unique(cells.times[cells.kind == at]).tolist() for at in (0, 1))
    ratios = {Fraction(b, a) for a in ones for b in twos}
    return [(1, 0), (0, 1), *((r.numerator, r.denominator) for r in sorted(ratios))]


def _distance(edge: Cut, point: tuple[int, int]) -> float:
    """How far a point is within a cut, about."""
    return (edge.bound - edge.first * point[0] - edge.second * point[1]) / (abs(edge.first) + abs(edge.second))


def _worth(cells: Cells, one: int, two: int) -> int:
    """The most of the two counts, weighted, that limits allow."""
    weights = np.where(cells.kind == 0, one, two) * cells.times
    return int(cells.best(weights) @ weights)


def _money(problem: PooledProblem, scale: int, cut: Cut) -> dict[str, Any]:
    """Return the cut that all money makes, with its proof: a price of money of one, over what divides both costs."""
    leaf = LeafMultipliers(0, problem.places, scale, 1, 0, (0,) * len(problem.limits))
    return cut.proved_by("tree", written(problem, [leaf]))


def _edge(problem: PooledProblem, bases: Bases, edge: Cut) -> dict[str, Any]:
    """Return a cut with prices of places that prove it."""
    weights = np.where(bases.kind == 0, edge.first, edge.second) * bases.times
    some = np.flatnonzero(weights)
    part = problem.take(some, problem.limits, problem.budget)
    part = PooledProblem(weights[some], part.costs, part.groups, part.limits, part.budget, part.most)
    items = Grouped.of(part)
    multipliers, reduced = complete(part, items.order, items.start, Fraction(0), 0, part.places)
    assert bound_of(part, multipliers, reduced) == edge.bound
    return edge.proved_by("tree", written(problem, [multipliers]))
