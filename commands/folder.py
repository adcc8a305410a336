"""``fedmech solve``, ``fedmech run`` and ``fedmech check`` for markets whose workers lie in a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    STOPPED,
    exact_pair,
    number,
    print_json,
    progress_reporter,
    say,
    show,
    table,
    whole_limit,
)

if TYPE_CHECKING:
    from ..models.procurement.folder import Folder
    from ..models.procurement.market import Market
    from ..solvers.proofs.folder_outcome import CheckedFolderOutcome
    from ..solvers.streamed import StreamedSolution

__all__ = [
    "DaskOption",
    "check_folder_command",
    "check_folder_outcome_command",
    "load_folder",
    "passes_on",
    "refuse_cluster",
    "run_folder_command",
    "solve_folder_command",
]


DaskOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="for workers in a folder of Parquet files: read them on an existing Dask cluster, as tcp://host:8786",
    ),
]


@contextmanager
def passes_on(dask: str | None, market: Market | Folder | None) -> Iterator[Folder]:
    """Have the passes over a folder's files done here, or on the cluster of an address.

    Raises
    ------
    InputError
        If there is an address and no folder.
    """
    from ..models.executors import Cluster, ClusterExecutor, NoWorkersError
    from ..models.procurement.folder import Folder

    refuse_cluster(dask, market)
    assert isinstance(market, Folder)
    if dask is None:
        yield market
        return
    cluster = Cluster(dask)
    try:
        yield market.on(ClusterExecutor(cluster))
    except NoWorkersError as error:
        say(f"stopped: {error}")
        raise typer.Exit(STOPPED) from None
    finally:
        cluster.close()


def refuse_cluster(dask: str | None, market: Any) -> None:
    """Refuse a cluster where there are no files to be read on it."""
    from ..models.input_error import InputError
    from ..models.procurement.folder import Folder

    if dask is not None and not isinstance(market, Folder):
        raise InputError("is for workers in a folder of Parquet files that can be streamed", field="dask")


def load_folder(path: Path) -> Market | Folder:
    """Read a market, or open it if its rows can be streamed."""
    from ..models.procurement.formats import open_any_market

    return open_any_market(path)


def solve_folder_command(
    folder: Folder, time_limit: float | None, certificate: Path | None, winners: Path | None, *, json: bool
) -> None:
    """Solve OPT over a folder; point and bound are always checked."""
    import json as writer

    from ..models.files import write_whole
    from ..models.input_error import InputError
    from ..solvers.control import Control
    from ..solvers.proofs.folder_document import folder_document
    from ..solvers.streamed import solve_folder, write_winners

    if winners is not None and winners.exists():
        raise InputError("is there already", field="winners", file=str(winners))
    control = Control.for_seconds(time_limit, progress_reporter())
    with whole_limit(time_limit):
        solution = solve_folder(folder, control)
    unit, checked = folder.score_denominator, solution.exactness == "checked"
    # What no checker has seen is no certificate, whatever the search believes.
    if certificate is not None and solution.value is not None and solution.bound is not None and checked:
        document = folder_document(
            folder, solution.chosen, int(solution.value * unit), int(solution.bound * unit), solution.leaves
        )
        write_whole(certificate, writer.dumps(document, separators=(",", ":")) + "\n")
    if winners is not None and solution.value is not None:
        write_winners(folder, solution.chosen, winners)
    if json:
        print_json(_document(solution, certificate, winners))
    else:
        table(None, ["", ""], _rows(solution, certificate, winners))
    if solution.refused is not None:
        say(f"a defect of fedmech, please report it: {solution.refused}")
    if solution.status != "optimal":
        raise typer.Exit(STOPPED)


def check_folder_command(document: Any, folder: Folder) -> tuple[dict[str, Any], list[list[str]]]:
    """Check a certificate about a folder; return what it proves, for JSON and for reading.

    Raises
    ------
    ProofError
        If it is none.
    """
    from ..solvers.proofs.folder_document import check_folder_document

    found = check_folder_document(document, folder, lambda: None)
    value, bound = (Fraction(whole, folder.score_denominator) for whole in (found.value, document["bound"]))
    optimal = value == bound
    what = "the assignment is optimal" if optimal else "no assignment is worth more than the bound"
    rows = [
        ["certificate", f"valid: {what}"],
        ["problem", f"opt ({folder.n:,} workers in {len(folder.files):,} files)"],
        ["objective", show(value)],
        ["bound", show(bound)],
        ["kind of proof", "streamed"],
    ]
    answer = {
        "problem": "opt",
        "kind": "streamed",
        "optimal": optimal,
        **exact_pair("objective", value),
        **exact_pair("bound", bound),
    }
    return answer, rows


def run_folder_command(folder: Folder, winners: Path | None, *, json: bool) -> None:
    """Run DriftPay-CO over a folder whose money are bids; the outcome is what its checker found."""
    from time import perf_counter

    from ..models.input_error import InputError
    from ..solvers.control import Control, Stopped
    from ..solvers.proofs.folder_outcome import check_witness, outcome_fields
    from ..solvers.proofs.proof import ProofError
    from ..solvers.streamed import find_witness, write_paid_winners

    if winners is not None and winners.exists():
        raise InputError("is there already", field="winners", file=str(winners))
    started = perf_counter()
    try:
        # Without a time limit: half an outcome of a mechanism is none.
        witness, _ = find_witness(folder, Control(report=progress_reporter()))
    except Stopped:
        say("the critical prefix was not found: too many workers are too close to it to be held in memory")
        raise typer.Exit(STOPPED) from None
    searched = perf_counter()
    try:
        found = check_witness(folder, witness, lambda: None)
    except ProofError as error:
        say(f"a defect of fedmech, please report it: outcome refused: {error}")
        raise typer.Exit(STOPPED) from None
    checked = perf_counter()
    if winners is not None:
        write_paid_winners(folder, witness, found, winners)
    if json:
        document = {
            **outcome_fields(folder, witness),
            "k": found.k,
            "hired": sum(found.counts),
            **exact_pair("total_payment", found.total_payment),
            **exact_pair("score", found.score),
            **exact_pair("critical_price", found.price),
            "winners": None if winners is None else str(winners),
            "seconds": checked - started,
        }
        print_json(document)
        return
    rows = [
        ["market", f"{folder.n:,} workers in {len(folder.files):,} files, {len(folder.limits):,} groups"],
        ["mechanism", "driftpay-co (outcome checked)"],
        *_outcome_rows(folder, found),
        ["seconds", f"{searched - started:.3f}; check {checked - searched:.3f}"],
    ]
    table(None, ["", ""], rows + ([] if winners is None else [["winners", str(winners)]]))


def check_folder_outcome_command(document: Any, folder: Folder) -> tuple[dict[str, Any], list[list[str]]]:
    """Check an outcome about a folder whose money are bids; return what was recomputed, for JSON and for reading.

    Raises
    ------
    ProofError
        If it is not DriftPay-CO's.
    """
    from ..solvers.proofs.folder_outcome import check_folder_outcome

    found = check_folder_outcome(document, folder, lambda: None)
    rows = [
        ["outcome", "valid: prefix, winners, price and payments are those of driftpay-co"],
        *_outcome_rows(folder, found),
    ]
    answer = {
        "mechanism": "driftpay-co",
        "k": found.k,
        "winners": sum(found.counts),
        **exact_pair("score", found.score),
        **exact_pair("critical_price", found.price),
    }
    return answer, rows


def _outcome_rows(folder: Folder, found: CheckedFolderOutcome) -> list[list[str]]:
    return [
        ["critical prefix", f"{found.k:,} of {folder.n:,} workers, {sum(found.counts):,} winners"],
        ["score", show(found.score)],
        ["critical price", show(found.price)],
        ["paid", f"{show(found.total_payment)} of {show(folder.header.total_budget)}"],
    ]


def _gap(solution: StreamedSolution) -> Fraction | None:
    return None if solution.value is None or solution.bound is None else solution.bound - solution.value


def _document(solution: StreamedSolution, certificate: Path | None, winners: Path | None) -> dict[str, Any]:
    known = solution.value is not None
    return {
        "problem": "opt",
        "status": solution.status,
        "stopped": solution.stopped,
        "exactness": solution.exactness,
        **exact_pair("objective", solution.value),
        **exact_pair("bound", solution.bound),
        "gap": number(_gap(solution)),
        **exact_pair("cost", solution.cost),
        "method": "streamed",
        "seconds": solution.seconds,
        "search_seconds": solution.search_seconds,
        "check_seconds": solution.check_seconds,
        "proof": "streamed" if known and solution.exactness == "checked" else None,
        "refused": solution.refused,
        "workers": solution.folder.n,
        "files": len(solution.folder.files),
        "hired": sum(solution.counts),
        "certificate": str(certificate) if certificate is not None and solution.exactness == "checked" else None,
        "winners": str(winners) if winners is not None and known else None,
    }


def _rows(solution: StreamedSolution, certificate: Path | None, winners: Path | None) -> list[list[str]]:
    folder = solution.folder
    status = f"{solution.status}, {solution.stopped}"
    if solution.status == "optimal":
        status = "optimal, proved (proof checked)"
    elif solution.value is not None and solution.exactness == "unchecked":
        status += " (before point and bound were checked)"
    rows = [
        ["market", f"{folder.n:,} workers in {len(folder.files):,} files, {len(folder.limits):,} groups"],
        ["status", status],
    ]
    if solution.value is not None:
        rows += [
            ["score", show(solution.value)],
            ["bound", show(solution.bound)],
            ["gap", show(_gap(solution))],
            ["cost", f"{show(solution.cost)} of {show(folder.header.total_budget)}"],
            ["hired", f"{sum(solution.counts):,} workers"],
        ]
    rows.append(["seconds", f"{solution.search_seconds:.3f}; check {solution.check_seconds:.3f}"])
    known = solution.value is not None
    rows += [["certificate", str(certificate)]] if certificate is not None and solution.exactness == "checked" else []
    rows += [["winners", str(winners)]] if winners is not None and known else []
    return rows
