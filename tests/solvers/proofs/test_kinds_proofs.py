"""Proofs by counting kinds of workers: accepted exactly where the bound is true; few kinds of many workers against another oracle."""

from __future__ import annotations

from typing import Any

import kinds as oracle
import pytest
from campaign import some
from drawing import Numbers, generators, made_by, seeded
from fedmech import Market, solve
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.proofs import kinds
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound
from fedmech.solvers.separate.by_kind import count_by_kind
from fedmech.solvers.separate.instance import SeparateInstance
from fedmech.solvers.separate.method import instance_of
from hypothesis import given, settings
from separate_instances import as_market, enumerate_optimum, random_instance


def accepted(market: Market, bound: Any, body: Any = None) -> bool:
    try:
        check_bound(
            Proof("opt-sep", "kinds", bound, {"classes": list(range(market.L))} if body is None else body), market
        )
    except ProofError:
        return False
    return True


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_accepted_where_the_bound_is_true_and_nowhere_else(instance: SeparateInstance) -> None:
    market, optimum = as_market(instance), enumerate_optimum(instance)
    assert accepted(market, optimum)
    assert accepted(market, optimum + 1)
    assert not accepted(market, optimum - 1)


def many_copies(rng: Numbers) -> oracle.Kinds:
    groups, requesters = rng.randint(1, 2), rng.randint(1, 4)
    rows = [(rng.randint(1, 9), rng.randint(0, 9), rng.randrange(groups), rng.choice([1, 2, 16, 40])) for _ in range(3)]
    rows = list({row[:3]: row for row in rows}.values())
    caps = [[rng.randint(0, 20) for _ in range(requesters)] for _ in range(groups)]
    budgets = [rng.randint(0, 60) for _ in range(requesters)]
    return oracle.Kinds(rows, budgets, caps, [rng.randint(0, 20) for _ in range(requesters)])


@settings(max_examples=60)
@given(case=made_by(many_copies))
def test_hundreds_of_equal_workers(case: oracle.Kinds) -> None:
    market, optimum = case.market(), oracle.opt_sep(case)
    instance = instance_of(market)
    found = count_by_kind(instance, 2**14, 2**27, Control())
    assert found is not None
    assert instance.is_feasible(found)
    assert instance.value(found) == optimum
    assert accepted(market, optimum)
    assert not accepted(market, optimum - 1)


@settings(max_examples=some(300))
@given(instance=made_by(random_instance), rng=generators)
def test_merged_groups_prove_what_is_best_with_their_caps_added_up(instance: SeparateInstance, rng: Numbers) -> None:
    market = as_market(instance)
    classes = [rng.randrange(market.L) for _ in range(market.L)]
    merged = instance.merged(classes)
    assert merged.caps.sum() == instance.caps.sum()
    bound = enumerate_optimum(merged)
    assert accepted(market, bound, {"classes": classes})
    assert not accepted(market, bound - 1, {"classes": classes})


def test_nearly_equal_workers_of_many_groups() -> None:
    """Too many kinds to be counted, but most differ by their group alone; no budget is a multiple of the costs."""
    one = Market.build(
        scores=["13/7"] * 41,
        costs=["1/7"] * 41,
        groups=[f"g{i % 7}" for i in range(41)],
        budgets=["23/6", "17/12"],
        seats=[32, 34],
        caps={("g1", "r0"): 20, ("g2", "r1"): 12, ("g3", "r0"): 16, ("g4", "r0"): 19, ("g5", "r0"): 17},
        requester_ids=["r0", "r1"],
    )
    rows = [(13, 21)] * 254 + [(14, 19), (15, 21), (13, 19), (11, 23)]
    other = Market.build(
        scores=[score for score, _ in rows],
        costs=[cost for _, cost in rows],
        groups=[f"g{i % 4}" for i in range(258)],
        caps=[[16, 16, 19], [23, 23, 23], [19, 11, 19], [17, 17, 2]],
        budgets=["4062/7", "20310/7", "4062/7"],
    )
    for market, step in ((one, {"kinds", "split"}), (other, {"kinds", "split"})):
        solution = solve(market, "opt-sep")
        assert solution.exactness == "checked"
        assert solution.details["step"] in step


