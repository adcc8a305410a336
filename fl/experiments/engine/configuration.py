"""Configurations: which experiment, with which settings, over which grid.

A configuration is a TOML or a JSON file::

    format = "fedmech-experiment/1"
    experiment = "network-effects"

    [settings]                       # fields of the experiment's settings; what is left out keeps its default
    dimension = 10

    [sweep]                          # optional: lists of values; the grid is their product
    client_variance = [0.0, 0.5]
    seed = [0, 1, 2]

``simulate`` runs the point that ``[settings]`` describes, ``sweep`` all points of the grid. Shipped configurations go by name,
without folder and ending, and every experiment's name alone stands for its defaults. Nothing in a file is executed.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ....models.files import PathLike, read_json
from ....models.files import read_text as read_file
from ....models.input_error import InputError
from ...settings import (
    field_rules,
    read_field,
    read_text,
    unknown_name,
)
from .registry import Experiment, experiments, find_experiment

__all__ = ["FORMAT", "Configuration", "read_configuration", "shipped_configurations"]

FORMAT = "fedmech-experiment/1"
MAX_POINTS = 1_000_000
TABLES = ("format", "experiment", "settings", "sweep")


@dataclass(frozen=True)
class Configuration:
    """An experiment, a point and a grid.

    Attributes
    ----------
    experiment : Experiment
    settings : mapping str -> value
        Fields that are given, read and checked.
    sweep : mapping str -> tuple of values
        Fields of the grid, in the order of the file; the last one varies fastest.
    source : str
        Where it was read from.
    """

    experiment: Experiment
    settings: Mapping[str, Any]
    sweep: Mapping[str, tuple[Any, ...]]
    source: str

    @property
    def size(self) -> int:
        """Number of points of the grid; 1 without a sweep."""
        return math.prod(len(values) for values in self.sweep.values())

    def point(self) -> Any:
        """Make the settings that ``[settings]`` alone describes.

        Raises
        ------
        InputError
            If the fields do not go together.
        """
        return self._make(self.settings)

    def points(self) -> list[Any]:
        """Make the settings of every point of the grid, in order; equal points appear once.

        Raises
        ------
        InputError
            If the fields of a point do not go together, or there are more than a million points.
        """
        if self.size > MAX_POINTS:
            raise InputError(f"the grid has {self.size:,} points, more than {MAX_POINTS:,}", file=self.source)
        grid = itertools.product(*self.sweep.values())
        made = [self._make({**self.settings, **dict(zip(self.sweep, values, strict=True))}) for values in grid]
        return list(dict.fromkeys(made))

    def _make(self, values: Mapping[str, Any]) -> Any:
        try:
            return self.experiment.read(values)
        except InputError as error:
            raise error.in_file(self.source) from None

    def with_changes(self, changes: Sequence[str], *, grid: bool = False) -> Configuration:
        """Apply ``field=value`` texts; a field that is changed is no longer swept.

        Parameters
        ----------
        changes : sequence of str
        grid : bool
            Whether ``field=value,value`` sweeps a field that takes one value.

        Raises
        ------
        InputError
            For a text without ``=``, an unknown field, a field given twice or a value it does not take.
        """
        rules = field_rules(self.experiment.settings)
        new: dict[str, Any] = {}
        lists: dict[str, tuple[Any, ...]] = {}
        for text in changes:
            name, equals, value = text.partition("=")
            name = name.strip()
            if not equals or not name:
                raise InputError(f"expected FIELD=VALUE, got {text!r}", field="set")
            if name not in rules:
                raise InputError(unknown_name("setting", name, rules), field="set")
            if name in new or name in lists:
                raise InputError(f"{name} is given twice", field="set")
            rule = rules[name]
            # In a field that takes any text, a folder say, a comma is part of it.
            if grid and "," in value and rule.lists_one:
                lists[name] = tuple(read_text(rule, part) for part in value.split(","))
            else:
                new[name] = read_text(rule, value)
        kept = {name: value for name, value in self.settings.items() if name not in lists}
        swept = {name: values for name, values in self.sweep.items() if name not in new and name not in lists}
        return replace(self, settings={**kept, **new}, sweep=MappingProxyType({**swept, **lists}))


def shipped_configurations() -> dict[str, Path]:
    """Find the configurations that ship with the package, by name."""
    folder = Path(__file__).parent.parent / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_configuration(name: PathLike) -> Configuration:
    """Read a configuration.

    Parameters
    ----------
    name : path or str
        A ``*.toml`` or ``*.json`` file, the name of a shipped configuration, or of an experiment (its defaults).

    Raises
    ------
    InputError
        Naming file and field.
    """
    path = Path(name)
    if path.suffix not in (".toml", ".json"):
        shipped, known = shipped_configurations(), {entry.name for entry in experiments()}
        if str(name) in shipped:
            path = shipped[str(name)]
        elif str(name) in known:
            return Configuration(find_experiment(str(name)), {}, {}, str(name))
        elif path.exists():
            raise InputError("a configuration is a .toml or a .json file", file=str(path))
        else:
            raise InputError(unknown_name("configuration", str(name), known | set(shipped)), field="config")
    document = _read_toml(path) if path.suffix == ".toml" else read_json(path, decimals=float)
    try:
        return _configuration(document, str(path))
    except InputError as error:
        raise error.in_file(path) from None


def _read_toml(path: Path) -> Any:
    text = read_file(path)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError("not TOML: nested too deeply", file=str(path)) from None
    except ValueError as error:
        raise InputError(f"not TOML: {error}", file=str(path)) from None


def _configuration(document: Any, source: str) -> Configuration:
    if not isinstance(document, dict):
        raise InputError("expected a table of format, experiment, settings and sweep")
    for name in document:
        if name not in TABLES:
            raise InputError(unknown_name("entry", name, TABLES), field=name)
    if document.get("format") != FORMAT:
        raise InputError(f"expected {FORMAT!r}, got {document.get('format')!r}", field="format")
    if not isinstance(document.get("experiment"), str):
        raise InputError("expected the name of an experiment", field="experiment")
    entry = find_experiment(document["experiment"])
    rules = field_rules(entry.settings)
    for table in ("settings", "sweep"):
        if not isinstance(document.get(table, {}), dict):
            raise InputError("expected a table of fields", field=table)
        for name in document.get(table, {}):
            if name not in rules:
                raise InputError(unknown_name("setting", name, rules), field=f"{table}.{name}")
    settings = {
        name: _value(rules[name], value, f"settings.{name}") for name, value in document.get("settings", {}).items()
    }
    sweep = {}
    for name, values in document.get("sweep", {}).items():
        field = f"sweep.{name}"
        if not isinstance(values, list) or not values:
            raise InputError("expected a list of at least one value", field=field)
        sweep[name] = tuple(_value(rules[name], value, field) for value in values)
        if name in settings:
            raise InputError("is both set and swept", field=field)
    return Configuration(entry, MappingProxyType(settings), MappingProxyType(sweep), source)


def _value(rule: Any, value: Any, field: str) -> Any:
    try:
        return read_field(rule, value)
    except InputError as error:
        raise InputError(error.message, field=field) from None
