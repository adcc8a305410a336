"""Constants of enumerations, of HiGHS and of what is shown, below, at and above what they are given."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fedmech import Market, MotsMarket, solve, solve_social_state
from fedmech.models.input_error import InputError
from fedmech.solvers import brute_force
from fedmech.solvers.brute_force import enumerate_best
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.explain import figure, prices
from fedmech.solvers.explain.prices import LimitPrice, LpPrices
from fedmech.solvers.highs import claims, run, tolerances
from fedmech.solvers.placement import prefix_scan
from fedmech.solvers.separate import packing, search
from fedmech.solvers.separate.class_model import _Scale
from fedmech.solvers.separate.instance import SeparateInstance
from fedmech.solvers.sharing import enumeration, highs, method, pareto, worth
from fedmech.verification.literal.driftpay import driftpay
from mechanism_definitions import literal_of

# ------------------------------------------------------------------ procurement

SMALL = Market.build(
    scores=[3, 5, 6, 2], costs=[2, 3, 5, 1], groups=[0, 0, 1, 1], budgets=[5, 3], caps=[[1, 1], [1, 2]], seats=[2, 1],
    coverage=[[1, 0], [2, 1], [0, 3], [1, 1]],
)  # fmt: skip


@pytest.mark.parametrize("looks", [1, 2, 256])
@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep", "cover"])
def test_how_often_enumeration_looks_at_the_clock(problem: str, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    best = solve(SMALL, problem).value
    monkeypatch.setattr(brute_force, "LOOKS", looks)
    assert enumerate_best(SMALL, problem)[0] == best
    with pytest.raises(Stopped):
        enumerate_best(SMALL, problem, Control.for_seconds(0.0))


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_markets_that_are_enumerated(beyond: int) -> None:
    n = brute_force.MAX_WORKERS + beyond
    market = Market.build(scores=[1] * n, costs=[1] * n, budgets=[n // 2])
    if beyond > 0:
        with pytest.raises(InputError, match="at most 16"):
            solve(market, "opt", "brute-force")
        return
    assert solve(market, "opt", "brute-force").value == n // 2


@pytest.mark.parametrize("sharp", [1, 4, 16, 2**53])
def test_ratios_that_floats_tell_apart_or_not(sharp: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below, at and above the bids and scores, and where two floats of different ratios are one: the outcome by the definition."""
    monkeypatch.setattr(prefix_scan, "_EXACT_FLOAT", sharp)
    rng = np.random.default_rng(sharp)
    for top in (3, 15, 16, 17, 2**53 - 1, 2**53, 2**53 + 1):
        for _ in range(8):
            scores = [top - int(x) for x in rng.integers(0, min(top, 9), 5)]
            bids = [score - 1 - int(x) for score, x in zip(scores, rng.integers(0, 2, 5), strict=True)]
            market = Market.build(scores=scores, bids=[max(0, bid) for bid in bids], budgets=[2 * top])
            found = prefix_scan.prefix_scan(market.scaled.bids, market.scaled.scores, market.group_of, 2 * top, [5])
            expected = driftpay(literal_of(market))
            assert found.winners.tolist() == sorted(expected.payments)
            assert found.price == expected.price


@pytest.mark.parametrize("seconds", [0.0, 1e6])
@pytest.mark.parametrize("limit", [None, 60.0])
def test_packing_is_compiled_or_not(seconds: float, limit: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "COMPILE_FROM", 1)
    monkeypatch.setattr(packing, "COMPILE_SECONDS", seconds)
    for few in ("FEW_KINDS", "MORE_KINDS"):
        monkeypatch.setattr(search, few, (0, 0))
    found = solve(SMALL, "opt-sep", time_limit=limit)
    assert (found.value, found.bound) == (enumerate_best(SMALL, "opt-sep")[0],) * 2


# ------------------------------------------------------------------ HiGHS


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_what_a_double_holds(beyond: int) -> None:
    """Each of the sums that HiGHS is to hold, alone at the limit."""
    total = tolerances.EXACT_IN_DOUBLE + beyond
    few, many = [2, 1], [total - 3, 3]
    for scores, costs, budget in ((many, few, 2), (few, many, 2), (few, few, total)):
        market = Market.build(scores=scores, costs=costs, budgets=[budget], coverage=[[v] for v in scores])
        for problem in ("opt", "opt-sep", "cover"):
            assert claims.exact_in_double(market, problem) == (beyond < 0)
        assert claims.exact_in_double(market, "orp") == (beyond < 0 or scores == few)
    for scores, costs, budget in ((many, [1, 1], 1), ([1, 1], [total - 5, 1], 4)):
        market = Market.build(scores=scores, costs=costs, budgets=[budget])
        whole = market.scaled
        one = SeparateInstance.of(
            whole.scores, whole.needed_costs, market.group_of, market.caps, market.seats, whole.budgets
        )
        assert _Scale.of(one).exact == (beyond < 0)
    assert (run._scale(np.array([float(total), -1.0])) == 1.0) == (beyond < 0)


