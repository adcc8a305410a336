"""Social states: four methods agree, bounds are bounds, and what cannot be met is said so."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest
from fedmech.models.input_error import InputError
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.sharing import solve as solve_module
from fedmech.solvers.sharing.frontier import Scaled, sweep
from fedmech.solvers.sharing.pareto import welfare_error_frontier
from fedmech.solvers.sharing.requirement import error_range
from fedmech.solvers.sharing.segments import Incumbent
from fedmech.solvers.sharing.solve import (
    METHODS,
    FrontierSearch,
    NotDecreasing,
    is_convex,
    solve_social_state,
)
from fedmech.solvers.sharing.tradeoff import sensitivity, walk_frontier
from fedmech.solvers.sharing.worth import compare, worth
from fedmech.verification.literal.sharing import LiteralMots
from mots_strategies import UTILITIES, random_markets, with_requirements

AGREEMENT_TESTED = {"enumeration", "frontier", "pareto", "pyomo-highs"}
AUDIENCES = ("everyone", "participants")


def test_every_method_has_an_agreement_test() -> None:
    assert set(METHODS) == AGREEMENT_TESTED


@pytest.mark.parametrize(
    "index", range(len(UTILITIES)), ids=[str(u.get("expression", u.get("family"))) for u in UTILITIES]
)
def test_exact_methods_agree(index: int) -> None:
    for market in random_markets(6, seed=index, utility=UTILITIES[index]):
        free = solve_social_state(market, "enumeration")
        assert free.error is not None
        for wanted in with_requirements(market, free.error):
            for audience in AUDIENCES:
                answers = {
                    name: solve_social_state(wanted, name, audience=audience)
                    for name in ("enumeration", "frontier", "pareto")
                }
                reference = answers["enumeration"]
                for name, answer in answers.items():
                    where = (name, audience, wanted.to_document(), answer.state, reference.state)
                    assert (answer.status, answer.stopped) == ("optimal", "proved"), where
                    assert answer.exactness == "certified"
                    assert answer.welfare is not None
                    assert reference.welfare is not None
                    assert answer.state is not None
                    assert wanted.meets_requirement(answer.state), where
                    assert answer.error == wanted.error(answer.state)
                    assert compare(wanted, answer.welfare, reference.welfare) == 0, where


def test_enumeration_is_the_literal_definition() -> None:
    for market in random_markets(60, seed=5, utility={"family": "linear", "a": 2, "s": 3}):
        answer, literal = solve_social_state(market, "enumeration"), LiteralMots(market.to_document())
        best = literal.best()
        assert answer.state in best
        assert answer.welfare is not None
        assert answer.welfare.low == answer.welfare.high == literal.W(best[0])
        assert answer.tied == len(best) - 1
        assert answer.no_model == (literal.W(best[0]) < 0)


def test_pyomo_and_highs_agree() -> None:
    tried = 0
    for market in random_markets(16, seed=8, largest=4):
        if not is_convex(market):
            continue
        free = solve_social_state(market)
        assert free.error is not None
        middle = (error_range(market).least + free.error) / 2
        for wanted in (market, market.with_max_error(middle)):
            for audience in AUDIENCES:
                ours = solve_social_state(wanted, audience=audience)
                theirs = solve_social_state(wanted, "pyomo-highs", audience=audience)
                assert theirs.status == "optimal"
                assert theirs.exactness == "solver"
                assert ours.welfare is not None
                assert theirs.welfare is not None
                assert float(theirs.welfare.middle) == pytest.approx(float(ours.welfare.middle), rel=1e-6, abs=1e-6)
                tried += 1
    assert tried > 20


def test_pyomo_refuses_what_it_cannot_do() -> None:
    market = MotsMarket.build(sizes=[1], counts=[3], costs=[0], utility={"expression": "2 - eps**2"})
    with pytest.raises(InputError, match="convex"):
        solve_social_state(market, "pyomo-highs")
    large = MotsMarket.build(sizes=[1], counts=[10**6], costs=[0], utility={"family": "linear", "a": 1, "s": 1})
    with pytest.raises(InputError, match="at most"):
        solve_social_state(large, "pyomo-highs")
    with pytest.raises(InputError, match="too many"):
        solve_social_state(
            MotsMarket.build(
                sizes=[1, 2], counts=[10**6] * 2, costs=[0, 0], utility={"family": "linear", "a": 1, "s": 1}
            ),
            "enumeration",
        )


def big_market(types: int, clients: int, seed: int, utility: dict, theta: object = 0) -> MotsMarket:
    draw = random.Random(seed)
    each = clients // types
    return MotsMarket.build(
        sizes=sorted(draw.sample(range(50, 50 + 50 * types), types)),
        counts=[draw.randint(each // 2, each * 3 // 2) for _ in range(types)],
        costs=sorted(Fraction(draw.randint(50, 5000), 1000) for _ in range(types)),
        utility=utility,
        dimension=10,
        client_variance=theta,
    )


@pytest.mark.parametrize(
    "utility",
    [
        {"family": "inverse", "a": 1, "e0": "0.001"},
        {"family": "exponential", "a": 1, "s": 20},
        {"expression": "1 - 2*eps - eps**2"},
    ],
    ids=["inverse", "exponential", "concave"],
)
def test_a_million_clients_are_proved(utility: dict) -> None:
    market = big_market(100, 10**6, 1, utility)
    free = solve_social_state(market)
    assert (free.status, free.stopped) == ("optimal", "proved")
    assert free.error is not None
    assert free.welfare is not None
    least = error_range(market).least
    draw = random.Random(2)
    tight = solve_social_state(market.with_max_error(least + (free.error - least) / 2))
    assert tight.status == "optimal"
    assert tight.welfare is not None
    assert tight.error is not None
    assert tight.error <= least + (free.error - least) / 2
    assert compare(market, free.welfare, tight.welfare) >= 0
    # No random state, and no neighbour of the answer, is better.
    for answer, limit in ((free, error_range(market).greatest), (tight, tight.error)):
        assert answer.state is not None
        assert answer.welfare is not None
        for _ in range(100):
            i, j = draw.randrange(100), draw.randrange(100)
            other = list(answer.state)
            other[i] = min(market.counts[i], other[i] + draw.randint(0, 3))
            other[j] = max(0, other[j] - draw.randint(0, 3))
            if any(other) and market.error(other) <= limit:
                assert compare(market, worth(market, tuple(other)), answer.welfare) <= 0


def test_middle_sizes_agree_with_the_undominated_states() -> None:
    for seed in range(6):
        market = big_market(4, 36, seed, {"family": "inverse", "a": 1, "e0": "0.01"}, theta="1/900" if seed % 2 else 0)
        free = solve_social_state(market)
        assert free.error is not None
        for wanted in with_requirements(market, free.error):
            a, b = solve_social_state(wanted, "pareto"), solve_social_state(wanted)
            assert a.welfare is not None
            assert b.welfare is not None
            assert a.welfare.low == b.welfare.low
            assert b.status == "optimal"


def test_an_impossible_requirement_names_the_least_error() -> None:
    for market in random_markets(20, seed=11):
        least = error_range(market).least
        assert least == min(market.error(k) for k in LiteralMots(market.to_document()).states())
        answer = solve_social_state(market.with_max_error(least / 2 if least else None))
        if least:
            assert answer.status == "infeasible"
            assert answer.error == least
            assert answer.state is not None
            assert market.error(answer.state) == least
        assert solve_social_state(market.with_max_error(least)).status == "optimal"


def test_the_error_range_is_exact() -> None:
    for market in random_markets(80, seed=12):
        errors = [market.error(k) for k in LiteralMots(market.to_document()).states()]
        reach, outer = error_range(market), market.error_range
        assert (reach.least, reach.greatest) == (min(errors), max(errors))
        assert market.error(reach.least_state) == reach.least
        assert market.error(reach.greatest_state) == reach.greatest
        assert outer[0] <= reach.least <= reach.greatest <= outer[1]


def test_a_stopped_search_still_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    market = big_market(30, 3000, 4, {"family": "exponential", "a": 1, "s": 20})
    optimum = solve_social_state(market)
    assert optimum.welfare is not None
    ticks = iter(range(10**9))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    for limit in (1, 3, 5, 8):
        answer = solve_social_state(market, time_limit=limit)
        assert answer.status in ("feasible", "optimal")
        assert answer.welfare is not None
        assert compare(market, answer.welfare, optimum.welfare) <= 0
        assert answer.bound is None or answer.bound >= optimum.welfare.low
        if answer.status == "feasible":
            assert answer.stopped == "time-limit"


def test_an_interrupt_keeps_the_incumbent(monkeypatch: pytest.MonkeyPatch) -> None:
    market = big_market(10, 500, 4, {"family": "exponential", "a": 1, "s": 20})

    def interrupted(self: FrontierSearch, incumbent: Incumbent) -> None:
        incumbent.offer((1,) * 10)
        raise KeyboardInterrupt

    monkeypatch.setattr(FrontierSearch, "run", interrupted)
    answer = solve_social_state(market)
    assert (answer.status, answer.stopped) == ("feasible", "interrupted")
    assert answer.state is not None


def test_a_list_of_near_ties_that_is_too_long_is_not_called_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedmech.solvers.sharing.crossings.FIRST_TABLE", 1)
    monkeypatch.setattr("fedmech.solvers.sharing.crossings.LAST_TABLE", 1)
    wrong = cut = 0
    for seed in range(12):
        market = big_market(5, 30, seed, {"family": "linear", "a": 1, "s": 20})
        free = solve_social_state(market)
        assert free.error is not None
        least = error_range(market).least
        wanted = market.with_max_error(least + (free.error - least) / 7)
        answer, reference = solve_social_state(wanted), solve_social_state(wanted, "pareto")
        assert answer.welfare is not None
        assert reference.welfare is not None
        better = compare(wanted, reference.welfare, answer.welfare)
        wrong += better > 0 and answer.status == "optimal"
        cut += answer.status == "feasible"
        assert answer.bound is None or answer.bound >= reference.welfare.low
    assert wrong == 0
    assert cut > 0


def test_ties_are_reported() -> None:
    market = MotsMarket.build(sizes=[4, 4], counts=[1, 1], costs=[1, 1], utility={"family": "linear", "a": 1, "s": 1})
    answer = solve_social_state(market, "enumeration")
    assert answer.tied == 1
    irrational = MotsMarket.build(
        sizes=[4, 4], counts=[1, 1], costs=[1, 1], utility={"family": "exponential", "a": 1, "s": 1}
    )
    assert solve_social_state(irrational, "enumeration").tied == 1


def test_utilities_that_rise_are_refused() -> None:
    for expression in ("eps", "eps**2 - eps", "1/(eps - 1/2)", "log(eps - 1/3)"):
        market = MotsMarket.build(sizes=[1], counts=[4], costs=[0], utility={"expression": expression})
        with pytest.raises(NotDecreasing, match="utility"):
            solve_social_state(market)


def test_the_frontier_holds_every_extreme_point() -> None:
    for market in random_markets(40, seed=21, utility={"family": "linear", "a": 2, "s": 1}):
        if not market.noise:
            continue
        scaled = Scaled.of(market)
        segments, faces = sweep(scaled)
        count = len(scaled.counts)
        assert len(faces) <= count * (count - 1) // 2
        assert len(segments) <= count + count * (count - 1)
        literal = LiteralMots(market.to_document())
        reached = {}
        for entry in segments:
            for j in range(scaled.counts[entry.type] + 1):
                key = entry.K + j
                T = Fraction(entry.T + j * scaled.q[entry.type], scaled.q_unit)
                C = Fraction(entry.C + j * scaled.c[entry.type], scaled.c_unit)
                reached.setdefault(key, set()).add((T, C))
        for price in (Fraction(0), Fraction(1, 3), Fraction(7, 2), Fraction(100)):
            best: dict[int, Fraction] = {}
            for k in literal.states():
                T = sum((n / D for n, D in zip(k, literal.D, strict=True)), Fraction(0))
                best[sum(k)] = min(best.get(sum(k), Fraction(10**9)), literal.cost(k) + price * T)
            for K, value in best.items():
                assert min(C + price * T for T, C in reached[K]) == value


def test_the_walk_is_the_pareto_frontier() -> None:
    for market in random_markets(30, seed=31):
        walked = list(walk_frontier(market))[::-1]
        whole = welfare_error_frontier(market)
        assert [answer.error for answer in walked] == [point.error for point in whole]
        for answer, point in zip(walked, whole, strict=True):
            assert answer.welfare is not None
            assert compare(market, answer.welfare, point.welfare) == 0


def test_sensitivity_moves_one_parameter() -> None:
    market = MotsMarket.build(
        sizes=[2, 5, 9], counts=[3, 3, 3], costs=["0.1", "0.2", "0.5"], utility={"family": "linear", "a": 1, "s": 1}
    )
    welfare = [r.answer.welfare.low for r in sensitivity(market, "cost", ["0", "1", "2", "10"]) if r.answer.welfare]
    assert welfare == sorted(welfare, reverse=True)
    limits = sensitivity(market, "max-error", ["0.001", "0.05", "1"])
    assert [r.answer.status for r in limits] == ["infeasible", "optimal", "optimal"]
    ratios = sensitivity(market, "client-variance", ["0", "0.3"])
    assert ratios[0].answer.error != ratios[1].answer.error


def test_the_method_is_not_changed_silently() -> None:
    market = MotsMarket.build(sizes=[1], counts=[2], costs=[0], utility={"family": "linear", "a": 1, "s": 1})
    assert solve_social_state(market).method == "frontier"
    with pytest.raises(InputError, match="unknown method"):
        solve_social_state(market, "gurobi")
    assert "frontier" in solve_module.METHODS


@pytest.mark.slow
def test_exact_methods_agree_in_a_long_campaign() -> None:
    for market in random_markets(800, seed=99):
        free = solve_social_state(market, "enumeration")
        assert free.error is not None
        for wanted in with_requirements(market, free.error):
            a, b = solve_social_state(wanted, "enumeration"), solve_social_state(wanted)
            assert a.welfare is not None
            assert b.welfare is not None
            assert b.status == "optimal"
            assert compare(wanted, a.welfare, b.welfare) == 0, wanted.to_document()


@pytest.mark.parametrize("costs", [["1e380", "1e381"], ["1e-380", "2e-380"], ["1e300", "1e-300"]])
@pytest.mark.parametrize(
    "utility",
    [
        {"family": "linear", "a": 1, "s": 1},
        {"family": "exponential", "a": "1e200", "s": "1e-200"},
        {"family": "linear", "a": "1e390", "s": "1e389"},
    ],
    ids=["plain", "flat", "vast"],
)
def test_numbers_beyond_a_double_are_compared_exactly(costs: list[str], utility: dict) -> None:
    market = MotsMarket.build(sizes=[3, 7], counts=[5, 6], costs=costs, utility=utility)
    for wanted in (market, market.with_max_error(Fraction(1, 20))):
        for audience in AUDIENCES:
            ours, reference = (solve_social_state(wanted, name, audience=audience) for name in ("auto", "enumeration"))
            assert ours.status == "optimal"
            assert ours.welfare is not None
            assert reference.welfare is not None
            assert compare(wanted, ours.welfare, reference.welfare) == 0
            assert ours.to_dict()["status"] == "optimal"


@pytest.mark.parametrize("expression", ["exp(1000000/eps)", "exp(exp(1/eps))**64", "0 - exp(1000000*eps)"])
def test_utilities_beyond_all_measure_are_refused(expression: str) -> None:
    market = MotsMarket.build(sizes=[3, 7], counts=[5, 6], costs=[0, 1], utility={"expression": expression})
    started = time.perf_counter()
    with pytest.raises(InputError, match="utility"):
        solve_social_state(market)
    assert time.perf_counter() - started < 20


def test_vanishing_utilities_are_bounded() -> None:
    market = MotsMarket.build(sizes=[3, 7], counts=[2, 2], costs=[0, 1], utility={"expression": "exp(-1000000*eps)"})
    ours, reference = solve_social_state(market), solve_social_state(market, "enumeration")
    assert ours.status == reference.status == "optimal"
    assert ours.welfare is not None
    assert ours.welfare.low <= 0 <= ours.welfare.high
    vast = MotsMarket.build(sizes=[3], counts=[5], costs=[0], data_variance="1e390", utility={"expression": "eps"})
    with pytest.raises(NotDecreasing, match="rises at inf"):
        solve_social_state(vast)
