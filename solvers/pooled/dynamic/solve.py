"""The dynamic program, from a leaf to the best set and the bound that it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....models.exact import common_divisor
from ...control import Control
from ..leaf import Incumbent, Leaf
from .boxes import box_pass
from .lists import ListPass
from .program import MOST_STEPS, Gates, MoneyProgram
from .states import STEP_STATES

WIDTHS = (1 << 12, 1 << 16, 3 << 19)
"""Longest lists, first to last; the last bounds the memory (about 150 bytes a state)."""

NEAR = 16
"""A goal close to the bound is below it by one part in so many of the distance to the best value."""

COARSENESS = 4
"""Costs are joined that differ by this part of what the gap is worth in money."""


def close_by_money(leaf: Leaf, incumbent: Incumbent, most_states: int, control: Control) -> None:
    """Search a leaf by the dynamic program, if its multipliers are for all sets whatever their count.

    Sets ``leaf.closed``, and ``leaf.cells`` to what shows it, and improves the incumbent. A leaf that needs too large numbers or too
    many steps is left as it is, and so is one that is closed already.

    Parameters
    ----------
    leaf : Leaf
    incumbent : Incumbent
    most_states : int
        How many states may be made.
    control : Control
        Looked at in every step.
    """
    m, sizes = leaf.multipliers, np.bincount(leaf.problem.groups, minlength=len(leaf.problem.limits)).tolist()
    if leaf.closed or m.count or m.low or m.high < min(leaf.problem.places, sum(map(min, sizes, leaf.problem.limits))):
        return
    search = _MoneyPasses(leaf, incumbent, most_states, control)
    search.run()
    if search.bound < incumbent.value + incumbent.step:
        leaf.closed, leaf.base, leaf.cells = True, leaf.reduced > 0, search.cells


def amounts(leaf: Leaf, incumbent: Incumbent) -> int:
    """Return how many states there are at most, limits of groups aside: open items times amounts of money."""
    costs = leaf.problem.costs[np.abs(leaf.reduced) <= leaf.gap(incumbent)]
    return len(costs) * (1 + leaf.problem.budget // (common_divisor(costs) or 1))


@dataclass(frozen=True)
class _Look:
    """A goal, the program for it, and where to look: everywhere, or through the gates that a pass with boxes left."""

    goal: int
    program: MoneyProgram
    gates: Gates | None = None
    cells: tuple[int, ...] = (0,)
    top: int = 0


@dataclass
class _MoneyPasses:
    """What is known besides the incumbent: the bound and the passes that show it, the states left to be made."""

    leaf: Leaf
    incumbent: Incumbent
    left: int
    control: Control
    cells: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.step = self.incumbent.step
        self.bound = self.leaf.bound // self.leaf.multipliers.scale // self.step * self.step

    @property
    def value(self) -> int:
        """The best value known."""
        return self.incumbent.value

    def run(self) -> None:
        """Look for a good set first; then see what boxes leave, and look there, first of all close to the best they hold."""
        self._lists(self._prepared(self.value + self.step), WIDTHS[0])
        for width in WIDTHS[1:]:
            look = self._boxes(self.value + self.step)
            # Near the best that boxes hold few states are left: a set found there makes every later pass shorter.
            if look is not None and look.gates is not None and look.top < self.bound:
                near = look.top - (look.top - self.value) // NEAR
                self._lists(self._boxes(near // self.step * self.step), width)
                look = self._boxes(self.value + self.step)
            self._lists(look, width)

    def _over(self) -> bool:
        self.control.check()
        return self.bound < self.value + self.step or self.left <= 0

    def _prepared(self, goal: int) -> _Look | None:
        if self._over() or goal <= self.value or goal > self.bound:
            return None
        leaf, most_steps = self.leaf, min(MOST_STEPS, self.left // STEP_STATES)
        program = MoneyProgram.of(leaf.problem, leaf.multipliers, leaf.reduced, leaf.bound, goal, most_steps)
        return None if program is None else _Look(goal, program)

    def _boxes(self, goal: int) -> _Look | None:
        """See what a pass with boxes leaves of the sets that reach a goal."""
        look = self._prepared(goal)
        if look is None or not (length := look.program.slack // COARSENESS):
            return look
        held = look.program.score_held
        result = box_pass(look.program, goal - held, length, self.left, self.control)
        if result is None:
            return look
        self.left -= result.work
        if result.top is None:
            self._nothing_reaches(goal, (length, 0))
            return None
        return replace(look, gates=result.gates, cells=(length, 0), top=held + result.top)

    def _lists(self, look: _Look | None, width: int) -> None:
        """Look for a set that reaches a goal."""
        if look is None or self._over():
            return
        program, held = look.program, look.program.score_held
        attempt = ListPass(program, look.goal - self.step - held, self.step, width, self.left, self.control, look.gates)
        complete = False
        try:
            complete = attempt.run()
        finally:
            self.left -= attempt.states
            if attempt.best is not None:
                self.incumbent.offer(self.leaf.problem, program.chosen(attempt.taken()))
        if complete:
            self._nothing_reaches(held + attempt.value + self.step, look.cells)

    def _nothing_reaches(self, goal: int, cells: tuple[int, ...]) -> None:
        """Lower the bound: a program for this goal, in passes with these cells, ends without states."""
        if goal <= self.bound:
            self.bound, self.cells = goal - self.step, cells
