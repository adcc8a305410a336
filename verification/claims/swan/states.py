"""SWAN section IV-B: lemma 1 and proposition 1, in boxes of small markets and by algebra."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy

from ....fl.sharing.joining import stationary
from ....models.sharing.error_model import DerivationError
from ....models.sharing.market import MotsMarket, State
from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.sharing import LiteralMots
from ...proofs.states import ALONE, EVERYBODY
from ...search.finite_models import hold
from ...search.mots_models import alone_models, served_models
from ...search.sharing_box import (
    Box,
    document,
    first,
    states,
)

MARGINAL = (
    {"family": "inverse-gap", "a": 1, "p": 1},
    {"expression": "1 + 1/(eps - client_variance)"},
    {"family": "inverse-gap", "a": 1, "p": 2},
)
"""Utilities that fulfil the paper's assumption of increasing marginal utility above the client variance."""
CONVEX = ({"family": "inverse", "a": 4, "e0": 2},)
"""A utility with ``U' < 0 < U''``, the plainer reading of the paper's assumption. What is reconstructed of it asks for more, above the client variance only,
where a lone client of a high type never is: there the class is empty."""
LOW_READING = Reading(
    "of every market of low types, one client alone included",
    "the paper's: every type low, increasing marginal utility, W* > 0",
    "but for states of a single client: the amended statement",
    "argued",
)
HIGH_READING = Reading(
    "k_i^o is the stationary point of the Lagrangian in k_i, participants being counted as real numbers",
    "high types only, a strictly convex utility (the plainer reading of the assumption; the reconstructed class is empty at the error of a lone high client)",
    "k_i^o stands for whatever partial participation is best: then the proposition says nothing, and what is true is the corrected statement",
    "proved",
)

LOW = Box((1, 2), (1, 2, 3), (1, 2, 3), (0, 1, 3, 4), MARGINAL, (0, "1/4"))
LOW_REQUIRED = Box((1, 2), (1, 2, 3), (1, 2, 3), (0, 1, 3, 4), MARGINAL, (0, "1/4"), requirement=True)
HIGH = Box((1, 2), (1, 2, 3, 9), (1, 2, 3), (0, "1/4", 1), CONVEX, ("1/2", 2))
HIGH_REQUIRED = Box((1, 2), (1, 2, 3, 9), (1, 2, 3), (0, "1/4", 1), CONVEX, ("1/2", 2), requirement=True)


def all_low(market: MotsMarket) -> bool:
    """Whether every type is of low heterogeneity."""
    return all(market.is_low(i) for i in range(market.type_count))


def optima(market: MotsMarket) -> list[State]:
    """All optimal states of problem 2."""
    allowed = [k for k in states(market) if market.max_error is None or market.error(k) <= market.max_error]
    values = {k: market.welfare(k) for k in allowed}
    most = max(values.values())
    return [k for k in allowed if values[k] == most]


def binds(market: MotsMarket) -> bool:
    """Whether the requirement excludes every optimum that there is without it."""
    return not any(market.meets_requirement(k) for k in optima(market.with_max_error(None)))


def literally_binds(witness: Mapping[str, Any]) -> bool:
    """The same, literally."""
    market, free = LiteralMots(witness), LiteralMots({**witness, "max_error": None})
    limit = market.max_error
    return limit is not None and not any(market.error(k) <= limit for k in free.best())


def full_or_none(market: MotsMarket, state: State) -> bool:
    """Whether every low type is all-or-none in a state."""
    return all(k in (0, n) for i, (k, n) in enumerate(zip(state, market.counts, strict=True)) if market.is_low(i))


# Lemma 1 ------------------------------------------------------------------------------------------------------------


def served_welfare(market: MotsMarket) -> list[tuple[Fraction, State, int]]:
    """Welfare of every state and number of buyers."""
    return [
        ((sum(k) + b) * market.utility.exact(market.error(k)) - market.cost(k), k, b)
        for k in states(market)
        if market.max_error is None or market.error(k) <= market.max_error
        for b in range(market.population - sum(k) + 1)
    ]


