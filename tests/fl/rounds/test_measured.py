"""Markets measured from training: the scores of a simulation's first round, and limits that are shares of what there is."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fedmech import read, read_market, solve
from fedmech.cli import app
from fedmech.fl.rounds.environment import build_environment
from fedmech.fl.rounds.measured import measured_market
from fedmech.fl.rounds.procurement import Simulation
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.models.input_error import InputError
from typer.testing import CliRunner

SETTINGS = ProcurementSettings(
    workers=30, train_samples=300, public_steps=20, probe_size=30, architecture="softmax", scoring_steps=3,
    requesters=2, seed=4, perturbations=0,
)  # fmt: skip


def test_scores_are_those_of_the_rounds_and_limits_are_shares() -> None:
    market, commitment = measured_market(SETTINGS, cap_share=0.4, budget_share=0.3, seat_share=0.5)
    simulation = Simulation(SETTINGS, dtype=torch.float64)
    decided = simulation.decide(simulation.first, 1)
    assert list(market.scores) == list(decided.market.scores)
    assert [market.cost(i) for i in range(30)] == [decided.market.cost(i) for i in range(30)]
    assert commitment == simulation.environment.probe.commitment
    groups = build_environment(SETTINGS).groups
    names = [market.group_ids[g] for g in market.group_of]
    assert names == groups
    admitted = 0
    for position, name in enumerate(market.group_ids):
        members = [i for i in range(30) if groups[i] == name]
        total = int(F(4, 10) * len(members))
        assert market.caps[position].sum() == total
        best = sorted(members, key=lambda i: (-market.score(i), i))[:total]
        admitted += sum((market.cost(i) for i in best), F(0))
    assert sum(market.budgets) == F(int(admitted * F(3, 10) * 100), 100)
    assert market.seats.tolist() == [int(column) // 2 for column in market.caps.sum(axis=0)]
    best = solve(market, "opt")
    assert best.status == "optimal"
    again, _ = measured_market(SETTINGS, cap_share=0.4, budget_share=0.3, seat_share=0.5)
    assert np.array_equal(again.scaled.scores, market.scaled.scores)
    other, _ = measured_market(replace(SETTINGS, seed=5))
    assert list(other.scores) != list(market.scores)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"gamers": 0.1}, "gamers"), ({"eta": 0.1}, "gamers"), ({"workers": 400}, "train_samples")],
)
def test_what_is_not_measured_is_refused(changed, field) -> None:
    with pytest.raises(InputError) as refused:
        measured_market(replace(SETTINGS, **changed))
    assert refused.value.field == field
    with pytest.raises(InputError, match="cap_share"):
        measured_market(SETTINGS, cap_share=1.1)


class Pictures(torch.utils.data.Dataset):
    """A torch data set of digits."""

    def __init__(self, inputs: np.ndarray, labels: np.ndarray):
        self.inputs, self.labels = inputs, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.tensor(self.inputs[index]), int(self.labels[index])


def test_arrays_and_torch_data_sets_are_measured_alike() -> None:
    own = build_environment(SETTINGS).dataset
    arrays = (own.train_inputs, own.train_labels), (own.test_inputs, own.test_labels)
    wanted, _ = measured_market(SETTINGS)
    given, commitment = measured_market(SETTINGS, arrays)
    torches, same = measured_market(SETTINGS, tuple(Pictures(*part) for part in arrays))
    assert list(wanted.scores) == list(given.scores) == list(torches.scores)
    assert commitment == same


def invoke(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_writes_them_with_what_measures_them_again(tmp_path: Path) -> None:
    path = tmp_path / "m.market.json"
    sets = [f"--set={name}={getattr(SETTINGS, name)}" for name in ("train_samples", "public_steps", "probe_size")]
    sets += ["--set=architecture=softmax", "--set=scoring_steps=3"]
    command = ["generate", path, "--kind", "measured", "-n", 30, "-m", 2, "--seed", 4, *sets]
    done = invoke(*command, "--workers-file", "w.parquet", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["workers"], answer["requesters"]) == (30, 2)
    settings: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in answer["settings"].items()}
    market, commitment = measured_market(ProcurementSettings(**settings))
    assert answer["probe_commitment"] == commitment
    read = read_market(path)
    assert list(read.scores) == list(market.scores)
    assert (tmp_path / "w.parquet").exists()


def test_options_of_other_kinds_are_refused(tmp_path: Path) -> None:
    for kind, option, value in (
        ("a", "--dataset", "digits"),
        ("mots", "--requesters", "3"),
        ("measured", "--groups", "3"),
    ):
        done = invoke("generate", tmp_path / "x.market.json", "--kind", kind, option, value)
        assert done.exit_code == 2
        assert f"kind '{kind}' does not take it" in done.stderr
    done = invoke("generate", tmp_path / "x.mots.json", "--kind", "mots", "-L", "3", "-n", "20", "--json")
    assert json.loads(done.stdout)["clients"] == 20
    assert solve(read(tmp_path / "x.mots.json")).status == "optimal"
