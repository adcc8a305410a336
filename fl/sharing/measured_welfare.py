"""SWAN's market with trained models: the measured test loss of a state in the place of its error.

Who decides what is told apart by ``chosen_by``:

``measured``
    the table of measured losses is known: SWAN and FL without a market choose their best state by it, and the clients of
    the other mechanisms respond to it;
``theory``
    states are chosen as eq. (3), fitted to the measurements, predicts, and are then valued by what was measured.

Either way welfare, requirements and incentive costs are those of the measured losses. A client's utility is a function of the
test loss, in nats; the paper's is lost from its public text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Any

from ...models.input_error import InputError
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.measured_market import MeasuredMarket
from ...solvers.sharing.answer import SocialAnswer
from ...solvers.sharing.solve import solve_social_state
from .comparators import dynamic, fl_only, modified_fl
from .error_fit import ErrorFit
from .market_sweeps import default_costs, default_requirements, with_cost_per_sample
from .swan import (
    SMALL_INCENTIVE,
    Swan,
    swan,
    utility,
    welfare,
)

__all__ = [
    "Headlines",
    "check_utility",
    "headlines",
    "measured_market",
    "outcomes",
    "sweep",
    "theory_market",
]

Row = dict[str, Any]
DIGITS = 6
"""Decimals of losses and fitted variances; then they are exact."""


def _exact(value: float) -> Fraction:
    return Fraction(round(value * 10**DIGITS), 10**DIGITS)


def measured_market(
    losses: Mapping[State, float], *, sizes: Sequence[int], counts: Sequence[int], utility: str
) -> MeasuredMarket:
    """The market whose errors are measured losses, at no cost.

    Parameters
    ----------
    losses : mapping of state to float
        Test loss of every state with a participant, in nats.
    sizes, counts : sequence of int
        Samples of a client of each type; clients of each type.
    utility : str
        Worth of a model to a client, an expression in ``eps``, the test loss; it must fall.

    Raises
    ------
    InputError
        If a state is missing or the expression cannot be read.
    """
    market = MotsMarket.build(
        sizes=sizes, counts=counts, costs=[0] * len(sizes), utility={"expression": utility}, data_variance=1
    )
    return MeasuredMarket.of(market, {state: _exact(loss) for state, loss in losses.items()})


def theory_market(measured: MeasuredMarket, fit: ErrorFit) -> MotsMarket:
    """The same market under eq. (3) as fitted: its error plus the fit's offset stands for the loss."""
    expression = measured.utility.specification["expression"]
    shifted = re.sub(r"\beps\b", f"(eps + {_exact(fit.offset)})", expression)
    limit = None if measured.max_error is None else measured.max_error - _exact(fit.offset)
    market = MotsMarket.build(
        sizes=[entry.size for entry in measured.types],
        counts=measured.counts,
        costs=[entry.cost for entry in measured.types],
        utility={"expression": shifted},
        data_variance=_exact(fit.noise),
        client_variance=_exact(fit.client_variance),
    )
    # A requirement below the offset is below every error; its sign is no matter to the solvers.
    return market.with_max_error(limit)


def outcomes(measured: MeasuredMarket, fit: ErrorFit) -> Iterator[Row]:
    """Where each mechanism ends, chosen either way; see :func:`sweep` for the columns."""
    theory = theory_market(measured, fit)
    for chosen_by, market in (("measured", measured), ("theory", theory)):
        best = solve_social_state(market)
        ends = {name: _valued(name, state, best, market, measured) for name, state in _chosen(market, best).items()}
        ends["swan"] |= _against(ends["swan"], ends["fl-only"])
        for name, row in ends.items():
            yield {"chosen_by": chosen_by, "mechanism": name, **row}


def _against(mots: Row, alone: Row) -> Row:
    """Gain in welfare and cut in incentive cost over FL without a market; what the platform keeps is no cost."""
    gained: Row = {}
    if mots["welfare"] is not None and alone["welfare"] is not None:
        if alone["welfare"] > 0:
            gained["gain_percent"] = 100 * float(mots["welfare"] / alone["welfare"] - 1)
        if alone["incentive_cost"] > 0:
            gained["cut_percent"] = 100 * float(1 - max(0, mots["incentive_cost"]) / alone["incentive_cost"])
    return gained


def _chosen(market: MotsMarket, best: SocialAnswer) -> dict[str, State | None]:
    """The state in which each mechanism ends; ``None`` where it knows that no state meets the requirement."""
    nobody = (0,) * market.type_count
    chosen: dict[str, State | None] = {
        "swan": None if best.status == "infeasible" else nobody if best.no_model else best.state,
        "dynamic": dynamic(market).state,
        "modified-fl": modified_fl(market).state,
    }
    alone = fl_only(market)
    chosen["fl-only"] = None if not alone.meets_requirement else alone.state
    if alone.meets_requirement and market.max_error is None and alone.welfare < 0:
        chosen["fl-only"] = nobody
    return chosen


