"""The search of a leaf, by both checkers, against its definition: the least loss over all sets of flips, and gap + 1 above the gap."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by, seeded
from fedmech import Market
from fedmech.solvers.proofs.arrays import search as array_search
from fedmech.solvers.proofs.arrays.narrow import Flips
from fedmech.solvers.proofs.nodes import Multipliers, Node
from fedmech.solvers.proofs.reference.narrow import Flip
from fedmech.solvers.proofs.reference.search import PLENTY
from fedmech.solvers.proofs.tree import open_tree
from fedmech.solvers.proofs.walk import Narrowed, Work
from hypothesis import given, settings
from proof_markets import CHECKERS

Kind = tuple[int, bool, int, int]
"""Group, whether hired in the base, cost, loss."""


@dataclass(frozen=True)
class Leaf:
    """A node with decisions that may be made otherwise, all of purse ``k``."""

    market: Market
    purses: int
    k: int
    gap: int
    before: list[list[int]]
    money: list[int]
    low: int
    high: int
    multipliers: Multipliers
    kinds: list[Kind]
    """One for each worker: they are numbered alike."""

    def searched(self, checker: str, pulse: Callable[[], None] = lambda: None) -> tuple[int, int]:
        """What a checker says, and how many combinations it listed."""
        tree = open_tree(self.market, "opt" if self.purses == 1 else "opt-sep", 0, self.purses, pulse, checker)
        everybody = list(range(self.market.n))
        workers: list[Any] = [everybody if h == self.k else [] for h in range(self.purses)]
        flips: list[Any] = [[Flip(i, hired, loss) for i, (_, hired, _, loss) in enumerate(self.kinds)]]
        if checker == "arrays":
            workers = [np.array(row, dtype=np.int64) for row in workers]
            losses = np.array([kind[3] for kind in self.kinds], dtype=object)
            losses = losses.astype(np.int64) if all(loss < 2**62 for loss in losses.tolist()) else losses
            flips = [Flips(np.arange(self.market.n), np.array([kind[1] for kind in self.kinds], dtype=bool), losses)]
        node = Node(workers, list(self.money), self.before, 0, [], self.low, self.high, self.multipliers)
        found = Narrowed(self.gap, node, flips * self.purses)
        least = tree.least_loss(found, self.k)
        # Costs of a few digits are never left to the reference.
        assert not getattr(tree, "fell_back", 0) or self.gap > 10**6
        return least, tree.work.states

    def literal(self) -> int:
        """The formula, for every number of flips of each kind."""
        m, groups = self.multipliers, range(self.market.L)
        mine = range(self.market.m) if self.purses == 1 else [self.k]
        caps, seats = self.market.caps.tolist(), self.market.seats.tolist()
        prices, price = m.places[self.k], m.money[self.k]
        kinds = Counter(self.kinds)
        nested = any(sum(caps[l][j] for l in groups) > seats[j] for j in mine)
        order = sorted(groups, key=lambda l: -prices[l])
        best = self.gap + 1
        for numbers in product(*(range(copies + 1) for copies in kinds.values())):
            held, money, lost = list(self.before[self.k]), self.money[self.k], 0
            for (group, hired, cost, loss), copies, flipped in zip(kinds, kinds.values(), numbers, strict=True):
                taken = copies - flipped if hired else flipped
                held[group] += taken
                money -= taken * cost
                lost += flipped * loss
            total = sum(map(sum, self.before)) - sum(self.before[self.k]) + sum(held)
            room = {l: sum(caps[l][j] for j in mine) - held[l] for l in groups}
            lost += price * money
            if nested:
                for e in range(1, len(order) + 1):
                    first = order[:e]
                    admitted = sum(min(seats[j], sum(caps[l][j] for l in first)) for j in mine)
                    room[e - 1] = admitted - sum(held[l] for l in first)
                    lost += (prices[first[-1]] - (prices[order[e]] if e < len(order) else 0)) * room[e - 1]
            else:
                lost += sum(prices[l] * room[l] for l in groups)
            if money < 0 or min(room.values()) < 0:
                continue
            if self.purses == 1:
                if not self.low <= total <= self.high:
                    continue
                lost += max(m.count * (self.high - total), m.count * (self.low - total))
            best = min(best, lost)
        return best


LENGTHS = [(1000, 1000), (2**40, 1000), (2**51, 2**51), (2**55, 1000), (2**61, 1000)]
"""How long losses are, and costs."""


def random_leaf(rng: Numbers, long: bool) -> Leaf:
    """Few kinds in one to three groups, some of which there may be plenty; prices, seats, numbers hired, and a gap of any size.

    Where numbers are to be `long`, hardly any two sets of workers cost the same.
    """
    nested = rng.randrange(2) == 1
    unit, dear = rng.choice(LENGTHS) if long else (1, 1)

    def number(least: int, most: int, unit: int) -> int:
        return (
            int(rng.integers(least, most))
            if unit == 1
            else int(rng.integers(least * 1000 + 1, most * 1000)) * unit // 1000
        )

    groups, requesters = int(rng.integers(2, 4) if nested else rng.choice([1, 1, 2, 3])), int(rng.integers(1, 3))
    large, top = rng.random() < (0.2 if nested else 0.8), int(rng.choice([4, 12]))
    counted: dict[Kind, int] = {}
    while len(counted) < 6 and (not counted or rng.random() < 0.75):
        free = rng.random() < 0.4
        kind = (
            int(rng.integers(0, groups)),
            bool(rng.random() < 0.5 and not free),
            number(0, 6, dear),
            0 if free else number(0, top - 1, unit) + 1,
        )
        counted[kind] = int(rng.integers(PLENTY - 1, PLENTY + 3)) if large and free else int(rng.integers(1, 4))
        if prod(copies + 1 for copies in counted.values()) > 600:
            del counted[kind]
            break
    kinds = [kind for kind, copies in counted.items() for _ in range(copies)]
    kinds = [kinds[at] for at in rng.permutation(len(kinds))]
    purses = int(rng.choice([1, requesters]))
    k = int(rng.integers(0, purses))
    inside = Counter(group for group, hired, _, _ in kinds if hired)
    spare = rng.integers(0, 8, (groups, requesters)) + int(rng.integers(0, 2)) * np.array(
        [[inside[l]] for l in range(groups)]
    )
    market = Market.build(
        scores=[1] * len(kinds),
        costs=[cost for _, _, cost, _ in kinds],
        groups=[group for group, _, _, _ in kinds],
        group_ids=range(groups),
        budgets=[0] * requesters,
        caps=spare.tolist(),
        seats=rng.integers(0, 14, requesters).tolist() if nested else None,
    )
    low, span = (
        int(rng.integers(0, 5)) * int(rng.random() < 0.5),
        int(rng.choice([2, 5, len(kinds), len(kinds) + 2, 60])),
    )
    return Leaf(
        market,
        purses,
        k,
        gap=number(0, 30, unit),
        before=rng.integers(0, 2, (purses, groups)).tolist(),
        money=[number(0, 40, dear) for _ in range(purses)],
        low=low,
        high=low + span,
        multipliers=Multipliers(
            1,
            number(-4, 4, unit) * int(rng.random() < 0.5),
            tuple(int(x) * unit // dear for x in rng.integers(0, 3, purses)),
            (),
            tuple(tuple(number(0, 3, unit) * int(rng.random() < 0.8) for _ in range(groups)) for _ in range(purses)),
        ),
        kinds=kinds,
    )


def listed(leaf: Leaf) -> tuple[int, int]:
    """How many combinations each checker lists, after its least loss was found to be that of the definition."""
    right = leaf.literal()
    (one, few), (two, more) = (leaf.searched(checker) for checker in CHECKERS)
    assert (one, two) == (right, right), leaf
    return few, more


@settings(max_examples=some(200))
@given(leaf=made_by(random_leaf, False) | made_by(random_leaf, True))
def test_the_least_loss_is_that_of_its_definition(leaf: Leaf) -> None:
    """Arrays keep some combinations that cost the same."""
    few, more = listed(leaf)
    assert few <= more


def test_both_list_the_same_combinations_where_no_two_cost_the_same() -> None:
    """Numbers as they come from a seed: hypothesis looks for those that are equal."""
    for seed in range(40):
        few, more = listed(random_leaf(seeded(seed), True))
        assert few == more, seed


def leaf_of(kinds: list[Kind], caps: list[int], money: int, gap: int, price: int, place: int) -> Leaf:
    """One group and one purse."""
    costs = [kind[2] for kind in kinds]
    market = Market.build(scores=[1] * len(kinds), costs=costs, budgets=[0] * len(caps), caps=[caps])
    return Leaf(market, 1, 0, gap, [[0]], [money], 0, len(kinds), Multipliers(1, 0, (price,), (), ((place,),)), kinds)


@pytest.mark.parametrize("checker", CHECKERS)
def test_plenty_that_loses_just_the_gap_is_counted(checker: str) -> None:
    """So many alike could fill all places and lose nothing; but some places have nobody, and lose one each."""
    for places, gap in ((PLENTY, 0), (PLENTY + 1, 0), (PLENTY + 3, 0), (PLENTY + 3, 2), (PLENTY + 3, 3)):
        leaf = leaf_of([(0, False, 1, 0)] * PLENTY, [PLENTY, places - PLENTY], 100, gap, 0, 1)
        assert leaf.searched(checker)[0] == min(places - PLENTY, gap + 1) == leaf.literal()


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("size", range(1, 13))
def test_halves_save_combinations(checker: str, size: int) -> None:
    """No worker can stand in for another, so the halves have 2, 4, 8, ... combinations, step by step; to hire all is best."""
    kinds = [(0, False, 2 << i, 1 << i) for i in range(size)]
    leaf = leaf_of(kinds, [size], 2 * (2**size - 1), 2**size, 1, 0)
    halves = (size // 2, size - size // 2)
    assert leaf.searched(checker) == (2**size - 1, sum(2 ** (half + 1) - 2 for half in halves))


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("nested", [False, True])
def test_a_limit_on_the_number_hired_that_others_imply_costs_nothing(checker: str, nested: bool) -> None:
    """No more are hired than there are places, or workers: kept or not, as many combinations are listed; with one less there are more."""
    costs, groups = [101, 211, 307, 503, 701, 907], [0, 0, 0, 1, 1, 1]
    market = Market.build(
        scores=[1] * 6,
        costs=costs,
        groups=groups,
        budgets=[0, 0],
        caps=[[3, 3], [3, 3]] if nested else [[2, 0], [1, 0]],
        seats=[5, 6] if nested else None,
    )
    multipliers = Multipliers(1, 0, (0,), (), ((0, 0),))
    kinds = [(group, False, cost, 900 - cost // 2) for group, cost in zip(groups, costs, strict=True)]
    most, states = 6 if nested else 3, []
    for low, high in ((0, 99), (0, most), (0, most - 1), (1, most)):
        leaf = Leaf(market, 1, 0, 5000, [[0, 0]], [5000], low, high, multipliers, kinds)
        least, listed = leaf.searched(checker)
        assert least == leaf.literal()
        states.append(listed)
    assert states[0] == states[1] < min(states[2:])


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(("high", "spent"), [(2, 2), (3, 3), (4, 4), (5, 5), (6, 5)])
def test_one_place_of_a_group_limits_no_other_group(checker: str, place: int, high: int, spent: int) -> None:
    """Of five seats one can be taken from the first group, dearer or not: five of the second fill them if so many may be hired."""
    market = Market.build(scores=[1] * 6, costs=[1] * 6, groups=[0, *[1] * 5], budgets=[0], caps=[[1], [5]], seats=[5])
    multipliers = Multipliers(1, 0, (1,), (), ((3 * place, 2 * place),))
    kinds = [(0, False, 1, 1), *[(1, False, 1, 0)] * 5]
    leaf = Leaf(market, 1, 0, 20, [[0, 0]], [5], 0, high, multipliers, kinds)
    # Money that is left, seats that are, and the dearer place of the first group.
    assert leaf.searched(checker)[0] == leaf.literal() == (5 - spent) * (1 + 2 * place) + place
    # The second group alone, with one worker and one place more than there are seats.
    alone = Market.build(scores=[1] * 6, costs=[1] * 6, budgets=[0], caps=[[6]], seats=[5])
    multipliers = Multipliers(1, 0, (1,), (), ((2 * place,),))
    leaf = Leaf(alone, 1, 0, 20, [[0]], [5], 0, high, multipliers, [(0, False, 1, 0)] * 6)
    assert leaf.searched(checker)[0] == leaf.literal() == (5 - spent) * (1 + 2 * place)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_the_clock_is_read_between_passes_over_all_that_is_open(groups: int) -> None:
    """Before equal flips are counted, after that, and at each limit: there may be a million of them."""
    market = Market.build(
        scores=[1] * groups, costs=[1] * groups, groups=range(groups), budgets=[0], caps=[[1]] * groups
    )
    readers: Counter[str] = Counter()
    kinds = [(group, False, 1, 1) for group in range(groups)]
    multipliers = Multipliers(1, 0, (0,), (), ((0,) * groups,))
    leaf = Leaf(market, 1, 0, 5, [[0] * groups], [5], 0, groups, multipliers, kinds)
    leaf.searched("arrays", lambda: readers.update([sys._getframe(1).f_code.co_name]))
    assert readers["_plan"] == 2 + groups
    assert readers["list"] == groups


@pytest.mark.parametrize("unit", [1, 2**50, 2**57, 2**59])
@settings(max_examples=50)
@given(rng=generators)
def test_gains_are_compared_among_rows_of_one_key(unit: int, rng: Numbers) -> None:
    """Whatever room there is to lift the gains of one key above those before."""
    size = int(rng.integers(1, 60))
    key, gain = np.sort(rng.integers(0, 30, size)), rng.integers(-2, 3, size)
    lifted = array_search._Run._lifted(key, gain * unit)
    kept = np.concatenate([[True], lifted[1:] > np.maximum.accumulate(lifted)[:-1]])
    rows = list(zip(key.tolist(), gain.tolist(), strict=True))
    assert kept.tolist() == [all(k != other or g > more for other, more in rows[:at]) for at, (k, g) in enumerate(rows)]


def test_keys_of_combinations_fit_in_words() -> None:
    """So many keys may be told apart as there are counts and totals; where the greatest of them would not fit, none is made."""
    for count, total in product((1, 2**13, 2**14, 2**15, 2**20, 2**31), repeat=2):
        plan = array_search._Plan([array_search._Bundle(0, 0, count, total)], 0, 0, 0, True, False, False)
        counts, totals = 1 + 2 * count, 1 + 2 * total
        greatest = (counts * totals * counts + counts - 1) * totals + totals - 1
        work = Work(lambda: None)
        if greatest < 2**62:
            run = array_search._Run(plan, 0, 0, work)
            key = run.pack(*(np.array([x]) for x in (counts * totals, count, total)))
            assert [int(x[0]) for x in run.unpack(key)] == [counts * totals, count, total]
        else:
            with pytest.raises(array_search.TooLarge):
                array_search._Run(plan, 0, 0, work)


@pytest.mark.parametrize(
    ("price", "cost", "gap", "fits"),
    [
        (1, 2**60 - 2, 0, True),
        (1, 2**60 - 1, 0, False),
        (0, 2**60 - 2, 0, True),
        (0, 2**60 - 1, 0, False),
        (0, 2**59, 0, True),
        (2**30, 2**30 - 1, 0, False),
        (2**30, 2**30 - 2, 2**30 - 1, True),
        (2**30, 2**30 - 2, 2**30, False),
    ],
)
def test_gains_fit_in_words(price: int, cost: int, gap: int, fits: bool) -> None:
    """Price times cost and the gap stay below 2^60; then one worker that just fits the money and loses nothing is found."""
    plan = array_search._Plan([array_search._Bundle(0, cost, 0, 0)], 1, cost, 0, False, False, False)
    node: Any = Node([], [], [], 0, [], 0, 1, None)
    search: Any = array_search.Search(None, Work(lambda: None))  # type: ignore[arg-type]
    if fits:
        assert search._least_of(plan, node, gap, price, 0) == 0
    else:
        with pytest.raises(array_search.TooLarge):
            search._least_of(plan, node, gap, price, 0)


def test_rows_are_sorted_by_keys_of_any_size() -> None:
    """The keys differ by 3, times a spread of 2; counted from anywhere but the first of them they would not fit."""
    plan = array_search._Plan([array_search._Bundle(0, 1, 0, 0)], 0, 0, 0, False, False, False)
    run = array_search._Run(plan, 0, 0, Work(lambda: None))
    keys, nothing = [2**61 - 1, 2**61 + 2], np.zeros(2, dtype=np.int64)
    for order in (keys, keys[::-1]):
        assert run.pruned(array_search._Table(np.array(order), nothing, nothing)).key.tolist() == keys
