"""Procurement markets measured from training: what a simulation's first round buys from, as a market of its own.

Scores are drift scores of standardised updates on a held-out probe set, costs come from the cost model, groups are dominant labels; caps,
budgets and seats are shares of what there is, as in the random markets. Everything follows from the settings: whoever has the data
measures the same market again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...models.input_error import InputError
from ...models.procurement.generate import check_shares, limited_market
from ...models.procurement.market import Market
from .bids import CENTS
from .environment import Purpose, generator
from .procurement import Simulation
from .scoring_rules import UNIT
from .settings import ProcurementSettings

__all__ = ["measured_market"]


def measured_market(
    settings: ProcurementSettings,
    dataset: Any = None,
    *,
    cap_share: float = 0.3,
    budget_share: float = 0.5,
    seat_share: float | None = None,
) -> tuple[Market, str]:
    """Train every worker by the announced recipe, score it, and make a market of the scores.

    Parameters
    ----------
    settings : ProcurementSettings
        Its workers, data, partition, model, recipe, scoring rule and cost model count; its budgets, caps and seats do not.
    dataset : optional
        In the place of the settings' own: arrays or torch data sets, as :func:`~fedmech.fl.data.load.load_dataset` takes them.
    cap_share, budget_share, seat_share
        As :func:`~fedmech.models.procurement.generate.generate_market` takes them.

    Returns
    -------
    market : Market
    commitment : str
        Of the probe set that the scores were measured on.

    Raises
    ------
    InputError
        If data are missing, or do not suffice for so many workers.
    """
    check_shares(cap_share, budget_share, seat_share)
    if settings.gamers or settings.eta:
        raise InputError("scores are measured as they are, without gaming or noise", field="gamers")
    simulation = Simulation(settings, dataset)
    environment = simulation.environment
    scores = simulation.scores(simulation.first, 1)
    costs = environment.costs.costs(
        environment.samples, environment.factors, generator(settings.seed, Purpose.COSTS, 1)
    )
    names = sorted(set(environment.groups), key=lambda name: (len(name), name))
    market = limited_market(
        np.array([int(score * UNIT) for score in scores], dtype=np.int64),
        costs,
        np.array([names.index(group) for group in environment.groups]),
        names,
        settings.requesters,
        cap_share,
        budget_share,
        seat_share,
        score_denominator=UNIT,
        money_denominator=CENTS,
    )
    return market, environment.probe.commitment
