"""The command line: JSON contracts, exit codes, one clear line for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from fedmech import (
    generate_market,
    read_market,
    run_mechanism,
    solve,
    write_market,
)
from fedmech.cli import app
from typer.testing import CliRunner, Result

runner = CliRunner()


def invoke(*arguments: str | Path) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def market_file(tmp_path: Path) -> Path:
    path = tmp_path / "x.market.json"
    write_market(generate_market("a", 40, requesters=3, groups=4, top=50, seat_share=0.7, seed=2), path)
    return path


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-frac", "opt-sep"])
def test_solve_json(market_file: Path, problem: str) -> None:
    result = invoke("solve", market_file, "--problem", problem, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert answer.keys() >= {
        "problem", "status", "stopped", "exactness", "objective", "objective_exact", "bound", "gap", "method", "seconds",
        "assignment",
    }  # fmt: skip
    solution = solve(read_market(market_file), problem)
    assert (answer["status"], answer["stopped"], answer["gap"]) == ("optimal", "proved", 0)
    assert Fraction(answer["objective_exact"]) == solution.objective
    assert answer["objective"] == pytest.approx(float(solution.objective or 0))
    market = read_market(market_file)
    worth = dict(zip(market.worker_ids, map(market.score, range(market.n)), strict=True))
    value = sum(worth[row["worker"]] * Fraction(row.get("share_exact", 1)) for row in answer["assignment"])
    assert value == solution.objective
    assert {row["requester"] for row in answer["assignment"]} <= {"r1", "r2", "r3"}


def test_summary_leaves_the_assignment_out(market_file: Path) -> None:
    assert "assignment" not in json.loads(invoke("solve", market_file, "--json", "--summary").stdout)
    assert "winners" not in json.loads(invoke("run", market_file, "--json", "--summary").stdout)


def test_run_json(market_file: Path) -> None:
    result = invoke("run", market_file, "--mechanism", "driftpay-co", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    outcome = run_mechanism(read_market(market_file), "driftpay-co")
    assert answer["mechanism"] == "driftpay-co"
    assert Fraction(answer["score_exact"]) == outcome.score
    assert Fraction(answer["critical_price_exact"]) == outcome.critical_price
    assert sum(Fraction(row["payment_exact"]) for row in answer["winners"]) == Fraction(answer["total_payment_exact"])
    assert answer["winners"][0].keys() == {"worker", "requester", "payment", "payment_exact"}


def test_shipped_market_is_the_default() -> None:
    answer = json.loads(invoke("solve", "--json", "--summary").stdout)
    assert answer["objective_exact"] == "35175223/1000000"
    assert json.loads(invoke("run", "--json", "--summary").stdout)["score"] == 28.837319


def test_compare_shows_optimum_mechanism_and_ratio() -> None:
    result = invoke("compare")
    assert result.exit_code == 0
    for expected in ("OPT-FRAC", "35.175223", "28.837319", "driftpay-co", "0.8198", "proved optimal"):
        assert expected in result.stdout
    rows = {row["name"]: row for row in json.loads(invoke("compare", "--json").stdout)["rows"]}
    assert Fraction(rows["driftpay-co"]["ratio_exact"]) == Fraction("28.837319") / Fraction("35.175223")


@pytest.mark.parametrize(
    "command", [("solve",), ("solve", "--problem", "opt-frac"), ("run",), ("methods",), ("mechanisms",)]
)
def test_tables_for_people(command: tuple[str, ...]) -> None:
    result = invoke(*command)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 3
    json.loads(invoke(*command, "--json").stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("solve", "FILE", "--problem", "nonsense"), "unknown problem 'nonsense'"),
        (("solve", "FILE", "--method", "nonsense"), "unknown method 'nonsense' for opt; there are"),
        (("solve", "FILE", "--method", "brute-force"), "takes at most 16 workers, this market has 40"),
        (("solve", "FILE", "--problem", "cover"), "needs every worker's coverage"),
        (("solve", "FILE", "--time-limit", "-1"), "must be >= 0 seconds"),
        (("solve", "FILE", "--time-limit", "nan"), "must be >= 0 seconds"),
        (("solve", "FILE", "--export", "model.txt"), "can be exported as .lp, .mps, not as 'model.txt'"),
        (("solve", "missing.market.json"), "cannot read"),
        (("solve", "."), "a folder with no *.market.json inside"),
        (("run", "FILE", "--mechanism", "nonsense"), "unknown mechanism 'nonsense'"),
        (("solve", "x.mots.json", "--problem", "opt"), "'opt' is a problem of *.market.json files, not of x.mots.json"),
        (
            ("solve", "--problem", "social-state", "--explain"),
            "field 'explain': is for problems of *.market.json files",
        ),
        (("run", "missing.market.json"), "cannot read"),
        (("methods", "nonsense"), "unknown problem"),
        (("generate", "/no/such/folder/x.market.json"), "cannot write"),
        (("generate", "OUT", "--kind", "z"), "unknown kind 'z'"),
        (("generate", "OUT", "-n", "0"), "must be at least 1"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], message: str, market_file: Path, tmp_path: Path
) -> None:
    places = {"FILE": str(market_file), "OUT": str(tmp_path / "out.market.json")}
    result = invoke(*(places.get(argument, argument) for argument in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize("arguments", [("solve", "--nonsense"), ("nonsense",), ("solve", "--time-limit", "soon")])
def test_misused_command_lines_exit_with_2(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_out_of_time_gives_point_bound_and_exit_code_4(tmp_path: Path) -> None:
    path = tmp_path / "hard.market.json"
    write_market(generate_market("c", 1500, seed=1), path)
    result = invoke("solve", path, "--method", "highs-arrays", "--time-limit", "0.5", "--json", "--summary")
    assert result.exit_code == 4
    answer = json.loads(result.stdout)
    assert (answer["status"], answer["stopped"]) == ("feasible", "time-limit")
    optimum = solve(read_market(path), "opt-frac").objective
    assert Fraction(answer["objective_exact"]) <= Fraction(answer["bound_exact"]) <= (optimum or 0)


def test_generate_and_export(tmp_path: Path) -> None:
    path = tmp_path / "g.market.json"
    assert (
        invoke("generate", path, "--kind", "b", "-n", "12", "-m", "2", "-L", "3", "--workers-file", "g.csv").exit_code
        == 0
    )
    market = read_market(path)
    assert (market.n, market.m, market.L) == (12, 2, 3)
    for ending in ("lp", "mps"):
        model = tmp_path / f"model.{ending}"
        assert invoke("solve", path, "--export", model).exit_code == 0
        text = model.read_text()
        assert "one_requester" in text
        assert "budget" in text


def test_exported_model_has_the_same_optimum(tmp_path: Path, market_file: Path) -> None:
    import highspy

    model = tmp_path / "model.lp"
    invoke("solve", market_file, "--export", model)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("mip_rel_gap", 0.0)
    assert highs.readModel(str(model)) != highspy.HighsStatus.kError
    highs.run()
    market = read_market(market_file)
    optimum = solve(market, "opt").objective
    assert optimum is not None
    assert round(abs(highs.getObjectiveValue())) == optimum * market.scaled.score_denominator


def test_version_and_module() -> None:
    import fedmech

    assert invoke("--version").stdout.strip() == f"fedmech {fedmech.__version__}"
    done = subprocess.run([sys.executable, "-m", "fedmech", "--help"], capture_output=True, text=True, check=True)
    assert "solve" in done.stdout
