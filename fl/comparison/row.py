"""One line of a comparison: an optimum, or what one mechanism achieves on one market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from ...solvers.solution import PROVED

__all__ = ["Interval", "Row", "optimum_name"]


@dataclass(frozen=True)
class Interval:
    """What is known of a number: its ends, equal where it is known exactly."""

    low: Fraction
    high: Fraction

    @property
    def exact(self) -> Fraction | None:
        """The number, where it is known."""
        return self.low if self.low == self.high else None


@dataclass(frozen=True)
class Row:
    """One optimum or one mechanism on one market.

    Attributes
    ----------
    market, name : str
        An optimum is named after its problem, ``OPT-SEP``, and ``OPT at bids`` where the market knows no costs.
    kind : {'optimum', 'mechanism'}
    problem : str or None
        Of an optimum.
    score : Fraction or None
        Of the best point found, or of the outcome; None if there is none.
    bound : Fraction or None
        Of an optimum: what no point exceeds. The optimum lies between `score` and `bound`.
    ratios : mapping problem -> Interval
        Score over the optimum of each problem; of what breaks a problem's limits, only over that of the first.
    workers, caps_met : int or None
        Who is hired; caps that are fully used.
    spend, price : Fraction or None
        Payments of a mechanism, costs of an optimum; money per unit of score.
    promises : mapping str -> bool
        Whether the outcome is rational, within the budgets and the caps; empty for optima.
    truthful : bool or None
        Whether the mechanism claims that bidding one's cost is best; None for optima, and where somebody's own says nothing.
    status, exactness, method : str or None
        Of an optimum, as in a Solution.
    seconds : float
    refused : str or None
        Why there is no outcome.
    note : str
    """

    market: str
    name: str
    kind: Literal["optimum", "mechanism"]
    problem: str | None = None
    score: Fraction | None = None
    bound: Fraction | None = None
    ratios: Mapping[str, Interval] = field(default_factory=dict)
    workers: int | None = None
    caps_met: int | None = None
    spend: Fraction | None = None
    price: Fraction | None = None
    promises: Mapping[str, bool] = field(default_factory=dict)
    truthful: bool | None = None
    status: str | None = None
    exactness: str | None = None
    method: str | None = None
    seconds: float = 0.0
    refused: str | None = None
    note: str = ""

    @property
    def faults(self) -> list[str]:
        """What the outcome breaks on this market, in words; empty for optima."""
        words = {"budget": "over budget", "rational": "paid below bid", "caps": "over caps or seats"}
        return [text for promise, text in words.items() if not self.promises.get(promise, True)]

    @property
    def proved(self) -> bool:
        """Whether an optimum is one, and its proof was checked or every point looked at."""
        return self.status == "optimal" and self.exactness in PROVED


def optimum_name(problem: str) -> str:
    """What the optimum of a problem is called in a table."""
    return problem.upper()
