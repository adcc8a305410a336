"""Every mechanism against a second, literal reading of its definition (see mechanism_definitions)."""

from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest
from campaign import some
from fedmech.fl.mechanisms.care_no import buckets, care_no_lottery
from fedmech.fl.mechanisms.driftpay_noisy import noisy_scores
from fedmech.fl.mechanisms.interface import find_mechanism, mechanisms, run_mechanism
from fedmech.fl.mechanisms.large_market import LEVELS, MOST, level_weights
from fedmech.models.input_error import InputError
from fedmech.models.procurement.market import Market
from fedmech.solvers.seated.parametric import price_of_money
from hypothesis import given, settings
from hypothesis import strategies as st
from mechanism_definitions import DEFINITIONS, Plain, Stuck


def random_market(rng, coverage=False, one_pool=False):
    n, m, groups = rng.randint(1, 5), rng.randint(1, 3), rng.randint(1, 3)
    top, unit = rng.choice([1, 2, 4, 12]), rng.choice([1, 3, 10])
    free = rng.random() < 0.1
    kinds = [None, 0, 1, 2] if rng.random() < 0.7 else [1, 2]
    return Market.build(
        scores=[F(rng.randint(1, top), unit) for _ in range(n)],
        bids=[F(0) if free else F(rng.randint(0, top), rng.choice([1, 2, 3])) for _ in range(n)],
        budgets=[F(rng.randint(0, 2 * top + 2), rng.choice([1, 2, 7])) for _ in range(m)],
        groups=[f"g{rng.randrange(groups)}" for _ in range(n)],
        # One group more than is used: it stays empty.
        group_ids=[f"g{l}" for l in range(groups + 1)],
        caps=None if one_pool else [[rng.choice(kinds) for _ in range(m)] for _ in range(groups + 1)],
        seats=None if one_pool or rng.random() < 0.5 else [rng.choice([None, 0, 1, 2]) for _ in range(m)],
        coverage=[[F(rng.randint(0, 3), rng.choice([1, 2])) for _ in range(3)] for _ in range(n)] if coverage else None,
    )


def some_values(rng, market):
    return [F(rng.randint(-2, 6), 2) for _ in range(market.n)]


def some_bonuses(rng, market):
    return [F(rng.randint(0, 4), 3) for _ in range(market.n)]


OPTIONS = {
    "care-no": [lambda rng, m: {"seed": rng.randint(0, 9)}],
    "random-feasible": [lambda rng, m: {"seed": rng.randint(0, 9)}],
    "random-price": [lambda rng, m: {"seed": rng.randint(0, 9)}],
    "driftpay-stipend": [
        lambda rng, m: {},
        lambda rng, m: {"stipends": some_bonuses(rng, m)},
        lambda rng, m: {"stipends": (some := some_bonuses(rng, m)), "largest": [g + rng.randint(0, 2) for g in some]},
        lambda rng, m: {"stipends": [F(1, 2)] * m.n, "largest": [F(rng.randint(1, 3))] * m.n},
    ],
    "driftpay-bonus": [lambda rng, m: {}, lambda rng, m: {"bonuses": some_bonuses(rng, m)}],
    "driftpay-noisy": [lambda rng, m: {"estimates": noisy_scores(m, F(3, 10), rng.randint(0, 9))}],
    "driftpay-lcb": [
        lambda rng, m: {},
        lambda rng, m: {"estimates": some_values(rng, m), "radius": some_bonuses(rng, m)},
    ],
    "large-market": [
        lambda rng, m: {"seed": rng.randint(0, 9)},
        lambda rng, m: {"levels": rng.choice([1, 3, 100]), "seed": rng.randint(0, 9)},
        lambda rng, m: {"levels": 2, "draws": [F(rng.randint(1, 2)) for _ in range(m.n)]},
    ],
    "vcg": [lambda rng, m: {}, lambda rng, m: {"value": F(rng.randint(0, 9), 2)}],
    "reputation": [lambda rng, m: {"reputations": some_values(rng, m)}],
    "accuracy": [lambda rng, m: {"accuracies": some_values(rng, m)}],
}


