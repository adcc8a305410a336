"""Markets of measured errors: solved by looking at all states, the same as eq. (3)'s where the table is eq. (3)'s."""

from __future__ import annotations

from fractions import Fraction

import pytest
from drawing import Numbers, generators
from fedmech.fl.sharing.comparators import dynamic, fl_only, modified_fl
from fedmech.fl.sharing.swan import swan
from fedmech.models.input_error import InputError
from fedmech.models.sharing.market import MotsMarket
from fedmech.models.sharing.measured_market import MeasuredMarket, participating_states
from fedmech.solvers.sharing.requirement import error_range
from fedmech.solvers.sharing.solve import solve_social_state
from hypothesis import given, settings
from mots_strategies import falling_market, sharing_markets


def tabulated(market: MotsMarket) -> MeasuredMarket:
    return MeasuredMarket.of(market, {state: market.error(state) for state in participating_states(market.counts)})


@pytest.mark.thorough
@settings(max_examples=12)
@given(market=sharing_markets(largest=3))
def test_a_table_of_eq_3_changes_nothing(market: MotsMarket) -> None:
    measured = tabulated(market)
    reach, listed = error_range(market), error_range(measured)
    assert (reach.least, reach.greatest) == (listed.least, listed.greatest)
    for limit in (None, (reach.least + reach.greatest) / 2, reach.least / 2):
        one, other = market.with_max_error(limit), measured.with_max_error(limit)
        assert isinstance(other, MeasuredMarket)
        for audience in ("everyone", "participants"):
            a, b = solve_social_state(one, audience=audience), solve_social_state(other, audience=audience)
            assert a.status == b.status
            if a.status == "infeasible":
                # Of several states of least error either is shown.
                assert a.error == b.error == reach.least
                continue
            assert a.welfare is None or b.welfare is None or abs(a.welfare.middle - b.welfare.middle) < 1e-20
        assert dynamic(one).state == dynamic(other).state
        assert fl_only(one).welfare == pytest.approx(fl_only(other).welfare, abs=1e-20)
        if limit is None:
            assert swan(one).welfare == pytest.approx(swan(other).welfare, abs=1e-20)


@settings(max_examples=30)
@given(draw=generators)
def test_any_table_is_solved_by_its_best_state(draw: Numbers) -> None:
    counts = [draw.randint(0, 3) for _ in range(3)]
    if not any(counts):
        counts[1] = 1
    base = MotsMarket.build(
        sizes=[2, 3, 7], counts=counts, costs=["0.2", "1/3", 1], utility={"family": "linear", "a": 1, "s": "1/2"}
    )
    table = {state: Fraction(draw.randint(0, 12), 7) for state in participating_states(counts)}
    limit = draw.choice([None, Fraction(1)])
    market = MeasuredMarket.of(base, table).with_max_error(limit)
    met = [state for state in table if limit is None or table[state] <= limit]
    answer = solve_social_state(market)
    if not met:
        assert answer.status == "infeasible"
        return
    best = max(sum(counts) * (1 - table[k] / 2) - market.cost(k) for k in met)
    assert answer.status == "optimal"
    assert answer.state in met
    assert answer.welfare is not None
    assert answer.welfare.middle == best
    end = modified_fl(market)
    assert not any(end.state) or end.welfare == market.welfare(end.state)


def test_what_relies_on_eq_3_is_refused() -> None:
    market = tabulated(falling_market(2))
    for method in ("frontier", "pareto", "pyomo-highs"):
        with pytest.raises(InputError, match=r"eq\. \(3\)"):
            solve_social_state(market, method)
    with pytest.raises(ValueError, match="measured"):
        market.to_document()
    with pytest.raises(ValueError, match="no model"):
        market.error((0,) * market.type_count)


def test_tables_are_complete() -> None:
    market = MotsMarket.build(sizes=[2, 3], counts=[1, 1], costs=[0, 0], utility={"family": "linear", "a": 1, "s": 1})
    table = {(0, 1): Fraction(1), (1, 0): Fraction(2), (1, 1): Fraction(3)}
    assert MeasuredMarket.of(market, table).error_range == (1, 3)
    with pytest.raises(InputError, match=r"no error for state \(1, 0\)"):
        MeasuredMarket.of(market, {k: v for k, v in table.items() if k != (1, 0)})
    with pytest.raises(InputError, match="do not exist"):
        MeasuredMarket.of(market, {**table, (2, 1): Fraction(1)})
