"""The theoretical side of SWAN's figures 3 and 5 to 9: the numbers, exact until they are drawn, and the drawings.

Each figure has a function that returns its numbers as rows of a table and one that returns a matplotlib figure;
matplotlib is imported when a figure is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...models.sharing.error_model import join_limit
from ...models.sharing.market import MotsMarket
from ..drawing import axis_label, below, fitted, share_zero
from .market_sweeps import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def region_rows(size: int, harmonic: Fraction, data: Sequence[int]) -> list[Row]:
    """Figure 3: the two boundaries, ``1/D`` and ``Phi``, for each data size of a newcomer."""
    return [{"size": D, "inverse": Fraction(1, D), "phi": join_limit(size, harmonic, D)} for D in data]


def region_map(size: int = 5, harmonic: int = 120, data: Sequence[int] | None = None) -> Figure:
    """Figure 3: the regions of theorem 2 over data size and heterogeneity ratio, for a coalition of ``size`` clients."""
    chosen = list(range(harmonic // 4, 4 * harmonic + 1)) if data is None else list(data)
    rows = region_rows(size, Fraction(harmonic), chosen)
    figure, axis = _figure()
    x = [row["size"] for row in rows]
    inverse = [float(row["inverse"]) for row in rows]
    phi = [float(row["phi"]) for row in rows]
    top = 1.6 * max(phi)
    low = [max(0.0, min(a, b)) for a, b in zip(inverse, phi, strict=True)]
    high = [min(max(a, b), top) for a, b in zip(inverse, phi, strict=True)]
    between = [a < b for a, b in zip(inverse, phi, strict=True)]
    axis.fill_between(x, 0, low, color="tab:green", alpha=0.25, label="II: always non-negative")
    axis.fill_between(x, low, high, where=between, color="tab:olive", alpha=0.35, label="I: first non-negative")
    axis.fill_between(
        x, low, high, where=[not b for b in between], color="tab:blue", alpha=0.25, label="IV: first negative"
    )
    axis.fill_between(x, high, top, color="tab:red", alpha=0.2, label="III: always negative")
    axis.plot(x, inverse, "k--", label="$1/D$")
    axis.plot(x, [p if p >= 0 else float("nan") for p in phi], "k-", label=r"$\Phi$")
    axis.set(
        xlabel="data size $D$ of the newcomers", ylabel=r"heterogeneity $\theta$", ylim=(0, top), xlim=(x[0], x[-1])
    )
    axis.set_title(f"Network effects on {size} clients of harmonic mean size {harmonic}")
    axis.legend(fontsize="small")
    return fitted(figure)


def error_rows(market: MotsMarket, type: int, present: Mapping[int, int]) -> list[Row]:
    """Figure 5, theory: the error while clients of one type join those present; states without participants are left out."""
    rows = []
    for k in range(market.counts[type] + 1):
        state = tuple(k if i == type else present.get(i, 0) for i in range(market.type_count))
        if any(state):
            rows.append({"participants": k, "error": market.error(state)})
    return rows


def error_curves(market: MotsMarket) -> Figure:
    """Figure 5, theory: the error as clients of the first type join each other type's clients, all present."""
    figure, axis = _figure()
    first = market.types[0]
    for i, entry in enumerate(market.types[1:], start=1):
        rows = error_rows(market, 0, {i: entry.count})
        x, y = [row["participants"] for row in rows], [float(row["error"]) for row in rows]
        (line,) = axis.plot(x, y, ".-", label=f"joining {entry.count} of {entry.id} (size {entry.size})")
        peak = max(range(len(y)), key=y.__getitem__)
        if peak > 0:
            axis.plot([x[peak]], [y[peak]], "o", color=line.get_color(), fillstyle="none", markersize=10)
    axis.set(xlabel=f"participants of {first.id} (size {first.size})", ylabel=r"error $\varepsilon$, eq. (3)")
    axis.legend(fontsize="small")
    return fitted(figure)


def mechanism_figure(rows: Sequence[Row], parameter: str) -> Figure:
    """Figures 6 and 7, theory: welfare of the mechanisms against a parameter."""
    figure, axis = _figure()
    for name, style in (("swan", "o-"), ("dynamic", "s--"), ("modified-fl", "^:")):
        axis.plot(*_series(rows, parameter, name), style, markersize=4, label=name)
    axis.set(xlabel=axis_label(parameter), ylabel="social welfare")
    axis.legend()
    return fitted(figure)


def framework_figure(rows: Sequence[Row], parameter: str) -> Figure:
    """Figures 8 and 9, theory: welfare (left) and incentive cost (right) of MoTS and of FL without a market."""
    figure, axis = _figure()
    right = axis.twinx()
    for name, style in (("mots", "o-"), ("fl", "s--")):
        axis.plot(*_series(rows, parameter, name), style, color="tab:blue", markersize=4, label=f"{name} welfare")
        right.plot(
            *_series(rows, parameter, f"{name}_cost"), style, color="tab:red", markersize=4, label=f"{name} cost"
        )
    share_zero(axis, right)
    axis.set(xlabel=axis_label(parameter), ylabel="social welfare")
    right.set_ylabel("incentive cost")
    handles = [*axis.get_lines(), *right.get_lines()]
    below(figure, handles, [str(line.get_label()) for line in handles])
    return fitted(figure)


def _series(rows: Sequence[Row], parameter: str, name: str) -> tuple[list[float], list[float]]:
    kept = [row for row in rows if row[name] is not None]
    return [float(row[parameter]) for row in kept], [float(row[name]) for row in kept]


def _figure() -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    return figure, figure.add_subplot()
