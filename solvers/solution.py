"""What a search finds, and what `solve` says of it once everything has been checked: two axes of status, point and bound both kept.

`status` says what the returned point is; `stopped` says why the search ended; `exactness` says on what the answer rests. Nothing
here is a float unless it is meant for reading: value, bound and gap are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..models.display import Framed, Page, show
from ..models.input_error import InputError
from .control import StopReason
from .proofs.proof import Proof

if TYPE_CHECKING:
    from ..models.procurement.market import Market

__all__ = [
    "PROVED",
    "Enumerated",
    "Evidence",
    "Exactness",
    "Found",
    "NotOptimalError",
    "Solution",
    "SolverClaim",
    "Status",
]

Status = Literal["optimal", "feasible", "infeasible", "none"]
Exactness = Literal["checked", "enumerated", "solver", "unchecked"]

PROVED: tuple[Exactness, ...] = ("checked", "enumerated")
"""What an optimum has to rest on to be called proved: a checker's word, or all points looked at."""


@dataclass(frozen=True)
class SolverClaim:
    """HiGHS, with both gaps 0 on integer-scaled data, found nothing one unit better. Reported as ``solver``, never as proved."""


@dataclass(frozen=True)
class Enumerated:
    """Every point was looked at. Believed of a method that is registered as an enumeration, and of no other."""


Evidence = Proof | SolverClaim | Enumerated
"""What a search offers for its bound: a proof for the checker, or one of two claims that are reported as what they are."""


