"""What is said of those who buy a sharing market's model and use it on distributions of their own: other weights, other payments."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ...models.sharing.expression import OutsideDomain
from ...models.sharing.market import MotsMarket, State
from ...solvers.sharing.worth import utility_between
from .ruling import Between, Premise, Ruling, at_most

__all__ = ["buyers_rulings"]


def buyers_rulings(market: MotsMarket, state: State) -> Iterator[Ruling]:
    """Rule on weights of least error and on buyers' own errors, at one state with participants."""
    K, s = sum(state), market.client_variance
    plain = market.error(state) + 2 * s / K
    precision = _precision(market, state)
    weighted = s if precision is None else 1 / precision + s
    measure = "buyers' error, weights of least error / plain average"
    yield at_most("F-3-WEIGHTS", "market", measure, [], Between.exactly(weighted), plain, Fraction(1))
    yield _newcomers(market, state, precision)
    yield _left(market, state, plain)


def _precision(market: MotsMarket, state: State) -> Fraction | None:
    """Return the sum of 1 / (d v / D + s) over the participants; None where nothing varies, and everybody knows the truth."""
    if not market.noise and not market.client_variance:
        return None
    own = (market.noise / Fraction(entry.size) + market.client_variance for entry in market.types)
    return sum((k / error for k, error in zip(state, own, strict=True)), Fraction(0))


def _newcomers(market: MotsMarket, state: State, precision: Fraction | None) -> Ruling:
    """One more client under the weights of least error: what lies between buyers' error and s shrinks; the type that helps least is named."""
    claim, measure = "F-T1-WEIGHTS", "buyers' error less s, one client more / as it is"
    waiting = [i for i, (k, n) in enumerate(zip(state, market.counts, strict=True)) if k < n]
    premises = [
        Premise("some client does not participate", bool(waiting)),
        Premise("buyers' error is not s already", precision is not None),
    ]
    if not waiting or precision is None:
        return Ruling(claim, "market", measure, premises)
    own = {i: market.noise / Fraction(market.types[i].size) + market.client_variance for i in waiting}
    least = max(waiting, key=own.__getitem__)
    most, made_by = precision / (precision + 1 / own[least]), {"type": market.types[least].id}
    return at_most(claim, "market", measure, premises, Between.exactly(most), Fraction(1), Fraction(1), made_by=made_by)


def _left(market: MotsMarket, state: State, error: Fraction) -> Ruling:
    """What a buyer ends with less than a participant when SWAN prices the model by eq. (3)."""
    claim, measure = "F-BUYER-SWAN", "what a buyer ends with less than a participant > 0"
    premises = [Premise("clients differ: s > 0", market.client_variance > 0)]
    try:
        near, far = utility_between(market, market.error(state)), utility_between(market, error)
    except OutsideDomain:
        return Ruling(
            claim, "market", measure, [*premises, Premise("the utility is defined at a buyer's error", False)]
        )
    low, high = near[0] - far[1], near[1] - far[0]
    falls = True if low > 0 else False if market.utility.rational else None
    premises.append(Premise("the utility is less at a buyer's error", falls))
    if False in (premise.holds for premise in premises):
        return Ruling(claim, "market", measure, premises)
    return Ruling(
        claim, "market", measure, premises, attained=Between.exactly(low) if low == high else None, holds=falls
    )
