"""``fedmech plot``: figures as files."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import (
    ForceOption,
    JsonOption,
    guarded,
    print_json,
    say,
)
from .mots import load_mots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_command"]

FIGURES = ("swan-regions", "swan-error", "swan-cost", "swan-requirement", "mots-cost", "mots-requirement")


@guarded
def plot_command(
    figure: Annotated[
        str, typer.Argument(metavar="FIGURE|RESULT", help=f"{', '.join(FIGURES)}; or a result of simulate or sweep")
    ],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="a *.mots.json; the shipped prototype market if left out")
    ] = None,
    out: Annotated[Path, typer.Option(help="a .png, .svg or .pdf file")] = Path("figure.png"),
    points: Annotated[int, typer.Option(min=2, help="values of the parameter")] = 25,
    metric: Annotated[str | None, typer.Option(help="of a result: the column to draw")] = None,
    against: Annotated[str | None, typer.Option(help="of a result: the column to draw it against")] = None,
    by: Annotated[str | None, typer.Option(help="of a result: columns that make a line each, as a,b")] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Draw an experiment's result, or the theoretical side of a figure of the SWAN paper."""
    from ..models.files import refuse_overwriting
    from ..models.input_error import InputError

    result = figure not in FIGURES
    if result and not Path(figure).exists():
        raise InputError(f"unknown figure {figure!r}; a result's path, or one of {', '.join(FIGURES)}")
    if result and file is not None:
        raise InputError("a result is drawn without a market", file=str(file))
    if not result and (metric or against or by):
        raise InputError("metric, against and by are for results", field="figure")
    if find_spec("matplotlib") is None:
        raise InputError("drawing needs matplotlib: pip install 'fedmech[plot]'")
    if out.suffix not in (".png", ".svg", ".pdf"):
        raise InputError("figures are written as .png, .svg or .pdf", file=str(out))
    if out.is_dir() or not out.parent.is_dir():
        raise InputError("cannot write a file here", file=str(out))
    refuse_overwriting(out, force, [file, figure if result else None])
    if result:
        from ..fl.experiments.engine.result_figure import draw_result
        from ..fl.experiments.engine.results import read_results

        lines = None if by is None else [name.strip() for name in by.split(",") if name.strip()]
        _save(draw_result(read_results(figure), metric, against, lines), out)
        _report(out, figure, json)
        return
    from ..fl.sharing import figures, market_sweeps
    from ..solvers.sharing.assumptions import require_decreasing

    if figure == "swan-regions":
        drawn = figures.region_map()
    elif figure == "swan-error":
        drawn = figures.error_curves(load_mots(file))
    else:
        market = load_mots(file)
        require_decreasing(market)
        kind, parameter = figure.split("-")
        each = market_sweeps.mechanism_row if kind == "swan" else market_sweeps.framework_row
        draw = figures.mechanism_figure if kind == "swan" else figures.framework_figure
        if parameter == "cost":
            rows = market_sweeps.cost_rows(market, market_sweeps.default_costs(market, points), each)
            drawn = draw(rows, "cost_per_sample")
        else:
            rows = market_sweeps.requirement_rows(market, market_sweeps.default_requirements(market, points), each)
            drawn = draw(rows, "max_error")
    _save(drawn, out)
    _report(out, figure, json)


def _report(out: Path, figure: str, json: bool) -> None:
    if json:
        print_json({"file": str(out), "figure": figure})
    else:
        say(f"{out}: {figure}")


def _save(drawn: Figure, out: Path) -> None:
    """Write a figure, whole or not at all."""
    from ..models.files import write_whole

    content = io.BytesIO()
    drawn.savefig(content, format=out.suffix[1:])
    write_whole(out, content.getvalue())
