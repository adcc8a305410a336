"""SWAN sections IV-B and IV-C: propositions 2 and 3, in boxes of small markets and by algebra."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import sympy

from ....fl.sharing.joining import Join, joins_of_clients, joins_of_types
from ....models.sharing.error_model import DerivationError
from ....models.sharing.market import MotsMarket, State
from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.sharing import LiteralMots
from ...proofs.states import MORE_WELFARE
from ...search.finite_models import hold
from ...search.mots_models import served_models
from ...search.sharing_box import (
    Box,
    document,
    first,
    states,
)
from .states import (
    CONVEX,
    HIGH,
    LOW,
    LOW_REQUIRED,
    all_low,
    binds,
    literally_binds,
    optima,
    served_welfare,
)

HIGH_READING = Reading(
    "(17) as reconstructed, for clients joining one by one; where joining lowers no error it asks nothing",
    "high types only, a strictly convex utility (the plainer reading of the assumption)",
    "with an optimum of one client (F-HIGH-ALONE) the two coincide where the cheapest client is the one with most data",
    "argued",
)
HIGH_THREE = Box((1, 2, 3), (1, 2, 3), (1,), (0, 2, 3), CONVEX, (2,), requirement=True)

# Proposition 2 ------------------------------------------------------------------------------------------------------


def _worth_while(W: Callable[[State], Fraction], error: Callable[[State], Fraction], joins: Iterable[Join]) -> bool:
    """Conditions (16) and (17): wherever one of the joins lowers the error, it gains no less than it costs."""
    return all(W(after) >= W(before) for before, after, _ in joins if error(after) < error(before))


def _disagree(best: list[State], least: list[State]) -> bool:
    return not set(best) & set(least)


def _misaligned(market: MotsMarket, *, low: bool) -> bool:
    if all_low(market) != low or (not low and any(market.is_low(i) for i in range(market.type_count))):
        return False
    least = min(map(market.error, states(market)))
    best = optima(market)
    if market.welfare(best[0]) <= 0 or any(market.error(k) == least for k in best):
        return False
    if low:
        return _worth_while(market.welfare, market.error, joins_of_types(market.counts))
    return _worth_while(market.welfare, market.error, joins_of_clients(market.counts))


def _literal_misaligned(witness: Mapping[str, Any], *, low: bool) -> bool:
    market = LiteralMots(witness)
    if any(market.is_low(i) != low for i in range(len(market.D))):
        return False
    if low:
        holds = _worth_while(market.W, market.error, joins_of_types(tuple(market.N)))
    else:
        holds = _worth_while(market.W, market.error, joins_of_clients(tuple(market.N)))
    best = market.best()
    return holds and market.W(best[0]) > 0 and _disagree(best, market.least_error())


def _patterns_market() -> MotsMarket:
    """Three types whose error has two local minima over all-or-none patterns; (16) holds, welfare takes the worse one."""
    return MotsMarket.build(
        sizes=[3, 4, 12],
        counts=[1, 1, 1],
        costs=["1/2", "17/4", "39/4"],
        utility={"family": "inverse-gap", "a": 1, "p": 1},
    )


@claim(
    "S-P2-LOW",
    source="SWAN, proposition 2, first item, eq. (16) reconstructed: N [U(eps(S + i)) - U(eps(S))] >= N_i c_i wherever type i in"
    " full lowers the error of the full types S",
    statement="Under (16), with every type low, maximising welfare is equivalent to minimising the error.",
    expected="refuted",
    recheck=lambda witness: _literal_misaligned(witness, low=True),
)
def judge_alignment_low() -> Judgement:
    """A market of three types in the paper's class; a box besides."""
    _, seen = first(LOW.markets(), lambda market: _misaligned(market, low=True))
    market = _patterns_market()
    patterns = [p for p in itertools.product(*({0, n} for n in market.counts)) if any(p)]
    best, least = max(patterns, key=market.welfare), min(patterns, key=market.error)
    if not _worth_while(market.welfare, market.error, joins_of_types(market.counts)) or market.error(
        best
    ) == market.error(least):
        raise DerivationError("the market of three types")
    return Judgement(
        "refuted",
        "a market of three types, one client each, found among random ones: the error has two local minima over patterns of full types, and (16), which asks about"
        " steps of one type, does not connect them",
        f"U = 1/eps at theta = 0. Where there is one type only (16) asks nothing, and {seen} markets of a box do: {LOW.describe()}",
        document(market, f"(16) holds, in several steps; best state {best}, state of least error {least}"),
        reading=Reading(
            "(16) as reconstructed, for types joining in full one after another",
            "the paper's: every type low, increasing marginal utility, W* > 0, (16) not empty",
            "if (16) compared every set of types with every larger one the two would coincide among all-or-none states",
            "argued",
        ),
    )


