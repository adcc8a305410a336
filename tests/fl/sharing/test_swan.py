"""SWAN: exact balance, equilibria against the literal game of every client, and payments that are broken on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

import pytest
from campaign import some
from drawing import Numbers, generators, reached
from fedmech.fl.sharing import swan as swan_module
from fedmech.fl.sharing.comparators import dynamic, fl_only, modified_fl
from fedmech.fl.sharing.equilibria import (
    best_responses,
    climb,
    equilibria,
    is_equilibrium,
)
from fedmech.fl.sharing.swan import (
    NoTarget,
    Swan,
    count_patterns,
    patterns,
    scenario,
    swan,
    utility,
)
from fedmech.fl.sharing.unique import Designated, SinglePeaked
from fedmech.models.sharing.error_model import DerivationError
from fedmech.models.sharing.market import MotsMarket, State
from fedmech.verification.claims.swan import mechanism as swan_mechanism
from fedmech.verification.claims.swan import repairs
from fedmech.verification.literal.sharing import LiteralMots, LiteralSwan
from hypothesis import assume, given, settings
from mots_strategies import sharing_markets, with_requirements

LINEAR = {"family": "linear", "a": 4, "s": 1}
ABSTAIN, PARTICIPATE, BUY = range(3)


def literal_equilibria(
    market: MotsMarket, price: Callable[[State], Fraction], rewards: Callable[[State], tuple[Fraction, ...]]
) -> set[tuple[State, State]]:
    """Pure equilibria of the game of single clients with three roles each, from the announced price and rewards alone."""
    literal = LiteralMots(market.to_document())
    kinds = [i for i, n in enumerate(market.counts) for _ in range(n)]

    def payoffs(roles: tuple[int, ...]) -> list[Fraction]:
        k = tuple(
            sum(r == PARTICIPATE and t == i for r, t in zip(roles, kinds, strict=True))
            for i in range(len(market.counts))
        )
        if not any(k):
            return [Fraction(0)] * len(roles)
        U = literal.U(literal.error(k))
        P, R = price(k), rewards(k)
        return [
            Fraction(0) if role == ABSTAIN else U - P if role == BUY else U + R[i] - literal.c[i]
            for role, i in zip(roles, kinds, strict=True)
        ]

    table = {roles: payoffs(roles) for roles in itertools.product(range(3), repeat=len(kinds))}
    found = set()
    for roles, here in table.items():
        if all(
            table[(*roles[:n], role, *roles[n + 1 :])][n] <= here[n] for n in range(len(roles)) for role in range(3)
        ):
            count = [
                tuple(
                    sum(r == role and t == i for r, t in zip(roles, kinds, strict=True))
                    for i in range(len(market.counts))
                )
                for role in (PARTICIPATE, ABSTAIN)
            ]
            found.add((count[0], count[1]))
    return found


SMALL = sharing_markets(LINEAR, largest=2).filter(lambda market: market.population <= 5)


@settings(max_examples=40)
@given(market=SMALL)
def test_equilibria_are_those_of_the_literal_game(market: MotsMarket) -> None:
    mechanism = swan(market)
    if mechanism.ratio is None:
        return
    nobody = (0,) * market.type_count
    expected = literal_equilibria(market, mechanism.price, mechanism.rewards)
    ours = equilibria(mechanism)
    assert ours.complete
    assert {(k, nobody) for k in ours.states} == {(k, a) for k, a in expected if a == nobody}


def test_some_games_have_several_equilibria() -> None:
    reached(SMALL, lambda market: (rule := swan(market)).ratio is not None and len(equilibria(rule).states) > 1)


@settings(max_examples=30)
@given(market=SMALL)
def test_payoffs_are_shares_whatever_the_role(market: MotsMarket) -> None:
    mechanism = swan(market)
    if mechanism.ratio is None:
        return
    for k in patterns(market):
        U, P, R = utility(market, market.error(k)), mechanism.price(k), mechanism.rewards(k)
        assert U - P == mechanism.share(k) >= 0
        for entry, reward in zip(market.types, R, strict=True):
            assert U + reward - entry.cost == mechanism.share(k)


@settings(max_examples=30)
@given(market=sharing_markets(LINEAR))
def test_the_potential_is_the_literal_interpolation(market: MotsMarket) -> None:
    whole = LiteralMots(market.to_document())
    # The literal formula asks it of types without clients too.
    assume(all(whole.is_low(i) for i in range(len(whole.D))))
    mechanism, literal = swan(market), LiteralSwan(market.to_document())
    for k in literal.market.states()[:100]:
        assert mechanism.potential(k) == literal.f(k)[0]


@settings(max_examples=some(25))
@given(market=sharing_markets())
def test_the_balance_at_the_target(market: MotsMarket) -> None:
    for wanted in with_requirements(market, market.error_range[1]):
        mechanism = swan(wanted)
        if mechanism.ratio is None:
            continue
        paid = mechanism.incentive_cost(mechanism.target)
        k, P, R = mechanism.target, mechanism.price(mechanism.target), mechanism.rewards(mechanism.target)
        buyers = wanted.population - sum(k)
        assert paid == sum(n * r for n, r in zip(k, R, strict=True)) - buyers * P
        if mechanism.welfare > 0 and mechanism.potential(k) == mechanism.lagrangian(k):
            assert paid == 0


@settings(max_examples=some(40))
@given(market=sharing_markets(LINEAR, largest=3))
def test_the_multiplier_closes_the_dual(market: MotsMarket) -> None:
    for wanted in with_requirements(market, market.error_range[1]):
        if wanted.max_error is None:
            continue
        mechanism = swan(wanted)
        listed = list(patterns(wanted))
        points = [(wanted.welfare(k), wanted.max_error - wanted.error(k)) for k in listed]
        if all(slack < 0 for _, slack in points):
            continue
        dual = max(w + mechanism.multiplier * s for w, s in points)
        # The dual is convex and piecewise linear: it is least where it neither falls to the right nor, above zero, rises from the left.
        active = [s for w, s in points if w + mechanism.multiplier * s == dual]
        assert max(active) >= 0
        assert mechanism.multiplier == 0 or (mechanism.multiplier > 0 and min(active) <= 0)


def test_the_multiplier_of_many_patterns_is_that_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=60)
    @given(market=sharing_markets({"family": "inverse", "a": 3, "e0": "0.1"}))
    def holds(market: MotsMarket) -> None:
        if scenario(market) == "low":
            return
        low, high = market.error_range
        wanted = market.with_max_error((low + high) / 2)
        listed = swan(wanted)
        monkeypatch.setattr(swan_module, "MOST_PATTERNS", 0)
        solved = swan(wanted)
        monkeypatch.undo()
        assert solved.multiplier == listed.multiplier
        assert solved.least <= listed.least
        assert not solved.least_exact

    holds()


def test_a_large_market_needs_no_listing() -> None:
    market = MotsMarket.build(
        sizes=[50, 120, 300], counts=[10_000, 5_000, 5_000], costs=["20", "40", "90"], utility={"family": "inverse-gap", "a": 1},
        dimension=784,
    )  # fmt: skip
    mechanism = swan(market)
    assert count_patterns(market) == 8
    assert mechanism.least_exact
    found = equilibria(mechanism)
    assert found.method == "all corners"
    assert all(is_equilibrium(market, mechanism.share, k) for k in found.states)
    assert climb(market, mechanism.share, mechanism.target) == mechanism.target
    high = MotsMarket.build(
        sizes=[50, 120], counts=[2_000, 3_000], costs=["0.01", "0.02"], utility={"family": "linear", "a": 3, "s": 1},
        dimension=10, client_variance="1",
    )  # fmt: skip
    searched = equilibria(swan(high), starts=3)
    assert not searched.complete
    assert all(is_equilibrium(high, swan(high).share, k) for k in searched.states)


@settings(max_examples=30)
@given(market=SMALL, draw=generators)
def test_single_peaked_payments_leave_one_equilibrium(market: MotsMarket, draw: Numbers) -> None:
    target = swan(market).target
    payments = SinglePeaked(market, target)
    assert literal_equilibria(market, payments.price, payments.rewards) == {(target, (0,) * market.type_count)}
    welfare = market.welfare(target)
    if welfare > 0:
        assert payments.incentive_cost(target) == 0
    else:
        assert 0 < payments.incentive_cost(target) + welfare <= swan_module.SMALL_INCENTIVE
    for _ in range(3):
        start = tuple(draw.randint(0, n) for n in market.counts)
        path = best_responses(market, payments.share, start, seed=draw.randint(0, 99))
        assert path.settled
        assert path.states[-1] == target


def test_a_broken_price_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = SinglePeaked.incentive_cost
    monkeypatch.setattr(SinglePeaked, "incentive_cost", lambda self, k: right(self, k) + Fraction(1, 10**9))
    with pytest.raises(DerivationError, match="balance"):
        repairs.judge_single_peaked()
    monkeypatch.undo()
    peak = SinglePeaked.share
    flat = lambda self, k: peak(self, self.target) if any(k) else Fraction(0)  # noqa: E731
    monkeypatch.setattr(SinglePeaked, "share", flat)
    with pytest.raises(DerivationError, match="equilibrium"):
        repairs.judge_single_peaked()


def test_a_broken_incentive_ratio_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Swan.__dict__["ratio"].func
    wrong = property(lambda self: None if right(self) is None else right(self) * Fraction(999, 1000))
    monkeypatch.setattr(Swan, "ratio", wrong)
    with pytest.raises(DerivationError):
        swan_mechanism.judge_balance()


def test_a_broken_interpolation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Swan, "potential", lambda self, k, control=None: -self.lagrangian(k))
    with pytest.raises((DerivationError, AssertionError)):
        swan_mechanism.judge_state()


def test_broken_designated_payments_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Designated.payoff
    monkeypatch.setattr(Designated, "payoff", lambda self, i, n, role, model: right(self, i, n, not role, model))
    with pytest.raises(DerivationError):
        repairs.judge_dominant()


def test_no_target_says_why() -> None:
    market = MotsMarket.build(sizes=[1], counts=[2], costs=[0], utility=LINEAR, max_error="0.1")
    with pytest.raises(NoTarget, match="no state meets") as caught:
        swan(market)
    assert caught.value.infeasible


@settings(max_examples=some(12))
@given(market=sharing_markets(largest=3))
def test_comparators_are_no_better_than_swan(market: MotsMarket) -> None:
    for wanted in with_requirements(market, market.error_range[1]):
        mechanism = swan(wanted)
        for outcome in (dynamic(wanted), modified_fl(wanted)):
            if any(outcome.state) and outcome.meets_requirement:
                assert outcome.welfare <= mechanism.welfare
                assert outcome.welfare == swan_module.welfare(wanted, outcome.state)
        existing = fl_only(wanted)
        if utility(wanted, wanted.error(existing.state)) >= 0:
            assert existing.welfare <= mechanism.welfare
        assert existing.incentive_cost >= 0
        assert wanted.meets_requirement(existing.state)


def test_the_dynamic_mechanism_can_cycle_and_collapse() -> None:
    collapse = dynamic(MotsMarket.build(sizes=[1], counts=[2], costs=[100], utility=LINEAR))
    assert collapse.state == (0,)
    assert collapse.welfare == 0
    # The three who cost something join and leave together, round after round.
    utility = {"family": "exponential", "a": 2, "s": "3/2"}
    cycle = MotsMarket.build(
        sizes=[1, 9], counts=[3, 1], costs=["1.7", 0], utility=utility, data_variance=0, client_variance="1/3"
    )
    assert dynamic(cycle).cycles
