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

THEORY = ("swan-regions", "swan-error", "swan-cost", "swan-requirement", "mots-cost", "mots-requirement")
MARKET = ("hired", "comparison")
FIGURES = (*MARKET, *THEORY)


@guarded
def plot_command(
    figure: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE|RESULT|FILE",
            help=f"{', '.join(FIGURES)}; a result of simulate or sweep; or a *.market.json, whose optimum is drawn",
        ),
    ],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="the figure's market; the shipped one of its kind if left out")
    ] = None,
    out: Annotated[Path, typer.Option(help="a .png, .svg or .pdf file")] = Path("figure.png"),
    points: Annotated[int, typer.Option(min=2, help="values of the parameter")] = 25,
    metric: Annotated[str | None, typer.Option(help="of a result: the column to draw")] = None,
    against: Annotated[str | None, typer.Option(help="of a result: the column to draw it against")] = None,
    by: Annotated[str | None, typer.Option(help="of a result: columns that make a line each, as a,b")] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Draw an experiment's result, a market's optimum or its mechanisms, or the theoretical side of a figure of the SWAN paper."""
    from ..fl.experiments.engine.results import is_result
    from ..models.files import refuse_overwriting
    from ..models.input_error import InputError
    from ..models.names import nearest_name

    read = [file, figure if figure not in FIGURES else None]
    if figure not in FIGURES and not Path(figure).exists():
        near = nearest_name(figure, FIGURES)
        raise InputError(
            f"unknown figure {figure!r}{near}; a result's or a market's path, or one of {', '.join(FIGURES)}"
        )
    if figure not in FIGURES and file is not None:
        raise InputError("one file is drawn at a time; a figure's name goes before it", file=str(file))
    if figure == "swan-regions" and file is not None:
        raise InputError("this figure is about every market, and takes none", file=str(file))
    if find_spec("matplotlib") is None:
        raise InputError("drawing needs matplotlib: pip install 'fedmech[plot]'")
    if out.suffix not in (".png", ".svg", ".pdf"):
        raise InputError("figures are written as .png, .svg or .pdf", file=str(out))
    if out.is_dir() or not out.parent.is_dir():
        raise InputError("cannot write a file here", file=str(out))
    refuse_overwriting(out, force, read)
    result = figure not in FIGURES and is_result(figure)
    if not result and (metric or against or by):
        raise InputError("metric, against and by are for results", field="figure")
    if result:
        from ..fl.experiments.engine.result_figure import draw_result
        from ..fl.experiments.engine.results import read_results

        lines = None if by is None else [name.strip() for name in by.split(",") if name.strip()]
        drawn = draw_result(read_results(figure), metric, against, lines)
    elif figure in THEORY:
        drawn = _theory(figure, file, points)
    else:
        drawn = _market(figure, file)
    _save(drawn, out)
    _report(out, figure, json)


def _market(figure: str, file: Path | None) -> Figure:
    """The optimum of a procurement market, or its mechanisms beside it."""
    from matplotlib.figure import Figure

    from ..front import read
    from ..models.data import digits_market_path
    from ..models.input_error import InputError
    from ..models.procurement.market import Market

    path = digits_market_path() if figure in MARKET and file is None else file or Path(figure)
    market = read(path)
    if not isinstance(market, Market):
        raise InputError(f"a sharing market has several figures; name one of {', '.join(THEORY[1:])}", file=str(path))
    if figure == "comparison":
        from ..fl.comparison.compare import compare

        axes = compare(market).plot()
    else:
        from ..solvers.explain.figure import draw_hired
        from ..solvers.solve import solve

        axes = draw_hired(solve(market, "opt"))
    drawn = axes.get_figure()
    assert isinstance(drawn, Figure)
    return drawn


def _theory(figure: str, file: Path | None, points: int) -> Figure:
    """A figure of the SWAN paper, for a sharing market."""
    from ..fl.sharing import figures, market_sweeps
    from ..solvers.sharing.assumptions import require_decreasing

    if figure == "swan-regions":
        return figures.region_map()
    if figure == "swan-error":
        return figures.error_curves(load_mots(file))
    market = load_mots(file)
    require_decreasing(market)
    kind, parameter = figure.split("-")
    each = market_sweeps.mechanism_row if kind == "swan" else market_sweeps.framework_row
    draw = figures.mechanism_figure if kind == "swan" else figures.framework_figure
    if parameter == "cost":
        rows = market_sweeps.cost_rows(market, market_sweeps.default_costs(market, points), each)
        return draw(rows, "cost_per_sample")
    rows = market_sweeps.requirement_rows(market, market_sweeps.default_requirements(market, points), each)
    return draw(rows, "max_error")


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
