"""Truthfulness of every mechanism that claims it, decided by sweeping each worker's bid over all points where things change."""

from fractions import Fraction as F
from itertools import combinations, pairwise

import pytest
from campaign import some
from drawing import made_by, reached
from fedmech.fl.mechanisms.interface import find_mechanism, mechanisms, run_mechanism
from fedmech.models.procurement.market import Market
from hypothesis import given, settings
from hypothesis import strategies as st

NEEDED = {"reputation": "reputations", "accuracy": "accuracies"}


def sweep(market, name, worker, options):
    """Map own bid -> payment, or None if it loses, at breakpoints and between them; others' bids fixed."""
    v, n = market.score(worker), market.n
    budgets = [market.budget(j) for j in range(market.m)]
    money = {*budgets, sum(budgets, F(0))}
    scores = [market.score(i) for i in range(n)]
    loads = {sum(subset, F(0)) for size in range(1, n + 1) for subset in combinations(scores, size)}
    points = {
        F(0),
        *money,
        *(market.bid(i) for i in range(n)),
        *(v * market.bid(i) / market.score(i) for i in range(n)),
    }
    points |= {v * b / load for b in money for load in loads}
    found = {}

    def run(bids):
        for bid in bids - found.keys():
            outcome = run_mechanism(
                market.with_bids([bid if i == worker else market.bid(i) for i in range(n)]), name, **options
            )
            found[bid] = outcome.payment(worker) if outcome.assignment[worker] >= 0 else None

    run(points)
    for _ in range(2):
        # Thresholds that the list does not foresee show up as payments.
        run({payment for payment in found.values() if payment is not None})
        known = sorted(found)
        run({(x + y) / 2 for x, y in pairwise(known)} | {known[-1] + 1})
    return found


def lie(found):
    """A pair (cost, bid) for which that bid beats the truth, or None: the payment is one number, paid exactly below it."""
    payments = {payment for payment in found.values() if payment is not None}
    for cost, honest in found.items():
        utility = 0 if honest is None else honest - cost
        for payment in payments:
            if payment - cost > utility:
                return cost, next(bid for bid, paid in found.items() if paid == payment)
        if utility < 0:
            return cost, max(found)
    return None


def small_market(rng, coverage=False, one_pool=False, n=3):
    n, m, groups, top = rng.randint(1, n), rng.randint(1, 2), rng.randint(1, 2), rng.choice([2, 3, 6])
    return Market.build(
        scores=[rng.randint(1, top) for _ in range(n)],
        bids=[rng.randint(0, top) for _ in range(n)],
        budgets=[rng.randint(0, 2 * top) for _ in range(m)],
        groups=[f"g{rng.randrange(groups)}" for _ in range(n)],
        group_ids=[f"g{l}" for l in range(groups)],
        caps=None if one_pool else [[rng.choice([None, 0, 1, 1, 2]) for _ in range(m)] for _ in range(groups)],
        seats=None if one_pool or rng.random() < 0.6 else [rng.choice([None, 1, 2]) for _ in range(m)],
        coverage=[[rng.randint(0, 3) for _ in range(2)] for _ in range(n)] if coverage else None,
    )


def small_case(rng, name, n=3):
    """Draw a market that a mechanism runs on, and the options it needs."""
    market = small_market(rng, "coverage" in name, name in {"singer", "gravin", "large-market"}, n)
    options: dict[str, object] = {NEEDED[name]: [rng.randint(0, 3) for _ in range(market.n)]} if name in NEEDED else {}
    if any(option.name == "seed" for option in find_mechanism(name).options):
        options["seed"] = rng.randint(0, 9)
    return market, options


def check_truthful(name, count, n=3):
    @settings(max_examples=count)
    @given(st.randoms(use_true_random=False))
    def check(rng):
        market, options = small_case(rng, name, n)
        for worker in range(market.n):
            found = sweep(market, name, worker, options)
            assert lie(found) is None, (market, worker, lie(found))

    check()


TRUTHFUL = [entry.name for entry in mechanisms("procurement") if "truthful" in entry.claims]


