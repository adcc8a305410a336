"""LP prices prove the relaxation's value; conflicts are conflicts, and none of their members can be spared."""

import json
import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from drawing import Numbers, generators, reached, seeded
from fedmech import Market, solve
from fedmech.cli import app
from fedmech.models.input_error import InputError
from fedmech.models.procurement.file import write_market
from fedmech.solvers.control import Control
from fedmech.solvers.explain.conflict import find_conflict
from fedmech.solvers.explain.prices import lp_prices
from fedmech.solvers.feasibility import violation
from fedmech.solvers.highs.arrays import facility_model
from fedmech.solvers.highs.run import run_highs
from fedmech.solvers.seated.parametric import price_of_money
from hypothesis import given, settings
from typer.testing import CliRunner

pytest.importorskip("cvxpy")


def random_market(rng, n, coverage=False) -> Market:
    n_groups, n_requesters = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    return Market.build(
        scores=[Fraction(int(v), 7) for v in rng.integers(1, 60, n)],
        costs=[Fraction(int(c), 5) for c in rng.integers(0, 40, n)],
        groups=[f"g{g}" for g in rng.integers(0, n_groups, n)],
        group_ids=[f"g{g}" for g in range(n_groups)],
        budgets=[Fraction(int(b), 3) for b in rng.integers(0, 40, n_requesters)],
        caps=rng.integers(0, 4, (n_groups, n_requesters)),
        seats=rng.integers(0, 4, n_requesters).tolist(),
        coverage=[[Fraction(int(z), 4) for z in row] for row in rng.integers(0, 5, (n, 3))] if coverage else None,
    )


def dual_value(market: Market, problem: str, prices) -> float:
    """What the prices prove: limits at their price plus the best margin of each worker at any requester."""
    price = {(limit.kind, limit.group, limit.requester): limit.price for limit in prices.limits}
    total = 0.0
    money = []
    for j in range(market.m):
        name = market.requester_ids[j]
        pooled = price.get(("budget", None, None), price.get(("budget", None, name), 0.0) if market.m == 1 else 0.0)
        money.append(price.get(("budget", None, name), 0.0) if problem == "opt-sep" else pooled)
        total += money[j] * float(market.budget(j)) if problem != "orp" else 0.0
        total += price.get(("seats", None, name), 0.0) * int(market.seats[j])
        for l in range(market.L):
            total += price.get(("cap", market.group_ids[l], name), 0.0) * int(market.caps[l, j])
    for i in range(market.n):
        group = market.group_ids[market.group_of[i]]
        margins = [
            float(market.score(i))
            - (money[j] * float(market.cost(i)) if problem != "orp" else 0.0)
            - price.get(("seats", None, market.requester_ids[j]), 0.0)
            - price.get(("cap", group, market.requester_ids[j]), 0.0)
            for j in range(market.m)
        ]
        total += max(0.0, *margins)
    return total


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-frac", "opt-sep"])
@settings(max_examples=15)
@given(rng=generators)
def test_prices_prove_the_value_of_the_relaxation(problem, rng: Numbers) -> None:
    market = random_market(rng, int(rng.integers(1, 9)))
    prices = lp_prices(market, problem)
    assert all(limit.price >= 0 for limit in prices.limits)
    assert dual_value(market, problem, prices) == pytest.approx(prices.value, abs=1e-5)
    if prices.exact_value is not None:
        assert prices.value == pytest.approx(float(prices.exact_value), abs=1e-5)
    integer = solve(market, "opt" if problem == "opt-frac" else problem, "brute-force").objective
    assert integer is not None
    assert float(integer) <= prices.value + 1e-5


@settings(max_examples=15)
@given(rng=generators)
def test_value_of_one_more_unit_of_budget(rng: Numbers) -> None:
    market = random_market(rng, 8)
    prices = lp_prices(market, "opt")
    richer = market.with_budgets([market.budget(0) + 1, *[market.budget(j) for j in range(1, market.m)]])
    before, after = (solve(m, "opt-frac", "parametric").objective for m in (market, richer))
    assert before is not None
    assert after is not None
    assert prices.one_more_unit_of_budget == after - before
    # Concave in the budget: a whole unit gains no more than its first bit.
    paid = [limit.price for limit in prices.limits if limit.kind == "budget"]
    assert float(after - before) <= max(paid, default=0.0) + 1e-5


@settings(max_examples=15)
@given(rng=generators)
def test_a_limit_with_a_price_binds(rng: Numbers) -> None:
    assert all(limit.binding for limit in lp_prices(random_market(rng, 8), "opt").limits)


