"""The commands on MoTS markets: JSON contracts, exit codes, figures as files."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from campaign import thorough
from fedmech.cli import app
from fedmech.commands.plot import THEORY
from fedmech.fl.sharing import figures, market_sweeps
from fedmech.models.data import prototype_market_path
from fedmech.models.sharing.market import MotsMarket, read_mots, write_mots
from fedmech.solvers.sharing.solve import solve_social_state
from fedmech.verification import ledger
from fedmech.verification.claim import Claim, Judgement
from matplotlib.mathtext import MathTextParser
from typer.testing import CliRunner, Result

runner = CliRunner()


def invoke(*arguments: str | Path) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def market_file(tmp_path: Path) -> Path:
    path = tmp_path / "x.mots.json"
    market = MotsMarket.build(
        sizes=[2, 5, 9], counts=[3, 2, 2], costs=["0.1", "0.2", "1"], utility={"family": "linear", "a": 2, "s": 1}
    )
    write_mots(market, path)
    return path


@pytest.mark.parametrize("method", ["auto", "frontier", "pareto", "enumeration", "pyomo-highs"])
def test_solve_json(market_file: Path, method: str) -> None:
    result = invoke("solve", market_file, "--problem", "social-state", "--method", method, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    answer = json.loads(result.stdout)
    market = read_mots(market_file)
    state = tuple(answer["state"][entry.id] for entry in market.types)
    assert Fraction(answer["objective_exact"]) == market.welfare(state)
    assert Fraction(answer["error_exact"]) == market.error(state)
    assert (answer["problem"], answer["status"], answer["stopped"], answer["gap"]) == (
        "social-state", "optimal", "proved", 0,
    )  # fmt: skip
    assert answer["exactness"] == {"pyomo-highs": "solver", "enumeration": "enumerated", "pareto": "enumerated"}.get(
        method, "checked"
    )


def test_solve_reads(market_file: Path, tmp_path: Path) -> None:
    assert "optimal" in invoke("solve", market_file).stdout
    assert invoke("solve", "--problem", "social-state").exit_code == 0
    target = tmp_path / "model.nl"
    assert invoke("solve", market_file, "--export", target).exit_code == 0
    assert target.stat().st_size > 0
    assert invoke("solve", market_file, "--export", tmp_path / "model.xyz").exit_code == 2


def test_an_infeasible_requirement_exits_3(market_file: Path) -> None:
    market = read_mots(market_file)
    write_mots(market.with_max_error(Fraction(1, 1000)), market_file)
    result = invoke("solve", market_file, "--json")
    assert result.exit_code == 3
    answer = json.loads(result.stdout)
    assert answer["status"] == "infeasible"
    assert Fraction(answer["error_exact"]) > Fraction(1, 1000)
    assert "least reachable error" in result.stderr
    assert invoke("swan", market_file).exit_code == 3


@pytest.mark.parametrize(
    "utility", [{"expression": "eps"}, {"expression": "open('x')"}, {"expression": "1/(eps - 1/9)"}, {"family": "none"}]
)
def test_bad_utilities_exit_2(market_file: Path, utility: dict) -> None:
    document = json.loads(market_file.read_text())
    market_file.write_text(json.dumps({**document, "utility": utility}))
    for command in (("solve", market_file), ("swan", market_file), ("plot", "swan-cost", market_file)):
        result = invoke(*command)
        assert result.exit_code == 2, result.stdout
        assert result.stderr.count("\n") == 1
        assert "utility" in result.stderr


def test_solve_stopped_exits_4(market_file: Path) -> None:
    result = invoke("solve", market_file, "--time-limit", "0", "--json")
    assert result.exit_code == 4
    answer = json.loads(result.stdout)
    assert answer["stopped"] == "time-limit"
    assert answer["state"] is not None


def test_certificates_of_states_are_written_and_checked(market_file: Path, tmp_path: Path) -> None:
    written = tmp_path / "proof.json"
    result = invoke("solve", market_file, "--certificate", written, "--json")
    assert json.loads(result.stdout)["certificate"] == {"file": str(written), "missing": None}
    assert "valid: the state is optimal" in invoke("check", written, market_file).stdout
    checked = json.loads(invoke("check", written, market_file, "--json").stdout)
    assert checked["valid"]
    assert checked["welfare_exact"] == checked["bound_exact"] == json.loads(result.stdout)["objective_exact"]
    # The shipped market is another one.
    other = invoke("check", written)
    assert other.exit_code == 1
    assert "another market" in other.stdout
    # A method that gives no proof gives no certificate.
    result = invoke("solve", market_file, "--certificate", tmp_path / "none.json", "--method", "enumeration")
    assert result.exit_code == 4
    assert "no certificate" in result.stderr
    assert not (tmp_path / "none.json").exists()
    market = read_mots(market_file)
    write_mots(market.with_max_error(Fraction(1, 1000)), market_file)
    assert invoke("solve", market_file, "--certificate", written, "--force").exit_code == 3
    assert "no state meets the requirement" in invoke("check", written, market_file).stdout


def test_swan_json(market_file: Path) -> None:
    result = invoke("swan", market_file, "--unique", "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    market = read_mots(market_file)
    state = tuple(answer["state"][entry.id] for entry in market.types)
    assert state == solve_social_state(market).state
    assert answer.keys() >= {"price", "rewards", "incentive_cost", "incentive_ratio", "equilibria", "error", "welfare"}
    assert answer["incentive_cost"] == 0
    assert answer["unique_payments"]["incentive_cost"] == 0
    assert answer["equilibria_complete"]
    assert answer["state"] in answer["equilibria"]
    assert {entry["name"] for entry in answer["comparators"]} == {"dynamic", "modified-fl", "fl-only"}
    text = invoke("swan", market_file, "--unique").stdout
    assert "is an equilibrium" in text
    assert "single-peaked" in text


@pytest.mark.parametrize("topic", thorough(["threshold", "merge", "regions", "peak"], ("regions", "peak").__contains__))
def test_derive(topic: str) -> None:
    document = json.loads(invoke("derive", topic, "--json").stdout)
    assert document["steps"]
    assert document["formulas"]
    pasted = invoke("derive", topic, "--latex").stdout.strip()
    first, *lines, last = pasted.split("\n")
    assert (first, last) == (r"\begin{align*}", r"\end{align*}")
    assert len(lines) == len(document["formulas"])
    assert all(line.endswith(r" \\") for line in lines[:-1])
    for line in lines:
        left, right = line.removesuffix(r" \\").split("&=")
        # A reader of LaTeX's mathematics takes both sides: nothing in them is left to a name that TeX does not know.
        for side in (left, right):
            MathTextParser("path").parse(f"${side.strip()}$")
    assert document["statement"].split("\n")[0] in invoke("derive", topic).stdout
    assert invoke("derive", "nonsense").exit_code == 2


def test_tradeoff(market_file: Path) -> None:
    document = json.loads(invoke("tradeoff", market_file, "--json").stdout)
    points = document["points"]
    assert points[-1]["error"] == pytest.approx(document["least_error"])
    assert [p["error"] for p in points] == sorted((p["error"] for p in points), reverse=True)
    assert [p["welfare"] for p in points] == sorted((p["welfare"] for p in points), reverse=True)
    assert "errors of all states" in invoke("tradeoff", market_file).stdout
    varied = invoke("tradeoff", market_file, "--vary", "max-error", "--values", "1/1000, 0.5", "--json")
    assert [p["status"] for p in json.loads(varied.stdout)["points"]] == ["infeasible", "optimal"]
    assert invoke("tradeoff", market_file, "--vary", "colour", "--values", "1").exit_code == 2
    assert invoke("tradeoff", market_file, "--vary", "cost").exit_code == 2


def test_methods_for_social_states() -> None:
    document = json.loads(invoke("methods", "social-state", "--json").stdout)
    assert {row["name"] for row in document["methods"]} == {"frontier", "pareto", "enumeration", "pyomo-highs"}
    assert "pyomo-highs" in invoke("methods").stdout


def test_verify(tmp_path: Path) -> None:
    target = tmp_path / "w.mots.json"
    result = invoke("verify", "S-T1-THIRD", "--json", "--witness", target)
    assert result.exit_code == 0, result.stderr
    (entry,) = json.loads(result.stdout)["claims"]
    assert (entry["id"], entry["verdict"], entry["agrees"], entry["rechecked"]) == ("S-T1-THIRD", "refuted", True, True)
    assert json.loads(target.read_text()) == entry["witness"]
    assert invoke("solve", target).exit_code == 0
    assert invoke("verify", "S-T1-THIRD").exit_code == 0
    assert invoke("verify", "NO-SUCH").exit_code == 2
    assert invoke("verify", "S-T1", "--witness", target).exit_code == 2
    assert "S-T1-THIRD" in invoke("claims").stdout
    page = " ".join(invoke("claims", "S-T1-THIRD").stdout.split())
    for word in ("refuted", "amended", "necessary", "re-checked", "a third", "rests on"):
        assert word in page
    assert invoke("claims", "NO-SUCH").exit_code == 2
    assert {"id", "expected"} <= json.loads(invoke("claims", "--json").stdout)["claims"][0].keys()


def test_verify_exits_1_when_a_verdict_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = Claim("S-T1", "p", "s", "verified", lambda: Judgement("supported", "m", "s"))
    monkeypatch.setattr(ledger, "claims", lambda: {"S-T1": changed})
    result = invoke("verify", "S-T1", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["claims"][0]["agrees"] is False


@pytest.mark.parametrize("figure", THEORY)
def test_plot(figure: str, market_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "figure.svg"
    # The regions of theorem 2 are about every market.
    given = [] if figure == "swan-regions" else [market_file]
    result = invoke("plot", figure, *given, "--out", out, "--points", "4")
    assert result.exit_code == 0, result.stderr
    assert out.read_text().rstrip().endswith("</svg>")


def test_plot_refuses() -> None:
    assert invoke("plot", "nonsense").exit_code == 2
    assert invoke("plot", "swan-error", "--out", "figure.docx").exit_code == 2


def test_the_numbers_behind_the_figures() -> None:
    market = read_mots(prototype_market_path())
    for row in figures.region_rows(5, Fraction(120), range(50, 300, 50)):
        # The boundaries cross where the newcomer has the coalition's own size.
        assert (row["phi"] > row["inverse"]) == (row["size"] > 120)
    errors = [row["error"] for row in figures.error_rows(market, 0, {2: 5})]
    assert max(range(len(errors)), key=errors.__getitem__) == 3
    assert figures.error_rows(market, 0, {})[0]["participants"] == 1
    costs = market_sweeps.cost_rows(market, market_sweeps.default_costs(market, 6), market_sweeps.mechanism_row)
    assert [row["cost_per_sample"] for row in costs] == sorted(row["cost_per_sample"] for row in costs)
    for row in costs:
        assert all(row[name] is None or row[name] <= row["swan"] for name in ("dynamic", "modified-fl"))
    swan = [row["swan"] for row in costs]
    assert swan == sorted(swan, reverse=True)
    assert swan[-1] == 0
    limits = market_sweeps.requirement_rows(
        market, ["0.4", *market_sweeps.default_requirements(market, 5)], market_sweeps.framework_row
    )
    assert limits[0]["mots"] is None
    for row in limits[1:]:
        assert row["mots"] >= row["fl"]
        assert row["mots_cost"] <= row["fl_cost"]
    dear = market_sweeps.framework_row(market_sweeps.with_cost_per_sample(market, Fraction(1)).with_max_error(2))
    assert dear["mots_cost"] > -dear["mots"] > 0
