"""``fedmech doctor``: what is wrong is said, and is an exit code."""

import importlib.metadata
import json

import pytest
from fedmech.cli import app
from fedmech.commands import doctor
from fedmech.solvers.highs import interface
from fedmech.verification.selftest import campaign
from typer.testing import CliRunner


def fedmech(*words: str):
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "80"})


def test_all_is_well() -> None:
    done = fedmech("doctor", "--cases", "3", "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["healthy"]) == (0, True)
    assert (answer["selftest"]["cases"], answer["selftest"]["failures"]) == (3, 0)
    assert answer["selftest"]["tests"] > 3
    packages = {row["name"]: row for row in answer["packages"]}
    assert {"numpy", "pyomo", "highspy"} <= packages.keys()
    assert packages["torch"]["for"] == "fedmech[fl]"
    assert not {"pytest", "ruff", "ortools"} & packages.keys()
    shown = fedmech("doctor", "--cases", "0")
    assert "nothing is wrong" in shown.output
    assert packages["highspy"]["version"] in shown.output


def test_a_version_of_highs_that_must_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    highs = interface.load_highs()
    found = (highs.HIGHS_VERSION_MAJOR, highs.HIGHS_VERSION_MINOR, highs.HIGHS_VERSION_PATCH)
    monkeypatch.setitem(interface.REFUSED_VERSIONS, found, "returns wrong optima")
    done = fedmech("doctor", "--cases", "0", "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["healthy"]) == (1, False)
    assert ["returns wrong optima" in row["fault"] for row in answer["packages"] if row["fault"]] == [True]


@pytest.mark.parametrize(("name", "code"), [("numpy", 1), ("z3-solver", 0)])
def test_a_package_that_is_not_there(name: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = importlib.metadata.version

    def version(package: str) -> str:
        if package == name:
            raise importlib.metadata.PackageNotFoundError
        return plain(package)

    monkeypatch.setattr(doctor, "version", version)
    done = fedmech("doctor", "--cases", "0", "--json")
    assert done.exit_code == code
    (row,) = (row for row in json.loads(done.stdout)["packages"] if row["name"] == name)
    assert (row["version"], row["fault"] is not None) == (None, code == 1)


def test_a_failure_of_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = campaign.campaign

    def failing(seed: int, **options):
        report = plain(seed, **{**options, "cases": 1})
        report.failed["family", "test"] += 1
        return report

    monkeypatch.setattr(campaign, "campaign", failing)
    done = fedmech("doctor", "--json")
    assert (done.exit_code, json.loads(done.stdout)["selftest"]["failures"]) == (1, 1)
