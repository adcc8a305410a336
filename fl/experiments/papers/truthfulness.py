"""Truthfulness stress tests: in a measured market one worker's bid moves over a grid and over every exact breakpoint.

The others' bids and all scores are fixed. Looked at are what DriftPay asks for: selection that is monotone in the bid, and payments
that behave like a threshold, that is, every bid below the payment wins, every one above it loses, and the payment does not move
with the bid. Everything is compared exactly. What is found stands whatever the breakpoints; that nothing is found is a statement
about the bids that were tried.

Source: DriftPay, section 7e, "Truthfulness stress tests (behavioral, not equilibrium)" (stated; which workers are moved and the grid
are choices made here).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....models.procurement.market import Market
from ....solvers.control import Control
from ...mechanisms.interface import run_mechanism
from ...mechanisms.parts.breakpoints import breakpoints, with_points_between
from ...settings import setting
from ..engine.registry import Row, experiment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Response", "TruthfulnessSettings", "figure", "responses", "truthfulness"]

REACH = 2
"""The grid goes so many times as far as the greatest cost or payment of the worker."""


@dataclass(frozen=True)
class TruthfulnessSettings:
    """Settings.

    Attributes
    ----------
    mechanism : str
        A registered mechanism that needs no option; its seed, if it has one, is fixed.
    workers, requesters : int
        Of the simulated market.
    budget_share, cap, beta, scoring, mapping
        As in :class:`~fedmech.fl.rounds.settings.ProcurementSettings`.
    rounds : int
        The market is the one after so many rounds.
    moved : int
        Workers whose bids are moved, evenly spaced in the order of bid per score.
    grid : int
        Bids on the grid, besides the breakpoints.
    seed : int
    """

    mechanism: str = setting("driftpay-co", word=True)
    workers: int = setting(40, min=2, help="workers of the simulated market")
    requesters: int = setting(3, min=1)
    budget_share: float = setting(0.2, min=0.0, help="pooled budget as a share of the cost of all workers")
    cap: int | None = setting(2, min=0, help="workers of one group that one requester may have")
    beta: float = 0.5
    scoring: str = setting("drift", word=True)
    mapping: str = setting("min-max", word=True)
    rounds: int = setting(2, min=0, help="rounds played before the market is taken")
    moved: int = setting(8, min=1, help="workers whose bids are moved")
    grid: int = setting(40, min=2, help="bids on the grid, besides the breakpoints")
    seed: int = setting(0, min=0)


@dataclass(frozen=True)
class Response:
    """What happens to one worker at one bid.

    Attributes
    ----------
    bid : Fraction
    kind : str
        ``breakpoint``, ``between`` two of them, or ``grid``.
    wins : bool
    payment : Fraction
    """

    bid: Fraction
    kind: str
    wins: bool
    payment: Fraction

    def utility(self, cost: Fraction) -> Fraction:
        """Payment less the cost of a winner."""
        return self.payment - cost if self.wins else self.payment


def responses(market: Market, mechanism: str, worker: int, grid: int) -> list[Response]:
    """Move one worker's bid over its breakpoints, points between them, and a grid; all else is fixed.

    Parameters
    ----------
    market : Market
    mechanism : str
        Registered.
    worker : int
    grid : int
        Evenly spaced bids from 0.

    Returns
    -------
    list of Response
        By ascending bid.
    """
    breaks = breakpoints(market, worker)
    kinds = {bid: "breakpoint" if bid in breaks else "between" for bid in with_points_between(breaks)}
    truthful = run_mechanism(market, mechanism).payment(worker)
    far = REACH * max(market.bid(worker), truthful, Fraction(1, market.scaled.money_denominator))
    for step in range(grid):
        kinds.setdefault(far * step / (grid - 1), "grid")
    bids = [market.bid(i) for i in range(market.n)]
    found = []
    for bid in sorted(kinds):
        outcome = run_mechanism(market.with_bids([*bids[:worker], bid, *bids[worker + 1 :]]), mechanism)
        found.append(Response(bid, kinds[bid], bool(outcome.assignment[worker] >= 0), outcome.payment(worker)))
    return found


def verdict(found: Sequence[Response], cost: Fraction) -> dict[str, Any]:
    """Judge one worker's responses, exactly.

    Parameters
    ----------
    found : sequence of Response
        By ascending bid.
    cost : Fraction
        The worker's true cost, one of the bids.

    Returns
    -------
    dict
        ``monotone``: no bid wins above one that loses. ``payments``: different ones among winning bids. ``threshold``: monotone, one payment,
        no winning bid above it and no losing one below. ``rational``: no winner is paid less than its bid. ``gain``: what the best tested lie
        gains at the true cost; ``gain_any``: the same, were any of the tested bids the true cost. ``wins`` and ``payment`` at the true cost.
    """
    winning, losing = ([point for point in found if point.wins == kind] for kind in (True, False))
    monotone = not winning or not losing or winning[-1].bid < losing[0].bid
    payments = {point.payment for point in winning}
    price = max(payments, default=Fraction(0))
    fits = all(point.bid <= price for point in winning) and all(point.bid >= price for point in losing)
    honest = next(point for point in found if point.bid == cost)
    best = [max(kind, key=lambda point: point.payment) for kind in (winning, losing) if kind]

    def gain(truth: Response, value: Fraction) -> Fraction:
        return max(point.utility(value) for point in best) - truth.utility(value)

    return {
        "wins": honest.wins,
        "payment": float(honest.payment),
        "monotone": monotone,
        "payments": len(payments),
        "threshold": monotone and len(payments) <= 1 and (fits or not winning),
        "rational": all(point.payment >= point.bid for point in winning),
        "gain": float(gain(honest, cost)),
        "gain_any": float(max(gain(point, point.bid) for point in found)),
    }


def figure(table: pd.DataFrame) -> Figure:
    """Payment of each moved worker against its bid, one panel a mechanism; hollow where it loses, a cross at its cost."""
    from matplotlib.figure import Figure

    everything: Any = table
    names = sorted(everything["mechanism"].unique())
    drawn = Figure(figsize=(6.2, 3.0 * len(names)), layout="constrained")
    for axis, name in zip(drawn.subplots(len(names), 1, squeeze=False).ravel(), names, strict=True):
        mine = everything[(everything["mechanism"] == name) & (everything["seed"] == everything["seed"].min())]
        judged = mine[mine["level"] == "worker"]
        for number, (worker, part) in enumerate(mine[mine["level"] == "bid"].groupby("worker")):
            cost = judged.loc[judged["worker"] == worker, "cost"].iloc[0]
            near = part[part["bid"] <= REACH * max(cost, part["payment"].max())]
            won = near["wins"].astype(bool)
            color = f"C{number % 10}"
            axis.plot(near.loc[won, "bid"], near.loc[won, "payment"], ".", color=color, markersize=4, label=str(worker))
            axis.plot(
                near.loc[~won, "bid"], near.loc[~won, "payment"], ".", color=color, markersize=4, fillstyle="none"
            )
            axis.plot([cost], [0], "x", color=color, markersize=8, zorder=3)
        axis.set(xlabel="bid", ylabel="payment", title=name)
        axis.legend(fontsize="x-small", ncols=2)
    return drawn


@experiment(
    "truthfulness",
    settings=TruthfulnessSettings,
    summary="one worker's bid moved over a grid and every breakpoint: monotone selection, threshold payments, gain of lies",
    source="DriftPay, section 7e (stated)",
    plot=figure,
    requires=("torch",),
    version=2,
)
def truthfulness(settings: TruthfulnessSettings, control: Control, checkpoint: Path | None) -> list[Row]:
    """Move the bids of some workers of a simulated market: one row for each bid and one verdict for each worker."""
    from ...rounds.procurement import Interrupted, Simulation
    from ...rounds.settings import ProcurementSettings

    rows: list[Row] = []
    try:
        simulation = Simulation(
            ProcurementSettings(
                seed=settings.seed,
                workers=settings.workers,
                requesters=settings.requesters,
                budget_share=settings.budget_share,
                cap=settings.cap,
                beta=settings.beta,
                scoring=settings.scoring,
                mapping=settings.mapping,
            )
        )
        state = simulation.first
        for number in range(1, settings.rounds + 1):
            state, _ = simulation.play(state, number)
        market = simulation.decide(state, settings.rounds + 1).market
        order = sorted(range(market.n), key=lambda i: (market.bid(i) / market.score(i), i))
        count = min(settings.moved, market.n)
        for turn in range(count):
            worker = order[(2 * turn + 1) * market.n // (2 * count)]
            name = market.worker_ids[worker]
            control.progress(f"worker {name}, {turn + 1} of {count}")
            found = responses(market, settings.mechanism, worker, settings.grid)
            cost = market.cost(worker)
            head = {"worker": name, "score": float(market.score(worker)), "cost": float(cost)}
            mine: list[Row] = [{"level": "worker", **head, "bids": len(found), **verdict(found, cost)}]
            mine += [
                {
                    "level": "bid",
                    **head,
                    "bid": float(point.bid),
                    "kind": point.kind,
                    "wins": point.wins,
                    "payment": float(point.payment),
                    "utility": float(point.utility(cost)),
                }
                for point in found
            ]
            rows = [*rows, *mine]
    except KeyboardInterrupt:
        raise Interrupted(rows) from None
    return rows
