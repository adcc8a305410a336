"""The sets that fit one purse and lose little, against all sets of workers: all of them, each once, at its loss."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators
from fedmech import Market
from fedmech.solvers.proofs import purse_sets
from fedmech.solvers.proofs.packing import requesters_of
from fedmech.solvers.proofs.proof import ProofError, ProofTooLarge
from fedmech.solvers.proofs.purse_sets import (
    Part,
    Prices,
    Purse,
    Sets,
    bits,
    list_sets,
    near_best,
    packed,
    python_or_64,
)
from hypothesis import given, settings

WORDS = (1, 2**31, 2**58, 2**61, 2**62, 2**63, 10**30)


def column(values: list[int], objects: bool = False) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array if objects or any(abs(x) >= 2**62 for x in values) else array.astype(np.int64)


def as_found(sets: Sets) -> dict[frozenset[int], int]:
    """The sets with their losses; none stands there twice."""
    rows = [frozenset(sets.members(at).tolist()) for at in range(sets.loss.size)]
    assert len(set(rows)) == len(rows)
    assert sorted(sets.possible().tolist()) == sorted(frozenset().union(*rows))
    return dict(zip(rows, sets.loss.tolist(), strict=True))


def fitting(purse: Purse, costs: list[int], groups: list[int]) -> list[tuple[int, ...]]:
    """All sets of positions that a purse can pay, seat and cap."""
    everybody = range(len(costs))
    sets = itertools.chain.from_iterable(itertools.combinations(everybody, size) for size in range(purse.seats + 1))
    return [
        some
        for some in sets
        if sum(costs[i] for i in some) <= purse.money
        and all(sum(groups[i] == group for i in some) <= cap for group, cap in enumerate(purse.caps))
    ]


def lost(some: tuple[int, ...], purse: Purse, costs: list[int], groups: list[int], q: list[int], price: Prices) -> int:
    """Step 3: money, places and seats left, and workers on the wrong side."""
    counts = [sum(groups[i] == group for i in some) for group in range(len(purse.caps))]
    return (
        price.money * (purse.money - sum(costs[i] for i in some))
        + sum(mu * (cap - count) for mu, cap, count in zip(price.places, purse.caps, counts, strict=True))
        + price.seats * (purse.seats - len(some))
        + sum(abs(x) for i, x in enumerate(q) if (x > 0) != (i in some))
    )


@pytest.mark.parametrize(
    ("at_once", "words"),
    [
        (1, WORDS),
        (2, WORDS),
        (purse_sets.PAIRS_AT_ONCE, WORDS),
        (2**20, (1,)),
        (2**20, (1, 2**40)),
        (2**20, (2**60, 2**61)),
    ],
)
def test_all_sets_that_lose_little_are_listed(
    at_once: int, words: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purse_sets, "PAIRS_AT_ONCE", at_once)

    @settings(max_examples=40)
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        n, kinds = int(rng.integers(0, 7)), int(rng.integers(1, 4))
        unit, dear = (int(rng.choice(words)) for _ in range(2))
        costs = [int(x) * dear for x in rng.integers(0, 6, n)]
        q = [int(x) * unit for x in rng.integers(-6, 7, n)]
        groups = rng.integers(0, kinds, n).tolist()
        able = np.flatnonzero(rng.random(3 * n) < 0.5)[:n]
        able = np.arange(n) if len(able) < n else able
        caps = tuple(rng.integers(0, 5, kinds).tolist())
        purse = Purse(int(rng.integers(0, 20)) * dear, int(rng.integers(0, n + 3)), caps, able)
        places = tuple(int(x) * unit for x in rng.integers(0, 3, kinds) * (rng.random(kinds) < 0.5))
        rate = int(rng.integers(0, 3)) * unit // dear * int(rng.random() < 0.6)
        price = Prices(1, rate, int(rng.integers(0, 3)) * unit * int(rng.random() < 0.5), places, 0)
        losses = {some: lost(some, purse, costs, groups, q, price) for some in fitting(purse, costs, groups)}
        steps = {int(rng.integers(-1, 25)) * unit, *rng.sample([*losses.values()], min(2, len(losses)))}
        for most in {int(x) - less for x in steps for less in (0, 1)}:
            columns = column(costs, rng.random() < 0.3), np.array(groups, dtype=np.int64), column(q, rng.random() < 0.2)
            found = as_found(list_sets(purse, *columns, price, most, lambda: None))
            right = {frozenset(able[i] for i in some): loss for some, loss in losses.items() if loss <= most}
            assert found == right, most

    holds()


@pytest.mark.parametrize("size", [63, 64, 65, 130])
def test_sets_of_many_workers(size: int) -> None:
    """One seat and more workers than a word has bits: each by itself, and nobody."""
    purse = Purse(1, 1, (1, 1), np.arange(size))
    costs, groups = np.ones(size, dtype=np.int64), np.arange(size) % 2
    found = as_found(
        list_sets(purse, costs, groups, np.zeros(size, dtype=np.int64), Prices(1, 0, 0, (0, 0), 0), 0, lambda: None)
    )
    assert found == dict.fromkeys([frozenset[int](), *(frozenset([i]) for i in range(size))], 0)


def market_of(
    scores: list[int], costs: list[int], groups: list[int], budget: int, caps: list[int], seats: int
) -> Market:
    return Market.build(
        scores=scores, costs=costs, groups=groups, group_ids=range(len(caps)), budgets=[budget], caps=[[x] for x in caps],
        seats=[seats],
    )  # fmt: skip


@settings(max_examples=some(300))
@given(rng=generators)
def test_sets_near_the_best_at_any_prices(rng: Numbers) -> None:
    """Whatever the prices within the purse, what is listed depends on what sets are worth alone; a claim too low is refused."""
    n, kinds = int(rng.integers(1, 6)), int(rng.integers(1, 3))
    unit, dear, fine = int(rng.choice(WORDS)), int(rng.choice(WORDS)), int(rng.choice([1, 3, 2**20, 2**62]))
    costs, groups = [int(x) * dear for x in rng.integers(0, 6, n)], rng.integers(0, kinds, n).tolist()
    market = market_of(
        [1] * n,
        costs,
        groups,
        int(rng.integers(0, 20)) * dear,
        rng.integers(0, 4, kinds).tolist(),
        int(rng.integers(0, n + 2)),
    )
    (purse,) = requesters_of(market, lambda: None)
    margins = column([int(x) * unit for x in rng.integers(-6, 7, n)], rng.random() < 0.3)
    able = purse.able.tolist()
    own = [costs[i] for i in able]
    sets = fitting(purse, own, [groups[i] for i in able])
    worths = {frozenset(able[i] for i in some): sum(int(margins[able[i]]) for i in some) for some in sets}
    best = max(worths.values()) + int(rng.choice([0, 0, 1, -1, unit]))
    price = Prices(
        fine,
        int(rng.integers(0, 3)) * unit * fine // dear,
        int(rng.integers(0, 2)) * unit * fine,
        tuple(int(x) * unit * fine // 2 for x in rng.integers(0, 3, kinds)),
        best,
    )
    gap = int(rng.integers(-1, 8)) * unit + int(rng.integers(0, 2))
    if best < max(worths.values()):
        with pytest.raises(ProofError, match="can do better"):
            near_best(market, purse, price, margins, max(gap, -1), lambda: None)
        return
    found = as_found(near_best(market, purse, price, margins, max(gap, -1), lambda: None))
    assert found == {some: best - worth for some, worth in worths.items() if best - worth <= gap}


@pytest.mark.parametrize("number", [2**31, 2**40, 2**61, 2**62, 2**63, 2**70])
def test_one_long_number_among_short_ones(number: int) -> None:
    """Scale, money, seats, places, margins and costs: each by itself may be long, and what it is multiplied with long, short or 0."""
    for cost, gain in ((0, 0), (1, 1), (0, 2**31), (2**31, 0), (number, 0), (0, number)):
        market = market_of([1, 1], [cost, 0], [0, 1], cost + 1, [1, 1], 2)
        (purse,) = requesters_of(market, lambda: None)
        margins = column([gain, 0])
        worths = {frozenset(some): sum(int(margins[i]) for i in some) for some in ((), (0,), (1,), (0, 1))}
        short = Prices(1, 0, 0, (0, 0), gain)
        for price in (
            short,
            replace(short, scale=number),
            replace(short, money=number),
            replace(short, seats=number),
            replace(short, places=(number, 0)),
        ):
            for gap in (0, gain, number):
                found = as_found(near_best(market, purse, price, margins, gap, lambda: None))
                assert found == {some: gain - worth for some, worth in worths.items() if gain - worth <= gap}


@pytest.mark.parametrize("most", [2**58, 2**60, 2**61, 2**62, 2**63])
@pytest.mark.parametrize("what", ["seats", "places", "money"])
def test_losses_that_fit_words_and_together_do_not(what: str, most: int) -> None:
    """Five workers, and one of them may be missing: what all five leave would be beyond 64 bits."""
    purse = Purse(5, 5, (5,), np.arange(5))
    costs, groups, q = [1] * 5, [0] * 5, [0] * 5
    price = {
        "seats": Prices(1, 0, most, (0,), 0),
        "places": Prices(1, 0, 0, (most,), 0),
        "money": Prices(1, most, 0, (0,), 0),
    }[what]
    right = {some: lost(some, purse, costs, groups, q, price) for some in fitting(purse, costs, groups)}
    found = as_found(list_sets(purse, column(costs), np.array(groups), column(q), price, most, lambda: None))
    assert found == {frozenset(some): loss for some, loss in right.items() if loss <= most}
    assert len(found) == 6


@pytest.mark.parametrize("beyond", [-1, 0])
def test_columns_of_sums_that_fit(beyond: int) -> None:
    for values in ([2**62 + beyond], [2**61, 2**61 + beyond], [-(2**61), 2**61 + beyond]):
        assert packed(values).dtype == (np.int64 if beyond else object)
        assert packed(values).tolist() == values


@pytest.mark.parametrize("number", [2**62 - 1, 2**62, 2**63, 2**70])
def test_numbers_beside_a_column_compare_with_its_entries_as_they_are(number: int) -> None:
    entries = [0, 2**61, 2**62 - 2, 2**62 - 1]
    short = python_or_64(number, column(entries))
    assert [x < np.int64(short) for x in entries] == [x < number for x in entries]
    assert [x <= np.int64(short) for x in entries] == [x <= number for x in entries]
    assert python_or_64(number, column(entries, objects=True)) == number


def test_words_of_one_row_and_of_many() -> None:
    words = np.array([1 | 1 << 63, 6], dtype=np.uint64)
    right = [at in (0, 63, 65, 66) for at in range(128)]
    assert bits(words).tolist() == right
    assert bits(words[None]).tolist() == [right]


def test_of_nobody_and_no_groups_there_is_the_empty_set() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    found = list_sets(Purse(3, 0, (), nobody), nobody, nobody, nobody, Prices(1, 2, 0, (), 0), 6, lambda: None)
    assert as_found(found) == {frozenset(): 6}


def test_every_step_looks_at_the_clock() -> None:
    """At the begin, at each of three workers, and at the one block of pairs; the parts of one worker are two."""
    market = market_of([1] * 3, [1] * 3, [0] * 3, 3, [3], 3)
    (purse,) = requesters_of(market, lambda: None)
    looked: list[int] = []
    near_best(market, purse, Prices(1, 0, 0, (0,), 0), column([0] * 3), 0, lambda: looked.append(1))
    assert len(looked) == 5


def test_the_parts_of_one_worker_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    purse, zero = Purse(0, 1, (1,), np.arange(1)), np.zeros(1, dtype=np.int64)
    for most in (2, 1):
        monkeypatch.setattr(purse_sets, "MOST_SETS", most)
        if most == 2:
            assert list_sets(purse, zero, zero, zero, Prices(1, 0, 0, (0,), 0), 0, lambda: None).loss.size == 2
            continue
        with pytest.raises(ProofTooLarge, match="parts of sets"):
            list_sets(purse, zero, zero, zero, Prices(1, 0, 0, (0,), 0), 0, lambda: None)


def test_sets_are_counted_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """One seat: nobody beside nobody or the third, then one worker more in each of two blocks."""
    purse, zero = Purse(0, 1, (3,), np.arange(3)), np.zeros(3, dtype=np.int64)
    monkeypatch.setattr(purse_sets, "PAIRS_AT_ONCE", 1)
    monkeypatch.setattr(purse_sets, "MOST_SETS", 4)
    assert list_sets(purse, zero, zero, zero, Prices(1, 0, 0, (0,), 0), 0, lambda: None).loss.size == 4


@pytest.mark.parametrize(("name", "needed"), [("MOST_SETS", 8), ("MOST_PAIRS", 8)])
def test_no_more_sets_or_pairs_than_allowed(name: str, needed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three workers who are in or not: eight sets, joined of two and of four parts."""
    purse = Purse(3, 3, (3,), np.arange(3))
    one, zero = np.ones(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for most, right in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(purse_sets, name, most)
        if right:
            assert list_sets(purse, one, zero, zero, Prices(1, 0, 0, (0,), 0), 0, lambda: None).loss.size == 8
            continue
        with pytest.raises(ProofTooLarge):
            list_sets(purse, one, zero, zero, Prices(1, 0, 0, (0,), 0), 0, lambda: None)


@pytest.mark.parametrize(
    ("money", "margin", "rate", "most", "needed"),
    [(100, 5, 0, 5, 5), (1, 0, 0, 0, 5), (4, 1, 1, 2, 6)],
    ids=["money for all, one may be left out", "money for one, nobody is missed", "money left has a price"],
)
def test_parts_are_joined_by_money_or_by_loss_whichever_leaves_fewer_pairs(
    money: int, margin: int, rate: int, most: int, needed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two workers and two there are three or four parts each; by the other of the two there are nine pairs, or eleven."""
    purse, groups = Purse(money, 4, (4,), np.arange(4)), np.zeros(4, dtype=np.int64)
    everybody, price = frozenset(range(4)), Prices(1, rate, 0, (0,), 0)
    right = {everybody - {i}: margin + rate for i in range(4)} | {everybody: 0}
    if not margin:
        right = {frozenset({i}): 0 for i in range(4)} | {frozenset[int](): 0}
    for objects in (False, True):
        columns = column([1] * 4, objects), groups, column([margin] * 4, objects)
        monkeypatch.setattr(purse_sets, "MOST_PAIRS", needed)
        assert as_found(list_sets(purse, *columns, price, most, lambda: None)) == right
        monkeypatch.setattr(purse_sets, "MOST_PAIRS", needed - 1)
        with pytest.raises(ProofTooLarge, match="pairs of parts"):
            list_sets(purse, *columns, price, most, lambda: None)


@pytest.mark.parametrize("objects", [False, True])
@pytest.mark.parametrize(("at_once", "looks"), [(1, 7), (2, 4), (6, 2), (7, 1), (8, 1)])
def test_one_of_those_that_only_their_members_tell_apart(
    objects: bool, at_once: int, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purse_sets, "PARTS_AT_ONCE", at_once)
    looked: list[int] = []
    rows = [(3, 1, 0, 1), (3, 1, 0, 1), (3, 1, 0, 2), (3, 1, 1, 1), (3, 2, 0, 1), (4, 1, 0, 1), (4, 1, 0, 1)]
    cost, loss, count, total = (column(list(x), objects) for x in zip(*rows, strict=True))
    part = Part(cost, loss, count, total, np.arange(7, dtype=np.uint64)[:, None], 5)
    apart = part.told_apart(lambda: looked.append(1))
    assert list(
        zip(apart.cost.tolist(), apart.loss.tolist(), apart.count.tolist(), apart.total.tolist(), strict=True)
    ) == [*dict.fromkeys(rows)]
    assert apart.held[:, 0].tolist() in ([0, 2, 3, 4, 5], [1, 2, 3, 4, 6])
    assert apart.group == 5
    assert len(looked) == looks


@pytest.mark.parametrize(
    ("name", "workers", "needed", "parts"),
    [("MOST_SETS", 6, 6, "parts of sets"), ("MOST_PAIRS", 4, 9, "pairs of parts")],
)
def test_workers_alike_are_not_listed_apart_where_one_set_is_enough(
    name: str, workers: int, needed: int, parts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two workers alike there are three parts where four were, and of three six where eight were."""
    purse, zero = Purse(0, workers, (workers,), np.arange(workers)), np.zeros(workers, dtype=np.int64)
    price = Prices(1, 0, 0, (0,), 0)
    monkeypatch.setattr(purse_sets, name, needed)
    assert list_sets(purse, zero, zero, zero, price, 0, lambda: None, alike=False).loss.size > 0
    with pytest.raises(ProofTooLarge, match=parts):
        list_sets(purse, zero, zero, zero, price, 0, lambda: None)
    monkeypatch.setattr(purse_sets, name, needed - 1)
    with pytest.raises(ProofTooLarge, match=parts):
        list_sets(purse, zero, zero, zero, price, 0, lambda: None, alike=False)


@pytest.mark.parametrize("at_once", [1, purse_sets.PAIRS_AT_ONCE])
def test_a_set_is_found_if_there_is_one(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few kinds of workers, whose parts are merged again and again, beside the list of all sets."""

    @settings(max_examples=some(150))
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        n = int(rng.integers(6, 11))
        costs, q = (column(rng.integers(low, 3, n).tolist()) for low in (1, -1))
        groups = rng.integers(0, 2, n)
        purse = Purse(
            int(rng.integers(2, 9)), int(rng.integers(2, 8)), tuple(rng.integers(1, 6, 2).tolist()), np.arange(n)
        )
        price = Prices(1, int(rng.integers(0, 2)), int(rng.integers(0, 2)), tuple(rng.integers(0, 2, 2).tolist()), 0)
        most = int(rng.integers(2, 9))
        every = (
            as_found(whole)
            if (whole := list_sets(purse, costs, groups, q, price, most, lambda: None)).loss.size
            else {}
        )
        with monkeypatch.context() as patch:
            patch.setattr(purse_sets, "PAIRS_AT_ONCE", at_once)
            patch.setattr(purse_sets, "MOST_SETS", 60)
            patch.setattr(purse_sets, "MOST_PAIRS", 400)
            try:
                some = list_sets(purse, costs, groups, q, price, most, lambda: None, alike=False)
            except ProofTooLarge:
                return
        listed = as_found(some) if some.loss.size else {}
        assert listed.items() <= every.items()
        assert bool(listed) == bool(every)

    holds()


def test_where_sets_within_the_gap_are_wanted_all_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six workers alike of whom one is paid: six sets are best, and none is better, which takes fewer parts."""
    market = market_of([1] * 6, [2] * 6, [0] * 6, 3, [6], 6)
    (purse,) = requesters_of(market, lambda: None)
    price, margins = Prices(1, 1, 0, (0,), 2), column([2] * 6)
    monkeypatch.setattr(purse_sets, "PAIRS_AT_ONCE", 1)
    assert near_best(market, purse, price, margins, 0, lambda: None).loss.size == 6
    monkeypatch.setattr(purse_sets, "MOST_SETS", 3)
    assert near_best(market, purse, price, margins, -1, lambda: None).loss.size == 0
    with pytest.raises(ProofTooLarge):
        near_best(market, purse, price, margins, 0, lambda: None)
    with pytest.raises(ProofError, match="better than is claimed"):
        near_best(market, purse, replace(price, best=1), margins, -1, lambda: None)


def test_requesters_are_no_larger_than_needed() -> None:
    """Money, caps and seats of a requester: what those who fit it could use together, and no more."""
    market = Market.build(
        scores=[1] * 5, costs=[2, 9, 3, 2, 0], groups=[0, 0, 1, 2, 2], group_ids=range(3),
        budgets=[8, 100, 0, 2], caps=[[9, 1, 1, 1], [1, 9, 1, 1], [0, 9, 1, 1]], seats=[9, 2, 1, 0],
    )  # fmt: skip
    found = [(p.money, p.seats, p.caps, p.able.tolist()) for p in requesters_of(market, lambda: None)]
    assert found == [
        (5, 2, (1, 1, 0), [0, 2]),
        (16, 2, (1, 1, 2), [0, 1, 2, 3, 4]),
        (0, 1, (0, 0, 1), [4]),
        (0, 0, (0, 0, 0), []),
    ]


@pytest.mark.parametrize("cost", [2**40, 2**60, 2**61, 2**62, 2**63])
def test_requesters_of_more_money_than_words_hold(cost: int) -> None:
    """Five workers of that cost: all of them together leave 64 bits before one does."""
    market = Market.build(scores=[1] * 5, costs=[cost] * 5, budgets=[2**80, 2 * cost, cost - 1])
    pulses: list[None] = []
    found = requesters_of(market, lambda: pulses.append(None))
    assert [(purse.money, purse.seats, purse.able.size) for purse in found] == [
        (5 * cost, 5, 5),
        (2 * cost, 5, 5),
        (0, 0, 0),
    ]
    assert len(pulses) == 3
