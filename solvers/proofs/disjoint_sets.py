"""Step 4 of :mod:`fedmech.solvers.proofs.packing`: whether one set from each list can be had, no worker twice, at little loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .proof import ProofTooLarge, Pulse
from .purse_sets import INT64_SUM, Sets, bits, python_or_64

MOST_NODES = 1_048_576
"""So many partial packings are looked at."""

WORTH_COUNTING = 16
"""A list as short as this is branched on without counting who is in its sets."""


@dataclass(frozen=True)
class Options:
    """Sets of some like purses by increasing loss, and which shared workers are in them (64-bit words)."""

    loss: np.ndarray
    words: np.ndarray


def unhired_loss(sets: Sets, price: np.ndarray, all_prices: int) -> np.ndarray:
    """Add to the loss of each set the prices of all workers outside it."""
    sure = all_prices - sum(price[sets.always].tolist())
    inside = (
        weigh(sets.first, price[sets.first_open])[sets.left] + weigh(sets.second, price[sets.second_open])[sets.right]
    )
    return sets.loss.astype(object) + sure - inside


def weigh(members: np.ndarray, price: np.ndarray) -> np.ndarray:
    """Return the prices of each row's members together."""
    return members.astype(price.dtype) @ price if price.size else np.zeros(len(members), dtype=price.dtype)


def can_pack(lists: list[tuple[Sets, int]], price: np.ndarray, gap: int, pulse: Pulse) -> bool:
    """Say whether each purse can have one of its sets, no worker twice, with a loss of at most `gap` in all.

    Each list stands for so many like purses. ``price`` is what it costs to hire a worker nowhere.
    """
    while True:
        pulse()
        if any(not sets.loss.size for sets, _ in lists):
            return False
        chances = np.zeros(price.size, dtype=np.int64)
        for sets, copies in lists:
            chances[sets.possible()] += copies
        limit = gap - sum(price[chances == 0].tolist())
        if limit < 0:
            return False
        losses = [own_loss(sets, price, chances) for sets, _ in lists]
        least = [int(loss.min()) for loss in losses]
        rest = sum(x * copies for x, (_, copies) in zip(least, lists, strict=True))
        kept = [
            np.asarray(loss <= python_or_64(limit - rest + x, loss), dtype=bool)
            for loss, x in zip(losses, least, strict=True)
        ]
        if all(which.all() for which in kept):
            break
        lists = [(sets.keep(which), copies) for (sets, copies), which in zip(lists, kept, strict=True)]
    shared = np.flatnonzero(chances > 1)
    # The search adds up in Python integers; a list has no loss beyond the limit.
    kind: Any = np.int64 if limit < INT64_SUM else object
    options: list[Options] = []
    for (sets, _), loss in zip(lists, losses, strict=True):
        words = words_of(sets, shared)
        # Of sets that hold the same shared workers the cheapest is enough.
        by_words = np.lexsort((rank(loss), *words.T))
        ordered = words[by_words]
        fresh = np.ones(len(by_words), dtype=bool)
        fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        chosen = by_words[fresh]
        chosen = chosen[np.argsort(rank(loss)[chosen], kind="stable")]
        options.append(Options(loss[chosen].astype(kind), words[chosen]))
    # What costs more is as good as infinite.
    dear = np.minimum(price[shared], python_or_64(limit + 1, price))
    return Packing(options, dear.astype(kind), limit, pulse).exists([copies for _, copies in lists])


def rank(loss: np.ndarray) -> np.ndarray:
    """Return the place of each loss in increasing order: Python integers cannot be sorted among other keys."""
    place = np.empty(loss.size, dtype=np.int64)
    place[np.argsort(loss, kind="stable")] = np.arange(loss.size)
    return place


