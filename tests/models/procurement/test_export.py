"""Exported models: another solver that reads the file finds the market's optimum, in its units and under its names."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fedmech import InputError, Market, export_model, solve
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp
from strategies import markets


def by_another_solver(path: Path) -> tuple[float, list[str]]:
    """Read an LP file of Pyomo's by hand and solve it with scipy: the optimum, and the variables that are 1."""
    section, objective, rows, names = "", {}, [], []
    row: dict[str, float] = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("\\*"):
            continue
        if words[0] in ("max", "s.t.", "bounds", "binary", "end"):
            section = words[0]
        elif section == "max" and len(words) == 2:
            objective[words[1]] = float(words[0])
        elif section == "s.t.":
            if words[0].endswith(":"):
                row = {}
            elif words[0] in ("<=", "="):
                rows.append((row, float(words[1])))
            else:
                row[words[1]] = float(words[0])
        elif section == "bounds":
            names.append(words[2])
    binary = set(path.read_text().split("binary", 1)[-1].split()) if "\nbinary" in path.read_text() else set()
    index = {name: at for at, name in enumerate(names)}
    if not names:
        return 0.0, []
    matrix = [[row.get(name, 0.0) for name in index] for row, _ in rows]
    limits = [LinearConstraint(matrix, ub=np.array([limit for _, limit in rows]))] if rows else []  # pyright: ignore[reportArgumentType]
    found = milp(
        [-objective.get(name, 0.0) for name in names], constraints=limits, integrality=[int(n in binary) for n in names],
        bounds=(0, 1),
    )  # fmt: skip
    return -found.fun, [name for name in names if found.x[index[name]] > 0.5]


@settings(max_examples=40)
@given(markets(), st.sampled_from(["orp", "opt", "opt-frac", "opt-sep"]))
def test_the_optimum_of_the_file_is_the_markets(
    tmp_path_factory: pytest.TempPathFactory, market: Market, problem: str
) -> None:
    path = tmp_path_factory.mktemp("export") / "x.lp"
    export_model(market, problem, path)
    wanted = solve(market, problem).value
    assert wanted is not None
    if market.n and market.m:
        assert by_another_solver(path)[0] == pytest.approx(float(wanted), rel=1e-6, abs=1e-6)


def test_names_are_the_markets_and_each_is_there_once(tmp_path: Path) -> None:
    market = Market.build(
        scores=["0.5", "0.25", "0.125"], costs=["0.25", "0.5", "0.125"], budgets=["0.5"], worker_ids=["a b", "a_b", "日本"],
        requester_ids=["r,1"], groups=["g", "g", "h"], caps={("g", "r,1"): 1},
    )  # fmt: skip
    for ending in ("lp", "mps"):
        export_model(market, "opt-sep", tmp_path / f"x.{ending}")
    value, hired = by_another_solver(tmp_path / "x.lp")
    assert value == 0.625
    assert hired == ["x_a_b_r_1", "x____r_1"]
    text = (tmp_path / "x.mps").read_text()
    assert "x_a_b_r_1_at1_at0" in text
    assert "cap_g_r_1" in text
    assert "0.625" not in text


def test_coverage_is_in_its_own_units(tmp_path: Path) -> None:
    market = Market.build(scores=[1, 1], costs=[1, 1], budgets=[1], coverage=[["0.5", 0], ["0.25", "0.75"]])
    export_model(market, "cover", tmp_path / "x.lp")
    assert by_another_solver(tmp_path / "x.lp")[0] == 1


def test_numbers_beyond_floats_are_refused(tmp_path: Path) -> None:
    market = Market.build(scores=["1e310", "0.5"], costs=[1, 1], budgets=[1])
    with pytest.raises(InputError, match="too large for a model in floating point"):
        export_model(market, "opt", tmp_path / "x.lp")
    assert not (tmp_path / "x.lp").exists()


def test_decimals_are_written_as_they_are_and_what_is_rounded_is_counted(tmp_path: Path) -> None:
    market = Market.build(scores=["0.1", 10**17 + 1, "1/3"], costs=["0.3", "0.7", "2.5e-7"], budgets=["1.1"])
    assert export_model(market, "opt", tmp_path / "x.mps") == 2
    assert export_model(market, "opt", tmp_path / "x.lp") == 1
    assert export_model(market, "orp", tmp_path / "y.mps") == 2
    numbers = {line.split()[-1] for line in (tmp_path / "x.mps").read_text().splitlines() if " c_u_budget_ " in line}
    assert {Fraction(number) for number in numbers} == {Fraction(x) for x in ("0.3", "0.7", "2.5e-7", "1.1")}
    whole = Market.build(scores=[3, 2], costs=[1, 1], budgets=[2], coverage=[["1/7"], [1]])
    assert export_model(whole, "opt", tmp_path / "z.mps") == 0
    assert export_model(whole, "cover", tmp_path / "z.mps") == 1
