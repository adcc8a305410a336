"""DriftPay's experiments: shipped configurations run, figures show what was measured, stress tests agree with the exhaustive audit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from fractions import Fraction as F

import numpy as np
import pandas as pd
import pytest
from campaign import some, thorough
from fedmech import Market, run_mechanism
from fedmech.fl.experiments.engine.configuration import read_configuration, shipped_configurations
from fedmech.fl.experiments.engine.registry import find_experiment
from fedmech.fl.experiments.papers.truthfulness import TruthfulnessSettings, responses, verdict
from fedmech.fl.rounds.environment import build_environment
from fedmech.fl.rounds.scoring_rules import find_scoring_rule
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.verification.audit import audit
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import markets

CONFIGURATIONS = [name for name in shipped_configurations() if name.startswith("driftpay-")]
SIMULATIONS = [name for name in CONFIGURATIONS if name != "driftpay-truthfulness"]
AXES = {
    "deviations",
    "budget",
    "caps",
    "congestion",
    "beta",
    "dispersion",
    "probe",
    "pooling",
    "scoring",
    "truthfulness",
    # Questions of ours, beside the paper's axes.
    "rotation",
    "regimes",
    "mechanisms",
    "audits",
}


def table(name: str, points) -> pd.DataFrame:
    """Rows of some points with their settings, as a sweep's result has them."""
    entry = find_experiment(name)
    frames = []
    for number, point in enumerate(points):
        rows = pd.DataFrame(entry.run(point))
        for field in fields(point):
            if field.name not in rows:
                value = getattr(point, field.name)
                rows[field.name] = [value] * len(rows)
        rows["point"], rows["experiment"] = number, name
        frames.append(rows)
    return pd.concat(frames, ignore_index=True)


def test_every_axis_of_section_7e_has_a_configuration():
    assert {name.removeprefix("driftpay-") for name in CONFIGURATIONS} == AXES


@pytest.mark.parametrize("name", thorough(SIMULATIONS, "driftpay-dispersion".__eq__))
def test_shipped_simulations_can_be_played_at_every_point(name):
    configuration = read_configuration(name)
    points = configuration.points()
    settings = {replace(point, seed=0) for point in points}
    assert 2 <= len(settings) <= 24, "the grid ends in a quarter of an hour"
    assert len(points) >= 10 * len(settings), "ten paired seeds"
    assert {"seed"} < set(configuration.sweep)
    # Seeds differ in nothing else; the first point of the grid is played, of the others the environment is built.
    for point in {replace(point, seed=0, scoring="drift", mechanism="driftpay-co", eta=0.0) for point in points}:
        find_scoring_rule(point.scoring)
        assert len(build_environment(point).tasks) == point.requesters
    rows = configuration.experiment.run(replace(points[-1], rounds=1, perturbations=0))
    assert len(rows) == 1 + points[-1].requesters


TINY = ProcurementSettings(
    rounds=2, workers=9, train_samples=140, public_samples=20, public_steps=10, probe_size=25, architecture="softmax",
    learning_rate=0.3, steps=3, scoring_steps=2, perturbations=1,
)  # fmt: skip


def draw(found):
    plot = find_experiment(found["experiment"].iloc[0]).plot
    assert plot is not None
    return plot(found)


def data_lines(axis):
    return {str(bars.get_label()): bars.lines[0] for bars in axis.containers}


def lines_of(figure, title):
    return data_lines(next(axis for axis in figure.axes if axis.get_ylabel().startswith(title)))


def test_the_figure_shows_means_over_seeds():
    points = [
        replace(TINY, budget_share=share, scoring=rule, seed=seed)
        for share in (0.2, 0.5)
        for rule in ("drift", "random")
        for seed in (0, 1)
    ]
    found = table("procurement", points)
    drawn = draw(found)
    for title, column, last in (
        ("procured score", "score", False),
        ("critical price", "critical_price", False),
        ("mean test accuracy", "accuracy", True),
    ):
        lines = lines_of(drawn, title)
        assert set(lines) == {"scoring drift", "scoring random"}
        for rule in ("drift", "random"):
            x, y = lines[f"scoring {rule}"].get_data()
            assert list(x) == [0.2, 0.5]
            for share, value in zip(x, y, strict=True):
                values = [
                    row[column]
                    for row in found.to_dict("records")
                    if (row["level"], row["budget_share"], row["scoring"]) == ("round", share, rule)
                    and (row["round"] == 2 or not last)
                ]
                assert value == pytest.approx(np.mean(values))


