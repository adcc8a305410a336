"""What a mechanism returns: who is hired by whom, who is paid what, in the ids and the units of the market's file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from ...models.display import Framed, Page, Table, show
from ...models.exact import IntArray, exact_sum, integer_array, linear_combination
from ...models.input_error import InputError
from ...models.names import nearest_name, position_of
from ...models.procurement.market import Market
from ...solvers.feasibility import CheckError, violation
from ...solvers.placement.matroid import route
from ..registry import NAMELESS

__all__ = ["LimitError", "Outcome", "build_scaled_outcome", "check_exact", "outcome", "recheck"]

SHOWN_WINNERS = 20
"""Winners on a page; the frame has them all."""


@dataclass(frozen=True, repr=False)
class Outcome(Framed):
    """Allocation and payments of one run.

    Attributes
    ----------
    mechanism : str
    market : Market
    assignment : ndarray of int64, shape (n,)
        Position of each winner's requester, -1 for the others; `requesters` says it in ids.
    scaled_payments : integer ndarray, shape (n,)
        ``p_i * payment_denominator``; 0 for losers unless the mechanism says otherwise. `payments` says it in ids and money.
    payment_denominator : int
    score : Fraction
        Total score procured.
    price : Fraction or None
        Money per unit of score, where the mechanism posts one price.
    details : mapping
        Reasons and figures, for reading.
    seconds : float
    """

    mechanism: str
    market: Market
    assignment: np.ndarray
    scaled_payments: IntArray
    payment_denominator: int
    score: Fraction
    price: Fraction | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def winner_indices(self) -> np.ndarray:
        """Positions of the hired workers, ascending."""
        return np.flatnonzero(self.assignment >= 0)

    @property
    def winners(self) -> list[str]:
        """Ids of the hired workers, in the market's order."""
        return [self.market.worker_ids[int(i)] for i in self.winner_indices]

    @property
    def requesters(self) -> dict[str, str]:
        """The requester of each hired worker.

        Returns
        -------
        dict of str to str
            Ids of workers to ids of requesters, in the market's order; who is not hired is not in it.
        """
        return {
            self.market.worker_ids[int(i)]: self.market.requester_ids[int(self.assignment[i])]
            for i in self.winner_indices
        }

    @property
    def payments(self) -> dict[str, Fraction]:
        """What each winner is paid, and each loser that is paid something.

        Returns
        -------
        dict of str to Fraction
            By id, in the units of money of the market's file, as :meth:`Market.bid` is: a winner's surplus is ``payments[w] - bid``.
        """
        paid = np.flatnonzero((self.assignment >= 0) | (self.scaled_payments != 0))
        return {self.market.worker_ids[i]: self.payment(i) for i in paid.tolist()}

    def payment(self, worker: int) -> Fraction:
        """Payment ``p_i`` of one worker.

        Parameters
        ----------
        worker : int
            Its position in the market.

        Returns
        -------
        Fraction
            In the units of money of the market's file; 0 for a loser unless the mechanism says otherwise.
        """
        return Fraction(int(self.scaled_payments[worker]), self.payment_denominator)

    @property
    def total_payment(self) -> Fraction:
        """What the mechanism spends, losers that are paid something included, in the units of money of the market's file."""
        return Fraction(exact_sum(self.scaled_payments), self.payment_denominator)

    @property
    def critical_price(self) -> Fraction | None:
        """The price, by the name it has in JSON: money per unit of score, None where the mechanism posts no single price."""
        return self.price

    @property
    def promises(self) -> dict[str, bool]:
        """What can be kept or broken in one outcome, and whether it is kept.

        Returns
        -------
        dict of str to bool
            ``rational``: every winner is paid its bid at least, and no loser less than nothing. ``budget``: all payments together are
            within the pooled budget. ``separate-budgets``: also each requester's own winners within its own. ``caps``: caps and seat
            limits hold. What takes a second outcome to see, such as truthfulness, is :func:`fedmech.audit`'s.
        """
        market = self.market
        owed = np.where(self.assignment >= 0, market.scaled.bids, 0)
        surplus = linear_combination(
            (market.scaled.money_denominator, self.scaled_payments), (-self.payment_denominator, owed)
        )
        within = all(
            Fraction(exact_sum(self.scaled_payments[self.assignment == j]), self.payment_denominator)
            <= market.budget(j)
            for j in range(market.m)
        )
        total = market.total_budget
        return {
            "rational": bool((surplus >= 0).all()),
            "budget": self.total_payment <= total,
            "separate-budgets": within and self.total_payment <= total,
            "caps": violation(market, "orp", self.assignment) is None,
        }

    @property
    def unit_mistake(self) -> str | None:
        """What seems to have gone wrong where payments are beyond the budget, and each is the bid times the file's denominator.

        Returns
        -------
        str or None
            One line for whoever wrote the mechanism; None where nothing speaks for it.
        """
        unit, chosen = self.market.scaled.money_denominator, self.winner_indices.tolist()
        if unit == 1 or self.promises["budget"]:
            return None
        if all(self.payment(i) == unit * self.market.bid(i) for i in chosen):
            return f"every winner is paid {show(unit)} times its bid: integers of market.scaled in the place of money?"
        return None

    def columns(self) -> dict[str, list[Any]]:
        """Return winners, and losers that are paid, column by column.

        Returns
        -------
        dict of str to list
            ``worker``, ``group`` and ``requester`` are ids (a loser's requester is None); ``score``, ``bid`` and ``payment`` are Fractions
            in the units of the market's file.
        """
        market = self.market
        rows = np.flatnonzero((self.assignment >= 0) | (self.scaled_payments != 0)).tolist()
        placed = self.assignment.tolist()
        return {
            "worker": [market.worker_ids[i] for i in rows],
            "group": [market.group_ids[int(market.group_of[i])] for i in rows],
            "requester": [market.requester_ids[placed[i]] if placed[i] >= 0 else None for i in rows],
            "score": [market.score(i) for i in rows],
            "bid": [market.bid(i) for i in rows],
            "payment": [self.payment(i) for i in rows],
        }

    def page(self) -> Page:
        """Return winners, price and payments on one screen."""
        market, kept = self.market, self.promises
        total = market.total_budget
        facts = [
            ("mechanism", f"{self.mechanism}, {self.seconds:.3f} s"),
            ("winners", f"{len(self.winner_indices):,} of {market.n:,} workers"),
            ("score", show(self.score)),
            ("critical price", show(self.price)),
            ("total payment", f"{show(self.total_payment)} of {show(total)}, the pooled budget"),
        ]
        words = {
            "budget": f"OVER BUDGET by {show(self.total_payment - total)}",
            "rational": "NOT RATIONAL: somebody is paid less than it bids",
            "caps": "CAPS OR SEATS EXCEEDED",
        }
        broken = [text for promise, text in words.items() if not kept[promise]]
        if broken:
            facts.append(("breaks", "; ".join(broken)))
        mistake = self.unit_mistake
        return Page("", facts, [self._winners_table()], [] if mistake is None else [f"Note: {mistake}"])

    def _winners_table(self) -> Table:
        market, chosen = self.market, self.winner_indices
        rows = [
            [
                market.worker_ids[i],
                market.requester_ids[int(self.assignment[i])],
                show(market.score(i)),
                show(market.bid(i)),
                show(self.payment(i)),
            ]
            for i in chosen[:SHOWN_WINNERS].tolist()
        ]
        left = len(chosen) - len(rows)
        title = "Winners" + (f" (first {SHOWN_WINNERS}; {left:,} more)" if left > 0 else "")
        return Table(["worker", "requester", "score", "bid", "payment"], rows, (2, 3, 4), title)

    def __repr__(self) -> str:
        return (
            f"Outcome({self.mechanism}: {len(self.winner_indices):,} of {self.market.n:,} workers, "
            f"score {show(self.score)}, paid {show(self.total_payment)})"
        )


