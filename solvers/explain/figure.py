"""The figure of an optimum: who is hired, by group and by score per cost, with the price line."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ...models.display import visible
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ..seated.parametric import price_of_money

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..solution import Solution

__all__ = ["draw_hired"]

COLUMN_INCHES, ROW_INCHES, MOST_INCHES = 3.5, 0.22, 9.0
MOST_NAMED, LONGEST_NAME = 36, 18
WIDE = 50
"""Beyond this quotient of the largest and the smallest ratio the axis is logarithmic."""


def draw_hired(solution: Solution, ax: Axes | None = None) -> Axes:
    """Draw an optimum of OPT: a row a group, a mark a worker at its score per cost, full if it is hired.

    The line is the price of money of the linear relaxation: right of it, a worker is worth its cost. Who is right of it and not hired finds
    no place, or was passed over so that whole workers fit the budget. Free workers stand at the right edge.

    Raises
    ------
    InputError
        If there is nobody to draw, the solution is of another problem, or matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise InputError("figures need matplotlib: pip install 'fedmech[plot]'") from None
    market, assignment = solution.market, solution.assignment
    if solution.problem != "opt" or assignment is None or not market.n:
        raise InputError("this figure is of an assignment of OPT, with somebody in the market", field="figure")
    named = market.L <= MOST_NAMED
    if ax is None:
        height = min(1.2 + ROW_INCHES * market.L, MOST_INCHES)
        _, ax = pyplot.subplots(figsize=(COLUMN_INCHES, height), layout="constrained")
        assert ax is not None
    ratios = _ratios(market)
    paid = ratios[np.isfinite(ratios)]
    edge = 1.05 * float(paid.max()) if len(paid) else 1.0
    price = price_of_money(market).price * market.scaled.money_denominator / market.scaled.score_denominator
    if len(paid) and paid.min() > 0 and paid.max() > WIDE * paid.min():
        ax.set_xscale("log")
        edge = 1.3 * float(paid.max())
    else:
        ax.set_xlim(0, 1.03 * max(edge, float(price)))
    hired, free = assignment >= 0, ~np.isfinite(ratios)
    at = np.where(free, edge, ratios)
    for chosen, label, face, layer in ((~hired, "not hired", "none", 2), (hired, "hired", "tab:blue", 3)):
        for kind, marker, word in ((~free, "o", ""), (free, ">", ", free")):
            some = chosen & kind
            if some.any():
                ax.scatter(
                    at[some],
                    market.group_of[some],
                    s=14,
                    marker=marker,
                    facecolors=face,
                    edgecolors="tab:blue" if face != "none" else "tab:gray",
                    linewidths=0.7,
                    label=label + word,
                    zorder=layer,
                )
    if price > 0:
        ax.axvline(float(price), color="black", linestyle="--", linewidth=0.8, label="price of money")
    if named:
        ax.set_yticks(range(market.L), [_name(market.group_ids[l]) for l in range(market.L)], fontsize=7)
    else:
        ax.set_ylabel("group", fontsize=8)
    ax.set_ylim(market.L - 0.5, -0.5)
    ax.set_xlabel("score per cost", fontsize=8)
    ax.tick_params(axis="x", labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)
    # Above the axes, where it covers nothing.
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=7, frameon=False, handletextpad=0.2)
    return ax


def _ratios(market: Market) -> np.ndarray:
    """Score per cost as floats; infinite for who is free, and the nearest there is for what no float can hold."""
    least, largest = Fraction(np.finfo(np.float64).tiny), Fraction(np.finfo(np.float64).max / 4)

    def ratio(i: int) -> float:
        cost = market.cost(i)
        return float(max(least, min(market.score(i) / cost, largest))) if cost else np.inf

    return np.array([ratio(i) for i in range(market.n)])


def _name(group: str) -> str:
    """A group's name; a dollar sign would begin a formula."""
    short = visible(group)
    return (short if len(short) <= LONGEST_NAME else short[: LONGEST_NAME - 1] + "…").replace("$", r"\$")
