"""Random procurement markets, by the kind of their numbers; caps, seats and budgets are drawn freely for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import Any

from .case import SOCIAL, Case, Document, Setting, literal
from .constants import draw_constants
from .states import FAMILIES as STATES

__all__ = ["FAMILIES", "PROBLEMS", "draw_case"]

Columns = tuple[list[Any], list[Any]]
"""Scores and costs; Fractions, integers, or floats that stay floats."""

PROBLEMS = {"opt": 32, "opt-sep": 28, "orp": 7, "opt-frac": 8, "cover": 10, SOCIAL: 15}
"""By name: how often they are drawn."""

FAMILIES: dict[str, Callable[[random.Random, int], Columns]] = {}
"""By name: scores and costs of so many workers."""


def _family(name: str) -> Callable[[Callable[[random.Random, int], Columns]], Any]:
    def add(function: Callable[[random.Random, int], Columns]) -> Any:
        FAMILIES[name] = function
        return function

    return add


def _several(n: int, one: Callable[[], Any]) -> list[Any]:
    return [one() for _ in range(n)]


@_family("uniform")
def _uniform(draw: random.Random, n: int) -> Columns:
    top = draw.choice([9, 100, 10**4, 10**6])
    return _several(n, lambda: draw.randint(1, top)), _several(n, lambda: draw.randint(0, top))


@_family("ties")
def _ties(draw: random.Random, n: int) -> Columns:
    scores, costs = draw.choice([[1], [1, 2], [1, 2, 3], [6]]), draw.choice([[1], [0, 1], [1, 2], [2, 4, 6]])
    return _several(n, lambda: draw.choice(scores)), _several(n, lambda: draw.choice(costs))


@_family("zeros")
def _zeros(draw: random.Random, n: int) -> Columns:
    share = draw.choice([0.3, 0.8, 1.0])
    return (
        _several(n, lambda: draw.randint(1, 20)),
        _several(n, lambda: 0 if draw.random() < share else draw.randint(1, 20)),
    )


@_family("few kinds")
def _few_kinds(draw: random.Random, n: int) -> Columns:
    # Rules that need enough equal workers begin at 16.
    copies = draw.choice([(10, 40), (15, 18), (15, 18)])
    return _kinds(draw, draw.randint(1, 3) if copies[1] > 18 else 1, copies, draw.randint(0, 5))


@_family("hundreds of equals")
def _hundreds(draw: random.Random, n: int) -> Columns:
    return _kinds(draw, draw.choice([1, 1, 2]), (100, 400), draw.randint(0, 4))


def _kinds(draw: random.Random, kinds: int, copies: tuple[int, int], others: int) -> Columns:
    """A few kinds of many equal workers, and others of about the same ratio."""
    top = draw.choice([6, 30, 1000, 10**6])
    scale = draw.choice([1, 1, 1, Fraction(1, 7), 10**12])
    pairs: list[tuple[Any, Any]] = []
    for _ in range(kinds):
        pairs += [(draw.randint(1, top), draw.randint(0, top))] * draw.randint(*copies)
    if draw.random() < 0.3:
        # Kinds of one ratio.
        base = pairs[0]
        pairs = [
            (base[0] * k, base[1] * k)
            for k in (draw.choice([1, 2, 3]) for _ in range(kinds))
            for _ in range(draw.randint(*copies))
        ]
    for _ in range(others):
        v, c = draw.choice(pairs)
        pairs.append((max(1, v + draw.randint(-2, 2)), max(0, c + draw.randint(-2, 2))))
    draw.shuffle(pairs)
    return [v * scale for v, _ in pairs], [c * scale for _, c in pairs]


@_family("strongly correlated")
def _correlated(draw: random.Random, n: int) -> Columns:
    top = draw.choice([20, 1000, 10**6])
    costs = _several(n, lambda: draw.randint(1, top))
    return [c + max(1, top // 10) + draw.choice([0, 0, -1, 1]) for c in costs], costs


@_family("inversely correlated")
def _inverse(draw: random.Random, n: int) -> Columns:
    top = draw.choice([20, 1000, 10**6])
    scores = _several(n, lambda: draw.randint(1, top))
    return scores, [v + top // 10 + draw.choice([0, 0, 1]) for v in scores]


@_family("subset sum")
def _subset_sum(draw: random.Random, n: int) -> Columns:
    top, even = draw.choice([10, 1000, 10**9]), draw.choice([1, 2])
    costs = _several(n, lambda: even * draw.randint(1, top))
    factor = draw.choice([1, 1, 3, Fraction(1, 3)])
    return [factor * c for c in costs], costs


@_family("along a curve")
def _curve(draw: random.Random, n: int) -> Columns:
    top, power = draw.choice([20, 60, 400]), draw.choice([0, 0, 0.5, 0.7, 2])
    costs = _several(n, lambda: draw.randint(1, top))
    return [max(1, round(10 * c**power)) for c in costs], costs


@_family("equal ratios, many magnitudes")
def _magnitudes(draw: random.Random, n: int) -> Columns:
    exponents = draw.choice([[0, 1, 2], [0, 9, 18], [0, 30, 60], [-30, 0, 30], [-200, 0, 200]])
    costs = _several(n, lambda: draw.choice([7, 11, 13, 17, 19, 23]) * Fraction(10) ** draw.choice(exponents))
    return [c * draw.choice([1, 1, 1, 2]) for c in costs], costs


@_family("tiny")
def _tiny(draw: random.Random, n: int) -> Columns:
    unit = Fraction(1, 10 ** draw.choice([9, 18, 30, 200]))
    return _several(n, lambda: unit * draw.randint(1, 50)), _several(n, lambda: unit * draw.randint(0, 50))


@_family("huge")
def _huge(draw: random.Random, n: int) -> Columns:
    top = 10 ** draw.choice([12, 17, 18, 19, 30, 60, 310])
    return _several(n, lambda: draw.randint(1, top)), _several(n, lambda: draw.randint(0, top))


@_family("about a power of two")
def _powers(draw: random.Random, n: int) -> Columns:
    power = draw.choice([31, 32, 40, 52, 53, 61, 62, 63, 64])

    def near() -> int:
        return max(1, (2**power + draw.randint(-3, 3)) // draw.choice([1, 1, max(1, n), 2, 3]))

    one_sided = draw.random()
    small = _several(n, lambda: draw.randint(1, 20))
    if one_sided < 0.3:
        return _several(n, near), small
    if one_sided < 0.6:
        return small, _several(n, near)
    return _several(n, near), _several(n, near)


@_family("scores beyond a word")
def _wide_scores(draw: random.Random, n: int) -> Columns:
    top = draw.choice([20, 1000])
    factor = draw.choice([10**30, 10**18, 2**62, 10**30 + 57])
    return _several(n, lambda: factor * draw.randint(1, top)), _several(n, lambda: draw.randint(0, top))


@_family("costs beyond a word")
def _wide_costs(draw: random.Random, n: int) -> Columns:
    n = min(n, 40)
    return (
        _several(n, lambda: draw.randint(1, 100)),
        _several(n, lambda: Fraction(draw.randint(0, 10**30), draw.choice([10**29, 10**29 + 319, 10**28 + 331]))),
    )


@_family("long fractions")
def _long(draw: random.Random, n: int) -> Columns:
    n, digits = min(n, 24), draw.choice([5, 15, 30])
    low, high = 10 ** (digits - 1), 10**digits

    def fraction() -> Fraction:
        return Fraction(draw.randint(1, high), draw.randint(low, high))

    costs = _several(n, fraction)
    return (list(costs) if draw.random() < 0.3 else _several(n, fraction)), costs


@_family("floats")
def _floats(draw: random.Random, n: int) -> Columns:
    high = draw.choice([1.0, 10.0, 1e6, 1e-6, 1e17])
    scores: list[Any] = _several(n, lambda: draw.random() * high + 1e-9)
    if draw.random() < 0.5:
        scores = _several(n, lambda: draw.randint(1, 100))
    return scores, _several(n, lambda: draw.random() * draw.choice([1.0, high]))


def draw_case(draw: random.Random, problems: Collection[str] = ()) -> tuple[str, Case]:
    """Draw a family and a case of it; only of these problems, if any are named."""
    weights = {problem: weight for problem, weight in PROBLEMS.items() if not problems or problem in problems}
    problem = draw.choices(list(weights), list(weights.values()))[0]
    if problem == SOCIAL:
        name = draw.choice(list(STATES))
        return name, Case(SOCIAL, STATES[name](draw))
    name = draw.choice(list(FAMILIES))
    size = draw.random()
    n = draw.randint(1, 9) if size < 0.7 else draw.randint(10, 24) if size < 0.93 else draw.randint(25, 120)
    if problem == "cover":
        n = min(n, 14)
    scores, costs = FAMILIES[name](draw, n)
    if problem == "cover" and len(scores) > 60:
        scores, costs = scores[:60], costs[:60]
    setting = Setting(constants=draw_constants(draw)) if draw.random() < 0.25 else Setting()
    return name, Case(problem, _market(draw, scores, costs, problem == "cover"), setting)


def _market(draw: random.Random, scores: list[Any], costs: list[Any], covering: bool) -> Document:
    n = len(scores)
    groups = [f"g{l}" for l in range(draw.choice([1, 1, 2, 2, 3, 3, 4, 7]))]
    # Equal workers in one group, or each anywhere.
    by_kind = {pair: draw.choice(groups) for pair in zip(map(str, scores), map(str, costs), strict=True)}
    together = draw.random() < 0.6
    workers = [
        {
            "id": f"w{i}",
            "group": by_kind[str(v), str(c)] if together else draw.choice(groups),
            "score": v if isinstance(v, float) else literal(Fraction(v)),
            "cost": c if isinstance(c, float) else literal(Fraction(c)),
        }
        for i, (v, c) in enumerate(zip(scores, costs, strict=True))
    ]
    if covering:
        _cover(draw, workers)
    requesters: list[dict[str, Any]] = [
        {"id": f"r{j}", "budget": budget} for j, budget in enumerate(_budgets(draw, costs))
    ]
    m = len(requesters)
    for row, seats in zip(requesters, _seats(draw, n, m), strict=True):
        if seats is not None:
            row["seats"] = seats
    document: Document = {"format": "fedmech-market/1", "workers": workers, "requesters": requesters}
    if not covering and draw.random() < 0.15:
        caps = _reached(draw, workers, groups, scores, costs, requesters)
    else:
        caps = _caps(draw, workers, groups, m)
    document["caps"] = [
        {"group": group, "requester": f"r{j}", "cap": cap}
        for group, row in zip(groups, caps, strict=True)
        for j, cap in enumerate(row)
        if cap is not None
    ]
    document["groups"] = groups
    return document


def _cover(draw: random.Random, workers: list[dict[str, Any]]) -> None:
    regions = draw.randint(1, 5)
    style = draw.choice(["integers", "zero or one", "fractions", "wide", "kinds"])
    rows = [[draw.randint(0, 9) for _ in range(regions)] for _ in range(3)]
    for row in workers:
        if style == "kinds" or len(workers) > 20:
            row["coverage"] = list(draw.choice(rows))
        elif style == "integers":
            row["coverage"] = [draw.randint(0, 9) for _ in range(regions)]
        elif style == "zero or one":
            row["coverage"] = [draw.randint(0, 1) for _ in range(regions)]
        elif style == "fractions":
            row["coverage"] = [
                literal(Fraction(draw.randint(0, 10**30), 10**29 + draw.choice([319, 1221, 1]))) for _ in range(regions)
            ]
        else:
            row["coverage"] = [draw.choice([0, 1, 10**30, 2**62]) * draw.randint(0, 9) for _ in range(regions)]


def _budgets(draw: random.Random, costs: Sequence[Any]) -> list[Any]:
    m = draw.choice([1, 1, 2, 2, 2, 3, 3, 4])
    exact_costs = [Fraction(str(c)) if isinstance(c, float) else Fraction(c) for c in costs]
    total = sum(exact_costs, Fraction(0))
    unit = min((c for c in exact_costs if c), default=Fraction(1))
    style = draw.choice(["share", "share", "share", "subset", "subset", "tiny", "huge", "zero"])
    if style == "share":
        pooled = total * Fraction(draw.choice([5, 10, 25, 45, 50, 75, 90]), 100)
        if all(c.denominator == 1 for c in exact_costs) and draw.random() < 0.8:
            pooled = Fraction(round(pooled))
    elif style == "subset":
        # What some of them cost together, or a little less or more.
        pooled = sum((c for c in exact_costs if draw.random() < 0.4), Fraction(0))
        pooled = max(
            Fraction(0), pooled + draw.choice([0, 0, 1, -1]) * unit * draw.choice([Fraction(1), Fraction(1, 10**9)])
        )
    elif style == "tiny":
        pooled = unit * draw.choice([1, 2, Fraction(1, 2)])
    elif style == "huge":
        pooled = total * draw.choice([1, 2, 10**20]) + 1
    else:
        pooled = Fraction(0)
    weights = [draw.choice([1, 1, 1, 2, 5, 0]) for _ in range(m)]
    if not any(weights):
        weights[0] = 1
    parts = [pooled * w / sum(weights) for w in weights]
    if pooled.denominator == 1 and draw.random() < 0.7:
        parts = [Fraction(int(part)) for part in parts]
        parts[0] += pooled - sum(parts)
    if any(isinstance(c, float) for c in costs) and draw.random() < 0.7:
        return [float(part) if part < 10**300 else literal(part) for part in parts]
    return [literal(part) for part in parts]


def _seats(draw: random.Random, n: int, m: int) -> list[int | None]:
    style = draw.random()
    if style < 0.5:
        return [None] * m
    tight = max(1, n // (2 * m))
    if style < 0.8:
        return [draw.randint(0, 2 * tight) for _ in range(m)]
    if style < 0.9:
        return [draw.choice([None, 0, 1, tight]) for _ in range(m)]
    return [draw.choice([n, n + 1, 10**9]) for _ in range(m)]


def _caps(draw: random.Random, workers: list[dict[str, Any]], groups: list[str], m: int) -> list[list[int | None]]:
    style = draw.choice(["none", "none", "ones", "share", "share", "share", "mixed", "large"])
    rows: list[list[int | None]] = []
    for group in groups:
        size = sum(row["group"] == group for row in workers)
        share = max(1, size // m)
        choices: dict[str, list[int | None]] = {
            "none": [None],
            "ones": [0, 1, 1],
            "share": [draw.randint(0, share), share, max(0, share - draw.randint(0, 3))],
            "mixed": [None, 0, 1, share, draw.randint(0, size + 1)],
            "large": [size, size + 1, 2**31, 2**40],
        }
        rows.append([draw.choice(choices[style]) for _ in range(m)])
    return rows


def _reached(
    draw: random.Random,
    workers: list[dict[str, Any]],
    groups: list[str],
    scores: list[Any],
    costs: list[Any],
    requesters: list[dict[str, Any]],
) -> list[list[int | None]]:
    """Limits that workers taken by ratio just reach, or miss by one or two."""
    ratio = [Fraction(c) / Fraction(v) for v, c in zip(scores, costs, strict=True)]
    left = sum((Fraction(str(row["budget"])) for row in requesters), Fraction(0))
    counts = dict.fromkeys(groups, 0)
    for i in sorted(range(len(workers)), key=ratio.__getitem__):
        left -= Fraction(costs[i])
        if left < 0:
            break
        counts[workers[i]["group"]] += 1
    rows: list[list[int | None]] = []
    for group in groups:
        row: list[int | None] = [0] * len(requesters)
        for _ in range(max(0, counts[group] - draw.choice([0, 0, 1, 2]))):
            at = draw.randrange(len(row))
            row[at] = (row[at] or 0) + 1
        rows.append(row)
    return rows
