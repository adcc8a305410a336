"""Social states: four methods agree, bounds are bounds, and what cannot be met is said so."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from campaign import seeds, some, thorough
from drawing import Numbers, generators
from fedmech.models.input_error import InputError
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound
from fedmech.solvers.registry import methods
from fedmech.solvers.sharing import solve as solve_module
from fedmech.solvers.sharing.answer import SocialAnswer
from fedmech.solvers.sharing.assumptions import NotDecreasing, is_convex
from fedmech.solvers.sharing.cover import CoverSearch
from fedmech.solvers.sharing.envelope import Envelope, ScaledTypes
from fedmech.solvers.sharing.pareto import undominated
from fedmech.solvers.sharing.requirement import error_range
from fedmech.solvers.sharing.solve import solve_social_state
from fedmech.solvers.sharing.tradeoff import sensitivity, walk_frontier
from fedmech.solvers.sharing.worth import Worth, compare, utility_between, worth
from fedmech.verification.literal.sharing import LiteralMots
from hypothesis import given, settings
from hypothesis import strategies as st
from mots_strategies import UTILITIES, sharing_markets, with_requirements

AGREEMENT_TESTED = {"enumeration", "frontier", "pareto", "pyomo-highs"}
AUDIENCES = ("everyone", "participants")


def test_every_method_has_an_agreement_test() -> None:
    assert {method.name for method in methods("social-state")} == AGREEMENT_TESTED


@pytest.mark.parametrize(
    "index",
    thorough(range(len(UTILITIES)), lambda index: "exp(" in str(UTILITIES[index])),
    ids=[str(u.get("expression", u.get("family"))) for u in UTILITIES],
)
@settings(max_examples=some(4))
@given(data=st.data())
def test_exact_methods_agree(index: int, data: st.DataObject) -> None:
    market = data.draw(sharing_markets(UTILITIES[index]))
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
                assert answer.exactness == ("checked" if name == "frontier" else "enumerated")
                assert answer.welfare is not None
                assert reference.welfare is not None
                assert answer.state is not None
                assert wanted.meets_requirement(answer.state), where
                assert answer.error == wanted.error(answer.state)
                assert compare(wanted, answer.welfare, reference.welfare) == 0, where


@settings(max_examples=some(60))
@given(market=sharing_markets({"family": "linear", "a": 2, "s": 3}))
def test_enumeration_is_the_literal_definition(market: MotsMarket) -> None:
    answer, literal = solve_social_state(market, "enumeration"), LiteralMots(market.to_document())
    best = literal.best()
    assert answer.state in best
    assert answer.welfare is not None
    assert answer.welfare.low == answer.welfare.high == literal.W(best[0])
    assert answer.tied == len(best) - 1
    assert answer.no_model == (literal.W(best[0]) < 0)


@settings(max_examples=some(32))
@given(market=sharing_markets(largest=4))
def test_pyomo_and_highs_agree(market: MotsMarket) -> None:
    if not is_convex(market):
        return
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
        pytest.param({"family": "inverse", "a": 1, "e0": "0.001"}, marks=pytest.mark.thorough),
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


@pytest.mark.thorough
def test_middle_sizes_agree_with_the_undominated_states() -> None:
    for seed in seeds(12):
        market = big_market(4, 36, seed, {"family": "inverse", "a": 1, "e0": "0.01"}, theta="1/900" if seed % 2 else 0)
        free = solve_social_state(market)
        assert free.error is not None
        for wanted in with_requirements(market, free.error):
            a, b = solve_social_state(wanted, "pareto"), solve_social_state(wanted)
            assert a.welfare is not None
            assert b.welfare is not None
            assert a.welfare.low == b.welfare.low
            assert b.status == "optimal"


@settings(max_examples=some(20))
@given(market=sharing_markets())
def test_an_impossible_requirement_names_the_least_error(market: MotsMarket) -> None:
    least = error_range(market).least
    assert least == min(market.error(k) for k in LiteralMots(market.to_document()).states())
    answer = solve_social_state(market.with_max_error(least / 2 if least else None))
    if least:
        assert answer.status == "infeasible"
        assert answer.error == least
        assert answer.state is not None
        assert market.error(answer.state) == least
    assert solve_social_state(market.with_max_error(least)).status == "optimal"


@settings(max_examples=some(80))
@given(market=sharing_markets())
def test_the_error_range_is_exact(market: MotsMarket) -> None:
    errors = [market.error(k) for k in LiteralMots(market.to_document()).states()]
    reach, outer = error_range(market), market.error_range
    assert (reach.least, reach.greatest) == (min(errors), max(errors))
    assert market.error(reach.least_state) == reach.least
    assert market.error(reach.greatest_state) == reach.greatest
    assert outer[0] <= reach.least <= reach.greatest <= outer[1]


def test_a_stopped_search_proves_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    for utility in ({"family": "exponential", "a": 1, "s": 20}, {"expression": "1/(1 + exp(200*(eps - 1/100)))"}):
        market = big_market(30, 3000, 4, utility)
        optimum = solve_social_state(market)
        assert optimum.welfare is not None
        ceiling = market.population * utility_between(market, error_range(market).least)[1]
        bounds = []
        for looks in (0, 3, 10, 20):
            left = iter(range(looks))
            answer = stopped_after(market, monkeypatch, lambda left=left: next(left, None) is None)
            assert (answer.status, answer.stopped, answer.exactness) == ("feasible", "time-limit", "checked")
            assert answer.welfare is not None
            assert answer.bound is not None
            assert answer.proof is not None
            check_bound(answer.proof, market)
            assert compare(market, answer.welfare, optimum.welfare) <= 0
            assert answer.bound >= optimum.welfare.low
            bounds.append(answer.bound)
        assert bounds == sorted(bounds, reverse=True)
        assert bounds[-1] < ceiling


def stopped_after(market: MotsMarket, monkeypatch: pytest.MonkeyPatch, over: Callable[[], bool]) -> SocialAnswer:
    """The answer of a search whose clock says at some look that the time is over; the check has all the time there is."""

    def check(self: Control) -> None:
        if self.deadline is not None and over():
            raise Stopped("time-limit")

    with monkeypatch.context() as patch:
        patch.setattr(solve_module, "GRACE", 10.0)
        patch.setattr(CoverSearch, "run", lambda self, run=CoverSearch.run: _under(self, run, check))
        return solve_social_state(market, time_limit=1000)


def _under(search: CoverSearch, run: Callable[[CoverSearch], None], check: Callable[[Control], None]) -> None:
    class Clock(Control):
        def check(self) -> None:
            check(self)

    search.control = Clock(search.control.deadline)
    run(search)


def test_an_interrupt_keeps_the_incumbent(monkeypatch: pytest.MonkeyPatch) -> None:
    market = big_market(10, 500, 4, {"family": "exponential", "a": 1, "s": 20})
    optimum = solve_social_state(market)
    run = CoverSearch.run

    def interrupted(self: CoverSearch) -> None:
        self.incumbent.offer((1,) * 10)
        looks = iter(range(5))

        def check() -> None:
            if next(looks, None) is None:
                raise KeyboardInterrupt

        monkeypatch.setattr(self.control, "check", check)
        run(self)

    monkeypatch.setattr(CoverSearch, "run", interrupted)
    answer = solve_social_state(market)
    assert (answer.status, answer.stopped, answer.exactness) == ("feasible", "interrupted", "checked")
    assert answer.state is not None
    assert answer.bound is not None
    assert optimum.welfare is not None
    assert answer.bound >= optimum.welfare.low


def test_a_list_of_near_ties_that_is_too_long_is_not_called_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedmech.solvers.sharing.cover.FIRST_LIST", 1)
    monkeypatch.setattr("fedmech.solvers.sharing.cover.LAST_LIST", 1)
    wrong = cut = 0
    for seed in seeds(16):
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
        cut += (answer.status, answer.stopped, answer.exactness) == ("feasible", "node-limit", "checked")
        assert answer.bound is None or answer.bound >= reference.welfare.low
    assert wrong == 0
    assert cut > 0


def test_too_many_cells_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    market = big_market(10, 500, 4, {"family": "exponential", "a": 1, "s": 20})
    optimum = solve_social_state(market)
    assert optimum.welfare is not None
    monkeypatch.setattr("fedmech.solvers.sharing.cover.MOST_CELLS", 9)
    answer = solve_social_state(market)
    assert (answer.status, answer.stopped, answer.exactness) == ("feasible", "node-limit", "checked")
    assert answer.bound is not None
    assert answer.bound > optimum.welfare.high


def test_a_refused_proof_is_a_defect_that_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    market = big_market(5, 30, 1, {"family": "linear", "a": 1, "s": 20})
    honest = solve_social_state(market)
    proof = CoverSearch.proof

    def lie(self: CoverSearch) -> Proof:
        told = proof(self)
        return replace(told, bound=told.bound - Fraction(1, 10**9))

    monkeypatch.setattr(CoverSearch, "proof", lie)
    answer = solve_social_state(market)
    assert (answer.status, answer.stopped, answer.exactness) == ("feasible", "unproved", "checked")
    assert answer.refused is not None
    assert answer.failure is not None
    with pytest.raises(ProofError):
        check_bound(answer.failure, market)
    assert honest.bound is not None
    assert answer.bound is not None
    assert answer.bound > honest.bound
    monkeypatch.setattr(CoverSearch, "root_proof", lie)
    answer = solve_social_state(market)
    assert (answer.status, answer.exactness, answer.bound, answer.proof) == ("feasible", "unchecked", None, None)


@pytest.mark.parametrize("family", [{"family": "linear", "a": 1, "s": 20}, {"family": "exponential", "a": 1, "s": 20}])
def test_a_bound_that_the_state_does_not_meet_makes_no_optimum(family: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof holds, but of more than the state is worth: the search's word that it is best counts for nothing."""
    market = big_market(5, 30, 1, family)
    proof = CoverSearch.proof

    def weaker(self: CoverSearch) -> Proof:
        told = proof(self)
        return replace(told, bound=told.bound + Fraction(1, 10**9))

    monkeypatch.setattr(CoverSearch, "proof", weaker)
    answer = solve_social_state(market)
    assert (answer.status, answer.stopped, answer.exactness) == ("feasible", "unproved", "checked")
    assert answer.welfare is not None
    assert answer.bound is not None
    assert answer.welfare.high < answer.bound


