"""LP and MPS files of knapsack shape: exact to the last digit, beside HiGHS's own reader and optimum, and refused by row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fedmech import InputError, Market, read, solve
from fedmech.cli import app
from fedmech.models.procurement.convert import convert
from fedmech.models.procurement.formulations import export_model
from fedmech.solvers.highs.interface import make_highs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

LP = (
    r"""\ a knapsack with groups, in the words of several writers
Maximize
 obj: 3 x1 + .1 x2 + 5e0x3
      + 2 y
Subject To
 budget: 2 x1 + 1.25 x2 + 4 x3 + y <= 6.5
 cap a: """.replace("cap a", "cap_a")
    + """x1 + x2 <= 1
 -x3 - y >= -1.5
 seats: x1 + x2 + x3 + y <= 2
 void: x1 + y <= 2
Bounds
 x1 <= 1
 0 <= x2 <= 1
 x3 >= -0
Binary
 x1 x2
 x3
Generals
 y
Bounds
 y <= +1
End
"""
)
MPS = """* the same in MPS
NAME          knapsack   FREE
OBJSENSE
    MAX
ROWS
 N  obj
 L  budget
 L  cap_a
 G  R3
 L  seats
 L  void
 N  unused
COLUMNS
    M1 'MARKER' 'INTORG'
    x1 obj 3 budget 2
    x1 cap_a 1 seats 1
    x1 void 1 unused 7
    M2 'MARKER' 'INTEND'
    x2 obj .1 budget 1.25
    x2 cap_a 1 seats 1
    x3 obj 5e0 budget 4
    x3 R3 -1 seats 1
    M3 'MARKER' 'INTORG'
    y obj 2 budget 1
    y R3 -1 seats 1
    y void 1
    M4 'MARKER' 'INTEND'
RHS
    budget 6.5 cap_a 1
    RHS R3 -1.5
    seats 2 void 2
RANGES
    RNG cap_a 1 seats 5
BOUNDS
 UP BND x1 1
 BV x2
 BV BND x3 1
 LI BND y 0
 UI BND y 1
