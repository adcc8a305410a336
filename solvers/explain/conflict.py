"""Why a request cannot be met: which targets, budgets, seats and caps rule each other out.

The linear relaxation is asked to miss the targets by as little as possible.  What has a price there may take part in the
conflict, a deletion filter leaves an irreducible part of it, and its multipliers are confirmed in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum, integer_array, parse_number
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ..control import Control
from ..highs.tolerances import LP_BINDING, LP_PRICE
from ..placement.matroid import best_set
from .prices import LinearRelaxation, solve_lp

__all__ = ["Conflict", "find_conflict"]


@dataclass(frozen=True)
class Conflict:
    """Why a request cannot be met.

    Attributes
    ----------
    targets : tuple of str
        The targets that take part.
    limits : tuple of str
        The budgets, seats and caps that take part: these alone rule the targets out in the relaxation, and without any
        one of them the others do not.  Other limits may rule them out as well.
    shortfall : float
        Least total amount by which the relaxation misses the targets, each measured relative to itself.
    proved : bool
        Whether exact arithmetic confirms that no assignment meets these targets.
    """

    targets: tuple[str, ...]
    limits: tuple[str, ...]
    shortfall: float
    proved: bool


def find_conflict(
    market: Market,
    *,
    min_score: Any = None,
    coverage_targets: Sequence[Any] | None = None,
    problem: str = "opt",
    control: Control | None = None,
) -> Conflict | None:
    """Find constraints that together rule out a request.

    Parameters
    ----------
    market : Market
    min_score : number, optional
        Total score wanted.
    coverage_targets : sequence of numbers or None, shape (R,), optional
        Coverage wanted of each probe; None for no wish.  A probe is covered to a level by hiring one worker who does.
    problem : {'orp', 'opt', 'opt-sep'}
        Which budgets hold.
    control : Control, optional
        Deadline.

    Returns
    -------
    Conflict or None
        None if the linear relaxation can meet the request (the integer problem may still not).

    Raises
    ------
    InputError
        If nothing is requested, coverage is missing, or cvxpy is not installed.
    Stopped
        At the deadline.

    Notes
    -----
    The relaxation minimises the total relative shortfall.  Limits with a price there can take part in the conflict; a
    deletion filter then drops every target and limit without which the shortfall stays.  The conflict is confirmed
    exactly by its multipliers: no placeable set reaches the weighted targets at the price of money found.
    """
    control = control or Control()
    names, gains, wanted = _targets(market, min_score, coverage_targets)
    if not names:
        raise InputError("give a score or coverage levels to reach", field="min_score")
    if not market.n or not market.m:
        return Conflict(tuple(names), (), float(len(names)), True)
    relaxation = LinearRelaxation(market, problem, control)
    cp = relaxation.cp
    missing = cp.Variable(len(names), nonneg=True)
    reach = [_scaled_target(gain, want) @ relaxation.hired + missing[t] >= 1 for t, (gain, want) in
             enumerate(zip(gains, wanted, strict=True))]  # fmt: skip
    everything = cp.Problem(cp.Minimize(cp.sum(missing)), relaxation.rows + reach)
    solve_lp(cp, everything, control)
    shortfall = float(everything.value)
    if shortfall <= LP_BINDING:
        return None
    # The duals weigh the targets into one sum; that no affordable set reaches this sum can be tested in integers.
    weights = [max(0.0, float(np.ravel(row.dual_value)[0])) for row in reach]
    price = 0.0 if relaxation.budget_rows is None else float(np.max(relaxation.budget_rows.dual_value, initial=0.0))
    proved = _confirmed(market, relaxation, gains, wanted, weights, price)
    kept_targets = [t for t, weight in enumerate(weights) if weight > LP_PRICE]
    # What has no price here takes no part. Of the others each is tried without: if the targets are missed still, it goes.
    limits = _named_limits(relaxation)
    for name in list(limits):
        fewer = {other: row for other, row in limits.items() if other != name}
        if _shortfall(relaxation, list(fewer.values()), [reach[t] for t in kept_targets], missing) > LP_BINDING:
            limits = fewer
    for t in list(kept_targets):
        rest = [other for other in kept_targets if other != t]
        if rest and _shortfall(relaxation, list(limits.values()), [reach[o] for o in rest], missing) > LP_BINDING:
            kept_targets = rest
    return Conflict(tuple(names[t] for t in kept_targets), tuple(limits), shortfall, proved)


def _targets(market: Market, min_score: Any, coverage_targets: Sequence[Any] | None):
    """Return names, integer gains per worker and integer amounts wanted, one entry per target that asks for anything."""
    names: list[str] = []
    gains: list[NDArray] = []
    wanted: list[Fraction] = []
    if min_score is not None and parse_number(min_score) > 0:
        names.append(f"score of at least {min_score}")
        gains.append(market.scaled.scores)
        wanted.append(parse_number(min_score) * market.scaled.score_denominator)
    if coverage_targets is not None:
        if market.scaled.coverage is None:
            raise InputError("coverage targets need every worker's coverage", row="workers", field="coverage")
        if len(coverage_targets) != market.scaled.coverage.shape[1]:
            raise InputError(
                f"expected {market.scaled.coverage.shape[1]} coverage targets, got {len(coverage_targets)}"
            )
        for r, level in enumerate(coverage_targets):
            if level is None or parse_number(level) <= 0:
                continue
            enough = parse_number(level) * market.scaled.coverage_denominator
            names.append(f"coverage of probe {r + 1} of at least {level}")
            gains.append(np.array([int(int(z) >= enough) for z in market.scaled.coverage[:, r]], dtype=np.int64))
            wanted.append(Fraction(1))
    return names, gains, wanted


def _scaled_target(gain: NDArray, want: Fraction) -> NDArray[np.float64]:
    return np.array([float(int(g) / want) for g in gain])


def _confirmed(market: Market, relaxation: LinearRelaxation, gains, wanted, weights: list[float], price: float) -> bool:
    """Check in integers that no placeable affordable set reaches the targets weighted as the dual says.

    Any nonnegative multipliers are valid: if ``max over placeable sets of sum_t w_t gain_t - q cost``, plus ``q B``, stays
    below ``sum_t w_t wanted_t``, some target is missed.  Separate budgets imply the pooled one, so they are covered too.
    """
    shares = [Fraction(weight).limit_denominator(10**6) / want for weight, want in zip(weights, wanted, strict=True)]
    q = Fraction(price).limit_denominator(10**6) / relaxation.money_scale
    common = int(np.lcm.reduce([share.denominator for share in [*shares, q]], dtype=object))
    total = [0] * market.n
    for share, gain in zip(shares, gains, strict=True):
        factor = int(share * common)
        total = [so_far + factor * int(g) for so_far, g in zip(total, gain, strict=True)]
    money = int(q * common)
    if money:
        total = [so_far - money * int(c) for so_far, c in zip(total, market.scaled.needed_costs, strict=True)]
    values = integer_array(total)
    most = exact_sum(values[best_set(market, values)]) + (money * market.scaled.total_budget if money else 0)
    return most < sum(share * want for share, want in zip(shares, wanted, strict=True)) * common


def _named_limits(relaxation: LinearRelaxation) -> dict[str, Any]:
    """Return the limits with a price in the solved shortfall problem, each as a constraint of its own."""
    market = relaxation.market
    limits: dict[str, Any] = {}
    if relaxation.budget_rows is not None:
        for j, dual in enumerate(np.atleast_1d(relaxation.budget_rows.dual_value).tolist()):
            if dual > LP_PRICE:
                pooled = len(relaxation.budgets) == 1 and market.m != 1
                name = "pooled budget" if pooled else f"budget of {market.requester_ids[j]}"
                limits[name] = relaxation.spent[j] <= relaxation.budgets[j]
    seats = np.atleast_1d(relaxation.seat_rows.dual_value)
    for j in np.flatnonzero(seats > LP_PRICE).tolist():
        filled = relaxation.cp.sum(relaxation.placed[:, j])
        limits[f"seats of {market.requester_ids[j]}"] = filled <= relaxation.seats[j]
    caps = np.asarray(relaxation.cap_rows.dual_value).reshape(relaxation.caps.shape)
    for l, j in np.argwhere(caps > LP_PRICE).tolist():
        name = f"cap of group {market.group_ids[l]} at {market.requester_ids[j]}"
        limits[name] = relaxation.placed[l, j] <= relaxation.caps[l, j]
    return limits


def _shortfall(relaxation: LinearRelaxation, limits: list[Any], reach: list[Any], missing: Any) -> float:
    problem = relaxation.cp.Problem(
        relaxation.cp.Minimize(relaxation.cp.sum(missing)), relaxation.fixed + limits + reach
    )
    solve_lp(relaxation.cp, problem, relaxation.control)
    return float(problem.value)
