"""What a combination leaves open of a program: held to all points of small programs, and to both replayers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from fedmech.solvers.control import Control
from fedmech.solvers.interchange.branching import Derivation, _Growth, derive, goal_of
from fedmech.solvers.interchange.combination import Combination
from fedmech.solvers.interchange.linear import RowPrices
from fedmech.solvers.interchange.opb import opb_text, pbp_text
from fedmech.solvers.interchange.program import IntegerProgram, Row
from fedmech.solvers.interchange.reduction import Reduction, reduce_program
from fedmech.solvers.interchange.vipr import vipr_text
from hypothesis import given
from hypothesis import strategies as st
from replay_opb import replay_opb
from replay_vipr import replay_vipr


def program_of(
    worth: list[int], upper: list[int], rows: list[tuple[list[int], int]], hired: list[int]
) -> IntegerProgram:
    """Rows are dense; zeros are left out."""
    made = []
    for coefficients, limit in rows:
        a = np.array(coefficients)
        made.append(Row(np.flatnonzero(a), a[a != 0], limit))
    return IntegerProgram(
        [f"c{j}" for j in range(len(upper))], np.array(worth), upper, made, np.array(hired, dtype=int)
    )


def fits(program: IntegerProgram, point: tuple[int, ...]) -> bool:
    x = np.array(point)
    return all(int(row.coefficients @ x[row.columns]) <= row.limit for row in program.rows)


def points(program: IntegerProgram) -> Iterator[tuple[int, ...]]:
    box = itertools.product(*(range(upper + 1) for upper in program.upper))
    return (point for point in box if fits(program, point))


@st.composite
def programs(draw: st.DrawFn) -> IntegerProgram:
    """At most six columns, some of them no bits; the zero point fits."""
    size = draw(st.integers(1, 6))
    upper = draw(st.lists(st.sampled_from([1, 1, 1, 0, 2, 3, 5]), min_size=size, max_size=size))
    worth = draw(st.lists(st.integers(-3, 12), min_size=size, max_size=size))
    coefficients = st.lists(st.integers(-4, 12), min_size=size, max_size=size)
    rows = draw(st.lists(st.tuples(coefficients, st.integers(0, 30)), min_size=1, max_size=3))
    factor = draw(st.sampled_from([1, 1, 3]))
    hired = [j for j in range(size) if upper[j] == 1]
    return program_of([c * factor for c in worth], upper, rows, hired)


def best_of(program: IntegerProgram) -> tuple[int, np.ndarray]:
    value, point = max((program.value(np.array(point)), point) for point in points(program))
    return value, np.array(point)


def replayed(program: IntegerProgram, derivation: Derivation, value: int, point: np.ndarray) -> None:
    assert replay_vipr("".join(vipr_text(program, point, value, value, derivation))) == (value, value)
    model, proof = "".join(opb_text(program)), "".join(pbp_text(program, point, value, derivation))
    assert replay_opb(model, proof) == -value


@given(program=programs(), data=st.data())
def test_whatever_a_combination_decides_holds(program: IntegerProgram, data: st.DataObject) -> None:
    """For any prices: who stays stays in every point that is good enough, and what is left is the same program."""
    prices = data.draw(st.lists(st.integers(0, 6), min_size=len(program.rows), max_size=len(program.rows)))
    value, point = best_of(program)
    reduction = Reduction(program, goal_of(program, value), Combination(data.draw(st.integers(1, 4)), tuple(prices)))
    if reduction.gap < 0:
        return
    goal = value - data.draw(st.integers(0, 10))
    wider = Reduction(program, goal, reduction.combination)
    inner = [np.array(one) for one in points(wider.inner)]
    base = np.where(wider.high, program.upper, 0)
    lifted = set()
    for one in inner:
        whole = base.copy()
        whole[wider.columns] = one
        lifted.add((tuple(whole.tolist()), wider.inner.value(one) - wider.wanted))
    good = {(one, program.value(np.array(one)) - goal) for one in points(program)}
    assert {(one, more) for one, more in lifted if more >= 0} == {(one, more) for one, more in good if more >= 0}
    # And the derivation over what is left is one of the whole program.
    tree = _Growth(reduction.inner, reduction.inner_goal, [], Control()).grow([])
    replayed(program, Derivation(reduction.inner, reduction.inner_goal, tree, reduction), value, point)


@given(program=programs())
def test_derivations_of_any_program(program: IntegerProgram) -> None:
    value, point = best_of(program)
    replayed(program, derive(program, value, [], [], Control()), value, point)


@pytest.mark.parametrize(
    ("goal", "gap", "low", "high"),
    [
        (17, 0, [2, 3], [0, 1]),
        (16, 1, [2, 3], [0, 1]),
        (15, 2, [3], [0]),
        (13, 4, [], [0]),
        (12, 5, [], []),
    ],
)
def test_a_margin_of_the_gap_is_open_and_one_more_is_not(goal: int, gap: int, low: list[int], high: list[int]) -> None:
    """Margins 5, 2, -2, -4 and 0."""
    program = program_of([10, 7, 3, 1, 5], [1, 1, 1, 1, 1], [([1, 1, 1, 1, 1], 2)], [0, 1, 2, 3, 4])
    reduction = Reduction(program, goal, Combination(1, (5,)))
    assert reduction.gap == gap
    assert np.flatnonzero(reduction.low).tolist() == low
    assert np.flatnonzero(reduction.high).tolist() == high
    assert reduction.columns.tolist() == sorted({0, 1, 2, 3, 4} - {*low, *high})
    assert reduction.wanted == goal - sum([10, 7, 3, 1, 5][j] for j in high)
    assert reduction.number == len(high)


def test_nothing_and_everything_can_be_decided() -> None:
    program = program_of([10, 7], [1, 1], [([3, 3], 5)], [0, 1])
    free = RowPrices([Fraction(0)])
    # Both are wanted at no price, and the gap is 6.
    found = reduce_program(program, 11, [free], Control())
    assert found is not None
    assert (found.gap, found.columns.tolist()) == (6, [])
    assert reduce_program(program, 1, [free], Control()) is None
    assert reduce_program(program, 11, [], Control()) is None
    assert reduce_program(program, 11, [RowPrices([Fraction(0)], most=Fraction(1))], Control()) is None
    assert reduce_program(program, 11, [RowPrices([Fraction(1)], worth=0)], Control()) is None
    # Nothing is open: the one row left cannot hold.
    tree = _Growth(found.inner, found.inner_goal, [], Control()).grow([])
    assert tree == Combination(0, (1,))
    replayed(program, Derivation(found.inner, found.inner_goal, tree, found), 10, np.array([1, 0]))
