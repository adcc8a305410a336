"""Proofs of optima for other people's checkers: `write_proof`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ...models.files import PathLike, write_whole
from ...models.input_error import InputError
from ..control import STEP_SECONDS, Control
from ..solution import Solution
from .branching import derive
from .multipliers import known_prices, thresholds_of
from .opb import opb_text, pbp_text
from .program import literal_program, point_of
from .vipr import vipr_text

__all__ = ["ENDINGS", "files_of", "write_proof"]

ENDINGS: dict[str, Literal["vipr", "opb"]] = {".vipr": "vipr", ".opb": "opb", ".pbp": "opb"}
"""Which format a file's ending names."""


def files_of(path: PathLike, format: Literal["vipr", "opb"]) -> list[Path]:
    """Return the files that are written: one for VIPR, model and proof side by side for OPB."""
    target = Path(path)
    return [target] if format == "vipr" else [target.with_suffix(".opb"), target.with_suffix(".pbp")]


def write_proof(
    solution: Solution,
    path: PathLike,
    format: Literal["vipr", "opb"] | None = None,
    *,
    time_limit: float | None = None,
) -> list[Path]:
    """Write an optimum and a proof of it in a format that other people's checkers read.

    The whole problem stands in the file, every number of the market as an integer. Own proofs (``fedmech solve --certificate``)
    know more ways to show a bound, and are found where this one is not.

    Parameters
    ----------
    solution : Solution
        An optimum of ORP, OPT, OPT-SEP or COVER.
    path : path
        Of the certificate; for ``opb`` of the model and the proof, which differ in their endings ``.opb`` and ``.pbp``.
    format : {'vipr', 'opb'}, optional
        By default what the ending of `path` says.
    time_limit : float, optional
        Seconds for the search of a derivation, 120 by default.

    Returns
    -------
    list of Path
        The files that were written, each whole or not at all.

    Raises
    ------
    InputError
        If the solution is no optimum of such a problem, or a file cannot be written.
    NoDerivationError
        If no derivation is found within the limit of nodes: says why.
    Stopped
        If time is up before.
    """
    chosen = format or ENDINGS.get(Path(path).suffix)
    if chosen not in ("vipr", "opb"):
        raise InputError(
            f"proofs for others are written as vipr or opb, not {chosen or Path(path).name!r}", field="proof"
        )
    if solution.problem not in ("orp", "opt", "opt-sep", "cover"):
        raise InputError(f"{solution.problem} is no problem of whole numbers: it has no such proof", field="proof")
    if solution.status != "optimal" or solution.assignment is None or solution.value is None:
        raise InputError("only a proved optimum has a certificate", field="certificate")
    market, scaled = solution.market, solution.market.scaled
    value = int(
        solution.value * (scaled.coverage_denominator if solution.problem == "cover" else scaled.score_denominator)
    )
    program = literal_program(market, solution.problem)
    point = point_of(market, solution.problem, solution.assignment)
    control = Control.for_seconds(STEP_SECONDS if time_limit is None else time_limit)
    hints = known_prices(market, program, solution.proof)
    derivation = derive(program, value, hints, thresholds_of(solution.proof), control)
    files = files_of(path, chosen)
    texts = [vipr_text(program, point, value, value, derivation)]
    if chosen == "opb":
        texts = [opb_text(program), pbp_text(program, point, value, derivation)]
    for file, text in zip(files, texts, strict=True):
        write_whole(file, "".join(text))
    return files
