"""The checker of social states on markets so small that every number a check rests on is worked out by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from fedmech.models.sharing.expression import parse
from fedmech.models.sharing.market import MotsMarket
from fedmech.models.sharing.measured_market import MeasuredMarket
from fedmech.solvers.proofs import social
from fedmech.solvers.proofs.enclosure import EXACT, Interval, Rounding
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound
from mots_strategies import mixed_market


def pair(**changed: Any) -> MotsMarket:
    """Two clients of size 1 who cost 3 each: eps = 2 / K, so that U is 8 with one of them and 9 with both."""
    given = {
        "sizes": [1],
        "counts": [2],
        "costs": [3],
        "data_variance": 2,
        "utility": {"family": "linear", "a": 10, "s": 1},
    }
    return MotsMarket.build(**{**given, **changed})


def nothing() -> None:
    pass


def accepted(bound: Fraction | int, body: dict[str, Any], market: Any) -> bool:
    try:
        check_bound(Proof("social-state", "social", bound, body), market)
    except ProofError:
        return False
    return True


def covered(*cells: list[Any], **changed: Any) -> dict[str, Any]:
    return {"audience": "everyone", "bends": [], "curvature": [1], "cells": list(cells), **changed}


# ---- whole proofs


@pytest.mark.parametrize(("audience", "best"), [("everyone", 13), ("participants", 12)])
@pytest.mark.parametrize("kind", ["plane", "list"])
def test_one_client_or_two(audience: str, best: int, kind: str) -> None:
    """2 * 8 - 3 = 13 and 2 * 9 - 6 = 12 where both have the model, 8 - 3 = 5 and 12 where the participants have it."""
    body = covered(["K", 1], [kind, 0, 3], [kind, 0, 3], audience=audience)
    assert accepted(best, body, pair())
    assert not accepted(best - Fraction(1, 10**50), body, pair())


def test_a_leaf_lists_the_states_of_one_number_of_participants() -> None:
    """With one participant the welfare is 5, with two it is 12: a list over both says nothing."""
    for cells, right in (
        ([["K", 1], ["list", 0, 0], ["plane", 0, 3]], True),
        ([["list", 0, 0]], False),
        ([["plane", 0, 0]], False),
    ):
        assert accepted(12, covered(*cells, audience="participants"), pair()) == right
        assert not accepted(12 - Fraction(1, 10**50), covered(*cells, audience="participants"), pair())


def test_only_a_list_lists_states() -> None:
    """A plane of price 0 lies 3 below the cost of one participant; the one state there is worth 13."""
    for kind, bound, right in (("list", 13, True), ("plane", 13, False), ("plane", 16, True), ("list", 12, False)):
        assert accepted(bound, covered(["K", 1], [kind, 0, 0], ["plane", 0, 3]), pair()) == right


def test_the_clock_is_read_at_every_leaf() -> None:
    looks: list[int] = []
    body = covered(["K", 1], ["plane", 0, 3], ["plane", 0, 3], curvature=[0])
    check_bound(Proof("social-state", "social", 13, body), pair(), lambda: looks.append(1))
    assert len(looks) == 2


def test_what_a_proof_is_about() -> None:
    body = covered(["K", 1], ["plane", 0, 3], ["plane", 0, 3])
    proof = Proof("social-state", "social", 13, body)
    measured = MeasuredMarket.of(pair(), {(1,): Fraction(2), (2,): Fraction(1)})
    for instance, about, words in (
        (measured, proof, "measured"),
        (object(), proof, "sharing market"),
        (pair(), Proof("opt", "social", 13, body), "sharing market"),
        (pair(), Proof("social-state", "social", 13, {**body, "audience": "all"}), "unknown audience 'all'"),
    ):
        with pytest.raises(ProofError, match=words):
            check_bound(about, instance)


def test_no_state_meets_a_requirement_below_the_least_error() -> None:
    """The least error is 1, of both clients."""
    for limit, right in ((None, False), (1, False), ("99/100", True)):
        assert accepted(0, {"infeasible": True}, pair(max_error=limit)) == right
        body = covered(["K", 1], ["plane", 0, 3], ["plane", 0, 3])
        # Of one client the error is 2, which the requirement excludes: with both the welfare is 12.
        assert accepted(13, body, pair(max_error=limit)) == (not right)
        assert accepted(12, body, pair(max_error=limit)) == (limit == 1)


# ---- what is read of a market


def test_types_in_integers() -> None:
    types = social.Types(mixed_market())
    assert (types.counts, types.population) == ([2, 3, 1], 6)
    assert (types.Q, types.q) == (4, [4, 2, 1])
    assert (types.unit, types.c) == (6, [6, 9, 2])
    assert (types.noise, types.client, types.limit, types.grid) == (6, 5, None, 1)
    # Inverse sizes in sixths: 6, 2 and 4 times 1/6, which differ by multiples of 2.
    assert social.Types(mixed_market(sizes=[1, 3, 2], counts=[1, 1, 0], costs=[0, 0, 0])).grid == 2
    assert social.Types(pair()).grid == 0


def test_error_of_a_state() -> None:
    """5 + (6 * (3/2) / 2 - 5) / 2 = 19/4."""
    assert social.Types(mixed_market()).error(2, Fraction(3, 2)) == Fraction(19, 4)


@pytest.mark.parametrize(
    ("limit", "K1", "K2", "alpha", "beta"),
    [
        # T <= 2 K^2 + 5/6 K, whose chord from 2 to 3 is 10 K - 12 + 5/6 K.
        (17, 2, 3, -12, "65/6"),
        # T <= K^2 / 2 + 5/6 K: from 1 to 2 the chord is 3/2 K - 1 + 5/6 K.
        (8, 1, 2, -1, "7/3"),
        # T <= -K^2 / 2 + 5/6 K, concave: the tangent at 3/2 is -3/2 K + 9/8 + 5/6 K.
        (2, 1, 2, "9/8", "-2/3"),
        (5, 1, 4, 0, "5/6"),
    ],
)
def test_line_of_a_requirement(limit: int, K1: int, K2: int, alpha: object, beta: object) -> None:
    types = social.Types(mixed_market(max_error=limit))
    assert types.requirement(K1, K2) == (Fraction(str(alpha)), Fraction(str(beta)))
    assert social.Types(mixed_market()).requirement(K1, K2) is None
    assert social.Types(mixed_market(max_error=limit, data_variance=0)).requirement(K1, K2) is None


def test_reduced_costs_and_planes() -> None:
    types = social.Types(mixed_market())
    # 1 + 1/2 - 1/3 = 28/24, 3/2 + 1/4 - 1/3 = 34/24, 1/3 + 1/8 - 1/3 = 3/24.
    assert types.reduced_costs(Fraction(1, 2), Fraction(1, 3)) == ([28, 34, 3], 24)
    assert types.plane(Fraction(1, 2), Fraction(1, 3)) == (Fraction(1, 2), Fraction(1, 3), 0)
    # 1 - 7/6 = -1/6 of two clients, 3/2 - 7/6 > 0, 1/3 - 7/6 = -5/6 of one.
    assert types.reduced_costs(Fraction(0), Fraction(7, 6)) == ([-1, 2, -5], 6)
    assert types.plane(Fraction(0), Fraction(7, 6)).g == Fraction(-7, 6)


# ---- the cells


def test_cells_in_the_order_of_their_leaves() -> None:
    types = social.Types(mixed_market())
    lower, upper, cut = (social.Line(Fraction(a), Fraction(b)) for a, b in ((0, "1/4"), (0, 1), ("1/2", "1/3")))
    cells = [["K", 2], ["plane", 1, 2], ["T", "1/2", "1/3"], ["list", 3, 4], ["plane", "5/2", 6]]
    assert list(social.leaves(types, cells)) == [
        ((1, 2, lower, upper), ("plane", 1, 2)),
        ((3, 6, lower, cut), ("list", 3, 4)),
        ((3, 6, cut, upper), ("plane", Fraction(5, 2), 6)),
    ]
    for wrong, words in (
        ("", "the cells are no list"),
        (None, "the cells are no list"),
        ([], "1 cells are left open"),
        ([["K", 1], ["plane", 0, 0]], "1 cells are left open"),
        ([["plane", 0, 0]] * 2, "more cells than the cuts leave"),
        ([["K", 6]], "no cut and no leaf of K = 1 .. 6"),
    ):
        with pytest.raises(ProofError, match=words):
            list(social.leaves(types, wrong))


def test_numbers_of_a_proof() -> None:
    for value, right in ((3, 3), (Fraction(1, 2), Fraction(1, 2)), ("-7/3", Fraction(-7, 3)), ("12", 12)):
        assert social._number(value, "nu") == right
    for value in (True, 0.5, "1/0", "x", "\u0661", None, [1]):
        with pytest.raises(ProofError, match='nu: expected an integer or "p/q"'):
            social._number(value, "nu")
    with pytest.raises(ProofError) as refused:
        social._number("x" * 41, "nu")
    assert str(refused.value) == f"""nu: expected an integer or "p/q", got '{"x" * 40}'"""


# ---- the shape of a utility


def shaped(market: MotsMarket, bends: Any, curvature: Any) -> social.Shape:
    return social._shape({"bends": bends, "curvature": curvature}, market, social.Types(market), nothing)(EXACT)


def test_the_range_of_errors_that_states_have() -> None:
    """From 1, of both clients, to 2, of one; a requirement cuts it off."""
    for limit, high in ((None, 2), (3, 2), ("3/2", Fraction(3, 2)), (1, 1)):
        shape = shaped(pair(max_error=limit), [], [0])
        assert (shape.low, shape.high) == (1, high)
    with pytest.raises(ProofError, match="no claim about anything"):
        shaped(pair(max_error="99/100"), [], [0])


def test_bends_and_curvatures() -> None:
    bent = pair(utility={"expression": "20 - eps**2"})
    assert shaped(bent, [], [-1]).curvature == [-1]
    assert shaped(bent, ["3/2"], [-1, 0]).bends[1].low == Fraction(3, 2)
    assert shaped(bent, [1, 2, 2], [-1, -1, 0, -1]).curvature == [-1, -1, 0, -1]
    for bends, curvature, words in (
        ([], [1], "does not show the sign 1 between 1 and 2"),
        (["3/2"], [-1, 1], "does not show the sign 1 between 3/2 and 2"),
        ([], [True], "curvatures be -1, 0 or 1"),
        ([], [2], "curvatures be -1, 0 or 1"),
        ([], [-2], "curvatures be -1, 0 or 1"),
        ([3], [0, 0], "bends must rise"),
        (["1/2"], [0, 0], "bends must rise"),
        (["5/3", "4/3"], [0, 0, 0], "bends must rise"),
        (["3/2"], [0, 2], "curvatures be -1, 0 or 1"),
        ([], [], "matching length"),
        ([], [0, 0], "matching length"),
        (None, [0], "matching length"),
        ([], None, "matching length"),
    ):
        with pytest.raises(ProofError, match=words):
            shaped(bent, bends, curvature)


@pytest.mark.parametrize(
    ("formula", "low", "high", "sign", "looks"),
    [
        # U'' = 0 has either sign, U'' = 1/4 and -1/4 one of them: the whole range shows it.
        ("3 - eps", 0, 1, 1, 1),
        ("3 - eps", 0, 1, -1, 1),
        ("eps**2/8", 0, 1, 1, 1),
        ("0 - eps**2/8", 0, 1, -1, 1),
        # -(x^2 - x + 1/2) / 2, which is enclosed by -3/4 .. 1/4: on four pieces, the smallest of them quarters, it is negative.
        ("0 - eps**4/12 + eps**3/6 - eps**2/4", 0, 1, -1, 5),
        # x^2 - x + 1/2 is never 0, and cannot be told from it on the whole, of which no quotient is known.
        ("1/(eps*eps - eps + 1/2)", "1/4", "3/4", -1, None),
    ],
)
def test_signs_that_show(formula: str, low: object, high: object, sign: int, looks: int | None) -> None:
    seen: list[int] = []
    tree, low, high = parse(formula, ("eps",)), Fraction(str(low)), Fraction(str(high))
    social._verify_sign(tree, low, high, sign, lambda: seen.append(1))
    assert looks is None or len(seen) == looks
    assert looks is not None or len(seen) > 2


def test_the_finest_piece_is_a_part_of_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """x^2 - x + 1/2 shows its sign on quarters of the range, wherever this begins: pieces of a third are not fine enough."""
    tree = parse("(eps-5)**4/12 - (eps-5)**3/6 + (eps-5)**2/4", ("eps",))
    monkeypatch.setattr(social, "FINEST_PIECE", 3)
    social._verify_sign(tree, Fraction(5), Fraction(6), 1, nothing)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_wrong_sign_is_seen_at_once(sign: int) -> None:
    """U'' / 2 is 1/8 with the other sign everywhere."""
    seen: list[int] = []
    tree = parse("0 - eps**2/8" if sign > 0 else "eps**2/8", ("eps",))
    with pytest.raises(ProofError, match="does not show the sign"):
        social._verify_sign(tree, Fraction(0), Fraction(1), sign, lambda: seen.append(1))
    assert len(seen) == 1


def test_no_more_derivatives_are_asked_for_than_are_needed() -> None:
    """At 0 the square root has a value and no slope, and x^(3/2) a slope and no second derivative."""
    zero = [Fraction(0), Fraction(0)]
    rounding = Rounding(40)
    at = rounding.number(0)
    root = social.Shape(parse("sqrt(eps)", ("eps",)), zero, [0], rounding)
    assert abs(root.value(at).high) < Fraction(1, 10**40)
    steeper = social.Shape(parse("eps**(3/2)", ("eps",)), zero, [0], rounding)
    assert abs(steeper.slope(at).high) < Fraction(1, 10**40)
    bent = social.Shape(parse("eps**(3/2)", ("eps",)), zero, [1], rounding)
    assert abs(bent.slope(at).high) < Fraction(1, 10**40)


@pytest.mark.parametrize(
    ("formula", "bends", "low", "high", "least", "most"),
    [
        # U' = 3 (eps - 2)^2 is 0 within a piece at whose ends it is 3.
        ("(eps - 2)**3", (1, 3), 1, 3, 0, 3),
        # U' = -2 eps: no more than the part of a piece that is asked for, and no other piece.
        ("0 - eps**2", (0, 2), "1/2", 1, -2, -1),
        ("0 - eps**2", (0, 1, 2), "1/4", "1/2", -1, "-1/2"),
        ("0 - eps**2", (0, 1, 2), "5/4", "3/2", -3, "-5/2"),
        ("0 - eps**2", (0, 1, 2), "1/2", "3/2", -3, -1),
    ],
)
def test_slopes_on_pieces_of_unknown_curvature(
    formula: str, bends: tuple[int, ...], low: object, high: object, least: object, most: object
) -> None:
    shape = social.Shape(parse(formula, ("eps",)), [Fraction(b) for b in bends], [0] * (len(bends) - 1), EXACT)
    found = shape.slope(Interval(EXACT, Fraction(str(low)), Fraction(str(high))))
    assert (found.low, found.high) == (Fraction(str(least)), Fraction(str(most)))


# ---- precision


def test_a_rational_bound_is_met_exactly() -> None:
    """A third has no decimals: 2 (31/3 - 2) - 3 = 41/3 is decided without rounding."""
    market = pair(utility={"family": "linear", "a": "31/3", "s": 1})
    body = covered(["K", 1], ["plane", 0, 3], ["plane", 0, 3])
    assert accepted(Fraction(41, 3), body, market)
    assert not accepted(Fraction(41, 3) - Fraction(1, 10**2000), body, market)


def test_what_forty_digits_do_not_decide_more_digits_do() -> None:
    """2 sqrt(2) - 3, of one client, rounded up to 1100 digits; the last precision has 1200, and no number of digits is exact."""
    market = pair(utility={"expression": "sqrt(eps)"})
    body = covered(["K", 1], ["plane", 0, 3], ["plane", 0, 3], curvature=[-1])
    for digits in (30, 100, 300, 1100):
        scale = 10**digits
        above = Fraction(math.isqrt(8 * scale**2) + 1, scale) - 3
        assert accepted(above, body, market)
        assert not accepted(above - Fraction(1, scale), body, market)
