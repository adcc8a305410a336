"""The page of every mechanism and of every experiment: what it shows is there, and its example runs."""

import json
import shlex

import pytest
from fedmech.cli import app
from fedmech.fl.experiments.engine.configuration import shipped_configurations
from fedmech.fl.experiments.engine.registry import experiments
from fedmech.fl.mechanisms.interface import mechanisms
from typer.testing import CliRunner


def fedmech(*words: str):
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "80"})


def example(page: str) -> list[str]:
    """The words of the command after ``try``, which may be wrapped."""
    lines = page.split("\n")
    start = next(i for i, line in enumerate(lines) if line.split()[:1] == ["try"])
    text = [lines[start].strip().removeprefix("try")]
    for line in lines[start + 1 :]:
        if not line.startswith("  ") or not line.strip():
            break
        text.append(line)
    return shlex.split(" ".join(text))


NOT_ON_THE_SHIPPED_MARKET = {"coverage-clock", "coverage-greedy", "gravin", "large-market", "singer"}
"""They need coverage, or a pool without limits."""


@pytest.mark.parametrize("entry", mechanisms(), ids=lambda entry: entry.name)
def test_the_page_of_a_mechanism(entry) -> None:
    shown = fedmech("mechanisms", entry.name)
    assert shown.exit_code == 0
    words = " ".join(shown.output.split())
    for text in (entry.summary, entry.source, *(option.help for option in entry.options)):
        assert " ".join(text.split()) in words
    assert words.count("promises") == len(entry.claims)
    program, *rest = example(shown.output)
    assert program == "fedmech"
    done = fedmech(*rest, "--json", "--summary")
    # What cannot run on the shipped market says why in one line.
    if entry.name in NOT_ON_THE_SHIPPED_MARKET:
        assert done.exit_code == 2
        assert done.output.startswith(f"error: field 'mechanism': {entry.name}: needs ")
        assert done.output.count("\n") == 1
    else:
        assert done.exit_code == 0
    listed = json.loads(fedmech("mechanisms", entry.name, "--json").stdout)["mechanisms"]
    assert [one["name"] for one in listed] == [entry.name]


@pytest.mark.parametrize("entry", experiments(), ids=lambda entry: entry.name)
def test_the_page_of_an_experiment(entry) -> None:
    shown = fedmech("experiments", entry.name)
    assert shown.exit_code == 0
    words = " ".join(shown.output.split())
    assert " ".join(entry.summary.split()) in words
    assert " ".join(entry.source.split()) in words
    program, command, configuration, *_ = example(shown.output)
    assert (program, command) == ("fedmech", "simulate")
    assert configuration in shipped_configurations()


@pytest.mark.parametrize("command", ["mechanisms", "experiments"])
def test_what_is_not_there_is_named_with_what_may_be_meant(command: str) -> None:
    refused = fedmech(command, "driftpay-c")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "driftpay-c" in refused.stderr
