"""One pass of the dynamic program with exact states, in lists of a width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...control import Control
from .program import Gates, MoneyProgram, Stage
from .states import STEP_STATES, Gate, Outlook, States, extended

SPAN = 62
"""Decisions in one bit set; after so many steps the lists are kept, to find the way back."""


MOST_BEHIND = 1 << 21
"""A pass ends that has more states behind one step: equally promising ones are all kept, and the checker takes only twice as many."""


@dataclass(frozen=True)
class _Best:
    """A state, what is added to it in the end, and the score of both."""

    value: int
    at: int
    cost: int
    score: int
    taken: int
    added: NDArray[np.int64]


class ListPass:
    """One pass.

    Parameters
    ----------
    program : MoneyProgram
    value, step : int
        Better than this value, by a multiple of the step.
    width : int
        If there are more states behind a step, only the most promising are kept.
    most_states : int
        How many states may be made.
    control : Control
        Looked at in every step.
    gates : Gates, optional
        What need not be looked at is dropped.

    Attributes
    ----------
    states : int
        How many were made, and :data:`~.states.STEP_STATES` more for every list.
    complete : bool
        Nothing was dropped for the width's sake.
    """

    def __init__(
        self,
        program: MoneyProgram,
        value: int,
        step: int,
        width: int,
        most_states: int,
        control: Control,
        gates: Gates | None = None,
    ):
        self.program, self.value, self.step, self.width = program, value, step, width
        self.most_states, self.control, self.gates = most_states, control, gates
        self.open = Gate.open(program.room, int(program.score.sum()))
        self.states = 0
        self.complete = True
        self.best: _Best | None = None
        self.history: list[dict[int, States]] = []

    def run(self) -> bool:
        """Go through all steps; return whether everything was looked at."""
        table = {0: States.start()}
        if self.program.free_from == 0:
            self._offer(table[0], 0, 0, self.program.outlook(0))
        for stage in self.program.stages:
            self.control.check()
            if self.states > self.most_states or sum(map(len, table.values())) > MOST_BEHIND:
                return False
            if stage.debt is not None:
                table = {stage.debt: table[0]} if 0 in table else {}
            # Decisions are bits of one word: when it is full the lists are kept, and the bits begin anew.
            if stage.at % SPAN == 0:
                self.history.append(table)
                table = {debt: States(s.cost, s.score, np.zeros_like(s.taken)) for debt, s in table.items()}
            table = self._decide(table, stage)
        return self.complete

    def _decide(self, table: dict[int, States], stage: Stage) -> dict[int, States]:
        program, at = self.program, stage.at
        outlook = program.outlook(at + 1)
        item = int(program.cost[at]), int(program.score[at]), 1 << at % SPAN
        new: dict[int, States] = {}
        for debt, (leaving, taking) in stage.sources(list(table)).items():
            gate = self.open if self.gates is None else program.gate(self.gates, at + 1, debt)
            if gate is None:
                continue
            goal = self.value + self.step
            common = program.room, outlook, program.scale, program.scale * goal - stage.bonus(debt), gate, goal
            states = table[leaving[0]] if leaving else States.none()
            for other in leaving[1:]:
                states, _ = extended(states, table[other], (0, 0, 0), *common)
            others = table[taking[0]] if taking else States.none()
            self.states += len(states) + len(others) + STEP_STATES
            states, best = extended(states, others, item, *common)
            # Only behind all debts may the items ahead be added in order: before that a class might be left with too many.
            if debt == 0 and best >= 0 and at + 1 >= program.free_from:
                self._offer(states, best, at + 1, outlook)
            if len(states):
                new[debt] = states
        if sum(map(len, new.values())) > self.width:
            self._narrow(new, stage, outlook)
        return new

    def _offer(self, states: States, best: int, at: int, outlook: Outlook) -> None:
        """Take the state if it and what can be added to it in order are better than all before."""
        cost, score = int(states.cost[best]), int(states.score[best])
        _, (whole,) = outlook.ceilings(np.array([self.program.room - cost]))
        added = outlook.items[:whole]
        value = score + int(self.program.score[added].sum())
        if value > self.value:
            self.value = value
            self.best = _Best(value, at, cost, score, int(states.taken[best]), added)

    def _narrow(self, table: dict[int, States], stage: Stage, outlook: Outlook) -> None:
        """Keep the states that may become the best."""
        program = self.program
        ceilings = {}
        for debt, states in table.items():
            most, _ = outlook.ceilings(program.room - states.cost)
            ceilings[debt] = program.scale * states.score + most + stage.bonus(debt)
        everything = np.concatenate(list(ceilings.values()))
        # By what a state may still become, not by what it is: cheap states with much money left are not to be lost first.
        cut = int(np.partition(everything, len(everything) - self.width)[len(everything) - self.width])
        for debt, states in table.items():
            keep = ceilings[debt] >= cut
            if not keep.all():
                self.complete = False
                table[debt] = states.where(keep)

    def taken(self) -> NDArray[np.int64]:
        """Return the steps that the best state takes, going back from list to list."""
        assert self.best is not None
        program, best = self.program, self.best
        steps = best.added.tolist()
        at, cost, score, taken = best.at, best.cost, best.score, best.taken
        while at > 0:
            begin = (at - 1) // SPAN * SPAN
            own = [begin + b for b in range(at - begin) if taken >> b & 1]
            steps += own
            cost, score = cost - int(program.cost[own].sum()), score - int(program.score[own].sum())
            at, taken = begin, _decisions(self.history[begin // SPAN], cost, score)
        return np.array(sorted(steps), dtype=np.int64)


def _decisions(table: dict[int, States], cost: int, score: int) -> int:
    """Return the decisions of the state with this cost and score that owes least: it can do what the others can."""
    for debt in sorted(table):
        states = table[debt]
        i = int(np.searchsorted(states.cost, cost))
        if i < len(states) and states.cost[i] == cost and states.score[i] == score:
            return int(states.taken[i])
    raise AssertionError("a state has no way back")