@pytest.mark.parametrize("most", [1, 2, 200])
@pytest.mark.parametrize("beyond", [-1, 0])
def test_points_that_are_cut_off(most: int, beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that proposes what cannot be is asked again, until so many points are cut off."""
    monkeypatch.setattr(claims, "MAX_CUTS", most)
    best, everybody = solve(SMALL, "opt"), np.zeros(SMALL.n, dtype=np.int64)
    optimum, assignment = best.value, best.assignment
    assert optimum is not None
    assert assignment is not None

    def propose(cuts: list[Any], _floor: int | None, _best: np.ndarray) -> claims.Proposal:
        right = len(cuts) == most + beyond
        return claims.Proposal("optimal", "node-limit", assignment if right else everybody, len(cuts))

    found = claims.prove(SMALL, "opt", Control(), propose)
    assert np.asarray(found.point).tolist() == (assignment if beyond else -np.ones(SMALL.n)).tolist()
    assert found.details == {"highs_runs": most if beyond == 0 else most + 1}
    assert found.bound is not None
    assert found.bound >= optimum


# ------------------------------------------------------------------ social states

UTILITY = {"family": "inverse-gap", "a": 30, "p": 2}
STATES = MotsMarket.build(
    sizes=[3, 5, 9], counts=[2, 3, 1], costs=[1, "3/2", 5], client_variance="1/50", utility=UTILITY
)
BEST = solve_social_state(STATES, "enumeration")


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_states_that_are_listed(beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the market there are 24 states; of pairs that are undominated as many as are kept; and six clients."""
    kept = sum(map(len, pareto.undominated(STATES).values()))
    for name, module, limit, size in (
        ("enumeration", method, "MOST_STATES", 24),
        ("pareto", pareto, "MOST_POINTS", kept),
        ("pyomo-highs", method, "MOST_CLIENTS", 6),
    ):
        monkeypatch.setattr(module, limit, size + beyond)
        if beyond < 0:
            with pytest.raises(InputError, match=rf"\b{size + beyond}\b"):
                solve_social_state(STATES, name)
            continue
        assert solve_social_state(STATES, name).state == BEST.state


@pytest.mark.parametrize("looks", [1, 2, 64])
@pytest.mark.parametrize("name", ["enumeration", "pareto"])
def test_how_often_lists_of_states_look_at_the_clock(name: str, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enumeration, "LOOKS", looks)
    monkeypatch.setattr(pareto, "LOOKS", looks)
    assert solve_social_state(STATES, name).state == BEST.state
    assert solve_social_state(STATES, name, time_limit=0.0).exactness != "enumerated"


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (highs, "MOST_CHORDS", 0),
        (highs, "MOST_CHORDS", 1),
        (highs, "MOST_CHORDS", 100),
        (highs, "CHORD_GAP", 0.0),
        (highs, "CHORD_GAP", 1.0),
    ],
)
def test_chords(module: Any, name: str, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few, however coarse: what is found is no better than the best, and never called proved."""
    monkeypatch.setattr(module, name, value)
    found = solve_social_state(STATES, "pyomo-highs")
    assert found.welfare is not None
    assert found.bound is not None
    assert BEST.welfare is not None
    assert found.welfare.low <= BEST.welfare.high
    assert BEST.welfare.low <= found.bound
    assert found.exactness == "solver" or found.status != "optimal"


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_shares_of_the_time_for_the_search(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "SEARCH_SHARE", share)
    found = solve_social_state(STATES, time_limit=60)
    assert found.welfare is not None
    assert found.bound is not None
    assert BEST.welfare is not None
    assert found.welfare.low <= BEST.welfare.high
    assert BEST.welfare.low <= found.bound
    assert (found.status == "optimal") == (share > 0)


@pytest.mark.parametrize("sign", [0, 1])
def test_values_of_the_longest_exponents(sign: int) -> None:
    most = worth._MAX_BITS

    class Raw:
        def __init__(self, exponent: int) -> None:
            number = (sign, 1, exponent, 1)
            self._mpi_ = (number, number)

    unit = -1 if sign else 1
    for exponent in (most - 2, most - 1):
        assert worth.ends(Raw(exponent)) == (unit * Fraction(2) ** exponent,) * 2
    with pytest.raises(InputError, match="beyond"):
        worth.ends(Raw(most))
    for exponent in (1 - most, -most):
        assert worth.ends(Raw(exponent)) == (unit * Fraction(1, 2**-exponent),) * 2
    tiny = Fraction(1, 2**most)
    assert worth.ends(Raw(-most - 1)) == ((-tiny, Fraction(0)) if sign else (Fraction(0), tiny))


# ------------------------------------------------------------------ what is shown


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_prices_that_are_shown(beyond: int) -> None:
    limit = LimitPrice("budget", None, None, 1.0, 1.0, 0.5)
    shown = prices.SHOWN_PRICES
    page = LpPrices("opt", 1.0, None, (limit,) * (shown + beyond), None).page()
    assert ("... and 1 more" in str(page)) == (beyond > 0)


def test_limits_that_bind() -> None:
    for limit, least in ((0.25, 0.25), (1.0, 1.0), (1e9, 1e9)):
        for share, binding in ((0.0, True), (0.5, True), (2.0, False), (-1.0, True)):
            used = limit - share * tolerances.LP_BINDING * max(1.0, least)
            assert LimitPrice("seats", None, "r", limit, used, 0.0).binding == binding


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_axes_of_ratios_far_apart(beyond: int) -> None:
    pytest.importorskip("matplotlib")
    market = Market.build(scores=[figure.WIDE + beyond, 1], costs=[1, 1], budgets=[1])
    axes = figure.draw_hired(solve(market, "opt"))
    assert axes.get_xscale() == ("log" if beyond > 0 else "linear")
