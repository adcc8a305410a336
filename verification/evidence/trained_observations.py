"""What the recorded trainings say of SWAN's six observations; everything but the losses is computed here anew.

Signs of eq. (3) without client variance have no free parameter: a client joins with less error or more whatever the data variance
is. Where clients differ in classes the ratio of the two variances is fitted to the same losses. Differences between two
coalitions are taken run by run, for the runs share clients, data and starting model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...fl.experiments.papers.swan_error import curve_states
from ...fl.experiments.papers.swan_welfare import SwanWelfare
from ...fl.sharing.error_fit import rank_correlation
from ...fl.sharing.measured_welfare import headlines, measured_market, sweep
from ...models.sharing.market import State
from ...models.sharing.measured_market import MeasuredMarket
from .trained_evidence import TrainedTable, trained_tables

__all__ = [
    "CITED",
    "recorded",
    "say_alignment",
    "say_balance",
    "say_frameworks",
    "say_heterogeneity",
    "say_mechanisms",
    "say_network_effects",
]

LEVEL = 0.05
POINTS = 13
CURVES = ("k/0/2", "k/0/5", "k/5/0", "0/5/k", "5/0/k", "10/0/k")
WELFARE = ("softmax-iid", "cnn-classes")
"""The tables of figures 6 and 8, and of 7 and 9."""
CITED = (
    "recorded trainings on scikit-learn's digits (10/5/5 clients of 20/50/120 samples, federated averaging with equal weights;"
    " 'python -m fedmech.verification.evidence.trained_evidence --check' derives them again)"
)


def _statistic(changes: NDArray[np.float64]) -> float:
    """Student's statistic of paired changes."""
    spread = changes.std(ddof=1) / len(changes) ** 0.5 if len(changes) > 1 else 0.0
    return float(changes.mean() / spread) if spread else 0.0


def _critical(table: TrainedTable, sides: int) -> float:
    """What the statistic of a table's runs has to exceed."""
    from scipy.special import stdtrit

    return float(stdtrit(len(table.losses) - 1, 1 - LEVEL / sides))


def steps(table: TrainedTable) -> Iterator[tuple[State, State]]:
    """All pairs of recorded states of which the second has one participant more."""
    for state in table.states:
        for i in range(len(state)):
            after = (*state[:i], state[i] + 1, *state[i + 1 :])
            if after in table.place:
                yield state, after


def network_effects(table: TrainedTable) -> dict[str, Any]:
    """How often a further participant changes the loss in the direction that eq. (3) gives."""
    fitted = table.fit.losses(table.states)
    tally = {"steps": 0, "agree": 0, "significant": 0, "significant_agree": 0, "significant_rises": 0}
    for before, after in steps(table):
        changes = table.differences(before, after)
        predicted = fitted[table.place[after]] > fitted[table.place[before]]
        rises, clear = bool(changes.mean() > 0), abs(_statistic(changes)) > _critical(table, 2)
        agrees = rises == bool(predicted)
        tally["steps"] += 1
        tally["agree"] += agrees
        tally["significant"] += clear
        tally["significant_agree"] += clear and agrees
        tally["significant_rises"] += clear and rises
    turns = [turning(table, along) for along in all_curves(table)]
    inside = [turn for turn in turns if 0 < turn["theory_peak"] < turn["joining"]]
    return {
        **tally,
        "curves": {curve: turning(table, curve_states(curve, table.settings.counts)) for curve in curves_of(table)},
        "turning_curves": len(inside),
        "rise_and_fall": sum(turn["rises"] and turn["falls"] for turn in inside),
        "rise_and_fall_significantly": sum(turn["rises_clearly"] and turn["falls_clearly"] for turn in inside),
        "peaks_within_one_client": sum(abs(turn["theory_peak"] - turn["measured_peak"]) <= 1 for turn in inside),
    }


def all_curves(table: TrainedTable) -> Iterator[list[State]]:
    """All clients of one type joining any coalition of the others, client by client, where every state is recorded."""
    counts = table.settings.counts
    for i, count in enumerate(counts):
        for state in table.states:
            along = [(*state[:i], k, *state[i + 1 :]) for k in range(count + 1)]
            if state[i] == 0 and all(each in table.place for each in along):
                yield along


def curves_of(table: TrainedTable) -> list[str]:
    """Those of figure 5's curves that were recorded."""
    return [
        curve for curve in CURVES if all(state in table.place for state in curve_states(curve, table.settings.counts))
    ]