def lifted(market: Market, names) -> Market:
    """The same market without some limits, by the names a conflict uses."""
    caps, seats = market.caps.copy(), market.seats.tolist()
    budgets = [market.budget(j) for j in range(market.m)]
    for j, requester in enumerate(market.requester_ids):
        if f"seats of {requester}" in names:
            seats[j] = None
        if "pooled budget" in names or (f"budget of {requester}" in names and market.m == 1):
            budgets[j] = Fraction(10**6)
        for l, group in enumerate(market.group_ids):
            if f"cap of group {group} at {requester}" in names:
                caps[l, j] = market.n
    return Market.build(
        scores=[market.score(i) for i in range(market.n)],
        costs=[market.cost(i) for i in range(market.n)],
        groups=[market.group_ids[g] for g in market.group_of],
        group_ids=market.group_ids,
        budgets=budgets,
        caps=caps,
        seats=seats,
    )


@pytest.mark.thorough
@settings(max_examples=25)
@given(rng=generators)
def test_no_member_of_a_conflict_can_be_spared(rng: Numbers) -> None:
    market = random_market(rng, 8)
    reach = price_of_money(market).value / market.scaled.score_denominator
    assert find_conflict(market, min_score=reach * Fraction(99, 100) or Fraction(1, 10**9)) is None or reach == 0
    wanted = reach + Fraction(5, 7)
    conflict = find_conflict(market, min_score=wanted)
    assert conflict is not None
    assert conflict.proved
    assert conflict.targets == (f"score of at least {wanted}",)
    # The limits named, alone, already rule the target out; with any one of them lifted they do not.
    others = [
        "pooled budget" if market.m > 1 else f"budget of {market.requester_ids[0]}",
        *[f"seats of {r}" for r in market.requester_ids],
        *[f"cap of group {g} at {r}" for g, r in product(market.group_ids, market.requester_ids)],
    ]
    only = lifted(market, [name for name in others if name not in conflict.limits])
    assert price_of_money(only).value / only.scaled.score_denominator < wanted
    for name in conflict.limits:
        spared = lifted(market, [other for other in others if other not in conflict.limits or other == name])
        assert price_of_money(spared).value / spared.scaled.score_denominator >= wanted - Fraction(1, 10**4)


def test_some_conflicts_name_limits():
    """Of a score beyond reach, and of coverage, for which some can be had too."""

    def by_score(rng: Numbers):
        market = random_market(rng, 8)
        return find_conflict(market, min_score=price_of_money(market).value / market.scaled.score_denominator + 1)

    def by_coverage(rng: Numbers):
        return find_conflict(random_market(rng, 5, coverage=True), coverage_targets=[Fraction(1, 4)] * 3)

    reached(generators, lambda rng: (conflict := by_score(rng)) and conflict.limits)
    reached(generators, lambda rng: (conflict := by_coverage(rng)) and conflict.proved)
    reached(generators, lambda rng: not by_coverage(rng))


@settings(max_examples=40)
@given(rng=generators)
def test_coverage_that_conflicts_cannot_be_had(rng: Numbers) -> None:
    market = random_market(rng, 5, coverage=True)
    targets = [Fraction(int(t), 4) if t else None for t in rng.integers(0, 5, 3)]
    if not any(targets):
        return
    conflict = find_conflict(market, coverage_targets=targets)
    assert market.scaled.coverage is not None
    possible = False
    for assignment in product(range(-1, market.m), repeat=market.n):
        at = np.array(assignment)
        hired = np.flatnonzero(at >= 0)
        counts = np.zeros((market.L, market.m), dtype=int)
        np.add.at(counts, (market.group_of[hired], at[hired]), 1)
        fits = (counts <= market.caps).all() and (counts.sum(axis=0) <= market.seats).all()
        if fits and market.scaled.needed_costs[hired].sum() <= market.scaled.total_budget:
            best = market.scaled.coverage[hired].max(axis=0, initial=0)
            possible |= all(
                t is None or best[r] >= t * market.scaled.coverage_denominator for r, t in enumerate(targets)
            )
    if conflict is not None:
        assert not possible


def test_nobody_to_hire_has_no_prices() -> None:
    for workers, requesters in ((0, 1), (1, 0), (0, 0)):
        market = Market.build(scores=[3] * workers, costs=[1] * workers, budgets=[1] * requesters)
        for problem in ("orp", "opt", "opt-frac", "opt-sep"):
            prices = lp_prices(market, problem)
            assert (prices.value, prices.exact_value, prices.limits) == (0, 0, ())
            assert prices.one_more_unit_of_budget == (0 if requesters and problem in ("opt", "opt-frac") else None)


