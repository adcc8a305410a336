"""Sweeps over one parameter of a market of types: what every mechanism makes of it at each cost or error requirement.

Rows are those of SWAN's figures 6 to 9, exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ...models.exact import parse_number
from ...models.sharing.market import MotsMarket
from ...solvers.sharing.answer import SocialAnswer
from ...solvers.sharing.requirement import error_range
from ...solvers.sharing.solve import solve_social_state
from .comparators import dynamic, fl_only, modified_fl
from .interface import SharingOutcome
from .swan import SMALL_INCENTIVE, utility

__all__ = [
    "Row",
    "cost_rows",
    "default_costs",
    "default_requirements",
    "framework_row",
    "mechanism_row",
    "requirement_rows",
    "with_cost_per_sample",
]

Row = dict[str, Any]


def with_cost_per_sample(market: MotsMarket, cost: Fraction) -> MotsMarket:
    """The market with participation costs proportional to data sizes."""
    return replace(market, types=tuple(replace(entry, cost=entry.size * cost) for entry in market.types))


def mechanism_row(market: MotsMarket) -> Row:
    """Welfare under SWAN and its two rivals; ``None`` where the requirement is not met."""
    rivals = (dynamic(market), modified_fl(market))
    row: Row = {"swan": _welfare(solve_social_state(market))}
    for outcome in rivals:
        row[outcome.mechanism] = outcome.welfare if _counts(market, outcome) else None
    return row


def _counts(market: MotsMarket, outcome: SharingOutcome) -> bool:
    return outcome.meets_requirement or (market.max_error is None and not any(outcome.state))


def framework_row(market: MotsMarket) -> Row:
    """Welfare and incentive cost of MoTS under SWAN and of FL without a market; ``None`` where infeasible."""
    welfare = _welfare(solve_social_state(market))
    if welfare is None:
        return {"mots": None, "mots_cost": None, "fl": None, "fl_cost": None}
    # (20): balanced where welfare is positive, else the platform makes up for it and a little more.
    cost = SMALL_INCENTIVE - welfare if welfare < 0 else Fraction(0)
    existing = fl_only(market)
    if market.max_error is None and existing.welfare < 0:
        return {"mots": welfare, "mots_cost": cost, "fl": Fraction(0), "fl_cost": Fraction(0)}
    return {"mots": welfare, "mots_cost": cost, "fl": existing.welfare, "fl_cost": existing.incentive_cost}


def _welfare(answer: SocialAnswer) -> Fraction | None:
    """The best welfare; 0 where having no model is better and allowed."""
    if answer.status != "optimal" or answer.welfare is None:
        return None
    return Fraction(0) if answer.no_model else answer.welfare.middle


def cost_rows(market: MotsMarket, costs: Sequence[object], each: Callable[[MotsMarket], Row]) -> list[Row]:
    """One row for each cost per sample."""
    exact = [parse_number(cost) for cost in costs]
    return [{"cost_per_sample": cost, **each(with_cost_per_sample(market, cost))} for cost in exact]


def requirement_rows(market: MotsMarket, limits: Sequence[object], each: Callable[[MotsMarket], Row]) -> list[Row]:
    """One row for each error requirement."""
    exact = [parse_number(limit) for limit in limits]
    return [{"max_error": limit, **each(market.with_max_error(limit))} for limit in exact]


def default_costs(market: MotsMarket, points: int = 25) -> list[Fraction]:
    """Costs per sample from zero to a little beyond where even the largest client's sole participation stops paying."""
    i = max((i for i, n in enumerate(market.counts) if n), key=lambda i: market.types[i].size)
    alone = tuple(int(j == i) for j in range(market.type_count))
    served = market.population * utility(market, market.error(alone))
    top = Fraction(6, 5) * max(served, Fraction(1, 100)) / market.types[i].size
    return [top * j / (points - 1) for j in range(points)]


def default_requirements(market: MotsMarket, points: int = 25) -> list[Fraction]:
    """Requirements from the least error any state has to twice as far as the unconstrained optimum's."""
    reach = error_range(market)
    answer = solve_social_state(market.with_max_error(None))
    assert answer.error is not None
    top = min(reach.greatest, reach.least + 2 * max(answer.error - reach.least, (reach.greatest - reach.least) / 20))
    return [reach.least + (top - reach.least) * i / (points - 1) for i in range(points)]
