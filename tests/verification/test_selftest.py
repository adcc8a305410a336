"""The self-test finds planted faults and makes them small; its oracles and relations are right where everything can be tried."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedmech import InputError, solve
from fedmech.cli import app
from fedmech.solvers import registry
from fedmech.verification.literal.procurement import (
    best_set,
    coverage_of,
    literal_market,
    opt,
    opt_sep,
    placeable,
    subsets,
)
from fedmech.verification.selftest import campaign as campaign_module
from fedmech.verification.selftest import shrinking
from fedmech.verification.selftest.asking import ask
from fedmech.verification.selftest.campaign import ALONE, Finding, campaign, put_to_the_test, replay
from fedmech.verification.selftest.case import SOCIAL, Case, Setting
from fedmech.verification.selftest.constants import CONSTANTS
from fedmech.verification.selftest.examinations import EXAMINATIONS
from fedmech.verification.selftest.families import FAMILIES, PROBLEMS, draw_case
from fedmech.verification.selftest.oracle import TooLarge, optimum
from fedmech.verification.selftest.relations import RELATIONS
from fedmech.verification.selftest.shrinking import smallest
from fedmech.verification.selftest.states import FAMILIES as STATES
from typer.testing import CliRunner

LIMIT = 5.0


def drawn(count: int, problem: str, seed: str, largest: int = 7) -> list[Case]:
    """Random cases of one problem with few workers."""
    found, index = [], 0
    while len(found) < count:
        _, case = draw_case(random.Random(f"{seed}/{index}"), [problem])
        index += 1
        if case.size <= largest:
            found.append(case)
    return found


# ---------------------------------------------------------------------- oracles


def tried(case: Case) -> Fraction:
    """The optimum by trying every set of workers."""
    market = case.literal
    if case.problem == "opt-sep":
        return opt_sep(market)
    if case.problem == "opt":
        return opt(market)
    if case.problem == "orp":
        return market.value(best_set(market, market.workers))
    return max(
        coverage_of(market, chosen)
        for chosen in subsets(market.workers)
        if sum(market.costs[i] for i in chosen) <= market.budget and placeable(market, chosen)
    )


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep", "cover"])
def test_the_oracle_is_right_where_every_set_can_be_tried(problem: str) -> None:
    for case in drawn(40, problem, "oracle"):
        assert optimum(case.literal, problem) == tried(case), case.document


def test_the_oracle_of_the_relaxation_lies_between_and_is_attained() -> None:
    for case in drawn(40, "opt-frac", "fractional"):
        value = optimum(case.literal, "opt-frac")
        assert optimum(case.literal, "opt") <= value <= optimum(case.literal, "orp")
        assert solve(case.market(), "opt-frac").value == value


def test_the_oracle_counts_hundreds_of_equals() -> None:
    workers = [{"id": f"w{i}", "group": "g", "score": 3, "cost": 2} for i in range(300)]
    workers.append({"id": "odd", "group": "g", "score": 4, "cost": 3})
    document = {"workers": workers, "requesters": [{"id": "r", "budget": 201, "seats": 150}], "caps": []}
    assert optimum(literal_market(document), "opt") == 99 * 3 + 4
    assert optimum(literal_market(document), "opt-sep") == 99 * 3 + 4
    assert optimum(literal_market(document), "orp") == 149 * 3 + 4


def test_the_oracle_says_when_it_is_too_large() -> None:
    case = next(case for case in drawn(20, "opt", "large", largest=30) if case.size > 9)
    with pytest.raises(TooLarge):
        optimum(case.literal, "opt", most_steps=0)


# ---------------------------------------------------------------------- what is drawn


def test_every_family_test_and_column_type_is_met() -> None:
    families, objects, forms, refused = set(), set(), set(), 0
    for index in range(1500):
        family, case = draw_case(random.Random(f"met/{index}"))
        families.add(family)
        if case.problem != SOCIAL:
            try:
                market = case.market()
            except InputError:
                # A few go beyond the limits of what a file may say.
                refused += 1
                continue
            objects.add((market.scaled.scores.dtype == object, market.scaled.needed_costs.dtype == object))
            forms.add((case.problem, bool(market.seats_bind)))
    assert refused < 15
    assert families == {*FAMILIES, *STATES}
    assert objects == {(a, b) for a in (False, True) for b in (False, True)}
    assert forms == {(problem, seats) for problem in PROBLEMS if problem != SOCIAL for seats in (False, True)}


def test_the_constants_to_lower_exist() -> None:
    names = [name.rsplit(".", 1) for name in CONSTANTS]
    missing = [name for module, name in names if not hasattr(import_module(f"fedmech.solvers.{module}"), name)]
    assert not missing


def test_constants_are_put_back() -> None:
    from fedmech.solvers.pooled import problem

    before = problem.CHUNK_ITEMS
    setting = Setting(("scores",), {"pooled.problem.CHUNK_ITEMS": 3, "pooled.leaf.STAGES": (1, 2)}, "file", True)
    case = drawn(1, "opt", "setting")[0].put(**vars(setting))
    assert Case.from_json(json.loads(json.dumps(case.to_json()))) == case
    with setting.in_force():
        assert problem.CHUNK_ITEMS == 3
    assert before == problem.CHUNK_ITEMS


def test_kernels_are_interpreted_and_then_compiled_again() -> None:
    from fedmech.solvers.compilation import can_compile
    from fedmech.solvers.placement import polymatroid

    caps, seats = np.array([[2, 1]]), np.array([1, 1])
    with Setting(interpreted=True).in_force():
        assert not polymatroid.SeatFlow(caps, seats, compiled=True).compiled
    assert polymatroid.SeatFlow(caps, seats, compiled=True).compiled == can_compile()


def test_a_campaign_finds_nothing_and_is_the_same_twice() -> None:
    first, second = (campaign(5, cases=10, limit=20) for _ in range(2))
    assert not first.findings, [finding.kind for finding in first.findings]
    assert first.held == second.held
    assert first.silent == second.silent
    assert sum(first.held.values()) > 40


@pytest.mark.parametrize("test", [*RELATIONS, *EXAMINATIONS])
def test_every_test_speaks_and_holds(test: str) -> None:
    """On plain markets, where every relation can be followed by hand."""
    problems = RELATIONS[test][0] if test in RELATIONS else tuple(PROBLEMS)
    spoke = 0
    for problem in problems:
        said = 0
        for index in range(40):
            if said >= 4:
                break
            draw = f"{test}/{index}"
            _, case = draw_case(random.Random(draw), [problem])
            if (
                case.size > 9
                or case.setting.constants
                or any(len(str(row)) > 90 for row in case.document.get("workers", []))
            ):
                continue
            held, finding = put_to_the_test(case, test, draw, 20)
            assert finding is None, (finding.kind, finding.says, case.document)
            said += held
        spoke += said
    assert spoke


# ---------------------------------------------------------------------- planted faults


Lie = Callable[[Any, Any], Any]


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Lie], None]:
    """Let a registered method lie."""

    def planted(problem: str, name: str, lie: Lie) -> None:
        honest = registry.find_method(problem, name)

        def solve_falsely(market: Any, control: Any) -> Any:
            return lie(market, honest.solve(market, control))

        monkeypatch.setitem(registry._METHODS, (problem, name), replace(honest, solve=solve_falsely))
        monkeypatch.setattr(campaign_module, "_last", None)

    return planted


def caught(problem: str, cases: int = 60) -> Finding:
    """The first thing that a campaign on one problem finds."""
    report = campaign(11, cases=cases, problems=[problem], most_findings=1, limit=LIMIT, shrink_seconds=20)
    assert report.findings
    assert report.failed
    again = replay(json.loads(json.dumps(report.findings[0].to_json())), LIMIT)
    assert again is not None
    assert again.kind == report.findings[0].kind
    return report.findings[0]


def without_one(market: Any, answer: Any) -> Any:
    """Leave out a hired worker, and lower the bound with it."""
    hired = (answer.point >= 0).nonzero()[0]
    if len(hired) < 2:
        return answer
    point = answer.point.copy()
    point[hired[0]] = -1
    return replace(answer, point=point, bound=answer.bound - market.score(int(hired[0])), evidence=None)


@pytest.mark.parametrize(("problem", "method"), [("opt", "pooled"), ("opt-sep", "loss-search"), ("orp", "matroid")])
def test_a_worse_point_called_optimal_is_caught(plant: Any, problem: str, method: str) -> None:
    plant(problem, method, without_one)
    assert caught(problem).case.size <= 4


def test_a_bound_one_unit_too_small_is_caught(plant: Any) -> None:
    plant(
        "opt",
        "pooled",
        lambda market, answer: replace(
            answer, bound=answer.bound - Fraction(1, market.scaled.score_denominator), evidence=None
        ),
    )
    assert caught("opt").case.size == 1


def test_an_infeasible_point_is_caught(plant: Any) -> None:
    plant("opt", "pooled", lambda market, answer: replace(answer, point=answer.point * 0))
    assert caught("opt").case.size == 1


def test_a_crash_on_seven_workers_is_caught(plant: Any) -> None:
    def crash(market: Any, answer: Any) -> Any:
        if market.n == 7:
            raise ZeroDivisionError("seven")
        return answer

    plant("opt", "pooled", crash)
    found = caught("opt")
    assert found.kind.startswith("opt: ZeroDivisionError")
    assert found.case.size == 7
    assert all(row["score"] == 1 and row["cost"] == 0 for row in found.case.document["workers"])


@pytest.mark.thorough
def test_a_small_market_left_open_is_caught(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever the numbers are, it is left open: they are tried for as long as there is time.
    monkeypatch.setattr(shrinking, "_bolder", lambda case: iter(()))

    def give_up(market: Any, answer: Any) -> Any:
        return replace(answer, bound=answer.bound + 1000, stopped="node-limit", evidence=None)

    plant("opt", "pooled", give_up)
    found = caught("opt")
    assert "not proved" in found.kind
    assert found.case.size == 1


def test_another_method_that_is_wrong_is_caught(plant: Any) -> None:
    plant("orp", "brute-force", lambda market, answer: replace(without_one(market, answer), evidence=answer.evidence))
    found = caught("orp")
    assert found.test == "all methods"
    assert found.case.size == 2


@pytest.mark.thorough
def test_weights_that_wrap_at_64_bits_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that was: multipliers of OPT with seats from int64 scores times a denominator that took the product beyond a word."""
    from fedmech.solvers.seated import duals

    def wrapped(market: Any, price: Fraction) -> np.ndarray:
        pairs = zip(market.scores.tolist(), market.costs.tolist(), strict=True)
        exact = [v * price.denominator - c * price.numerator for v, c in pairs]
        return np.array([(x + 2**63) % 2**64 - 2**63 for x in exact], dtype=np.int64)

    def finds(case: Case) -> bool:
        monkeypatch.setattr(campaign_module, "_last", None)
        return put_to_the_test(case, ALONE, "1", LIMIT)[1] is not None

    cases = [case for case in drawn(60, "opt", "wrap") if case.market().seats_bind]
    with monkeypatch.context() as patched:
        patched.setattr(duals, "_weights", wrapped)
        wrong = next(case for case in cases if finds(case))
        assert smallest(wrong, finds, 20).size <= 5
    assert not any(map(finds, cases[: cases.index(wrong) + 1]))


