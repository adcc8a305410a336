"""Packing proofs: accepted exactly where the bound is true, whatever the prices; forged ones never prove a false bound.

The claimed maxima and the optimum come from enumerations that share nothing with the checker or the search.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import Any

import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by, reached
from fedmech import Market, solve
from fedmech.solvers.control import Control
from fedmech.solvers.proofs import disjoint_sets, packing, purse_sets
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound, proof_document
from fedmech.solvers.separate import search
from fedmech.solvers.separate.instance import SeparateInstance
from fedmech.solvers.separate.search import solve_separate
from hypothesis import given, settings
from separate_instances import as_market, enumerate_optimum, random_instance


def accepted(market: Market, bound: int, body: Any) -> bool:
    try:
        check_bound(Proof("opt-sep", "packing", bound, body), market)
    except ProofError:
        return False
    return True


def eligible(market: Market, i: int, j: int) -> bool:
    cap, cost = int(market.caps[int(market.group_of[i]), j]), int(market.scaled.needed_costs[i])
    return cap > 0 and int(market.seats[j]) > 0 and cost <= int(market.scaled.budgets[j])


def usable(market: Market, j: int) -> tuple[int, list[int], int]:
    """Money, caps and seats of a requester, no more than the workers that fit it need."""
    workers = [i for i in range(market.n) if eligible(market, i, j)]
    able = [int(market.group_of[i]) for i in workers]
    caps = [min(int(cap), able.count(group)) for group, cap in enumerate(market.caps[:, j])]
    bill = sum(int(market.scaled.needed_costs[i]) for i in workers)
    return min(int(market.scaled.budgets[j]), bill), caps, min(int(market.seats[j]), len(able))


def best_of(market: Market, mine: list[int], margins: list[int]) -> int:
    """Most that these requesters, as one purse, can have of the margins, by recursion over all sets."""
    parts = [usable(market, j) for j in mine]
    money, seats = sum(part[0] for part in parts), sum(part[2] for part in parts)
    caps = [sum(part[1][group] for part in parts) for group in range(market.L)]
    workers = [i for i in range(market.n) if any(eligible(market, i, j) for j in mine)]

    def most(at: int, money: int, seats: int, caps: list[int]) -> int:
        if at == len(workers):
            return 0
        i = workers[at]
        group, cost, without = (
            int(market.group_of[i]),
            int(market.scaled.needed_costs[i]),
            most(at + 1, money, seats, caps),
        )
        if not caps[group] or not seats or cost > money:
            return without
        fewer = [cap - (other == group) for other, cap in enumerate(caps)]
        return max(without, margins[i] + most(at + 1, money - cost, seats - 1, fewer))

    return most(0, money, seats, caps)


def random_body(market: Market, rng: Numbers) -> tuple[dict[str, Any], list[int]]:
    """Draw prices of every sort with true maxima, or a little more; the true maxima are returned too."""
    scores, costs = market.scaled.scores.tolist(), market.scaled.needed_costs.tolist()
    scale = rng.choice([1, 2, 7, 2**20, 10**30])
    top, dearest = scale * max(scores, default=1), max(costs, default=1) or 1
    pooled = rng.random() < 0.3
    most = [v * scale // 4 if pooled else v * scale + v * scale // 5 for v in scores]
    workers = [rng.randint(0, x) if rng.random() < 0.8 else 0 for x in most]
    margins = [scale * v - u for v, u in zip(scores, workers, strict=True)]
    parts = [list(range(market.m))] if pooled else [[j] for j in range(market.m)]
    true = [best_of(market, mine, margins) for mine in parts]

    def price(limit: int) -> int:
        return rng.choice([0, rng.randint(0, max(1, limit)), rng.randint(0, max(1, limit))])

    def purse() -> dict[str, Any]:
        own = rng.choice([1, 3, 2**10])
        places = [price(top * own // 2) for _ in range(market.L)]
        return {
            "scale": own,
            "money": price(2 * top * own // dearest),
            "seats": price(top * own // 2),
            "places": places,
        }

    first, same = purse(), rng.random() < 0.5
    purses = [{**(first if same else purse()), "best": best + rng.choice([0, 0, 1, scale // 3])} for best in true]
    return {"scale": scale, "workers": workers, "pooled": pooled, "purses": purses}, true


@settings(max_examples=some(100))
@given(instance=made_by(random_instance, 7), rng=generators)
def test_accepted_where_the_bound_is_true_and_nowhere_else(instance: SeparateInstance, rng: Numbers) -> None:
    """Every bound near the optimum, with random prices: accepted if and only if nothing is worth more."""
    market, optimum = as_market(instance), enumerate_optimum(instance)
    unit = gcd(*market.scaled.scores.tolist()) or 1
    for _ in range(3):
        body, true = random_body(market, rng)
        for bound in {optimum, optimum - unit, optimum - 1, optimum + 1, optimum // 2, optimum + rng.randint(0, 1000)}:
            if bound >= 0:
                assert accepted(market, bound, body) == ((bound // unit + 1) * unit > optimum), bound
        for k, best in enumerate(true):
            if best > 0:
                purses = [
                    dict(purse, best=best - 1) if k == other else purse for other, purse in enumerate(body["purses"])
                ]
                assert not accepted(market, optimum, {**body, "purses": purses}), "too low a maximum"


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (purse_sets, "INT64_SUM", 1),
        (disjoint_sets, "INT64_SUM", 1),
        (purse_sets, "PAIRS_AT_ONCE", 1),
        (disjoint_sets, "WORTH_COUNTING", 0),
    ],
)
def test_verdicts_do_not_depend_on_thresholds(
    module: Any, name: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, value)
    test_accepted_where_the_bound_is_true_and_nowhere_else()


@pytest.mark.parametrize(
    ("module", "name", "least"),
    [
        (purse_sets, "MOST_SETS", 1),
        (purse_sets, "MOST_PAIRS", 1),
        (disjoint_sets, "MOST_NODES", 1),
        (packing, "MOST_SPLITS", 0),
    ],
)
def test_what_is_too_large_is_refused_never_accepted(
    module: Any, name: str, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With hardly any room some true bound is refused; no false one is ever accepted."""
    usual = getattr(module, name)

    def only_with_room(rng: Numbers) -> bool:
        """Whether a true bound is accepted as usual, and no longer where there is hardly any room."""
        market = as_market(instance := random_instance(rng))
        optimum, unit = enumerate_optimum(instance), gcd(*market.scaled.scores.tolist()) or 1
        body, _ = random_body(market, rng)
        verdicts = []
        for limit in (least, usual):
            monkeypatch.setattr(module, name, limit)
            verdicts.append(accepted(market, optimum, body))
            assert optimum < unit or not accepted(market, optimum - unit, body)
        return verdicts == [False, True]

    if name != "MOST_SPLITS":
        reached(generators, only_with_room)

    @settings(max_examples=10)
    @given(rng=generators)
    def nothing_false(rng: Numbers) -> None:
        only_with_room(rng)

    nothing_false()


