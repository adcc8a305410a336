"""DriftPay-CO against a literal reading of its definition, in plain fractions."""

from __future__ import annotations

from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from fedmech import (
    Market,
    read_market,
    run_mechanism,
    solve,
)
from fedmech.models.data import digits_market_path
from hypothesis import given, settings
from strategies import markets


def placeable(market: Market, workers: list[int]) -> bool:
    """Whether these workers can be placed: a maximum flow with a node per worker."""
    network = nx.DiGraph()
    network.add_nodes_from(["source", "sink"])
    for i in workers:
        l = int(market.group_of[i])
        network.add_edge("source", ("worker", i), capacity=1)
        for j in range(market.m):
            network.add_edge(("worker", i), ("bucket", l, j), capacity=1)
            network.add_edge(("bucket", l, j), ("requester", j), capacity=int(market.caps[l, j]))
            network.add_edge(("requester", j), "sink", capacity=int(market.seats[j]))
    return nx.maximum_flow_value(network, "source", "sink") == len(workers)


def literal_orp(market: Market, prefix: list[int]) -> list[int]:
    """ORP's optimum on a prefix: best score first, lower index first among equals, as long as all can be placed."""
    chosen: list[int] = []
    for i in sorted(prefix, key=lambda i: (-market.score(i), i)):
        if placeable(market, [*chosen, i]):
            chosen.append(i)
    return sorted(chosen)


def literal_driftpay(market: Market) -> tuple[list[int], Fraction | None]:
    """Section 5, sentence by sentence: winners and critical price (None where nobody wins)."""
    ratio = {i: market.bid(i) / market.score(i) for i in range(market.n)}
    order = sorted(ratio, key=lambda i: (ratio[i], i))
    budget = sum((market.budget(j) for j in range(market.m)), Fraction(0))
    best, winners = 0, []
    for k in range(1, market.n + 1):
        chosen = literal_orp(market, order[:k])
        if ratio[order[k - 1]] * sum(market.score(i) for i in chosen) <= budget:
            best, winners = k, chosen
    if not winners:
        return [], None
    value = sum(market.score(i) for i in winners)
    share = budget / value
    return winners, share if best == market.n else min(ratio[order[best]], share)


@settings(max_examples=300, deadline=None)
@given(market=markets(max_workers=7))
def test_agrees_with_the_literal_definition(market: Market) -> None:
    outcome = run_mechanism(market, "driftpay-co")
    winners, price = literal_driftpay(market)
    assert outcome.winners.tolist() == winners
    assert outcome.critical_price == price
    assert [outcome.payment(i) for i in range(market.n)] == [
        market.score(i) * price if i in winners and price is not None else 0 for i in range(market.n)
    ]
    assert outcome.score == sum((market.score(i) for i in winners), Fraction(0))


@settings(max_examples=200, deadline=None)
@given(market=markets(max_workers=7))
def test_pays_at_least_the_bid_and_at_most_the_budget(market: Market) -> None:
    outcome = run_mechanism(market, "driftpay-co")
    assert outcome.total_payment <= sum(market.budget(j) for j in range(market.m))
    assert all(outcome.payment(i) >= market.bid(i) for i in outcome.winners.tolist())


def test_never_reads_costs() -> None:
    market = Market.build(scores=[3, 2, 1], costs=[1, 1, 1], budgets=[3])
    others = Market.build(scores=[3, 2, 1], costs=[9, 0, 5], bids=[1, 1, 1], budgets=[3])
    bids_only = Market.build(scores=[3, 2, 1], bids=[1, 1, 1], budgets=[3])
    outcomes = [run_mechanism(each, "driftpay-co") for each in (market, others, bids_only)]
    assert len({(tuple(o.winners.tolist()), o.total_payment, o.critical_price) for o in outcomes}) == 1


def test_payments_beyond_64_bits_are_exact() -> None:
    market = Market.build(
        scores=[2**40 + 1, 2**40 - 1, 7], costs=["1/3", "1/7", 10**9], budgets=[10**6 + Fraction(1, 11)]
    )
    outcome = run_mechanism(market, "driftpay-co")
    assert outcome.winners.tolist() == [0, 1]
    assert outcome.total_payment == market.budget(0)
    assert outcome.payment(0) == market.budget(0) * (2**40 + 1) / 2**41


def test_shipped_market() -> None:
    market = read_market(digits_market_path())
    outcome = run_mechanism(market, "driftpay-co")
    optimum = solve(market, "opt")
    assert (outcome.details["k"], len(outcome.winners)) == (51, 42)
    assert outcome.score == Fraction("28.837319")
    assert optimum.objective == Fraction("35.175223")


@pytest.mark.parametrize("seed", range(20))
def test_prefixes_of_a_large_market(seed: int) -> None:
    # Too large for the literal reading: compare with ORP solved anew on the two prefixes that decide.
    rng = np.random.default_rng(seed)
    n = 400
    market = Market.build(
        scores=rng.integers(1, 50, n),
        costs=rng.integers(0, 60, n),
        groups=rng.integers(0, 5, n),
        budgets=rng.integers(0, 400, 3),
        caps=rng.integers(0, 30, (5, 3)),
        seats=rng.integers(5, 60, 3),
        group_ids=range(5),
    )
    outcome = run_mechanism(market, "driftpay-co")
    ratio = [market.bid(i) / market.score(i) for i in range(n)]
    order = sorted(range(n), key=lambda i: (ratio[i], i))
    k = outcome.details["k"]
    budget = sum(market.budget(j) for j in range(3))
    assert sorted(np.flatnonzero(outcome.details["prefix"])) == sorted(order[:k])

    def value(length: int) -> Fraction:
        return solve(market.subset(sorted(order[:length])), "orp", "highs-arrays").objective or Fraction(0)

    assert value(k) == outcome.score
    assert k == 0 or ratio[order[k - 1]] * value(k) <= budget
    assert k == n or ratio[order[k]] * value(k + 1) > budget
