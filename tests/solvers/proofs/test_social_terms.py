"""The terms of the bound on social states, each as narrow as it is said to be: what is wider would hold as well, and prove less."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from drawing import Numbers, generators, seeded
from fedmech.models.sharing.expression import parse
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.proofs import social
from fedmech.solvers.proofs.enclosure import EXACT, Interval
from fedmech.solvers.proofs.proof import ProofError
from hypothesis import given, settings
from mots_strategies import falling_market


@settings(max_examples=40)
@given(draw=generators)
def test_a_single_number_of_participants_leaves_sums_that_states_can_have(draw: Numbers) -> None:
    """Between two lines lie the multiples of the grid that are left, from the first to the last."""
    market = drawn_market(draw)
    types = social.Types(market)
    if not types.grid:
        return
    for K in range(1, market.population + 1):
        low, high = sorted(Fraction(draw.randint(0, 60), 30) * K * max(types.q) / types.Q for _ in range(2))
        cell = social.Cell(K, K, social.Line(low - 3 * K, Fraction(3)), social.Line(high, Fraction(0)))
        found = social.narrowed(cell, types)
        step = Fraction(types.grid, types.Q)
        for end in (found.lower, found.upper):
            assert (end.at(K) * types.Q - K * types.q[0]) % types.grid == 0
        assert low <= found.lower.at(K) < low + step
        limit = types.requirement(K, K)
        most = high if limit is None else min(high, limit.at(K))
        assert most - step < found.upper.at(K) <= most


def test_a_requirement_is_met_by_its_line_at_both_ends_or_in_the_middle() -> None:
    """``T <= r2 K^2 + r1 K``: the chord of what is convex, the tangent of what is concave."""
    draw, signs = seeded(32), set()
    for _ in range(40):
        market = drawn_market(draw)
        for limit in (market.client_variance / 2, market.client_variance * 2, market.client_variance + 1):
            types = social.Types(market.with_max_error(limit))
            if not types.noise:
                assert types.requirement(1, 2) is None
                continue
            r2, r1 = (limit - market.client_variance) / types.noise, market.client_variance / types.noise
            for K1, K2 in ((1, 1), (1, 3), (2, 8), (5, 5)):
                line = types.requirement(K1, K2)
                assert line is not None
                exact = {K: r2 * K * K + r1 * K for K in range(K1, K2 + 1)}
                assert all(exact[K] <= line.at(K) for K in exact)
                touching = (K1, K2) if r2 >= 0 else ((K1 + K2) // 2,)
                assert all(exact[K] == line.at(K) for K in touching if (K1 + K2) % 2 == 0)
                signs.add(r2 >= 0)
            free = social.Types(market)
            assert free.requirement(1, 2) is None or market.max_error is not None
    assert signs == {True, False}


def test_the_utility_goes_on_straight_beyond_the_errors_of_states() -> None:
    tree = parse("eps**2 - eps", ("eps",))
    shape = social.Shape(tree, [Fraction(1), Fraction(2), Fraction(3)], [1, 1], EXACT)

    def slope(x: Fraction) -> Fraction:
        return 2 * min(max(x, Fraction(1)), Fraction(3)) - 1

    def value(x: Fraction) -> Fraction:
        inside = min(max(x, Fraction(1)), Fraction(3))
        return inside**2 - inside + slope(x) * (x - inside)

    points = [Fraction(k, 4) for k in range(-4, 21)]
    for x in points:
        at = EXACT.number(x)
        assert (shape.value(at).low, shape.value(at).high) == (value(x), value(x))
        for y in points:
            if y < x:
                continue
            both = Interval(EXACT, x, y)
            clipped = shape.clipped(both)
            assert (clipped.low, clipped.high) == (min(max(x, 1), 3), max(min(y, 3), 1))
            # U' rises, so that the ends of an interval have its least and its greatest value.
            assert (shape.slope(both).low, shape.slope(both).high) == (slope(x), slope(y))
            inside = shape.value(both)
            assert all(inside.low <= value(z) <= inside.high for z in points if x <= z <= y)


def test_slopes_where_the_curvature_changes_and_where_it_is_not_known() -> None:
    """``U' = 3 (eps - 2)^2`` falls to 0 at 2 and rises again; without its curvature it is enclosed on each piece."""
    tree = parse("(eps - 2)**3", ("eps",))
    bends = [Fraction(1), Fraction(2), Fraction(3)]
    known, unknown = (social.Shape(tree, bends, signs, EXACT) for signs in ([-1, 1], [0, 0]))
    for low, high, least, most in (
        ("1", "3", 0, 3), ("3/2", "5/2", 0, "3/4"), ("1", "3/2", "3/4", 3), ("5/2", "3", "3/4", 3), ("2", "3", 0, 3), ("1", "2", 0, 3),
        ("0", "9/4", 0, 3), ("5/2", "9", "3/4", 3), ("4", "5", 3, 3),
    ):  # fmt: skip
        errors = Interval(EXACT, Fraction(low), Fraction(high))
        found = known.slope(errors)
        assert (found.low, found.high) == (Fraction(least), Fraction(most)), (low, high)
        wide = unknown.slope(errors)
        assert wide.low <= found.low <= found.high <= wide.high


