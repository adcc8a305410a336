"""Every Pyomo formulation by the name of its problem, and their export to LP and MPS files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .cover import cover_model
from .input_error import InputError
from .market import Market
from .opt import opt_model
from .opt_frac import opt_frac_model
from .opt_sep import opt_sep_model
from .orp import orp_model

if TYPE_CHECKING:
    import pyomo.environ as pyo

__all__ = ["FORMULATIONS", "export_model"]

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
    target = Path(path)
    if target.suffix not in (".lp", ".mps"):
        raise InputError(f"can export to .lp and .mps files, not to {target.name!r}", field="export")
    model = FORMULATIONS[problem](market)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent or ".") as folder:
            draft = Path(folder) / target.name
            model.write(str(draft), io_options={"symbolic_solver_labels": True})
            os.replace(draft, target)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(target)) from None