def _valued(name: str, state: State | None, best: SocialAnswer, market: MotsMarket, measured: MeasuredMarket) -> Row:
    """Welfare and incentive cost of a state under the measured losses."""
    row: Row = {"state": None, "participants": None, "loss": None, "meets_requirement": False}
    row |= {"welfare": None, "incentive_cost": None, "announced_cost": None, "gain_percent": None, "cut_percent": None}
    if state is None:
        return row
    trains = any(state)
    row |= {"state": "/".join(map(str, state)), "participants": sum(state)}
    row["loss"] = measured.error(state) if trains else None
    row["meets_requirement"] = measured.meets_requirement(state) or (not trains and measured.max_error is None)
    if not row["meets_requirement"]:
        return row
    worth = welfare(measured, state)
    if name == "swan":
        row["incentive_cost"] = row["announced_cost"] = Fraction(0)
        if trains:
            promised = welfare(market, state)
            # The surplus that the ratio (20) shares out, on the market by which the platform announced it.
            row["incentive_cost"] = (promised if promised > 0 else SMALL_INCENTIVE) - worth
            row["announced_cost"] = _promised_by_potential(swan(market, answer=best), promised) - worth
    elif name == "fl-only":
        value = utility(measured, measured.error(state)) if trains else Fraction(0)
        pairs = list(zip(state, measured.types, strict=True))
        worth = sum((k * (value - entry.cost) for k, entry in pairs), Fraction(0))
        row["incentive_cost"] = sum((k * max(Fraction(0), entry.cost - value) for k, entry in pairs), Fraction(0))
    row["welfare"] = worth
    return row


def _promised_by_potential(mechanism: Swan, promised: Fraction) -> Fraction:
    """What all clients together are promised at ``k*``, ``alpha (f(k*) - L_min)``; the welfare where ``alpha`` is undefined."""
    if mechanism.ratio is None:
        return promised
    return mechanism.market.population * mechanism.share(mechanism.target)


def sweep(
    market: MeasuredMarket,
    fit: ErrorFit,
    *,
    points: int,
    costs: Sequence[float] = (),
    requirements: Sequence[float] = (),
    cost_share: float = 0.25,
    max_error: float | None = None,
) -> Iterator[Row]:
    """Both panels of figures 6 to 9: over costs per sample, then over requirements at a fixed cost.

    Parameters
    ----------
    market : MeasuredMarket
        Measured losses; its costs are replaced.
    fit : ErrorFit
        Eq. (3) fitted to them.
    points : int
        Values of each parameter, where they are not given.
    costs, requirements : sequence of float
        Costs per sample and requirements on the test loss; by default from zero to a little beyond where the sole
        participation of a client with most samples stops paying, and from the least loss to well above the best state's.
    cost_share : float
        Cost of the second panel, as a share of the largest cost of the first.
    max_error : float, optional
        Requirement of the first panel.

    Yields
    ------
    dict
        ``parameter``, ``value``; ``chosen_by``, ``mechanism``; ``state`` (participants of each type), ``participants``,
        ``loss``, ``meets_requirement`` - a state is valued only where the measured loss meets the requirement - ``welfare``,
        ``incentive_cost`` (what the platform adds from outside: for SWAN the surplus promised by the announcing market less
        the welfare that results, so that it is zero where the two agree and are positive; for FL without a market what its
        participants lack), ``announced_cost`` (the same with ``alpha (f(k*) - L_min)`` as in (20) to (22), where ``f``
        interpolates), and of SWAN against FL without a market ``gain_percent`` and ``cut_percent``.
    """
    prices = [_exact(cost) for cost in costs] or default_costs(market, points)
    limited = market.with_max_error(None if max_error is None else _exact(max_error))
    for cost in prices:
        for row in outcomes(_as_measured(with_cost_per_sample(limited, cost)), fit):
            yield {"parameter": "cost_per_sample", "value": cost, **row}
    fixed = with_cost_per_sample(market, max(prices) * _exact(cost_share))
    limits = [_exact(limit) for limit in requirements] or default_requirements(fixed, points)
    for limit in limits:
        for row in outcomes(_as_measured(fixed.with_max_error(limit)), fit):
            yield {"parameter": "max_error", "value": limit, **row}


def _as_measured(market: MotsMarket) -> MeasuredMarket:
    assert isinstance(market, MeasuredMarket)
    return market


@dataclass(frozen=True)
class Headlines:
    """MoTS against FL without a market over a sweep, in per cent.

    Attributes
    ----------
    gain, cut : float or None
        The paper's "up to": largest relative gain in welfare, where FL's is positive; largest relative cut of FL's incentive
        cost, where FL has one. A gain has no bound as FL's welfare goes to zero.
    median_gain, median_cut : float or None
        Medians over the same points.
    """

    gain: float | None
    median_gain: float | None
    cut: float | None
    median_cut: float | None


def headlines(rows: Sequence[Mapping[str, Any]], chosen_by: str, parameter: str | None = None) -> Headlines:
    """Summarise a sweep as the paper does.

    Parameters
    ----------
    rows : sequence of mappings
        From :func:`sweep`.
    chosen_by : str
        ``measured`` or ``theory``.
    parameter : str, optional
        One panel only.
    """
    kept = [row for row in rows if row["chosen_by"] == chosen_by and parameter in (None, row["parameter"])]
    gains = [row["gain_percent"] for row in kept if row["gain_percent"] is not None]
    cuts = [row["cut_percent"] for row in kept if row["cut_percent"] is not None]
    return Headlines(
        max(gains, default=None),
        median(gains) if gains else None,
        max(cuts, default=None),
        median(cuts) if cuts else None,
    )


def check_utility(text: str) -> None:
    """Refuse a utility that cannot be read.

    Raises
    ------
    InputError
        Naming the field.
    """
    try:
        MotsMarket.build(sizes=[1], counts=[1], costs=[0], utility={"expression": text})
    except InputError as error:
        raise InputError(error.message, field="utility") from None
