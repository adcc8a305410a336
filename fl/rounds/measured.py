"""Procurement markets measured from training: what a simulation's first round buys from, as a market of its own.

Scores are drift scores of standardised updates on a held-out probe set, costs come from the cost model, groups are dominant labels; caps,
budgets and seats are shares of what there is, as in the random markets. Everything follows from the settings: whoever has the data
measures the same market again. Training is in double precision, so that machines which round differently agree on the six decimals of a score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.input_error import InputError
from ...models.procurement.generate import check_shares, limited_market
from ...models.procurement.market import Market
from .bids import CENTS
from .environment import Purpose, generator
from .procurement import Simulation
from .scoring_rules import UNIT
from .settings import ProcurementSettings

__all__ = ["MeasuredWorkers", "measure_workers", "measured_market"]


@dataclass(frozen=True, eq=False)
class MeasuredWorkers:
    """Workers whose scores were measured, before anybody's budget, caps and seats.

    Attributes
    ----------
    scores, costs : ndarray of int64, shape (n,)
        In millionths, and in cents.
    groups : list of str
        The group of each worker.
    requesters : int
        Of the settings.
    commitment : str
        Of the probe set that the scores were measured on.
    """

    scores: NDArray[np.int64]
    costs: NDArray[np.int64]
    groups: list[str]
    requesters: int
    commitment: str

    def market(self, cap_share: float = 0.3, budget_share: float = 0.5, seat_share: float | None = None) -> Market:
        """Put them into a market; shares as :func:`~fedmech.models.procurement.generate.generate_market` takes them.

        Raises
        ------
        InputError
            If a share lies outside [0, 1].
        """
        check_shares(cap_share, budget_share, seat_share)
        names = sorted(set(self.groups), key=lambda name: (len(name), name))
        return limited_market(
            self.scores,
            self.costs,
            np.array([names.index(group) for group in self.groups]),
            names,
            self.requesters,
            cap_share,
            budget_share,
            seat_share,
            score_denominator=UNIT,
            money_denominator=CENTS,
        )


def measure_workers(settings: ProcurementSettings, dataset: Any = None) -> MeasuredWorkers:
    """Train every worker by the announced recipe in double precision, and score it.

    Parameters
    ----------
    settings : ProcurementSettings
        Its workers, data, partition, model, recipe, scoring rule and cost model count; its budgets, caps and seats do not.
    dataset : optional
        In the place of the settings' own: arrays or torch data sets, as :func:`~fedmech.fl.data.load.load_dataset` takes them.

    Raises
    ------
    InputError
        If data are missing, or do not suffice for so many workers.
    """
    if settings.gamers or settings.eta:
        raise InputError("scores are measured as they are, without gaming or noise", field="gamers")
    simulation = Simulation(settings, dataset, torch.float64)
    environment = simulation.environment
    scores = simulation.scores(simulation.first, 1)
    costs = environment.costs.costs(
        environment.samples, environment.factors, generator(settings.seed, Purpose.COSTS, 1)
    )
    return MeasuredWorkers(
        scores=np.array([int(score * UNIT) for score in scores], dtype=np.int64),
        costs=costs,
        groups=list(environment.groups),
        requesters=settings.requesters,
        commitment=environment.probe.commitment,
    )


def measured_market(
    settings: ProcurementSettings,
    dataset: Any = None,
    *,
    cap_share: float = 0.3,
    budget_share: float = 0.5,
    seat_share: float | None = None,
) -> tuple[Market, str]:
    """Make a market of the scores: :func:`measure_workers`, then :meth:`MeasuredWorkers.market`.

    Returns
    -------
    market : Market
    commitment : str
        Of the probe set that the scores were measured on.

    Raises
    ------
    InputError
        As those two.
    """
    check_shares(cap_share, budget_share, seat_share)
    workers = measure_workers(settings, dataset)
    return workers.market(cap_share, budget_share, seat_share), workers.commitment
