"""The linear program over sets of workers found so far, by HiGHS: one row for each worker, and one for each kind of buyer."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ..control import Control
from ..highs.interface import checked, load_highs, make_highs
from ..highs.run import run_lp

__all__ = ["SetProgram"]


class SetProgram:
    """Chooses among sets, each to a share, so that no worker is hired more than once; its duals are proposals for prices.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    buyers : sequence of int
        How many buyers there are of each kind; a buyer has one set.

    Attributes
    ----------
    sets : list of (int, ndarray of int64)
        Kind of buyer and workers of each set, in the order in which they were added.
    shares : ndarray of float64
        Of the sets, in the last solution.
    """

    def __init__(self, scores: np.ndarray, buyers: Sequence[int]) -> None:
        highspy = load_highs()
        self.scores = scores
        self.sets: list[tuple[int, np.ndarray]] = []
        self.shares = np.zeros(0)
        self._known: set[tuple[int, bytes]] = set()
        # HiGHS works to absolute tolerances: numbers up to a million suit them.
        self._unit = 1 + int(scores.max(initial=0)) // 2**20
        self._highs = make_highs()
        checked(self._highs.changeObjectiveSense(highspy.ObjSense.kMaximize), "to maximise")
        for limit in [1.0] * scores.size + [float(copies) for copies in buyers]:
            checked(self._highs.addRow(-highspy.kHighsInf, limit, 0, [], []), "a row")

    def add(self, kind: int, members: np.ndarray) -> bool:
        """Add a set of workers that a kind of buyer can have; whether it is new."""
        key = (kind, members.tobytes())
        if key in self._known or not members.size:
            return False
        self._known.add(key)
        self.sets.append((kind, members))
        rows = np.append(members, self.scores.size + kind).astype(np.int32)
        worth = exact_sum(self.scores[members]) / self._unit
        checked(self._highs.addCol(worth, 0.0, float("inf"), rows.size, rows, np.ones(rows.size)), "a column")
        return True

    def solve(self, control: Control) -> tuple[Fraction, list[Fraction]] | None:
        """The optimum over these sets and the workers' duals; None if HiGHS did not get there."""
        run = run_lp(self._highs, control)
        if run is None or not run.optimal:
            return None
        self.shares = run.point
        prices = run.prices[: self.scores.size].tolist()
        return Fraction(run.value) * self._unit, [Fraction(price) * self._unit for price in prices]
