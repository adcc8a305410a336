"""The Pyomo formulations say what the definitions say: same error, welfare and feasibility at every state."""

from __future__ import annotations

from typing import Any

import pytest
from fedmech.models.sharing.fl_only import linearised_fl_model
from fedmech.models.sharing.market import MotsMarket
from fedmech.models.sharing.social_state import linearised_model, literal_model
from fedmech.solvers.sharing.worth import Audience, worth
from fedmech.verification.search.sharing_box import states
from hypothesis import given, settings
from mots_strategies import sharing_markets


@settings(max_examples=15)
@given(market=sharing_markets())
def test_the_literal_model_is_the_definition(market: MotsMarket) -> None:
    import pyomo.environ as pyo

    wanted = market.with_max_error(sum(market.error_range, start=market.error_range[0] * 0) / 2)
    model = literal_model(wanted)
    assert {"some_participant", "requirement"} <= {c.name for c in model.component_objects(pyo.Constraint)}
    for state in states(market)[:40]:
        for i, k in enumerate(state):
            model.k[i].value = k
        assert pyo.value(model.error) == pytest.approx(float(market.error(state)))
        value = float(worth(market, state, audience="everyone").middle)
        assert pyo.value(model.welfare) == pytest.approx(value, rel=1e-9, abs=1e-9)
        slack = pyo.value(model.requirement.uslack())
        assert slack is not None
        assert (slack >= -1e-9) or not wanted.meets_requirement(state)


@pytest.mark.parametrize(("build", "audience"), [(linearised_model, "everyone"), (linearised_fl_model, "participants")])
@settings(max_examples=6)
@given(market=sharing_markets({"family": "linear", "a": 2, "s": 3}, largest=3))
def test_the_linearised_models_are_exact_for_a_linear_utility(
    build: Any, audience: Audience, market: MotsMarket
) -> None:
    import pyomo.environ as pyo
    from pyomo.contrib.solver.solvers.highs import Highs

    low, high = market.error_range
    ends = [low, high if high > low else low + 1]
    model = build(market, ends, [float(market.utility.exact(error)) for error in ends])
    Highs().solve(model)
    found = max(float(worth(market, state, audience=audience).middle) for state in states(market))
    assert pyo.value(model.welfare) == pytest.approx(found, rel=1e-5, abs=1e-5)