@pytest.mark.parametrize("name", TRUTHFUL)
def test_the_markets_that_are_tried_hire_somebody(name):
    reached(made_by(small_case, name), lambda case: run_mechanism(case[0], name, **case[1]).winners)


@pytest.mark.parametrize("name", TRUTHFUL)
def test_no_lie_pays(name):
    check_truthful(name, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHFUL)
def test_no_lie_pays_campaign(name):
    check_truthful(name, 400, n=4)


@settings(max_examples=some(60))
@given(rng=st.randoms(use_true_random=False))
def test_no_lie_pays_with_a_stipend_of_ones_own(rng):
    """One stipend per worker: what the prefix costs then no longer grows with it, and the rule has to search from the top."""
    market = small_market(rng)
    options = {"stipends": [F(rng.randint(0, 6), 2) for _ in range(market.n)]}
    for worker in range(market.n):
        assert lie(sweep(market, "driftpay-stipend", worker, options)) is None, (market, options)


# A market and a worker for every mechanism that does not claim truthfulness.
ONE = Market.build(scores=[1], bids=[0], budgets=[1])
FIRST_POOR = Market.build(scores=[1], bids=[0], budgets=[1, 2], caps=[[1, 1]])
# Worker w1 can only be placed at r1 beside w2 or w3 of the other group, whose second member has to go to r2. Up to a bid of 4 the
# price is 4, r2's whole budget. A higher bid lifts it to 9/2, where r2 hires nobody, and w1 is still needed at r1.
LIFTED = Market.build(scores=[1, 1, 1], bids=[0, 0, 0], budgets=[9, 4], groups=["a", "b", "b"], caps=[[1, 1], [1, 1]])
EXHIBITS = {
    "pea": (LIFTED, 0),
    "care-no": (LIFTED, 0),
    "rrafl": (FIRST_POOR, 0),
    "driftpay-bonus": (ONE, 0),
    "lowest-bid": (ONE, 0),
    "random-feasible": (ONE, 0),
    "greedy-then-repair": (ONE, 0),
}


def test_who_does_not_claim_truthfulness_has_an_exhibit():
    assert set(TRUTHFUL) | set(EXHIBITS) == {entry.name for entry in mechanisms("procurement")}


@pytest.mark.parametrize("name", sorted(EXHIBITS))
def test_a_lie_pays(name):
    market, worker = EXHIBITS[name]
    assert lie(sweep(market, name, worker, {})) is not None


def test_pea_pays_more_for_a_higher_bid():
    """Every cap is at least 1 and budgets differ: the bid 17/4 earns 9/2, the truth (cost 0) earns 4."""
    honest, higher = run_mechanism(LIFTED, "pea"), run_mechanism(LIFTED.with_bids([F(17, 4), 0, 0]), "pea")
    assert (honest.payment(0), higher.payment(0)) == (4, F(9, 2))


def test_greedy_then_repair_drops_who_bids_less():
    market = Market.build(scores=[1, 2], bids=[3, 8], budgets=[10], caps=[[1]])
    assert run_mechanism(market, "greedy-then-repair").winner_indices.tolist() == [0]
    assert run_mechanism(market.with_bids([2, 8]), "greedy-then-repair").winner_indices.tolist() == [1]


@pytest.mark.parametrize("name", ["vcg", "driftpay-bonus"])
def test_budgets_that_are_not_claimed_are_passed(name):
    market = Market.build(scores=[1, 1], bids=[0, 0], budgets=[1])
    assert run_mechanism(market, name).total_payment > 1


def test_separate_prices_can_buy_more_than_one_pooled_price():
    """The pooled price has to suit both groups; group prices let the cheap one pay less."""
    market = Market.build(
        scores=[1, 1, 1], bids=[0, 2, 2], budgets=[1, 4], groups=["a", "b", "b"], caps=[[1, 0], [0, 2]]
    )
    assert run_mechanism(market, "driftpay-co").score == 2
    assert run_mechanism(market, "driftpay-no").score == 3
