"""What multipliers prove about a node: no point of it is worth more than a bound, and those that are near it lose little.

Multipliers are integers: a scale ``D > 0``, a price ``lam_k >= 0`` of the money of each purse, a price ``mu_kl >= 0`` of a place for
group ``l`` with purse ``k``, a price ``nu`` of any sign on the number hired, and for COVER a level ``rho_r >= 0`` of each kind.
``S`` is a point of the node, ``X_k`` whom it hires from purse ``k`` beyond the hired (see `instance`).

1. *Worth.* ``D value(S) = D score(H) + sum of D v_i over X``. For COVER, with levels raised to ``rho_r >= D covered_r``:
   ``D value(S) <= sum_r rho_r + sum over X of sum_r max(0, D z_ir - rho_r)``, since ``max(a, b) <= a + max(0, b - a)``.
   So ``D value(S) <= fixed + sum over X of worth_i``. ``fixed``: `fixed_worth`; ``worth_i``: `worth`.
2. *Money.* The workers of ``X_k`` cost at most the money ``M_k`` that the hired leave, and since costs of open workers are multiples of
   their common divisor, so much rounded down to one: `money_left`.
3. *Places.* ``sum_l mu_kl n_l`` for the numbers ``n_l`` in ``X_k`` of each group is at most ``P_k``, `places_worth`. With groups in
   descending order of price, dearest first, it is ``sum_e (mu_(e) - mu_(e+1)) (n_(1) + ... + n_(e))``, and the ``e`` dearest groups
   together have ``room_e = sum_j min(s_j, sum of tau_lj over them) - (those hired)``: `limits`. Where the seats of no requester can
   matter, each group has its own limit, ``room_l = sum_j tau_lj - (those hired)``.
4. *Number.* Of all ``N`` hired in the end, ``low <= N <= high``. So ``nu N <= nu end`` with ``end = high`` if ``nu > 0``, else
   ``low``: `count_worth` is ``nu (end - those hired now)``.
5. *Margin.* ``q_ik = worth_i - lam_k c_i - mu_kg(i) - nu`` is what hiring an open worker from purse ``k`` adds once all is paid for:
   `margin`. ``best_i = max(0, max_k q_ik)`` over the purses that may hire it.
6. *Bound.* Add (1) to (5): ``D value(S) <= bound - loss(S)``, where

       bound = fixed + sum_k lam_k M_k + sum_k P_k + nu (end - hired) + sum over open workers of best_i

   and the loss is what was given away, each term at least 0: ``lam_k`` times the money left over; ``(mu_(e) - mu_(e+1))`` times the
   places of limit ``e`` left empty; ``|nu| |end - N|``; for each open worker ``best_i - q_ik`` if hired from ``k``, ``best_i`` if not.

Two nodes are simpler. One that breaks a limit by what is hired already holds no point: `holds_nothing`. One with nobody open holds
one point at most, whose value is known: `bound_of` says that instead.
"""

from __future__ import annotations

from math import gcd

from ..nodes import Multipliers, Node
from .instance import Instance

__all__ = ["bests", "bound_of", "limits", "margins", "money_left"]


def levels_of(node: Node, m: Multipliers) -> list[int]:
    """Step 1: the levels, raised to what the hired cover."""
    return [max(level, m.scale * z) for level, z in zip(m.levels, node.covered, strict=True)]


def fixed_worth(node: Node, m: Multipliers) -> int:
    """Step 1: what the hired are worth, or the levels."""
    return m.scale * node.score + sum(levels_of(node, m))


def worth(instance: Instance, m: Multipliers, levels: list[int], i: int) -> int:
    """Step 1: what an open worker adds at most."""
    if instance.offers:
        return sum(max(0, m.scale * z - levels[r]) for r, z in instance.offers[i])
    return m.scale * instance.scores[i]


def money_left(instance: Instance, node: Node, k: int) -> int:
    """Step 2: what the open workers can cost together at most; nothing if they cost nothing."""
    step = gcd(*(instance.costs[i] for i in node.open[k]))
    return node.money[k] // step * step if step else 0


def limits(instance: Instance, node: Node, k: int, places: tuple[int, ...]) -> list[tuple[list[int], int, int]]:
    """Step 3: (groups that join, price, room) of each limit on the places of a purse."""
    mine, held = instance.purses[k], node.held[k]
    if not instance.nested[k]:
        return [([l], price, sum(instance.caps[l][j] for j in mine) - held[l]) for l, price in enumerate(places)]
    found, capped, hired = [], dict.fromkeys(mine, 0), 0
    dearest_first = sorted(range(len(places)), key=lambda l: places[l], reverse=True)
    following = [*(places[l] for l in dearest_first[1:]), 0]
    for l, after in zip(dearest_first, following, strict=True):
        capped = {j: so_far + instance.caps[l][j] for j, so_far in capped.items()}
        hired += held[l]
        admitted = sum(min(instance.seats[j], so_far) for j, so_far in capped.items())
        found.append(([l], places[l] - after, admitted - hired))
    return found


def places_worth(instance: Instance, node: Node, k: int, m: Multipliers) -> int:
    """Step 3: the most that all places of a purse can be worth."""
    return sum(price * room for _, price, room in limits(instance, node, k, m.places[k]))


def count_worth(node: Node, m: Multipliers) -> int:
    """Step 4: the price of the number still to be hired, at its dearer end."""
    return max(m.count * (node.high - node.hired), m.count * (node.low - node.hired))


def margins(instance: Instance, node: Node, k: int, m: Multipliers) -> dict[int, int]:
    """Step 5: the margin of each worker open to a purse."""
    levels, prices = levels_of(node, m), m.places[k]
    return {
        i: worth(instance, m, levels, i) - m.money[k] * instance.costs[i] - prices[instance.groups[i]] - m.count
        for i in node.open[k]
    }


def bests(columns: list[dict[int, int]]) -> dict[int, int]:
    """Step 5: the best an open worker adds, from any purse or none."""
    best: dict[int, int] = {}
    for column in columns:
        for i, margin in column.items():
            best[i] = max(best.get(i, 0), margin)
    return best


def holds_nothing(instance: Instance, node: Node, m: Multipliers) -> bool:
    """Whether the hired, or the numbers allowed, leave no point."""
    if max(node.hired, node.low) > min(node.high, node.hired + node.size):
        return True
    purses = range(len(instance.purses))
    return any(
        node.money[k] < 0 or any(room < 0 for _, _, room in limits(instance, node, k, m.places[k])) for k in purses
    )


def bound_of(instance: Instance, node: Node, m: Multipliers, best: dict[int, int]) -> int:
    """Step 6: ``D`` times the value of a point of the node is at most this."""
    if not node.size:
        return m.scale * (node.score + sum(node.covered))
    total = fixed_worth(node, m) + count_worth(node, m) + sum(best.values())
    for k in range(len(instance.purses)):
        total += m.money[k] * money_left(instance, node, k) + places_worth(instance, node, k, m)
    return total
