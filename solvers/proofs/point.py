"""What a point is worth, in plain Python integers: it keeps caps, seats and budgets, or it is refused.

A point of ORP, OPT, OPT-SEP and COVER says by requester whom it hires; one of OPT-FRAC, which share of a worker goes to a requester.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

from ...models.procurement.market import Market
from .proof import refuse

__all__ = ["shares_worth", "worth"]


def worth(market: Market, problem: str, hired: Sequence[Sequence[int]]) -> int:
    """Return what the workers hired by each requester are worth, in integer units.

    Raises
    ------
    ProofError
        If this is no point of the problem.
    """
    if len(hired) != market.m:
        refuse("point: must have a list for each requester")
    everyone = [i for workers in hired for i in workers]
    # Not isinstance: True is an int, and would hire worker 1.
    if any(type(i) is not int or not 0 <= i < market.n for i in everyone) or len(set(everyone)) < len(everyone):
        refuse("point: a worker is unknown or hired twice")
    groups, caps, seats = market.group_of.tolist(), market.caps.tolist(), market.seats.tolist()
    costs = [0] * market.n if problem == "orp" else market.scaled.needed_costs.tolist()
    bills = [sum(costs[i] for i in workers) for workers in hired]
    for j, workers in enumerate(hired):
        used = Counter(groups[i] for i in workers)
        if any(number > caps[l][j] for l, number in used.items()):
            refuse(f"point: a cap of requester {market.requester_ids[j]} is exceeded")
        if len(workers) > seats[j]:
            refuse(f"point: the seats of requester {market.requester_ids[j]} are exceeded")
        if problem == "opt-sep" and bills[j] > int(market.scaled.budgets[j]):
            refuse(f"point: the budget of requester {market.requester_ids[j]} is exceeded")
    # Seats and caps hold for every problem; budgets are one by one, or as one, or none (orp).
    if problem in ("opt", "cover") and sum(bills) > sum(market.scaled.budgets.tolist()):
        refuse("point: the pooled budget is exceeded")
    if problem != "cover":
        scores = market.scaled.scores.tolist()
        return sum(scores[i] for i in everyone)
    assert market.scaled.coverage is not None
    # Python integers: a sum over the kinds may leave 64 bits where each number does not. Nobody hired has no columns, worth 0.
    rows = market.scaled.coverage[everyone].tolist()
    return sum(max(column) for column in zip(*rows, strict=True))


def shares_worth(market: Market, shares: Mapping[tuple[int, int], Fraction]) -> Fraction:
    """Return what shares of workers, by worker and requester, are worth in units of the scores.

    Raises
    ------
    ProofError
        If this is no point of OPT-FRAC.
    """
    workers: dict[int, Fraction] = defaultdict(Fraction)
    cells: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    requesters: dict[int, Fraction] = defaultdict(Fraction)
    value, bill = Fraction(0), Fraction(0)
    costs = market.scaled.needed_costs
    for (i, j), share in shares.items():
        if not (type(i) is int and type(j) is int and 0 <= i < market.n and 0 <= j < market.m):
            refuse("point: a worker or requester is unknown")
        if not 0 <= share <= 1:
            refuse("point: a share lies outside 0 to 1")
        workers[i] += share
        cells[int(market.group_of[i]), j] += share
        requesters[j] += share
        value += share * int(market.scaled.scores[i])
        bill += share * int(costs[i])
    if any(total > 1 for total in workers.values()):
        refuse("point: a worker is hired more than once")
    if any(total > int(market.caps[cell]) for cell, total in cells.items()):
        refuse("point: a cap is exceeded")
    if any(total > int(market.seats[j]) for j, total in requesters.items()):
        refuse("point: the seats of a requester are exceeded")
    if bill > sum(market.scaled.budgets.tolist()):
        refuse("point: the pooled budget is exceeded")
    return value