def market_for(name, rng):
    return random_market(rng, coverage="coverage" in name, one_pool=name in {"singer", "gravin", "large-market"})


def options_for(name, rng, market):
    return rng.choice(OPTIONS.get(name, [lambda rng, m: {}]))(rng, market)


def test_every_mechanism_has_a_second_definition():
    assert {entry.name for entry in mechanisms("procurement")} == set(DEFINITIONS)


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_mechanism_is_its_definition(name):
    compare_with_definition(name, some(120))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_mechanism_is_its_definition_campaign(name):
    compare_with_definition(name, 5000)


def compare_with_definition(name, count):
    stuck = []

    @settings(max_examples=count)
    @given(st.randoms(use_true_random=False))
    def compare(rng):
        market = market_for(name, rng)
        options = options_for(name, rng, market)
        plain = Plain(market)
        outcome = run_mechanism(market, name, **options)
        check_claims(market, name, outcome, plain)
        paid = {i: outcome.payment(i) for i in outcome.winner_indices.tolist()}
        assert not outcome.scaled_payments[outcome.assignment < 0].any()
        assert outcome.score == sum((market.score(i) for i in paid), F(0))
        try:
            expected = DEFINITIONS[name](plain, **options)
        except Stuck:
            stuck.append(market)
            return
        assert paid == expected, market

    compare()
    assert len(stuck) < count // 10


def check_claims(market, name, outcome, plain):
    claims = find_mechanism(name).claims
    winners = outcome.winner_indices.tolist()
    if "rational" in claims:
        assert all(outcome.payment(i) >= market.bid(i) for i in winners), market
    if "budget" in claims:
        assert outcome.total_payment <= plain.total, market
    if "separate-budgets" in claims:
        for j in range(market.m):
            spent = sum((outcome.payment(i) for i in winners if outcome.assignment[i] == j), F(0))
            assert spent <= market.budget(j), market


def test_the_balanced_routing_falls_back_on_the_flow():
    """The first worker strains requester r1 less, but only r1 takes the second group."""
    market = Market.build(
        scores=[3, 2], bids=[1, 1], budgets=[9, 6], groups=["a", "b"], caps=[[1, 1], [1, 0]], seats=[1, 1]
    )
    outcome = run_mechanism(market, "driftpay-no")
    assert outcome.assignment.tolist() == [1, 0]
    check_claims(market, "driftpay-no", outcome, Plain(market))


@given(rng=st.randoms(use_true_random=False))
def test_driftpay_no_with_one_requester_is_driftpay_co(rng):
    market = random_market(rng)
    alone = Market.build(
        scores=[market.score(i) for i in range(market.n)],
        bids=[market.bid(i) for i in range(market.n)],
        budgets=[market.budget(0)],
        groups=[market.group_ids[l] for l in market.group_of],
        group_ids=market.group_ids,
        caps=[[int(row[0]) if row[0] >= 0 else None] for row in market.cap_limits],
    )
    pooled, separate = run_mechanism(alone, "driftpay-co"), run_mechanism(alone, "driftpay-no")
    assert np.array_equal(pooled.assignment, separate.assignment)
    assert [pooled.payment(i) for i in range(alone.n)] == [separate.payment(i) for i in range(alone.n)]


def over_gravin(scores, bids, budget):
    """Fractional optimum over the score bought, and whether there is anybody to buy.

    Workers who bid more than the whole budget are left out of the optimum, as the ratio's proof leaves them out.
    """
    workers = [(score, bid) for score, bid in zip(scores, bids, strict=True) if bid <= budget]
    score = run_mechanism(Market.build(scores=scores, bids=bids, budgets=[budget]), "gravin").score
    if not workers:
        return score, score
    affordable = Market.build(scores=[s for s, _ in workers], costs=[b for _, b in workers], budgets=[budget])
    return F(price_of_money(affordable).value), score


