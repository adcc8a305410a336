"""Proofs of kind ``packing`` for OPT-SEP: a price for each worker, and the sets that are left to each requester at these prices.

Symbols: workers i with score v_i, cost c_i, group g(i); purses k with money B_k, seats s_k and caps K_kl (workers of group l). Purses are
the requesters; or, for a ``pooled`` proof, one purse with all their money, seats and caps. A set of workers *fits* a purse that can
pay, seat and cap it. Body: ``scale`` D > 0; ``workers`` u_i >= 0; ``pooled``; and for each purse ``best`` (W_k), ``scale`` E_k > 0, ``money``
lam_k >= 0, ``seats`` sigma_k >= 0, ``places`` mu_kl >= 0. All are integers. Whatever they are:

1. *Prices.* With ``w_k(S) = sum_{i in S} (D v_i - u_i)``, an allocation of sets S_k has the score ``V`` with

       D V = total - loss,   total = sum_i u_i + sum_k W_k,
       loss = sum_k (W_k - w_k(S_k)) + sum of u_i over workers that nobody hires.

   No term of the loss is negative where W_k >= w_k(S) for every set that fits k, which is shown on the way (3).
2. *Gap.* Scores are multiples of their greatest common divisor, so what is worth more than the bound is worth at least ``next``, the
   multiple after the bound, and loses at most ``gap = total - D * next``.
3. *Lists.* For each purse all sets are listed that fit it and lose at most the gap; where the gap is negative, those with
   ``w_k(S) > W_k``. A set with ``w_k(S) > W_k`` refutes W_k. The prices within a purse make the list finite work: with
   ``q_i = E w_k({i}) - lam c_i - mu_g(i) - sigma`` a set that fits has

       E w_k(S) = lam B + sum_l mu_l K_l + sigma s + sum_i max(0, q_i)
                  - lam (B - c(S)) - sum_l mu_l (K_l - |S in l|) - sigma (s - |S|) - sum of |q_i| over i on the wrong side of q_i = 0,

   so a worker with |q_i| beyond what a listed set may lose is in all of them, or in none (`list_sets`).
4. *Packing.* A better allocation takes a set of each list, no worker twice, and loses at most the gap together. That there is none is
   shown by going through the lists (`can_pack`). Who is in no set that is left loses u_i at once; who is in sets of one requester alone
   needs no place in the search: u_i is added to the sets without it.
5. *Splits.* In a pooled proof each set of the list that is worth more than the bound has to be split over the requesters. All its
   workers have to be hired, so together the requesters leave ``U = sum_j B_j - c(S)`` unspent: those subsets are listed that fit
   a requester and leave at most U, and again none of these can be packed, where nobody may be left out (`can_split`).

Requesters with equal money, seats, caps and prices have one list, and a packing takes as many of its sets as there are of them.
The numbers are ``int64`` where the largest sum that can occur was found to be below 2**62, else Python integers.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np

from ...models.exact import exact_sum
from ...models.procurement.market import Market
from .disjoint_sets import can_pack, unhired_loss
from .proof import Proof, ProofTooLarge, Pulse, refuse
from .purse_sets import Prices, Purse, Sets, list_sets, near_best, packed, python_or_64

__all__ = ["check_bound"]

MOST_SPLITS = 4_096
"""So many pooled sets are split."""


def check_bound(proof: Proof, market: Market, pulse: Pulse) -> None:
    """Accept a proof that no allocation is worth more than its bound, or raise.

    Raises
    ------
    ProofError
        If the prices are not what they should be, one of the claimed maxima is too low, or a packing is found.
    """
    if proof.problem != "opt-sep" or market.scaled.costs is None or type(proof.bound) is not int or proof.bound < 0:
        refuse("a packing proof is for opt-sep, with costs, and has an integer bound")
    scale, workers, pooled, prices = read_body(proof.body, market)
    requesters = requesters_of(market, pulse)
    purses = [pooled_purse(requesters, market.L)] if pooled else requesters
    if len(prices) != len(purses):
        refuse("not one list of prices for each purse")
    # Step 2.
    unit = gcd(*market.scaled.scores.tolist()) or 1
    following = (proof.bound // unit + 1) * unit
    gap = sum(workers.tolist()) + sum(price.best for price in prices) - scale * following
    # Step 3.
    margins = worker_margins(market, scale, workers)
    labels: dict[Any, int] = {}
    kinds = [
        labels.setdefault((purse.money, purse.seats, purse.caps, price), k)
        for k, (purse, price) in enumerate(zip(purses, prices, strict=True))
    ]
    listed: dict[int, Sets] = {}
    for k in sorted({*kinds}):
        listed[k] = near_best(market, purses[k], prices[k], margins, max(gap, -1), pulse)
    if gap < 0:
        return
    # Step 4, for one purse as for many.
    lists = [(listed[k], kinds.count(k)) for k in listed]
    if not pooled:
        if can_pack(lists, workers, gap, pulse):
            refuse("a packing within the gap is left: something may be worth more than the bound")
        return
    # Step 5: nobody shares a purse here, so a set loses its own loss and the prices of all others.
    mine = listed[0]
    left = np.flatnonzero(unhired_loss(mine, workers, sum(workers.tolist())) <= gap)
    if left.size > MOST_SPLITS:
        raise ProofTooLarge("too many pooled sets are left")
    for at in left.tolist():
        if can_split(market, requesters, mine.members(at), pulse):
            refuse("a pooled set worth more than the bound can be split")


# ---------------------------------------------------------------------------------------------- reading


def read_body(body: Any, market: Market) -> tuple[int, np.ndarray, bool, list[Prices]]:
    """Return scale, worker prices, whether pooled, and the prices of the purses; everything is checked for its form alone."""
    if set(body) != {"scale", "workers", "pooled", "purses"} or type(body["pooled"]) is not bool:
        refuse("a packing proof has scale, workers, pooled and purses")
    (scale,) = integers([body["scale"]], 1, 1)
    workers = integers(body["workers"], market.n, 0)
    if type(body["purses"]) is not list:
        refuse("purses are no list")
    prices: list[Prices] = []
    for entry in body["purses"]:
        if not hasattr(entry, "keys") or set(entry) != {"scale", "money", "seats", "places", "best"}:
            refuse("a purse has scale, money, seats, places and best")
        (own,) = integers([entry["scale"]], 1, 1)
        money, seats, best = integers([entry["money"], entry["seats"], entry["best"]], 3, 0)
        prices.append(Prices(own, money, seats, tuple(integers(entry["places"], market.L, 0)), best))
    return scale, packed(workers), body["pooled"], prices


def integers(values: Any, size: int, least: int) -> list[int]:
    """Return `values` as Python integers if it is a list or an integer array of so many, none below `least` (no bools)."""
    if isinstance(values, np.ndarray) and values.dtype in (np.dtype(np.int64), np.dtype(object)) and values.ndim == 1:
        values = values.tolist()
    if type(values) is not list or len(values) != size or not {*map(type, values)} <= {int}:
        refuse("something is not as many integers as it should be")
    if min(values, default=least) < least:
        refuse("an integer is too small")
    return values


def requesters_of(market: Market, pulse: Pulse) -> list[Purse]:
    """Return each requester as a purse; money, caps and seats are no more than those who fit it need."""
    costs, groups = market.scaled.needed_costs, market.group_of
    purses: list[Purse] = []
    for j, (money, seats) in enumerate(zip(market.scaled.budgets.tolist(), market.seats.tolist(), strict=True)):
        pulse()
        fits = (market.caps[groups, j] > 0) & np.asarray(costs <= python_or_64(money, costs), dtype=bool)
        able = np.flatnonzero(fits) if seats > 0 else np.zeros(0, dtype=np.int64)
        caps = np.minimum(market.caps[:, j], np.bincount(groups[able], minlength=market.L))
        # More money than all cost together is of no use.
        money = min(money, exact_sum(costs[able]))
        purses.append(Purse(money, min(seats, able.size), tuple(caps.tolist()), able))
    return purses


def pooled_purse(requesters: list[Purse], groups: int) -> Purse:
    """Return one purse with all money, seats and caps."""
    able = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(purse.able for purse in requesters)]))
    caps = tuple(sum(purse.caps[l] for purse in requesters) for l in range(groups))
    seats = sum(purse.seats for purse in requesters)
    return Purse(sum(purse.money for purse in requesters), min(seats, able.size), caps, able)


def worker_margins(market: Market, scale: int, workers: np.ndarray) -> np.ndarray:
    """Return ``D v_i - u_i``."""
    return packed([scale * v - u for v, u in zip(market.scaled.scores.tolist(), workers.tolist(), strict=True)])


def can_split(market: Market, requesters: list[Purse], members: np.ndarray, pulse: Pulse) -> bool:
    """Say whether the requesters can hire all of these workers."""
    members = np.sort(members)
    costs, groups = market.scaled.needed_costs[members], market.group_of[members]
    purses = [part_of(purse, members, groups) for purse in requesters]
    unspent = sum(purse.money for purse in purses) - sum(costs.tolist())
    chances = np.zeros(members.size, dtype=np.int64)
    for purse in purses:
        chances[purse.able] += 1
    needed = np.bincount(groups, minlength=market.L).tolist()
    places, seats = (
        [sum(purse.caps[l] for purse in purses) for l in range(market.L)],
        sum(purse.seats for purse in purses),
    )
    if unspent < 0 or seats < members.size or (chances == 0).any() or any(map(int.__lt__, places, needed)):
        return False
    # What must not be left: places where a group needs them all, seats where there are no more, workers only one can hire.
    never = unspent + 1
    scarce = tuple(never * (has == needs) for has, needs in zip(places, needed, strict=True))
    prices = Prices(1, 1, never * (seats == members.size), scarce, 0)
    kinds: dict[Any, list[Purse]] = {}
    for purse in purses:
        kinds.setdefault((purse.money, purse.seats, purse.caps, purse.able.tobytes()), []).append(purse)
    lists: list[tuple[Sets, int]] = []
    for purse, *others in kinds.values():
        own = purse.able
        margin = packed([never * (x == 1) for x in chances[own].tolist()])
        lists.append((list_sets(purse, costs[own], groups[own], margin, prices, unspent, pulse), 1 + len(others)))
    return can_pack(lists, packed([never] * members.size), unspent, pulse)


def part_of(purse: Purse, members: np.ndarray, groups: np.ndarray) -> Purse:
    """Return a purse to which only these workers are open, by their positions among them."""
    able = np.flatnonzero(np.isin(members, purse.able, assume_unique=True))
    caps = np.minimum(purse.caps, np.bincount(groups[able], minlength=len(purse.caps)))
    return Purse(purse.money, min(purse.seats, able.size), tuple(caps.tolist()), able)
