"""Listings of states against all states of small markets, with losses of every sign drawn instead of computed from prices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from campaign import some
from drawing import Numbers, generators
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.proofs.listed_states import Listing, _within
from fedmech.solvers.proofs.social import Types
from hypothesis import given, settings

Point = tuple[int, int]


def drawn(draw: Numbers) -> tuple[Types, list[int], int, int, int, int]:
    """Types, what a client of each adds to the loss, and what is asked of a listing."""
    number = draw.randint(1, 4)
    types = Types(
        MotsMarket.build(
            sizes=draw.sample([2, 3, 4, 6, 12], number),
            counts=[draw.randint(1, 4) for _ in range(number)],
            costs=[draw.randint(0, 4) for _ in range(number)],
            utility={"family": "linear", "a": 2, "s": 1},
        )
    )
    reduced = [draw.choice([-9, -3, -2, -1, 0, 1, 2, 2, 3]) for _ in range(number)]
    K = draw.randint(1, types.population)
    low, high = sorted(draw.choices(range(K * min(types.q), K * max(types.q) + 1), k=2))
    return types, reduced, draw.choice([0, 1, 2, 4, 8]), K, low, high


def points(types: Types, reduced: list[int], reach: int, K: int, low: int, high: int) -> Iterator[Point]:
    """Sum of inverse sizes and cost of every state that a listing has to hold, from the definition."""
    for state in itertools.product(*(range(n + 1) for n in types.counts)):
        loss = sum(r * k if r > 0 else -r * (n - k) for r, k, n in zip(reduced, state, types.counts, strict=True))
        T = sum(k * q for k, q in zip(state, types.q, strict=True))
        if sum(state) == K and low <= T <= high and loss <= reach:
            yield T, sum(k * c for k, c in zip(state, types.c, strict=True))


@settings(max_examples=some(800))
@given(draw=generators)
def test_every_state_that_loses_little_is_listed_and_nothing_that_is_no_state(draw: Numbers) -> None:
    case = types, reduced, _, K, low, high = drawn(draw)
    wanted = set(points(*case))
    listing = Listing(*case)
    listed = set(listing.states(ends_only=False))
    assert wanted <= listed, case
    if len(listing.pair) == 1:
        # What the last type loses when it is alone is not looked at.
        assert listed <= set(points(types, reduced, 10**6, K, low, high)), case
        return
    assert listed == wanted, case


@settings(max_examples=some(500))
@given(draw=generators)
def test_the_ends_of_lines_suffice_for_what_is_convex(draw: Numbers) -> None:
    case = drawn(draw)
    wanted = set(points(*case))
    listing = Listing(*case)
    ends = set(listing.states(ends_only=True))
    every = set(listing.states(ends_only=False))
    assert ends <= every
    for bend, slope in ((0, 0), (0, 3), (0, -2), (1, -9), (2, -31), (7, 0)):
        if wanted:
            assert max(bend * T * T + slope * T - C for T, C in wanted) <= max(
                bend * T * T + slope * T - C for T, C in ends
            ), case


@settings(max_examples=50)
@given(draw=generators)
def test_a_reach_below_nothing_holds_no_state(draw: Numbers) -> None:
    types, reduced, _, K, low, high = drawn(draw)
    assert not list(Listing(types, reduced, -1, K, low, high).states(ends_only=False))


def test_the_part_of_a_range_within_bounds() -> None:
    for slope, fixed, high in itertools.product(range(-4, 5), range(-7, 8), range(-6, 7, 2)):
        for low in (None, high, high - 1, high - 5):
            first, last = _within(2, 6, slope, fixed, low, high)
            right = [u for u in range(2, 7) if fixed + slope * u <= high and (low is None or low <= fixed + slope * u)]
            assert list(range(first, last + 1)) == right, (slope, fixed, low, high)


def many_clients(pulse: Callable[[], None] = lambda: None) -> Listing:
    """Three types of 2^31 - 1 clients each, one of whom costs nothing to move, and five participants wanted."""
    entries = {"sizes": [2, 3, 6], "counts": [2**31 - 1] * 3, "costs": [0, 0, 0]}
    types = Types(MotsMarket.build(**entries, utility={"family": "linear", "a": 2, "s": 1}))
    return Listing(types, [0, 0, 0], 0, 5, 0, 5 * max(types.q), pulse)


def test_no_more_clients_of_a_type_are_tried_than_are_wanted() -> None:
    looks = 0

    def pulse() -> None:
        nonlocal looks
        looks += 1

    listing = many_clients(pulse)
    q = listing.types.q
    wanted = {(a * q[0] + b * q[1] + (5 - a - b) * q[2], 0) for a in range(6) for b in range(6 - a)}
    assert set(listing.states(ends_only=False)) == wanted
    assert looks == 6


def test_a_listing_can_be_ended_between_states() -> None:
    def pulse() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(many_clients(pulse).states(ends_only=False))


@pytest.mark.parametrize(
    ("counts", "reduced", "reach", "K", "right"),
    [
        # Of the first type 2, 3 or 4 take part, since the others have no more than two clients.
        ([4, 1, 1], [1, 0, 0], 10, 4, 3),
        # 0, 1 or 2 of its four stay away.
        ([4, 1, 1], [-1, 0, 0], 10, 4, 3),
        # Nobody or one of the type whose clients lose most; of the others, three lose as little as one of these.
        ([5, 5, 5], [1, 3, 1], 3, 5, 2),
        ([5, 5, 5], [1, -3, 1], 3, 5, 2),
    ],
)
def test_numbers_of_clients_that_are_tried(
    counts: list[int], reduced: list[int], reach: int, K: int, right: int
) -> None:
    looks: list[int] = []
    types = Types(
        MotsMarket.build(sizes=[2, 3, 6], counts=counts, costs=[1, 2, 4], utility={"family": "linear", "a": 2, "s": 1})
    )
    case = types, reduced, reach, K, 0, K * max(types.q)
    assert set(Listing(*case, lambda: looks.append(1)).states(ends_only=False)) == set(points(*case))
    assert len(looks) == right
