"""DriftPay-CO's critical prefix: the largest ``k`` with ``rho_k * M(S_k) <= B``, found without solving ``n`` ORPs.

DriftPay section 5 sorts the workers by ``rho_i = b_i / v_i`` and looks for the largest prefix whose marginal ratio,
paid on its whole ORP value, stays within the budget.  Both factors grow with ``k``, so the test is monotone and ``k*``
can be bracketed.  Writing ``T(S)`` for the ORP optimum on ``S`` (unique, ties by index), for prefixes
``lo <= mid <= hi`` the matroid gives

* a worker of ``S_lo`` outside ``T(S_lo)`` is outside ``T(S_mid)``,
* a worker of both ``T(S_lo)`` and ``T(S_hi)`` is inside ``T(S_mid)``,
* ``T(S_lo) \\ T(S_hi)`` has no more members than ``S_hi \\ S_lo``: each worker that enters drives out at most one.

So after each test only the workers between the brackets, and at most as many displaced ones, stay open: all tests
together cost about as much as the first.  No full sort is made; ratios are compared as floating-point quotients only
where these are provably in the right order (correct rounding is monotone), and by exact cross-multiplication inside a
class of equal quotients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.exact import exact_sum, integer_columns
from .polymatroid import COMPILE_FROM, SeatFlow, descending

_EXACT_FLOAT = 2**53
_SORT_BELOW = 2048
_SAMPLE = 2**14


@dataclass(frozen=True)
class PrefixScan:
    """The critical prefix and what follows from it.

    Attributes
    ----------
    k : int
        ``k*``.
    prefix : ndarray of bool, shape (n,)
        Membership in ``S_{k*}``.
    winners : ndarray of intp, shape (w,)
        ORP's optimum on the prefix, ascending.
    score : int
        ``M(S_{k*})`` in the units of the scores.
    critical : int
        The worker at rank ``k* + 1``, or -1 if there is none.
    price : Fraction or None
        ``min(rho_{k*+1}, B / M(S_{k*}))`` in bid units per score unit; None where both are infinite.
    routing : ndarray of int64, shape (L, m), or None
        Winners of each group at each requester; None in a scan without seats.
    """

    k: int
    prefix: NDArray[np.bool_]
    winners: NDArray[np.intp]
    score: int
    critical: int
    price: Fraction | None
    routing: NDArray[np.int64] | None


def prefix_scan(
    bids: Sequence[int] | np.ndarray,
    scores: Sequence[int] | np.ndarray,
    groups: ArrayLike,
    budget: int,
    totals: ArrayLike,
    caps: ArrayLike | None = None,
    seats: ArrayLike | None = None,
) -> PrefixScan:
    """Find ``k*``, the winners and the price of DriftPay-CO, exactly.

    Parameters
    ----------
    bids : sequence or ndarray of int, shape (n,)
        ``b_i >= 0`` over a common denominator; Python integers of any size are accepted (slower).
    scores : sequence or ndarray of int, shape (n,)
        ``v_i > 0`` over a common denominator.
    groups : array_like of int, shape (n,)
        Group of each worker.
    budget : int
        ``B >= 0`` over the denominator of the bids.
    totals : array_like of int, shape (L,)
        ``K_l``, the most workers of each group that can be placed; decides alone where ``seats`` is left out.
    caps, seats : array_like of int, shapes (L, m) and (m,), optional
        ``tau`` and ``s``; give both where seat limits can bind.

    Returns
    -------
    PrefixScan

    Notes
    -----
    DriftPay section 5 (stated).  Ties in ``rho`` go to the lower index; ties inside ORP to the higher score, then the
    lower index, without looking at bids.  With denominators ``d_b`` and ``d_v`` the price is
    ``price * d_v / d_b``, and worker ``i`` is paid ``v_i * price / d_b`` for the integer ``v_i``.
    """
    return _Scan(bids, scores, groups, int(budget), totals, caps, seats).run()


class _Totals:
    """ORP without seats: the best ``K_l`` of each group."""

    def __init__(self, totals: NDArray[np.int64]) -> None:
        self.left = totals.copy()

    def reserve(self, groups: NDArray[np.int64]) -> None:
        self.left -= np.bincount(groups, minlength=len(self.left))

    def best(self, groups: NDArray[np.int64], levels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the workers (in index order) are chosen."""
        if not len(groups):
            return np.zeros(0, dtype=bool)
        top = int(levels.max())
        width = top - int(levels.min()) + 1
        if len(self.left) * width > 2**62:
            levels = np.unique(levels, return_inverse=True)[1]
            top, width = int(levels.max()), int(levels.max()) + 1
        keys = groups * width
        keys += top
        keys -= levels
        ranked = np.sort(keys)
        starts = np.searchsorted(ranked, np.arange(len(self.left) + 1) * width)
        take = np.minimum(np.diff(starts), self.left)
        last = np.where(take > 0, ranked[np.maximum(starts[:-1] + take - 1, 0).clip(max=len(ranked) - 1)], -1)
        limit = last[groups]
        chosen = keys <= limit
        surplus = np.where(take > 0, np.searchsorted(ranked, last, side="right") - starts[:-1] - take, 0)
        if surplus.any():
            tied = np.flatnonzero((keys == limit) & (surplus > 0)[groups])
            tied = tied[np.argsort(groups[tied], kind="stable")]
            sizes = np.bincount(groups[tied], minlength=len(self.left))
            from_end = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(tied))
            chosen[tied[from_end <= np.repeat(surplus, sizes)]] = False
        return chosen