def test_an_answer_that_nobody_checked_says_so() -> None:
    market = big_market(5, 30, 1, {"family": "linear", "a": 1, "s": 20})
    checked, unchecked = solve_social_state(market), solve_social_state(market, check=False)
    assert (checked.exactness, unchecked.exactness) == ("checked", "unchecked")
    assert checked.bound == unchecked.bound
    assert checked.proof is not None
    assert unchecked.proof is None


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


@settings(max_examples=some(40))
@given(market=sharing_markets({"family": "linear", "a": 2, "s": 1}))
def test_orders_give_the_cheapest_states(market: MotsMarket) -> None:
    scaled = ScaledTypes.of(market)
    envelope = Envelope(scaled)
    literal = LiteralMots(market.to_document())
    for price in ((0, 1), (1, 3), (7, 2), (100, 1), envelope.highest):
        a, b = price
        order = envelope.order(price)
        best: dict[int, Fraction] = {}
        for k in literal.states():
            T = sum((n / D for n, D in zip(k, literal.D, strict=True)), Fraction(0))
            paid = b * literal.cost(k) * scaled.c_unit + a * T * scaled.q_unit
            best[sum(k)] = min(best.get(sum(k), paid), paid)
        for K, least in best.items():
            vertex = order.vertex(K)
            assert b * vertex.w + a * vertex.t == least
            counts = order.counts(K)
            assert sum(counts) == K
            assert sum(k * q for k, q in zip(counts, scaled.q, strict=True)) == vertex.t
            plane = order.plane(K)
            for k in literal.states():
                T = sum((n / D for n, D in zip(k, literal.D, strict=True)), Fraction(0)) * scaled.q_unit
                assert b * literal.cost(k) * scaled.c_unit >= plane.worth + plane.nu * (sum(k) - K) - a * T