def test_what_cannot_be_priced_is_refused():
    market = random_market(seeded(55), 4)
    with pytest.raises(InputError, match="needs every worker"):
        lp_prices(market, "cover")
    with pytest.raises(InputError, match="coverage"):
        find_conflict(market, coverage_targets=[1])
    with pytest.raises(InputError, match="reach"):
        find_conflict(market)


def test_command_line_explains_and_names_the_conflict():
    runner = CliRunner()
    told = runner.invoke(app, ["solve", "--explain", "--json", "--summary"])
    assert told.exit_code == 0
    prices = json.loads(told.stdout)["lp_prices"]
    assert prices["of"] == "the linear relaxation"
    assert any(limit["kind"] == "budget" and limit["binding"] for limit in prices["limits"])
    best = Fraction(json.loads(told.stdout)["objective_exact"])
    relaxed = Fraction(prices["value_exact"])
    assert runner.invoke(app, ["solve", "--at-least", str(best), "--json", "--summary"]).exit_code == 0
    between = runner.invoke(app, ["solve", "--at-least", str((best + relaxed) / 2), "--json", "--summary"])
    assert between.exit_code == 3
    assert json.loads(between.stdout)["conflict"]["limits"] == ["workers are hired whole"]
    beyond = runner.invoke(app, ["solve", "--at-least", str(relaxed + 1), "--json", "--summary"])
    assert beyond.exit_code == 3
    assert "pooled budget" in json.loads(beyond.stdout)["conflict"]["limits"]
    shown = runner.invoke(app, ["solve", "--explain", "--at-least", str(relaxed + 1)])
    assert "LP price" in shown.stdout
    assert "in conflict with" in shown.stdout
    assert runner.invoke(app, ["solve", "--problem", "cover", "--explain"]).exit_code == 2


def test_coverage_levels_on_the_command_line(tmp_path):
    """Levels are reached, or the conflict is named; both decided by trying every assignment."""
    runner = CliRunner()
    rng = np.random.default_rng(55)
    told = {0: 0, 3: 0}
    for number in range(14):
        market = random_market(rng, 4, coverage=True)
        file = tmp_path / f"{number}.market.json"
        write_market(market, file)
        assert market.scaled.coverage is not None
        levels = [Fraction(int(t), 4) if t else None for t in rng.integers(0, 5, market.scaled.coverage.shape[1])]
        given = ",".join("" if level is None else str(level) for level in levels)
        answer = runner.invoke(
            app, ["solve", str(file), "--problem", "cover", "--at-least", given, "--json", "--explain"]
        )
        possible = False
        for assignment in product(range(-1, market.m), repeat=market.n):
            at = np.array(assignment, dtype=np.int64)
            if violation(market, "cover", at) is None:
                best = market.scaled.coverage[at >= 0].max(axis=0, initial=0)
                possible |= all(
                    t is None or best[r] >= t * market.scaled.coverage_denominator for r, t in enumerate(levels)
                )
        assert answer.exit_code == (0 if possible else 3), answer.output
        told[answer.exit_code] += 1
        document = json.loads(answer.stdout)
        assert document["lp_prices"]["value"] >= document["objective"] - 1e-6
        if not possible:
            assert document["conflict"]["targets"]
            assert document["conflict"]["proved"]
    assert min(told.values()) >= 2
    assert runner.invoke(app, ["solve", str(file), "--problem", "cover", "--at-least", "1,1,1,1,1,1"]).exit_code == 2


@settings(max_examples=10)
@given(rng=generators)
def test_prices_of_coverage_are_those_of_facility_location(rng: Numbers) -> None:
    """The value by cvxpy is that of the relaxation in arrays, where their budget is not rounded down for whole workers."""
    market = random_market(rng, 8, coverage=True)
    model = facility_model(market, Control()).model
    model.integer[:] = False
    point = run_highs(model, Control()).point
    assert point is not None
    value = float(model.objective @ point) / market.scaled.coverage_denominator
    priced, room = lp_prices(market, "cover").value, 1e-6 * max(1.0, value)
    assert priced >= value - room
    if market.scaled.total_budget % (math.gcd(*market.scaled.needed_costs.tolist()) or 1) == 0:
        assert abs(priced - value) <= room
