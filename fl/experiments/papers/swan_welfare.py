"""Figures 6 to 9 of SWAN with trained models: welfare and incentive cost where the error of a state is its measured test loss.

The coalition of every state is trained (395 of them for the prototype's 10/5/5 clients); nothing is interpolated. Figures 6 and 7
compare SWAN with the dynamic and the modified FL mechanism, 8 and 9 MoTS under SWAN with FL without a market. What is
``chosen_by`` the measured table and what by the fitted theory is said in :mod:`..measured_welfare`.

The paper's utility function and dimension are lost from its public text. The default utility is ``1/eps - 1/ln 10``: it rises ever
faster as the loss falls, as the paper asks, and is zero for a model that guesses among ten classes. Costs are proportional
to data sizes (stated).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ....models.input_error import InputError
from ....models.sharing.market import State
from ....models.sharing.measured_market import participating_states
from ....solvers.control import Control
from ...comparison.colours import mechanism_colour
from ...drawing import share_zero
from ...settings import setting
from ...sharing.error_fit import fit_error
from ...sharing.measured_welfare import (
    check_utility,
    headlines,
    measured_market,
    sweep,
)
from ..engine.registry import Row, experiment
from .coalition_losses import CoalitionSettings, FewerRuns, coalition_losses

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SwanWelfare", "swan_welfare"]

MOST_STATES = 20_000


@dataclass(frozen=True)
class SwanWelfare(CoalitionSettings):
    """Settings: those of the coalitions, the utility and the two sweeps.

    Attributes
    ----------
    utility : str
        Worth of a model to a client, an expression in ``eps``, the test loss in nats; it must fall.
    points : int
        Values of each parameter, where they are not given.
    costs, requirements : tuple of float
        Costs per sample; requirements on the test loss. Chosen from the measurements where empty.
    cost_share : float
        Cost at which requirements are swept, as a share of the largest cost.
    max_error : float or None
        Requirement while costs are swept.
    """

    runs: int = setting(3, min=1)
    utility: str = setting("1/eps - 0.4342944819", help="worth of a model, an expression in eps, the test loss")
    points: int = setting(13, min=2, help="values of each parameter")
    costs: tuple[float, ...] = setting((), min=0.0, help="costs per sample")
    requirements: tuple[float, ...] = setting((), min=0.0, help="requirements on the test loss")
    cost_share: float = setting(0.25, min=0.0, help="cost of the second panel, as a share of the largest")
    max_error: float | None = setting(None, min=0.0, help="requirement of the first panel")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_utility(self.utility)
        if len(participating_states(self.counts)) > MOST_STATES:
            raise InputError(f"more than {MOST_STATES:,} states to train", field="counts")


LINES = {"swan": "o-", "dynamic": "s--", "modified-fl": "^:"}


def figure(table: pd.DataFrame) -> Figure:
    """Figures 6 and 7 above (welfare of mechanisms), 8 and 9 below (MoTS and FL: welfare blue, incentive cost red).

    Lines and filled marks: decided by the measured losses; crosses: SWAN's state chosen by the fitted theory, valued as measured.
    """
    from matplotlib.figure import Figure

    drawn, data = Figure(figsize=(11.5, 8.2), layout="constrained"), cast(Any, table)
    for column, parameter in enumerate(("cost_per_sample", "max_error"), start=1):
        panel = data[data["parameter"] == parameter]
        above, below = drawn.add_subplot(2, 2, column), drawn.add_subplot(2, 2, 2 + column)
        right = below.twinx()

        def line(mechanism: str, value: str, chosen: str = "measured", panel: Any = panel) -> Any:
            part = panel[(panel["mechanism"] == mechanism) & (panel["chosen_by"] == chosen)]
            return part.groupby("value", sort=True)[value].mean()

        for name, style in LINES.items():
            series = line(name, "welfare")
            above.plot(series.index, series, style, color=mechanism_colour(name), markersize=4, label=name)
        series = line("swan", "welfare", "theory")
        above.plot(series.index, series, "kx", markersize=6, label="swan, state chosen by theory")
        for name, style, label in (("swan", "o-", "MoTS"), ("fl-only", "s--", "FL")):
            series = line(name, "welfare")
            below.plot(series.index, series, style, color="tab:blue", markersize=4, label=f"{label} welfare")
            series = line(name, "incentive_cost")
            right.plot(series.index, series, style, color="tab:red", markersize=4, label=f"{label} incentive cost")
        words = "cost per sample" if parameter == "cost_per_sample" else "required test loss"
        above.set(xlabel=words, ylabel="social welfare", title="SWAN and other mechanisms")
        # The modified mechanism goes on far below zero; what matters is above.
        top = line("swan", "welfare").max()
        low = min(line(name, "welfare").min() for name in ("swan", "dynamic"))
        above.set_ylim(min(low, -0.35 * top), 1.08 * top)
        below.set(xlabel=words, ylabel="social welfare", title="MoTS and FL without a market")
        right.set_ylabel("incentive cost")
        share_zero(below, right)
        above.legend(fontsize="small")
        handles = [*below.get_lines(), *right.get_lines()]
        below.legend(handles, [str(handle.get_label()) for handle in handles], fontsize="small", loc="center right")
    return drawn


@experiment(
    "swan-welfare",
    settings=SwanWelfare,
    summary="welfare and incentive cost of SWAN, its rivals and FL without a market, on measured test losses",
    source="SWAN, section V-C, figures 6 to 9 (setting stated in part; utility, rivals and training parameters chosen)",
    plot=figure,
    requires=("torch", "sklearn"),
)
def swan_welfare(settings: SwanWelfare, control: Control, checkpoint: Path | None) -> list[Row]:
    """Train the coalition of every state, then sweep costs and requirements; one row for each point and mechanism."""
    states = participating_states(settings.counts)
    try:
        losses, _ = coalition_losses(settings, states, control, checkpoint)
    except FewerRuns as stop:
        stop.rows = _rows(settings, states, stop.losses)
        raise
    control.progress(f"{len(states)} states measured; sweeping costs and requirements")
    return _rows(settings, states, losses)


def _rows(settings: SwanWelfare, states: Sequence[State], losses: NDArray[np.float64]) -> list[Row]:
    """Sweep costs and requirements on the mean losses of the runs there are."""
    mean = losses.mean(axis=0)
    fit = fit_error(states, settings.sizes, mean, client_variance=settings.distribution != "iid")
    market = measured_market(
        dict(zip(states, mean.tolist(), strict=True)),
        sizes=settings.sizes,
        counts=settings.counts,
        utility=settings.utility,
    )
    swept = list(
        sweep(
            market,
            fit,
            points=settings.points,
            costs=settings.costs,
            requirements=settings.requirements,
            cost_share=settings.cost_share,
            max_error=settings.max_error,
        )
    )
    summary = {
        (chosen_by, parameter): {
            f"headline_{name}_percent": value for name, value in asdict(headlines(swept, chosen_by, parameter)).items()
        }
        for chosen_by in ("measured", "theory")
        for parameter in ("cost_per_sample", "max_error")
    }
    quality = {"fit_r_squared": fit.r_squared, "fit_rank_correlation": fit.rank_correlation}
    return [
        {
            **{name: float(value) if isinstance(value, Fraction) else value for name, value in row.items()},
            **summary[row["chosen_by"], row["parameter"]],
            **quality,
        }
        for row in swept
    ]
