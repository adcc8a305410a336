"""SWAN section IV-C: theorem 3, and payments that repair what fails of it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import sympy

from ....fl.sharing.equilibria import (
    best_responses,
    equilibria,
    is_equilibrium,
    is_supported,
    neighbours,
)
from ....fl.sharing.swan import (
    SMALL_INCENTIVE,
    Swan,
    swan,
)
from ....fl.sharing.unique import Designated, SinglePeaked
from ....models.sharing.error_model import DerivationError
from ....models.sharing.market import MotsMarket, State
from ...claim import Judgement
from ...ledger import claim
from ...literal.sharing import LiteralSwan
from ...search.sharing_box import (
    Box,
    document,
    first,
    states,
)
from .states import optima

UTILITIES = (
    {"expression": "1 + 1/(eps - client_variance)"},
    {"family": "linear", "a": 4, "s": 1},
)
BOX = Box((1, 2), (1, 2, 6), (1, 2), (0, 1, 3, 5), UTILITIES, (0,))
ZERO = Box((1, 2), (1, 2), (1, 2), (1, 2, 4, 6, 7), UTILITIES, (0,))
REQUIRED = Box((1, 2), (1, 2), (1, 2, 3), (0, 1, 3, 5), UTILITIES, (0,), requirement=True)


def _reaches(mechanism: Swan) -> bool:
    """Whether the target is an equilibrium."""
    return mechanism.ratio is not None and is_equilibrium(mechanism.market, mechanism.share, mechanism.target)


def _weights() -> str:
    """The multilinear weights are not negative and add up to one, so ``f`` never exceeds its greatest corner."""
    x = sympy.symbols("x1:5")
    for count in range(1, 5):
        total = sum(
            sympy.prod([x[i] if full else 1 - x[i] for i, full in enumerate(corner)])
            for corner in itertools.product((False, True), repeat=count)
        )
        if sympy.expand(total) != 1:
            raise DerivationError("the weights do not add up to one")
    y = sympy.Symbol("y")
    if sympy.expand(y * x[0] + y * (1 - x[0]) - y) != 0:
        raise DerivationError("the step from n to n + 1 types")
    return (
        "sympy: the weights of the corners are products of k_i/N_i and 1 - k_i/N_i, not negative, and add up to one (one"
        " more type splits each in two parts of the same sum), so f(k) <= the greatest corner = f(k*) for every k; all"
        " payoffs are one increasing function of f and not negative"
    )


def _state_recheck(witness: Mapping[str, Any]) -> bool:
    literal = LiteralSwan(witness)
    if literal.market.max_error is not None:
        return all(literal.multipliers(k) is None for k in literal.market.best())

    def stable(k: State) -> bool:
        return all(literal.f(other)[0] <= literal.f(k)[0] for other in literal.neighbours(k))

    return not any(stable(k) for k in literal.market.best())


def _judge_state(markets: Iterator[MotsMarket], where: str, word: str) -> Judgement:
    witness, seen, amended = None, 0, 0
    for market in markets:
        if market.max_error is not None and any(map(market.meets_requirement, optima(market.with_max_error(None)))):
            continue
        seen += 1
        mechanism = swan(market)
        if mechanism.ratio is None:
            continue
        reached = _reaches(mechanism)
        if is_supported(mechanism):
            amended += 1
            if not reached:
                raise DerivationError("the amended theorem fails")
        elif not reached and witness is None and mechanism.welfare > 0 and _state_recheck(market.to_document()):
            witness = market
    assert witness is not None
    return Judgement(
        "conditional",
        _weights(),
        f"all parameters for the amended statement, {amended} of {seen} markets of a box besides; witness the smallest in:"
        f" {where}",
        document(witness, word),
        "k* maximises the Lagrangian over the patterns that f is made of, the missing model among them: in the low scenario"
        " k* is all-or-none, and under a requirement a multiplier leaves no gap",
        "proved",
    )


@claim(
    "S-T3-STATE",
    source="SWAN, theorem 3, without a requirement; the mechanism (18)-(22) reconstructed",
    statement='"The SWAN mechanism achieves the optimal social states": k* is an equilibrium of the clients under SWAN.',
    expected="conditional",
    amended="argued",
    recheck=_state_recheck,
)
def judge_state() -> Judgement:
    """The box without requirements."""
    return _judge_state(
        BOX.markets(), BOX.describe(), "the optimum is not all-or-none, and the interpolation does not see it"
    )


@claim(
    "S-T3-STATE-REQ",
    source="SWAN, theorem 3, with a binding error requirement; the mechanism (18)-(22) reconstructed",
    statement="Under an error requirement, k* is an equilibrium of the clients under SWAN for the Lagrange multiplier.",
    expected="conditional",
    amended="argued",
    recheck=_state_recheck,
)
def judge_state_required() -> Judgement:
    """The box under each reachable error that binds; the witness fails for every multiplier, not only for the dual one."""
    return _judge_state(
        REQUIRED.markets(), REQUIRED.describe(), "under no multiplier at all is the optimum an equilibrium"
    )


def _unique_recheck(witness: Mapping[str, Any]) -> bool:
    literal = LiteralSwan(witness)
    if literal.market.max_error is not None:
        return False
    stable = [
        k
        for k in literal.market.states()
        if all(literal.f(other)[0] < literal.f(k)[0] for other in literal.neighbours(k))
    ]
    if len(stable) < 2:
        return False
    worst = min(literal.market.W(k) for k in stable)
    lowest = min(literal.line(k)[0] for k in itertools.product(*({0, n} for n in literal.market.N)))
    # Both pay more than nothing, so nobody prefers to abstain, and a single participant keeps at it.
    positive = all(literal.f(k)[0] > lowest for k in stable)
    return positive and worst < literal.market.W(literal.market.best()[0])


def _several(market: MotsMarket) -> bool:
    mechanism = swan(market)
    if mechanism.ratio is None or not _reaches(mechanism):
        return False
    return _unique_recheck(market.to_document())


def random_markets(count: int, seed: int) -> Iterator[MotsMarket]:
    """Markets of low heterogeneity without requirement, drawn as the scope of S-T3-UNIQUE says."""
    draw = random.Random(seed)
    for _ in range(count):
        types = draw.randint(2, 3)
        yield MotsMarket.build(
            sizes=sorted(draw.sample(range(1, 13), types)),
            counts=[draw.randint(1, 3) for _ in range(types)],
            costs=sorted(Fraction(draw.randint(0, 40), 4) for _ in range(types)),
            utility=draw.choice([{"expression": "1 + 1/eps"}, {"family": "linear", "a": 4, "s": 1}]),
        )


DRAWN = (
    "low heterogeneity, theta = 0, 2-3 types, sizes 1-12, counts 1-3, costs 0-10 in quarters, U = 1 + 1/eps or 4 - eps"
)


@claim(
    "S-T3-UNIQUE",
    source="SWAN, constraint (11) and theorem 3; the mechanism (18)-(22) reconstructed",
    statement='SWAN guarantees "the existence and uniqueness of the client-side Nash equilibrium".',
    expected="refuted",
    amended="argued",
    recheck=_unique_recheck,
)
def judge_unique() -> Judgement:
    """The smallest market with two strict equilibria, and how common and costly they are."""
    witness, seen = first(BOX.markets(), _several)
    assert witness is not None
    drawn = several = strictly = 0
    worst, losses = Fraction(1), []
    for market in random_markets(300, seed=1):
        mechanism = swan(market)
        if mechanism.ratio is None or mechanism.welfare <= 0 or not _reaches(mechanism):
            continue
        drawn += 1
        found = equilibria(mechanism).states
        if len(found) > 1:
            several += 1
            ratio = min(market.welfare(k) for k in found) / mechanism.welfare
            losses.append(ratio)
            worst = min(worst, ratio)
            strictly += ratio < 1
    return Judgement(
        "refuted",
        "every market of a box, smallest first, all states of each; then a random population",
        f"witness the first of {seen} in: {BOX.describe()}. Of {drawn} random markets (300 drawn, seed 1; {DRAWN}) with"
        f" positive welfare whose k* is an equilibrium, {several} have another one, {strictly} a worse one; the worst keeps"
        f" {float(worst):.3f} of the optimal welfare, the mean over those {several} is"
        f" {float(sum(losses) / max(1, len(losses))):.3f}",
        document(witness, "two strict equilibria of different welfare"),
        corrected="the single-peaked payments of F-T3-UNIQUE have k* as their only equilibrium, at the same balance",
        corrected_verdict="argued",
        evidence={"markets": drawn, "several": several, "worse": strictly, "worst_ratio": float(worst)},
    )


def _balance_recheck(witness: Mapping[str, Any]) -> bool:
    literal = LiteralSwan(witness)
    market = literal.market
    best = market.best()[0]
    corners = [literal.line(k)[0] for k in itertools.product(*({0, n} for n in market.N))]
    # Zero welfare, and something to be gained over the worst pattern: any positive ratio pays out money not taken in.
    return market.max_error is None and market.W(best) == 0 and literal.f(best)[0] > min(corners)


@claim(
    "S-T3-BALANCE",
    source="SWAN, theorem 3 (the relation is lost; section VI says 'positive'), eqs. (20)-(22) reconstructed",
    statement="When W* >= 0, the mechanism is budget-balanced, incurring zero additional costs.",
    expected="conditional",
    amended="argued",
    recheck=_balance_recheck,
)
def judge_balance() -> Judgement:
    """The balance at k* by algebra, exactly in a box, and the smallest market of zero welfare."""
    N, U, C, alpha, W, L, least = sympy.symbols("N U C alpha W L L_min")
    balance = alpha * (L - least) - W
    # Buyers pay P, participants get c_i - P: cost = sum c_i k_i - N P whatever the split, with P = U - alpha (L - L_min) / N.
    cost = C - N * (U - alpha * (L - least) / N)
    if (
        sympy.simplify(cost.subs(U, (W + C) / N) - balance) != 0
        or sympy.simplify(balance.subs(alpha, W / (L - least))) != 0
    ):
        raise DerivationError("the balance at k*")

    def fails(market: MotsMarket) -> bool:
        mechanism = swan(market)
        whole = all(k in (0, n) for k, n in zip(mechanism.target, market.counts, strict=True))
        return mechanism.welfare == 0 and whole and mechanism.incentive_cost(mechanism.target) > 0

    witness, seen = first(ZERO.markets(), fails)
    assert witness is not None
    checked = 0
    for market in itertools.chain(BOX.markets(), itertools.islice(REQUIRED.markets(), 0, None, 7)):
        mechanism = swan(market)
        if (
            mechanism.welfare > 0
            and mechanism.ratio is not None
            and mechanism.potential(mechanism.target) == mechanism.lagrangian(mechanism.target)
        ):
            checked += 1
            if mechanism.incentive_cost(mechanism.target) != 0:
                raise DerivationError("the amended statement fails")
    return Judgement(
        "conditional",
        "sympy: the platform's cost at k* is alpha (L* - L_min) - W*, which (20a) makes zero",
        f"all parameters for the amended statement, {checked} markets of two boxes besides; witness the first of {seen} in:"
        f" {ZERO.describe()}",
        document(witness, "W* = 0: (20b) pays out a positive amount, however small, and nothing comes in"),
        "W* > 0, L(k*) > L_min, and f(k*) = L(k*) (in the low scenario: k* is all-or-none)",
        "argued",
    )


# Payments that repair it --------------------------------------------------------------------------------------------


@claim(
    "F-T3-UNIQUE",
    source="finding, in the place of constraint (11)",
    statement="Under the single-peaked payments, share (W*/N) / (1 + |k - k*|), the best social state is the only pure"
    " equilibrium, abstaining included; with W* > 0 the platform's incentive cost there is zero, otherwise it is -W* plus as"
    " little as wished.",
    expected="argued",
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
    return Judgement(
        "argued",
        "argument, its algebra by sympy: (1) the share falls strictly with the distance |k - k*| and is positive with a model;"
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
    expected="argued",
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
    return Judgement(
        "argued",
        "argument: one client's move changes |k - k*| by exactly one, and among states with a model raises the share exactly if"
        " it lowers the distance; while k != k* such a move exists (F-T3-UNIQUE); a move to nobody's participation never"
        " raises the share, which is 0 there",
        f"all parameters; {starts} runs of {moves} moves in every fifth market of the box besides",
    )


@claim(
    "F-T3-DOMINANT",
    source="finding, a dominant-strategy variant",
    statement="Under the designated payments, which depend on who a client is, keeping the role one is given is a dominant"
    " strategy against participating, buying and abstaining, and the balance at k* is that of F-T3-UNIQUE.",
    expected="argued",
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
    return Judgement(
        "argued",
        "argument: with a model, keeping the role pays s/N > 0 and leaving it 0 whatever the others do; without one everything"
        " pays 0; the payments at k* add up to s - W*",
        f"all parameters; every client of {checked} markets of a box besides",
    )


@claim(
    "F-T3-LOSS",
    source="finding, on the worst equilibrium of SWAN",
    statement="SWAN's worst equilibrium can lose all of the welfare: for every r > 0 there is a market of two clients with an"
    " equilibrium whose welfare is at most r W*.",
    expected="argued",
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
    return Judgement(
        "argued",
        "sympy: the client with more data alone is worth e, the other alone 17/10, both less than e; so the first is a strict"
        " equilibrium for every e > 0, and e / (17/10) goes to zero",
        "all 0 < e < 1; e = 1/10, 1/1000 and 1/10**6 through the whole mechanism",
    )