@dataclass(frozen=True)
class Found:
    """What one method hands to the facade, before anything has been checked.

    Attributes
    ----------
    point : ndarray of int64, shape (n,), or mapping (worker, requester) -> Fraction, or Worth, or None
        Requester of each worker, -1 for none; for LP relaxations the shares ``x_ij``; a social state with its welfare; None if no
        point was found.
    bound : Fraction or None
        A number that no feasible point exceeds, in score units, as the search has it; None if it has none.
    evidence : Proof, SolverClaim, Enumerated or None
        What the bound (a proof) or the optimality of the point (a claim) rests on. None where the search has nothing that a checker
        could read: then a proof is looked for afterwards.
    stopped : str
        Why the search ended.
    weaker : sequence of Proof
        Of larger bounds, to fall back on where the checker does not take the first proof.
    hints : sequence
        Multipliers by leaf that the bound was found with, for whoever looks for a proof.
    details : mapping
        Figures about the search, for reading only.
    """

    point: Any
    bound: Fraction | None = None
    evidence: Evidence | None = None
    stopped: StopReason = "proved"
    weaker: Sequence[Proof] = ()
    hints: Any = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Solution(Framed):
    """An answer whose point and bound have both been checked against the instance in exact arithmetic.

    Attributes
    ----------
    market : Market
    problem, method : str
        What was solved, and by which registered method.
    status : {'optimal', 'feasible', 'infeasible', 'none'}
        What the point is.
    stopped : {'proved', 'time-limit', 'node-limit', 'interrupted', 'unproved'}
        Why the search ended; ``unproved``: the search ended by itself, and no proof of its bound was accepted.
    exactness : {'checked', 'enumerated', 'solver', 'unchecked'}
        ``checked``: the checker accepted a proof of `bound` in this call; only this is called proved. ``enumerated``: brute force
        over all points. ``solver``: HiGHS with both MIP gaps 0 on integer-scaled data, the point itself re-checked exactly.
        ``unchecked``: the caller asked for no check.
    value, bound : Fraction or None
        Value of the point, and a number no feasible point exceeds, in the problem's units.
    assignment : ndarray of int64, shape (n,), or None
        Position of each worker's requester, -1 for none; `requesters` says it in ids.
    shares : mapping (worker, requester) -> Fraction, or None
        The fractional assignment by positions, for LP relaxations only; the frame says it in ids.
    seconds, search_seconds, check_seconds : float
        Wall time of everything, of the search, and of finding a proof where the search gave none and checking it.
    proof : Proof or None
        The proof of `bound` that was accepted.
    refused : str or None
        Why the checker refused the proof of the search, if it did: a defect of this package.
    failure : Proof or None
        The proof that was refused.
    details : mapping
        Figures about the search, for reading only.
    """

    market: Market
    problem: str
    method: str
    status: Status
    stopped: StopReason
    exactness: Exactness
    value: Fraction | None
    bound: Fraction | None
    assignment: np.ndarray | None
    seconds: float
    search_seconds: float = 0.0
    check_seconds: float = 0.0
    shares: Mapping[tuple[int, int], Fraction] | None = None
    proof: Proof | None = None
    refused: str | None = None
    failure: Proof | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def objective(self) -> Fraction | None:
        """The value, by the name it has in JSON."""
        return self.value

    @property
    def proved(self) -> bool:
        """Whether it is an optimum, and its proof was checked or every point looked at."""
        return self.status == "optimal" and self.exactness in PROVED

    @property
    def gap(self) -> Fraction | None:
        """How far the point can be from the optimum.

        Returns
        -------
        Fraction or None
            ``bound - value``, in the units of the file; 0 for an optimum, None where there is no point or no bound.
        """
        return None if self.value is None or self.bound is None else self.bound - self.value

    def _pairs(self) -> list[tuple[int, int, Fraction]]:
        """Positions of workers and requesters, and shares."""
        if self.shares is not None:
            return [(i, j, part) for (i, j), part in sorted(self.shares.items()) if part]
        if self.assignment is None:
            return []
        placed = self.assignment.tolist()
        return [(i, placed[i], Fraction(1)) for i in np.flatnonzero(self.assignment >= 0).tolist()]

    @property
    def hired(self) -> list[str]:
        """The hired workers; in an LP relaxation also who is hired in part.

        Returns
        -------
        list of str
            Their ids, in the market's order.
        """
        return [self.market.worker_ids[i] for i in dict.fromkeys(i for i, _, _ in self._pairs())]

    @property
    def requesters(self) -> dict[str, str]:
        """The requester of each hired worker, by id.

        Raises
        ------
        InputError
            In an LP relaxation, where a worker may have several: the frame has the shares.
        """
        if self.shares is not None:
            raise InputError(f"{self.problem} hires in part: frame() has the shares", field="requesters")
        return {self.market.worker_ids[i]: self.market.requester_ids[j] for i, j, _ in self._pairs()}

    def columns(self) -> dict[str, list[Any]]:
        """Return who is hired, column by column.

        Returns
        -------
        dict of str to list
            ``worker``, ``group`` and ``requester`` are ids; ``share`` is 1, or a part in an LP relaxation; ``score`` and ``cost``, or
            ``bid`` where costs are not known, are Fractions in the units of the file.
        """
        market, pairs = self.market, self._pairs()
        known = market.scaled.costs is not None
        return {
            "worker": [market.worker_ids[i] for i, _, _ in pairs],
            "group": [market.group_ids[int(market.group_of[i])] for i, _, _ in pairs],
            "requester": [market.requester_ids[j] for _, j, _ in pairs],
            "share": [part for _, _, part in pairs],
            "score": [market.score(i) for i, _, _ in pairs],
            "cost" if known else "bid": [market.cost(i) if known else market.bid(i) for i, _, _ in pairs],
        }

    def page(self) -> Page:
        """Return the answer, what is used up and who is hired on one screen."""
        from .solution_page import solution_page

        return solution_page(self)

    def __repr__(self) -> str:
        value = "nothing" if self.value is None else show(self.value)
        return f"Solution({self.problem}: {value}, {self.status} ({self.exactness}), {len(self.hired):,} workers)"


class NotOptimalError(RuntimeError):
    """The optimum was asked for and could not be proved; the best point and bound are in `solution`, of either kind of market."""

    def __init__(self, solution: Any):
        self.solution = solution
        gap = "no bound" if solution.gap is None else f"gap {show(solution.gap)}"
        super().__init__(
            f"{solution.problem} by {solution.method}: stopped by {solution.stopped} before a proof "
            f"(status {solution.status}, {gap}); pass allow_suboptimal=True to accept the best point"
        )