def test_figures_of_one_run_go_over_rounds_and_noise_has_its_benchmark():
    x, _ = next(iter(lines_of(draw(table("procurement", [TINY])), "procured score").values())).get_data()
    assert list(x) == [1, 2]
    noisy = draw(table("procurement", [replace(TINY, eta=eta, seed=seed) for eta in (0.0, 0.4) for seed in (0, 1)]))
    axis = next(axis for axis in noisy.axes if axis.get_ylabel().startswith("score under noise"))
    kept, benchmark = (line.get_data() for line in data_lines(axis).values())
    assert list(kept[0]) == list(benchmark[0]) == [0.0, 0.4]
    assert (kept[1][0], benchmark[1][0]) == (1.0, 1.0)
    assert 0.6 / 1.4 - 1e-9 <= benchmark[1][1] < 1


@pytest.mark.thorough
def test_ctrl_c_on_the_command_line_keeps_the_finished_rounds(tmp_path):
    changes = [f"{name}={value}" for name, value in vars(TINY).items() if value not in (None, ())]
    changes = [change for change in changes if not change.startswith("rounds=")] + ["rounds=100000"]
    out, folder = tmp_path / "rows.csv", tmp_path / "state"
    command = [
        sys.executable,
        "-m",
        "fedmech",
        "simulate",
        "procurement",
        "--json",
        "--out",
        str(out),
        "--checkpoint",
        str(folder),
    ]
    command += [part for change in changes for part in ("--set", change)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not (folder / "rounds.npz").exists():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    answer, messages = running.communicate(timeout=60)
    assert running.returncode == 4, messages
    assert "goes on from" in messages
    document = json.loads(answer)
    assert document["stopped"] == "interrupted"
    assert document["row_count"] == len(document["rows"]) == len(pd.read_csv(out)) > 0
    expected = find_experiment("procurement").run(TINY)
    both = min(len(expected), document["row_count"])
    assert document["rows"][:both] == expected[:both]


# ------------------------------------------------------------------ truthfulness


@settings(max_examples=some(40), deadline=None)
@given(
    market=markets(max_workers=4, max_requesters=2),
    name=st.sampled_from(["driftpay-co", "greedy-then-repair", "lowest-bid"]),
)
def test_stress_tests_find_what_the_audit_finds(market, name):
    market = market.with_bids([market.cost(i) for i in range(market.n)])
    for worker in range(market.n):
        found = responses(market, name, worker, 5)
        judged = verdict(found, market.cost(worker))
        failed = audit(market, name, workers=[worker]).failed()
        if name == "driftpay-co":
            assert failed == ()
            assert judged["threshold"]
            assert judged["monotone"]
            assert judged["gain"] == judged["gain_any"] == 0
        # Grid and breakpoints are bids the audit could have tried, and it tries a few more: prices that it saw.
        assert judged["monotone"] or "monotone" in failed
        assert judged["gain_any"] == 0 or "dsic" in failed
        assert judged["gain"] <= judged["gain_any"]
        truthful = run_mechanism(market, name)
        assert judged["wins"] == (truthful.assignment[worker] >= 0)
        assert judged["payment"] == float(truthful.payment(worker))
        bids = [point.bid for point in found]
        assert bids == sorted(set(bids))
        for point in found:
            again = run_mechanism(
                market.with_bids([point.bid if i == worker else market.bid(i) for i in range(market.n)]), name
            )
            assert (point.wins, point.payment) == (again.assignment[worker] >= 0, again.payment(worker))


def test_a_lie_that_pays_is_found_and_measured():
    # Paid as bid: the cheaper one raises its bid to the budget that the other leaves.
    market = Market.build(scores=[1, 1], costs=[1, 3], budgets=[5], default_cap=1)
    judged = verdict(responses(market, "lowest-bid", 0, 11), F(1))
    assert judged["wins"]
    assert judged["rational"]
    assert judged["monotone"]
    assert not judged["threshold"]
    # It still wins a tie at 3, by its index.
    assert judged["gain"] == 2.0


@pytest.mark.thorough
def test_the_experiment_gives_a_verdict_for_each_moved_worker():
    entry = find_experiment("truthfulness")
    small = TruthfulnessSettings(workers=8, moved=3, rounds=1, grid=7)
    rows = entry.run(small)
    judged = [row for row in rows if row["level"] == "worker"]
    assert len({row["worker"] for row in judged}) == 3
    for row in judged:
        mine = [bid for bid in rows if bid["level"] == "bid" and bid["worker"] == row["worker"]]
        assert row["bids"] == len(mine)
        assert (row["threshold"], row["rational"], row["gain"]) == (True, True, 0.0)
        at_cost = [bid for bid in mine if bid["bid"] == row["cost"]]
        assert any((bid["wins"], bid["payment"]) == (row["wins"], row["payment"]) for bid in at_cost)
    drawn = draw(table("truthfulness", [small, replace(small, mechanism="lowest-bid")]))
    assert [axis.get_title() for axis in drawn.axes] == ["driftpay-co", "lowest-bid"]
