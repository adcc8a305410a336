"""Somebody's allocation beside the optimum, against enumeration; and the command, in real processes."""

import itertools
import json
from fractions import Fraction as F

import fedmech as fm
import pytest
from command_line import fedmech
from drawing import Numbers, made_by
from fedmech.models.input_error import InputError
from hypothesis import given, settings


def small_market(draw: Numbers) -> fm.Market:
    n, m = draw.randint(1, 4), draw.randint(1, 2)
    return fm.Market.build(
        scores=[F(draw.randint(1, 6), draw.randint(1, 2)) for _ in range(n)],
        costs=[F(draw.randint(0, 6), draw.randint(1, 2)) for _ in range(n)],
        budgets=[draw.randint(0, 5) for _ in range(m)],
        groups=[draw.choice("ab") for _ in range(n)],
        default_cap=draw.choice([None, 1]),
        seats=[draw.choice([None, 1, 2]) for _ in range(m)],
    )


def keeps(market: fm.Market, placed: tuple[int, ...], separate: bool) -> bool:
    """Caps, seats and budgets, each as it is written down."""
    for j in range(market.m):
        there = [i for i, k in enumerate(placed) if k == j]
        if len(there) > market.seats[j] or (separate and sum(market.cost(i) for i in there) > market.budget(j)):
            return False
        if any(sum(market.group_of[i] == l for i in there) > market.caps[l, j] for l in range(market.L)):
            return False
    return sum(market.cost(i) for i, k in enumerate(placed) if k >= 0) <= sum(market.budgets)


@pytest.mark.parametrize("problem", ["opt", "opt-sep"])
@settings(max_examples=12)
@given(market=made_by(small_market))
def test_every_allocation_of_small_markets(problem: str, market: fm.Market) -> None:
    points = list(itertools.product(range(-1, market.m), repeat=market.n))
    value = {p: sum((market.score(i) for i, k in enumerate(p) if k >= 0), F(0)) for p in points}
    best = max(value[p] for p in points if keeps(market, p, problem == "opt-sep"))
    for point in points:
        hired = {market.worker_ids[i]: market.requester_ids[k] for i, k in enumerate(point) if k >= 0}
        found = fm.check_allocation(market, hired, problem)
        assert found.value == value[point]
        assert found.feasible is keeps(market, point, problem == "opt-sep")
        assert found.optimal is (found.feasible and value[point] == best)
        assert found.gap == best - value[point]


def test_workers_without_requesters_go_where_there_is_room() -> None:
    market = fm.Market.build(
        scores=[3, 2, 1], costs=[1, 1, 1], budgets=[2, 0], groups=["a", "a", "b"], caps=[[1, 1], [0, 0]]
    )
    both = fm.check_allocation(market, ["w1", "w2"])
    assert (both.optimal, both.value) == (True, 5)
    none = fm.check_allocation(market, ["w3"])
    assert (none.optimal, none.feasible, none.violation) == (False, False, "caps and seats cannot place these workers")
    assert none.value == 1
    nobody = fm.check_allocation(market, [])
    assert (nobody.feasible, nobody.optimal, nobody.gap) == (True, False, 5)
    assert "not optimal" in str(nobody)
    assert "value / optimum" in str(nobody)


def test_an_optimum_that_was_not_reached_decides_nothing() -> None:
    market = fm.generate_market("c", 300, requesters=3, seed=1)
    found = fm.check_allocation(market, [], "opt-sep", time_limit=0)
    assert found.best.status != "optimal"
    assert found.optimal in (None, False)
    assert "optimum at most" in str(found)


@pytest.mark.parametrize(
    ("hired", "problem", "says"),
    [
        (["w9"], "opt", "there is no worker 'w9'"),
        (["w1", "w1"], "opt", "hired twice"),
        ({"w1": "r9"}, "opt", "there is no requester 'r9'"),
        (["w1"], "opt-sep", "need the requester"),
        (["w1"], "opt-frac", "not 'opt-frac'"),
        ([0], "opt", "there is no worker '0'"),
    ],
)
def test_what_is_no_allocation(hired, problem, says) -> None:
    market = fm.Market.build(scores=[1, 2], costs=[1, 1], budgets=[1, 1])
    with pytest.raises(InputError, match=says):
        fm.check_allocation(market, hired, problem)


def test_the_command(tmp_path) -> None:
    market = fm.Market.build(
        scores=[3, 2, 1], costs=[1, 1, 1], budgets=[1, 1], worker_ids=["a,b", "c=r1", "d"], requester_ids=["r1", "r2"]
    )
    path = str(tmp_path / "m.market.json")
    fm.write_market(market, path)
    best = fedmech("check-allocation", path, "--hired", "a,b", "--hired", "c=r1", "--json")
    answer = json.loads(best.stdout)
    assert (best.returncode, answer["optimal"], answer["value_exact"], answer["exactness"]) == (0, True, "5", "checked")
    worse = fedmech("check-allocation", path, "--hired", "d=r1,c=r1=r2", "--problem", "opt-sep", "--json")
    answer = json.loads(worse.stdout)
    assert (worse.returncode, answer["optimal"], answer["feasible"], answer["gap_exact"]) == (1, False, True, "2")
    for words in ([], ["--hired", "d,c=r1=r2"], ["--hired", "e"], ["--hired", "d", "--answer", path]):
        refused = fedmech("check-allocation", path, *words)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("error: ")
    for command in ("solve", "run"):
        given = tmp_path / f"{command}.json"
        given.write_text(fedmech(command, path, "--json").stdout)
        answer = json.loads(fedmech("check-allocation", path, "--answer", str(given), "--json").stdout)
        assert answer["feasible"]
        assert command == "run" or answer["optimal"]
    assert fedmech("check-allocation", path, "--answer", path).returncode == 2
