"""A set of measured markets for others to solve: ``python -m fedmech.fl.rounds.measured_set FOLDER [--only NAME ...]``.

100 to 10,000 workers who hold images of handwritten digits (scikit-learn's) or of Fashion-MNIST (Debian's ``dataset-fashion-mnist``), each measured
once and put into markets with and without seats. For every market the folder gets ``NAME.market.json``, its workers as Parquet, and a
certificate of each optimum that was proved, which ``fedmech check`` accepts; ``manifest.json`` has the schema, the settings with their
seed, the command that makes the market again, sizes, exact optima with the kind of their proof, and the SHA-256 of every file.

``content_sha256`` is of the market as JSON text: it is the same on every machine, where Parquet files differ with the library that writes them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...models.files import PathLike, make_folder, read_bytes, write_whole
from ...models.input_error import InputError
from ...models.procurement.file import market_text, write_market
from ...models.procurement.market import Market
from ...solvers.certify.tree import NoCertificateError, certify
from ...solvers.solve import solve
from ..settings import settings_document, unknown_name
from .measured import MeasuredWorkers, measure_workers
from .settings import ProcurementSettings

__all__ = ["MARKETS", "MeasuredMarket", "write_measured_set"]

FORMAT = "fedmech-measured-set/1"
SEED = 2026
PROBLEMS = ("orp", "opt", "opt-sep")

DIGITS: Mapping[str, Any] = {"requesters": 5, "public_steps": 100}
# Linear models, whose updates of ten thousand workers fit into memory.
FASHION: Mapping[str, Any] = {**DIGITS, "dataset": "fashion-mnist", "architecture": "softmax"}

SCHEMA = {
    "id": "text, unique",
    "group": "text: the label that most of the worker's images have",
    "score": "text, a decimal literal: drift score in (0, 1], six places",
    "cost": "text, a decimal literal: money, two places; it is the bid too",
}
"""Columns of the workers' files."""


@dataclass(frozen=True)
class MeasuredMarket:
    """One market of the set.

    Attributes
    ----------
    name : str
    settings : ProcurementSettings
        What its workers are measured by.
    shares : mapping
        Of :meth:`.measured.MeasuredWorkers.market`.
    """

    name: str
    settings: ProcurementSettings
    shares: Mapping[str, float] = field(default_factory=dict)


def _of(data: str, workers: int, settings: Mapping[str, Any]) -> list[MeasuredMarket]:
    measured = ProcurementSettings(workers=workers, seed=SEED, **settings)
    name = f"{data}-{workers}"
    return [
        MeasuredMarket(name, measured),
        MeasuredMarket(f"{name}-seats", measured, {"cap_share": 0.6, "budget_share": 0.2, "seat_share": 0.4}),
    ]


MARKETS = (
    *_of("digits", 100, DIGITS),
    *_of("digits", 300, DIGITS),
    *_of("fashion", 1000, FASHION),
    *_of("fashion", 3000, FASHION),
    *_of("fashion", 10000, FASHION),
)
"""The set, smallest first."""


def write_measured_set(
    folder: PathLike,
    names: Sequence[str] | None = None,
    *,
    time_limit: float = 60.0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure markets, solve them, and write both into a folder.

    Parameters
    ----------
    folder : path
        Made if it is not there; files of the same names are replaced.
    names : sequence of str, optional
        Which of :data:`MARKETS`; all if left out.
    time_limit : float
        Seconds for each optimum; after them the best point and a bound stand in the manifest instead.
    progress : callable, optional
        Told each market's name.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    InputError
        If there is no such market, data are missing, or a file cannot be written.
    """
    known = {market.name: market for market in MARKETS}
    for name in names or ():
        if name not in known:
            raise InputError(unknown_name("market", name, list(known)), field="only")
    chosen = [known[name] for name in known if names is None or name in names]
    make_folder(Path(folder))
    entries = []
    last: tuple[ProcurementSettings, MeasuredWorkers] | None = None
    for each in chosen:
        if progress is not None:
            progress(each.name)
        if last is None or last[0] != each.settings:
            last = each.settings, measure_workers(each.settings)
        entries.append(_write(each, last[1], Path(folder), time_limit))
    manifest = {"format": FORMAT, "schema": SCHEMA, "markets": entries}
    write_whole(Path(folder) / "manifest.json", json.dumps(manifest, indent=1) + "\n")
    return manifest


def _write(each: MeasuredMarket, workers: MeasuredWorkers, folder: Path, time_limit: float) -> dict[str, Any]:
    market = workers.market(**each.shares)
    files = [f"{each.name}.market.json", f"{each.name}.workers.parquet"]
    write_market(market, folder / files[0], workers_file=files[1])
    optima = []
    for problem in PROBLEMS:
        found, certificate = _optimum(market, problem, time_limit)
        if certificate is not None:
            files.append(f"{each.name}.{problem}.json")
            write_whole(folder / files[-1], json.dumps(certificate, separators=(",", ":")) + "\n")
        optima.append(found)
    return {
        "name": each.name,
        "command": f"python -m fedmech.fl.rounds.measured_set FOLDER --only {each.name}",
        "settings": settings_document(each.settings),
        "shares": dict(each.shares),
        "probe_commitment": workers.commitment,
        "workers": market.n,
        "requesters": market.m,
        "groups": market.L,
        "seats": "seat_share" in each.shares,
        "optima": optima,
        "content_sha256": sha256(market_text(market).encode()).hexdigest(),
        "files": {name: sha256(read_bytes(folder / name)).hexdigest() for name in files},
    }


def _optimum(market: Market, problem: str, time_limit: float) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Solve, and certify what is proved."""
    solution = solve(market, problem, time_limit=time_limit, allow_suboptimal=True)
    certificate = None
    if solution.status == "optimal":
        try:
            certificate = certify(market, solution, time_limit)
        except NoCertificateError:
            certificate = None
    found = {
        "problem": problem,
        "status": solution.status,
        "value": None if solution.value is None else str(solution.value),
        "bound": None if solution.bound is None else str(solution.bound),
        "exactness": solution.exactness,
        "proof": None if certificate is None else certificate["kind"],
    }
    return found, certificate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 done, 2 nothing to write."""
    parser = argparse.ArgumentParser(
        prog="python -m fedmech.fl.rounds.measured_set",
        description="Measure markets from training, solve them, and write them into a folder with a manifest.",
    )
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=", ".join(market.name for market in MARKETS))
    parser.add_argument(
        "--time-limit", type=float, default=60.0, help="seconds for each optimum (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        write_measured_set(
            options.folder,
            options.only,
            time_limit=options.time_limit,
            progress=lambda name: print(name, file=sys.stderr),
        )
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
