"""The error while clients of one type join those of another, in the linear market: closed form beside Monte Carlo.

Source: SWAN, section V-B, figure 5 (a), whose theoretical curves are eq. (3) (stated; eq. (3) itself reconstructed). The Monte
Carlo side trains linear regressions in the market of section III-A2, where eq. (3) can be exact; ``corrected`` is its
finite-sample form for Gaussian features. Markets with trained classifiers are other experiments.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....models.input_error import InputError
from ....solvers.control import Control
from ...settings import setting
from ...sharing.linear_market import corrected_error, simulate, stated_error
from ..engine.registry import Row, experiment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["NetworkEffects", "network_effects"]


@dataclass(frozen=True)
class NetworkEffects:
    """Settings.

    Attributes
    ----------
    sizes, counts : tuple of int
        Samples of a client of each type, and clients of each type; the first type joins each of the others in full.
    dimension : int
        ``d``.
    data_variance, client_variance : float
        Variance of the labels' noise; total variance of the clients' true models.
    repetitions : int
        Independent markets for each number of participants.
    seed : int
    """

    sizes: tuple[int, ...] = setting((50, 120, 300), min=1, help="samples of a client of each type")
    counts: tuple[int, ...] = setting((10, 5, 5), min=0, help="clients of each type")
    dimension: int = setting(10, min=1, help="features")
    data_variance: float = setting(1.0, min=0.0)
    client_variance: float = setting(0.0, min=0.0)
    repetitions: int = setting(200, min=2, max=10_000_000, help="independent markets for each number of participants")
    seed: int = setting(0, min=0)

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.sizes):
            raise InputError(f"expected {len(self.sizes)} counts, one for each size", field="counts")
        if min(self.sizes, default=0) <= self.dimension + 3:
            raise InputError(
                f"a client needs more than dimension + 3 = {self.dimension + 3} samples, or its error has no variance",
                field="sizes",
            )


def figure(table: pd.DataFrame) -> Figure:
    """Figure 5 (a): the error against the number of joining clients, a panel for each client variance."""
    from matplotlib.figure import Figure

    variances = sorted(table["client_variance"].unique())
    drawn = Figure(figsize=(1.2 + 4.4 * len(variances), 4.2), layout="constrained")
    for axis, variance in zip(drawn.subplots(1, len(variances), squeeze=False)[0], variances, strict=True):
        panel: Any = table[table["client_variance"] == variance]
        mean: Any = panel.groupby(["present", "joined"])[["stated", "corrected", "simulated"]].mean()
        # Seeds are independent draws: their mean is as much more certain.
        error = panel.groupby(["present", "joined"])["standard_error"].agg(lambda e: (e**2).sum() ** 0.5 / len(e))
        for present in mean.index.unique("present"):
            part = mean.loc[present]
            (line,) = axis.plot(part.index, part["stated"], label=f"with type {present}, eq. (3)")
            axis.plot(part.index, part["corrected"], ":", color=line.get_color(), label="its finite-sample form")
            bars = 2 * error.loc[present]
            axis.errorbar(
                part.index, part["simulated"], bars, fmt="o", markersize=3, color=line.get_color(), label="measured"
            )
        axis.set(xlabel="participants of type 1", title=f"client variance {variance:g}")
    drawn.axes[0].set_ylabel("generalisation error")
    drawn.axes[0].legend(fontsize="small")
    return drawn


@experiment(
    "network-effects",
    settings=NetworkEffects,
    summary="error of the linear market against the number of participants, eq. (3) beside Monte Carlo",
    source="SWAN, section V-B, figure 5 (a) (reconstructed eq. (3))",
    plot=figure,
)
def network_effects(settings: NetworkEffects, control: Control, checkpoint: Path | None) -> list[Row]:
    """Let clients of the first type join each other type's clients, one by one."""
    rows: list[dict[str, Any]] = []
    d, noise, spread = settings.dimension, settings.data_variance, settings.client_variance
    for present, (size, count) in enumerate(zip(settings.sizes[1:], settings.counts[1:], strict=True), start=2):
        for joined in range(settings.counts[0] + 1):
            everybody = [size] * count + [settings.sizes[0]] * joined
            if not everybody:
                continue
            control.progress(f"{joined} of type 1 with {count} of type {present}")
            # Each point of a curve has draws of its own: no two share their noise.
            seed = settings.seed * 1_000_003 + 1_000 * present + joined
            mean, error = simulate(d, everybody, noise, spread, repetitions=settings.repetitions, seed=seed)
            rows.append(
                {
                    "present": present,
                    "joined": joined,
                    "participants": len(everybody),
                    "stated": stated_error(d, everybody, noise, spread),
                    "corrected": corrected_error(d, everybody, noise, spread),
                    "simulated": mean,
                    "standard_error": error,
                }
            )
    return rows
