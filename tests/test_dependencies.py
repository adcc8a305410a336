"""Bounds and constraints say the same: what pyproject.toml takes is what was tested, at both ends."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(*extras: str) -> dict[str, Requirement]:
    """What is asked for by the package and some of its extras, by name."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {found.name: found for found in map(Requirement, lines) if found.name != PROJECT["name"]}


def pins(name: str) -> dict[str, Version]:
    lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)
    found = {name: Version(version) for name, version in (line.split("==") for line in lines)}
    assert len(found) == len(lines)
    return found


def lowest(requirement: Requirement) -> Version:
    (bound,) = [one.version for one in requirement.specifier if one.operator == ">="]
    return Version(bound)


# Everything but the peers, which no test needs, and Flower, which is tested in an environment of its own.
EXTRAS = sorted(PROJECT["optional-dependencies"].keys() - {"peers", "flower"})
TESTED = sorted(requirements(*EXTRAS).items())
# Tools of whoever works on it are tested as they are pinned, and at no other version.
LOWEST = sorted(requirements(*(set(EXTRAS) - {"dev", "docs"})).items())


@pytest.mark.parametrize(("name", "requirement"), TESTED, ids=[name for name, _ in TESTED])
def test_what_was_tested_last_is_taken(name: str, requirement: Requirement) -> None:
    assert pins("constraints.txt")[name] in requirement.specifier
    assert lowest(requirement) <= pins("constraints.txt")[name]


@pytest.mark.parametrize(("name", "requirement"), LOWEST, ids=[name for name, _ in LOWEST])
def test_the_lowest_version_of_everything_is_tested(name: str, requirement: Requirement) -> None:
    pinned = pins("constraints-lowest.txt")[name]
    assert pinned in requirement.specifier
    if name != "torch":
        assert pinned == lowest(requirement)


def test_flower_is_tested_at_its_lowest_version_which_is_the_last() -> None:
    (own,) = (found for name, found in requirements("flower").items() if name not in requirements())
    pinned = pins("constraints-flower.txt")[own.name]
    assert pinned in own.specifier
    assert pinned == lowest(own)


def test_the_commands_install_what_was_tested() -> None:
    installs = [
        line
        for name in ("README.md", "CONTRIBUTING.md", ".ci/run")
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if "pip install" in line or '/pip" install' in line
    ]
    assert len(installs) >= 5
    assert all(" -c constraints" in line for line in installs)


def test_every_package_is_listed_with_its_licence() -> None:
    listed = (
        (ROOT / "SECURITY.md").read_text(encoding="utf-8").split("## What comes with it")[1].replace(",", " ").split()
    )
    wanted = requirements(*PROJECT["optional-dependencies"])
    assert [name for name in wanted if name not in listed] == []
