"""What a solver answers: two axes of status, incumbent and bound both kept.

`status` says what the returned point is; `stopped` says why the search ended. Nothing here is a float unless it is meant for
reading: objective, bound and gap are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from .control import StopReason

__all__ = ["Answer", "Exactness", "NotOptimalError", "Solution", "Status", "StopReason"]

Status = Literal["optimal", "feasible", "infeasible", "none"]
Exactness = Literal["certified", "solver"]


@dataclass(frozen=True)
class Answer:
    """What one method hands to the facade, before anything has been checked.

    Attributes
    ----------
    assignment : ndarray of int64, shape (n,), or None
        Requester of each worker, -1 for none; None if no point was found.
    bound : Fraction or None
        A number that provably no feasible point exceeds, in score units; None if the method has no exact one.
    stopped : str
        Why the search ended.
    proved : bool
        Whether the method claims that `assignment` is optimal on evidence other than `bound` (enumeration, or HiGHS with
        both gaps 0 on integer data).
    exactness : str
        What that claim rests on: ``certified`` for exact arithmetic, ``solver`` for HiGHS.
    shares : mapping (worker, requester) -> Fraction, optional
        The fractional assignment of an LP relaxation, in place of `assignment`.
    certificate : object, optional
        Whatever the method can say in proof of its bound.
    details : mapping, optional
        Figures about the search, for reading only.
    """

    assignment: np.ndarray | None
    bound: Fraction | None = None
    stopped: StopReason = "proved"
    proved: bool = False
    exactness: Exactness = "certified"
    shares: Mapping[tuple[int, int], Fraction] | None = None
    certificate: Any = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Solution:
    """An answer that has been re-checked against the instance in exact arithmetic.

    Attributes
    ----------
    problem, method : str
        What was solved, and by which registered method.
    status : {'optimal', 'feasible', 'infeasible', 'none'}
        What the point is.
    stopped : {'proved', 'time-limit', 'node-limit', 'interrupted'}
        Why the search ended.
    exactness : {'certified', 'solver'}
        ``certified``: proved in exact arithmetic. ``solver``: HiGHS with both MIP gaps 0 on integer-scaled data, the point
        itself re-checked exactly.
    objective, bound : Fraction or None
        Value of the point, and a number no feasible point exceeds, in the problem's units.
    gap : Fraction or None
        ``bound - objective``.
    assignment : ndarray of int64, shape (n,), or None
        Requester of each worker, -1 for none.
    shares : mapping (worker, requester) -> Fraction, or None
        The fractional assignment, for LP relaxations only.
    seconds : float
        Wall time of the method and the re-check.
    certificate : object or None
        Proof material of the bound, where the method gives any.
    details : mapping
        Figures about the search, for reading only.
    """

    problem: str
    method: str
    status: Status
    stopped: StopReason
    exactness: Exactness
    objective: Fraction | None
    bound: Fraction | None
    assignment: np.ndarray | None
    seconds: float
    shares: Mapping[tuple[int, int], Fraction] | None = None
    certificate: Any = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> Fraction | None:
        """How far the point can be from the optimum, exactly."""
        return None if self.objective is None or self.bound is None else self.bound - self.objective


class NotOptimalError(RuntimeError):
    """The optimum was asked for and could not be proved; the best point and bound are in `solution`."""

    def __init__(self, solution: Solution):
        self.solution = solution
        gap = "no bound" if solution.gap is None else f"gap {float(solution.gap):g}"
        super().__init__(
            f"{solution.problem} by {solution.method}: stopped by {solution.stopped} before a proof "
            f"(status {solution.status}, {gap}); pass allow_suboptimal=True to accept the best point"
        )