@claim(
    "S-P2-LOW-REQ",
    source="SWAN, proposition 2, first item, with an error requirement",
    statement="Under (16), with every type low, for any feasible requirement the optimal state is one of least error.",
    expected="refuted",
    recheck=lambda witness: literally_binds(witness) and _literal_misaligned(witness, low=True),
)
def judge_alignment_low_required() -> Judgement:
    """The box under each reachable error that excludes the unconstrained optimum."""
    witness, seen = first(LOW_REQUIRED.markets(), lambda market: _misaligned(market, low=True) and binds(market))
    assert witness is not None
    return Judgement(
        "refuted",
        "every market of a box, smallest first, with requirements that bind",
        f"witness the first of {seen} in: {LOW_REQUIRED.describe()}",
        document(
            witness, "(16) holds and the requirement binds; the best state meets it without having the least error"
        ),
        reading=Reading(
            "one type, where (16) asks nothing",
            "every type low, increasing marginal utility, W* > 0; but a single type",
            "with several types and a condition that is not empty: none among some 3,400 random markets whose costs are the largest that (16) allows",
            "supported",
        ),
    )


@claim(
    "S-P2-HIGH",
    source="SWAN, proposition 2, second item, eq. (17) reconstructed: N [U(eps(S + 1)) - U(eps(S))] >= c_i wherever one client of"
    " type i lowers the error of a coalition S",
    statement="Under (17), with every type high, maximising welfare is equivalent to minimising the error.",
    expected="refuted",
    recheck=lambda witness: _literal_misaligned(witness, low=False),
)
def judge_alignment_high() -> Judgement:
    """The box of markets with high types only."""
    witness, seen = first(HIGH.markets(), lambda market: _misaligned(market, low=False))
    assert witness is not None
    return Judgement(
        "refuted",
        "every market of a box, smallest first; joining cannot replace one client by another of more data",
        f"witness the first of {seen} in: {HIGH.describe()}",
        document(
            witness,
            "no client's joining lowers any error, so (17) holds; the cheaper client alone is best, the other has"
            " the lower error",
        ),
        reading=HIGH_READING,
    )


@claim(
    "S-P2-HIGH-REQ",
    source="SWAN, proposition 2, second item, with an error requirement",
    statement="Under (17), with every type high, for any feasible requirement the optimal state is one of least error.",
    expected="refuted",
    recheck=lambda witness: literally_binds(witness) and _literal_misaligned(witness, low=False),
)
def judge_alignment_high_required() -> Judgement:
    """The box of markets with high types only, each reachable error that binds."""
    witness, seen = first(HIGH_THREE.markets(), lambda market: _misaligned(market, low=False) and binds(market))
    assert witness is not None
    return Judgement(
        "refuted",
        "every market of a box, smallest first, with requirements that bind",
        f"witness the first of {seen} in: {HIGH_THREE.describe()}",
        document(witness, "(17) holds; the best state that meets the requirement does not have the least error"),
        reading=HIGH_READING,
    )


# Proposition 3 ------------------------------------------------------------------------------------------------------


@claim(
    "S-P3",
    source="SWAN, proposition 3",
    statement='"For any error requirement, the MoTS framework achieves [W* >= W*_FL], where [W*_FL] indicates the maximum'
    ' achievable social welfare under the existing FL framework with identical model performance."',
    expected="proved",
    proof=MORE_WELFARE,
)
def judge_dominance() -> Judgement:
    """(23) is (7) with no buyers, so its maximum is over a subset; the box besides."""
    K, b, U, C = sympy.symbols("K b U C")
    mots, existing = (K + b) * U - C, K * U - C
    if sympy.expand(mots.subs(b, 0) - existing) != 0:
        raise DerivationError("(23) is not (7) without buyers")
    checked = 0
    for box in (LOW, HIGH):
        for market in box.markets():
            values = served_welfare(market)
            best, alone = max(values)[0], max(value for value, _, b in values if b == 0)
            if best < alone:
                raise DerivationError("proposition 3 fails")
            checked += 1
    tally = hold(MORE_WELFARE, served_models(itertools.islice(HIGH.markets(), 0, None, 60)))
    return Judgement(
        "proved",
        f"a chain for all markets; {tally}; sympy: (23) is (7) with nobody buying, and every state without buyers is a state of MoTS with the same error",
        f"all parameters, whatever the sign of the utility; {checked} markets of two boxes besides",
    )
