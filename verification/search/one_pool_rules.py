"""The rules of one pool without limits, truthful ones and baselines, once more: plain numbers in, who is hired out, the budget 1.

They are written for :mod:`.branches`, which runs them on numbers that are not known: comparisons are few, and divisors positive. The judge holds them to the shipped rules on a grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["BASELINES", "RULES", "cheapest", "drop_top", "gravin", "in_turn", "prefix", "proportional"]

Rule = Callable[[Sequence[Any], Sequence[Any]], tuple[int, ...]]


def _ordered(scores: Sequence[Any], bids: Sequence[Any], workers: Sequence[int]) -> list[int]:
    """By bid per score, then index."""
    order: list[int] = []
    for i in workers:
        at = len(order)
        while at and not bids[order[at - 1]] * scores[i] <= bids[i] * scores[order[at - 1]]:
            at -= 1
        order.insert(at, i)
    return order


def _total(scores: Sequence[Any], workers: Sequence[int]) -> Any:
    return sum((scores[i] for i in workers[1:]), scores[workers[0]]) if workers else 0


def proportional(scores: Sequence[Any], bids: Sequence[Any], among: Sequence[int] | None = None) -> tuple[int, ...]:
    """DriftPay-CO, which is Singer's rule here: the longest prefix whose last ratio times its score is at most 1; the first that fails ends it."""
    order = _ordered(scores, bids, range(len(scores)) if among is None else among)
    for k, i in enumerate(order):
        if not bids[i] * _total(scores, order[: k + 1]) <= scores[i]:
            return tuple(order[:k])
    return tuple(order)


def _best(scores: Sequence[Any], workers: Sequence[int]) -> int:
    best = workers[0]
    for i in workers[1:]:
        if not scores[i] <= scores[best]:
            best = i
    return best


def drop_top(scores: Sequence[Any], bids: Sequence[Any]) -> tuple[int, ...]:
    """The best worker alone, unless proportional share among the others is worth more. Nobody bids more than 1."""
    star = _best(scores, range(len(scores)))
    rest = proportional(scores, bids, [i for i in range(len(scores)) if i != star])
    return rest if rest and not _total(scores, rest) <= scores[star] else (star,)


def gravin(scores: Sequence[Any], bids: Sequence[Any]) -> tuple[int, ...]:
    """The falling price: leavers by ratio until the others can be paid, then the others or the best. Nobody bids more than 1."""
    staying = _ordered(scores, bids, range(len(scores)))
    price = 1 / scores[_best(scores, sorted(staying))]
    while True:
        best, last = _best(scores, sorted(staying)), staying[-1]
        others = [i for i in sorted(staying) if i != best]
        if bids[last] <= price * scores[last]:
            if not others or price * _total(scores, others) <= 1:
                break
            if bids[last] * _total(scores, others) <= scores[last]:
                price = 1 / _total(scores, others)
                break
            price = bids[last] / scores[last]
        staying.pop()
    if others and scores[best] <= _total(scores, others):
        return (*others, best) if bids[best] <= 1 - price * _total(scores, others) else tuple(others)
    rest = 1 - price * scores[best]
    return (best, *(i for i in others if bids[i] * _total(scores, others) <= rest * scores[i]))


RULES: dict[str, Rule] = {"driftpay-co": proportional, "drop-top": drop_top, "gravin": gravin}


def _while_it_lasts(bids: Sequence[Any], order: Sequence[int]) -> tuple[int, ...]:
    """Hire in an order, each at its bid, until the next bid is more than is left of the budget."""
    spent: Any = 0
    for k, i in enumerate(order):
        spent = bids[i] + spent
        if not spent <= 1:
            return tuple(order[:k])
    return tuple(order)


def cheapest(scores: Sequence[Any], bids: Sequence[Any]) -> tuple[int, ...]:
    """Lowest bid first."""
    return _while_it_lasts(bids, _ordered([1] * len(bids), bids, range(len(bids))))


def prefix(scores: Sequence[Any], bids: Sequence[Any]) -> tuple[int, ...]:
    """Greedy by bid per score, which nothing has to be repaired of here."""
    return _while_it_lasts(bids, _ordered(scores, bids, range(len(scores))))


def in_turn(scores: Sequence[Any], bids: Sequence[Any]) -> tuple[int, ...]:
    """A draw of random-feasible that puts the workers in the order in which they stand; who is too dear is passed over."""
    hired: list[int] = []
    spent: Any = 0
    for i in range(len(scores)):
        if bids[i] + spent <= 1:
            hired.append(i)
            spent = bids[i] + spent
    return tuple(hired)


BASELINES: dict[str, Rule] = {"lowest-bid": cheapest, "greedy-then-repair": prefix, "random-feasible": in_turn}
