"""What the checker of social states computes on a cell, worked out by hand: bounds along lines and over cells, and lists."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from fedmech.models.sharing.expression import parse
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.proofs import social
from fedmech.solvers.proofs.enclosure import EXACT
from fedmech.solvers.proofs.proof import ProofError
from mots_strategies import mixed_market


def nothing() -> None:
    pass


# ---- F over K and T: with U = 100 - eps, six clients, eps = 6 T / K^2, it is 600 - 36 T / K^2 - g - nu K + mu T


def surface(everyone: bool, sign: int = 1, utility: str = "100 - eps", **changed: Any) -> social.Surface:
    types = social.Types(mixed_market(client_variance=0, **changed))
    shape = social.Shape(parse(utility, ("eps",)), [Fraction(0), Fraction(1000)], [sign], EXACT)
    return social.Surface(types, everyone, shape)


def line(alpha: object, beta: object) -> social.Line:
    return social.Line(Fraction(str(alpha)), Fraction(str(beta)))


def prices(mu: object, nu: object, g: object = 0) -> social.Plane:
    return social.Plane(Fraction(str(mu)), Fraction(str(nu)), Fraction(str(g)))


@pytest.mark.parametrize(
    ("mu", "nu", "right"),
    [
        # Along T = K it is 600 - 36/K + (mu - nu) K; between 2 and 3 participants its slope is 4 .. 9 and mu - nu.
        # 570 at both ends, slope -2 .. 3: 570 + 3 from the left, 570 + 2 from the right.
        (0, 6, 572),
        # 572 and 573, slope -1 .. 4: 576 and 574.
        (0, 5, 574),
        (1, 6, 574),
        # 566 and 564, slope -4 .. 1: 567 and 568.
        (0, 8, 567),
        # Slopes of one sign: the value at 3, or that at 2.
        (0, 3, 579),
        (0, 4, 576),
        (0, 9, 564),
        (0, 10, 562),
    ],
)
def test_along_a_line_where_all_are_served(mu: int, nu: int, right: int) -> None:
    assert surface(everyone=True).along(2, 3, line(0, 1), prices(mu, nu)) == right
    assert surface(everyone=True).along(2, 3, line(0, 1), prices(mu, nu, 5)) == right - 5


def test_along_a_line_where_participants_are_served() -> None:
    """It is 100 K - 6 - nu K; the slope is enclosed by 4/3 .. 9/2 and 97 .. 98 of what is served, and -nu."""
    for nu, right in (
        # -6 at both ends, slope -5/3 .. 5/2.
        (100, "-13/3"),
        # 2 and 3 less from the left.
        (99, Fraction(-3) + Fraction(2, 3)),
        (98, 0),
        (103, -12),
    ):
        assert surface(everyone=False).along(2, 3, line(0, 1), prices(0, nu)) == Fraction(right)


def test_along_a_line_that_does_not_start_at_zero() -> None:
    """Of T = 1 the error is 5 - 5/K + 6/K^2 where clients differ by 5: its slope is -(12/K - 5) / K^2, here -7 .. -1/4."""
    types = social.Types(mixed_market())
    shape = social.Shape(parse("100 - eps", ("eps",)), [Fraction(0), Fraction(1000)], [1], EXACT)
    # 6 (100 - 6) - 10 = 554 and 6 (100 - 4) - 20 = 556; slope 3/2 .. 42, less 10.
    found = social.Surface(types, True, shape).along(1, 2, line(1, 0), prices(0, 10))
    assert found == Fraction(1129, 2)


def test_along_a_line_that_is_nearly_level() -> None:
    """Between 5 and 6 participants T = K has slopes -1/4 .. 19/100: 586.55 + 0.19 from the left, 586.5 + 0.25 from the right."""
    assert surface(everyone=True).along(5, 6, line(0, 1), prices(0, "5/4")) == Fraction(29337, 50)


def test_along_a_line_under_a_utility_that_bends() -> None:
    """Along T = 1 + K the error is 6 (1 + 1/K) / K, here 9/2 .. 12, and U' = -2 eps.

    The error's slope is -(6 + 12/K) / K^2, here -18 .. -3: all in all 6 (27 .. 432) - 1000. From -264 - 1000 and 478.5 - 2000.
    """
    bent = surface(True, -1, "100 - eps**2")
    assert bent.along(1, 2, line(1, 1), prices(0, 1000)) == Fraction(-1367, 2)


def test_along_a_line_of_equal_worth() -> None:
    flat = surface(everyone=True, utility="7 + 0*eps")
    assert flat.along(2, 3, line(0, 1), prices(1, 1)) == 42


CELL = social.Cell(2, 3, line(0, "1/4"), line(1, "1/4"))


@pytest.mark.parametrize(
    ("mu", "nu", "sign", "right"),
    [
        # The slope in T is mu - 36/K^2, here mu - 9 .. mu - 4. Falling: along T = K/4 it is 600 - 9/K + (mu/4 - nu) K, best at 3.
        (4, 0, 1, 600),
        (4, 0, 0, 600),
        # Rising: along T = 1 + K/4 it is 600 - 36/K^2 - 9/K + 9 (1 + K/4), best at 3.
        (9, 0, 1, "2435/4"),
        (9, 0, 0, "2435/4"),
        # Neither: 593 bounds the lower side, 594.5 the upper one. Where nothing is known of U'', T can add 2 to 593.
        (6, 3, 1, "1189/2"),
        (6, 3, 0, 595),
        # 579.5 and 581 1/3, with slopes -1 .. 4: 583.5 from below, 582 1/3 from above.
        (8, 10, 1, "1744/3"),
        (8, 10, 0, "1747/3"),
    ],
)
def test_over_a_cell(mu: int, nu: int, sign: int, right: object) -> None:
    assert surface(True, sign).over(CELL, prices(mu, nu)) == Fraction(str(right))


def test_a_side_that_is_not_the_higher_one_is_not_looked_at() -> None:
    """With mu = 9 nothing falls with T: the upper side's bound, 592 + 1/2, holds, though the lower one's is 593 3/4."""
    known, lower, upper = surface(everyone=True), line("-3/2", "3/4"), line(0, "1/4")
    assert known.along(2, 3, lower, prices(9, 4)) == Fraction(2375, 4)
    assert known.over(social.Cell(2, 3, lower, upper), prices(9, 4)) == Fraction(1185, 2)


def test_cells_that_end_before_they_begin() -> None:
    """Nothing lies between lines of which the upper one is below at both ends; at one end something may."""
    known = surface(everyone=True)
    lower = line(0, "1/4")
    for upper, right in (
        (line("-1/100", "1/4"), None),
        # One line: 600 - 9/K + K, best at 3.
        (lower, 600),
        # Above at two participants, below at three, and the other way round.
        (line("7/2", -1), 600),
        (line("-3/4", "1/2"), 600),
    ):
        assert known.over(social.Cell(2, 3, lower, upper), prices(4, 0)) == right


def test_a_cell_of_one_number_of_participants_and_one_sum() -> None:
    """Between 1.3 and 1.6 the only sum of three inverse sizes is 3/2: 600 - 36 (3/2) / 9 - 2 * 3 + 5 * 3/2."""
    known = surface(everyone=True)
    assert known.over(social.Cell(3, 3, line("13/10", 0), line("8/5", 0)), prices(5, 2)) == Fraction(1191, 2)
    # Between 1.3 and 1.4 there is none.
    assert known.over(social.Cell(3, 3, line("13/10", 0), line("7/5", 0)), prices(5, 2)) is None


def test_requirements_on_participants_alone() -> None:
    """Without noise of data the error is 5 - 5/K: 5/2 of two, more of three."""
    types = social.Types(mixed_market(data_variance=0, max_error="5/2"))
    shape = social.Shape(parse("100 - eps", ("eps",)), [Fraction(0), Fraction(5, 2)], [1], EXACT)
    known = social.Surface(types, True, shape)
    # 6 (100 - 5/2) at two, 600 at one; the slope in K, -30/K^2, is nowhere above 0.
    assert known.over(social.Cell(2, 2, line(0, "1/4"), line(0, 1)), prices(0, 0)) == 585
    assert known.over(social.Cell(1, 2, line(0, "1/4"), line(0, 1)), prices(0, 0)) == 600
    assert known.over(social.Cell(3, 3, line(0, "1/4"), line(0, 1)), prices(0, 0)) is None
    assert known.over(social.Cell(3, 6, line(0, "1/4"), line(0, 1)), prices(0, 0)) is None


# ---- lists


def two_sizes(a: int) -> MotsMarket:
    """Two clients, of sizes 1 and 4 and costs 1/3 and 7/3: alone they have the errors 2 and 1/2, and are worth 2a - 4 1/3 and 2a - 3 1/3."""
    return MotsMarket.build(
        sizes=[1, 4], counts=[1, 1], costs=["1/3", "7/3"], data_variance=2, utility={"family": "linear", "a": a, "s": 1}
    )


def checked(market: MotsMarket, claim: Fraction, formula: str, pulse: Any = nothing) -> social.Check:
    types = social.Types(market)
    tree, ends = parse(formula, ("eps",)), [Fraction(0), Fraction(1000)]
    return social.Check(types, True, claim, lambda rounding: social.Shape(tree, ends, [1], rounding), pulse)


ALONE = social.Cell(1, 1, line(0, "1/4"), line(0, 1))


@pytest.mark.parametrize("a", [10, -100])
def test_whoever_may_be_worth_more_is_listed(a: int) -> None:
    """Against the plane C >= K/3 the second client loses 2, of a room of 2 or of 2 1/2: it is worth more than the claim of 2a - 3 5/6."""
    check = checked(two_sizes(a), 2 * a - Fraction(10, 3), f"{a} - eps")
    check.leaf(ALONE, ("list", Fraction(0), Fraction(1, 3)))
    assert check.listed == 2
    low = checked(two_sizes(a), 2 * a - Fraction(23, 6), f"{a} - eps")
    with pytest.raises(ProofError, match="may hold a state that is worth more"):
        low.leaf(ALONE, ("list", Fraction(0), Fraction(1, 3)))


def test_too_much_room_and_too_many_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room of 6 has one digit, and two states are listed."""
    for name, limit, right in (
        ("MOST_DIGITS", 0, True),
        ("MOST_DIGITS", -1, False),
        ("MOST_STATES", 2, True),
        ("MOST_STATES", 1, False),
    ):
        check = checked(two_sizes(10), Fraction(50, 3), "10 - eps")
        with monkeypatch.context() as changed:
            changed.setattr(social, name, limit)
            if right:
                check.leaf(ALONE, ("list", Fraction(0), Fraction(1, 3)))
                continue
            with pytest.raises(ProofError):
                check.leaf(ALONE, ("list", Fraction(0), Fraction(1, 3)))


