"""Proofs about social states: genuine ones are accepted, and nothing is accepted that is false."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import campaign
import pytest
from campaign import some
from drawing import Numbers, generators, seeded
from fedmech.models.sharing.expression import parse
from fedmech.models.sharing.market import MotsMarket
from fedmech.models.sharing.measured_market import MeasuredMarket
from fedmech.solvers.control import Stopped
from fedmech.solvers.proofs import social
from fedmech.solvers.proofs.enclosure import EXACT, Rounding, Unbounded
from fedmech.solvers.proofs.listed_states import Listing
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound, proof_document
from fedmech.solvers.sharing.solve import solve_social_state
from fedmech.solvers.sharing.worth import Audience, ends, worth
from hypothesis import given, settings
from mots_strategies import UTILITIES, falling_market, sharing_markets, with_requirements

TINY = Fraction(1, 10**9)
AUDIENCES: tuple[Audience, ...] = ("everyone", "participants")


def states(market: MotsMarket) -> list[tuple[int, ...]]:
    return [k for k in itertools.product(*(range(n + 1) for n in market.counts)) if any(k)]


def optimum(market: MotsMarket, audience: Audience) -> Fraction:
    """A lower bound on the best welfare, by enumeration; exact for rational utilities."""
    return max(worth(market, k, 256, audience).low for k in states(market) if market.meets_requirement(k))


def inverse_sum(market: MotsMarket, state: tuple[int, ...]) -> Fraction:
    return sum((Fraction(k, entry.size) for k, entry in zip(state, market.types, strict=True)), Fraction(0))


def cases(market: MotsMarket) -> Iterator[tuple[MotsMarket, Audience]]:
    """The market free and under requirements, for both audiences."""
    best = solve_social_state(market, "enumeration")
    assert best.error is not None
    for wanted in with_requirements(market, best.error):
        for audience in AUDIENCES:
            yield wanted, audience


def accepted(proof: Proof, market: MotsMarket) -> bool:
    try:
        check_bound(proof, market)
    except ProofError:
        return False
    return True


@settings(max_examples=some(12))
@given(free=sharing_markets(largest=3))
def test_genuine_proofs_are_accepted_and_lower_bounds_refused(free: MotsMarket) -> None:
    for market, audience in cases(free):
        answer = solve_social_state(market, audience=audience)
        proof = answer.proof
        assert proof is not None
        assert accepted(proof, market)
        assert accepted(replace(proof, bound=proof.bound + 1), market)
        below = optimum(market, audience) - TINY
        assert not accepted(replace(proof, bound=below), market), market.to_document()


@settings(max_examples=3)
@given(free=sharing_markets(largest=3))
def test_a_proof_survives_a_file(free: MotsMarket) -> None:
    for market, audience in cases(free):
        proof = solve_social_state(market, audience=audience).proof
        assert proof is not None
        document = json.loads(json.dumps(proof_document(proof)))
        read = Proof(document["problem"], document["kind"], Fraction(document["bound"]), document["body"])
        check_bound(read, market)
        assert not accepted(replace(read, bound=optimum(market, audience) - TINY), market)


class RandomCovers:
    """Cuts and planes by chance, often through states and along true edges: some prove much, most prove little."""

    def __init__(self, market: MotsMarket, draw: Numbers):
        self.market, self.draw = market, draw
        self.states = states(market)
        self.types = [(Fraction(1, entry.size), entry.cost) for entry in market.types if entry.count]

    def plane(self) -> list[Any]:
        draw = self.draw
        (q, c), (r, e) = draw.choice(self.types), draw.choice(self.types)
        if q != r and draw.random() < 0.7:
            mu = max(Fraction(0), (c - e) / (r - q))
        else:
            mu = Fraction(draw.randint(0, 40), draw.randint(1, 9)) * draw.choice([1, 10, 1000])
        nu = c + mu * q if draw.random() < 0.8 else Fraction(draw.randint(-20, 60), 7)
        return [draw.choice(["plane", "plane", "list"]), mu, nu]

    def cells(self, K1: int, K2: int, depth: int = 0) -> list[list[Any]]:
        draw = self.draw
        if K1 < K2 and draw.random() < 0.85:
            m = draw.randint(K1, K2 - 1)
            return [["K", m], *self.cells(K1, m, depth + 1), *self.cells(m + 1, K2, depth + 1)]
        if depth < 9 and draw.random() < 0.5:
            state, (q, _) = draw.choice(self.states), draw.choice(self.types)
            alpha = inverse_sum(self.market, state) - q * sum(state)
            return [["T", alpha, q], *self.cells(K1, K2, depth + 1), *self.cells(K1, K2, depth + 1)]
        return [self.plane()]


@settings(max_examples=2)
@given(free=sharing_markets(largest=2), draw=generators)
def test_no_cover_proves_less_than_the_optimum(free: MotsMarket, draw: Numbers) -> None:
    """The soundness of the checker, on covers that no search would write: an optimum is never undercut."""
    for market, audience in cases(free):
        genuine = solve_social_state(market, audience=audience).proof
        assert genuine is not None
        best = optimum(market, audience)
        covers = RandomCovers(market, draw)
        for _ in range(2):
            body = {**genuine.body, "cells": covers.cells(1, market.population)}
            assert not accepted(Proof("social-state", "social", best - TINY, body), market), (
                market.to_document(),
                body,
            )


def test_what_a_body_may_not_say() -> None:
    market = falling_market(9, {"family": "exponential", "a": 2, "s": "3/2"})
    market = replace(market, types=tuple(replace(entry, count=entry.count + 2) for entry in market.types))
    proof = solve_social_state(market).proof
    assert proof is not None
    body = dict(proof.body)
    cells = list(body["cells"])
    leaf = next(entry for entry in cells if entry[0] == "plane")
    for change in (
        {"cells": []},
        {"cells": None},
        {"cells": "plane"},
        {"cells": cells[:-1]},
        {"cells": [*cells, leaf]},
        {"cells": [["K", 0], leaf, leaf]},
        {"cells": [["K", market.population], leaf, leaf]},
        {"cells": [["K", "1"], leaf, leaf]},
        {"cells": [["K", 1.0], leaf, leaf]},
        {"cells": [["T", "x", 0], leaf, leaf]},
        {"cells": [["T", 0.5, 0], leaf, leaf]},
        {"cells": [["T", "1/0", 0], leaf, leaf]},
        {"cells": [["box", 0, 0]]},
        {"cells": [["plane", 0]]},
        {"cells": [["plane", float("nan"), 0]]},
        {"cells": [["plane", True, 0]]},
        {"cells": [["plane", "١", 0]]},
        {"cells": [None]},
        {"audience": "nobody"},
        {"audience": None},
        {"curvature": []},
        {"curvature": [True]},
        {"curvature": [2]},
        {"curvature": [-1]},
        {"bends": ["1/2"]},
        {"bends": None},
        {"bends": [-1], "curvature": [1, 1]},
        {"infeasible": True},
    ):
        assert not accepted(replace(proof, body={**body, **change}), market), change
    assert not accepted(replace(proof, body={}), market)
    assert not accepted(replace(proof, problem="opt"), market)


def test_proofs_of_other_markets_are_refused() -> None:
    for market, audience in cases(falling_market(11)):
        proof = solve_social_state(market, audience=audience).proof
        assert proof is not None
        cheaper = replace(market, types=tuple(replace(entry, cost=entry.cost / 2 - 1) for entry in market.types))
        assert not accepted(proof, cheaper)
    measured = MeasuredMarket.of(market, {state: market.error(state) for state in states(market)})
    with pytest.raises(ProofError, match="measured"):
        check_bound(proof, measured)
    with pytest.raises(ProofError, match="sharing market"):
        check_bound(proof, object())


@settings(max_examples=some(40))
@given(market=sharing_markets())
def test_infeasibility_is_decided_at_the_least_error(market: MotsMarket) -> None:
    infeasible = Proof("social-state", "social", 0, {"infeasible": True})
    least = min(market.error(k) for k in states(market))
    assert not accepted(infeasible, market)
    assert not accepted(infeasible, market.with_max_error(least))
    if least:
        below = market.with_max_error(least * (1 - TINY))
        assert accepted(infeasible, below)
        answer = solve_social_state(below)
        assert (answer.status, answer.exactness) == ("infeasible", "checked")
        assert answer.proof == infeasible
        cover = solve_social_state(market).proof
        assert cover is not None
        assert not accepted(cover, below)


def test_the_check_can_be_ended() -> None:
    market = falling_market(9)
    proof = solve_social_state(market).proof
    assert proof is not None

    def over() -> None:
        raise Stopped("time-limit")

    with pytest.raises(Stopped):
        check_bound(proof, market, over)


# ---- the terms of the bound, each for itself


@settings(max_examples=15)
@given(market=sharing_markets())
def test_errors_are_those_of_states(market: MotsMarket) -> None:
    types = social.Types(market)
    errors = {k: market.error(k) for k in states(market)}
    assert types.extreme_error(least=True) == min(errors.values())
    assert types.extreme_error(least=False) == max(errors.values())
    assert all(types.error(sum(k), inverse_sum(market, k)) == error for k, error in errors.items())


@settings(max_examples=20)
@given(market=sharing_markets(), draw=generators)
def test_planes_lie_below_the_cost_of_every_state_and_touch_some(market: MotsMarket, draw: Numbers) -> None:
    types, covers = social.Types(market), RandomCovers(market, draw)
    for _ in range(10):
        _, mu, nu = covers.plane()
        plane = types.plane(mu, nu)
        rooms = [
            market.cost(k) - (plane.g + plane.nu * sum(k) - plane.mu * inverse_sum(market, k))
            for k in [*states(market), (0,) * market.type_count]
        ]
        assert min(rooms) == 0


def narrowings(market: MotsMarket, draw: Numbers) -> Iterator[tuple[social.Types, social.Cell]]:
    types, covers = social.Types(market), RandomCovers(market, draw)
    for _ in range(6):
        yield from ((types, cell) for cell, _ in social.leaves(types, covers.cells(1, market.population)))


@settings(max_examples=8)
@given(free=sharing_markets(largest=3), draw=generators)
def test_the_cells_hold_every_state_and_narrowing_loses_no_feasible_one(free: MotsMarket, draw: Numbers) -> None:
    for market, _ in cases(free):
        feasible = [k for k in states(market) if market.meets_requirement(k)]
        types, covers = social.Types(market), RandomCovers(market, draw)
        for _ in range(3):
            held = set()
            for cell, _ in social.leaves(types, covers.cells(1, market.population)):
                small = social.narrowed(cell, types)
                for k in feasible:
                    K, T = sum(k), inverse_sum(market, k)
                    if cell.K1 <= K <= cell.K2 and cell.lower.at(K) <= T <= cell.upper.at(K):
                        held.add(k)
                        assert small.lower.at(K) <= T <= small.upper.at(K)
            assert held == set(feasible)


SHAPES = [*UTILITIES, {"expression": "1/(1 + exp(80*(eps - 1/5)))"}, {"expression": "2 - (eps - 1/4)**3 - eps"}]


@cache
def proved_markets() -> list[tuple[MotsMarket, Proof]]:
    """Markets of every family and curvature, with a proof."""
    found = []
    for utility in SHAPES:
        market = falling_market(17, utility)
        proof = solve_social_state(market).proof
        assert proof is not None
        found.append((market, proof))
    return found


@pytest.mark.parametrize("rounding", [Rounding(8), Rounding(40), EXACT], ids=["8 digits", "40 digits", "exact"])
def test_bounds_on_cells_hold_at_their_points(rounding: Rounding) -> None:
    """``F`` at points of a cell, computed from the definition in fractions, is within the bound: every family, every curvature."""
    draw = seeded(16)
    curved = set()
    tried = 0
    for market, genuine in proved_markets():
        if rounding is EXACT and not market.utility.rational:
            continue
        types = social.Types(market)
        least, greatest = types.extreme_error(least=True), types.extreme_error(least=False)
        shape = social._shape(genuine.body, market, types, lambda: None)(rounding)
        curved |= set(shape.curvature)
        covers = RandomCovers(market, draw)
        for everyone in (True, False):
            surface = social.Surface(types, everyone, shape)
            for cell, (_, mu, nu) in itertools.islice(social.leaves(types, covers.cells(1, market.population)), 6):
                plane = types.plane(mu, nu)
                try:
                    bound = surface.over(cell, plane)
                except Unbounded:
                    continue
                small = social.narrowed(cell, types)
                for K in {cell.K1, (cell.K1 + cell.K2) // 2, cell.K2}:
                    low, high = small.lower.at(K), small.upper.at(K)
                    for share in (0, Fraction(1, 3), Fraction(1, 2), 1):
                        T = low + (high - low) * share
                        if low > high or not least <= types.error(K, T) <= greatest:
                            continue
                        cost = plane.g + plane.nu * K - plane.mu * T
                        served = market.population if everyone else K
                        if market.utility.rational:
                            value = served * market.utility.exact(types.error(K, T)) - cost
                        else:
                            lower_end = market.utility.certified(types.error(K, T), 200).a
                            value = served * ends(lower_end)[0] - cost
                        tried += 1
                        assert bound is not None
                        assert value <= Fraction(bound), (market.to_document(), cell, plane, K, T)
    assert tried > campaign.some(400)
    assert {-1, 1} <= curved


def convex_worth(types: social.Types, point: tuple[int, int], weight: int) -> Fraction:
    return weight * Fraction(point[0], types.Q) ** 2 - Fraction(point[1], types.unit)


@pytest.mark.parametrize("ends_only", [False, True])
@settings(max_examples=some(60))
@given(market=sharing_markets({"family": "linear", "a": 2, "s": 3}), draw=generators)
def test_listings_hold_all_states_that_lose_little(ends_only: bool, market: MotsMarket, draw: Numbers) -> None:
    types, covers = social.Types(market), RandomCovers(market, draw)
    present = [i for i, entry in enumerate(market.types) if entry.count]
    for _ in range(4):
        _, mu, nu = covers.plane()
        plane = types.plane(mu, nu)
        reduced, scale = types.reduced_costs(mu, nu)
        K = draw.randint(1, market.population)
        sums = sorted(inverse_sum(market, k) * types.Q for k in states(market) if sum(k) == K)
        low, high = sorted(draw.choices(sums, k=2))
        reach = draw.choice([0, scale // 3, scale, 3 * scale])
        wanted = {}
        for k in states(market):
            T, C = inverse_sum(market, k), market.cost(k)
            loss = (C - (plane.g + nu * K - mu * T)) * scale
            if sum(k) == K and low <= T * types.Q <= high and loss <= reach:
                wanted.setdefault((int(T * types.Q), int(C * types.unit)), []).append(k)
        listing = Listing(types, reduced, reach, K, int(low), int(high))
        listed = set(listing.states(ends_only=ends_only))
        assert len(present) == len(types.q)
        if not ends_only:
            assert set(wanted) <= listed
            continue
        # The greatest of a function that is convex in T, minus the cost.
        for weight in (0, 1, 5):
            if wanted:
                best = max(convex_worth(types, point, weight) for point in wanted)
                assert best <= max(convex_worth(types, point, weight) for point in listed)


def test_too_many_states_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    market = MotsMarket.build(
        sizes=[50, 61, 73], counts=[3, 3, 3], costs=[0, 0, 0], utility={"family": "linear", "a": 1, "s": 1}
    )
    # Nobody costs anything, so that no state loses anything against the plane of price zero: all have to be looked at.
    cells = [entry for K in range(1, market.population) for entry in (["K", K], ["list", 0, 0])]
    body = {"audience": "everyone", "bends": [], "curvature": [1], "cells": [*cells, ["list", 0, 0]]}
    proof = Proof("social-state", "social", optimum(market, "everyone"), body)
    looked = 0
    states_of = Listing.states

    def counted(self: Listing, **options: bool) -> Iterator[tuple[int, int]]:
        nonlocal looked
        for state in states_of(self, **options):
            looked += 1
            yield state

    monkeypatch.setattr(Listing, "states", counted)
    check_bound(proof, market)
    needed = looked
    assert needed > 2
    for most in (needed, needed - 1):
        monkeypatch.setattr(social, "MOST_STATES", most)
        assert accepted(proof, market) == (most == needed)


def test_a_utility_is_convex_only_where_all_its_pieces_are() -> None:
    tree = parse("(eps - 1/2)**3", ("eps",))
    bends = [Fraction(0), Fraction(1, 2), Fraction(1)]
    for rounding in (Rounding(40), EXACT):
        for signs, low, high, right in (
            ([-1, 1], "3/5", "4/5", True),
            ([-1, 1], "1/5", "4/5", False),
            ([-1, 1], "1/5", "2/5", False),
            ([-1, 1], "1/2", "4/5", False),
            ([-1, 1], "2", "3", True),
            ([-1, 1], "-3", "-2", False),
            ([0, 1], "1/5", "4/5", False),
            ([-1, 0], "3/5", "4/5", False),
            ([1, 1], "1/5", "4/5", True),
            ([1, -1], "1/5", "2/5", True),
            ([1, -1], "1/5", "1/2", False),
        ):
            shape = social.Shape(tree, bends, signs, rounding)
            errors = rounding.number(Fraction(low)).hull(rounding.number(Fraction(high)))
            assert shape.convex(errors) == right, (signs, low, high)
