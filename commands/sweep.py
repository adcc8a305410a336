"""``fedmech sweep``: every point of a configuration's grid, appended to a result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import (
    CHECK_FAILED,
    STOPPED,
    ForceOption,
    JsonOption,
    guarded,
    print_json,
    progress_reporter,
    say,
    table,
)
from .simulate import ConfigArgument

__all__ = ["sweep_command"]

GridOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=VALUE,...", help="change a setting; several values of a field that takes one are swept"
    ),
]
SHOWN = 10


@guarded
def sweep_command(
    config: ConfigArgument,
    out: Annotated[Path, typer.Option(help="the result: a folder with one Parquet file a point; made if new")],
    changes: GridOption = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="worker processes; as many as cores if left out")] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="run on an existing Dask cluster, as tcp://host:8786")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="run at most so many points")] = None,
    time_limit: Annotated[float | None, typer.Option(help="stop after so many seconds")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="a folder from which interrupted points go on, where the experiment can")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="also write the whole result as one .csv or .parquet file")
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Run the points of a grid that a result does not have yet; stop and start as often as you like.

    Exit codes: 0 every point is there; 1 some failed, and the next sweep tries them again; 4 stopped with points left.
    """
    from ..fl.experiments.engine.configuration import read_configuration
    from ..fl.experiments.engine.pools import (
        DaskPool,
        LokyPool,
        Pool,
        ThisProcess,
        default_jobs,
    )
    from ..fl.experiments.engine.results import check_table_path, export_results
    from ..fl.experiments.engine.sweep import run_sweep
    from ..models.files import refuse_overwriting
    from ..models.input_error import InputError

    if time_limit is not None and not time_limit >= 0:
        raise InputError(f"must be >= 0 seconds, got {time_limit}", field="time-limit")
    if dask is not None and jobs is not None:
        raise InputError("Dask's workers run the points; --jobs is for this machine", field="jobs")
    if export is not None:
        check_table_path(export)
        refuse_overwriting(export, force, [config])
    configuration = read_configuration(config).with_changes(changes or [], grid=True)
    jobs = jobs or default_jobs()
    pool: Pool
    if dask is not None:
        pool = DaskPool(dask)
    else:
        pool = LokyPool(jobs) if jobs > 1 else ThisProcess()
    report = run_sweep(
        configuration,
        out,
        pool,
        limit=limit,
        time_limit=time_limit,
        checkpoint=checkpoint,
        report=progress_reporter(),
    )
    if export is not None and report.already + report.added:
        export_results(out, export)
    if json:
        print_json({"experiment": configuration.experiment.name, "result": str(out), **report.to_document()})
    else:
        rows = [["experiment", configuration.experiment.name], ["result", str(out)], *report.rows()]
        table(None, ["", ""], rows)
    for path in report.damaged:
        say(f"{path}: was damaged; run again if it belongs to this grid, else remove it")
    for failure in report.failures[:SHOWN]:
        changed = {name: failure.settings[name] for name in configuration.sweep}
        say(f"failed: {changed or failure.digest}: {failure.error}")
    if len(report.failures) > SHOWN:
        say(f"... and {len(report.failures) - SHOWN:,} more, in {out / '_failed'}")
    if report.reason:
        say(f"stopped: {report.reason}")
    # Points that are left outweigh points that failed: the same command goes on, and tries those again too.
    if report.left:
        raise typer.Exit(STOPPED)
    if report.failures:
        raise typer.Exit(CHECK_FAILED)