def _lemma_fails(market: MotsMarket) -> bool:
    values = served_welfare(market)
    most = max(value for value, _, _ in values)
    return any(sum(k) + b < market.population for value, k, b in values if value == most)


def _lemma_recheck(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    values = [(market.W(k, b), k, b) for k in market.allowed() for b in range(sum(market.N) - sum(k) + 1)]
    most = max(value for value, _, _ in values)
    return all(sum(k) + b < sum(market.N) for value, k, b in values if value == most)


@claim(
    "S-L1",
    source="SWAN, lemma 1",
    statement='"In optimal social states for application-aware social welfare maximization [...] all clients will obtain the'
    ' FL model." Read with a utility that is positive there, as that of something people buy is: {formula}',
    expected="proved",
    recheck=_lemma_recheck,
    proof=EVERYBODY,
)
def judge_lemma() -> Judgement:
    """A box with utilities of either sign, and the algebra of one more buyer."""
    U, served, cost = sympy.symbols("U served cost")
    if sympy.expand((served + 1) * U - cost - (served * U - cost)) != U:
        raise DerivationError("one more buyer")
    box = Box((1, 2), (1, 2), (1, 2), (0, 1), ({"family": "linear", "a": 0, "s": 1},), (0,), requirement=True)

    def fails(market: MotsMarket) -> bool:
        values = served_welfare(market)
        most = max(value for value, _, _ in values)
        return all(sum(k) + b < market.population for value, k, b in values if value == most)

    witness, seen = first(box.markets(), fails)
    assert witness is not None
    positive = Box((1, 2), (1, 2), (1, 2), (0, 1, 3), ({"family": "linear", "a": 4, "s": 1},), (0, 1), requirement=True)
    none, checked = first(positive.markets(), _lemma_fails)
    if none is not None:
        raise DerivationError("the lemma fails under a positive utility")
    tally = hold(EVERYBODY, served_models(itertools.islice(positive.markets(), 0, None, 20)))
    return Judgement(
        "proved",
        f"a chain for all markets; {tally}; sympy: one more buyer changes (7) by exactly U(eps), with the error unchanged; all numbers of buyers in a box",
        f"all parameters for the amended statement, {checked} markets of a box besides; witness the first of {seen} in:"
        f" {box.describe()}",
        document(
            witness, "the utility is negative at every error; the requirement forces a model, no second client wants it"
        ),
    )


# Proposition 1 ------------------------------------------------------------------------------------------------------


def _convexity() -> str:
    """For a low type among others, ``1/(eps - s)`` is convex in its participants, so welfare is under the assumption."""
    k, K0, a, tau = sympy.symbols("k K_0 a tau", positive=True)
    gap = (tau + a * k) / (K0 + k) ** 2
    second = sympy.factor(sympy.diff(1 / gap, k, 2))
    top, bottom = sympy.fraction(second)
    root = sympy.sqrt(top)
    if sympy.expand(root**2 - top) != 0 or sympy.simplify(bottom / (tau + a * k) ** 3) != 1:
        raise DerivationError("the inverse gap is not convex")
    alone = sympy.simplify(sympy.diff(1 / gap.subs({tau: 0, K0: 0}), k, 2))
    if alone != 0:
        raise DerivationError("alone, the inverse gap is not linear")
    slope, bend, z1, z2, c, N = sympy.symbols("slope bend z1 z2 c N")
    x = sympy.Symbol("x")
    taylor = N * (slope * (z1 * x + z2 * x**2 / 2) + bend * (z1 * x + z2 * x**2 / 2) ** 2 / 2) - c * x
    if sympy.expand(sympy.diff(taylor, x, 2).subs(x, 0) - N * (bend * z1**2 + slope * z2)) != 0:
        raise DerivationError("the chain rule")
    return (
        f"sympy: with T - theta K = tau + a k (tau > 0, a = 1/D - theta >= 0) the second derivative of 1/(eps - s) in k is"
        f" {second} >= 0, and zero for a type alone; W'' = N (U_zz z'^2 + U_z z'') with U_zz, U_z, z'' >= 0"
    )


def _low_fails(market: MotsMarket) -> bool:
    best = optima(market)
    return all_low(market) and market.welfare(best[0]) > 0 and not any(full_or_none(market, k) for k in best)


def _low_recheck(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    return market.W(market.best()[0]) > 0 and _partial(witness)


def _partial(witness: Mapping[str, Any]) -> bool:
    """Whether every optimum has a low type in part."""
    market = LiteralMots(witness)
    low = [i for i in range(len(market.D)) if market.is_low(i)]
    return all(any(0 < k[i] < market.N[i] for i in low) for k in market.best())


def _amended_fails(market: MotsMarket) -> bool:
    """Whether no optimal state is all-or-none in each low type, a single client alone aside."""
    return all_low(market) and not any(full_or_none(market, k) or sum(k) == 1 for k in optima(market))


@claim(
    "S-P1-LOW",
    source="SWAN, proposition 1, first item, without a requirement (its hypothesis 'low' reconstructed as theta <= 1/D_i)",
    statement="In the optimal social states, types of low heterogeneity are all-or-none: k_i = 0 or k_i = N_i.",
    expected="conditional",
    amended="argued",
    recheck=_low_recheck,
)
def judge_low() -> Judgement:
    """The box, then the convexity that the proposition rests on and where it ends."""
    witness, seen = first(LOW.markets(), _low_fails)
    assert witness is not None
    amended, checked = first(LOW.markets(), _amended_fails)
    if amended is not None:
        raise DerivationError("the amended statement fails")
    return Judgement(
        "conditional",
        _convexity()
        + "; so a low type can be moved to 0 or N_i at no loss while others participate, and to 1 or N_i while"
        " it is alone, as with nobody there is no model",
        f"all all-low markets for the amended statement, {checked} markets of a box besides; witness the first of {seen} in:"
        f" {LOW.describe()}",
        document(
            witness,
            "one client alone is best: its cost exceeds what a second one adds, and without it there is no model",
        ),
        "every type low, U convex in 1/(eps - client_variance), no requirement; then some optimal state is all-or-none in"
        " every type, or is a single client alone",
        "argued",
        reading=LOW_READING,
    )


def _low_required_fails(market: MotsMarket) -> bool:
    """Whether the requirement, and not the missing model, makes every optimum partial."""
    if not _low_fails(market) or not binds(market):
        return False
    return any(full_or_none(market, k) for k in optima(market.with_max_error(None)))


@claim(
    "S-P1-LOW-REQ",
    source="SWAN, proposition 1, first item, with a binding error requirement",
    statement="In the optimal social states under an error requirement, types of low heterogeneity are all-or-none.",
    expected="refuted",
    recheck=lambda witness: (
        literally_binds(witness) and _low_recheck(witness) and not _partial({**witness, "max_error": None})
    ),
)
def judge_low_required() -> Judgement:
    """The box, each reachable error as requirement; only markets that are all-or-none without it count."""
    witness, seen = first(LOW_REQUIRED.markets(), _low_required_fails)
    assert witness is not None
    return Judgement(
        "refuted",
        "every market of a box, smallest first; the argument by a Lagrangian overlooks that the integer problem has a gap",
        f"witness the first of {seen} in: {LOW_REQUIRED.describe()}",
        document(
            witness, "just enough clients of a low type take part to meet the requirement; more cost more than they add"
        ),
        reading=Reading(
            "of whole clients; the Lagrangian of the proof has no gap only for real numbers of them",
            "the paper's: every type low, increasing marginal utility, W* > 0, a requirement that binds",
            "up to the gap that whole numbers leave, for one multiplier the Lagrangian's optimum is all-or-none",
            "argued",
        ),
    )


def _high_fails(market: MotsMarket) -> bool:
    """Whether in every optimum a high type is partial where the welfare is not stationary."""
    return all(
        any(0 < k[i] < n and not market.is_low(i) and not stationary(market, k, i) for i, n in enumerate(market.counts))
        for k in optima(market)
    )


def _high_recheck(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    a, e0, N = Fraction(market.utility["a"]), Fraction(market.utility["e0"]), sum(market.N)

    def slope(k: State, i: int) -> Fraction:
        # d eps / d k_i, the quotient rule written out on d v T / K^2 + s - s / K.
        K, T = Fraction(sum(k)), sum(Fraction(n) / D for n, D in zip(k, market.D, strict=True))
        data = market.d * market.data_variance * ((1 / market.D[i]) * K**2 - T * 2 * K) / K**4
        return data + market.client_variance / K**2

    return all(
        any(
            0 < k[i] < market.N[i]
            and not market.is_low(i)
            and -N * a / (market.error(k) + e0) ** 2 * slope(k, i) != market.c[i]
            for i in range(len(k))
        )
        for k in market.best()
    )


def _single_best() -> str:
    """A high client is better off alone: eps(k) exceeds the error of the participant with most data."""
    K, extra, spread, q = sympy.symbols("K extra spread q", positive=True)
    mean, ratio = q + extra, q + spread
    gap = sympy.expand(mean / K + ratio * (1 - 1 / K) - q)
    if sympy.simplify(gap - (extra / K + spread * (K - 1) / K)) != 0:
        raise DerivationError("the error of a coalition against its best client alone")
    return (
        "sympy: with q the least 1/D among the participants, m their mean 1/D and theta > q,"
        " eps(k)/(d v) - q = (m - q)/K + (theta - q)(K - 1)/K > 0 for K > 1, so the participant with most data alone gives"
        " a smaller error at no more cost"
    )


def _single_fails(market: MotsMarket) -> bool:
    """Whether a high type participates beside anybody else in some optimum."""
    return any(sum(k) > 1 and any(k[i] and not market.is_low(i) for i in range(len(k))) for k in optima(market))


@claim(
    "F-UTILITY",
    source="finding on the assumption of section III-A3, reconstructed as (eps - s) U'' + 2 U' >= 0 for eps > s",
    statement="Under increasing marginal utility and U' < 0, the utility grows without bound as the error falls to the client"
    " variance; so no bounded utility fulfils the assumption down to it.",
    expected="argued",
)
def judge_utility() -> Judgement:
    """The assumption as a monotone derivative, integrated once."""
    y, y0, m = sympy.symbols("y y_0 m", positive=True)
    U = sympy.Function("U")
    gap = sympy.diff(y**2 * U(y).diff(y), y) - y * (y * U(y).diff(y, 2) + 2 * U(y).diff(y))
    if sympy.simplify(gap) != 0:
        raise DerivationError("the assumption is not that y^2 U' does not fall")
    x = sympy.Symbol("x", positive=True)
    growth = sympy.integrate(m / x**2, (x, y, y0))
    if sympy.simplify(growth - m * (1 / y - 1 / y0)) != 0 or sympy.limit(growth, y, 0) != sympy.oo:
        raise DerivationError("the lower bound stays finite")
    return Judgement(
        "argued",
        "sympy: with y = eps - s the assumption says that y^2 U' does not fall, so U'(x) <= -m / x^2 for x <= y_0 with"
        " m = -y_0^2 U'(y_0) > 0, and U(y) >= U(y_0) + m (1/y - 1/y_0), which goes to infinity",
        "all twice differentiable utilities",
    )


@claim(
    "F-HIGH-ALONE",
    source="finding on eq. (3), in the place of regions I and III for optimal states",
    statement="In every optimal social state, with or without an error requirement, a client of a type with theta > 1/D_i"
    " participates alone or not at all (U strictly decreasing, costs not negative).",
    expected="proved",
    proof=ALONE,
)
def judge_alone() -> Judgement:
    """The algebra, then two boxes with and without requirements."""
    argument, checked = _single_best(), 0
    for box in (HIGH, HIGH_REQUIRED):
        broken, seen = first(box.markets(), _single_fails)
        if broken is not None:
            raise DerivationError("a high client participates beside others in an optimal state")
        checked += seen
    tally = hold(ALONE, alone_models(itertools.islice(HIGH_REQUIRED.markets(), 0, None, 300)))
    argument = f"a chain for all markets; {tally}; {argument}"
    return Judgement("proved", argument, f"all parameters; {checked} markets of two boxes besides: {HIGH.describe()}")


SINGLE = (
    "in every optimal state, with or without a requirement, a client of high heterogeneity participates alone or not at all"
    " (U strictly decreasing, costs not negative)"
)


@claim(
    "S-P1-HIGH",
    source="SWAN, proposition 1, second item, without a requirement (k_i^o reconstructed as the stationary point of L in k_i)",
    statement="In the optimal social states, types of high heterogeneity have k_i in {0, k_i^o, N_i}.",
    expected="refuted",
    amended="proved",
    recheck=_high_recheck,
    proof=ALONE,
)
def judge_high() -> Judgement:
    """The box with a linear utility and exact derivatives; then what is true instead."""
    witness, seen = first(HIGH.markets(), _high_fails)
    assert witness is not None
    amended, checked = first(HIGH.markets(), _single_fails)
    if amended is not None:
        raise DerivationError("the corrected statement fails")
    hold(ALONE, alone_models(itertools.islice(HIGH.markets(), 0, None, 60)))
    return Judgement(
        "refuted",
        "every market of a box with its exact derivatives, smallest first; " + _single_best(),
        f"witness the first of {seen} in: {HIGH.describe()}; the corrected statement for all parameters, and in {checked}"
        " markets of the box besides",
        document(
            witness,
            "one client of the high type alone is best; no stationary point is there, and it is not all of them",
        ),
        corrected=SINGLE + ": k_i is 0 or 1, and partial participation of many never pays",
        corrected_verdict="proved",
        reading=HIGH_READING,
    )


def _high_required_fails(market: MotsMarket) -> bool:
    return _high_fails(market) and binds(market)


@claim(
    "S-P1-HIGH-REQ",
    source="SWAN, proposition 1, second item, with a binding error requirement",
    statement="In the optimal social states under an error requirement, types of high heterogeneity have k_i in {0, k_i^o, N_i}.",
    expected="refuted",
    amended="proved",
    recheck=lambda witness: literally_binds(witness) and _high_recheck(witness),
    proof=ALONE,
)
def judge_high_required() -> Judgement:
    """The box under each reachable error that excludes the unconstrained optimum."""
    witness, seen = first(HIGH_REQUIRED.markets(), _high_required_fails)
    assert witness is not None
    amended, checked = first(HIGH_REQUIRED.markets(), _single_fails)
    if amended is not None:
        raise DerivationError("the corrected statement fails")
    hold(ALONE, alone_models(itertools.islice(HIGH_REQUIRED.markets(), 0, None, 300)))
    return Judgement(
        "refuted",
        "every market of a box under each requirement that binds, smallest first; " + _single_best(),
        f"witness the first of {seen} in: {HIGH_REQUIRED.describe()}; the corrected statement for all parameters, and in"
        f" {checked} markets of the box besides",
        document(witness, "the requirement calls for the type with more data, of which one client alone is best"),
        corrected=SINGLE,
        corrected_verdict="proved",
        reading=HIGH_READING,
    )
