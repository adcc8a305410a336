"""The theorems once more for a fixed number of workers, over all real numbers, by the SMT solver z3 (extra ``smt``).

Independent of the written proofs: the mechanism is encoded as formulas in the bids, scores and budget, the negation of the property is
added, and z3 has to answer "unsatisfiable". Workers are without caps here, so every worker of the prefix is hired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from itertools import combinations, pairwise, permutations
from typing import Any

__all__ = ["refute_ratio", "refute_truthfulness", "smt_ratios", "smt_truthful"]


def _solver(seconds: float) -> Any:
    z3: Any = import_module("z3")

    solver = z3.Solver()
    solver.set("timeout", int(1000 * seconds))
    return solver


def refute_ratio(
    n: int, cost_share: Fraction = Fraction(1), factor: Fraction | None = None, seconds: float = 60
) -> str:
    """Ask for a market of ``n`` workers, every cost at most ``cost_share * B``, on which DriftPay-CO is worse than a bound.

    Parameters
    ----------
    n : int
    cost_share : Fraction
    factor : Fraction, optional
        Ask for ``OPT >= factor * ALG``; if left out for ``OPT >= (2 + vmax / vmin) ALG``, the closed form. Markets whose workers
        all pass the test (``ALG = OPT``) are left aside.
    seconds : float
        Per case: prefix length times optimal set.

    Returns
    -------
    str
        ``unsat`` if no such market exists, ``sat`` if one does, ``unknown`` if z3 gave up.
    """
    z3: Any = import_module("z3")

    # In units of the budget: B = 1. Workers are numbered in ratio order, so rho is ascending.
    v, rho = z3.Reals(" ".join(f"v{i}" for i in range(n))), z3.Reals(" ".join(f"r{i}" for i in range(n)))
    low, high = z3.Reals("low high")
    base = [low > 0]
    for i in range(n):
        base += [v[i] >= low, v[i] <= high, rho[i] >= 0, rho[i] * v[i] <= z3.RealVal(str(cost_share))]
    base += [rho[i] <= rho[i + 1] for i in range(n - 1)]
    for k in range(1, n):
        score, following = z3.Sum(v[:k]), z3.Sum(v[: k + 1])
        run = [rho[k - 1] * score <= 1, rho[k] * following > 1]
        for size in range(1, n + 1):
            for chosen in combinations(range(n), size):
                best, cost = z3.Sum([v[i] for i in chosen]), z3.Sum([rho[i] * v[i] for i in chosen])
                worse = low * best >= (2 * low + high) * score
                if factor is not None:
                    worse = best >= z3.RealVal(str(factor)) * score
                solver = _solver(seconds)
                solver.add(*base, *run, cost <= 1, worse)
                answer = str(solver.check())
                if answer != "unsat":
                    return answer
    return "unsat"


def smt_ratios(sizes: Sequence[int], cost_share: Fraction = Fraction(1), factor: Fraction | None = None) -> str:
    """Say what z3 answers to :func:`refute_ratio`, or that it is not installed: evidence beside a proof, never instead of one."""
    return _said(sizes, lambda n: refute_ratio(n, cost_share, factor))


def smt_truthful(sizes: Sequence[int]) -> str:
    """Say what z3 answers to :func:`refute_truthfulness`, or that it is not installed."""
    return _said(sizes, refute_truthfulness)


def _said(sizes: Sequence[int], ask: Callable[[int], str]) -> str:
    if find_spec("z3") is None:
        return "z3 is not installed (extra smt)"
    return "counterexample over the reals, no caps: " + ", ".join(f"{ask(n)} for n = {n}" for n in sizes)


def refute_truthfulness(n: int, seconds: float = 60, *, first_price: bool = False) -> str:
    """Ask for a market of ``n`` workers in which worker 1 gains by lying to DriftPay-CO.

    Parameters
    ----------
    n : int
    seconds : float
        Per case: order of the others, and place of the truth and of the lie among them.
    first_price : bool
        Pay the bid instead: then there is one, which shows that the encoding can fail.

    Returns
    -------
    str
        ``unsat``, ``sat`` or ``unknown``, as in :func:`refute_ratio`.
    """
    z3: Any = import_module("z3")

    v = z3.Reals(" ".join(f"v{i}" for i in range(n)))
    rho = z3.Reals(" ".join(f"r{i}" for i in range(n)))
    true, lie, budget = z3.Reals("true lie B")
    base = [budget >= 0, true >= 0, lie >= 0, *(x > 0 for x in v), *(x >= 0 for x in rho)]

    def outcome(mine: Any, order: tuple[int, ...], place: int, name: str) -> tuple[list[Any], list[tuple[Any, Any]]]:
        """Conditions for worker 0 with ratio ``mine`` standing at ``place``; cases (condition, utility per score)."""
        ranked = [*order[:place], 0, *order[place:]]
        ratio = [mine if i == 0 else rho[i] for i in ranked]
        # Ties go to the lower index, so worker 0 comes first in them.
        conditions = [ratio[p] < mine for p in range(place)] + [mine <= ratio[p] for p in range(place + 1, n)]
        value = [z3.Sum([v[i] for i in ranked[: k + 1]]) for k in range(n)]
        passes = [ratio[k] * value[k] <= budget for k in range(n)]
        cases = []
        for k in range(n + 1):
            here = [*(passes[:k]), *([z3.Not(passes[k])] if k < n else [])]
            if place >= k:
                cases.append((z3.And(*here), z3.RealVal(0)))
                continue
            price = z3.Real(f"price_{name}_{place}_{k}")
            if first_price:
                here.append(price == mine)
            else:
                # price = B / M, or the next ratio where that is less.
                capped = price * value[k - 1] == budget
                here.append(
                    capped
                    if k == n
                    else z3.Or(
                        z3.And(capped, price <= ratio[k]), z3.And(price == ratio[k], price * value[k - 1] <= budget)
                    )
                )
            cases.append((z3.And(*here), price - true))
        return conditions, cases

    for order in permutations(range(1, n)):
        sorted_others = [rho[a] <= rho[b] for a, b in pairwise(order)]
        for place in range(n):
            honest, honest_cases = outcome(true, order, place, "t")
            for other in range(n):
                lying, lying_cases = outcome(lie, order, other, "l")
                for condition, utility in honest_cases:
                    for lie_condition, lie_utility in lying_cases:
                        solver = _solver(seconds)
                        solver.add(
                            *base, *sorted_others, *honest, *lying, condition, lie_condition, lie_utility > utility
                        )
                        answer = str(solver.check())
                        if answer != "unsat":
                            return answer
    return "unsat"
