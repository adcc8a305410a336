"""ORP with seats and the critical-prefix scan against literal implementations of their definitions."""

from fractions import Fraction
from itertools import chain, combinations

import networkx
import numpy as np
import pytest
from campaign import some, thorough
from drawing import Numbers, generators
from fedmech.solvers.placement import prefix_scan as scan_module
from fedmech.solvers.placement.orp_seats import best_placeable_set
from fedmech.solvers.placement.polymatroid import (
    SeatFlow,
    counts_fit,
    descending,
    place,
    rank,
)
from fedmech.solvers.placement.prefix_scan import prefix_scan
from hypothesis import given, settings
from hypothesis import strategies as st


def placeable(groups, caps, seats, workers):
    """Max-flow with a node per worker, as DriftPay section 5 draws it."""
    network = networkx.DiGraph()
    network.add_nodes_from(["source", "sink"])
    for i in workers:
        network.add_edge("source", ("worker", i), capacity=1)
        network.add_edge(("worker", i), ("group", int(groups[i])), capacity=1)
    for (group, requester), cap in np.ndenumerate(caps):
        network.add_edge(("group", group), ("requester", requester), capacity=int(cap))
    for requester, limit in enumerate(seats):
        network.add_edge(("requester", requester), "sink", capacity=int(limit))
    return networkx.maximum_flow_value(network, "source", "sink") == len(workers)


def feasible_sets(groups, caps, seats):
    """All placeable sets, by the network; supersets of unplaceable sets are skipped."""
    n = len(groups)
    known: set[tuple[int, ...]] = {()}
    for size in range(1, n + 1):
        for workers in combinations(range(n), size):
            if all(sub in known for sub in combinations(workers, size - 1)) and placeable(groups, caps, seats, workers):
                known.add(workers)
    return known


def literal_orp(scores, known, workers):
    """Best placeable subset of ``workers``; ties by score, then index: the first in that order."""
    position = {i: p for p, i in enumerate(sorted(workers, key=lambda i: (-scores[i], i)))}
    inside = [s for s in known if all(i in position for i in s)]
    return min(inside, key=lambda s: (-sum(int(scores[i]) for i in s), sorted(position[i] for i in s)))


def literal_scan(bids, scores, known, budget):
    """DriftPay-CO as written: sort, solve ORP on every prefix, keep the largest affordable one."""
    ratio = [Fraction(int(b), int(v)) for b, v in zip(bids, scores, strict=True)]
    order = sorted(range(len(bids)), key=lambda i: (ratio[i], i))
    best = 0
    values = [0]
    for k in range(1, len(order) + 1):
        values.append(sum(int(scores[i]) for i in literal_orp(scores, known, order[:k])))
        if ratio[order[k - 1]] * values[k] <= budget:
            best = k
    prices = [ratio[order[best]]] if best < len(order) else []
    if values[best] > 0:
        prices.append(Fraction(budget, values[best]))
    return best, set(order[:best]), literal_orp(scores, known, order[:best]), values[best], min(prices, default=None)


def small_market(rng, n):
    n_groups, n_requesters = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    top = int(rng.choice([2, 4, 9, 10**6]))
    return (
        rng.integers(0, top + 1, n) * int(rng.random() < 0.9),
        rng.integers(1, top + 1, n),
        rng.integers(0, n_groups, n),
        int(rng.integers(0, 2 * top + n)),
        rng.integers(0, 3, (n_groups, n_requesters)),
        rng.integers(0, 4, n_requesters),
    )


def group_totals(groups, caps):
    return np.minimum(np.bincount(groups, minlength=len(caps)), caps.sum(axis=1))


def check_scan(bids, scores, groups, budget, caps, seats, with_seats):
    known = feasible_sets(groups, caps, seats if with_seats else np.full(len(seats), len(bids)))
    limits = {"caps": caps, "seats": seats} if with_seats else {}
    found = prefix_scan(bids, scores, groups, budget, group_totals(groups, caps), **limits)
    k, prefix, winners, value, price = literal_scan(bids, scores, known, budget)
    assert found.k == k
    assert set(np.flatnonzero(found.prefix)) == prefix
    assert tuple(found.winners) == tuple(sorted(winners))
    assert found.score == value
    assert found.price == price
    if with_seats:
        assert found.routing is not None
        assert (found.routing.sum(axis=1) == np.bincount(groups[found.winners], minlength=len(caps))).all()
        assert (found.routing <= caps).all()
        assert (found.routing.sum(axis=0) <= seats).all()