def outcome(
    market: Market,
    winners: Mapping[Any, Any] | Iterable[Any],
    payments: Mapping[Any, Fraction | int],
    *,
    price: Fraction | int | None = None,
    details: Mapping[str, Any] | None = None,
    mechanism: str = NAMELESS,
) -> Outcome:
    """Make the outcome of a mechanism, in the ids and the units of the market's file.

    Parameters
    ----------
    market : Market
    winners : mapping worker -> requester or None, or iterable of workers
        Who is hired, by id or by position, and by whom; who has no requester is sent to one within caps and seats.
    payments : mapping worker -> Fraction or int
        Money, as :meth:`Market.bid` and :meth:`Market.budget` give it; who is not named is paid 0.
    price : Fraction or int, optional
        Money per unit of score.
    details : mapping, optional
        Reasons and figures, for reading.
    mechanism : str
        Its name; `run` sets it.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        For a worker who is not there or is named twice, a requester who is not there, and money that is no exact number (a float, a text).
    """
    people = _Names(mechanism, market)
    if isinstance(winners, str | bytes) or not isinstance(winners, Iterable):
        message = f"{mechanism} returned {_brief(winners)} for its winners: a list of workers is due, or a mapping from worker to requester"
        raise InputError(message, field="winners")
    if not isinstance(payments, Mapping):
        message = f"{mechanism} returned {_brief(payments)} for its payments: a mapping from worker to money is due"
        raise InputError(message, field="payments")
    pairs = winners.items() if isinstance(winners, Mapping) else ((worker, None) for worker in winners)
    assignment = np.full(market.n, -1, dtype=np.int64)
    somewhere: list[int] = []
    seen: set[int] = set()
    for worker, requester in pairs:
        i = people.worker(worker, "hires", "winners")
        if i in seen:
            raise InputError(f"{mechanism} hires {market.worker_ids[i]!r} twice", field="winners")
        seen.add(i)
        if requester is None:
            somewhere.append(i)
        else:
            assignment[i] = people.requester(requester)
    if somewhere:
        _send(market, assignment, np.array(sorted(somewhere), dtype=np.intp))
    money: dict[int, Fraction | int] = {}
    for worker, payment in payments.items():
        i = people.worker(worker, "pays", "payments")
        if i in money:
            raise InputError(f"{mechanism} pays {market.worker_ids[i]!r} twice", field="payments")
        money[i] = payment
    return _pack(market, mechanism, assignment, money, 1, price, details)


