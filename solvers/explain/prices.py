"""LP prices: which caps, seats and budgets bind in the linear relaxation, and what one more unit of each is worth.

The relaxation lets workers be hired in parts.  Its dual values are prices in score per unit: of a place in a cap
``tau[l, j]``, of a seat of requester ``j``, of money.  They are prices of the *relaxation*: the integer optimum may
gain more or less from one more unit, and where several dual solutions exist the solver returns one of them.  The model
is written in cvxpy and solved by HiGHS in floating point; for the pooled problem the value of the relaxation and of one
more unit of budget are also computed exactly, by :mod:`.parametric`.

Source: OPT-FRAC, DriftPay section 6 (the relaxation is ours); the reading of its duals is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...models.display import Page, Readable, Table, show
from ...models.exact import exact_sum, integer_array
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ..control import Control, Stopped
from ..highs.interface import make_highs
from ..highs.tolerances import HIGHS_OPTIONS, LP_BINDING, LP_PRICE
from ..highs.watch import watched
from ..placement.matroid import best_set
from ..seated.parametric import price_of_money

__all__ = ["LimitPrice", "LinearRelaxation", "LpPrices", "check_priced", "lp_prices", "solve_lp"]

PRICED = ("orp", "opt", "opt-frac", "opt-sep", "cover")
"""The problems whose relaxation is priced."""


@dataclass(frozen=True)
class LimitPrice:
    """One limit in the relaxation.

    Attributes
    ----------
    kind : {'budget', 'seats', 'cap'}
    group, requester : str or None
        What it belongs to; both None for the pooled budget.
    limit, used : float
        The limit, and how much of it the relaxation's optimum uses.
    price : float
        Score per further unit (LP price, nonnegative).
    """

    kind: Literal["budget", "seats", "cap"]
    group: str | None
    requester: str | None
    limit: float
    used: float
    price: float

    @property
    def binding(self) -> bool:
        """Whether nothing of it is left."""
        return bool(self.limit - self.used <= LP_BINDING * max(1.0, abs(self.limit)))


SHOWN_PRICES = 20
"""Rows of one screen; `limits` has them all."""

LARGEST_EXPONENT = 150
LARGEST_FLOATED = Fraction(10) ** LARGEST_EXPONENT
"""Largest score or sum of money that has a price."""


@dataclass(frozen=True)
class LpPrices(Readable):
    """Prices of the linear relaxation of one problem.

    Attributes
    ----------
    problem : str
    value : float
        Optimal value of the relaxation, in score units, by HiGHS.
    exact_value : Fraction or None
        The same exactly, where it is known (pooled budget, or none).
    limits : tuple of LimitPrice
        The limits that bind or have a price: budgets first, then seats, then caps, dearest first.
    one_more_unit_of_budget : Fraction or None
        Exact gain of the relaxation if the pooled budget rises by one unit of money; None without a pooled budget.
    """

    problem: str
    value: float
    exact_value: Fraction | None
    limits: tuple[LimitPrice, ...]
    one_more_unit_of_budget: Fraction | None

    def page(self) -> Page:
        """Return the limits that bind or have a price, and what one more unit of budget is worth."""
        rows = [
            [
                limit.kind,
                limit.requester or "all",
                limit.group or "",
                f"{limit.used:g} of {limit.limit:g}",
                "yes" if limit.binding else "no",
                f"{limit.price:g}",
            ]
            for limit in self.limits[:SHOWN_PRICES]
        ]
        title = f"LP prices: what limits the linear relaxation (value {self.value:g}), score per further unit"
        head = ["limit", "requester", "group", "used", "binds", "LP price"]
        left, more = len(self.limits) - len(rows), self.one_more_unit_of_budget
        notes = [f"... and {left} more limits that bind (--json lists them all)"] if left > 0 else []
        if more is not None:
            notes.append(f"one more unit of budget: {show(more)} more score in the relaxation, exactly")
        return Page("", tables=[Table(head, rows, (3, 5), title)], notes=notes)


def lp_prices(market: Market, problem: str = "opt", control: Control | None = None) -> LpPrices:
    """Solve the linear relaxation and read off its prices.

    Parameters
    ----------
    market : Market
    problem : {'orp', 'opt', 'opt-frac', 'opt-sep', 'cover'}
        No budget, the pooled budget (twice), one budget per requester, or the pooled budget with coverage for scores: the
        facility-location relaxation.
    control : Control, optional
        Deadline.

    Returns
    -------
    LpPrices

    Raises
    ------
    InputError
        For another problem, if costs or coverage are missing where they matter, or if cvxpy is not installed.
    Stopped
        At the deadline.
    """
    check_priced(problem)
    control = control or Control()
    if not market.n or not market.m:
        # Nobody can be hired, and cvxpy has no variables without entries.
        nothing = Fraction(0)
        return LpPrices(problem, 0.0, nothing, (), nothing if market.m and problem in ("opt", "opt-frac") else None)
    relaxation = LinearRelaxation(market, problem, control)
    value = relaxation.maximise()
    exact, more = None, None
    if problem == "orp":
        exact = Fraction(
            exact_sum(market.scaled.scores[best_set(market, market.scaled.scores)]), market.scaled.score_denominator
        )
    elif problem not in ("opt-sep", "cover"):
        exact = price_of_money(market, control).value / market.scaled.score_denominator
        richer = integer_array(
            [int(market.scaled.budgets[0]) + market.scaled.money_denominator, *market.scaled.budgets[1:].tolist()]
        )
        more = (
            price_of_money(market.with_scaled(budgets=richer), control).value / market.scaled.score_denominator - exact
        )
    return LpPrices(problem, value, exact, relaxation.limits(), more)


def check_priced(problem: str) -> None:
    """Refuse a problem whose relaxation is not priced, or any while cvxpy is missing.

    Raises
    ------
    InputError
    """
    if problem not in PRICED:
        raise InputError(f"no LP prices for {problem!r}; there are {', '.join(PRICED)}", field="problem")
    if find_spec("cvxpy") is None:
        raise InputError("LP prices need cvxpy: install fedmech[prices]")


class LinearRelaxation:
    """The relaxation as a cvxpy problem, scores and money scaled to at most 1.

    With a pooled budget a worker's share need not be split by requester: group counts flow to requesters instead.

    Attributes
    ----------
    hired, placed, spent : cvxpy expressions, shapes (n,), (L, m) and (1,) or (m,)
        Share of each worker, places used, money spent (None without a budget).
    fixed : list of constraints
        What holds whatever is asked.
    cap_rows, seat_rows, budget_rows : constraints
        The limits that have prices; ``budget_rows`` is None without a budget.
    score_scale, money_scale : int
        What integer scores (or coverage) and money are divided by.
    unit : int
        Denominator of the scores, or of the coverage.
    """

    def __init__(self, market: Market, problem: str, control: Control) -> None:
        check_priced(problem)
        control.check()
        from scipy.sparse import csr_matrix

        # cvxpy makes objects of HiGHS itself, some versions when they are imported; the first of a process is made here, where
        # nothing is printed and what must not be used is refused.
        make_highs()
        cp: Any = import_module("cvxpy")
        self.cp = cp
        self.market, self.control = market, control
        n, m, n_groups = market.n, market.m, market.L
        worth = market.scaled.scores
        if problem == "cover":
            if market.scaled.coverage is None:
                raise InputError("problem cover needs every worker's coverage", row="workers", field="coverage")
            worth = market.scaled.coverage.ravel()
        self.unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
        self.score_scale = max((int(v) for v in worth), default=1) or 1
        _refuse_unfloated(self.score_scale, self.unit, "score")
        scores = _scaled(worth, self.score_scale)
        membership = csr_matrix((np.ones(n), (market.group_of, np.arange(n))), shape=(n_groups, n))
        self.seats = market.seats.astype(float)
        self.caps = market.caps.astype(float)
        if problem == "opt-sep":
            shares = cp.Variable((n, m), nonneg=True)
            self.hired = cp.sum(shares, axis=1)
            self.placed = membership @ shares
            self.fixed = [self.hired <= 1]
        else:
            self.hired = cp.Variable(n, nonneg=True)
            self.placed = cp.Variable((n_groups, m), nonneg=True)
            self.fixed = [self.hired <= 1, membership @ self.hired == cp.sum(self.placed, axis=1)]
        if problem == "cover":
            assert market.scaled.coverage is not None
            serves = cp.Variable(market.scaled.coverage.shape, nonneg=True)
            self.fixed += [serves <= cp.reshape(self.hired, (n, 1), order="C"), cp.sum(serves, axis=0) <= 1]
            self.score = cp.sum(cp.multiply(scores.reshape(market.scaled.coverage.shape), serves))
        else:
            self.score = scores @ self.hired
        self.cap_rows = self.placed <= self.caps
        self.seat_rows = cp.sum(self.placed, axis=0) <= self.seats
        self.budget_rows: Any = None
        self.spent: Any = None
        self.budgets = np.zeros(0)
        self.money_scale = 1
        if problem != "orp":
            costs = market.scaled.needed_costs
            self.money_scale = max((int(c) for c in costs), default=1) or 1
            for money in (self.money_scale, market.scaled.total_budget or 1):
                _refuse_unfloated(money, market.scaled.money_denominator, "cost")
            weights = _scaled(costs, self.money_scale)
            if problem == "opt-sep":
                self.spent, self.budgets = weights @ shares, _scaled(market.scaled.budgets, self.money_scale)
            else:
                self.spent = cp.reshape(weights @ self.hired, (1,), order="C")
                self.budgets = np.array([market.scaled.total_budget / self.money_scale])
            self.budget_rows = self.spent <= self.budgets

    @property
    def rows(self) -> list[Any]:
        """All constraints."""
        priced = [self.cap_rows, self.seat_rows] + ([] if self.budget_rows is None else [self.budget_rows])
        return self.fixed + priced

    def maximise(self) -> float:
        """Solve for the greatest score; return it in score units."""
        if not self.market.n or not self.market.m:
            return 0.0
        problem = self.cp.Problem(self.cp.Maximize(self.score), self.rows)
        solve_lp(self.cp, problem, self.control)
        return float(problem.value) * self.score_scale / self.unit

    def limits(self) -> tuple[LimitPrice, ...]:
        """Read the duals; call after :meth:`maximise`."""
        market = self.market
        if not market.n or not market.m:
            return ()
        # Duals are of the scaled rows: back in the file's units, score for score and money for money.
        per_score = self.score_scale / self.unit
        per_money = self.money_scale / market.scaled.money_denominator
        found: list[LimitPrice] = []
        if self.budget_rows is not None:
            duals, spent = np.atleast_1d(self.budget_rows.dual_value), np.atleast_1d(self.spent.value)
            pooled = len(self.budgets) == 1 and market.m != 1
            for j, dual in enumerate(duals.tolist()):
                name = None if pooled else market.requester_ids[j]
                limit, used = float(self.budgets[j]) * per_money, float(spent[j]) * per_money
                # HiGHS gives zeros of either sign, within its tolerance.
                found.append(LimitPrice("budget", None, name, limit, used, max(0.0, dual) * per_score / per_money))
        placed = np.asarray(self.placed.value)
        for j, dual in enumerate(np.atleast_1d(self.seat_rows.dual_value).tolist()):
            price = max(0.0, dual) * per_score
            found.append(
                LimitPrice(
                    "seats", None, market.requester_ids[j], float(self.seats[j]), float(placed[:, j].sum()), price
                )
            )
        duals = np.asarray(self.cap_rows.dual_value).reshape(self.caps.shape)
        used = (placed >= self.caps - LP_BINDING) | (duals > LP_PRICE)
        for l, j in np.argwhere(used).tolist():
            group, requester = market.group_ids[l], market.requester_ids[j]
            price = max(0.0, float(duals[l, j])) * per_score
            found.append(LimitPrice("cap", group, requester, float(self.caps[l, j]), float(placed[l, j]), price))
        order = {"budget": 0, "seats": 1, "cap": 2}
        shown = [limit for limit in found if limit.binding or limit.price > LP_PRICE * per_score]
        return tuple(sorted(shown, key=lambda limit: (order[limit.kind], -limit.price)))


def solve_lp(cp: Any, problem: Any, control: Control) -> None:
    """Solve with HiGHS, in floating point.

    Raises
    ------
    RuntimeError
        If HiGHS does not call the point optimal.
    Stopped
        At the deadline; cvxpy, which cannot be asked to stop, is left alone.
    """
    control.check()
    finished, stopped = watched(problem, lambda: problem.solve(solver=cp.HIGHS, **HIGHS_OPTIONS), lambda: None, control)
    if stopped == "interrupted":
        raise KeyboardInterrupt
    if not finished:
        raise Stopped("time-limit")
    if problem.status != cp.OPTIMAL:
        raise RuntimeError(f"HiGHS ended the LP with status {problem.status}")


def _refuse_unfloated(numerator: int, denominator: int, field: str) -> None:
    """Refuse numbers whose quotients leave the range of floats: prices are computed in floating point."""
    if not 1 / LARGEST_FLOATED < Fraction(numerator, denominator) < LARGEST_FLOATED:
        raise InputError(f"LP prices are floating point: no numbers beyond 1e{LARGEST_EXPONENT}", field=field)


def _scaled(values: NDArray, scale: int) -> NDArray[np.float64]:
    if values.dtype != object:
        return values.astype(np.float64) / scale
    return np.array([int(value) / scale for value in values], dtype=np.float64)