def test_the_slow_market_of_three_kinds() -> None:
    workers = [(12, 8)] * 57 + [(5, 7), (7, 8)]
    market = Market.build(
        scores=[w[0] for w in workers],
        costs=[w[1] for w in workers],
        caps=[[37, 36, None]],
        budgets=[45, 26, 141],
        seats=[3, 12, 24],
    )
    solution = solve(market, "opt-sep")
    assert (solution.value, solution.exactness, solution.details["step"]) == (276, "checked", "kinds")


@pytest.mark.parametrize("exponent", [0, 50, 100, 200, 400])
def test_equal_ratios_of_very_different_magnitude(exponent: int) -> None:
    values = [f"{k}e{exponent}" for k in (7, 11, 13, 17, 19, 23)] + [f"1e-{exponent}"]
    market = Market.build(scores=values, costs=values, budgets=[f"30e{exponent}", f"20e{exponent}"], seats=[3, 2])
    solution = solve(market, "opt-sep")
    assert solution.exactness == "checked"
    assert solution.value == solve(market, "opt-sep", "brute-force").value


@pytest.mark.parametrize("cells", [1, 8, 64, 2**14])
@pytest.mark.parametrize("work", [0, 10, 1000, 2**27])
@settings(max_examples=25)
@given(instance=made_by(random_instance))
def test_counting_gives_up_or_is_right(cells: int, work: int, instance: SeparateInstance) -> None:
    """Of a market of 1 + 2 + 3 copies the table has 2 * 3 entries, and of twelve kinds 2**11."""
    found = count_by_kind(instance, cells, work, Control())
    if found is not None:
        assert instance.is_feasible(found)
        assert instance.value(found) == enumerate_optimum(instance)
    elif cells == 2**14:
        assert work < 2**27


def test_counting_stops_at_the_deadline() -> None:
    with pytest.raises(Stopped):
        count_by_kind(instance_of(many_copies(seeded(0)).market()), 2**14, 2**27, Control.for_seconds(0))


@pytest.mark.parametrize("limit", ["MOST_WORK", "MOST_CELLS"])
def test_what_is_too_large_is_refused(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = oracle.Kinds([(3, 2, 0, 5), (2, 1, 0, 3)], [6, 3], [[4, 4]], [5, 5])
    market, optimum = case.market(), oracle.opt_sep(case)
    assert accepted(market, optimum)
    monkeypatch.setattr(kinds, limit, 1)
    assert not accepted(market, optimum)
    assert not accepted(market, optimum + 10**6)


@pytest.mark.parametrize("bound", [True, 12.0, "12", None, -1])
def test_what_is_no_bound_is_refused(bound: Any) -> None:
    assert not accepted(Market.build(scores=[5, 4], costs=[3, 2], budgets=[3, 2]), bound)


def test_other_forms_are_refused() -> None:
    market = Market.build(scores=[5, 4], costs=[3, 2], budgets=[3, 2])
    assert accepted(market, 9)
    for classes in ([], [0, 0], [1], [-1], [True], [0.0], ["0"], 0, None):
        assert not accepted(market, 9, {"classes": classes})
    assert accepted(market, 9, {"classes": [0]})
    assert not accepted(market, 9, {"classes": [0], "more": 1})
    assert not accepted(market, 9, {})
    assert not accepted(Market.build(scores=[5, 4], bids=[3, 2], budgets=[3, 2]), 9)
    with pytest.raises(ProofError):
        check_bound(Proof("opt", "kinds", 9, {"classes": [0]}), market)
    nobody = Market.build(scores=[5, 4], costs=[3, 2], budgets=[1])
    assert accepted(nobody, 0)
    assert not accepted(nobody, -1)
