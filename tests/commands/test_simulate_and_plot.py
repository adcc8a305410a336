"""One point on the command line, the list of experiments, and figures of results."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import typer
from deadly_experiments import ENTRY, grid, registered
from fedmech import InputError
from fedmech.cli import app
from fedmech.commands.simulate import show_rows
from fedmech.fl.experiments.engine.registry import Experiment, experiments, find_experiment
from fedmech.fl.experiments.engine.result_figure import draw_result, means_over_seeds
from fedmech.fl.experiments.engine.results import read_results
from fedmech.fl.experiments.engine.sweep import run_sweep
from fedmech.fl.experiments.papers.network_effects import NetworkEffects
from typer.testing import CliRunner, Result

SETTINGS = ("sizes=50,60", "counts=2,2", "dimension=4", "repetitions=7", "seed=3")
POINT = ("simulate", "network-effects", *(part for text in SETTINGS for part in ("--set", text)))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_simulate_is_the_experiment(tmp_path: Path) -> None:
    settings = NetworkEffects(sizes=(50, 60), counts=(2, 2), dimension=4, repetitions=7, seed=3)
    expected = find_experiment("network-effects").run(settings)
    result = invoke(*POINT, "--json", "--out", tmp_path / "rows.csv")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["rows"] == expected
    assert answer["settings"]["sizes"] == [50, 60]
    assert answer["point"] == find_experiment("network-effects").digest(settings)
    assert invoke(*POINT, "--out", tmp_path / "rows.parquet").exit_code == 0
    for ending in ("csv", "parquet"):
        frame: Any = read_results(tmp_path / f"rows.{ending}")
        assert frame[list(expected[0])].to_dict("records") == expected
        assert set(frame["sizes"]) == {"50,60"}
    assert "rows" not in json.loads(invoke(*POINT, "--json", "--summary").stdout)
    shown = invoke(*POINT)
    assert "standard_error" in shown.stdout
    assert "3 points is for 'fedmech sweep'" in shown.stderr
    assert "standard_error" not in invoke(*POINT, "--summary").stdout


def test_rows_too_wide_for_a_screen_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    extra = {f"c{k}": float(k) for k in range(12)}
    rows = [
        {"level": "round", "score": 1.5, **extra},
        {"level": "round", "score": 4.5, **extra},
        {"level": "requester", "score": None, "paid": 7, **extra},
    ]
    show_rows(find_experiment("network-effects"), {}, rows, 0.0, summary=False)
    cells = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["score", "3", "1.5", "4.5", "1.5", "4.5", "2"] in cells
    assert ["paid", "7", "7", "7", "7", "7", "1"] in cells
    assert sum(line[:1] == ["score"] for line in cells) == 1


DIVERGING = [
    word for change in ("counts=2,1,1", "runs=1", "rounds=2", "learning_rate=1e38") for word in ("--set", change)
]
DIVERGING.append("--set")
ONE_MARKET = [word for change in ("cap=1", "spread=1", "requesters=2", "seed=0") for word in ("--set", change)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "unknown configuration 'nonsense'"),
        (("network-efects",), "did you mean 'network-effects'"),
        (("no.toml",), "cannot read"),
        (("network-effects", "--set", "seed"), "expected FIELD=VALUE"),
        (("network-effects", "--set", "seed=1", "--set", "seed=2"), "given twice"),
        (("network-effects", "--set", "seed=0.5"), "expected an integer"),
        (("network-effects", "--set", "sizes=13,50,60"), "more than dimension + 3"),
        (("network-effects", "--out", "/no/such/folder/x.csv"), "cannot write"),
        (("network-effects", "--out", "x.json"), "written as .csv or .parquet"),
        (("procurement", "--set", "device=meta"), "field 'device': torch cannot compute on 'meta'"),
        (("procurement", "--set", "device=nonsense"), "field 'device': torch cannot compute on 'nonsense'"),
        (("swan-error", *DIVERGING, "sizes=5,6,7", "--set", "curves=k/0/1"), "field 'learning_rate'"),
        (("swan-welfare", *DIVERGING, "sizes=5,6,7"), "state 0/0/1, field 'learning_rate'"),
        (("care", *ONE_MARKET, *DIVERGING[4:], "workers=20"), "field 'learning_rate'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: tuple[str, ...], message: str) -> None:
    result = invoke("simulate", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_help_says_every_word_it_was_given() -> None:
    # A word in brackets is markup to what prints the help, and disappears.
    commands = cast(Any, typer.main.get_command(app)).commands
    assert {"simulate", "sweep", "plot"} <= set(commands)
    for name, command in commands.items():
        texts = [command.help, *(getattr(parameter, "help", None) for parameter in command.params)]
        assert not [text for text in texts if text and re.search(r"\[[a-z#/@]", text)], name


def test_the_list_of_experiments_is_the_registry() -> None:
    answer = json.loads(invoke("experiments", "--json").stdout)["experiments"]
    assert [row["name"] for row in answer] == [entry.name for entry in experiments()]
    assert all(row["configurations"] for row in answer)
    assert "network-effects (9)" in invoke("experiments").stdout


@pytest.mark.parametrize(
    ("absent", "command", "message"),
    [
        ("pyarrow", ("sweep", "network-effects", "--out", "r"), "pip install 'fedmech[fl]'"),
        ("joblib", ("sweep", "network-effects", "--out", "r", "--jobs", "2"), "pip install 'fedmech[fl]'"),
        (
            "distributed",
            ("sweep", "network-effects", "--out", "r", "--dask", "tcp://x:1"),
            "pip install 'fedmech[dask]'",
        ),
    ],
)
def test_a_missing_package_is_one_line(absent: str, command: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        f"u.find_spec = lambda name, *rest: None if name == {absent!r} else find(name, *rest)\n"
        f"sys.modules[{absent!r}] = None; sys.argv[1:] = {list(command)}\n"
        "from fedmech.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=os.environ)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def result(tmp_path: Path) -> Path:
    configuration = ENTRY
    with registered():
        for share in (0.25, 0.5):
            run_sweep(grid(3, share=share), tmp_path / "r")
    assert configuration.plot is None
    return tmp_path / "r"


def test_means_over_seeds_are_those_of_the_table(result: Path) -> None:
    frame: Any = read_results(result)
    means: Any
    one: Any
    means, metric, against, by = means_over_seeds(frame, ENTRY)
    assert (metric, against, by) == ("value", "share", ["odd"])
    means, metric, against, by = means_over_seeds(frame, ENTRY, against="share", by=[])
    for row in means.itertuples():
        points = [part["value"].to_numpy().mean() for _, part in frame[frame["share"] == row.share].groupby("seed")]
        assert row.count == len(points) == 3
        assert row.mean == pytest.approx(np.mean(points))
        assert row.standard_error == pytest.approx(np.std(points, ddof=1) / np.sqrt(3))
    one, *_ = means_over_seeds(frame[frame["seed"] == 1], ENTRY, against="k", by=["share"])
    assert list(one["count"]) == [1] * 6
    assert one["standard_error"].isna().all()


def test_plot_of_results(result: Path, tmp_path: Path) -> None:
    with registered():
        for ending in ("png", "svg", "pdf"):
            drawn = invoke("plot", result, "--against", "share", "--by", "k", "--out", tmp_path / f"a.{ending}")
            assert drawn.exit_code == 0, drawn.stderr
            assert (tmp_path / f"a.{ending}").stat().st_size > 1000
        for arguments, message in (
            (("--metric", "valu"), "did you mean 'value'"),
            (("--metric", "deed"), "no numbers to draw in deed"),
            (("--against", "deed"), "nothing varies to draw value against"),
            (("--out", tmp_path / "no" / "x.png"), "cannot write a file here"),
            (("--out", tmp_path), "written as .png"),
        ):
            refused = invoke("plot", result, "--out", tmp_path / "never.png", *arguments)
            assert refused.exit_code == 2
            assert message in refused.stderr
        assert (
            invoke("plot", result, "--by", "k,k,share", "--against", "share", "--out", tmp_path / "b.png").exit_code
            == 0
        )
    assert not (tmp_path / "never.png").exists()
    assert invoke("plot", tmp_path / "missing").exit_code == 2
    assert invoke("plot", tmp_path).exit_code == 2
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert "missing column" in invoke("plot", tmp_path / "x.csv").stderr


def test_lines_and_error_bars_are_the_means(result: Path) -> None:
    with registered():
        figure = draw_result(read_results(result), "value", "share", ["k"])
    means: Any = means_over_seeds(read_results(result), ENTRY, "value", "share", ["k"])[0]
    for k, container in enumerate(figure.axes[0].containers):
        part = means[means["k"] == k]
        assert list(container[0].get_xdata()) == [0.25, 0.5]
        assert list(container[0].get_ydata()) == list(part["mean"])
        ends = [segment[:, 1] for segment in container[2][0].get_segments()]
        assert [high - low for low, high in ends] == pytest.approx(list(2 * part["standard_error"]))


@pytest.mark.parametrize("entry", [entry for entry in experiments() if entry.plot], ids=lambda entry: entry.name)
def test_experiments_refuse_a_table_that_lacks_columns(entry: Experiment) -> None:
    table = pd.DataFrame({"point": ["a"], "experiment": [entry.name], "version": [entry.version]})
    with pytest.raises(InputError, match="missing column"):
        draw_result(table)


def test_own_figure_of_network_effects(tmp_path: Path) -> None:
    invoke(*POINT, "--out", tmp_path / "rows.csv")
    figure = draw_result(read_results(tmp_path / "rows.csv"))
    frame = read_results(tmp_path / "rows.csv")
    assert np.asarray(figure.axes[0].lines[0].get_ydata()).tolist() == list(frame["stated"])
    assert invoke("plot", tmp_path / "rows.csv", "--out", tmp_path / "x.png").exit_code == 0
