"""``fedmech check-allocation``: was this result optimal, and by how much not?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import (
    CHECK_FAILED,
    STOPPED,
    DropZeroOption,
    JsonOption,
    exact_pair,
    guarded,
    load_market,
    print_json,
    progress_reporter,
    text_width,
    whole_limit,
    write,
)

__all__ = ["check_allocation_command"]


@guarded
def check_allocation_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the market")],
    hired: Annotated[
        list[str] | None,
        typer.Option(metavar="ID[=REQUESTER],...", help="who is hired, and by whom; may be repeated"),
    ] = None,
    answer: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON", help="take who is hired from an answer of 'fedmech solve' or 'fedmech run --json'"
        ),
    ] = None,
    problem: Annotated[str, typer.Option(help="opt, orp, opt-sep or cover")] = "opt",
    method: Annotated[str, typer.Option(help="see 'fedmech methods'")] = "auto",
    time_limit: Annotated[float | None, typer.Option(help="seconds for everything")] = None,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
) -> None:
    """Hold an allocation of your own to the exact optimum: exit code 0 if it is optimal, 1 if not, 4 if that was not decided."""
    from ..models.input_error import InputError
    from ..solvers.allocation import check_allocation

    if (hired is None) == (answer is None):
        raise InputError("say who is hired, by --hired or by --answer", field="hired")
    market = load_market(file, drop_zero)
    chosen = _listed(hired, market.worker_ids) if answer is None else _from_answer(answer)
    with whole_limit(time_limit):
        found = check_allocation(
            market, chosen, problem, method=method, time_limit=time_limit, report=progress_reporter()
        )
    if json:
        best = found.best
        print_json(
            {
                "problem": problem,
                "feasible": found.feasible,
                "violation": found.violation,
                "optimal": found.optimal,
                **exact_pair("value", found.value),
                **exact_pair("optimum", best.value if best.status == "optimal" else None),
                **exact_pair("bound", best.bound),
                **exact_pair("gap", found.gap),
                "status": best.status,
                "exactness": best.exactness,
                "method": best.method,
                "seconds": best.seconds,
            }
        )
    else:
        write(found.page().text(text_width()) + "\n")
    if found.optimal is not True:
        raise typer.Exit(STOPPED if found.optimal is None else CHECK_FAILED)


def _listed(hired: Sequence[str] | None, known: Sequence[str]) -> Mapping[str, str] | list[str]:
    """Read ``ID`` and ``ID=REQUESTER``, separated by commas where that is no part of a name."""
    names, there = [], set(known)
    for text in hired or []:
        names += [text] if text in there else [part.strip() for part in text.split(",") if part.strip()]
    pairs = [(name, "") if name in there else tuple(name.rpartition("=")[::2]) for name in names]
    if any("=" in name and name not in there for name in names):
        return _by_worker(pairs)
    return names


def _from_answer(path: Path) -> Mapping[str, str]:
    from ..models.files import read_json
    from ..models.input_error import InputError

    document = read_json(path)
    rows = None
    if isinstance(document, dict):
        rows = document.get("assignment", document.get("winners"))
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"worker", "requester"} <= row.keys() and "share" not in row for row in rows
    ):
        raise InputError("holds no list 'assignment' or 'winners' of workers and requesters", file=str(path))
    return _by_worker([(str(row["worker"]), str(row["requester"])) for row in rows])


def _by_worker(pairs: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    from ..models.input_error import InputError

    found: dict[str, str] = {}
    for worker, requester in pairs:
        if not worker or not requester:
            raise InputError("name the requester of every hired worker, or of none: ID=REQUESTER", field="hired")
        if worker in found:
            raise InputError(f"worker {worker!r} is hired twice", field="hired")
        found[worker] = requester
    return found
