"""CARE's market: workers whose labels are partly wrong, in groups that do not go together, and requesters with budgets.

Source: CARE (arXiv 2504.15847), experiments, as handed down by a second source. Stated there: 120 workers, 10 groups, 2 to 12
requesters, budgets uniform in [40, 80], data accuracies in the bands [.4, .6), [.6, .8), [.8, 1] with bids uniform in [2, 4], [3, 5] and
[4, 6]. Chosen here, for the source is silent: the cap of every pair of group and requester, groups of equal size at random, reputations as a
power of data accuracies, amounts of money in cents, and who of the hired works for whom where the mechanism pools all budgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ....models.procurement.market import Market
from ...data.label_noise import draw_accuracies
from ...mechanisms.interface import run_mechanism

__all__ = ["BIDS", "RULES", "CareMarket", "Hired", "draw_market", "hire"]

BIDS = ((2, 4), (3, 5), (4, 6))
"""Range of the bids in each band of data accuracy."""

RULES = {
    "care-co": ("driftpay-co", False),
    "rrafl-pooled": ("rrafl", True),
    "random-price-pooled": ("random-price", True),
    "care-no": ("care-no", False),
    "rrafl-separate": ("rrafl", False),
    "random-price-separate": ("random-price", False),
    "driftpay-no": ("driftpay-no", False),
}
"""Columns of CARE's table in its order, and DriftPay-NO beside them: the mechanism, and whether it sees one buyer with all money and places.

CARE names its baselines' pooled variants without a rule; that they buy as one and then share out the winners is a choice."""


@dataclass(frozen=True, eq=False)
class CareMarket:
    """A drawn market and what it was drawn from.

    Attributes
    ----------
    market : Market
        Scores are reputations; bids are true costs.
    accuracies : ndarray of float64, shape (n,)
        Share of each worker's labels that is right.
    """

    market: Market
    accuracies: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hired:
    """Who works for whom.

    Attributes
    ----------
    assignment : ndarray of int64, shape (n,)
        Requester of each worker, -1 for none.
    spent, reputation : Fraction
        Money paid, and reputation hired, in total.
    """

    assignment: NDArray[np.int64]
    spent: Fraction
    reputation: Fraction


def draw_market(workers: int, groups: int, requesters: int, cap: int, seed: int, spread: float = 1.0) -> CareMarket:
    """Draw a market.

    Workers, groups and the first requesters are the same whatever the number of requesters.

    Parameters
    ----------
    workers, groups, requesters : int
    cap : int
        Workers of one group that one requester may have.
    seed : int
    spread : float
        Reputations are data accuracies to this power. Bids are such that accuracy per money hardly depends on the band; a
        power above 1 makes reputation worth its price.
    """
    rng = np.random.default_rng([seed, 1])
    bands, accuracies = draw_accuracies(workers, rng)
    low, high = np.array(BIDS)[bands].T
    bids = low + (high - low) * rng.random(workers)
    group = rng.permutation(np.arange(workers) % groups)
    budgets = np.random.default_rng([seed, 2]).uniform(40, 80, requesters)
    market = Market.build(
        scores=[f"{value:.6f}" for value in accuracies**spread],
        costs=[f"{value:.2f}" for value in bids],
        groups=[f"g{g + 1}" for g in group],
        group_ids=[f"g{g + 1}" for g in range(groups)],
        budgets=[f"{value:.2f}" for value in budgets],
        default_cap=cap,
    )
    return CareMarket(market, accuracies)


def hire(market: Market, rule: str, seed: int) -> Hired:
    """Run one of the table's columns on a market.

    Parameters
    ----------
    market : Market
    rule : str
        One of :data:`RULES`.
    seed : int
        For mechanisms that draw.
    """
    name, pooled = RULES[rule]
    options = {"seed": seed} if name in ("random-price", "care-no") else {}
    outcome = run_mechanism(one_buyer(market) if pooled else market, name, **options)
    shared = pooled or name == "driftpay-co"
    assignment = share_out(market, outcome.winner_indices) if shared else outcome.assignment
    return Hired(assignment, outcome.total_payment, outcome.score)


def share_out(market: Market, winners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Deal workers to requesters evenly: the best first, each to the requester with the least reputation so far and a place.

    Without seat limits every requester's places for a group are its own, so nobody is left over whom the caps can place; every way of
    dealing is as good for a mechanism that pools the budgets.
    """
    room = market.caps.copy()
    held = [0] * market.m
    assignment = np.full(market.n, -1, dtype=np.int64)
    for i in sorted(winners.tolist(), key=lambda i: (-int(market.scaled.scores[i]), i)):
        group = int(market.group_of[i])
        j = min((j for j in range(market.m) if room[group, j] > 0), key=lambda j: (held[j], j))
        assignment[i] = j
        room[group, j] -= 1
        held[j] += int(market.scaled.scores[i])
    return assignment


def one_buyer(market: Market) -> Market:
    """The market with all requesters as one: their money and their places together (no seat limits)."""
    return Market.build(
        scores=[market.score(i) for i in range(market.n)],
        costs=[market.bid(i) for i in range(market.n)],
        groups=[market.group_ids[g] for g in market.group_of],
        group_ids=market.group_ids,
        budgets=[sum((market.budget(j) for j in range(market.m)), Fraction(0))],
        caps=[[int(total)] for total in market.group_totals],
    )