class _Names:
    """Who a mechanism means, by id or by position."""

    def __init__(self, mechanism: str, market: Market) -> None:
        self._mechanism, self._market = mechanism, market
        self._workers: dict[str, int] | None = None

    def worker(self, who: Any, does: str, field: str) -> int:
        if self._workers is None and isinstance(who, str):
            self._workers = {name: i for i, name in enumerate(self._market.worker_ids)}
        return self._position(who, self._market.worker_ids, self._workers or {}, f"{does} {who!r}", "workers", field)

    def requester(self, who: Any) -> int:
        ids = self._market.requester_ids
        known = {name: j for j, name in enumerate(ids)} if isinstance(who, str) else {}
        return self._position(who, ids, known, f"names {who!r}", "requesters", "winners")

    def _position(self, who: Any, ids: Sequence[str], known: Mapping[str, int], did: str, kind: str, field: str) -> int:
        position = position_of(who, len(ids), known)
        if position is None:
            hint = nearest_name(who, known) if isinstance(who, str) else ""
            raise InputError(f"{self._mechanism} {did}{hint or f', where the {kind} are {_listed(ids)}'}", field=field)
        return position


def _listed(ids: Sequence[str]) -> str:
    """Say which ids and positions there are."""
    if not len(ids):
        return "none"
    return f"0 to {len(ids) - 1}, or {ids[0]!r} to {ids[-1]!r}" if len(ids) > 1 else f"0, or {ids[0]!r}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"{type(value).__name__}"


def _send(market: Market, assignment: np.ndarray, somewhere: np.ndarray) -> None:
    """Send workers to any requesters that caps and seats leave room for; where there is none, to one whose limit then is exceeded."""
    placed = np.flatnonzero(assignment >= 0)
    if not market.m:
        raise InputError("nobody can be hired where there is no requester", field="winners")
    used = np.zeros(market.caps.shape, dtype=np.int64)
    np.add.at(used, (market.group_of[placed], assignment[placed]), 1)
    free = replace(
        market,
        cap_limits=np.maximum(market.caps - used, 0),
        seat_limits=np.maximum(market.seats - used.sum(axis=0), 0),
    )
    try:
        assignment[somewhere] = route(free, somewhere)[somewhere]
    except ValueError:
        # The re-check of every outcome says which limit it is.
        assignment[somewhere] = 0


