"""Constants of modules, and the values that tests give them in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import pytest
from campaign import thorough

Constant = tuple[ModuleType, str, tuple[Any, ...]]


def named(constants: Iterable[Constant]) -> Any:
    """One case for each value; of those that a module has anyway one will do, as they change nothing.

    The least and the most are tried each time, what lies between them by the thorough tests.
    """
    constants = list(constants)
    ends = {(module, name, value) for module, name, values in constants for value in (values[0], values[-1])}
    cases = list(_cases(constants))
    labels = [f"{module.__name__.split('.', 2)[-1]}.{name}={value}" for module, name, value in cases]
    return pytest.mark.parametrize(
        ("module", "name", "value"), thorough(cases, lambda case: case not in ends), ids=labels
    )


def _cases(constants: Iterable[Constant]) -> Iterator[tuple[ModuleType, str, Any]]:
    as_they_are: set[ModuleType] = set()
    for module, name, values in constants:
        for value in values:
            if value == getattr(module, name):
                if module in as_they_are:
                    continue
                as_they_are.add(module)
            yield module, name, value


def patched(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, value: object) -> None:
    assert hasattr(module, name)
    monkeypatch.setattr(module, name, value)
