"""Every Pyomo formulation by the name of its problem, and their export to LP and MPS files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..input_error import InputError
from .cover import cover_model
from .market import Market
from .opt import opt_model
from .opt_frac import opt_frac_model
from .opt_sep import opt_sep_model
from .orp import orp_model

if TYPE_CHECKING:
    import pyomo.environ as pyo

__all__ = ["FORMULATIONS", "export_model", "write_model"]

FORMULATIONS: dict[str, Callable[[Market], pyo.ConcreteModel]] = {
    "orp": orp_model,
    "opt": opt_model,
    "opt-frac": opt_frac_model,
    "opt-sep": opt_sep_model,
    "cover": cover_model,
}


def export_model(market: Market, problem: str, path: str | os.PathLike[str]) -> None:
    """Write a problem's formulation to an ``.lp`` or ``.mps`` file, whole or not at all.

    Parameters
    ----------
    market : Market
    problem : str
        A key of :data:`FORMULATIONS`.
    path : path
        Ends in ``.lp`` or ``.mps``.

    Raises
    ------
    InputError
        For another ending, or a folder that cannot be written.
    """
    write_model(lambda: FORMULATIONS[problem](market), path)


def write_model(
    build: Callable[[], Any], path: str | os.PathLike[str], *, endings: tuple[str, ...] = (".lp", ".mps")
) -> None:
    """Build a Pyomo model and write it to a file in the format its ending names, whole or not at all.

    Parameters
    ----------
    build : callable
        Makes the model; not called if the file's ending is refused.
    path : path
    endings : tuple of str
        Formats that can hold the model.

    Raises
    ------
    InputError
        For another ending, or a folder that cannot be written.
    """
    target = Path(path)
    if target.suffix not in endings:
        raise InputError(f"this model can be exported as {', '.join(endings)}, not as {target.name!r}", field="export")
    model = build()
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            draft = Path(folder) / target.name
            labelled = {"io_options": {"symbolic_solver_labels": True}} if target.suffix in (".lp", ".mps") else {}
            model.write(str(draft), **labelled)
            os.replace(draft, target)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(target)) from None