@pytest.mark.parametrize("with_seats", [False, True])
@settings(max_examples=some(150))
@given(rng=generators)
def test_scan_is_the_definition(with_seats, rng: Numbers) -> None:
    bids, scores, groups, budget, caps, seats = small_market(rng, int(rng.integers(0, 8)))
    check_scan(bids, scores, groups, budget, caps, seats, with_seats)


@pytest.mark.slow
@settings(max_examples=6000)
@given(rng=generators, with_seats=st.booleans())
def test_scan_is_the_definition_campaign(rng: Numbers, with_seats):
    check_scan(*small_market(rng, int(rng.integers(0, 9))), with_seats)


@pytest.mark.parametrize("with_seats", thorough([False, True], (False).__eq__))
@pytest.mark.parametrize(("base", "kind"), [(2**52, np.int64), (2**80, object)])
@settings(max_examples=some(80))
@given(rng=generators)
def test_scan_orders_ratios_that_floats_cannot_tell_apart(with_seats, base, kind, rng: Numbers):
    """Ratios of integers near 2^52 and 2^80 differ far below one unit in the last place."""
    _, _, groups, _, caps, seats = small_market(rng, 7)
    scores = [base - int(x) for x in rng.integers(1, 5, 7)]
    bids = [base - int(x) for x in rng.integers(1, 5, 7)]
    budget = int(rng.integers(0, 7)) * base
    check_scan(np.array(bids, kind), np.array(scores, kind), groups, budget, caps, seats, with_seats)


def test_equal_ratios_are_split_by_index():
    """All ratios are 1, the budget stops in the middle of the tie."""
    scores = np.array([5, 3, 4, 2])
    found = prefix_scan(scores, scores, np.zeros(4, int), 9, [4])
    assert found.k == 2
    assert found.winners.tolist() == [0, 1]
    assert found.price == 1


def test_nothing_can_be_placed():
    found = prefix_scan([1, 2], [3, 4], [0, 0], 5, [0])
    assert (found.k, found.winners.tolist(), found.score, found.price) == (2, [], 0, None)


def large_market(rng, n, top):
    groups = rng.integers(0, 6, n)
    caps = np.stack([rng.multinomial(int(0.3 * n / 6), [0.25] * 4) for _ in range(6)])
    return rng.integers(0, top, n), rng.integers(1, top, n), groups, caps, (caps.sum(axis=0) * 0.6).astype(int)


@pytest.mark.parametrize("with_seats", [False, True])
@pytest.mark.parametrize("top", [3, 1000, 2**30])
@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.9, 2.0])
def test_sampled_brackets_do_not_change_the_answer(monkeypatch, with_seats, top, fraction):
    """On a market that starts from a sample, against the scan that starts from nothing and one full sort."""
    rng = np.random.default_rng(top)
    bids, scores, groups, caps, seats = large_market(rng, 3000, top)
    limits = {"caps": caps, "seats": seats} if with_seats else {}
    totals = group_totals(groups, caps)
    budget = int(fraction * 0.3 * bids.sum())
    plain = prefix_scan(bids, scores, groups, budget, totals, **limits)
    monkeypatch.setattr(scan_module, "_SAMPLE", 500)
    monkeypatch.setattr(scan_module, "_SORT_BELOW", 16)
    monkeypatch.setattr(scan_module, "COMPILE_FROM", 10**9)
    sampled = prefix_scan(bids, scores, groups, budget, totals, **limits)
    assert (sampled.k, sampled.score, sampled.price) == (plain.k, plain.score, plain.price)
    assert (sampled.winners == plain.winners).all()
    assert (sampled.prefix == plain.prefix).all()
    # The definition at k* and k* + 1, by a sort and two independent ORPs.
    ratio = [Fraction(int(b), int(v)) for b, v in zip(bids, scores, strict=True)]
    order = sorted(range(len(bids)), key=lambda i: (ratio[i], i))
    assert set(order[: plain.k]) == set(np.flatnonzero(plain.prefix))
    for k in (plain.k, plain.k + 1):
        if 0 < k <= len(order):
            inside = np.array(order[:k])
            if with_seats:
                value = scores[inside[best_placeable_set(scores[inside], groups[inside], caps, seats).chosen]].sum()
            else:
                value = sum(np.sort(scores[inside][groups[inside] == g])[::-1][: totals[g]].sum() for g in range(6))
            assert (ratio[order[k - 1]] * int(value) <= budget) == (k == plain.k)


