"""Random markets of the kinds on which knapsack methods are usually measured.

Scores and costs are integers in ``1..top``: ``a`` uncorrelated, ``b`` weakly correlated (score within a tenth of the range of the
cost), ``c`` strongly correlated (score = cost + a tenth of the range), ``d`` subset-sum (score = cost), and ``lognormal`` with
heavy tails. The pooled budget is a share of what ORP's optimum would cost, the caps admit a share of every group.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..exact import exact_sum
from ..input_error import InputError
from ..seeds import read_seed
from .columns import MOST_CELLS
from .market import Market

__all__ = ["KINDS", "check_request", "check_shares", "generate_market", "limited_market", "scores_and_costs"]

KINDS = ("a", "b", "c", "d", "lognormal")

MOST_WORKERS, LARGEST_TOP = 10**9, 10**18
"""Of one market: workers, and the largest cost, so that single numbers stay within 64 bits."""


def scores_and_costs(rng: np.random.Generator, kind: str, n: int, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the numbers of so many workers of a kind."""
    if kind == "lognormal":
        tails = np.exp(rng.normal(0.0, 2.0, size=(2, n)))
        scores, costs = np.clip(np.rint(tails * top / 1000), 1, 10**12).astype(np.int64)
        return scores, costs
    costs = rng.integers(1, top + 1, size=n)
    spread = max(1, top // 10)
    if kind == "a":
        return rng.integers(1, top + 1, size=n), costs
    if kind == "b":
        return np.maximum(1, costs + rng.integers(-spread, spread + 1, size=n)), costs
    return (costs + spread, costs) if kind == "c" else (costs.copy(), costs)


def generate_market(
    kind: str,
    n: int,
    *,
    requesters: int = 5,
    groups: int = 10,
    top: int = 10**6,
    cap_share: float = 0.3,
    budget_share: float = 0.5,
    seat_share: float | None = None,
    seed: int = 0,
) -> Market:
    """Make a random market.

    Parameters
    ----------
    kind : {'a', 'b', 'c', 'd', 'lognormal'}
    n : int
        Workers.
    requesters, groups : int
        ``m`` and ``L``.
    top : int
        Largest cost.
    cap_share : float
        What all caps together admit of each group, as a share of its size.
    budget_share : float
        Pooled budget as a share of the cost of ORP's optimum (the best ``K_l`` of each group).
    seat_share : float, optional
        Seats of each requester as a share of what its caps admit; no seat limits if left out.
    seed : int

    Returns
    -------
    Market

    Raises
    ------
    InputError
        For an unknown kind, a size that is too small or too large, and for what is no seed.
    """
    check_request(kind, n, requesters, groups, top)
    check_shares(cap_share, budget_share, seat_share)
    rng = np.random.default_rng(read_seed(seed))
    scores, costs = scores_and_costs(rng, kind, n, top)
    group_of = rng.integers(0, groups, size=n)
    names = [str(group + 1) for group in range(groups)]
    return limited_market(scores, costs, group_of, names, requesters, cap_share, budget_share, seat_share)


def check_request(kind: str, n: int, requesters: int, groups: int, top: int) -> None:
    """Refuse an unknown kind, and sizes out of bounds.

    Raises
    ------
    InputError
        Naming the field.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r}; there are {', '.join(KINDS)}", field="kind")
    for name, value, most in (
        ("n", n, MOST_WORKERS),
        ("requesters", requesters, MOST_CELLS),
        ("groups", groups, MOST_CELLS),
        ("top", top, LARGEST_TOP),
    ):
        if not 1 <= value <= most:
            limit = "at least 1" if value < 1 else f"at most {most:,}"
            raise InputError(f"must be {limit}, got {value:,}", field=name)
    if groups * requesters > MOST_CELLS:
        raise InputError(
            f"{groups:,} groups x {requesters:,} requesters are more than {MOST_CELLS:,} caps", field="groups"
        )


def check_shares(cap_share: float, budget_share: float, seat_share: float | None) -> None:
    """Refuse shares outside [0, 1].

    Raises
    ------
    InputError
        Naming the field.
    """
    for name, share in (("cap_share", cap_share), ("budget_share", budget_share), ("seat_share", seat_share or 0)):
        if not 0 <= share <= 1:
            raise InputError(f"must lie in [0, 1], got {share}", field=name)


def limited_market(
    scores: np.ndarray,
    costs: np.ndarray,
    group_of: np.ndarray,
    group_ids: Sequence[str],
    requesters: int,
    cap_share: float,
    budget_share: float,
    seat_share: float | None,
    score_denominator: int = 1,
    money_denominator: int = 1,
) -> Market:
    """Put workers into a market whose caps, budgets and seats are shares of what there is.

    Parameters
    ----------
    scores, costs : ndarray of int, shape (n,)
        Whole units, of which the denominators make one.
    group_of : ndarray of int, shape (n,)
        Positions in `group_ids`.
    group_ids : sequence of str
    requesters, cap_share, budget_share, seat_share
        As :func:`generate_market` takes them.
    score_denominator, money_denominator : int

    Returns
    -------
    Market
    """
    n, groups = len(scores), len(group_ids)
    sizes = np.bincount(group_of, minlength=groups)
    totals = np.array([int(int(size) * Fraction(str(cap_share))) for size in sizes], dtype=np.int64)
    base, extra = np.divmod(totals[:, None], requesters)
    caps = base + (np.arange(requesters)[None, :] < extra)
    # Best K_l of each group, for the cost that the budget is a share of.
    order = np.lexsort((-scores, group_of))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.arange(n) - starts[group_of[order]]
    routed = order[rank < totals[group_of[order]]]
    budget = int(exact_sum(costs[routed]) * Fraction(str(budget_share)))
    shares, left = divmod(budget, requesters)
    seats = None
    if seat_share is not None:
        seats = [int(int(column) * Fraction(str(seat_share))) for column in caps.sum(axis=0)]
    return Market.build(
        scores=_units(scores, score_denominator),
        costs=_units(costs, money_denominator),
        groups=[group_ids[group] for group in group_of.tolist()],
        group_ids=group_ids,
        budgets=[Fraction(shares + (j < left), money_denominator) for j in range(requesters)],
        caps=caps,
        seats=seats,
    )


def _units(integers: np.ndarray, denominator: int) -> np.ndarray | list[Fraction]:
    return integers if denominator == 1 else [Fraction(value, denominator) for value in integers.tolist()]