@settings(max_examples=some(300))
@given(
    workers=st.lists(st.tuples(st.integers(1, 40), st.just(0) | st.integers(0, 40)), min_size=1, max_size=6),
    budget=st.integers(0, 80),
)
def test_gravin_is_within_three_of_the_fractional_optimum(workers, budget):
    best, score = over_gravin([s for s, _ in workers], [b for _, b in workers], budget)
    assert best <= 3 * score


def test_the_curve_of_the_large_market_rule():
    """One level is Singer's; the weights are those of ln(e - x) cut into levels: a hired share and a mean weight that belong together."""
    assert level_weights(1) == [1]
    assert level_weights(2) == [5, 3]
    for levels in (1, 2, 10, 100):
        growth = F(levels + 1, levels)
        weights = level_weights(levels)
        assert [F(w, weights[0]) for w in weights] == [
            (growth**levels - growth**k) / (growth**levels - 1) for k in range(levels)
        ]
        # What is paid for a free worker, over the rate and its score: the constant less one.
        assert F(sum(weights), levels * weights[0]) == 1 / (growth**levels - 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 0}, "field 'option levels': must be from 1 to 100, got 0"),
        ({"levels": MOST + 1}, "field 'option levels': must be from 1 to 100, got 101"),
        ({"draws": [1, LEVELS + 1]}, "field 'option draws': must be whole numbers from 1 to 10, got 11"),
        ({"draws": [0, 1]}, "field 'option draws': must be whole numbers from 1 to 10, got 0"),
        ({"draws": ["1/2", 1]}, "field 'option draws': must be whole numbers from 1 to 10, got 1/2"),
    ],
)
def test_levels_and_draws_are_in_range(options, message):
    market = Market.build(scores=[1, 1], bids=[0, 1], budgets=[1])
    for rim in ({"levels": 1}, {"levels": MOST}, {"draws": [1, LEVELS]}):
        assert run_mechanism(market, "large-market", **rim).score >= 1
    with pytest.raises(InputError) as refused:
        run_mechanism(market, "large-market", **options)
    assert message in str(refused.value)


def test_nobody_gains_by_a_lie_whatever_the_lot():
    """Every profile of three workers on a grid, every lie on and between its points."""
    scores, grid = [2, 3, 2], range(4)
    lies = [(bids, i, F(lie, 2)) for bids in product(grid, repeat=3) for i in range(3) for lie in range(8)]
    for draws in ([1, 2, 2], [2, 1, 1]):
        paid = {}

        def outcome(bids, paid=paid, draws=draws):
            if bids not in paid:
                market = Market.build(scores=scores, bids=bids, budgets=[3])
                found = run_mechanism(market, "large-market", levels=2, draws=draws)
                assert found.total_payment <= 3
                paid[bids] = {i: found.payment(i) for i in found.winner_indices.tolist()}
            return paid[bids]

        for bids, i, lie in lies:
            truth, lied = outcome(bids), outcome((*bids[:i], lie, *bids[i + 1 :]))
            assert truth.get(i, bids[i]) >= max(bids[i], lied.get(i, 0))


def test_scores_beyond_64_bits_are_weighted_exactly():
    """100 levels have weights of 200 digits, and so have scores."""
    for unit in (1, 10**30):
        market = Market.build(scores=[3 * unit, 2 * unit, unit], bids=[0, 1, 1], budgets=[10])
        found = run_mechanism(market, "large-market", levels=100, draws=[1, 100, 50])
        assert found.winner_indices.tolist() == [0, 2]
        assert found.total_payment == 10


def test_gravin_comes_close_to_a_third():
    best, score = over_gravin([21, 20, 21], [20, 34, 0], 54)
    assert best == F(62, 21) * score