def welfare_error_frontier(market: MotsMarket) -> list[tuple[Fraction, Worth]]:
    """Errors and welfares of the states that none beats in both, by rising error, without the market's own requirement."""
    states = [state for K, points in undominated(market).items() if K for _, _, state in points]
    frontier: list[tuple[Fraction, Worth]] = []
    for state in sorted(states, key=market.error):
        error, value = market.error(state), worth(market, state)
        if frontier and compare(market, value, frontier[-1][1]) <= 0:
            continue
        if frontier and frontier[-1][0] == error:
            frontier.pop()
        frontier.append((error, value))
    return frontier


@settings(max_examples=some(30))
@given(market=sharing_markets())
def test_the_walk_is_the_pareto_frontier(market: MotsMarket) -> None:
    walked = list(walk_frontier(market))[::-1]
    whole = welfare_error_frontier(market)
    assert [answer.error for answer in walked] == [error for error, _ in whole]
    for answer, (_, welfare) in zip(walked, whole, strict=True):
        assert answer.welfare is not None
        assert compare(market, answer.welfare, welfare) == 0


def test_sensitivity_moves_one_parameter() -> None:
    market = MotsMarket.build(
        sizes=[2, 5, 9], counts=[3, 3, 3], costs=["0.1", "0.2", "0.5"], utility={"family": "linear", "a": 1, "s": 1}
    )
    welfare = [r.answer.welfare.low for r in sensitivity(market, "cost", ["0", "1", "2", "10"]) if r.answer.welfare]
    assert welfare == sorted(welfare, reverse=True)
    limits = list(sensitivity(market, "max-error", ["0.001", "0.05", "1"]))
    assert [r.answer.status for r in limits] == ["infeasible", "optimal", "optimal"]
    ratios = list(sensitivity(market, "client-variance", ["0", "0.3"]))
    assert ratios[0].answer.error != ratios[1].answer.error