@pytest.mark.parametrize("noise", [0, "1/3"])
def test_bounds_along_a_line_and_over_a_point(noise: object) -> None:
    """At one number of participants a bound is the worth itself; over more it is no more than both ends and the slope allow."""
    market = MotsMarket.build(
        sizes=[2, 5, 9],
        counts=[3, 4, 2],
        costs=[1, 2, "5/2"],
        client_variance="1/50",
        data_variance=noise,
        utility={"family": "linear", "a": 30, "s": 7},
    )
    types = social.Types(market)
    least, greatest = types.extreme_error(least=True), types.extreme_error(least=False)
    shape = social.Shape(market.utility.tree, [least, greatest], [1], EXACT)
    plane = types.plane(Fraction(1, 2), Fraction(2))
    for everyone in (True, False):
        surface = social.Surface(types, everyone, shape)

        def worth(K: int, T: Fraction, everyone: bool = everyone) -> Fraction:
            served = market.population if everyone else K
            return served * (30 - 7 * types.error(K, T)) - (plane.g + plane.nu * K - plane.mu * T)

        line = social.Line(Fraction(1, 7), Fraction(1, 4))
        for K in range(1, market.population + 1):
            assert surface.along(K, K, line, plane) == worth(K, line.at(K))
            assert surface.corner(K, line, plane).low == surface.corner(K, line, plane).high == worth(K, line.at(K))
        for K1 in range(1, market.population):
            for K2 in range(K1 + 1, market.population + 1):
                bound = surface.along(K1, K2, line, plane)
                values = [worth(K, line.at(K)) for K in range(K1, K2 + 1)]
                assert max(values) <= bound
                # Slopes in K lie between those of the steps, widened by how the error's own slope varies on the interval.
                slack = (K2 - K1) * Fraction(7 * market.population, K1 * K1) * 4
                assert bound <= max(values) + slack
        steep = social.Plane(Fraction(0), Fraction(1000), Fraction(0))
        rising, falling = social.Plane(Fraction(0), Fraction(-1000), Fraction(0)), steep
        for K1, K2 in ((2, 3), (4, 9)):
            # Where all slopes have one sign, the end is the maximum.
            up, down = surface.along(K1, K2, line, rising), surface.along(K1, K2, line, falling)
            assert up == surface.corner(K2, line, rising).high
            assert down == surface.corner(K1, line, falling).high


def test_cuts_at_the_ends_of_a_cell() -> None:
    market = falling_market(9)
    types, leaf = social.Types(market), ["plane", 0, 0]
    population = market.population
    assert population > 2
    for m, right in ((0, False), (1, True), (population - 1, True), (population, False)):
        cells = [["K", m], leaf, leaf]
        if right:
            first, second = (cell for cell, _ in social.leaves(types, cells))
            assert (1, m, m + 1, population) == (first.K1, first.K2, second.K1, second.K2)
        else:
            with pytest.raises(ProofError, match="no cut and no leaf"):
                list(social.leaves(types, cells))
    lower, upper = [["T", 1, 2], leaf, leaf], social.Line(Fraction(1), Fraction(2))
    below, above = (cell for cell, _ in social.leaves(types, lower))
    assert below.upper == upper == above.lower


def test_a_requirement_narrows_a_cell_that_it_nowhere_exceeds() -> None:
    """Where they meet at an end too; where the requirement's line is higher at one end, the cell's own stays."""
    draw, narrowed = seeded(33), 0
    for _ in range(20):
        market = drawn_market(draw)
        types = social.Types(market.with_max_error(market.client_variance + Fraction(1, 3)))
        K1, K2 = 1, max(2, market.population)
        limit = types.requirement(K1, K2)
        if limit is None:
            continue
        lower = social.Line(Fraction(-(10**6)), Fraction(0))
        for first, last, right in (
            (0, 0, True),
            (1, 0, True),
            (0, 1, True),
            (1, 1, True),
            (-1, 1, False),
            (1, -1, False),
        ):
            slope = Fraction(last - first, K2 - K1)
            upper = social.Line(limit.alpha + first - slope * K1, limit.beta + slope)
            assert (upper.at(K1) - limit.at(K1), upper.at(K2) - limit.at(K2)) == (first, last)
            found = social.narrowed(social.Cell(K1, K2, lower, upper), types)
            assert found.upper == (limit if right else upper)
            narrowed += right
    assert narrowed