@settings(max_examples=60)
@given(
    workers=st.lists(
        st.tuples(st.sampled_from([1, 3, 10, 11, 100, 101, 900]), st.integers(0, 5)), min_size=1, max_size=5
    ),
    budget=st.integers(0, 9),
)
def test_care_no_lottery_holds_every_bucket_once(workers, budget):
    scores, bids = [F(s) for s, _ in workers], [b for _, b in workers]
    market = Market.build(scores=scores, bids=bids, budgets=[9, budget])
    found = buckets(market)
    assert sorted(i for bucket in found for i in bucket) == list(range(market.n))
    for bucket in found:
        assert max(market.score(i) for i in bucket) <= 10 * max(min(market.score(i) for i in bucket), min(scores))
    outcomes = care_no_lottery(market)
    assert len(outcomes) == len(found)
    # At most three buckets: forty draws miss none of them.
    assert {tuple(run_mechanism(market, "care-no", seed=seed).assignment) for seed in range(40)} == {
        tuple(outcome.assignment) for outcome in outcomes
    }


def test_ties_inside_orp_never_look_at_bids():
    """Two equal scores compete for one place: the lower index has it whoever is cheaper, wherever ORP decides."""
    names = ("driftpay-co", "driftpay-no", "driftpay-stipend", "driftpay-bonus", "driftpay-lcb", "greedy-then-repair")
    for name, bids in product(names, ([1, 2], [2, 1], [1, 1])):
        market = Market.build(scores=[1, 1], bids=bids, budgets=[10], caps=[[1]])
        assert run_mechanism(market, name).winner_indices.tolist() == [0], name


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_empty_and_single_markets(name):
    options = {"reputation": {"reputations": [1]}, "accuracy": {"accuracies": [1]}}.get(name, {})
    for budget, cap in product([0, 3], [0, 1]):
        market = Market.build(scores=[2], bids=[1], budgets=[budget], caps=[[cap]], coverage=[[1]])
        if find_mechanism(name).refusal(market, options) is None:
            outcome = run_mechanism(market, name, **options)
            # For 3, any of them may hire the one worker; at a drawn price it need not accept.
            assert outcome.score == (
                2 if budget and cap and name != "random-price" else outcome.score if budget and cap else 0
            )
    empty = Market.build(
        scores=[], bids=[], budgets=[5], groups=[], group_ids=["g1"], coverage=np.zeros((0, 2), dtype=int)
    )
    outcome = run_mechanism(empty, name, **{key: [] for key in options})
    assert (len(outcome.assignment), outcome.total_payment) == (0, 0)


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
@settings(max_examples=15)
@given(rng=st.randoms(use_true_random=False))
def test_numbers_beyond_64_bits(name, rng):
    """Units do not matter: 10**30 times the scores and 10**25 times the money give the same winners, paid in proportion."""
    market = market_for(name, rng)
    options = {key: [1] * market.n for key in ("reputations", "accuracies") if key in find_options(name)}
    if name == "rrafl":
        options = {}
    huge = Market.build(
        scores=[market.score(i) * 10**30 for i in range(market.n)],
        bids=[market.bid(i) * 10**25 for i in range(market.n)],
        budgets=[market.budget(j) * 10**25 for j in range(market.m)],
        groups=[market.group_ids[l] for l in market.group_of],
        group_ids=market.group_ids,
        caps=[[None if cap < 0 else int(cap) for cap in row] for row in market.cap_limits],
        seats=[None if seat < 0 else int(seat) for seat in market.seat_limits],
        coverage=None
        if market.scaled.coverage is None
        else [[int(x) * 10**30 for x in row] for row in market.scaled.coverage],
    )
    small, large = run_mechanism(market, name, **options), run_mechanism(huge, name, **options)
    assert np.array_equal(small.assignment, large.assignment), market
    assert [small.payment(i) * 10**25 for i in range(market.n)] == [large.payment(i) for i in range(market.n)]
    if small.price is not None and not options:
        assert large.price == small.price / 10**5


def find_options(name):
    return {option.name for option in find_mechanism(name).options}
