"""SWAN, in the place of constraint (11): payments under which the best state is the only equilibrium, and what the worst one loses."""

from __future__ import annotations

import itertools
from fractions import Fraction

import sympy

from ....fl.sharing.equilibria import (
    best_responses,
    equilibria,
    neighbours,
)
from ....fl.sharing.swan import (
    SMALL_INCENTIVE,
    swan,
)
from ....fl.sharing.unique import Designated, SinglePeaked
from ....models.sharing.error_model import DerivationError
from ....models.sharing.market import MotsMarket, State
from ...claim import Judgement
from ...ledger import claim
from ...proofs.states import CONVERGE, DOMINANT, LOSS, SINGLE_PEAKED
from ...search.finite_models import Model, hold
from ...search.mots_models import converging_models, designated_models, peaked_models
from ...search.sharing_box import (
    states,
)
from .mechanism import BOX, REQUIRED


@claim(
    "F-T3-UNIQUE",
    source="finding, in the place of constraint (11)",
    statement="Under the single-peaked payments, share (W*/N) / (1 + |k - k*|), the best social state is the only pure"
    " equilibrium, abstaining included; with W* > 0 the platform's incentive cost there is zero, otherwise it is -W* plus as"
    " little as wished.",
    expected="proved",
    proof=SINGLE_PEAKED,
)
def judge_single_peaked() -> Judgement:
    """The three steps of the argument, then every profile of the box, abstainers included."""
    x, s, N = sympy.symbols("x s N", positive=True)
    rise = sympy.factor(s / N / (1 + x) - s / N / (2 + x))
    if not rise.is_positive:
        raise DerivationError("the share does not fall with the distance")
    C, U, W = sympy.symbols("C U W")
    if sympy.simplify((C - N * (U - W / N)).subs(U, (W + C) / N)) != 0:
        raise DerivationError("the balance")
    checked = 0
    for market in itertools.chain(BOX.markets(), itertools.islice(REQUIRED.markets(), 0, None, 11)):
        mechanism = swan(market)
        payments = SinglePeaked(market, mechanism.target)
        if _profiles(market, payments) != [(mechanism.target, (0,) * market.type_count)]:
            raise DerivationError(f"another equilibrium in {market.to_document()}")
        expected = max(mechanism.welfare, SMALL_INCENTIVE) - mechanism.welfare
        if payments.incentive_cost(mechanism.target) != expected:
            raise DerivationError("the balance in a market")
        checked += 1
    tally = hold(SINGLE_PEAKED, peaked_models(itertools.islice(BOX.markets(), 0, None, 40)))
    return Judgement(
        "proved",
        f"a chain for all markets; {tally}; argument, its algebra by sympy: (1) the share falls strictly with the distance |k - k*| and is positive with a model;"
        " (2) in a state other than k* some type has too few or too many participants, and a client of it that changes its"
        " role lowers the distance by one and keeps a model (as k* has a participant, a last one need not leave first):"
        " somebody gains; (3) an abstainer gets 0 and would get more by buying or, without a"
        " model, by participating; (4) the cost at k* is s - W* with s = W* or a small positive amount",
        f"all parameters; every profile of {checked} markets of two boxes besides: {BOX.describe()}",
    )


def _profiles(market: MotsMarket, payments: SinglePeaked) -> list[tuple[State, State]]:
    """All pure equilibria as participants and abstainers of each type, by looking at each single client's three roles."""
    found = []
    for k in itertools.product(*(range(n + 1) for n in market.counts)):
        for a in itertools.product(*(range(n - p + 1) for n, p in zip(market.counts, k, strict=True))):
            here, stable = payments.share(k), True
            for i, n in enumerate(market.counts):
                fewer = payments.share((*k[:i], k[i] - 1, *k[i + 1 :])) if k[i] else Fraction(0)
                more = payments.share((*k[:i], k[i] + 1, *k[i + 1 :])) if k[i] < n else Fraction(0)
                if k[i] and max(fewer, 0) > here:
                    stable = False
                if n - k[i] - a[i] and max(more, 0) > here:
                    stable = False
                if a[i] and max(more, here) > 0:
                    stable = False
            if stable:
                found.append((k, a))
    return found


@claim(
    "F-T3-CONVERGE",
    source="finding, on the way clients get to the equilibrium",
    statement="Under the single-peaked payments every sequence of single clients' improvements, from any state k with a model"
    " that everybody has, ends at k* after exactly |k - k*| moves.",
    expected="proved",
    proof=CONVERGE,
)
def judge_converge() -> Judgement:
    """Each improvement lowers the distance by one; all starts of the box, greedy and random."""
    moves = starts = 0
    for market in itertools.islice(BOX.markets(), 0, None, 5):
        target = swan(market).target
        payments = SinglePeaked(market, target)
        for start, seed in itertools.product(states(market), (None, 1)):
            path = best_responses(market, payments.share, start, seed=seed)
            distance = sum(abs(a - b) for a, b in zip(start, target, strict=True))
            detour = any(not any(k) for k in path.states)
            if not path.settled or path.states[-1] != target or len(path.states) - 1 != distance or detour:
                raise DerivationError("best responses go astray")
            starts += 1
            moves += distance
    tally = hold(CONVERGE, converging_models(itertools.islice(BOX.markets(), 0, None, 40)))
    return Judgement(
        "proved",
        f"a chain for all markets; {tally}; argument: one client's move changes |k - k*| by exactly one, and among states with a model raises the share exactly if"
        " it lowers the distance; while k != k* such a move exists (F-T3-UNIQUE); a move to nobody's participation never"
        " raises the share, which is 0 there",
        f"all parameters; {starts} runs of {moves} moves in every fifth market of the box besides",
    )