@pytest.mark.parametrize(("name", "least"), [("SIGN_PIECES", 6), ("FINEST_PIECE", 3)])
def test_pieces_in_which_a_sign_shows(name: str, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """``x^2 - x + 1/2`` on five pieces, the smallest a quarter of the whole; a sixth look finds that none is left."""
    tree, looked = parse("eps**4/12 - eps**3/6 + eps**2/4", ("eps",)), []
    for limit in (least - 1, least, least + 1):
        monkeypatch.setattr(social, "SIGN_PIECES", limit if name == "SIGN_PIECES" else 20)
        monkeypatch.setattr(social, "FINEST_PIECE", limit if name == "FINEST_PIECE" else 20)
        looked.clear()
        if limit < least:
            with pytest.raises(ProofError, match="does not show the sign"):
                social._verify_sign(tree, Fraction(0), Fraction(1), 1, lambda: looked.append(1))
            continue
        social._verify_sign(tree, Fraction(0), Fraction(1), 1, lambda: looked.append(1))
        assert len(looked) == 5
        with pytest.raises(ProofError, match="does not show the sign"):
            social._verify_sign(tree, Fraction(0), Fraction(1), -1, lambda: None)


def drawn_market(draw: Numbers, most: int = 5) -> MotsMarket:
    """Few types of different sizes, with noise of clients and of data."""
    number = draw.randint(1, 3)
    return MotsMarket.build(
        sizes=draw.sample([1, 2, 3, 5, 9, 30], number),
        counts=[draw.randint(1, most) for _ in range(number)],
        costs=[Fraction(draw.randint(0, 9), 3) for _ in range(number)],
        client_variance=Fraction(draw.randint(0, 8), 7),
        data_variance=Fraction(draw.randint(0, 8), 3),
        dimension=draw.randint(1, 3),
        utility={"family": "linear", "a": 90, "s": 1},
    )


def sums_of(types: social.Types) -> set[tuple[int, Fraction]]:
    """Number of participants and sum of inverse sizes of every state with a participant."""
    states = itertools.product(*(range(n + 1) for n in types.counts))
    sums = ((sum(state), sum(k * q for k, q in zip(state, types.q, strict=True))) for state in states)
    return {(K, Fraction(T, types.Q)) for K, T in sums if K}


def test_the_extreme_errors_are_those_of_states() -> None:
    draw, inside = seeded(41), 0
    for _ in range(60):
        types = social.Types(drawn_market(draw, 16))
        errors = {point: types.error(*point) for point in sums_of(types)}
        assert types.extreme_error(least=True) == min(errors.values())
        assert types.extreme_error(least=False) == max(errors.values())
        inside += min(errors, key=lambda point: errors[point])[0] not in (1, types.population)
    assert inside > 5


@pytest.mark.parametrize("everyone", [True, False])
def test_no_state_of_a_cell_is_above_its_bound(everyone: bool) -> None:
    """Cells wider at one end than at the other, utilities of either curvature, planes of which no side is the higher one."""
    draw, tight = seeded(42), 0
    for _ in range(100):
        market = drawn_market(draw)
        types = social.Types(market)
        least, greatest = types.extreme_error(least=True), types.extreme_error(least=False)
        tree = parse(draw.choice(["0 - (eps - 1)**3", "9 - eps**2", "(eps - 3)**2"]), ("eps",))
        bends: list[Fraction] = sorted({least, greatest, *([Fraction(1)] if least < 1 < greatest else [])})
        surface = social.Surface(types, everyone, social.Shape(tree, bends, [0] * (len(bends) - 1), EXACT))
        K1, K2 = sorted(draw.randint(1, types.population) for _ in range(2))
        low, high = min(types.q), max(types.q)
        lower = social.Line(Fraction(0), Fraction(low, types.Q))
        upper = social.Line(
            Fraction(draw.randint(-high, high), types.Q), Fraction(high, types.Q) * Fraction(draw.randint(2, 6), 4)
        )
        cell = social.Cell(K1, K2, lower, upper)
        plane = social.Plane(
            Fraction(draw.randint(-9, 9)), Fraction(draw.randint(-9, 9)), Fraction(draw.randint(-30, 30))
        )
        bound = surface.over(cell, plane)
        held = [(K, T) for K, T in sums_of(types) if K1 <= K <= K2 and lower.at(K) <= T <= upper.at(K)]
        worth = [surface.point(K, T, plane.g + plane.nu * K - plane.mu * T).high for K, T in held]
        assert not worth or max(worth) <= bound
        tight += bool(worth) and max(worth) == bound
    assert tight > 5