class _Seats:
    """ORP with seats: the matroid greedy on the group-by-requester flow."""

    def __init__(self, caps: ArrayLike, seats: ArrayLike, compiled: bool) -> None:
        self.flow = SeatFlow(caps, seats, compiled)

    def reserve(self, groups: NDArray[np.int64]) -> None:
        counts = np.bincount(groups, minlength=self.flow.n_groups)
        some = np.flatnonzero(counts)
        self.flow.push(some, counts[some])

    def best(self, groups: NDArray[np.int64], levels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the workers (in index order) are chosen."""
        order = descending(levels)
        chosen = np.zeros(len(groups), dtype=bool)
        chosen[order] = self.flow.copy().push(groups[order]) > 0
        return chosen


class _Scan:
    """The state of one scan.

    ``open`` holds, in index order, the workers still undecided: those between the brackets and those of
    ``T(S_lo) \\ T(S_hi)`` (flagged ``held``).  ``place`` is the sort key of the ratio order: quotients first, exact
    positions once few are left.
    """

    def __init__(self, bids, scores, groups, budget, totals, caps, seats) -> None:
        self.bids, self.scores = integer_columns(bids, scores)
        self.groups = np.asarray(groups, dtype=np.int64)
        self.budget = budget
        self.n = len(self.bids)
        self.totals = np.asarray(totals, dtype=np.int64)
        self.caps = None if caps is None else np.asarray(caps, dtype=np.int64)
        self.seats = None if seats is None else np.asarray(seats, dtype=np.int64)
        if (caps is None) != (seats is None):
            raise ValueError("a scan with seats needs both caps and seats")
        wide = self.scores.dtype == object
        if not wide and self.n:
            wide = max(int(self.bids.max()), int(self.scores.max())) >= _EXACT_FLOAT
        self.ratio: NDArray = (
            _exact_positions(self.bids, self.scores, np.arange(self.n)) if wide else (self.bids / self.scores)
        )
        self.ordered = wide
        self.levels = _dense_ranks(self.scores) if self.scores.dtype == object else self.scores

    def run(self) -> PrefixScan:
        """Close the brackets and report."""
        if not (self.n >= 4 * _SAMPLE and not self.ordered and self._start_between()):
            self._start()
            if self.n:
                self._test(self.place.max())
        while True:
            between = self.place[~self.held]
            if len(between) <= 1:
                break
            if not self.ordered and (len(between) <= _SORT_BELOW or (between == between[0]).all()):
                self._order()
                between = self.place[~self.held]
            middle = (len(between) - 1) // 2
            pivot = np.partition(between, middle)[middle]
            if not self.ordered and pivot == between.max():
                pivot = between[between < pivot].max()
            self._test(pivot)
        return self._report()

    def _start(self, within: NDArray[np.intp] | None = None) -> None:
        """Begin with an empty lower bracket and everything, or just some workers, open."""
        self.orp = (
            _Totals(self.totals)
            if self.caps is None or self.seats is None
            else _Seats(self.caps, self.seats, self.n >= COMPILE_FROM)
        )
        self.score = 0
        self.settled: list[NDArray[np.intp]] = []
        self.prefix = np.zeros(self.n, dtype=bool)
        self.open = np.arange(self.n) if within is None else within
        self.place = self.ratio[self.open] if within is not None else self.ratio
        self.held = np.zeros(len(self.open), dtype=bool)
        self.in_hi: NDArray[np.bool_] | None = None

    def _start_between(self) -> bool:
        """Begin between two quotients guessed from a sample; return whether the guess held."""
        low, high, floor, roof = self._guess()
        self._start(np.flatnonzero(self.ratio <= high))
        self.prefix = self.ratio < low
        below = self.place < low
        if self.seats is None:
            # Verified, not trusted: at least K_l workers of S_lo above the floor keep everything else of S_lo out
            # for good; at most K_l workers of S_hi at the roof or above keep those of S_lo in for good.
            groups, levels = self.groups[self.open], self.levels[self.open]
            above, on_top = levels > floor[groups], levels >= roof[groups]
            dense = np.bincount(groups[np.flatnonzero(below & above)], minlength=len(floor)) >= self.totals
            sparse = np.bincount(groups[np.flatnonzero(on_top)], minlength=len(roof)) <= self.totals
            if not dense.all():
                above |= ~dense[groups]
            if not sparse.all():
                on_top &= sparse[groups]
            on_top &= below
            self._settle(self.open[np.flatnonzero(on_top)])
            left = np.flatnonzero((above & ~on_top) | ~below)
            self.open, self.place, below = self.open[left], self.place[left], below[left]
        self.held = below
        return self._test(low) and not self._test(high)

    def _test(self, pivot) -> bool:
        """Move one bracket to the prefix of all ratios up to ``pivot`` and drop what that decides."""
        member = self.held | (self.place <= pivot)
        at = np.flatnonzero(member)
        chosen = np.zeros(len(self.open), dtype=bool)
        chosen[at] = self.orp.best(self.groups[self.open[at]], self.levels[self.open[at]])
        value = self.score + exact_sum(self.scores[self.open[np.flatnonzero(chosen)]])
        last = self.open[~self.held & (self.place == pivot)]
        fits = self._affordable(last, value)
        if fits:
            self.prefix[self.open[np.flatnonzero(member & ~self.held)]] = True
            keep = chosen | ~member
            self.held = chosen
        else:
            keep = member
            self.in_hi = chosen
        if self.in_hi is not None:
            settled = self.held & self.in_hi
            self._settle(self.open[np.flatnonzero(settled)])
            keep &= ~settled
        left = np.flatnonzero(keep)
        self.open, self.place, self.held = self.open[left], self.place[left], self.held[left]
        if self.in_hi is not None:
            self.in_hi = self.in_hi[left]
        return fits

    def _settle(self, workers: NDArray[np.intp]) -> None:
        """Fix workers as winners and take their places away."""
        self.orp.reserve(self.groups[workers])
        self.score += exact_sum(self.scores[workers])
        self.settled.append(workers)

    def _affordable(self, last: NDArray[np.intp], value: int) -> bool:
        """Return whether ``rho_i * value <= B`` for every worker of the last class of equal quotients."""
        bids, scores = self.bids[last], self.scores[last]
        if len(last) > 1 and not (bids * scores[0] != bids[0] * scores).any():
            last = last[:1]
        return all(int(self.bids[i]) * value <= self.budget * int(self.scores[i]) for i in last.tolist())

    def _order(self) -> None:
        """Replace quotients by exact positions among the workers between the brackets."""
        between = np.flatnonzero(~self.held)
        positions = np.full(len(self.open), -1, dtype=np.int64)
        positions[between] = _positions(self.bids, self.scores, self.open[between], self.place[between])
        self.place = positions
        self.ordered = True

    def _guess(self) -> tuple[float, float, NDArray[np.int64], NDArray[np.int64]]:
        """Solve a sample of the market, caps and budget scaled down alike.

        Returns
        -------
        low, high : float
            Quotients the critical ratio probably lies between.
        floor, roof : ndarray of int64, shape (L,)
            Scores below and above which a worker of the lower prefix is probably decided.
        """
        sample = np.arange(0, self.n, self.n // _SAMPLE)
        share = len(sample) / self.n

        def scaled(limits):
            return None if limits is None else np.rint(limits * share).astype(np.int64)

        totals = np.rint(self.totals * share)
        small = prefix_scan(
            self.bids[sample],
            self.scores[sample],
            self.groups[sample],
            self.budget * len(sample) // self.n,
            totals.astype(np.int64),
            scaled(self.caps),
            scaled(self.seats),
        )
        ratios = np.sort(self.ratio[sample])
        margin = int(2 * len(sample) ** 0.5)
        low, high = ratios[max(small.k - margin, 0)], ratios[min(small.k + margin, len(ratios) - 1)]
        slack = 3 * np.sqrt(totals) + 3
        ranked = sample[np.lexsort((-self.levels[sample], self.groups[sample]))]
        floor = _nth_best(self.levels, self.groups, ranked[self.ratio[ranked] < low], totals + slack, -1)
        roof = _nth_best(self.levels, self.groups, ranked[self.ratio[ranked] <= high], totals - slack, 0)
        roof[totals < slack] = np.iinfo(np.int64).max
        return low, high, floor, roof

    def _report(self) -> PrefixScan:
        critical = self.open[~self.held]
        winners = np.sort(np.concatenate([*self.settled, self.open[self.held]]))
        score = self.score + exact_sum(self.scores[self.open[self.held]])
        candidates = []
        if len(critical):
            worker = int(critical[0])
            candidates.append(Fraction(int(self.bids[worker]), int(self.scores[worker])))
        else:
            worker = -1
        if score > 0:
            candidates.append(Fraction(self.budget, score))
        routing = None
        if isinstance(self.orp, _Seats):
            self.orp.reserve(self.groups[self.open[self.held]])
            routing = self.orp.flow.routing
        return PrefixScan(
            int(self.prefix.sum()),
            self.prefix,
            winners.astype(np.intp),
            score,
            worker,
            min(candidates, default=None),
            routing,
        )


def _nth_best(
    levels: NDArray[np.int64], groups: NDArray[np.int64], ranked: NDArray[np.intp], nth: NDArray, missing: int
) -> NDArray[np.int64]:
    """Return the ``nth[l]``-best level among the workers of group ``l``, or ``missing`` where there are fewer.

    The workers come sorted by group, then by level from the top.
    """
    sizes = np.bincount(groups[ranked], minlength=len(nth))
    nth = nth.astype(np.int64).clip(min=0)
    found = np.full(len(nth), missing, dtype=np.int64)
    enough = nth < sizes
    found[enough] = levels[ranked[(np.cumsum(sizes) - sizes + nth)[enough]]]
    return found


def _dense_ranks(values: NDArray) -> NDArray[np.int64]:
    """Return the rank of each value among the distinct ones."""
    rank = {value: position for position, value in enumerate(sorted(set(values.tolist())))}
    return np.fromiter((rank[value] for value in values.tolist()), dtype=np.int64, count=len(values))


def _positions(bids: NDArray, scores: NDArray, workers: NDArray[np.intp], quotients: NDArray) -> NDArray[np.int64]:
    """Return the exact position of each worker in the order by ``b / v``, then index.

    Distinct quotients are in the right order already.  Two workers with equal quotients have
    ``|b v' - b' v| < 2^55``, so the wrapped 64-bit difference is the true one.
    """
    order = np.argsort(quotients, kind="stable")
    ranked = workers[order]
    b, v, q = bids[ranked], scores[ranked], quotients[order]
    if len(order) > 1 and ((b[1:] * v[:-1] - b[:-1] * v[1:] < 0) & (q[1:] == q[:-1])).any():
        return _exact_positions(bids, scores, workers)
    positions = np.empty(len(order), dtype=np.int64)
    positions[order] = np.arange(len(order))
    return positions


def _exact_positions(bids: NDArray, scores: NDArray, workers: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the exact position of each worker in the order by ``b / v``, then index, for integers of any size.

    With ``v < 2^s``, distinct ratios differ by more than ``2^(-2s)``: ``floor(b * 2^(2s) / v)`` orders them and is
    equal only where the ratios are.
    """
    b, v = bids[workers].tolist(), scores[workers].tolist()
    shift = 2 * max(v, default=1).bit_length()
    keys = [(bid << shift) // score for bid, score in zip(b, v, strict=True)]
    positions = np.empty(len(keys), dtype=np.int64)
    positions[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return positions