@claim(
    "F-T3-DOMINANT",
    source="finding, a dominant-strategy variant",
    statement="Under the designated payments, which depend on who a client is, keeping the role one is given is a dominant"
    " strategy against participating, buying and abstaining, and the balance at k* is that of F-T3-UNIQUE.",
    expected="proved",
    proof=DOMINANT,
)
def judge_dominant() -> Judgement:
    """A client's payoff does not depend on the others but through the existence of a model."""
    checked = 0
    for market in itertools.islice(BOX.markets(), 0, None, 5):
        target = swan(market).target
        payments = Designated(market, target)
        share = payments.shared / market.population
        for i, n in enumerate(market.counts):
            for number in range(n):
                asked = number < target[i]
                for others in (False, True):
                    kept = payments.payoff(i, number, asked, others or asked)
                    swapped = payments.payoff(i, number, not asked, others or not asked)
                    if kept < max(swapped, 0) or (others and not kept == share > swapped):
                        raise DerivationError("keeping the role is not dominant")
        total = sum(
            payments.payment(i, number, number < target[i], target)
            for i, n in enumerate(market.counts)
            for number in range(n)
        )
        if total != payments.shared - market.welfare(target):
            raise DerivationError("the balance")
        checked += 1
    tally = hold(DOMINANT, designated_models(itertools.islice(BOX.markets(), 0, None, 40)))
    return Judgement(
        "proved",
        f"a chain for all markets; {tally}; argument: with a model, keeping the role pays s/N > 0 and leaving it 0 whatever the others do; without one everything"
        " pays 0; the payments at k* add up to s - W*",
        f"all parameters; every client of {checked} markets of a box besides",
    )


@claim(
    "F-T3-LOSS",
    source="finding, on the worst equilibrium of SWAN",
    statement="SWAN's worst equilibrium can lose all of the welfare: for every r > 0 there is a market of two clients with an"
    " equilibrium whose welfare is at most r W*.",
    expected="proved",
    proof=LOSS,
)
def judge_loss() -> Judgement:
    """A family of markets, for all small e > 0, and three members of it through the whole mechanism."""
    e = sympy.Symbol("e", positive=True)
    # One client with 2 samples and cost 19/10 - e, one with 1 sample and cost 1/10; U = 1 - eps/10, theta = 0.
    U = [1 - sympy.Rational(1, 10) * x for x in (sympy.Rational(1, 2), sympy.Integer(1), sympy.Rational(3, 8))]
    expensive, cheap = sympy.Rational(19, 10) - e, sympy.Rational(1, 10)
    W_first, W_second, W_both = 2 * U[0] - expensive, 2 * U[1] - cheap, 2 * U[2] - expensive - cheap
    if (
        sympy.expand(W_first - e) != 0
        or W_second != sympy.Rational(17, 10)
        or not sympy.expand(W_first - W_both).is_positive
    ):
        raise DerivationError("the family")
    for small in (Fraction(1, 10), Fraction(1, 1000), Fraction(1, 10**6)):
        market = MotsMarket.build(
            sizes=[1, 2],
            counts=[1, 1],
            costs=["1/10", Fraction(19, 10) - small],
            utility={"family": "linear", "a": 1, "s": "1/10"},
        )
        mechanism = swan(market)
        if (0, 1) not in equilibria(mechanism).states or mechanism.target != (1, 0) or market.welfare((0, 1)) != small:
            raise DerivationError("a member of the family")
        if any(mechanism.share(k) >= mechanism.share((0, 1)) for k in neighbours(market, (0, 1))):
            raise DerivationError("the equilibrium is not strict")
    tally = hold(LOSS, map(_losing, (Fraction(1, 10), Fraction(1, 3))))
    return Judgement(
        "proved",
        f"a chain for all 0 < e < 1; {tally}; sympy: the client with more data alone is worth e, the other alone 17/10, both less than e; so the first is a strict"
        " equilibrium for every e > 0, and e / (17/10) goes to zero",
        "all 0 < e < 1; e = 1/10, 1/1000 and 1/10**6 through the whole mechanism",
    )


def _losing(small: Fraction) -> Model:
    """One member of the family; single-client states are patterns, so welfare is the potential."""
    market = MotsMarket.build(
        sizes=[1, 2],
        counts=[1, 1],
        costs=["1/10", Fraction(19, 10) - small],
        utility={"family": "linear", "a": 1, "s": "1/10"},
    )
    worth = {k: market.utility.exact(market.error(k)) for k in states(market)}
    values = {
        "e": small, "W1": market.welfare((0, 1)), "W2": market.welfare((1, 0)), "W12": market.welfare((1, 1)), "u1": worth[0, 1],
        "u2": worth[1, 0], "u12": worth[1, 1], "dear": market.types[1].cost, "cheap": market.types[0].cost,
    }  # fmt: skip
    return Model({}, values, market.to_document())