@pytest.mark.thorough
def test_places_that_were_never_left_empty_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that was: a full group whose places have no price, left to 16 and more equal workers, was only tried full."""
    from fedmech.solvers.pooled import core

    workers = [{"id": f"w{i}", "group": "g", "score": 6, "cost": 2} for i in range(22)]
    workers.insert(5, {"id": "dear", "group": "g", "score": 27, "cost": 9})
    requesters = [{"id": "r", "budget": 22}]
    caps = [{"group": "g", "requester": "r", "cap": 9}]
    case = Case("opt", {"format": "fedmech-market/1", "workers": workers, "requesters": requesters, "caps": caps})

    def finds(smaller: Case) -> bool:
        monkeypatch.setattr(campaign_module, "_last", None)
        return put_to_the_test(smaller, ALONE, "1", LIMIT)[1] is not None

    assert not finds(case)
    source = inspect.getsource(core._unused_places)
    changed = source.replace(
        "mu, most = multipliers.limits[group], problem", "mu, most = multipliers.limits[group], 0 * problem"
    )
    assert changed != source
    names = dict(vars(core))
    exec(changed, names)
    monkeypatch.setattr(core, "_unused_places", names["_unused_places"])
    assert finds(case)
    assert 16 <= smallest(case, finds, 20).size <= 19


# ---------------------------------------------------------------------- shrinking


def test_blocks_go_before_numbers() -> None:
    case = next(case for case in drawn(50, "opt", "shrink", largest=400) if case.size > 100)
    asked = 0

    def fails(smaller: Case) -> bool:
        nonlocal asked
        asked += 1
        return len({row["id"] for row in smaller.document["workers"]} & {"w3", "w50", "w90"}) == 3

    small = smallest(case.put(objects=("scores",), constants={"pooled.problem.CHUNK_ITEMS": 2}), fails, 60)
    assert small.size == 3
    assert small.setting == Setting()
    assert len(small.document["requesters"]) == 1
    assert all(row["score"] == 1 and row["cost"] == 0 for row in small.document["workers"])
    assert asked < 2000


def test_no_time_no_shrinking() -> None:
    case = drawn(1, "opt", "shrink")[0]
    assert smallest(case, lambda smaller: True, -1) is case


# ---------------------------------------------------------------------- command


def test_command_reports_and_replays(plant: Any, tmp_path: Path) -> None:
    plant("orp", "matroid", without_one)
    run = CliRunner().invoke(
        app, ["selftest", "--cases", "8", "--problem", "orp", "--seed", "7", "--out", str(tmp_path / "found"), "--json"]
    )
    assert run.exit_code == 1
    document = json.loads(run.stdout)
    assert document["cases"] == 8
    assert document["failures"] >= 1
    assert sum(row["failed"] for row in document["counts"]) == document["failures"]
    finding = tmp_path / "found" / "1.finding.json"
    assert document["findings"][0]["command"] == f"fedmech selftest {finding}"
    assert CliRunner().invoke(app, ["solve", str(tmp_path / "found" / "1.market.json")]).exit_code == 0
    again = CliRunner().invoke(app, ["selftest", str(finding), "--json"])
    assert again.exit_code == 1
    assert json.loads(again.stdout)["findings"][0]["finding"]["kind"] == document["findings"][0]["kind"]


def test_a_finding_that_is_mended_holds(tmp_path: Path) -> None:
    case = drawn(1, "opt", "mended")[0]
    path = tmp_path / "x.finding.json"
    path.write_text(json.dumps(Finding("the oracle", "?", "", case, "1/1").to_json()))
    run = CliRunner().invoke(app, ["selftest", str(path)])
    assert run.exit_code == 0
    assert "holds" in run.stdout


@pytest.mark.parametrize(
    "text", ["{}", '{"case": 3}', "[]", '{"case": {"setting": [], "problem": "opt", "document": {}}}']
)
def test_what_is_no_finding_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.finding.json"
    path.write_text(text)
    run = CliRunner().invoke(app, ["selftest", str(path)])
    assert run.exit_code == 2
    assert "not a" in run.output


def test_an_unknown_problem_is_refused() -> None:
    with pytest.raises(InputError, match="unknown problem 'opr'"):
        campaign(0, cases=1, problems=["opr"])


def test_interrupted_it_says_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign_module, "_RELATIONS_A_CASE", 0)
    real, calls = campaign_module.put_to_the_test, 0

    def after_some(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return real(*arguments) if calls < 12 else interrupted()

    monkeypatch.setattr(campaign_module, "put_to_the_test", after_some)
    report = campaign(1, cases=100)
    assert report.stopped == "interrupted"
    assert 0 < report.cases < 12
    assert report.held


def test_ctrl_c_inside_a_method_ends_the_run(plant: Any) -> None:
    plant("opt", "pooled", lambda market, answer: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ask(next(case for case in drawn(9, "opt", "ctrl-c") if not case.market().seats_bind))


def test_alone_is_the_name_of_no_other_test() -> None:
    assert ALONE not in {*RELATIONS, *EXAMINATIONS}
