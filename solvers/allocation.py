"""Somebody's allocation beside the exact optimum: is it feasible, is it optimal, and by how much not?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..models.display import Page, Readable, share, show
from ..models.input_error import InputError
from ..models.names import nearest_name
from ..models.procurement.market import Market
from .feasibility import CheckError, objective_value, violation
from .placement.matroid import route
from .solution import Solution
from .solution_page import status_line
from .solve import solve

__all__ = ["Allocation", "check_allocation"]


@dataclass(frozen=True)
class Allocation(Readable):
    """An allocation that was looked at.

    Attributes
    ----------
    violation : str or None
        The first constraint that it breaks.
    value : Fraction
        Its value, feasible or not.
    best : Solution
        The exact optimum, or the best bound where that was not reached.
    """

    violation: str | None
    value: Fraction
    best: Solution

    @property
    def feasible(self) -> bool:
        """Whether it keeps to caps, seats and budgets."""
        return self.violation is None

    @property
    def gap(self) -> Fraction | None:
        """How far it can be from the optimum; None without a bound."""
        return None if self.best.bound is None else self.best.bound - self.value

    @property
    def optimal(self) -> bool | None:
        """Whether it is an optimum; None where that was not decided."""
        if not self.feasible:
            return False
        if self.gap == 0:
            return True
        # A better point that was checked refutes it, proof or no proof.
        return False if self.best.value is not None and self.best.value > self.value else None

    def page(self) -> Page:
        """What is shown of it."""
        best, bound = self.best.value, self.best.bound
        verdict = {
            True: "optimal",
            False: "not optimal" if self.feasible else "not feasible",
            None: "feasible; whether it is optimal is not decided",
        }
        lines = [("allocation", verdict[self.optimal])]
        if self.violation is not None:
            lines.append(("breaks", self.violation))
        lines.append(("value", show(self.value)))
        if self.best.status == "optimal":
            lines.append(("optimum", f"{show(best)}: {status_line(self.best)}, {self.best.method}"))
        else:
            lines += [("best found", show(best)), ("optimum at most", show(bound))]
        if bound:
            lines.append(("value / optimum", share(self.value / bound)))
        return Page(f"{self.best.problem}: an allocation beside the optimum", lines)


def check_allocation(
    market: Market, hired: Mapping[Any, Any] | Sequence[Any], problem: str = "opt", **options: Any
) -> Allocation:
    """Say whether an allocation is feasible and optimal.

    Parameters
    ----------
    market : Market
    hired : sequence of worker ids, or mapping worker id -> requester id
        Who is hired, and by whom. Without requesters, the workers are sent where caps and seats allow; OPT-SEP needs them.
    problem : {'opt', 'orp', 'opt-sep', 'cover'}
    **options
        As :func:`fedmech.solve` takes them; the optimum need not be reached.

    Returns
    -------
    Allocation

    Raises
    ------
    InputError
        For workers or requesters that do not exist, a worker hired twice, or OPT-SEP without requesters.
    CheckError
        If the allocation refutes the bound: a defect of the method.
    """
    if problem not in ("opt", "orp", "opt-sep", "cover"):
        raise InputError(f"an allocation solves opt, orp, opt-sep or cover, not {problem!r}", field="problem")
    chosen = _positions(list(hired), market.worker_ids, "worker")
    if isinstance(hired, Mapping):
        assignment = np.full(market.n, -1, dtype=np.int64)
        assignment[chosen] = _positions(list(hired.values()), market.requester_ids, "requester", twice=True)
        broken = violation(market, problem, assignment)
    elif problem == "opt-sep" and market.m > 1 and chosen:
        raise InputError("separate budgets need the requester of every hired worker", field="hired")
    else:
        try:
            assignment = route(market, np.array(sorted(chosen), dtype=np.int64))
            broken = violation(market, problem, assignment)
        except ValueError as error:
            broken = str(error)
            assignment = np.full(market.n, -1, dtype=np.int64)
            # Whose they would be does not matter to the value.
            assignment[chosen] = 0
    value = objective_value(market, problem, assignment)
    best = solve(market, problem, **options, allow_suboptimal=True)
    if broken is None and best.bound is not None and value > best.bound:
        raise CheckError(f"{problem}: a feasible allocation is worth more than the bound of {best.method}")
    return Allocation(broken, value, best)


def _positions(names: Sequence[Any], known: Sequence[str], kind: str, *, twice: bool = False) -> list[int]:
    places = {name: place for place, name in enumerate(known)}
    found = []
    for name in names:
        place = places.get(name) if isinstance(name, str) else None
        if place is None:
            hint = nearest_name(str(name), known)
            raise InputError(f"there is no {kind} {str(name)[:60]!r}{hint}", field="hired")
        found.append(place)
    if not twice and len(set(found)) < len(found):
        name = next(name for name in names if list(names).count(name) > 1)
        raise InputError(f"{kind} {name!r} is hired twice", field="hired")
    return found
