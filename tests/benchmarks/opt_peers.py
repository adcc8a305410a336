"""One general solver on one pooled problem, in a process of its own: ``python opt_peers.py SOLVER FILE.npz SECONDS``.

Prints ``{"seconds", "value", "proved"}``, seconds of processor time. Run by `opt_tables`, with an interpreter that has the solver;
`ortools` and `highspy` must not share a process.  README.md says how one gets them.  ``ours`` is fedmech, beside ``np.argsort`` of as many floats, with peak memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path

import numpy as np


def highs(v, c, g, k, b, limit):
    """HiGHS on arrays, one binary a worker."""
    import highspy

    n, level = len(v), len(k)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n, level + 1
    model.col_cost_, model.col_lower_, model.col_upper_ = -v.astype(float), np.zeros(n), np.ones(n)
    model.row_lower_ = np.full(level + 1, -highspy.kHighsInf)
    model.row_upper_ = np.append(k.astype(float), float(b))
    model.integrality_ = [highspy.HighsVarType.kInteger] * n
    model.a_matrix_.start_ = np.arange(0, 2 * n + 1, 2)
    model.a_matrix_.index_ = np.stack([g, np.full(n, level)], axis=1).ravel()
    model.a_matrix_.value_ = np.stack([np.ones(n), c.astype(float)], axis=1).ravel()
    solver = highspy.Highs()
    for name, value in (("output_flag", False), ("time_limit", limit), ("mip_rel_gap", 0.0), ("mip_abs_gap", 0.0)):
        assert solver.setOptionValue(name, value) == highspy.HighsStatus.kOk
    solver.passModel(model)
    begun = time.process_time()
    solver.run()
    seconds = time.process_time() - begun
    proved = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return seconds, round(-solver.getInfo().objective_function_value), proved


def literal(v, c, g, k, b, limit):
    """Pyomo's x_ij model for five requesters, handed to HiGHS."""
    from fedmech import Market, solve

    caps = np.stack([k // 5 + (np.arange(5)[j] < k % 5) for j in range(5)], axis=1)
    budgets = [b // 5 + (j < b % 5) for j in range(5)]
    groups = range(len(k))
    market = Market.build(scores=v, costs=c, groups=g.tolist(), group_ids=groups, budgets=budgets, caps=caps)
    begun = time.process_time()
    solution = solve(market, "opt", "pyomo-highs", time_limit=limit, allow_suboptimal=True)
    value = None if solution.objective is None else int(solution.objective)
    return time.process_time() - begun, value, solution.status == "optimal"


def cpsat(v, c, g, k, b, limit):
    """CP-SAT, one Boolean a worker, one thread."""
    from ortools.sat.python import cp_model  # pyright: ignore[reportMissingImports]

    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in v]
    for group, places in enumerate(k.tolist()):
        model.add(sum(x[i] for i in np.flatnonzero(g == group).tolist()) <= places)
    model.add(cp_model.LinearExpr.weighted_sum(x, c.tolist()) <= b)
    model.maximize(cp_model.LinearExpr.weighted_sum(x, v.tolist()))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = limit
    solver.parameters.num_workers = 1
    begun = time.process_time()
    status = solver.solve(model)
    seconds = time.process_time() - begun
    value = round(solver.objective_value) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
    return seconds, value, status == cp_model.OPTIMAL


def scip(v, c, g, k, b, limit):
    """SCIP, one binary a worker."""
    from pyscipopt import Model, quicksum  # pyright: ignore[reportMissingImports]

    model = Model()
    model.hideOutput()
    model.setParam("limits/time", limit)
    x = [model.addVar(vtype="B", obj=-int(value)) for value in v]
    for group, places in enumerate(k.tolist()):
        model.addCons(quicksum(x[i] for i in np.flatnonzero(g == group).tolist()) <= places)
    model.addCons(quicksum(cost * var for cost, var in zip(c.tolist(), x, strict=True)) <= b)
    begun = time.process_time()
    model.optimize()
    seconds = time.process_time() - begun
    value = round(-model.getObjVal()) if model.getNSols() else None
    return seconds, value, model.getStatus() == "optimal"


def exact(v, c, g, k, b, limit):
    """Exact (PyPI ``exact``), a pseudo-Boolean solver."""
    from exact import Exact  # pyright: ignore[reportMissingImports]

    solver = Exact()
    names = [f"x{i}" for i in range(len(v))]
    for name in names:
        solver.addVariable(name)
    for group, places in enumerate(k.tolist()):
        members = [(1, names[i]) for i in np.flatnonzero(g == group).tolist()]
        if len(members) > places:
            solver.addConstraint(members, False, 0, True, places)
    solver.addConstraint(list(zip(c.tolist(), names, strict=True)), False, 0, True, b)
    solver.setObjective(list(zip(v.tolist(), names, strict=True)), False)
    begun = time.process_time()
    state, least = solver.toOptimum(limit)
    # It minimises whatever it is asked for.
    return time.process_time() - begun, -least if state == "SAT" else None, state == "SAT"


def combo(v, c, g, k, b, limit):
    """COMBO by Martello, Pisinger and Toth, for one group whose limit does not bind; ``COMBO_LIBRARY`` names it."""
    assert len(k) == 1
    assert k[0] >= len(v)
    library = ctypes.CDLL(os.environ["COMBO_LIBRARY"])
    library.by_arrays.restype = ctypes.c_long
    numbers = [np.ascontiguousarray(x, dtype=np.int64) for x in (v, c)]
    pointers = [x.ctypes.data_as(ctypes.POINTER(ctypes.c_long)) for x in numbers]
    begun = time.process_time()
    value = library.by_arrays(ctypes.c_long(len(v)), *pointers, ctypes.c_long(b))
    return time.process_time() - begun, int(value), True


def peak_memory(reset=False):
    """Return the most memory in KiB since the last reset; getrusage would count that of the process that started this one."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def ours(v, c, g, k, b, limit):
    """fedmech: the first call, the best of three, argsort beside it; memory beyond the input's; the certificate."""
    from fedmech.solvers.control import Control
    from fedmech.solvers.pooled import PooledProblem, solve_pooled

    problem = PooledProblem.of(v, c, g, k.tolist(), b)
    resting = peak_memory(reset=True)
    begun = time.process_time()
    result = solve_pooled(problem, Control.for_seconds(limit))
    first = seconds = time.process_time() - begun
    peak = peak_memory()
    noise = np.random.default_rng(0).random(len(v))
    sorting = []
    for _ in range(4):
        begun = time.process_time()
        np.argsort(noise)
        sorting.append(time.process_time() - begun)
        if first < 10:
            begun = time.process_time()
            solve_pooled(problem, Control.for_seconds(limit))
            seconds = min(seconds, time.process_time() - begun)
    more = {
        "first": first,
        "argsort": min(sorting),
        "memory": (peak - resting) / 1024,
        "peak": peak / 1024,
        "core": result.core,
        "leaves": len(result.leaves),
        "gap": float(result.bound - result.value),
    }
    return seconds, result.value, result.proved, more


SOLVERS = {
    "ours": ours,
    "highs": highs,
    "cpsat": cpsat,
    "scip": scip,
    "exact": exact,
    "combo": combo,
    "literal": literal,
}

if __name__ == "__main__":
    name, file, limit = sys.argv[1:4]
    data = np.load(file, allow_pickle=True)
    arrays = [data[key] for key in ("v", "c", "g", "k")]
    found = SOLVERS[name](*arrays, int(str(data["b"])), float(limit))
    print(
        json.dumps(
            {"seconds": found[0], "value": found[1], "proved": bool(found[2]), **(found[3] if found[3:] else {})}
        )
    )