def fields(body: dict[str, Any]) -> list[tuple[Callable[[], int], Callable[[int], None]]]:
    """Ways to read and write every integer of a body."""
    found: list[tuple[Callable[[], int], Callable[[int], None]]] = []

    def entry(holder: Any, key: Any) -> None:
        found.append((lambda: holder[key], lambda value: holder.__setitem__(key, value)))

    entry(body, "scale")
    for i in range(len(body["workers"])):
        entry(body["workers"], i)
    for purse in body["purses"]:
        for key in ("scale", "money", "seats", "best"):
            entry(purse, key)
        for group in range(len(purse["places"])):
            entry(purse["places"], group)
    return found


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the counting by kind, which gives proofs of another kind."""
    monkeypatch.setattr(search, "FEW_KINDS", (0, 0))
    monkeypatch.setattr(search, "MORE_KINDS", (0, 0))


@pytest.mark.usefixtures("uncounted")
@settings(max_examples=60)
@given(instance=made_by(random_instance), rng=generators)
def test_no_change_of_an_honest_proof_proves_a_false_bound(instance: SeparateInstance, rng: Numbers) -> None:
    optimum = enumerate_optimum(instance)
    found = solve_separate(instance)
    unit = gcd(*instance.scores.tolist()) or 1
    if found.proof is None or found.proof.kind != "packing" or optimum < unit:
        return
    market = as_market(instance)
    body = proof_document(found.proof)["body"]
    assert accepted(market, optimum, body)
    for _ in range(12):
        read, write = rng.choice(fields(body))
        before = read()
        write(max(0, rng.choice([before - 1, before + 1, before // 2, 2 * before, 0, rng.randint(0, 2 * before + 1)])))
        assert not accepted(market, optimum - unit, body)
        if rng.random() < 0.5:
            write(before)


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("seconds", [None, 0.0, 0.05])
@settings(max_examples=40)
@given(instance=made_by(random_instance, 9))
def test_the_search_proves_its_bound_also_where_it_is_stopped(
    seconds: float | None, instance: SeparateInstance
) -> None:
    found = solve_separate(instance, Control.for_seconds(seconds))
    if found.proof is not None:
        check_bound(found.proof, as_market(instance))
        assert found.proof.bound == found.bound


@pytest.mark.usefixtures("uncounted")
@settings(max_examples=40)
@given(instance=made_by(random_instance))
def test_a_solution_is_checked_with_its_proof(instance: SeparateInstance) -> None:
    solution = solve(as_market(instance), "opt-sep")
    assert solution.value == enumerate_optimum(instance)
    assert solution.exactness == "checked"
    assert solution.proof is not None


@pytest.mark.usefixtures("uncounted")
def test_some_proofs_are_packings() -> None:
    reached(made_by(random_instance), lambda instance: (p := solve_separate(instance).proof) and p.kind == "packing")


MARKET = Market.build(scores=[5, 4, 3], costs=[3, 2, 2], budgets=[3, 2])
BODY = {
    "scale": 1,
    "workers": [5, 4, 3],
    "pooled": False,
    "purses": [{"scale": 1, "money": 0, "seats": 0, "places": [0], "best": 0} for _ in range(2)],
}


def altered(**changes: Any) -> dict[str, Any]:
    return {**BODY, **changes}


def altered_purse(**changes: Any) -> dict[str, Any]:
    return altered(purses=[BODY["purses"][0], {**BODY["purses"][1], **changes}])


def test_the_example_is_a_proof() -> None:
    assert accepted(MARKET, 12, BODY)
    assert accepted(MARKET, 9, BODY)
    assert not accepted(MARKET, 8, BODY)


@pytest.mark.parametrize(
    "body",
    [
        {},
        altered(more=1),
        altered(scale=0),
        altered(scale=True),
        altered(scale=1.0),
        altered(scale="1"),
        altered(workers=[5, 4]),
        altered(workers=[5, 4, -1]),
        altered(workers=[5, 4, 3.0]),
        altered(workers=[5, 4, True]),
        altered(workers=np.array([5.0, 4.0, 3.0])),
        altered(workers=np.array([[5, 4, 3]])),
        altered(workers=(5, 4, 3)),
        altered(workers=None),
        altered(pooled=0),
        altered(pooled=True),
        altered(purses=[]),
        altered(purses=BODY["purses"][:1]),
        altered(purses=tuple(BODY["purses"])),
        altered(purses=[[], []]),
        altered_purse(scale=0),
        altered_purse(money=-1),
        altered_purse(seats=None),
        altered_purse(places=[]),
        altered_purse(places=[-1]),
        altered_purse(best=-1),
        altered_purse(other=1),
    ],
)
def test_what_has_not_the_form_is_refused(body: Any) -> None:
    assert not accepted(MARKET, 12, body)


@pytest.mark.parametrize("bound", [12.0, True, "12", -1, None])
def test_what_is_no_bound_is_refused(bound: Any) -> None:
    assert not accepted(MARKET, bound, BODY)


def test_other_problems_are_refused() -> None:
    for problem in ("opt", "orp", "cover", "opt-frac"):
        with pytest.raises(ProofError):
            check_bound(Proof(problem, "packing", 12, BODY), MARKET)
    bids = Market.build(scores=[5, 4, 3], bids=[3, 2, 2], budgets=[3, 2])
    assert not accepted(bids, 12, BODY)


def test_a_check_can_be_ended() -> None:
    def pulse() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_bound(Proof("opt-sep", "packing", 12, BODY), MARKET, pulse)


def test_no_more_pooled_sets_are_split_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together the two could hire three of four workers, each by itself but one: each of the four sets has to be split."""
    market = Market.build(scores=[1] * 4, costs=[2] * 4, budgets=[3, 3])
    purse = {"scale": 1, "money": 0, "seats": 0, "places": [0], "best": 3}
    body = {"scale": 1, "workers": [0] * 4, "pooled": True, "purses": [purse]}
    for most, right in ((4, True), (3, False)):
        monkeypatch.setattr(packing, "MOST_SPLITS", most)
        assert accepted(market, 2, body) == right


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (altered(scale=0), "too small"),
        (altered(workers=[5, 4, -1]), "too small"),
        (altered_purse(scale=0), "too small"),
        (altered_purse(money=-1), "too small"),
        (altered_purse(seats=-1), "too small"),
        (altered_purse(best=-1), "too small"),
        (altered_purse(places=[-1]), "too small"),
        (altered(workers=np.array([5, 4, 3], dtype=np.int32)), "as many integers"),
        (altered(workers=np.array([[5], [4], [3]])), "as many integers"),
    ],
)
def test_why_numbers_are_refused(body: Any, message: str) -> None:
    """By themselves, whether or not the claim holds."""
    with pytest.raises(ProofError, match=message):
        check_bound(Proof("opt-sep", "packing", 12, body), MARKET)


@pytest.mark.parametrize("kind", [np.int64, object])
def test_columns_of_a_proof_may_be_arrays(kind: type) -> None:
    body = altered(workers=np.array([5, 4, 3], dtype=kind))
    assert accepted(MARKET, 9, body)
    assert not accepted(MARKET, 8, body)


def test_pooled_sets_for_which_requesters_lack_seats_are_no_split() -> None:
    """The second can hire the cheap worker alone, so its seat is of no use to four others; all seats together would do."""
    market = Market.build(scores=[3, 3, 3, 3, 1], costs=[2, 2, 2, 2, 1], budgets=[100, 1], seats=[3, 3])
    purse = {"scale": 1, "money": 0, "seats": 0, "places": [0], "best": 12}
    body = {"scale": 1, "workers": [0] * 5, "pooled": True, "purses": [purse]}
    for bound in (9, 10, 11):
        assert accepted(market, bound, body) == (bound >= 10)
