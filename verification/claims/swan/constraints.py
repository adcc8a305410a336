"""SWAN's problem 1: constraints (5), (10) and (11), its equivalence to problem 2, and how its optimum moves."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ....fl.sharing.comparators import fl_only
from ....fl.sharing.swan import Swan
from ....models.sharing.error_model import DerivationError
from ....models.sharing.market import MotsMarket
from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.sharing import LiteralMots, LiteralRivals, LiteralSwan
from ...proofs.constraints import AWAY, EQUIVALENT, EXCLUDED, EXISTS, LEAST_COST, MONOTONE, POPULATION, SCALED
from ...search.constraint_models import (
    away_models,
    dearer,
    equivalent_models,
    excluded_models,
    existing_models,
    least_cost_models,
    monotone_models,
    population_models,
    scaled_models,
    swan_games,
)
from ...search.finite_models import hold
from ...search.sharing_box import Box, document, first, states
from .mechanism import BOX, CLASS
from .states import HIGH, LOW, MARGINAL, optima

EXCLUDE_READING = Reading(
    "wherever some type is high, no optimal state has a participant of a low type",
    "low and high types, U strictly convex (the plainer reading of the assumption), W* > 0, costs that rise with the data; the client of much data costs more than its model adds",
    "where theta > 1/D_1, so that no type is low and nothing is said; or where many clients share the better model: the amended statement",
    "proved",
)
LEAST_READING = Reading(
    "(10) asks for the least that a non-profit platform, (5), adds where every client would rather keep its role in k* than abstain",
    "the paper's: low heterogeneity, increasing marginal utility, W* > 0; k* is not all-or-none, and the platform keeps money that (5) leaves it none of",
    "where k* is all-or-none, as proposition 1 has it, and whatever the sign of W*: the amended statement",
    "proved",
)
AWAY_READING = Reading(
    "(5), rewards no less than what buyers pay, in every state that clients may go to",
    "the paper's: low heterogeneity, increasing marginal utility, W* > 0, and k* an equilibrium",
    "of the patterns that f is made of (and wherever f is at least the welfare): the amended statement. At k* the platform's balance is zero",
    "proved",
)
MONOTONE_READING = Reading(
    "of both frameworks, whatever the market",
    "low heterogeneity, increasing marginal utility, W*_FL > 0: with all costs doubled the existing framework does without a client whose cost exceeds its utility, and pays nothing",
    "of the curves of figure 8; or of MoTS, in every market: the amended statement",
    "proved",
)

# A low type beside a high one -----------------------------------------------------------------------------------------

MIXED = replace(HIGH, sizes=(1, 2, 3, 9), client_variances=("1/2",))


def _includes_low(market: MotsMarket) -> bool:
    low = [market.is_low(i) for i in range(market.type_count)]
    best = optima(market)
    return (
        not all(low)
        and market.welfare(best[0]) > 0
        and all(any(k and is_low for k, is_low in zip(state, low, strict=True)) for state in best)
    )


def _literally_includes_low(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    kinds = range(len(market.N))
    best = market.best()
    return (
        any(market.N[i] and not market.is_low(i) for i in kinds)
        and market.W(best[0]) > 0
        and all(any(k[i] and market.is_low(i) for i in kinds) for k in best)
    )


@claim(
    "S-P1-EXCLUDE",
    source="SWAN, section IV-B, below proposition 1; its conditions on theta are lost",
    statement='"With high data distribution heterogeneity [...], the optimal social states exclude participants of [the low types], and only clients of [the high types] potentially '
    'contribute in FL model training."',
    expected="conditional",
    amended="proved",
    proof=EXCLUDED,
    recheck=_literally_includes_low,
)
def judge_exclude() -> Judgement:
    """The box of low types beside high ones."""
    tally = hold(EXCLUDED, excluded_models(itertools.islice(MIXED.markets(), 0, None, 25)))
    witness, seen = first(MIXED.markets(), _includes_low)
    assert witness is not None
    return Judgement(
        "conditional",
        f"every market of a box, smallest first; the amended statement by a chain for all markets (an optimal state never mixes the two, F-HIGH-ALONE); {tally}",
        f"all parameters for the amended statement; witness the first of {seen} in: {MIXED.describe()}",
        document(
            witness, "the client of the high type costs more than its better model is worth; the low type participates"
        ),
        "the difference in cost to some high type h is less than what its better model is worth to all: c_h - c_i < N [U(d v / D_h) - U(s)] for each low type i",
        "proved",
        reading=EXCLUDE_READING,
    )


# (11) -----------------------------------------------------------------------------------------------------------------


@claim(
    "S-11-EXIST",
    source="SWAN, section III-C, constraint (11), the existence half; the mechanism (18)-(22) reconstructed",
    statement='"[(11)] captures client optimality, guaranteeing the existence [...] of the client-side Nash equilibrium": under SWAN, wherever its incentive ratio is defined, some state in which '
    "everybody has the model is an equilibrium against other roles and against abstaining (whether k* is: S-T3-STATE)",
    expected="proved",
    proof=EXISTS,
)
def judge_exists() -> Judgement:
    """A state of greatest share; in every market of the box by looking at each single client."""
    checked = 0
    for market, mechanism in swan_games(
        itertools.chain(itertools.islice(BOX.markets(), 0, None, 5), itertools.islice(HIGH.markets(), 0, None, 30))
    ):
        top = max(states(market), key=mechanism.share)
        share = mechanism.share(top)
        moved = [
            (*top[:i], top[i] + by, *top[i + 1 :])
            for i, n in enumerate(market.counts)
            for by in (-1, 1)
            if 0 <= top[i] + by <= n
        ]
        if share < 0 or any(mechanism.share(k) > share for k in moved):
            raise DerivationError("no equilibrium")
        checked += 1
    tally = hold(EXISTS, existing_models(itertools.islice(BOX.markets(), 0, None, 40)))
    return Judgement(
        "proved",
        f"a chain for all markets; {tally}",
        f"all parameters; {checked} markets of two boxes, low and high, besides",
    )


# (10) and (5) ---------------------------------------------------------------------------------------------------------


def _literal_cost(literal: LiteralSwan, k: tuple[int, ...]) -> Fraction | None:
    """What SWAN costs the platform in a state of a market without requirement and with W* > 0."""
    market = literal.market
    best = market.W(market.best()[0])
    corners = [literal.f(p)[0] for p in itertools.product(*({0, n} for n in market.N))]
    target = max(market.best(), key=lambda state: literal.f(state)[0])
    spread = market.W(target) - min(corners)
    if market.max_error is not None or best <= 0 or not spread:
        return None
    share = best / spread * (literal.f(k)[0] - min(corners)) / sum(market.N)
    # Buyers pay U - share, participants are paid c + share - U.
    worth = market.U(market.error(k))
    rewards = sum((n * (c + share - worth) for n, c in zip(k, market.c, strict=True)), Fraction(0))
    return rewards - (sum(market.N) - sum(k)) * (worth - share)


def _literally_keeps_money(witness: Mapping[str, Any]) -> bool:
    literal = LiteralSwan(witness)
    costs = [_literal_cost(literal, k) for k in literal.market.best()]
    return all(cost is not None and cost < 0 for cost in costs)


def _keeps_money(market: MotsMarket) -> bool:
    return any(
        mechanism.welfare > 0 and mechanism.incentive_cost(mechanism.target) < 0
        for _, mechanism in swan_games([market])
    ) and _literally_keeps_money(market.to_document())


@claim(
    "S-10-MIN",
    source="SWAN, constraint (10) and below theorem 3; formulas (5), (10) and (18)-(22) reconstructed",
    statement='"At the optimal social states [...], the SWAN mechanism minimizes the platform\'s additional incentive costs": no prices and rewards under which every client would rather keep its '
    "role in k* than abstain, and rewards are no less than what buyers pay, (5), cost the platform less; the least is max(0, -W*), up to the little that SWAN shares where W* <= 0",
    expected="conditional",
    amended="proved",
    proof=LEAST_COST,
    recheck=_literally_keeps_money,
)
def judge_least_cost() -> Judgement:
    """Payoffs add up to the welfare and what the platform adds."""
    markets = itertools.chain(
        itertools.islice(BOX.markets(), 0, None, 15), itertools.islice(HIGH.markets(), 0, None, 40), _worthless()
    )
    tally = hold(LEAST_COST, least_cost_models(markets, 1))
    witness, seen = first(CLASS.markets(), _keeps_money)
    assert witness is not None
    return Judgement(
        "conditional",
        f"a chain for all markets and all payments; {tally}; every market of a box, smallest first",
        f"all parameters for the amended statement; witness the first of {seen} in: {CLASS.describe()}",
        document(witness, "k* is not all-or-none, f(k*) < L(k*), and the platform keeps a part of the welfare"),
        "f(k*) = L(k*): every type is high, or k* is all-or-none",
        "proved",
        reading=LEAST_READING,
    )


def _worthless() -> list[MotsMarket]:
    """Two markets whose best state is worth nothing, and less than nothing."""
    given = {"sizes": [1, 2], "counts": [1, 1], "utility": {"expression": "1/(eps + 1)"}}
    return [MotsMarket.build(costs=costs, **given) for costs in ([5, 7], [1, 3])]


def _runs_a_profit(market: MotsMarket, mechanism: Swan) -> bool:
    return any(mechanism.incentive_cost(k) < 0 for k in states(market))


def _literal_profit(witness: Mapping[str, Any]) -> bool:
    literal = LiteralSwan(witness)
    costs = [_literal_cost(literal, k) for k in literal.market.states()]
    at_best = [_literal_cost(literal, k) for k in literal.market.best()]
    return None not in costs and at_best == [0] * len(at_best) and min(cost for cost in costs if cost is not None) < 0


def _elsewhere(market: MotsMarket) -> bool:
    return any(
        mechanism.welfare > 0 and _runs_a_profit(market, mechanism) and _literal_profit(market.to_document())
        for _, mechanism in swan_games([market])
    )


@claim(
    "S-5",
    source="SWAN, section III-B, constraint (5) reconstructed, away from k*",
    statement='"We consider a non-profit platform, leveraging all buyer payments to incentivize client participation [...], such that [rewards are no less than what buyers pay]": under SWAN in '
    "every state, not at k* alone",
    expected="conditional",
    amended="proved",
    proof=AWAY,
    recheck=_literal_profit,
)
def judge_away() -> Judgement:
    """The balance in every state."""
    tally = hold(AWAY, away_models(itertools.islice(BOX.markets(), 0, None, 10)))
    witness, seen = first(CLASS.markets(), _elsewhere)
    assert witness is not None
    return Judgement(
        "conditional",
        f"a chain for all markets; {tally}; every market of a box, smallest first",
        f"all parameters for the amended statement; witness the first of {seen} in: {CLASS.describe()}",
        document(witness, "at k* the platform is balanced; in a state between the patterns it keeps money"),
        "W* > 0, L_min <= 0 and, in the state in question, f >= W: in particular on the all-or-none patterns, without a requirement; there the platform adds "
        "-L_min (W* - W) / (W* - L_min), nothing if L_min = 0",
        "proved",
        reading=AWAY_READING,
    )


# Problems 1 and 2 -----------------------------------------------------------------------------------------------------


@claim(
    "S-P12-EQUIV",
    source="SWAN, section IV-B, below lemma 1",
    statement='"[Lemma 1] allows us to later reformulate [problem 1] into an equivalent yet simpler form": with a utility that is positive, a state with its buyers is best in problem 1, its '
    "constraints (10) and (11) included, if and only if the state is best in problem 2 and all others buy",
    expected="proved",
    proof=EQUIVALENT,
)
def judge_equivalent() -> Judgement:
    """Lemma 1, and payments that make any state the only equilibrium at the least cost."""
    boxes = (itertools.islice(LOW.markets(), 0, None, 60), itertools.islice(HIGH.markets(), 0, None, 90))
    tally = hold(EQUIVALENT, equivalent_models(itertools.chain(*boxes)))
    return Judgement("proved", f"a chain for all markets, on F-T3-UNIQUE; {tally}", "all parameters")


# Larger populations ---------------------------------------------------------------------------------------------------


def _aligned(market: MotsMarket) -> bool:
    least = min(map(market.error, states(market)))
    return any(market.error(k) == least for k in optima(market))


@claim(
    "S-P2-N",
    source="SWAN, section IV-B, below proposition 2",
    statement='"In the MoTS framework, the larger client population will amplify the positive externality of model improvements, thereby fostering the alignment between maximizing [welfare] and '
    'minimizing [the error]": if more clients buy, (16) and (17) go on to hold, a state of least error that is best stays best, and from some population on no other is; if every type has '
    "m times the clients, then under increasing marginal utility a state of least error that is best among the all-or-none ones stays so",
    expected="proved",
    proof=(POPULATION, SCALED),
)
def judge_population() -> Judgement:
    """N in front of the utility, and a better model set apart by more."""
    tally = hold(POPULATION, population_models(itertools.islice(LOW.markets(), 0, None, 120)))
    scaled = hold(SCALED, scaled_models(itertools.islice(LOW.markets(), 0, None, 120)))
    utility = MARGINAL[1]
    few, many = (MotsMarket.build(sizes=[1], counts=[n], costs=[3], utility=utility) for n in (1, 2))
    if not _aligned(few) or _aligned(many):
        raise DerivationError("the market of one client or two")
    return Judgement(
        "proved",
        f"two chains for all markets, increasing marginal utility as convexity in 1/(eps - s); {tally}; m times the clients: {scaled}. That low types are all-or-none fails for single clients "
        "alone (S-P1-LOW), and so does this: of one client of size 1 and cost 3, U = 1 + 1/eps, welfare and error agree, of two they do not",
        "all parameters",
    )


# Costs and requirements -----------------------------------------------------------------------------------------------

EXISTING = Box((1, 2), (1, 2, 9), (1, 2), (0, 3, 6), MARGINAL[1:2], (0,))


def _literally_pays_less(witness: Mapping[str, Any]) -> bool:
    double = {**witness, "types": [{**row, "cost": str(2 * Fraction(row["cost"]))} for row in witness["types"]]}
    before, after = LiteralRivals(witness).fl_only(), LiteralRivals(double).fl_only()
    return min(paid for _, paid in before) > max(paid for _, paid in after) and before[0][0] > 0 < after[0][0]


def _pays_less(market: MotsMarket) -> bool:
    before, after = fl_only(market), fl_only(dearer(market, 2))
    return before.incentive_cost > after.incentive_cost and _literally_pays_less(market.to_document())


@claim(
    "S-V-MONO",
    source="SWAN, section V-C2, on figures 8 and 9",
    statement='"As the participation cost increases or the error requirement becomes more stringent, social welfare decreases and incentive costs rise for both frameworks."',
    expected="conditional",
    amended="proved",
    proof=MONOTONE,
    recheck=_literally_pays_less,
)
def judge_monotone() -> Judgement:
    """A maximum over fewer states of lower values; and a market where FL without a market pays less at doubled costs."""
    markets = itertools.chain(
        itertools.islice(BOX.markets(), 0, None, 60), itertools.islice(LOW.markets(), 0, None, 160), _worthless()
    )
    tally = hold(MONOTONE, monotone_models(markets))
    witness, seen = first(EXISTING.markets(), _pays_less)
    assert witness is not None
    return Judgement(
        "conditional",
        f"a chain for all markets, falling and rising read weakly; {tally}; every market of a box, smallest first",
        f"all parameters for the amended statement; witness the first of {seen} in: {EXISTING.describe()}",
        document(witness, "without a market for the model, twice the costs lower what the platform adds"),
        "of MoTS, where f(k*) = L(k*): the welfare never rises and SWAN's incentive cost never falls, whatever costs rise and however the requirement is tightened",
        "proved",
        reading=MONOTONE_READING,
    )