def build_scaled_outcome(
    market: Market,
    name: str,
    assignment: np.ndarray,
    payments: Mapping[int, Fraction | int],
    *,
    price: Fraction | int | None = None,
    details: Mapping[str, Any] | None = None,
) -> Outcome:
    """Make an outcome of positions and integer money units, for rules that work on the market's integer columns.

    Parameters
    ----------
    market, details
        As for :func:`outcome`.
    name : str
        The mechanism.
    assignment : ndarray of int64, shape (n,)
        Position of each winner's requester, -1 for the others.
    payments : mapping position -> Fraction or int
        ``p_i * money_denominator``.
    price : Fraction, optional
        In integer money units per integer score unit.
    """
    if price is not None:
        _require_exact(name, price, "price")
        price = Fraction(price) * market.scaled.score_denominator / market.scaled.money_denominator
    for i in payments:
        if isinstance(i, bool) or not isinstance(i, int | np.integer) or not 0 <= i < market.n:
            raise InputError(f"{name} pays {i!r}, where the workers are 0 to {market.n - 1}", field="payments")
    return _pack(market, name, assignment, payments, market.scaled.money_denominator, price, details)


def _pack(
    market: Market,
    name: str,
    assignment: np.ndarray,
    payments: Mapping[int, Fraction | int],
    unit: int,
    price: Fraction | int | None,
    details: Mapping[str, Any] | None,
) -> Outcome:
    """Bring payments in units of ``1 / unit`` to one denominator."""
    for i, payment in payments.items():
        _require_exact(name, payment, "payments", f"worker {market.worker_ids[i]!r}")
    if price is not None:
        _require_exact(name, price, "price")
    common = math.lcm(*(int(payment.denominator) for payment in payments.values()))
    exact = [0] * market.n
    for i, payment in payments.items():
        exact[i] = int(payment.numerator) * (common // int(payment.denominator))
    return Outcome(
        mechanism=name,
        market=market,
        assignment=assignment,
        scaled_payments=integer_array(exact),
        payment_denominator=common * unit,
        score=Fraction(exact_sum(market.scaled.scores[assignment >= 0]), market.scaled.score_denominator),
        price=None if price is None else Fraction(price),
        details=details or {},
    )


def _require_exact(name: str, value: Any, field: str, row: str | None = None) -> None:
    if type(value) not in (int, Fraction) and (isinstance(value, bool) or not isinstance(value, Rational)):
        message = f"{name} returned {_brief(value)}, which is not exact: whole numbers and Fractions are"
        raise InputError(message, row=row, field=field)


class LimitError(CheckError):
    """A mechanism hires workers beyond a cap or a seat limit."""


def recheck(market: Market, name: str, found: Any) -> Outcome:
    """Return what a mechanism returned, once its allocation and its score are confirmed.

    Raises
    ------
    InputError
        If it is no Outcome, or its payments or its price are not exact.
    LimitError
        If the allocation breaks a cap or a seat limit.
    CheckError
        If the score is not that of the winners.
    """
    found = check_exact(market, name, found)
    broken = violation(market, "orp", found.assignment)
    if broken is not None:
        raise LimitError(f"{name}: {broken}")
    if found.score != Fraction(exact_sum(market.scaled.scores[found.assignment >= 0]), market.scaled.score_denominator):
        raise CheckError(f"{name}: reported score is not the score of its winners")
    return found


def check_exact(market: Market, name: str, found: Any) -> Outcome:
    """Return what a mechanism returned, once it is an outcome whose money is exact.

    Raises
    ------
    InputError
        If it is no Outcome, or its payments, their units or its price are anything but exact numbers.
    """
    if not isinstance(found, Outcome):
        what = "None" if found is None else type(found).__name__
        message = f"{name} returned {what}, not an Outcome: fedmech.extend.outcome(market, winners, payments) makes one"
        raise InputError(message, field="mechanism")
    payments: Any = found.scaled_payments
    whole = (
        isinstance(payments, np.ndarray)
        and payments.shape == (market.n,)
        and (
            payments.dtype.kind in "iu"
            or (payments.dtype == object and all(type(payment) is int for payment in payments))
        )
    )
    if not whole:
        message = f"{name} returned payments that are not one whole number for each of {market.n} workers; fedmech.extend.outcome makes them"
        raise InputError(message, field="payments")
    if type(found.payment_denominator) is not int or found.payment_denominator < 1:
        message = (
            f"{name} returned {found.payment_denominator!r} for the units of its payments, not a whole number from 1 on"
        )
        raise InputError(message, field="payment_denominator")
    if not isinstance(found.assignment, np.ndarray):
        raise InputError(
            f"{name} returned {_brief(found.assignment)} for its assignment, not an array", field="winners"
        )
    _require_exact(name, found.score, "score")
    if found.price is not None:
        _require_exact(name, found.price, "price")
    return found