def test_a_wrong_guess_is_noticed(monkeypatch):
    rng = np.random.default_rng(3)
    bids, scores, groups, caps, _ = large_market(rng, 3000, 1000)
    totals, budget = group_totals(groups, caps), int(0.1 * bids.sum())
    plain = prefix_scan(bids, scores, groups, budget, totals)
    monkeypatch.setattr(scan_module, "_SAMPLE", 500)
    none, everything = np.full(6, -1), np.full(6, np.iinfo(np.int64).max)
    for low, high in ((0.0, 0.001), (50.0, 60.0), (0.001, 60.0)):
        for floor, roof in ((none, everything), (np.full(6, 500), np.full(6, 501)), (none + 10**6, everything * 0)):
            guess = (low, high, floor.copy(), roof.copy())
            monkeypatch.setattr(scan_module._Scan, "_guess", lambda self, guess=guess: guess)
            found = prefix_scan(bids, scores, groups, budget, totals)
            assert (found.k, found.price) == (plain.k, plain.price)
            assert (found.winners == plain.winners).all()


@settings(max_examples=some(200))
@given(rng=generators)
def test_orp_with_seats_is_the_best_placeable_set(rng: Numbers) -> None:
    _, scores, groups, _, caps, seats = small_market(rng, int(rng.integers(0, 8)))
    best = best_placeable_set(scores, groups, caps, seats)
    expected = literal_orp(scores, feasible_sets(groups, caps, seats), range(len(scores)))
    assert tuple(best.chosen) == tuple(sorted(expected))
    assignment = place(groups[best.chosen], best.routing)
    used = np.zeros_like(caps)
    np.add.at(used, (groups[best.chosen], assignment), 1)
    assert (used <= caps).all()
    assert (used.sum(axis=0) <= seats).all()


@given(rng=generators)
def test_the_rank_function_is_the_largest_flow(rng: Numbers) -> None:
    caps, seats = rng.integers(0, 5, (4, 3)), rng.integers(0, 8, 3)
    for members in chain.from_iterable(combinations(range(4), k) for k in range(5)):
        inside = np.isin(np.arange(4), members)
        flow = SeatFlow(caps, seats)
        flow.push(np.flatnonzero(inside), np.full(len(members), 99))
        assert flow.counts.sum() == rank(caps, seats, inside)
    counts = rng.integers(0, 5, 4)
    masks = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(bool)
    assert counts_fit(caps, seats, counts) == all(counts[a].sum() <= rank(caps, seats, a) for a in masks)


def test_compiled_and_plain_augmentation_agree():
    rng = np.random.default_rng(13)
    caps, seats = rng.integers(0, 6, (7, 4)), rng.integers(0, 15, 4)
    groups, amounts = rng.integers(0, 7, 400), rng.integers(1, 3, 400)
    plain, compiled = SeatFlow(caps, seats), SeatFlow(caps, seats, compiled=True)
    for part in (slice(0, 50), slice(50, 400)):
        assert (plain.push(groups[part], amounts[part]) == compiled.push(groups[part], amounts[part])).all()
        assert list(plain.first_blocked) == list(compiled.first_blocked)
    assert (plain.routing == compiled.routing).all()


@pytest.mark.parametrize("span", [3, 2**60])
def test_descending_breaks_ties_by_position(span):
    weights = np.random.default_rng(14).integers(0, span, 500)
    assert descending(weights).tolist() == sorted(range(500), key=lambda i: (-weights[i], i))
