"""Methods for the relaxation of large markets beside the proved optimum: ``python lp_at_scale.py ours|dual|pdlp|ipx N [SECONDS]``.

One process a method, the same random market of kind a (10 groups, caps 30 %, budget half). Printed are CPU seconds without generating
it, what the method says the optimum is, what is left when its point is rounded to a set that fits, and the least bound that its
multipliers prove. ``pdlp`` and ``ipx`` are HiGHS's, on floats of order one; ``dual`` is a benchmark of ours in the manner of first-order solvers
of matching problems: ascent with momentum on the dual of the program with a small ridge, rows scaled alike, steps as long as the gradients seen allow,
restarts where the dual falls.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.solve import solve

LAST = 400
"""Passes of `dual`."""


def ours(market, seconds):
    solution = solve(market, "opt", time_limit=seconds)
    assert solution.value is not None
    assert solution.bound is not None
    return {
        "claim": int(solution.value),
        "rounded": int(solution.value),
        "bound": int(solution.bound),
        "proved": solution.exactness == "checked",
    }


def dual(market, seconds):
    v, c, g, k, b = arrays(market)
    rows = np.append(k, b)
    scale = np.append(np.sqrt(np.bincount(g, minlength=len(k))), np.linalg.norm(c))
    ridge, y, momentum, step = 1e-3, np.zeros(len(rows)), np.zeros(len(rows)), 0.0
    old, age, best = None, 0, (np.inf, y)
    begun = time.process_time()
    for _ in range(LAST):
        price = momentum / scale
        q = v - price[-1] * c - price[:-1][g]
        x = np.clip(q / ridge, 0, 1)
        value = price @ rows + float(x @ q) - ridge / 2 * float(x @ x)
        slope = (rows - np.append(np.bincount(g, x, len(k)), c @ x)) / scale
        bound = price @ rows + float(np.maximum(q, 0).sum())
        best = min(best, (bound, price.copy()), key=lambda pair: pair[0])
        if old is not None and (moved := float(np.linalg.norm(momentum - old[0]))) > 0:
            bend = float(np.linalg.norm(slope - old[1])) / moved
            step = min(1 / bend, 2 * step) if bend else step
            age = 0 if value > old[2] else age
        old = (momentum, slope, value)
        step = step or 1 / float(np.linalg.norm(slope))
        after = np.maximum(momentum - step * slope, 0)
        momentum, y, age = np.maximum(after + age / (age + 3) * (after - y), 0), after, age + 1
        if time.process_time() - begun > seconds:
            break
    price = best[1]
    q = v - price[-1] * c - price[:-1][g]
    x = np.clip(q / ridge, 0, 1)
    return {"claim": float(v @ x), "violation": violation(x, c, g, k, b), "x": x, "price": price}


def highs(market, seconds, method):
    import highspy

    v, c, g, k, b = arrays(market)
    n, level, big = len(v), len(k), highspy.kHighsInf
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n, level + 1
    model.col_cost_, model.col_lower_, model.col_upper_ = -v, np.zeros(n), np.ones(n)
    model.row_lower_, model.row_upper_ = np.full(level + 1, -big), np.append(k, b)
    model.a_matrix_.start_ = np.arange(0, 2 * n + 1, 2)
    model.a_matrix_.index_ = np.stack([g, np.full(n, level)], axis=1).ravel()
    model.a_matrix_.value_ = np.stack([np.ones(n), c], axis=1).ravel()
    solver = highspy.Highs()
    for name, value in (
        ("solver", method),
        ("time_limit", seconds),
        ("threads", 1),
        ("output_flag", False),
        ("run_crossover", "off"),
    ):
        solver.setOptionValue(name, value)
    solver.passModel(model)
    solver.run()
    solution = solver.getSolution()
    x = np.clip(np.array(solution.col_value), 0, 1) if solution.value_valid else np.zeros(n)
    price = np.maximum(-np.array(solution.row_dual), 0) if solution.dual_valid else np.zeros(level + 1)
    status = solver.modelStatusToString(solver.getModelStatus())
    return {"claim": float(v @ x), "violation": violation(x, c, g, k, b), "x": x, "price": price, "status": status}


def arrays(market):
    """Numbers of order one."""
    v, c = (np.asarray(column, dtype=np.float64) / 1e6 for column in (market.scaled.scores, market.scaled.needed_costs))
    return v, c, market.group_of, market.group_totals.astype(np.float64), market.scaled.total_budget / 1e6


def violation(x, c, g, k, b):
    used = np.append(np.bincount(g, x, len(k)), c @ x)
    return float(max(0.0, ((used - np.append(k, b)) / np.append(k, b)).max()))


def judged(market, found):
    """Round a point to a set that fits, and prices to a bound, in whole numbers."""
    scores, costs = (
        np.asarray(column, dtype=np.int64) for column in (market.scaled.scores, market.scaled.needed_costs)
    )
    g, totals, left = market.group_of, market.group_totals, int(market.scaled.total_budget)
    # The surest first, of equals those of greatest ratio; then all others that still fit.
    x, price = found.pop("x"), found.pop("price")
    order = np.lexsort((costs / scores, -np.round(x, 3)))
    rank = np.empty(len(order), dtype=np.int64)
    by_group = np.argsort(g[order], kind="stable")
    sizes = np.bincount(g, minlength=len(totals))
    rank[by_group] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    order = order[(rank < totals[g[order]]) & (x[order] > 0)]
    spent = np.cumsum(costs[order])
    inside = order[: int(np.searchsorted(spent, left, side="right"))]
    unit = 1 << 30
    prices = [round(p * unit) for p in price.tolist()]
    q = unit * scores - prices[-1] * costs - np.array(prices[:-1])[g] * 10**6
    bound = (
        prices[-1] * left
        + sum(p * 10**6 * int(t) for p, t in zip(prices[:-1], totals.tolist(), strict=True))
        + sum(int(part.sum()) for part in np.array_split(np.maximum(q, 0), 1 + len(q) // 1000))
    )
    return found | {"rounded": int(scores[inside].sum()), "bound": bound // unit, "claim": found["claim"] * 1e6}


def main() -> None:
    name, n, seconds = sys.argv[1], int(float(sys.argv[2])), float(sys.argv[3]) if len(sys.argv) > 3 else 600.0
    market = generate_market("a", n, seed=1)
    begun = time.process_time()
    found = (
        ours(market, seconds)
        if name == "ours"
        else dual(market, seconds)
        if name == "dual"
        else highs(market, seconds, name)
    )
    spent = time.process_time() - begun
    found = found if name == "ours" else judged(market, found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"method": name, "n": n, "cpu_seconds": round(spent, 2), "peak_gib": round(memory, 2), **found}))


if __name__ == "__main__":
    main()
