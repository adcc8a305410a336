"""The outcome of DriftPay-CO, recomputed from the market alone and compared with what ``fedmech run --json`` wrote.

=============  ============================================================================================
``b_i v_i``    bid and score of worker ``i``, in the market's integers
``rho_i``      ``b_i / v_i``
``S_k``        the first ``k`` workers by ``rho``, ties to the lower index: `ratio_order`
``M(S)``       the score of ``best(S)``, the best of ``S`` that caps and seats admit: `best_set`
``k*``         the largest ``k`` with ``rho_k M(S_k) <= B``: `critical_prefix`
``pi``         ``min(rho_(k*+1), B / M(S_k*))``, the first left out where ``k* = n``; none without winners
=============  ============================================================================================

1. Sets of workers that caps and seats admit are those of a matroid: ``best(S)`` takes workers by descending score, ties to the lower
   index, each that can still be placed (`Places`). Another rule for ties would give other winners.
2. ``rho_k`` and ``M(S_k)`` do not fall as ``k`` grows, so ``k*`` is found by halving.
3. The winners are ``best(S_k*)``, and ``i`` of them is paid ``v_i pi``. Which requester a winner works for is left open by the
   mechanism: whatever the outcome says is accepted if it keeps caps and seats.

Plain Python integers and fractions; nothing from the mechanism or from any search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...models.procurement.market import Market
from .proof import Pulse, refuse

__all__ = ["CheckedOutcome", "check_outcome", "compare_number"]

FIELDS = {
    "mechanism",
    "winners",
    "total_payment",
    "total_payment_exact",
    "score",
    "score_exact",
    "critical_price",
    "critical_price_exact",
    "seconds",
}

WINNER_FIELDS = {"worker", "requester", "payment", "payment_exact"}


@dataclass(frozen=True)
class CheckedOutcome:
    """What DriftPay-CO does on a market: the critical prefix, the winners, and the price in the market's own units."""

    k: int
    winners: tuple[int, ...]
    score: Fraction
    price: Fraction | None


class Places:
    """Places of groups at requesters, as far as they are taken; taken ones move where that makes room for one more."""

    def __init__(self, caps: Sequence[Sequence[int]], seats: Sequence[int]):
        self.caps, self.seats = caps, list(seats)
        self.taken = [[0] * len(seats) for _ in caps]
        self.full: set[int] = set()

    def take(self, group: int) -> bool:
        """Place one more of a group, if any way of placing all of them is left.

        The way to a free seat leads from a group to a requester that its cap there still admits, and from a requester to a group that
        has somebody there, who may move on. Groups from which no way leads to a free seat never have one again.
        """
        if group in self.full:
            return False
        came: dict[tuple[str, int], tuple[str, int] | None] = {("group", group): None}
        queue = [("group", group)]
        for place in queue:
            kind, at = place
            if kind == "requester" and self.seats[at] > 0:
                self._move(place, came)
                return True
            if kind == "group":
                following = [("requester", j) for j, cap in enumerate(self.caps[at]) if self.taken[at][j] < cap]
            else:
                following = [("group", l) for l in range(len(self.caps)) if self.taken[l][at] > 0]
            for after in following:
                if after not in came:
                    came[after] = place
                    queue.append(after)
        self.full |= {at for kind, at in came if kind == "group"}
        return False

    def _move(self, place: tuple[str, int], came: dict[tuple[str, int], tuple[str, int] | None]) -> None:
        self.seats[place[1]] -= 1
        while (before := came[place]) is not None:
            if place[0] == "requester":
                self.taken[before[1]][place[1]] += 1
            else:
                self.taken[place[1]][before[1]] -= 1
            place = before


