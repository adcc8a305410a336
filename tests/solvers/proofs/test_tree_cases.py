"""Trees of one or two nodes whose verdict is known, one for each rule of the checkers: neither may be stricter nor more lenient."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from math import gcd

import numpy as np
import pytest
from drawing import Numbers, generators, made_by
from fedmech import Market
from fedmech.solvers.proofs.arrays import instance as arrays_instance
from fedmech.solvers.proofs.arrays import limbs
from fedmech.solvers.proofs.nodes import Multipliers, Node
from fedmech.solvers.proofs.proof import Proof
from fedmech.solvers.proofs.reference.search import PLENTY
from fedmech.solvers.proofs.tree import check_bound, open_tree
from fedmech.solvers.proofs.walk import TooManyStates, Work
from hypothesis import given, settings
from proof_markets import CHECKERS, PROBLEMS, refusal, tiny_market


@pytest.mark.parametrize("checker", CHECKERS)
@settings(max_examples=60)
@given(rng=generators)
def test_limits_are_what_caps_and_seats_leave(checker: str, rng: Numbers) -> None:
    """The room of each limit against the most places that any counts by requester take of its groups."""
    groups, requesters = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    caps, seats = rng.integers(0, 4, (groups, requesters)), rng.integers(0, 6, requesters)
    market = Market.build(
        scores=[1] * 3 * groups,
        costs=[0] * 3 * groups,
        groups=list(range(groups)) * 3,
        group_ids=range(groups),
        budgets=[0] * requesters,
        caps=caps.tolist(),
        seats=seats.tolist(),
    )
    prices = tuple(rng.permutation(groups).tolist())
    most = {}
    for chosen in product((False, True), repeat=groups):
        taken = caps[np.array(chosen)].sum(axis=0)
        most[chosen] = int(np.minimum(taken, seats).sum())
    instance = open_tree(market, "opt", 0, 1, lambda: None, checker).instance
    node, together = instance.root(), [False] * groups
    for groups_of, _, room in limits_of(checker, instance, node, prices):
        if not instance.nested[0]:
            together = [False] * groups
        for group in groups_of:
            together[group] = True
        assert room == most[tuple(together)]
    bind = any(caps[:, j].sum() > seats[j] for j in range(requesters))
    assert instance.nested == [bind]


def limits_of(checker: str, instance, node: Node, prices: tuple[int, ...]):  # type: ignore[no-untyped-def]
    if checker == "reference":
        from fedmech.solvers.proofs.reference.bound import limits

        return limits(instance, node, 0, prices)
    from fedmech.solvers.proofs.arrays.narrow import stages

    return stages(instance, node, 0, prices)


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("seats", [1, 2, 3])
def test_a_bound_of_seats_is_exact(checker: str, seats: int) -> None:
    """Alike workers who cost nothing: the price of a place proves as many as there are seats, and no fewer."""
    market = Market.build(scores=[1] * 5, costs=[0] * 5, budgets=[0, 0], seats=[seats, 1], caps=[[4, 4]])
    multipliers = Multipliers(1, 0, (0,), (), ((1,),))
    for bound in range(seats + 3):
        tree = open_tree(market, "opt", bound, 1, lambda: None, checker)
        found = tree.narrow(replace(tree.instance.root(), multipliers=multipliers))
        assert found.gap == seats - bound


MARKET = Market.build(scores=[3, 2], costs=[3, 2], budgets=[4])
PRICED = {"multipliers": {"scale": 1, "count": 0, "money": [1], "levels": [], "places": [[0]]}}
"""Every unit of money is worth 1: the root holds nothing above 4, and 3 is the optimum."""


@pytest.mark.parametrize("checker", CHECKERS)
def test_only_a_node_that_may_hold_something_better_is_split(checker: str) -> None:
    for bound, right in ((4, False), (3, True)):
        # At 3 the gap of the root is 0: a point worth 4 would lose nothing.
        proof = Proof("opt", "tree", bound, {"purses": 1, "nodes": [{**PRICED, "worker": 0}, {}, {}]})
        reason = refusal(proof, MARKET, checker)
        assert (reason is None) == right, reason
        assert right or "split" in str(reason)


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_node_lets_the_clock_be_read(checker: str) -> None:
    beats = 0

    def pulse() -> None:
        nonlocal beats
        beats += 1

    nodes = [{**PRICED, "worker": 0}, {}, {"worker": 1}, {}, {}]
    check_bound(Proof("opt", "tree", 3, {"purses": 1, "nodes": nodes}), MARKET, pulse, checker)
    assert beats == len(nodes)


def test_work_ends_where_it_is_said_to() -> None:
    beats: list[None] = []
    work = Work(lambda: beats.append(None), most_states=10)
    work.list(4)
    work.list(6)
    assert work.states == 10
    with pytest.raises(TooManyStates):
        work.list(1)
    assert len(beats) == 3


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("price", [1, -1, 0])
@pytest.mark.parametrize("split", [{}, {"count": 2}, {"count": 4}, {"count": 5}], ids=str)
def test_plenty_where_the_number_hired_has_a_price_or_limits(checker: str, price: int, split: dict[str, int]) -> None:
    """Workers worth 2 who cost 1, five places, and money for some: a leaf is open where a bound is less than that many are worth."""
    multipliers = {"scale": 1, "count": price, "money": [0], "levels": [], "places": [[2 - price]]}
    nodes = [{"multipliers": multipliers, **split}, *([{}, {}] if split else [])]
    for copies, money, bound in product((PLENTY - 1, PLENTY, PLENTY + 1), (0, 3, 5, 9), range(0, 14, 2)):
        market = Market.build(scores=[2] * copies, costs=[1] * copies, budgets=[money], caps=[[5]])
        reason = refusal(Proof("opt", "tree", bound, {"purses": 1, "nodes": nodes}), market, checker)
        left_open = reason == "a leaf may hold something better"
        assert left_open == (bound < 2 * min(money, 5)), (copies, money, bound, reason)


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("copies", [PLENTY - 1, PLENTY, PLENTY + 1])
def test_plenty_is_not_taken_for_more_than_there_are(checker: str, copies: int) -> None:
    """Money and places for thirty of whom there are fewer: where any number of them would break the bound, they are counted."""
    market = Market.build(scores=[1] * copies, costs=[1] * copies, budgets=[100], caps=[[30]])
    nodes = [{"multipliers": {"scale": 1, "count": 0, "money": [0], "levels": [], "places": [[1]]}}]
    for bound in range(copies - 2, copies + 2):
        reason = refusal(Proof("opt", "tree", bound, {"purses": 1, "nodes": nodes}), market, checker)
        assert (reason is None) == (bound >= copies), reason


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("big", [1, 2**20, 2**31, 2**40, 2**61, 2**62, 2**63, 2**64])
def test_coverage_and_scales_of_every_size(checker: str, big: int) -> None:
    """One kind of coverage and a level of 0: the margin is scale times coverage, whatever words it needs."""
    market = Market.build(scores=[1, 1], costs=[1, 1], budgets=[1], coverage=[[big], [2 * big]])
    for scale in (1, 2**20, 2**31, 2**61, 2**62, 2**63, 2**64):
        multipliers = {"scale": scale, "count": 0, "money": [2 * big * scale], "levels": [0], "places": [[0]]}
        for bound in (big, 2 * big - 1, 2 * big, 3 * big):
            proof = Proof("cover", "tree", bound, {"purses": 1, "nodes": [{"multipliers": multipliers}]})
            assert (refusal(proof, market, checker) is None) == (bound >= 2 * big), (scale, bound)


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_scale_is_positive(checker: str) -> None:
    """At scale 0 nothing is worth anything, and a bound of any kind would hold."""
    free = {"scale": 0, "count": 0, "money": [0], "levels": [], "places": [[0]]}
    for bound in (0, 3, 100):
        reason = refusal(Proof("opt", "tree", bound, {"purses": 1, "nodes": [{"multipliers": free}]}), MARKET, checker)
        assert reason == "scale: must be positive"


def test_a_split_by_count_loses_no_number_and_shares_none() -> None:
    root = open_tree(MARKET, "opt", 0, 1, lambda: None, "reference").instance.root()
    for low, high, count in product(range(4), range(5), range(6)):
        children = replace(root, low=low, high=high).split_by_count(count)
        numbers = [number for node in children for number in range(node.low, node.high + 1)]
        assert numbers == list(range(low, high + 1))


@pytest.mark.parametrize("problem", PROBLEMS)
@settings(max_examples=20)
@given(market=made_by(tiny_market))
def test_nothing_is_decided_at_the_root(problem: str, market: Market) -> None:
    one, two = (open_tree(market, problem, 0, 1, lambda: None, checker).instance.root() for checker in CHECKERS)
    for root in (one, two):
        assert (root.score, root.low, root.hired, set(root.covered) - {0}) == (0, 0, 0, set())
    assert (one.high, one.money) == (two.high, two.money)
    assert [list(workers) for workers in one.open] == [workers.tolist() for workers in two.open]


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_node_with_nobody_open_is_worth_what_it_hires(checker: str, problem: str) -> None:
    """Score or coverage, to the unit: a point of value 7, and one that is empty."""
    market = Market.build(scores=[7], costs=[0], budgets=[0], coverage=[[3, 4]])
    levels = [0, 0] if problem == "cover" else []
    free = {"multipliers": {"scale": 2, "count": 0, "money": [0], "levels": levels, "places": [[0]]}}
    for bound in (5, 6, 7, 8):
        nodes = [{"worker": 0}, free, free]
        reason = refusal(Proof(problem, "tree", bound, {"purses": 1, "nodes": nodes}), market, checker)
        assert (reason is None) == (bound >= 7), (bound, reason)


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("short", [-1, 0, 1, 2])
def test_a_node_that_hires_beyond_its_money_holds_nothing(checker: str, short: int) -> None:
    """Two workers of cost 3, hired one after the other, from a budget that is short by so much; a third one costs nothing."""
    market = Market.build(scores=[5, 5, 1], costs=[3, 3, 0], budgets=[6 - short])
    tree = open_tree(market, "opt", 5, 1, lambda: None, checker)
    node = tree.instance.root()
    for worker in (0, 1):
        node = next(n for n in tree.instance.split_by_worker(node, worker) if n.hired > node.hired)
    assert (node.hired, node.size) == (2, 1)
    found = tree.narrow(replace(node, multipliers=Multipliers(1, 0, (0,), (), ((0,),))))
    assert (found.gap < 0) == (short > 0)


@pytest.mark.parametrize("chunk", [1, 2, 3, 1 << 15])
@pytest.mark.parametrize("kind", [np.int64, object])
def test_what_divides_all_numbers_whatever_part_of_them_comes_first(
    chunk: int, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays_instance, "CHUNK", chunk)
    for numbers in (
        [6, 6, 4],
        [4, 6, 9],
        [0, 0, 8, 12],
        [1, 5, 7],
        [12, 18, 6, 6, 6, 3],
        [0],
        [],
        [7, 7],
        [30, 42, 70, 105],
    ):
        assert arrays_instance.divisor(np.array(numbers, dtype=kind)) == gcd(*numbers)

    @settings(max_examples=50)
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        some = (rng.integers(0, 40, int(rng.integers(0, 9))) * int(rng.choice([1, 2, 6]))).tolist()
        assert arrays_instance.divisor(np.array(some, dtype=kind)) == gcd(*some)

    holds()


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("bits", [3, 30, 50, 58, 61, 62, 70, 130])
def test_numbers_of_workers_taken_in_parts(chunk: int, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limbs, "CHUNK", chunk)
    rng = random.Random(bits)
    for kind in (np.int64, object):
        scores, costs, groups = ([rng.randint(0, top) for _ in range(8)] for top in (999, 999, 2))
        scale, price, *offsets = (rng.getrandbits(bits) for _ in range(5))
        exact = [scale * v - price * c - offsets[g] for v, c, g in zip(scores, costs, groups, strict=True)]
        columns = np.array(scores, dtype=kind), np.array(costs, dtype=kind)
        numbers = limbs.combine(*columns, np.array(groups), scale, price, offsets)
        assert numbers.positive_total() == sum(x for x in exact if x > 0)
        assert numbers.take(np.arange(8)).tolist() == exact
        for threshold in (0, exact[0], exact[0] - 1):
            assert numbers.above(threshold).tolist() == [x > threshold for x in exact]


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep"])
def test_a_market_of_nobody_is_worth_nothing(checker: str, problem: str) -> None:
    market = Market.build(scores=[], costs=[], budgets=[5], groups=[], group_ids=["a"])
    nodes = [{"multipliers": {"scale": 1, "count": 0, "money": [0], "levels": [], "places": [[0]]}}]
    for bound in (-1, 0, 1):
        reason = refusal(Proof(problem, "tree", bound, {"purses": 1, "nodes": nodes}), market, checker)
        assert (reason is None) == (bound >= 0), (bound, reason)


@pytest.mark.parametrize("bits", [60, 64, 100, 120])
def test_factors_of_different_lengths_in_limbs(bits: int) -> None:
    """One factor fills several limbs, the others one or none; what is left may be 1, 0 or -1."""
    for scale, price, offsets in (
        (1 << bits, (1 << bits) - 1, [0, 1, -1]),
        (1 << bits, 1, [0, 0, 0]),
        (1, 1 << bits, [0, 0, 0]),
        (1, 1, [1 << bits, -(1 << bits), 0]),
        (0, (1 << bits) + 1, [0, 2, 0]),
        ((1 << bits) + 1, 0, [(1 << bits), 1, (1 << bits) + 1]),
    ):
        scores, costs, groups = [1, 1, 1, 3, 0], [1, 1, 1, 0, 2], [0, 1, 2, 0, 1]
        exact = [scale * v - price * c - offsets[g] for v, c, g in zip(scores, costs, groups, strict=True)]
        numbers = limbs.combine(np.array(scores), np.array(costs), np.array(groups), scale, price, offsets)
        assert numbers.take(np.arange(5)).tolist() == exact
        assert numbers.positive_total() == sum(x for x in exact if x > 0)
        for threshold in (-2, -1, 0, 1, 2, 1 << bits):
            assert numbers.above(threshold).tolist() == [x > threshold for x in exact]


def test_numbers_in_words_have_room_to_be_doubled() -> None:
    """Losses are differences of two of them: what has 2**62 or more is held as Python integers."""
    one, zero = np.array([1, 0]), np.array([0, 0])
    for number in (1 << 61, (1 << 62) - 1, 1 << 62, (1 << 62) + 1, 1 << 63, 1 << 64):
        for sign in (1, -1):
            numbers = (
                limbs.combine(one, zero, zero, number, 0, [0])
                if sign > 0
                else limbs.combine(zero, one, zero, 0, number, [0])
            )
            taken = numbers.take(np.arange(2))
            assert taken.tolist() == [sign * number, 0]
            assert taken.dtype == (np.int64 if number < 1 << 62 else object)


def test_numbers_of_nobody() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    numbers = limbs.combine(nobody, nobody, nobody, 1 << 70, 1, [5])
    assert (len(numbers.take(nobody)), len(numbers.above(-1)), numbers.positive_total()) == (0, 0, 0)


@pytest.mark.parametrize("factor", [1, 2**20, 2**45, 2**60, 2**70])
@pytest.mark.parametrize("top", [2**20, 2**50, 2**61])
def test_the_greatest_number_of_either_column_decides_how_limbs_are_cut(top: int, factor: int) -> None:
    """Beside a zero in its own column, and small numbers in the other one."""
    long, short, nobody = np.array([0, top]), np.array([1, 1]), np.zeros(2, dtype=np.int64)
    for scores, costs in ((long, short), (short, long)):
        exact = [factor * v - factor * c for v, c in zip(scores.tolist(), costs.tolist(), strict=True)]
        numbers = limbs.combine(scores, costs, nobody, factor, factor, [0])
        assert numbers.take(np.arange(2)).tolist() == exact
        assert numbers.positive_total() == sum(max(0, x) for x in exact)
