"""Why those who are not hired are not: against placing one worker more by the flow, and on optima."""

from __future__ import annotations

from fractions import Fraction

import fedmech as fm
import numpy as np
from fedmech.solvers.explain.passed_over import open_groups, passed_over
from fedmech.solvers.placement.matroid import route
from hypothesis import given
from hypothesis import strategies as st
from strategies import markets


def placeable(market: fm.Market, chosen: list[int]) -> bool:
    try:
        route(market, np.array(sorted(chosen), dtype=np.intp))
    except ValueError:
        return False
    return True


@given(markets(max_workers=7, max_groups=4), st.data())
def test_a_group_is_open_if_one_more_of_it_can_be_placed(market: fm.Market, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(market.n)))
    chosen: list[int] = []
    for i in order[: data.draw(st.integers(0, market.n))]:
        if placeable(market, [*chosen, i]):
            chosen.append(i)
    assignment = route(market, np.array(sorted(chosen), dtype=np.intp))
    found = open_groups(market, assignment)
    for i in set(range(market.n)) - {*chosen}:
        assert found[market.group_of[i]] == placeable(market, [*chosen, i])


@given(markets(max_workers=7))
def test_whoever_an_optimum_passes_over_lacks_a_place_or_the_money(market: fm.Market) -> None:
    best = fm.solve(market)
    assert best.assignment is not None
    hired = np.flatnonzero(best.assignment >= 0).tolist()
    found = passed_over(market, best.assignment)
    assert found.left == market.total_budget - sum((market.cost(i) for i in hired), Fraction(0)) >= 0
    for i in range(market.n):
        if i in hired:
            assert not found.reason(i)
            continue
        assert found.too_dear[i] == (market.cost(i) > found.left)
        assert found.no_place[i] == (not placeable(market, [*hired, i]))
        assert found.reason(i)


def test_costs_beyond_machine_integers() -> None:
    market = fm.Market.build(
        scores=[2, 1, 1], costs=[10**30, 10**30 + 1, 1], groups=[*"aab"], seats=[3], budgets=[10**30 + 1]
    )
    best = fm.solve(market)
    assert best.assignment is not None
    found = passed_over(market, best.assignment)
    assert (found.left, found.too_dear.tolist()) == (0, [False, True, False])
    assert found.reason(1) == "costs more than what is left of the budget"
