"""What a mechanism is: bids in; allocation, payments and reasons out.

A mechanism reads ``market.bids`` and never ``market.costs``: costs are private. It is a function ``(market, **options)`` that
returns an :class:`Outcome`; registering it puts it on the command line and into the tests. What it cannot run on, it says
through ``applies``; what it is believed to guarantee, it says through ``claims``, and the tests hold it to that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import import_module
from numbers import Rational
from typing import Any, Literal

import numpy as np

from ...models.exact import (
    IntArray,
    exact_sum,
    integer_array,
    parse_integer,
    parse_number,
)
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ...models.seeds import read_seed
from ...solvers.feasibility import CheckError, violation

__all__ = [
    "Mechanism",
    "Option",
    "Outcome",
    "build_outcome",
    "build_scaled_outcome",
    "check_exact",
    "find_mechanism",
    "mechanism",
    "mechanisms",
    "recheck",
    "run_mechanism",
]


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


def build_outcome(
    market: Market,
    name: str,
    assignment: np.ndarray,
    payments: Mapping[int, Fraction | int],
    *,
    critical_price: Fraction | int | None = None,
    details: Mapping[str, Any] | None = None,
) -> Outcome:
    """Make an outcome of an allocation and its payments, in the units of the market's file.

    Parameters
    ----------
    market : Market
    name : str
        The mechanism.
    assignment : ndarray of int64, shape (n,)
        Requester of each winner, -1 for the others.
    payments : mapping worker -> Fraction or int
        Money, as :meth:`Market.bid` and :meth:`Market.budget` give it; missing workers are paid 0.
    critical_price : Fraction, optional
        Money per unit of score.
    details : mapping, optional

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        If a payment or the price is no exact number (a float, a text), or is given to nobody there is.
    """
    return _pack(market, name, assignment, payments, 1, critical_price, details)


def build_scaled_outcome(
    market: Market,
    name: str,
    assignment: np.ndarray,
    payments: Mapping[int, Fraction | int],
    *,
    critical_price: Fraction | int | None = None,
    details: Mapping[str, Any] | None = None,
) -> Outcome:
    """Make an outcome of payments in the market's integer money units, for rules that work on its integer columns.

    Parameters
    ----------
    market, name, assignment, details
        As for :func:`build_outcome`.
    payments : mapping worker -> Fraction or int
        ``p_i * money_denominator``.
    critical_price : Fraction, optional
        In integer money units per integer score unit.
    """
    if critical_price is not None:
        _require_exact(name, critical_price, "critical_price")
        critical_price = Fraction(critical_price) * market.score_denominator / market.money_denominator
    return _pack(market, name, assignment, payments, market.money_denominator, critical_price, details)


def _pack(
    market: Market,
    name: str,
    assignment: np.ndarray,
    payments: Mapping[int, Fraction | int],
    unit: int,
    critical_price: Fraction | int | None,
    details: Mapping[str, Any] | None,
) -> Outcome:
    """Bring payments in units of ``1 / unit`` to one denominator."""
    for i, payment in payments.items():
        if isinstance(i, bool) or not isinstance(i, int | np.integer) or not 0 <= i < market.n:
            raise InputError(f"{name} pays {i!r}, where the workers are 0 to {market.n - 1}", field="payments")
        _require_exact(name, payment, "payments", f"worker {market.worker_ids[i]!r}")
    if critical_price is not None:
        _require_exact(name, critical_price, "critical_price")
    common = math.lcm(*(int(payment.denominator) for payment in payments.values()))
    exact = [0] * market.n
    for i, payment in payments.items():
        exact[i] = int(payment.numerator) * (common // int(payment.denominator))
    return Outcome(
        mechanism=name,
        assignment=assignment,
        payments=integer_array(exact),
        payment_denominator=common * unit,
        score=Fraction(exact_sum(market.scores[assignment >= 0]), market.score_denominator),
        critical_price=None if critical_price is None else Fraction(critical_price),
        details=details or {},
    )


def _require_exact(name: str, value: Any, field: str, row: str | None = None) -> None:
    if type(value) not in (int, Fraction) and (isinstance(value, bool) or not isinstance(value, Rational)):
        message = f"{name} returned {value!r}, which is not exact: whole numbers and Fractions are"
        raise InputError(message, row=row, field=field)


@dataclass(frozen=True)
class Option:
    """One option of a mechanism, with what is needed to read it exactly from the command line.

    Attributes
    ----------
    name : str
        Keyword of the mechanism's function.
    kind : {'number', 'integer', 'seed', 'vector'}
        ``vector`` is one number per worker, separated by commas on the command line; a single number stands for all.
    help : str
        One line.
    required : bool
        Whether the mechanism cannot run without it.
    """

    name: str
    kind: Literal["number", "integer", "seed", "vector"]
    help: str
    required: bool = False

    def read(self, market: Market, value: Any) -> Fraction | int | list[Fraction]:
        """Read a value exactly.

        Raises
        ------
        InputError
            If it is not of the option's kind.
        """
        try:
            if self.kind == "seed":
                return read_seed(value, f"option {self.name}")
            if self.kind == "integer":
                return parse_integer(value)
            if self.kind == "number":
                return parse_number(value)
            if isinstance(value, str):
                value = value.split(",")
            elif not isinstance(value, Iterable):
                value = [value]
            numbers = [parse_number(item) for item in value]
        except InputError as error:
            raise InputError(error.message, field=f"option {self.name}") from None
        if len(numbers) == 1:
            numbers *= market.n
        if len(numbers) != market.n:
            message = f"expected one number, or one for each of {market.n} workers, got {len(numbers)}"
            raise InputError(message, field=f"option {self.name}")
        return numbers


MechanismFunction = Callable[..., Outcome]
Applies = Callable[[Market], str | None]
Claim = Literal["truthful", "rational", "budget", "separate-budgets"]
"""What a mechanism can be believed to guarantee: truthful bidding is dominant, no winner is paid less than its bid, payments
stay within the pooled budget, and every requester's payments stay within its own."""