def turning(table: TrainedTable, along: Sequence[State]) -> dict[str, Any]:
    """A curve's loss at its start, at the peak that eq. (3) gives, and at its end; and where its own peak is.

    Whether it rises to that peak and falls after it is tested one-sided: the direction is predicted.
    """
    here = [table.place[state] for state in along]
    fitted, mean = table.fit.losses(along), table.mean[here]
    top = int(fitted.argmax())
    rise, fall = table.differences(along[0], along[top]), table.differences(along[top], along[-1])
    critical = _critical(table, 1)
    return {
        "joining": len(along) - 1,
        "losses": [round(float(mean[index]), 4) for index in (0, top, -1)],
        "theory_peak": top,
        "measured_peak": int(mean.argmax()),
        "rises": bool(rise.mean() > 0),
        "rises_clearly": _statistic(rise) > critical,
        "falls": bool(fall.mean() < 0),
        "falls_clearly": _statistic(fall) < -critical,
        "rank_correlation": round(rank_correlation(mean, fitted), 3),
    }


def alignment(table: TrainedTable) -> dict[str, Any]:
    """How well eq. (3), fitted, describes the losses."""
    fit = table.fit
    return {
        "states": len(table.states),
        "runs": len(table.losses),
        "r_squared": round(fit.r_squared, 3),
        "rank_correlation": round(fit.rank_correlation, 3),
        "offset": round(fit.offset, 4),
        "noise": round(fit.noise, 3),
        "client_variance": round(fit.client_variance, 4),
    }


def market_of(table: TrainedTable) -> MeasuredMarket:
    """The market of the mean losses, at no cost, under the experiment's utility."""
    losses = dict(zip(table.states, table.mean.tolist(), strict=True))
    given = table.settings
    return measured_market(losses, sizes=given.sizes, counts=given.counts, utility=SwanWelfare().utility)


@cache
def swept(name: str) -> tuple[Mapping[str, Any], ...]:
    """Both panels of the welfare figures on a recorded table."""
    table = trained_tables()[name]
    return tuple(sweep(market_of(table), table.fit, points=POINTS))


def _points(name: str, chosen_by: str) -> Iterator[dict[str, Mapping[str, Any]]]:
    """The rows of each point, by mechanism."""
    found: dict[tuple[str, Fraction], dict[str, Mapping[str, Any]]] = {}
    for row in swept(name):
        if row["chosen_by"] == chosen_by:
            found.setdefault((row["parameter"], row["value"]), {})[row["mechanism"]] = row
    yield from found.values()


def mechanisms(name: str) -> dict[str, Any]:
    """SWAN against its two rivals: over all points, at high costs, and under strict requirements."""
    found: dict[str, Any] = {}
    for chosen_by in ("measured", "theory"):
        points = list(_points(name, chosen_by))
        costs = [point for point in points if point["swan"]["parameter"] == "cost_per_sample"]
        limits = [point for point in points if point["swan"]["parameter"] == "max_error"]
        each: dict[str, Any] = {"points": len(points), "requirements": len(limits)}
        each["requirements_met"] = sum(point["swan"]["welfare"] is not None for point in limits)
        area = sum(max(Fraction(0), point["swan"]["welfare"]) for point in costs)
        for rival in ("dynamic", "modified-fl"):
            worse = [
                point["swan"]["welfare"] is None or point["swan"]["welfare"] < point[rival]["welfare"]
                for point in points
                if point[rival]["welfare"] is not None
            ]
            positive = [
                (point["swan"]["welfare"] > 0, point[rival]["welfare"] > 0)
                for point in costs
                if point["swan"]["welfare"] is not None
            ]
            lead = sum(
                max(Fraction(0), point["swan"]["welfare"]) - max(Fraction(0), point[rival]["welfare"])
                for point in costs
            )
            each[rival] = {
                "swan_worse": sum(worse),
                "worthless_where_swan_is_not": sum(ours and not theirs for ours, theirs in positive),
                "requirements_met": sum(point[rival]["welfare"] is not None for point in limits),
                "lead_percent_of_swans_welfare_over_costs": round(100 * float(lead / area), 1) if area else None,
            }
        found[chosen_by] = each
    return found


def frameworks(name: str) -> dict[str, Any]:
    """MoTS against FL without a market, summarised as the paper does."""
    found: dict[str, Any] = {}
    for chosen_by in ("measured", "theory"):
        pairs = [
            (point["swan"], point["fl-only"])
            for point in _points(name, chosen_by)
            if point["swan"]["welfare"] is not None and point["fl-only"]["welfare"] is not None
        ]
        each: dict[str, Any] = {
            "points": len(pairs),
            "welfare_lower": sum(ours["welfare"] < theirs["welfare"] for ours, theirs in pairs),
            "cost_higher": sum(ours["incentive_cost"] > theirs["incentive_cost"] for ours, theirs in pairs),
        }
        for parameter in ("cost_per_sample", "max_error"):
            summary = headlines(list(swept(name)), chosen_by, parameter)
            each[parameter] = {key: None if value is None else round(value, 2) for key, value in vars(summary).items()}
        found[chosen_by] = each
    return found


