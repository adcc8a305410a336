"""Every input that has ever failed, and each harness for a moment; ``python tests/fuzz/run.py`` runs them as long as one likes."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from fedmech import InputError, read_market, solve
from fedmech.models.sharing.market import read_mots
from fedmech.solvers.sharing.solve import solve_social_state
from hypothesis import HealthCheck, given, settings

sys.path.insert(0, str(Path(__file__).parent))
from targets import CORPUS, TARGETS

CASES = [(name, path) for name in TARGETS if (CORPUS / name).is_dir() for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize(("name", "path"), CASES, ids=[f"{name}-{path.name}" for name, path in CASES])
def test_every_input_of_the_corpus_is_read_or_refused(name: str, path: Path) -> None:
    data = path.read_bytes()
    accepted = TARGETS[name].put(data.decode("utf-8") if name in ("expression", "parser") else data)
    if path.stem.startswith("right"):
        assert accepted


@pytest.mark.parametrize("name", list(TARGETS))
def test_a_moment_of_each_harness(name: str) -> None:
    target = TARGETS[name]

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(target.inputs())
    def put(data: object) -> None:
        target.put(data)

    put()


@pytest.mark.parametrize(
    ("name", "problem", "optimum"),
    [
        ("WRONG_opt_pivot", "opt", 63),
        ("WRONG_opt_pivot", "opt-sep", 63),
        ("WRONG_optsep_seats", "opt-sep", 1126),
        ("c11_1e309", "opt-sep", 10**309 + 4),
        ("c17_export_scale", "opt", Fraction(1, 2)),
    ],
)
def test_the_right_answer(name: str, problem: str, optimum: Fraction) -> None:
    solution = solve(read_market(CORPUS / "market-json" / f"{name}.json"), problem)
    assert (solution.status, solution.exactness, solution.objective) == ("optimal", "checked", optimum)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("market-json/c08_surrogate.json", r"workers\[0\], field 'id': name '\\ud800x' has a lone surrogate"),
        ("market-json/surrogate_req.json", r"requesters\[0\], field 'id': name '\\udfff' has a lone surrogate"),
        ("market-json/c10_ansi.json", r"workers\[0\], field 'id': name .* has a control character"),
        ("market-json/ansi_id.json", r"workers\[0\], field 'id': name .* has a control character"),
        ("market-csv/c04_empty_names.csv", r"workers\[0\], field 'group': missing"),
        ("market-csv/c05_nul_fast_path.csv", r"workers\[0\] .*field 'score': expected a number, got '1\\x005'"),
        ("market-csv/c05b_nul_trailing.csv", r"workers\[0\] .*field 'score': expected a number, got '1\\x00'"),
        ("market-parquet/c15_binary_id.parquet", "field 'id': expected names, got the Parquet type binary"),
        ("market-parquet/c15_cov_scalar.parquet", "field 'coverage': expected lists of numbers"),
        ("market-parquet/text_not_utf8.parquet", "field 'id': a text that is not UTF-8"),
        ("market-parquet/c15_dup_col.parquet", "field 'score': two columns of the same name"),
        ("mots/zeropow.json", "field 'utility': a power that varies needs a base above 0"),
    ],
)
def test_the_right_refusal(file: str, message: str, tmp_path: Path) -> None:
    source = CORPUS / file
    if source.parent.name in ("market-csv", "market-parquet"):
        beside = tmp_path / f"w{source.suffix}"
        beside.write_bytes(source.read_bytes())
        document = {"format": "fedmech-market/1", "workers": beside.name, "requesters": [{"id": "r", "budget": 9}]}
        source = tmp_path / "m.market.json"
        source.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        read_mots(source) if "mots" in file else read_market(source)


@pytest.mark.parametrize(("name", "participants"), [("exp1e9", 1), ("pow64", 3)])
def test_formulas_that_once_had_no_end(name: str, participants: int) -> None:
    answer = solve_social_state(read_mots(CORPUS / "mots" / f"{name}.json"), time_limit=20)
    assert (answer.status, answer.exactness) == ("optimal", "checked")
    assert answer.state is not None
    assert sum(answer.state) == participants


@pytest.mark.thorough
def test_the_command_that_hunts(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parent / "run.py"), "--seconds", "0.1"]
    done = subprocess.run([*command, "parser"], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert (done.returncode, done.stdout.startswith("parser: ")) == (0, True), done.stderr
    assert (
        subprocess.run([*command, "nothing"], capture_output=True, cwd=tmp_path, timeout=60, check=False).returncode
        == 2
    )
