"""One pass of the dynamic program with states of nearly equal cost joined to boxes, and back.

The costs are cut into cells of one length. A box holds what lies in one cell: the least and the greatest cost and the best score. It is
bounded like a state that is as cheap as the cheapest and as good as the best of its states, so that a box that is dropped holds
nothing that becomes good enough. Back from the end, every box learns what a state in it can gain at most by way of the boxes
that were kept: these are the gates for a pass with exact states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...control import Control
from .program import Gates, MoneyProgram, Stage
from .states import NEVER, STEP_STATES, Gate

BOX_STATES = 8
"""A box takes as long as so many states."""

MOST_BOX_WORK = BOX_STATES << 22
"""So many states' worth of boxes are made at most; they are kept (24 bytes each)."""


@dataclass(frozen=True)
class _Boxes:
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    top: NDArray[np.int64]


@dataclass(frozen=True)
class BoxResult:
    """What one pass shows.

    Attributes
    ----------
    top : int or None
        No set that reaches the goal is worth more; None: none does.
    gates : Gates
    work : int
        As many states could have been made.
    """

    top: int | None
    gates: Gates
    work: int


def box_pass(program: MoneyProgram, goal: int, length: int, most: int, control: Control) -> BoxResult | None:
    """Go through all steps with boxes, and back.

    Parameters
    ----------
    program : MoneyProgram
    goal : int
        What a set has to be worth.
    length : int
        Of a cell.
    most : int
        How many states it may be worth.
    control : Control
        Looked at in every step.

    Returns
    -------
    BoxResult or None
        None if it was given up.
    """
    zero = np.zeros(1, dtype=np.int64)
    table = {0: _Boxes(zero, zero, zero)}
    before: list[dict[int, _Boxes]] = []
    made = 0
    for stage in program.stages:
        control.check()
        if made > min(most, MOST_BOX_WORK):
            return None
        if stage.debt is not None:
            table = {stage.debt: table[0]} if 0 in table else {}
        before.append(table)
        table = _decide(program, table, stage, goal, length)
        made += sum(BOX_STATES * len(boxes.low) + STEP_STATES for boxes in table.values())
    if 0 not in table:
        return BoxResult(None, [], made)
    return BoxResult(int(table[0].top.max()), _back(program, before, table[0], goal, length), made)


def _decide(program: MoneyProgram, table: dict[int, _Boxes], stage: Stage, goal: int, length: int) -> dict[int, _Boxes]:
    outlook = program.outlook(stage.at + 1)
    cost, score = int(program.cost[stage.at]), int(program.score[stage.at])
    new = {}
    for debt, (leaving, taking) in stage.sources(list(table)).items():
        left, took = [table[d] for d in leaving], [table[d] for d in taking]
        low = np.concatenate([*(b.low for b in left), *(b.low + cost for b in took)])
        high = np.concatenate([*(b.high for b in left), *(b.high + cost for b in took)])
        top = np.concatenate([*(b.top for b in left), *(b.top + score for b in took)])
        # What reaches over the end of a cell is cut in two.
        border = (low // length + 1) * length
        over = high >= border
        low = np.concatenate([low, border[over]])
        high = np.concatenate([np.where(over, border - 1, high), high[over]])
        top = np.concatenate([top, top[over]])
        order = np.argsort(low, kind="stable")
        order = order[: np.searchsorted(low[order], program.room, side="right")]
        if not len(order):
            continue
        low, high, top = low[order], np.minimum(high[order], program.room), top[order]
        # One box a cell: as cheap as its cheapest and as good as its best, which no real state need be.
        cell = low // length
        start = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
        low, high, top = low[start], np.maximum.reduceat(high, start), np.maximum.reduceat(top, start)
        # Bounded as if it were its cheapest state: what is dropped holds nothing good enough.
        most, _ = outlook.ceilings(program.room - low)
        keep = program.scale * top + most + stage.bonus(debt) >= program.scale * goal
        if keep.any():
            new[debt] = _Boxes(low[keep], high[keep], top[keep])
    return new


def _back(program: MoneyProgram, before: list[dict[int, _Boxes]], last: _Boxes, goal: int, length: int) -> Gates:
    """Find, from the last step to the first, what can be gained from each box on; keep those that reach the goal."""
    gates: Gates = [{} for _ in range(program.size + 1)]
    gates[-1] = {0: _gate(last, np.zeros(len(last.low), dtype=np.int64), goal, length)}
    for stage in reversed(program.stages):
        cost, score = int(program.cost[stage.at]), int(program.score[stage.at])
        for debt, boxes in before[stage.at].items():
            after = program.gate(gates, stage.at + 1, max(0, debt - stage.copies))
            gain = _gain(after, boxes.low, length) if after else np.full(len(boxes.low), NEVER)
            after = program.gate(gates, stage.at + 1, debt) if debt <= stage.ahead else None
            if after:
                # A box moved by an item's cost may reach over a border: it can go on from either of the two cells.
                for end in (boxes.low, boxes.high):
                    gain = np.maximum(gain, score + _gain(after, end + cost, length))
            gate = _gate(boxes, gain, goal, length)
            if len(gate.low):
                gates[stage.at][debt] = gate
    return gates


def _gate(boxes: _Boxes, gain: NDArray[np.int64], goal: int, length: int) -> Gate:
    keep = boxes.top + gain >= goal
    low = boxes.low[keep] // length * length
    return Gate(low, low + (length - 1), gain[keep])


def _gain(gate: Gate, cost: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    at = np.minimum(np.searchsorted(gate.high, cost), len(gate.high) - 1)
    return np.where((gate.low[at] <= cost) & (cost <= gate.high[at]), gate.gain[at], NEVER)