ENDATA
"""


def written(tmp_path: Path, text: str, ending: str) -> Path:
    path = tmp_path / f"model{ending}"
    path.write_text(text)
    return path


def the_market() -> Market:
    return Market.build(
        worker_ids=["x1", "x2", "x3", "y"],
        scores=[3, "0.1", 5, 2],
        costs=[2, "1.25", 4, 1],
        budgets=["6.5"],
        requester_ids=["budget"],
        groups=["cap_a", "cap_a", "R3", "R3"],
        caps={("cap_a", "budget"): 1, ("R3", "budget"): 1},
        seats=[2],
    )


@pytest.mark.parametrize(("text", "ending"), [(LP, ".lp"), (MPS, ".mps")], ids=["lp", "mps"])
def test_a_model_is_the_market_it_looks_like(text: str, ending: str, tmp_path: Path) -> None:
    path = written(tmp_path, text, ending)
    assert read(path) == the_market()
    assert solve(read(path), "opt").value == 8
    again = tmp_path / f"again{ending}"
    convert(read(path), again)
    assert read(again) == the_market()


def highs_optimum(path: Path) -> tuple[float, Any]:
    highs = make_highs()
    assert highs.readModel(str(path)).name == "kOk"
    # A thread keeps the number of solver threads that its first run had; this one is new.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(highs.run).result()
    assert highs.getModelStatus().name == "kOptimal"
    return highs.getInfo().objective_function_value, highs.getLp()


@st.composite
def knapsacks(draw: st.DrawFn) -> Market:
    """A market of one requester, all of whose integers are exact in floating point."""
    n = draw(st.integers(1, 7))
    amounts = draw(st.sampled_from([st.just(1), st.integers(0, 1), st.integers(0, 9), st.integers(0, 10**6)]))
    costs = draw(st.lists(amounts, min_size=n, max_size=n))
    # Pyomo writes a row without variables with one of its own.
    costs[0] = costs[0] or 1
    groups = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n))
    return Market.build(
        scores=draw(st.lists(st.integers(1, 50) | st.integers(1, 10**6), min_size=n, max_size=n)),
        costs=costs,
        budgets=[draw(st.integers(0, sum(costs) + 1))],
        groups=groups,
        caps={(group, "r1"): draw(st.none() | st.integers(0, 4)) for group in dict.fromkeys(groups)},
        seats=[draw(st.none() | st.integers(0, n))],
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(market=knapsacks(), ending=st.sampled_from([".lp", ".mps"]), by=st.sampled_from([".lp", ".mps"]))
def test_the_optimum_is_the_one_of_highs(market: Market, ending: str, by: str, tmp_path: Path) -> None:
    exported, copied = tmp_path / f"exported{ending}", tmp_path / f"copied{by}"
    export_model(market, "opt", exported)
    highs = make_highs()
    highs.readModel(str(exported))
    highs.writeModel(str(copied))
    best = solve(market, "opt").value
    for path in (exported, copied):
        value, lp = highs_optimum(path)
        again = read(path)
        assert isinstance(again, Market)
        assert round(value) == best == solve(again, "opt").value
        assert [*again.scores] == [Fraction(cost) for cost in lp.col_cost_]
        assert [*again.worker_ids] == [*lp.col_names_]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(market=knapsacks(), ending=st.sampled_from([".lp", ".mps"]))
def test_what_is_converted_is_the_same_model_to_highs(market: Market, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{ending}"
    path.unlink(missing_ok=True)
    try:
        convert(market, path, rename=True)
    except InputError:
        # A group without a cap has no row, nor has a single worker who may be hired; a cap of all there are may be seats.
        assert not path.exists()
        return
    assert round(highs_optimum(path)[0]) == solve(market, "opt").value == solve(read(path), "opt").value


@pytest.mark.parametrize("ending", [".lp", ".mps"])
@pytest.mark.parametrize("one", [10**16, 2**62, 10**30])
def test_numbers_are_exact_where_no_float_is(ending: str, one: int, tmp_path: Path) -> None:
    market = Market.build(scores=[one + 1, one, "0.1"], costs=[one + 1, one, "0.2"], budgets=[f"{one}.1"])
    path = tmp_path / f"m{ending}"
    convert(market, path, rename=True)
    again = read(path)
    assert isinstance(again, Market)
    assert [*again.scores] == [one + 1, one, Fraction(1, 10)]
    assert [*again.budgets] == [Fraction(10 * one + 1, 10)]
    # In floating point all three numbers would be the same, and the first item would fit.
    assert solve(again, "opt").value == one


def test_a_minimised_loss_and_a_minimised_cost(tmp_path: Path) -> None:
    text = "min\n loss: - 3 a - 2 b\nst\n money: 2 a + 2 b <= 3\nbinary\n a b\nend\n"
    assert solve(read(written(tmp_path, text, ".lp")), "opt").value == 3
    with pytest.raises(InputError, match="row 'loss': minimises, and the coefficient of 'b' is positive"):
        read(written(tmp_path, text.replace("- 2 b", "+ 2 b"), ".lp"))
    with pytest.raises(InputError, match="row 'loss': maximises, and the coefficient of 'a' is negative"):
        read(written(tmp_path, text.replace("min\n", "max\n"), ".lp"))


def rows(*lines: str, binary: str = "a b c", bounds: str = "") -> str:
    return "\n".join(
        ["max", " 3 a + 2 b + c", "st", *lines, *(["bounds", bounds] if bounds else []), "bin", binary, "end"]
    )


@pytest.mark.parametrize(
    ("lines", "costs", "budget", "groups", "seats"),
    [
        (["a + b + c <= 2"], [1, 1, 1], 2, None, None),
        (["m: a + 2 b <= 2", "n: a + b + c <= 1.5"], [1, 2, 0], 2, None, 1),
        (["a + b + c <= 2", "a + b + c <= 1"], [1, 1, 1], 2, None, 1),
        (["a + b <= 1", "b + c <= 1"], [1, 1, 0], 1, ["rest", "R2", "R2"], None),
        (["a + b <= 1", "c <= 0", "b + c <= 1"], [0, 1, 1], 1, ["R1", "R1", "R2"], None),
        (["a + b <= 1"], [1, 1, 0], 1, None, None),
        (["2 a + 2 b = 0", "m: <= 0"], [2, 2, 0], 0, None, None),
        (["-2 a - 2 b >= -3", "a >= 0", "b <= 1", "0 c <= 4"], [2, 2, 0], 3, None, None),
    ],
)
def test_the_parts_that_rows_play(
    lines: list[str], costs: list[int], budget: int, groups: list[str] | None, seats: int | None, tmp_path: Path
) -> None:
    path = written(tmp_path, rows(*lines), ".lp")
    market = read(path)
    assert isinstance(market, Market)
    assert [*(market.costs or ())] == costs
    assert [*market.budgets] == [budget]
    assert [market.group_ids[l] for l in market.group_of] == (groups or ["g1"] * 3)
    assert market.seat_limits.tolist() == [-1 if seats is None else seats]
    assert solve(market, "opt").value == round(highs_optimum(path)[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rows("m: 2 a + b <= 2", "k: a + 3 b <= 4"), "row 'k': is a second budget beside row 'm'"),
        (rows("m: 2 a <= 2", "k: a + b <= 1", "l: b + c <= 1"), "row 'l': has column 'b' in common with row 'k'"),
        (rows("m: 2 a - b <= 2"), "row 'm': has coefficients of both signs"),
        (rows("m: 2 a + b >= 2"), "row 'm': asks for 2 or more"),
        (rows("m: 2 a + b = 2"), "row 'm': asks for 2 or more"),
        (rows("m: 2 a + b <= -1/2"), "what is|expected"),
        (rows("m: 2 a + b <= -1"), "row 'm': no choice satisfies it"),
        (rows("m: 2 a + b + 4 <= 9"), "line 4, row 'm': has a constant among its terms"),
        (rows("m: 2 a + b <= 2 <= 3"), "line 4, row 'm': has two limits"),
        (rows("m: 1 <= 2 a + b <= 3"), "line 4, row 'm': expected variables before the sense"),
        (rows("m: 0 <= 2 a + b <= 3"), "line 4, row 'm': expected variables before the sense"),
        (rows("m: 2 a + a <= 2"), "row 'm': 'a' is there twice"),
        (rows("m: 2 a <= 2", "m: a <= 1"), "line 5, row 'm': is there twice"),
        (rows("m: 2 a <= inf"), "line 4: expected a number on the right of a row, got 'inf'"),
        (rows("m: 2 a^2 <= 3"), "line 4: what is '.2 <= 3'"),
        (rows("m: 2 a <= 1e999"), "exponent beyond 400"),
        (rows("0 a + 0 b + 0 c <= 3"), "rows: no row limits anything"),
        (rows("m: 2 a <= 2", binary="a b"), "column 'c': is not binary: it may be fractional"),
        (rows("m: 2 a <= 2", bounds="b <= 2"), "column 'b': is not binary: its bounds are 0 and 2"),
        (rows("m: 2 a <= 2", bounds="b = 1"), "column 'b': is not binary: its bounds are 1 and 1"),
        (rows("m: 2 a <= 2", bounds="-inf <= b"), "column 'b': is not binary: its bounds are none and 1"),
        (rows("m: 2 a <= 2", bounds="b free <= 1"), "line 6: expected bounds of one variable"),
        (rows("m: 2 a <= 2", binary="a b\ngen\nc"), "column 'c': is an integer without an upper bound"),
        (rows("m: 2 a <= 2", binary="a b c\nsos\ns1: a:1 b:2"), "line 8: semi-continuous variables, sets, cuts"),
        (rows("m: 2 a <= 2").replace("end", ""), "ends before End"),
        (rows("m: 2 a <= 2") + "\nx", "expected nothing after End"),
        (rows("m: 2 a <= 2") + "\nbin", "expected nothing after End"),
        (rows("m: 2 a <= 2").replace("+ c", "+ c + 4"), "row 'objective': adds the constant 4"),
        (rows("m: 2 a <= 2").replace("+ c", "+ 0 c"), "worker.*'c'.*score"),
        (rows("m: 2 a <= 2").replace("max", "", 1), "line 2: expected max or min"),
        (rows("m: 2 a <= 2").replace("bin", "st", 1), "the objective comes first, and rows and objective come once"),
        ("", "ends before End"),
    ],
)  # fmt: skip
def test_what_no_market_is_is_refused_by_name(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text, ".lp")
    with pytest.raises(InputError, match=message) as refusal:
        read(path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ENDATA\n", "", "ends before ENDATA"),
        ("ENDATA\n", "ENDATA\nROWS\n", "line \\d+: stands after ENDATA"),
        ("BOUNDS\n", "SOS\n", "line \\d+: the section 'SOS' is not one of a market's"),
        (" UP BND x1 1", " SC BND x1 1", "line \\d+: a bound of the kind 'SC'"),
        (" UP BND x1 1", " UP BND x9 1", "line \\d+: expected a kind of bound"),
        (" UP BND x1 1", " MI BND x1", "column 'x1': is not binary: its bounds are none and none"),
        (" UP BND x1 1", " FX BND x1 1", "column 'x1': is not binary: its bounds are 1 and 1"),
        (" UP BND x1 1\n", "", "column 'x1': is an integer without an upper bound; readers differ"),
        (" UP BND x1 1", " UP OTHER y 1\n UP BND x1 1", "line \\d+, field 'BOUNDS': a second set, 'BND'"),
        (" BV x2\n", "", "column 'x2': is not binary: it may be fractional"),
        ("    budget 6.5 cap_a 1", "    budget 6.5 obj 1", "row 'obj': adds the constant -1"),
        ("    budget 6.5 cap_a 1", "    budget 13/2", "line \\d+: expected a number, got '13/2'"),
        ("    budget 6.5 cap_a 1", "    budgets 6.5", "line \\d+, field 'RHS': unknown row 'budgets'"),
        ("    budget 6.5 cap_a 1", "    x budget 6.5\n    z cap_a 1", "line \\d+, field 'RHS': a second set, 'z'"),
        ("cap_a 1 seats 5", "cap_a 1 seats .5", "row 'seats': asks for 3/2 or more"),
        ("    x1 cap_a 1 seats 1", "    x1 budget 1", "line \\d+, row 'budget': 'x1' is there twice"),
        ("    x1 cap_a 1 seats 1", "    x1 cap_a", "line \\d+: expected a column"),
        ("'MARKER' 'INTORG'", "'MARKER' 'SOSORG'", "line \\d+: expected the marker INTORG or INTEND"),
        (" L  void\n", " L  void\n L void\n", "line 12, field 'ROWS': 'void' is there twice"),
        (" L  void\n", " Q  void\n", "line 11: expected N, L, G or E"),
        ("    MAX\n", "    MAXI\n", "line 4, field 'OBJSENSE': expected MAX or MIN"),
        ("OBJSENSE\n", "", "line 3: data before a section"),
        ("    MAX\n", "    MIN\n", "row 'obj': minimises, and the coefficient of 'x1' is positive"),
        (" L  budget\n", " E  budget\n", "row 'budget': asks for 13/2 or more"),
    ],
)  # fmt: skip
def test_what_no_mps_file_of_a_market_has(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in MPS
    with pytest.raises(InputError, match=message):
        read(written(tmp_path, MPS.replace(old, new, 1), ".mps"))


def test_ranges_are_as_the_format_has_them(tmp_path: Path) -> None:
    # An equation with a range above 0 reaches up from its right-hand side, with one below 0 down to it.
    for row, limit, spread, least, most in (
        ("E", 0, 3, 0, 3),
        ("E", 3, -3, 0, 3),
        ("L", 3, -9, -6, 3),
        ("G", 0, 3, 0, 3),
    ):
        text = f"NAME x\nROWS\n N o\n {row} m\nCOLUMNS\n a o -1 m 2\n b o -1 m 2\nRHS\n R m {limit}\nRANGES\n S m {spread}\n"
        path = written(tmp_path, text + "BOUNDS\n BV T a\n BV T b\nENDATA\n", ".mps")
        market = read(path)
        assert isinstance(market, Market)
        assert [*market.budgets] == [most]
        _, lp = highs_optimum(path)
        assert (lp.row_lower_[0], lp.row_upper_[0]) == (least, most)


def test_on_the_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, MPS, ".mps")
    proof = tmp_path / "proof.json"
    done = CliRunner().invoke(app, ["solve", str(path), "--certificate", str(proof)])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, ["check", str(proof), str(path)]).exit_code == 0
    refused = CliRunner().invoke(app, ["solve", str(written(tmp_path, rows("m: 2 a >= 2"), ".lp"))])
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    dropped = written(tmp_path, rows("m: 2 a <= 2").replace("+ c", "+ 0 c"), ".lp")
    assert CliRunner().invoke(app, ["solve", str(dropped), "--drop-zero"]).exit_code == 0