@dataclass(frozen=True)
class Mechanism:
    """One entry of the registry.

    Attributes
    ----------
    name : str
    run : callable
        ``(market, **options) -> Outcome``; options have the exact types that :meth:`Option.read` returns.
    summary, source : str
        One line each: what it does; paper and section, and whether the rule is stated there or reconstructed.
    claims : frozenset of str
        What it is believed to guarantee on every market it applies to.
    options : tuple of Option
    applies : callable or None
        Says why the mechanism cannot run on a market, or None.
    """

    name: str
    run: MechanismFunction
    summary: str
    source: str
    claims: frozenset[str] = frozenset()
    options: tuple[Option, ...] = ()
    applies: Applies | None = None

    def refusal(self, market: Market, options: Mapping[str, Any] | None = None) -> str | None:
        """Say why the mechanism cannot run on this market with these options, or None if it can."""
        for option in self.options:
            if option.required and option.name not in (options or {}):
                return f"needs the option {option.name}: {option.help}"
        return None if self.applies is None else self.applies(market)

    def read_options(self, market: Market, options: Mapping[str, Any]) -> dict[str, Any]:
        """Read options, given as text or as numbers, exactly.

        Raises
        ------
        InputError
            For an option that the mechanism does not have, or a value of the wrong kind.
        """
        known = {option.name: option for option in self.options}
        for name in options:
            if name not in known:
                there = ", ".join(known) or "none"
                raise InputError(f"{self.name} has no option {name!r}; there are {there}", field="option")
        return {name: known[name].read(market, value) for name, value in options.items()}


_MECHANISMS: dict[str, Mechanism] = {}


def mechanism(
    name: str,
    *,
    summary: str,
    source: str,
    claims: Iterable[Claim] = (),
    options: Iterable[Option] = (),
    applies: Applies | None = None,
) -> Callable[[MechanismFunction], MechanismFunction]:
    """Register a mechanism; used as a decorator. The parameters are the attributes of :class:`Mechanism`."""

    def add(function: MechanismFunction) -> MechanismFunction:
        if name in _MECHANISMS:
            raise ValueError(f"mechanism {name!r} is registered twice")
        _MECHANISMS[name] = Mechanism(name, function, summary, source, frozenset(claims), tuple(options), applies)
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
        Its options: numbers, texts that :func:`~fedmech.models.exact.parse_number` reads, or one per worker.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        For an unknown mechanism or option, or a market it cannot run on.
    CheckError
        If the allocation breaks a cap or a seat limit, or the score is not that of the winners: a defect.
    """
    entry = find_mechanism(name)
    exact = entry.read_options(market, options)
    refused = entry.refusal(market, exact)
    if refused is not None:
        raise InputError(f"{name}: {refused}", field="mechanism")
    started = time.perf_counter()
    return replace(recheck(market, name, entry.run(market, **exact)), seconds=time.perf_counter() - started)


def recheck(market: Market, name: str, outcome: Any) -> Outcome:
    """Return what a mechanism returned, once its allocation and its score are confirmed.

    Raises
    ------
    InputError
        If it is no Outcome, or its payments or its price are not exact.
    CheckError
        If the allocation breaks a cap or a seat limit, or the score is not that of the winners.
    """
    outcome = check_exact(market, name, outcome)
    broken = violation(market, "orp", outcome.assignment)
    if broken is not None:
        raise CheckError(f"{name}: {broken}")
    if outcome.score != Fraction(exact_sum(market.scores[outcome.assignment >= 0]), market.score_denominator):
        raise CheckError(f"{name}: reported score is not the score of its winners")
    return outcome


def check_exact(market: Market, name: str, outcome: Any) -> Outcome:
    """Return what a mechanism returned, once it is an outcome whose money is exact.

    Raises
    ------
    InputError
        If it is no Outcome, or its payments, their units or its price are anything but exact numbers.
    """
    if not isinstance(outcome, Outcome):
        raise InputError(f"{name} returned {type(outcome).__name__}, not an Outcome", field="mechanism")
    payments: Any = outcome.payments
    whole = (
        isinstance(payments, np.ndarray)
        and payments.shape == (market.n,)
        and (
            payments.dtype.kind in "iu"
            or (payments.dtype == object and all(type(payment) is int for payment in payments))
        )
    )
    if not whole:
        message = f"{name} returned payments that are not one whole number for each of {market.n} workers; build_outcome makes them"
        raise InputError(message, field="payments")
    if type(outcome.payment_denominator) is not int or outcome.payment_denominator < 1:
        message = f"{name} returned {outcome.payment_denominator!r} for the units of its payments, not a whole number from 1 on"
        raise InputError(message, field="payment_denominator")
    if outcome.critical_price is not None:
        _require_exact(name, outcome.critical_price, "critical_price")
    return outcome
