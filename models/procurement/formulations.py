"""Every Pyomo formulation by the name of its problem, and their export to LP and MPS files."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import replace_file
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

FORMULATIONS: dict[str, Callable[..., pyo.ConcreteModel]] = {
    "orp": orp_model,
    "opt": opt_model,
    "opt-frac": opt_frac_model,
    "opt-sep": opt_sep_model,
    "cover": cover_model,
}


def export_model(market: Market, problem: str, path: str | os.PathLike[str]) -> int:
    """Write a problem's formulation to an ``.lp`` or ``.mps`` file, whole or not at all.

    Numbers are in the market's own units, so that the optimum in the file is the market's; decimals are written as they are, what
    no float holds as the nearest one. Variables and constraints carry the names of workers, groups and requesters as far as the
    format allows.

    Parameters
    ----------
    market : Market
    problem : str
        A key of :data:`FORMULATIONS`.
    path : path
        Ends in ``.lp`` or ``.mps``.

    Returns
    -------
    int
        How many of the market's numbers are rounded in the file.

    Raises
    ------
    InputError
        For another ending, or a folder that cannot be written.
    """
    write_model(lambda: FORMULATIONS[problem](market, own_units=True), path, label=_labels(market))
    scaled = market.scaled
    columns = [(scaled.scores, scaled.score_denominator), (scaled.budgets, scaled.money_denominator)]
    if problem != "orp":
        columns.append((scaled.needed_costs, scaled.money_denominator))
    if problem == "cover" and scaled.coverage is not None:
        columns.append((scaled.coverage.ravel(), scaled.coverage_denominator))
    wholes = Path(path).suffix == ".lp"
    return sum(
        _is_rounded(Fraction(number, denominator), wholes)
        for numbers, denominator in columns
        for number in numbers.tolist()
    )


def _is_rounded(number: Fraction, wholes: bool) -> bool:
    """Whether a file has another number in the place of this one; LP files have whole numbers of any length."""
    return not (wholes and number.denominator == 1) and Fraction(repr(float(number))) != number


def _labels(market: Market) -> Callable[[Any], str]:
    """Return a function that names a component of a formulation: ``x(w1,r1)`` becomes ``x_w1_r1``, every name once."""
    sides = {
        "x": (market.worker_ids, market.requester_ids),
        "one_requester": (market.worker_ids,),
        "cap": (market.group_ids, market.requester_ids),
        "seats": (market.requester_ids,),
        "budget": (market.requester_ids,),
        "serves": (market.worker_ids, None),
        "chosen_serves": (market.worker_ids, None),
    }
    taken: dict[str, Any] = {}

    def label(component: Any) -> str:
        parent = component.parent_component().local_name
        index = component.index() if component.is_indexed() or component.parent_component().is_indexed() else ()
        places = index if isinstance(index, tuple) else (index,)
        known = sides.get(parent, ())
        names = [
            str(at) if place >= len(known) or known[place] is None else _plain(known[place][at])
            for place, at in enumerate(places)
            if at is not None
        ]
        full = "_".join([parent, *names])
        if taken.setdefault(full, component) is not component:
            # Two names that are alike once plain: the positions tell them apart.
            full = "_".join([parent, *names, *("at" + str(at) for at in places)])
            taken[full] = component
        return full

    return label


def _shortest(text: bytes) -> bytes:
    """Write every number of an MPS file, the last on its line, with no more digits than it takes: 0.1 and not 0.10000000000000001."""
    return re.sub(rb"(?m)(?<= )-?\d+\.\d+(?:e[-+]?\d+)?$", lambda found: repr(float(found[0])).encode(), text)


def _plain(name: str) -> str:
    """Keep what LP and MPS files allow in a name, and not too much of it."""
    return re.sub(r"[^A-Za-z0-9]", "_", name)[:60]


def write_model(
    build: Callable[[], Any],
    path: str | os.PathLike[str],
    *,
    endings: tuple[str, ...] = (".lp", ".mps"),
    label: Callable[[Any], str] | None = None,
) -> None:
    """Build a Pyomo model and write it to a file in the format its ending names, whole or not at all.

    Parameters
    ----------
    build : callable
        Makes the model; not called if the file's ending is refused.
    path : path
    endings : tuple of str
        Formats that can hold the model.
    label : callable, optional
        Names the components in the file; by default as in the model.

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
            labelled = {} if target.suffix not in (".lp", ".mps") else {"symbolic_solver_labels": True}
            if label is not None and labelled:
                labelled = {"labeler": label}
            model.write(str(draft), io_options=labelled)
            text = draft.read_bytes()
            replace_file(target, _shortest(text) if target.suffix == ".mps" else text)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(target)) from None