def test_where_the_surface_has_no_bound_nothing_is_listed() -> None:
    """The quotient is 3.2 at the errors of both states, 1/4 and 3/4; between them its divisor cannot be told from 0."""
    formula = "1/(eps*eps - eps + 1/2)"
    market = MotsMarket.build(
        sizes=[1, 3], counts=[1, 1], costs=[0, 0], data_variance="3/4", utility={"expression": formula}
    )
    types, tree = social.Types(market), parse(formula, ("eps",))
    ends = [Fraction(1, 4), Fraction(3, 4)]
    check = social.Check(types, True, Fraction(1), lambda r: social.Shape(tree, ends, [0], r), nothing)
    with pytest.raises(ProofError, match="may hold a state"):
        check.leaf(social.Cell(1, 1, line(0, "1/3"), line(0, 1)), ("list", Fraction(0), Fraction(0)))


class Listed:
    """Takes the place of a listing: says what it is asked for, and has one state so many times."""

    asked: tuple[Any, ...] = ()
    number = 0

    def __init__(self, types: social.Types, *asked: Any):
        Listed.asked = asked[:-1]

    def states(self, *, ends_only: bool) -> Any:
        Listed.asked += (ends_only,)
        return iter([(4, 0)] * self.number)


@pytest.mark.parametrize(
    ("bend", "signs", "convex"),
    [("5/2", [1, 0], True), ("3/2", [1, 0], False), ("3/4", [0, 1], False), ("1/4", [0, 1], True)],
)
def test_what_a_listing_is_asked_for(
    bend: str, signs: list[int], convex: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of the six, with T from 3/4 to 3: the mean is 1/4 .. 1 and the error, 6 z / 3, is 1/2 .. 2."""
    monkeypatch.setattr(social, "Listing", Listed)
    monkeypatch.setattr(Listed, "number", 0)
    tree, bends = parse("100 - eps", ("eps",)), [Fraction(0), Fraction(bend), Fraction(1000)]
    check = social.Check(
        social.Types(mixed_market(client_variance=0)),
        True,
        Fraction(580),
        lambda r: social.Shape(tree, bends, signs, r),
        nothing,
    )
    # F is 600 - 4 T + T: no more than 597 3/4 at T = 3/4, which leaves a room of 17 3/4. Costs plus 1/D are 2, 2 and 7/12.
    check.leaf(social.Cell(3, 3, line(0, "1/4"), line(0, 1)), ("list", Fraction(1), Fraction(0)))
    assert Listed.asked == ([24, 24, 7], 213, 3, 3, 12, convex)


@pytest.mark.parametrize(("number", "looks"), [(255, 0), (256, 1), (511, 1), (512, 2)])
def test_the_clock_is_read_every_256_states(number: int, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(social, "Listing", Listed)
    monkeypatch.setattr(Listed, "number", number)
    seen: list[int] = []
    check = checked(two_sizes(10), Fraction(50, 3), "10 - eps", lambda: seen.append(1))
    check.leaf(ALONE, ("list", Fraction(0), Fraction(1, 3)))
    assert (len(seen), check.listed) == (looks, number)