def own_loss(sets: Sets, price: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Return the losses of sets with the prices of workers outside them whom no other purse can hire."""
    alone = np.where(chances == 1, price, 0 * price)
    mine = sets.possible()
    inside = (
        weigh(sets.first, alone[sets.first_open])[sets.left] + weigh(sets.second, alone[sets.second_open])[sets.right]
    )
    rest = sum(alone[mine].tolist()) - sum(alone[sets.always].tolist())
    return sets.loss + (rest - inside)


def words_of(sets: Sets, shared: np.ndarray) -> np.ndarray:
    """Return which shared workers (increasing) each set holds, as 64-bit words, shape (sets, words)."""
    width = -(-shared.size // 64) * 64
    halves: list[np.ndarray] = []
    for open_to, members in ((sets.first_open, sets.first), (sets.second_open, sets.second)):
        bits = np.zeros((len(members), width), dtype=bool)
        at = np.searchsorted(shared, open_to)
        here = at < shared.size
        here[here] = shared[at[here]] == open_to[here]
        bits[:, at[here]] = members[:, here]
        halves.append(bits)
    halves[0][:, : shared.size] |= np.isin(shared, sets.always)
    first, second = (np.packbits(bits, axis=1, bitorder="little").view("<u8") for bits in halves)
    return first[sets.left] | second[sets.right]


class Packing:
    """The search for a packing: depth first, each option once; whether it is taken by the first purse of its list or another is one case."""

    def __init__(self, options: list[Options], price: np.ndarray, limit: int, pulse: Pulse):
        self.options, self.price, self.limit, self.pulse = options, price, limit, pulse
        self.nodes, self.found = 0, False

    def exists(self, copies: list[int]) -> bool:
        """Say whether there is one, `copies` purses having each list."""
        everything = [np.arange(option.loss.size) for option in self.options]
        nothing = np.zeros(-(-self.price.size // 64), dtype=np.uint64)
        stack = [self.branches(everything, copies, 0, nothing)]
        while stack and not self.found:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            else:
                stack.append(self.branches(*step))
        return self.found

    def branches(
        self, lists: list[np.ndarray], copies: list[int], loss: int, used: np.ndarray
    ) -> Iterator[tuple[list[np.ndarray], list[int], int, np.ndarray]]:
        """Yield the cases of a partial packing that may be within the limit: each takes one more set."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise ProofTooLarge("too many partial packings: the proof needs tighter prices")
        self.pulse()
        open_lists = [k for k, more in enumerate(copies) if more]
        if any(not lists[k].size for k in open_lists):
            return
        # Each list is by increasing loss, so the purses still open lose at least the first of theirs, once for each like purse.
        least = {k: int(self.options[k].loss[lists[k][0]]) for k in open_lists}
        rest = sum(least[k] * copies[k] for k in open_lists)
        reach = used.copy()
        for k in open_lists:
            reach |= np.bitwise_or.reduce(self.options[k].words[lists[k]], axis=0)
        # Whom no set left can reach is hired by nobody: its price is lost for certain.
        lost = sum(self.price[~flags(reach, self.price.size)].tolist())
        slack = self.limit - loss - rest - lost
        if slack < 0:
            return
        if not open_lists:
            self.found = True
            return
        remaining = list(lists)
        for k, at in self.cases(lists, open_lists, reach & ~used, slack):
            option = self.options[k]
            words, own = option.words[at], int(option.loss[at])
            if own - least[k] > slack:
                continue
            fewer = [more - (other == k) for other, more in enumerate(copies)]
            child = list(remaining)
            for other, more in enumerate(fewer):
                if more:
                    theirs, mine = self.options[other], remaining[other]
                    # A set of another list may lose what is left when this one is taken and all others lose their least.
                    most = slack - own + least[k] + int(theirs.loss[lists[other][0]])
                    mine = mine[: np.searchsorted(theirs.loss[mine], most, side="right")]
                    child[other] = mine[~(theirs.words[mine] & words).any(axis=1)]
            yield child, fewer, loss + own, used | words
            # Whatever has this set has been gone through.
            remaining[k] = remaining[k][remaining[k] != at]

    def cases(
        self, lists: list[np.ndarray], open_lists: list[int], free: np.ndarray, slack: int
    ) -> list[tuple[int, int]]:
        """Return options one of which is in every packing: those of one purse, or those with a worker too dear to be left out.

        ``free`` are the workers that are in some set left; the others are hired, or their price is in the slack already.
        """
        fewest = min(open_lists, key=lambda k: lists[k].size)
        found = [(fewest, at) for at in lists[fewest].tolist()]
        if len(found) <= WORTH_COUNTING:
            return found
        dear = np.asarray(self.price > slack, dtype=bool) & flags(free, self.price.size)
        if not dear.any():
            return found
        cover = {k: bits(self.options[k].words[lists[k]])[:, : self.price.size] for k in open_lists}
        times = np.where(dear, sum(held.sum(axis=0, dtype=np.int64) for held in cover.values()), len(found))
        worker = int(np.argmin(times))
        if times[worker] >= len(found):
            return found
        return [(k, at) for k, held in cover.items() for at in lists[k][held[:, worker]].tolist()]


def flags(words: np.ndarray, size: int) -> np.ndarray:
    """Return the first `size` bits of one row of words."""
    return bits(words)[:size]
