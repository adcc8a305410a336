"""DriftPay-CO with a stipend folded into the affordability test and the payments.

Source: DriftPay, section 7c, first design: a bonus that is publicly known and independent of bids and outcomes (stated; the
formulas are reconstructed). Every hired worker receives ``s_i`` on top of ``v_i pi``, so its net bid is ``max(b_i - s_i, 0)``.
Workers are sorted by net bid per score; ``k*`` is the largest prefix with ``rho_k M(S_k) + s(W_k) <= B``, where ``W_k`` is ORP's
optimum on it and ``s(W_k)`` its stipends; ``pi = min(rho_{k*+1}, (B - s(W_{k*})) / M(S_{k*}))`` and ``p_i = v_i pi + s_i``.

With ``largest`` this is also the paper's bonus-adjusted rule: ``stipends`` are what bonuses are worth on average, which bids are net of, ``largest`` what
they may come to, which the budget covers. Largest bonuses in both places keep the budget and lose truthfulness (claims D-7c-WORST, F-7c-WORST).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum, integer_array
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set, route
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)
from .parts.ratio_order import ratio_order

__all__ = ["default_bonus", "driftpay_stipend"]


def default_bonus(market: Market) -> list[Fraction]:
    """Return a tenth of the pooled budget, shared equally among all workers: what bonuses are if none are given."""
    return [Fraction(market.scaled.total_budget, 10 * max(market.n, 1) * market.scaled.money_denominator)] * market.n


@mechanism(
    "driftpay-stipend",
    summary="DriftPay-CO with a fixed stipend per winner folded into the budget test and the payments",
    source="DriftPay, section 7c (stated; formulas reconstructed)",
    claims=("truthful", "rational", "budget"),
    options=(
        Option("stipends", "vector", "one number or one per worker, >= 0; default B / (10 n)"),
        Option("largest", "vector", "the most that each may come to, for the budget test; default the stipends"),
    ),
)
def driftpay_stipend(
    market: Market, stipends: Sequence[Fraction] | None = None, largest: Sequence[Fraction] | None = None
) -> Outcome:
    """Run DriftPay-CO with stipends.

    Parameters
    ----------
    market : Market
    stipends : sequence of Fraction, length n, optional
        ``s_i >= 0``, independent of bids.
    largest : sequence of Fraction, length n, optional
        What each may have to be paid in the place of its stipend, at least that; it takes the stipend's place in the budget test.

    Returns
    -------
    Outcome
        Payments include the stipends. ``details`` holds ``k`` (``k*``) and ``stipends`` (the most that may be paid of them, in total).

    Raises
    ------
    InputError
        If a stipend is negative, or larger than the largest it may be.
    """
    given = default_bonus(market) if stipends is None else stipends
    if any(stipend < 0 for stipend in given):
        raise InputError("must be >= 0", field="option stipends")
    most = given if largest is None else largest
    if any(top < stipend for top, stipend in zip(most, given, strict=True)):
        raise InputError("must be at least the stipends", field="option largest")
    # In integer units of 1 / (money denominator * unit).
    unit = math.lcm(*((s * market.scaled.money_denominator).denominator for s in (*given, *most)))
    paid, tops = (
        integer_array([int(s * market.scaled.money_denominator * unit) for s in amounts]) for amounts in (given, most)
    )
    net = integer_array([max(int(b) * unit - int(s), 0) for b, s in zip(market.scaled.bids, paid, strict=True)])
    budget = market.scaled.total_budget * unit
    order = ratio_order(net, market.scaled.scores)

    def hire(k: int) -> tuple[np.ndarray, int, int, bool]:
        """ORP's optimum on the first ``k``, its score, the most its stipends come to, and whether the budget covers them."""
        weights = market.scaled.scores.copy()
        weights[order[k:]] = 0
        chosen = best_set(market, weights)
        score, bonus = exact_sum(market.scaled.scores[chosen]), exact_sum(tops[chosen])
        last = order[k - 1] if k else -1
        fits = k == 0 or int(net[last]) * score <= (budget - bonus) * int(market.scaled.scores[last])
        return chosen, score, bonus, fits

    low, k = 0, market.n
    if len(set(most)) == 1:
        # Equal stipends grow with the prefix, so the test is monotone.
        while low < k:
            middle = (low + k + 1) // 2
            low, k = (middle, k) if hire(middle)[-1] else (low, middle - 1)
    else:
        while not hire(k)[-1]:
            k -= 1
    chosen, score, bonus, _ = hire(k)
    payments: dict[int, Fraction] = {}
    price = None
    if score:
        price = Fraction(budget - bonus, score)
        if k < market.n:
            price = min(price, Fraction(int(net[order[k]]), int(market.scaled.scores[order[k]])))
        price /= unit
        payments = {i: int(market.scaled.scores[i]) * price + Fraction(int(paid[i]), unit) for i in chosen.tolist()}
    return build_scaled_outcome(
        market,
        "driftpay-stipend",
        route(market, chosen),
        payments,
        price=price,
        details={"k": k, "stipends": Fraction(bonus, unit * market.scaled.money_denominator)},
    )