def aligned_cost(table: TrainedTable) -> Fraction:
    """The largest cost per sample up to which a state of least loss has the greatest welfare; exact for the recorded means."""
    market = market_of(table)
    least = min(market.table, key=lambda state: (market.table[state], sum(state)))
    served, best = market.population, market.utility.exact(market.table[least])
    samples = {
        state: sum(k * entry.size for k, entry in zip(state, market.types, strict=True)) for state in market.table
    }
    # Least loss is best while the utility it adds to any state covers the samples it adds.
    return min(
        served * (best - market.utility.exact(error)) / (samples[least] - samples[state])
        for state, error in market.table.items()
        if samples[state] < samples[least]
    )


def balance(name: str) -> dict[str, Any]:
    """SWAN's incentive cost where welfare is positive, and whether welfare depends on the requirement."""
    found: dict[str, Any] = {}
    for chosen_by in ("measured", "theory"):
        positive = [
            point["swan"]
            for point in _points(name, chosen_by)
            if point["swan"]["welfare"] is not None and point["swan"]["welfare"] > 0
        ]
        shares = [100 * float(row["incentive_cost"] / row["welfare"]) for row in positive]
        found[chosen_by] = {
            "positive": len(positive),
            "balanced": sum(row["incentive_cost"] == 0 for row in positive),
            "balanced_as_announced": sum(row["announced_cost"] == 0 for row in positive),
            "cost_percent_of_welfare": [round(min(shares), 1), round(max(shares), 1)] if shares else None,
        }
    limits = [
        point["swan"]["welfare"] for point in _points(name, "measured") if point["swan"]["parameter"] == "max_error"
    ]
    table = trained_tables()[name]
    cost = aligned_cost(table)
    top = max(row["value"] for row in swept(name) if row["parameter"] == "cost_per_sample")
    found["welfare_constant_at_a_quarter_of_the_costs"] = len(set(limits)) == 1
    found["aligned_up_to_cost_per_sample"] = float(round(cost, 6))
    found["aligned_up_to_percent_of_the_costs"] = round(100 * float(cost / top), 1)
    return found


# In words ------------------------------------------------------------------------------------------------------------


def recorded(said: str) -> str:
    """What was measured, as the end of a scope."""
    return f" Measured, {CITED}: {said}"


def _held(yes: bool) -> str:
    return "the paper's observation held" if yes else "the paper's observation did not hold in full"


CHOOSERS = {"measured": "the measured losses", "theory": "the fitted theory"}


def _held_by(held: Mapping[str, bool]) -> str:
    """The same for each way in which states are chosen."""
    if len(set(held.values())) == 1:
        return _held(held["measured"])
    return "; ".join(f"with states chosen by {CHOOSERS[name]} {_held(yes)}" for name, yes in held.items())


def _strength(correlation: float) -> str:
    """Words for a rank correlation."""
    return "strong" if correlation >= 0.9 else "moderate" if correlation >= 0.7 else "weak"


def say_network_effects() -> tuple[str, dict[str, Any]]:
    """Observation 1 on the recorded trainings."""
    found = {name: network_effects(table) for name, table in trained_tables().items()}
    parts = [
        f"{name}: {each['agree']} of {each['steps']} steps of one client have eq. (3)'s sign, {each['significant_agree']} of the"
        f" {each['significant']} that a paired t-test tells from zero at 5 %"
        for name, each in found.items()
    ]
    text = "; ".join(parts)
    for name, each in found.items():
        if each["turning_curves"] > 1:
            text += (
                f". {name}: of {each['turning_curves']} curves that eq. (3) has rise and then fall, {each['rise_and_fall']} do"
                f" ({each['rise_and_fall_significantly']} with both significant, one-sided), {each['peaks_within_one_client']}"
                " with the peak within one client of the predicted one"
            )
    alike = found["softmax-iid"]
    large = [curve for along, curve in alike["curves"].items() if along.endswith("k")]
    down = all(curve["falls_clearly"] and not curve["rises"] for curve in large)
    text += ". Large clients joining always lower the loss of softmax-iid" if down else ""
    held = down and alike["rise_and_fall_significantly"] > 0 and 2 * alike["rise_and_fall"] > alike["turning_curves"]
    return f"{text}: {_held(held)}", found


def say_alignment() -> tuple[str, dict[str, Any]]:
    """Observation 2 on the recorded trainings."""
    found = {name: alignment(table) for name, table in trained_tables().items()}
    parts = [
        f"{name} R^2 {each['r_squared']}, rank correlation {each['rank_correlation']} ({_strength(each['rank_correlation'])})"
        for name, each in found.items()
    ]
    held = all(each["rank_correlation"] >= 0.9 for each in found.values())
    return "affine in eq. (3), fitted: " + "; ".join(parts) + f": {_held(held)}", found


