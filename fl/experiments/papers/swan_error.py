"""Figure 5 of SWAN with trained models: the test loss while clients of one type join those of others, beside eq. (3).

The measured side is federated averaging of real data; the theoretical side is eq. (3), its two variances and an offset fitted to
the same measurements by least squares (:mod:`..error_fit`), since neither is known for real data. What the fit cannot choose
is the shape: where a curve rises, peaks and falls, and how curves lie to one another. In the linear market, where eq. (3)
has no free parameter, ``network-effects`` compares the two absolutely.

SWAN's sizes 50/120/300 need 2,600 samples; scikit-learn's digits have 1,297 to train on, so the default sizes are 20/50/120. With
MNIST and the like in ``folder``, the paper's own sizes fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ....models.input_error import InputError
from ....models.sharing.market import State
from ....solvers.control import Control
from ...settings import setting
from ...sharing.error_fit import error_terms, fit_error, rank_correlation
from ..engine.registry import Row, experiment
from .coalition_losses import CoalitionSettings, FewerRuns, coalition_rounds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SwanError", "curve_states", "swan_error"]


@dataclass(frozen=True)
class SwanError(CoalitionSettings):
    """Settings: those of the coalitions, and which curves to draw.

    Attributes
    ----------
    curves : tuple of str
        One entry a curve: participants of each type, ``k`` for the type that joins client by client: ``k/0/5`` has clients of
        the first type join five of the third.
    """

    curves: tuple[str, ...] = setting(
        ("k/0/2", "k/0/5", "k/5/0", "0/5/k", "5/0/k", "10/0/k"), help="participants of each type, k for who joins"
    )
    runs: int = setting(10, min=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for curve in self.curves:
            curve_states(curve, self.counts)
        if not self.curves:
            raise InputError("there is no curve", field="curves")


def curve_states(curve: str, counts: tuple[int, ...]) -> list[State]:
    """The states along a curve, without the empty one.

    Raises
    ------
    InputError
        If the text is no curve, or speaks of more clients than there are.
    """
    parts = [part.strip() for part in curve.split("/")]
    fixed = [part for part in parts if part != "k"]
    if len(parts) != len(counts) or len(fixed) != len(parts) - 1 or not all(part.isdecimal() for part in fixed):
        raise InputError(f"{curve!r}: expected {len(counts)} numbers with one k among them, as k/0/5", field="curves")
    joining = parts.index("k")
    for part, count in zip(parts, counts, strict=True):
        if part != "k" and int(part) > count:
            raise InputError(f"{curve!r}: there are {count} clients of that type", field="curves")
    states = [tuple(k if part == "k" else int(part) for part in parts) for k in range(counts[joining] + 1)]
    return [state for state in states if any(state)]


def figure(table: pd.DataFrame) -> Figure:
    """Figure 5, after the last round: measured test loss (points, left axis) and eq. (3) (lines, right axis: the same scale less the fitted offset)."""
    from matplotlib.figure import Figure

    # The stubs of pandas take a column for many things.
    data = cast(Any, table)
    data = data[data["round"] == data["round"].max()]
    joining = sorted(data["joining"].unique())
    drawn = Figure(figsize=(6.0 * len(joining), 4.6), layout="constrained")
    offset = float(data["fit_offset"].mean())
    bottom, top = float(data["fitted"].min()), float(data["fitted"].max())
    for column, kind in enumerate(joining, start=1):
        axis = drawn.add_subplot(1, len(joining), column)
        part = data[data["joining"] == kind]
        for index, (curve, rows) in enumerate(part.groupby("curve", sort=True)):
            each = rows.groupby("joined", sort=True)
            loss, runs = each["loss"].mean(), each["loss"].count()
            spread = 2 * each["loss"].std(ddof=1).fillna(0) / np.sqrt(runs)
            bottom, top = min(bottom, float((loss - spread).min())), max(top, float((loss + spread).max()))
            colour = f"C{index}"
            axis.errorbar(loss.index, loss, spread, fmt="o", markersize=4, capsize=2, color=colour, label=str(curve))
            axis.plot(loss.index, each["fitted"].mean(), "--", color=colour)
        axis.set(xlabel=f"participants k of type {kind}", ylabel="test loss (points; bars: two standard errors)")
        axis.legend(title="participants by type", fontsize="small")
    margin = 0.04 * (top - bottom)
    for axis in list(drawn.axes):
        axis.set_ylim(bottom - margin, top + margin)
        right = axis.twinx()
        right.set_ylim(bottom - margin - offset, top + margin - offset)
        right.set_ylabel("eq. (3) with fitted variances (dashed)")
    quality = f"R² {data['fit_r_squared'].mean():.2f}, rank correlation {data['fit_rank_correlation'].mean():.2f}"
    drawn.suptitle(f"Network effects, measured and eq. (3): {quality}", fontsize="medium")
    return drawn


@experiment(
    "swan-error",
    settings=SwanError,
    summary="test loss of trained models against the number of participants, eq. (3) beside it",
    source="SWAN, section V-B, figure 5 (setting stated in part; training parameters chosen; eq. (3) reconstructed)",
    plot=figure,
    requires=("torch", "sklearn"),
    version=2,
)
def swan_error(settings: SwanError, control: Control, checkpoint: Path | None) -> list[Row]:
    """Train every coalition on the curves; one row for each reported round, run, curve and number of joined clients."""
    curves = {curve: curve_states(curve, settings.counts) for curve in settings.curves}
    states = sorted({state for along in curves.values() for state in along})
    try:
        return _rows(settings, curves, states, *coalition_rounds(settings, states, control, checkpoint))
    except FewerRuns as stop:
        stop.rows = _rows(settings, curves, states, stop.losses, stop.accuracies)
        raise


def _rows(
    settings: SwanError,
    curves: Mapping[str, Sequence[State]],
    states: Sequence[State],
    losses: NDArray[np.float64],
    accuracies: NDArray[np.float64],
) -> list[Row]:
    """Fit eq. (3) to every reported round of the runs there are, and set out every run."""
    rows: list[Row] = []
    for position, number in enumerate(settings.reported):
        rows += _rows_of(settings, curves, states, number, losses[:, position], accuracies[:, position])
    return rows


def _rows_of(
    settings: SwanError,
    curves: Mapping[str, Sequence[State]],
    states: Sequence[State],
    number: int,
    losses: NDArray[np.float64],
    accuracies: NDArray[np.float64],
) -> list[Row]:
    mean = losses.mean(axis=0)
    fit = fit_error(states, settings.sizes, mean, client_variance=settings.distribution != "iid")
    fitted, terms = fit.losses(states), error_terms(states, settings.sizes)
    place = {state: index for index, state in enumerate(states)}
    rows: list[dict[str, Any]] = []
    for curve, along in curves.items():
        joining = [part.strip() for part in curve.split("/")].index("k")
        here = [place[state] for state in along]
        correlation = rank_correlation(mean[here], fitted[here])
        for run in range(len(losses)):
            for state, index in zip(along, here, strict=True):
                rows.append(
                    {
                        "run": run,
                        "round": number,
                        "curve": curve,
                        "joining": joining + 1,
                        "joined": state[joining],
                        "state": "/".join(map(str, state)),
                        "participants": sum(state),
                        "loss": losses[run, index],
                        "accuracy": accuracies[run, index],
                        "data_term": terms[index, 0],
                        "client_term": terms[index, 1],
                        "theory": fitted[index] - fit.offset,
                        "fitted": fitted[index],
                        "curve_rank_correlation": correlation,
                        "fit_offset": fit.offset,
                        "fit_noise": fit.noise,
                        "fit_client_variance": fit.client_variance,
                        "fit_r_squared": fit.r_squared,
                        "fit_rank_correlation": fit.rank_correlation,
                    }
                )
    return rows
