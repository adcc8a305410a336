"""What is measured of a procurement round: six families of figures.

Source: DriftPay, section 7e, "Outcomes and evaluation metrics" (stated): welfare proxy, downstream learning, budget utilisation
and prices, constraint stress, stability. The concentration index, the counting of binding caps and the size of the perturbations are
choices made here (reconstructed). Sums and ratios are taken exactly and become floats at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ...models.exact import exact_sum
from ...models.procurement.market import Market
from ...solvers.feasibility import objective_value
from ...solvers.solution import Solution
from ..mechanisms.interface import Outcome
from ..scoring.uncertainty import effective_eta, noise_benchmark
from .audits import Findings

__all__ = [
    "audit_metrics",
    "budget_metrics",
    "cap_metrics",
    "jaccard",
    "learning_metrics",
    "optimum_metrics",
    "perturbed",
    "requester_metrics",
    "score_metrics",
    "sensitivity",
]

Row = dict[str, Any]


def _ratio(above: Fraction | int | None, below: Fraction | int | None) -> float | None:
    return None if above is None or not below else float(Fraction(above) / Fraction(below))


# ------------------------------------------------------------------ 1. welfare proxy


def score_metrics(market: Market, seen: Market, outcome: Outcome, noiseless: Outcome) -> Row:
    """Score procured, and what noise in the scores cost.

    Parameters
    ----------
    market, seen : Market
        With the true scores ``v``, and with those that the mechanism saw, ``v^``.
    outcome : Outcome
        On `seen`; its own ``score`` counts ``v^``.
    noiseless : Outcome
        Of the same mechanism on `market`.

    Returns
    -------
    dict
        ``score`` and ``score_seen`` (by ``v`` and by ``v^``), ``score_noiseless``; ``eta_effective`` (the largest ``|v^ - v| / v``),
        ``degradation`` (``ALG(v^) / ALG(v)``) and ``noise_benchmark`` beside it; ``winners``; ``v_least``, ``v_most`` and
        ``dispersion``, their ratio.
    """
    score = objective_value(market, "orp", outcome.assignment)
    low, high = int(market.scaled.scores.min()), int(market.scaled.scores.max())
    true, estimates = (np.array([float(given.score(i)) for i in range(given.n)]) for given in (market, seen))
    eta = effective_eta(estimates, true)
    return {
        "score": float(score),
        "score_seen": float(outcome.score),
        "score_noiseless": float(noiseless.score),
        "eta_effective": eta,
        "degradation": _ratio(score, noiseless.score),
        "noise_benchmark": noise_benchmark(eta),
        "winners": len(outcome.winner_indices),
        "v_least": low / market.scaled.score_denominator,
        "v_most": high / market.scaled.score_denominator,
        "dispersion": high / low,
    }


def optimum_metrics(market: Market, outcome: Outcome, solution: Solution, name: str) -> Row:
    """How far the procured score is from an optimum on true scores and costs.

    Returns
    -------
    dict
        `name` (its value), ``{name}_proved`` and ``{name}_share``: procured score over optimum, at most 1 where payments cover costs and
        stay within the budget, and 1 where both are 0. A pooled mechanism may procure something where the separate optimum is 0: then the
        share is None.
    """
    score = objective_value(market, "orp", outcome.assignment)
    optimum = solution.objective
    value = None if optimum is None else float(optimum)
    share = 1.0 if optimum == score else _ratio(score, optimum)
    return {name: value, f"{name}_proved": solution.proved, f"{name}_share": share}


# ------------------------------------------------------------------ 2. downstream learning


def learning_metrics(
    before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]]
) -> tuple[Row, list[Row]]:
    """Test loss and accuracy of every requester before and after its training.

    Parameters
    ----------
    before, after : sequence of (loss, accuracy), length m
        On the requester's own task.

    Returns
    -------
    whole : dict
        ``loss_gain`` and ``accuracy_gain`` (sums over requesters; positive is better), means after the round ``loss`` and
        ``accuracy``, and ``accuracy_worst``, the least of them.
    each : list of dict, length m
        ``loss_before``, ``loss``, ``loss_gain`` and the same of accuracy.
    """
    each: list[Row] = [
        {
            "loss_before": old_loss,
            "loss": loss,
            "loss_gain": old_loss - loss,
            "accuracy_before": old_accuracy,
            "accuracy": accuracy,
            "accuracy_gain": accuracy - old_accuracy,
        }
        for (old_loss, old_accuracy), (loss, accuracy) in zip(before, after, strict=True)
    ]
    return {
        "loss": sum(row["loss"] for row in each) / len(each),
        "loss_gain": sum(row["loss_gain"] for row in each),
        "accuracy": sum(row["accuracy"] for row in each) / len(each),
        "accuracy_gain": sum(row["accuracy_gain"] for row in each),
        "accuracy_worst": min(row["accuracy"] for row in each),
    }, each


# ------------------------------------------------------------------ 3. budget utilisation and prices


def budget_metrics(market: Market, outcome: Outcome, truthful: Outcome | None, deviates: np.ndarray) -> Row:
    """Money: what was paid, what it cost the workers, what was left.

    Parameters
    ----------
    market : Market
        With true costs.
    outcome : Outcome
    truthful : Outcome, optional
        Of the same mechanism had the deviating workers bid without their deviation.
    deviates : ndarray of bool, shape (n,)
        Who deviates.

    Returns
    -------
    dict
        ``budget``, ``paid``, ``unused_share`` of the pooled budget, ``critical_price`` (money per unit of the score seen; None without one
        price), ``winners_cost`` (true), ``workers_utility`` (payments minus true costs), ``deviators_utility`` and
        ``deviation_gain`` (what the deviation of all deviators together changed in it; None without deviators).
    """
    budget = Fraction(market.scaled.total_budget, market.scaled.money_denominator)
    paid = outcome.total_payment
    winners = outcome.winner_indices
    cost = Fraction(exact_sum(market.scaled.needed_costs[winners]), market.scaled.money_denominator)
    mine = _utility(market, outcome, deviates) if deviates.any() else None
    honest = None if truthful is None else _utility(market, truthful, deviates)
    return {
        "budget": float(budget),
        "paid": float(paid),
        "unused_share": _ratio(budget - paid, budget),
        "critical_price": None if outcome.price is None else float(outcome.price),
        "winners_cost": float(cost),
        "workers_utility": float(paid - cost),
        "deviators_utility": None if mine is None else float(mine),
        "deviation_gain": None if mine is None or honest is None else float(mine - honest),
    }


def _utility(market: Market, outcome: Outcome, among: np.ndarray) -> Fraction:
    total = Fraction(0)
    for i in np.flatnonzero(among).tolist():
        total += outcome.payment(i)
        if outcome.assignment[i] >= 0:
            total -= market.cost(i)
    return total


def requester_metrics(market: Market, outcome: Outcome) -> list[Row]:
    """Winners, score and money of each requester; under a pooled budget a requester's workers may be paid more than it brought.

    Returns
    -------
    list of dict, length m
        ``winners``, ``score``, ``paid``, ``budget``, ``unused_share``.
    """
    rows: list[Row] = []
    for j in range(market.m):
        members = np.flatnonzero(outcome.assignment == j)
        paid = sum((outcome.payment(i) for i in members.tolist()), Fraction(0))
        rows.append(
            {
                "winners": len(members),
                "score": exact_sum(market.scaled.scores[members]) / market.scaled.score_denominator,
                "paid": float(paid),
                "budget": float(market.budget(j)),
                "unused_share": _ratio(market.budget(j) - paid, market.budget(j)),
            }
        )
    return rows


# ------------------------------------------------------------------ 4. constraint stress


def cap_metrics(market: Market, outcome: Outcome) -> Row:
    """How many caps bind, and how concentrated the winners are.

    A cap binds if it is used up and lies below the group's size: without it one more worker of the group could have gone there. How many
    bind depends on where winners are sent; how many groups are exhausted does not.

    Returns
    -------
    dict
        ``caps`` (those below their group's size), ``caps_bound``, ``caps_bound_share``; ``groups_exhausted`` (groups all of whose caps are used
        up, some of whose workers are left out); ``seats_bound`` (requesters without a free seat); ``concentration`` (Herfindahl index of the
        winners over groups: the sum of squared shares, None without winners) and ``concentration_all`` (of all workers).
    """
    placed = outcome.winner_indices
    counts = np.zeros((market.L, market.m), dtype=np.int64)
    np.add.at(counts, (market.group_of[placed], outcome.assignment[placed]), 1)
    limiting = market.caps < market.group_sizes[:, None]
    bound = limiting & (counts == market.caps)
    hired = counts.sum(axis=1)
    exhausted = (hired == market.caps.sum(axis=1)) & (hired < market.group_sizes)
    limited = market.seats < market.n
    return {
        "caps": int(limiting.sum()),
        "caps_bound": int(bound.sum()),
        "caps_bound_share": _ratio(int(bound.sum()), int(limiting.sum())),
        "groups_exhausted": int(exhausted.sum()),
        "seats_bound": int((limited & (counts.sum(axis=0) == market.seats)).sum()),
        "concentration": _herfindahl(hired),
        "concentration_all": _herfindahl(market.group_sizes),
    }


def _herfindahl(counts: np.ndarray) -> float | None:
    total = int(counts.sum())
    return _ratio(int((counts * counts).sum()), total * total)


# ------------------------------------------------------------------ 5. audits


def audit_metrics(outcome: Outcome, findings: Findings | None, games: np.ndarray, who: np.ndarray) -> Row:
    """What gaming earned, and what an audit found.

    Parameters
    ----------
    outcome : Outcome
        On the market of the workers `who`.
    findings : Findings or None
        About all workers; None where there was no audit.
    games : ndarray of bool, shape (workers,)
        Who games its scoring update.
    who : ndarray of int64, shape (n,)

    Returns
    -------
    dict
        ``excluded`` (workers, from this round on), ``gamers_left``, ``gamers_hired``, ``gamers_paid``; ``flagged_inconsistent``, ``flagged_idle``,
        ``flagged_copied`` and ``flagged_honest``, those among all flagged that do not game; None without an audit.
    """
    left = games[who]
    hired = outcome.winner_indices[left[outcome.winner_indices]]
    row: Row = {
        "excluded": len(games) - len(who),
        "gamers_left": int(left.sum()),
        "gamers_hired": len(hired),
        "gamers_paid": float(sum((outcome.payment(i) for i in hired.tolist()), Fraction(0))),
    }
    for name in ("inconsistent", "idle", "copied"):
        row[f"flagged_{name}"] = None if findings is None else int(getattr(findings, name).sum())
    row["flagged_honest"] = None if findings is None else int((findings.flagged & ~games).sum())
    return row


# ------------------------------------------------------------------ 6. stability


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Overlap of two sets of workers: common over all; 1 if both are empty.

    Parameters
    ----------
    first, second : ndarray of bool, shape (n,)
    """
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else 1.0


def perturbed(values: Sequence[Fraction], relative: Fraction, rng: np.random.Generator) -> list[Fraction]:
    """Multiply every value by ``1 + relative * u``, ``u`` uniform on the multiples of 1/1000 in [-1, 1]."""
    draws = np.floor(rng.random(len(values)) * 2001).astype(int) - 1000
    return [value * (1 + relative * Fraction(u, 1000)) for value, u in zip(values, draws.tolist(), strict=True)]


def sensitivity(hired: np.ndarray, again: Callable[[], np.ndarray], draws: int) -> float | None:
    """Mean Jaccard overlap of a selection with the selections after small perturbations.

    Parameters
    ----------
    hired : ndarray of bool, shape (n,)
    again : callable
        Draws a perturbation and returns who is hired then.
    draws : int

    Returns
    -------
    float or None
        None without draws.
    """
    return sum(jaccard(hired, again()) for _ in range(draws)) / draws if draws else None
