"""The sizes at which the solvers change their way, and smaller ones, so that small markets take the ways of large ones."""

from __future__ import annotations

import random

Size = int | tuple[int, ...]

__all__ = ["CONSTANTS", "draw_constants"]

CONSTANTS: dict[str, tuple[Size, ...]] = {
    "pooled.solve.DIRECT": (4, 8),
    "pooled.solve.WIDEST": (0, 1, 2),
    "pooled.solve.FIRST_NODES": (1, 3),
    "pooled.reduction.RUNNERS_UP": (1, 2),
    "pooled.core.MANY_TIES": (1, 2, 5),
    "pooled.core.PIVOT_COPIES": (1, 2, 3),
    "pooled.enumeration.LEAST": (1, 10),
    "pooled.branching.NODE_STATES": (2, 20),
    "pooled.branching.NODE_CORE": (1, 3),
    "pooled.branching.MOST_BRANCH_NODES": (1, 5, 50),
    "pooled.dual.MANY_GROUPS": (0, 1),
    "pooled.leaf.FILL_ITEMS": (1, 3),
    "pooled.leaf.STAGES": ((1, 2, 3), (2, 5)),
    "pooled.leaf.CORE_ITEMS": ((1, 2), (3, 10)),
    "pooled.leaf.SWAP_ITEMS": ((2, 3),),
    "pooled.branching.CORES": ((1, 2), (3, 6)),
    "pooled.leaf.EXCHANGE_FROM": (1,),
    "pooled.problem.CHUNK_ITEMS": (1, 2, 4),
    "pooled.dust.MOST_DEAR_STATES": (10,),
    "pooled.dust.MOST_DEAR_CHOICES": (2,),
    "pooled.dust.MOST_DEAR_PAIRS": (10,),
    "pooled.swaps.MOST_EXCHANGES": (4,),
    "pooled.four_lists.MOST_CHOICES": (3,),
    "pooled.four_lists.TRIES": (0, 1),
    "separate.packing.COMPILE_FROM": (0, 5),
    "separate.packing.PLAIN_NODES": (1, 20),
    "separate.packing_kernel.WORTH_COUNTING": (1, 2),
    "separate.search.RESTARTS": (1,),
    "separate.search.FEW_KINDS": ((0, 0), (4, 100)),
    "separate.search.MORE_KINDS": ((0, 0), (4, 100)),
    "separate.steps.COARSE": (0, 10**6),
    "separate.steps.SHORT_LISTS": (0, 10**6),
    "separate.one_requester.LISTED_SETS": (0, 5),
    "separate.one_requester.NEAR_SETS": (1, 20),
    "separate.one_requester.FEW_SLOTS": (-1, 2),
    "separate.multipliers._LIMIT": (2**10,),
    "separate.worker_prices.BITS": (2,),
    "separate.columns.MASK_WORDS": (1, 8),
    "separate.columns.PAIRS_AT_ONCE": (1, 5),
    "separate.worker_prices.FEW_SETS": (1, 10),
    "separate.worker_prices.ROUNDS": (1, 5),
    "separate.refill.FREE_WORKERS": (1, 3),
    "placement.polymatroid.COMPILE_FROM": (0, 5),
    "placement.prefix_scan._EXACT_FLOAT": (2**4,),
    "placement.prefix_scan._SORT_BELOW": (1, 4),
    "placement.prefix_scan._SAMPLE": (1, 4),
    "pooled.passes.COMPILE_FROM": (0, 5),
    "seated.duals._SAMPLE": (1, 4),
    "seated.duals._WEIGHT_BITS": (4, 20),
    "seated.duals._ROUNDED_BELOW": (1,),
    "seated.core.PAIRS_AT_ONCE": (1, 5),
    "seated.core.PRUNE_FROM": (1, 5),
    "certify.suggest.PRECISION_BITS": (4,),
    "seated.method.STATES": ((1, 1, 10), (5, 40, 400)),
    "seated.core.MOST_WIDE_STATES": (5, 50),
    "seated.swaps._PAIRS": (1, 5),
    "seated.swaps._ROUNDS": (1,),
}
"""By module and name below ``solvers``: values to try. What is exact must be so whatever they are."""


def draw_constants(draw: random.Random) -> dict[str, Size]:
    """Draw some constants and values."""
    chosen = draw.sample(sorted(CONSTANTS), draw.choice([1, 1, 2, 4, 8, len(CONSTANTS) // 2]))
    return {name: draw.choice(CONSTANTS[name]) for name in chosen}
