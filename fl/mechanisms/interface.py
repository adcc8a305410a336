"""What a mechanism is: bids in; allocation, payments and reasons out.

A mechanism reads ``market.bids`` and never ``market.costs``: costs are private. It is a function ``(market, **options)`` that
returns an :class:`Outcome`; registering it puts it on the command line and into the tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np

from ...models.exact import IntArray, exact_sum
from ...models.input_error import InputError
from ...models.market import Market
from ...solvers.check import CheckError, violation

__all__ = ["Mechanism", "Outcome", "find_mechanism", "mechanism", "mechanisms", "run_mechanism"]


@dataclass(frozen=True)
class Outcome:
    """Allocation and payments of one run.

    Attributes
    ----------
    mechanism : str
    assignment : ndarray of int64, shape (n,)
        Requester of each winner, -1 for the others.
    payments : integer ndarray, shape (n,)
        ``p_i * payment_denominator``; 0 for losers unless the mechanism says otherwise.
    payment_denominator : int
    score : Fraction
        Total score procured.
    critical_price : Fraction or None
        Money per unit of score, where the mechanism posts one price.
    details : mapping
        Reasons and figures, for reading.
    seconds : float
    """

    mechanism: str
    assignment: np.ndarray
    payments: IntArray
    payment_denominator: int
    score: Fraction
    critical_price: Fraction | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def winners(self) -> np.ndarray:
        """Indices of the hired workers, ascending."""
        return np.flatnonzero(self.assignment >= 0)

    def payment(self, worker: int) -> Fraction:
        """Payment ``p_i`` of one worker, exactly."""
        return Fraction(int(self.payments[worker]), self.payment_denominator)

    @property
    def total_payment(self) -> Fraction:
        """Sum of all payments, exactly."""
        return Fraction(exact_sum(self.payments), self.payment_denominator)


MechanismFunction = Callable[..., Outcome]


@dataclass(frozen=True)
class Mechanism:
    """One entry of the registry: name, function, one line of summary, and where it comes from."""

    name: str
    run: MechanismFunction
    summary: str
    source: str


_MECHANISMS: dict[str, Mechanism] = {}


def mechanism(name: str, *, summary: str, source: str) -> Callable[[MechanismFunction], MechanismFunction]:
    """Register a mechanism; used as a decorator.

    Parameters
    ----------
    name : str
        Its name on the command line.
    summary : str
        One line.
    source : str
        Paper and section, and whether the rule is stated there or reconstructed.
    """

    def add(function: MechanismFunction) -> MechanismFunction:
        if name in _MECHANISMS:
            raise ValueError(f"mechanism {name!r} is registered twice")
        _MECHANISMS[name] = Mechanism(name, function, summary, source)
        return function

    return add


def mechanisms() -> list[Mechanism]:
    """List the registered mechanisms by name."""
    # Registers every mechanism that ships with the package; deferred, for those modules import this one.
    import_module(f"{__package__}.all_mechanisms")
    return [_MECHANISMS[name] for name in sorted(_MECHANISMS)]


def find_mechanism(name: str) -> Mechanism:
    """Look a mechanism up by name.

    Raises
    ------
    InputError
        If there is none of that name; the message lists those there are.
    """
    known = {entry.name: entry for entry in mechanisms()}
    if name not in known:
        raise InputError(f"unknown mechanism {name!r}; there are {', '.join(known)}", field="mechanism")
    return known[name]


def run_mechanism(market: Market, name: str, **options: Any) -> Outcome:
    """Run a mechanism on a market's bids and re-check its allocation exactly.

    Parameters
    ----------
    market : Market
    name : str
        A registered mechanism.
    **options
        Passed on to it.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        For an unknown mechanism, or bids it cannot run on.
    CheckError
        If the allocation breaks a cap or a seat limit, or a loser is paid a negative amount: a defect.
    """
    entry = find_mechanism(name)
    started = time.perf_counter()
    outcome = entry.run(market, **options)
    broken = violation(market, "orp", outcome.assignment)
    if broken is not None:
        raise CheckError(f"{name}: {broken}")
    if outcome.score != Fraction(exact_sum(market.scores[outcome.assignment >= 0]), market.score_denominator):
        raise CheckError(f"{name}: reported score is not the score of its winners")
    return replace(outcome, seconds=time.perf_counter() - started)