def test_the_method_is_not_changed_silently() -> None:
    market = MotsMarket.build(sizes=[1], counts=[2], costs=[0], utility={"family": "linear", "a": 1, "s": 1})
    assert solve_social_state(market).method == "frontier"
    with pytest.raises(InputError, match="unknown method"):
        solve_social_state(market, "gurobi")


@pytest.mark.slow
@settings(max_examples=800)
@given(market=sharing_markets())
def test_exact_methods_agree_in_a_long_campaign(market: MotsMarket) -> None:
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
    with pytest.raises(InputError, match="utility"):
        solve_social_state(market)


def test_vanishing_utilities_are_bounded() -> None:
    market = MotsMarket.build(sizes=[3, 7], counts=[2, 2], costs=[0, 1], utility={"expression": "exp(-1000000*eps)"})
    ours, reference = solve_social_state(market), solve_social_state(market, "enumeration")
    assert ours.status == reference.status == "optimal"
    assert ours.welfare is not None
    assert ours.welfare.low <= 0 <= ours.welfare.high
    vast = MotsMarket.build(sizes=[3], counts=[5], costs=[0], data_variance="1e390", utility={"expression": "eps"})
    with pytest.raises(NotDecreasing, match="rises at inf"):
        solve_social_state(vast)


@settings(max_examples=2)
@given(rng=generators)
def test_beside_a_pole_digits_are_counted_by_how_steep_the_utility_is(rng: Numbers) -> None:
    """With many clients errors differ from the pole in the 13th digit: fewer digits of the welfare are right than of the error."""
    sizes = sorted(rng.randint(50, 1000) for _ in range(20))
    market = MotsMarket.build(
        sizes=sizes,
        counts=[rng.randint(1, 2**40) for _ in sizes],
        costs=[f"{size * rng.randint(90, 110)}e-8" for size in sizes],
        dimension=10,
        client_variance="1/100",
        utility={"family": "inverse-gap", "a": 100, "p": 2},
    )
    answer = solve_social_state(market)
    assert (answer.status, answer.exactness, answer.refused) == ("optimal", "checked", None)
