"""The registry of experiments.

An experiment is a function ``run(settings, control, checkpoint) -> rows`` under a name, with a frozen dataclass of settings
(the convention is in :mod:`fedmech.fl.settings`). It depends on its settings alone: the same settings, seed included, give the same rows
on every machine. Rows are tidy: flat dictionaries of texts, numbers, booleans and None, one observation each. Settings are
written beside them, so a row need not repeat any; where a row's key is that of a setting, the row's value is kept.
"""

from __future__ import annotations

import hashlib
import json
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....models.input_error import InputError
from ....solvers.control import Control
from ...settings import (
    field_rules,
    read_settings,
    settings_document,
    unknown_name,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Experiment", "Row", "experiment", "experiments", "find_experiment"]

Row = dict[str, Any]
"""A flat dictionary of texts, numbers, booleans and None."""
RunFunction = Callable[[Any, Control, Path | None], Sequence[Mapping[str, Any]]]
PlotFunction = Callable[["pd.DataFrame"], "Figure"]
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Experiment:
    """One entry of the registry.

    Attributes
    ----------
    name : str
        As ``experiment = "..."`` in a configuration.
    function : callable
        ``(settings, control, checkpoint) -> rows``. ``control`` is where to say how far it is; ``checkpoint`` is a folder where
        an interrupted run may leave what it needs to go on, or None. On Ctrl-C it may raise a KeyboardInterrupt with an attribute
        ``rows``: those found until then.
    settings : type
        A frozen dataclass.
    summary, source : str
        One line each: what it measures; paper and section, stated or reconstructed.
    plot : callable or None
        Draws a matplotlib figure of a table of results.
    requires : tuple of str
        Import names of the packages it needs beyond the core, all of the extra ``fl``.
    version : int
        Raised when the same settings come to mean something else: results of another version are other points.
    """

    name: str
    function: RunFunction
    settings: type
    summary: str
    source: str
    plot: PlotFunction | None = None
    requires: tuple[str, ...] = ()
    version: int = 1

    def read(self, given: Mapping[str, Any]) -> Any:
        """Make settings from the values of a file or a document; see :func:`~fedmech.fl.settings.read_settings`."""
        return read_settings(self.settings, given)

    def digest(self, settings: Any) -> str:
        """Name a point: 32 hexadecimal digits of SHA-256 over the experiment, its version and all settings."""
        document = [self.name, self.version, settings_document(settings)]
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]

    def require(self) -> None:
        """Refuse to go on without the packages it needs; nothing is imported to find out.

        Raises
        ------
        InputError
            Saying how to install them.
        """
        missing = [DISTRIBUTIONS.get(name, name) for name in self.requires if find_spec(name) is None]
        if missing:
            raise InputError(f"{self.name} needs {', '.join(missing)}: pip install 'fedmech[fl]'", field="experiment")

    def run(self, settings: Any, control: Control | None = None, checkpoint: Path | None = None) -> list[Row]:
        """Run one point, on one thread, so that the numbers do not depend on how many there are.

        Parameters
        ----------
        settings : the experiment's settings
        control : Control, optional
        checkpoint : Path, optional

        Returns
        -------
        list of dict
            Plain Python values.

        Raises
        ------
        InputError
            If a package is missing.
        TypeError
            If the experiment returns something else than tidy rows: a defect.
        """
        self.require()
        settings = self.read(settings_document(settings))
        if "torch" in self.requires and hasattr(settings, "device"):
            from ...training.device import check_device

            check_device(settings.device)
        with _one_thread("torch" in self.requires):
            rows = self.function(settings, control or Control(), checkpoint)
        return [{str(key): _plain(self.name, key, value) for key, value in row.items()} for row in rows]


def _one_thread(torch_too: bool) -> AbstractContextManager[object]:
    """Keep linear algebra, and torch for the rest of the process, to one thread."""
    if torch_too:
        import torch

        torch.set_num_threads(1)
    if find_spec("threadpoolctl") is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _plain(name: str, key: str, value: Any) -> str | int | float | bool | None:
    """Turn numpy's scalars into Python's; NaN stands for nothing measured."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, numbers.Real):
        return None if math.isnan(value) else float(value)
    raise TypeError(f"experiment {name}: column {key!r} holds a {type(value).__name__}")


_EXPERIMENTS: dict[str, Experiment] = {}


def experiment(
    name: str,
    *,
    settings: type,
    summary: str,
    source: str,
    plot: PlotFunction | None = None,
    requires: tuple[str, ...] = (),
    version: int = 1,
) -> Callable[[RunFunction], RunFunction]:
    """Register an experiment; used as a decorator. The parameters are the attributes of :class:`Experiment`."""

    def add(function: RunFunction) -> RunFunction:
        if name in _EXPERIMENTS:
            raise ValueError(f"experiment {name!r} is registered twice")
        field_rules(settings)
        _EXPERIMENTS[name] = Experiment(name, function, settings, summary, source, plot, requires, version)
        return function

    return add


def experiments() -> list[Experiment]:
    """List the registered experiments by name."""
    # Registers every experiment that ships with the package; deferred, for those modules import this one.
    import_module("..all_experiments", __package__)
    return [_EXPERIMENTS[name] for name in sorted(_EXPERIMENTS)]


def find_experiment(name: str) -> Experiment:
    """Look an experiment up by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known = {entry.name: entry for entry in experiments()}
    if name not in known:
        raise InputError(unknown_name("experiment", name, known), field="experiment")
    return known[name]
