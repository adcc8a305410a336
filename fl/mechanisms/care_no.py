"""CARE-NO: separate budgets and unequal scores, by PEA on one bucket of similar scores drawn at random.

Source: CARE (arXiv 2504.15847), as handed down by a second source. Worker ``i`` is in bucket ``h >= 1`` if
``v_i / v_min`` lies in ``(base^(h-1), base^h]``; workers of score ``v_min`` itself join bucket 1 (reconstructed: the intervals
leave them out). One of the buckets that hold a worker is drawn uniformly (reconstructed: empty ones are not drawn) and PEA
runs on it. Scores do not depend on bids, so neither do the buckets.
"""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np

from ...models.input_error import InputError
from ...models.procurement.market import Market
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)
from .pea import pea_among

__all__ = ["buckets", "care_no", "care_no_lottery"]

BASE = Fraction(10)


def buckets(market: Market, base: Fraction | int = BASE) -> list[np.ndarray]:
    """Group workers by order of magnitude of their score.

    Parameters
    ----------
    market : Market
    base : Fraction or int
        More than 1.

    Returns
    -------
    list of ndarray of int
        The buckets that hold a worker, lowest scores first.

    Raises
    ------
    InputError
        If the base is not more than 1.
    """
    if base <= 1:
        raise InputError(f"must be > 1, got {base}", field="option base")
    order = sorted(range(market.n), key=market.scaled.scores.tolist().__getitem__)
    found: list[list[int]] = []
    limit = Fraction(0)
    for i in order:
        score = int(market.scaled.scores[i])
        if score > limit:
            limit = limit or Fraction(int(market.scaled.scores[order[0]])) * base
            while score > limit:
                limit *= base
            found.append([])
        found[-1].append(i)
    return [np.array(sorted(bucket), dtype=np.intp) for bucket in found]


@mechanism(
    "care-no",
    summary="separate budgets: PEA on one bucket of similar scores, drawn by the seed",
    source="CARE (second source; bucket of the lowest score and the draw: reconstructed)",
    claims=("rational", "budget", "separate-budgets"),
    options=(
        Option("seed", "seed", "draws the bucket; default 0"),
        Option("base", "number", "ratio of scores within a bucket, > 1; default 10"),
    ),
)
def care_no(market: Market, seed: int = 0, base: Fraction | int = BASE) -> Outcome:
    """Run CARE-NO on a market's bids.

    Parameters
    ----------
    market : Market
    seed : int
        Draws the bucket; the same seed draws the same one.
    base : Fraction or int

    Returns
    -------
    Outcome
        ``details`` holds ``bucket``, ``buckets`` (how many there are) and PEA's ``virtual_price``.
    """
    found = buckets(market, base)
    if not found:
        return build_scaled_outcome(market, "care-no", np.zeros(0, dtype=np.int64), {}, details={"buckets": 0})
    return _run_bucket(market, found, int(random.Random(seed).random() * len(found)))


def care_no_lottery(market: Market, base: Fraction | int = BASE) -> list[Outcome]:
    """Return CARE-NO's outcomes for all buckets, each as likely as any other."""
    found = buckets(market, base)
    return [_run_bucket(market, found, h) for h in range(len(found))]


def _run_bucket(market: Market, found: list[np.ndarray], h: int) -> Outcome:
    return pea_among(market, "care-no", found[h], {"bucket": h, "buckets": len(found)})