def ratio_order(bids: Sequence[int], scores: Sequence[int]) -> list[int]:
    """Return the workers by bid per score, ties to the lower index.

    Ratios of scores up to ``V`` that differ do so by ``1 / V^2`` at least: times ``2^s >= 2 V^2`` and rounded down they still do.
    """
    shift = 2 * max(scores, default=1).bit_length() + 1
    keys = [(bid << shift) // score for bid, score in zip(bids, scores, strict=True)]
    return sorted(range(len(bids)), key=keys.__getitem__)


def best_set(market: Market, by_score: Sequence[int], prefix: set[int], groups: Sequence[int]) -> list[int]:
    """Return the best set of a prefix that caps and seats admit."""
    places = Places(market.caps.tolist(), market.seats.tolist())
    return [i for i in by_score if i in prefix and places.take(groups[i])]


def critical_prefix(market: Market, pulse: Pulse) -> tuple[int, list[int], Fraction | None]:
    """Return ``k*``, the winners, and ``pi`` in units of the integers."""
    bids, scores, groups = market.scaled.bids.tolist(), market.scaled.scores.tolist(), market.group_of.tolist()
    order, budget = ratio_order(bids, scores), sum(market.scaled.budgets.tolist())
    by_score = sorted(range(market.n), key=lambda i: -scores[i])

    def winners(k: int) -> list[int]:
        pulse()
        return best_set(market, by_score, set(order[:k]), groups)

    def affordable(k: int) -> bool:
        last = order[k - 1]
        return bids[last] * sum(scores[i] for i in winners(k)) <= budget * scores[last]

    low, high = 0, market.n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if affordable(middle) else (low, middle - 1)
    chosen = winners(low)
    if not chosen:
        return low, [], None
    price = Fraction(budget, sum(scores[i] for i in chosen))
    if low < market.n:
        price = min(price, Fraction(bids[order[low]], scores[order[low]]))
    return low, chosen, price


def check_outcome(document: Any, market: Market, pulse: Pulse | None = None) -> CheckedOutcome:
    """Verify that a document is DriftPay-CO's outcome on a market.

    Parameters
    ----------
    document : mapping
        As ``fedmech run --json`` writes it.
    market : Market
    pulse : callable, optional
        Called while the check works; what it raises ends the check.

    Raises
    ------
    ProofError
        Says what is wrong.
    """
    if not isinstance(document, dict) or set(document) != FIELDS:
        refuse("the outcome has other fields than 'fedmech run --json' writes")
    if document["mechanism"] != "driftpay-co":
        refuse("only outcomes of driftpay-co can be recomputed")
    seconds = document["seconds"]
    if type(seconds) not in (int, float) or not 0 <= seconds < float("inf"):
        refuse("seconds: must be a number that is not negative")
    k, chosen, price = critical_prefix(market, pulse or (lambda: None))
    unit = Fraction(market.scaled.score_denominator, market.scaled.money_denominator)
    scores = [Fraction(int(x), market.scaled.score_denominator) for x in market.scaled.scores]
    price = None if price is None else price * unit
    paid = {i: scores[i] * price for i in chosen if price is not None}
    found = CheckedOutcome(k, tuple(sorted(chosen)), sum((scores[i] for i in chosen), Fraction(0)), price)
    _compare_winners(document["winners"], market, paid)
    compare_number(document, "total_payment", sum(paid.values(), Fraction(0)))
    compare_number(document, "score", found.score)
    compare_number(document, "critical_price", price)
    return found


def _compare_winners(winners: Any, market: Market, paid: dict[int, Fraction]) -> None:
    if not isinstance(winners, list) or not all(isinstance(row, dict) and set(row) == WINNER_FIELDS for row in winners):
        refuse("winners: must list worker, requester, payment and payment_exact")
    if not all(isinstance(row[name], str) for row in winners for name in ("worker", "requester")):
        refuse("winners: worker and requester are names")
    workers = {name: i for i, name in enumerate(market.worker_ids)}
    requesters = {name: j for j, name in enumerate(market.requester_ids)}
    if not all(row["worker"] in workers and row["requester"] in requesters for row in winners):
        refuse("winners: a worker or requester is unknown")
    rows = [(workers[row["worker"]], requesters[row["requester"]]) for row in winners]
    if sorted(i for i, _ in rows) != sorted(paid):
        refuse("winners: others win")
    # The mechanism fixes who wins, not where: any placement within caps and seats is as good.
    cells, seats = Counter((int(market.group_of[i]), j) for i, j in rows), Counter(j for _, j in rows)
    if any(number > int(market.caps[cell]) for cell, number in cells.items()):
        refuse("winners: a cap is exceeded")
    if any(number > int(market.seats[j]) for j, number in seats.items()):
        refuse("winners: the seats of a requester are exceeded")
    for row, (i, _) in zip(winners, rows, strict=True):
        compare_number(row, "payment", paid[i])


def compare_number(row: dict[str, Any], name: str, right: Fraction | None) -> None:
    """Compare an exact number and the number beside it: itself if whole, else the float that is nearest."""
    exact = None if right is None else str(right)
    if row[f"{name}_exact"] != exact:
        refuse(f"{name}_exact: {_brief(row[f'{name}_exact'])} should be {_brief(exact)}")
    shown: int | float | None = None
    if right is not None:
        shown = right.numerator if right.denominator == 1 else _nearest(right)
    if type(row[name]) is not type(shown) or row[name] != shown:
        refuse(f"{name}: {_brief(row[name])} should be {_brief(shown)}")


def _nearest(number: Fraction) -> int | float:
    try:
        return float(number)
    except OverflowError:
        return round(number)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