def say_mechanisms() -> tuple[str, dict[str, Any]]:
    """Observation 3 on the recorded trainings."""
    found = {name: mechanisms(name) for name in WELFARE}
    parts, held = [], dict.fromkeys(CHOOSERS, True)
    for name, each in found.items():
        for chosen_by, numbers in each.items():
            rivals = {rival: numbers[rival] for rival in ("dynamic", "modified-fl")}
            held[chosen_by] &= all(
                other["worthless_where_swan_is_not"] and not other["swan_worse"] for other in rivals.values()
            )
            parts.append(
                f"{name}, states chosen by {CHOOSERS[chosen_by]}: "
                + ", ".join(
                    f"{rival} is better at {other['swan_worse']} of {numbers['points']} points, worthless at"
                    f" {other['worthless_where_swan_is_not']} where SWAN is not, meets {other['requirements_met']} of"
                    f" {numbers['requirements']} requirements against SWAN's {numbers['requirements_met']}"
                    for rival, other in rivals.items()
                )
            )
    return "; ".join(parts) + f": {_held_by(held)}", found


def say_heterogeneity() -> tuple[str, dict[str, Any]]:
    """Observation 4: the lead on the CNN with classes by type against that on the softmax with clients alike."""
    alike, mixed = (mechanisms(name)["measured"] for name in WELFARE)
    found: dict[str, Any] = {}
    for rival in ("dynamic", "modified-fl"):
        found[rival] = {
            "lead_percent_of_swans_welfare_over_costs": [
                each[rival]["lead_percent_of_swans_welfare_over_costs"] for each in (alike, mixed)
            ],
            "requirements_missed": [
                each["requirements_met"] - each[rival]["requirements_met"] for each in (alike, mixed)
            ],
        }
    wider = all(values[1] > values[0] for rival in found.values() for values in rival.values())
    text = "; ".join(
        f"over {rival} {each['lead_percent_of_swans_welfare_over_costs'][0]} % of SWAN's welfare over the costs with the softmax,"
        f" {each['lead_percent_of_swans_welfare_over_costs'][1]} % with the CNN, and {each['requirements_missed'][0]} against"
        f" {each['requirements_missed'][1]} requirements more"
        for rival, each in found.items()
    )
    return f"SWAN's lead, i.i.d. softmax against CNN with one, five and all classes: {text}: {_held(wider)}", found


def _gained(panel: Mapping[str, Any]) -> str:
    welfare = "FL's welfare never positive"
    if panel["gain"] is not None:
        welfare = f"welfare up to +{panel['gain']} % (median {panel['median_gain']})"
    cost = "FL without cost" if panel["cut"] is None else f"cost down by up to {panel['cut']} %"
    return f"{welfare}, {cost}"


def say_frameworks() -> tuple[str, dict[str, Any]]:
    """Observation 5 on the recorded trainings, beside the paper's percentages."""
    found = {name: frameworks(name) for name in WELFARE}
    parts, held = [], dict.fromkeys(CHOOSERS, True)
    for name, each in found.items():
        for chosen_by, numbers in each.items():
            held[chosen_by] &= not numbers["welfare_lower"] and not numbers["cost_higher"]
            parts.append(
                f"{name}, states chosen by {CHOOSERS[chosen_by]}: {_gained(numbers['cost_per_sample'])} over the costs,"
                f" {_gained(numbers['max_error'])} over the requirements, lower welfare at {numbers['welfare_lower']} and higher"
                f" cost at {numbers['cost_higher']} of {numbers['points']} points"
            )
    return "; ".join(parts) + f" (paper: +352.42 % and 93.07 %): {_held_by(held)}", found


def say_balance() -> tuple[str, dict[str, Any]]:
    """Observation 6 on the recorded trainings."""
    found = {name: balance(name) for name in WELFARE}
    parts, held = [], True
    for name, each in found.items():
        known, told = each["measured"], each["theory"]
        held &= known["balanced"] == known["positive"] and each["welfare_constant_at_a_quarter_of_the_costs"]
        parts.append(
            f"{name}: where the measured losses are announced the incentive cost is zero at {known['balanced']} of"
            f" {known['positive']} points of positive welfare (with (20) as written, f(k*) interpolated, at"
            f" {known['balanced_as_announced']}); announced by the fitted theory it is between"
            f" {told['cost_percent_of_welfare'][0]} and {told['cost_percent_of_welfare'][1]} % of the welfare; least loss is best"
            f" up to {each['aligned_up_to_percent_of_the_costs']} % of the cost range, and at a quarter of it the welfare is"
            + (" constant" if each["welfare_constant_at_a_quarter_of_the_costs"] else " not constant")
            + " over the requirements"
        )
    return "; ".join(parts) + f": {_held(held)}", found
