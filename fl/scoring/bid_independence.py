"""Bid independence of scores, checked by execution and by signature.

DriftPay's truthfulness rests on scores that do not depend on bids (section 3, stated; its claim in section 7d is about "any
bid-independent" score). Here no scoring function has a parameter for bids or costs, which :func:`parameters_naming_money`
makes a test of; and whatever a user builds around them can be run under perturbed bids and compared byte for byte.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError

__all__ = ["BidDependenceError", "assert_bid_independent", "parameters_naming_money"]

MONEY = ("bid", "cost", "price", "payment", "budget")


class BidDependenceError(AssertionError):
    """A score changed with the bids, or did not repeat under the same bids."""


def parameters_naming_money(function: Callable[..., Any]) -> list[str]:
    """Return the parameters of a function through which bids or costs could come in.

    Parameters
    ----------
    function : callable

    Returns
    -------
    list of str
        Parameters whose name contains bid, cost, price, payment or budget, and ``*args`` / ``**kwargs``; empty is good.
    """
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if any(word in name.lower() for word in MONEY)
        or parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]


def assert_bid_independent(
    scores_under: Callable[[NDArray[np.float64]], np.ndarray],
    bids: NDArray[np.float64],
    *,
    trials: int = 4,
    seed: int = 0,
) -> None:
    """Run a scoring pipeline under other bids and demand the same scores, byte for byte.

    Parameters
    ----------
    scores_under : callable
        Takes the bids, shape (n,), and returns the scores that the whole pipeline then gives, e.g. those of the market built.
    bids : ndarray of float64, shape (n,)
        Non-negative.
    trials : int
        Random bid profiles to try besides a repetition of `bids`, zeros, a reversal, much higher ones, and for up to 16 workers
        each one's bid doubled and one added.
    seed : int
        Draws the random profiles.

    Raises
    ------
    BidDependenceError
        Naming the profile under which a score differs.
    InputError
        For bids that are not a vector of non-negative numbers.

    Notes
    -----
    It can refute independence and not prove it; that scores are computed by functions that never see a bid is the proof.
    """
    bids = np.asarray(bids, dtype=np.float64)
    if bids.ndim != 1 or not (np.isfinite(bids).all() and (bids >= 0).all()):
        raise InputError("must be non-negative numbers, one per worker", field="bids")
    rng = np.random.Generator(np.random.PCG64(seed))
    profiles = [("the same bids again", bids), ("zeros", np.zeros_like(bids)), ("the bids reversed", bids[::-1])]
    profiles.append(("ten times the bids and ten", 10 * bids + 10))
    for worker in range(min(len(bids), 16)):
        raised = bids.copy()
        raised[worker] = 2 * bids[worker] + 1
        profiles.append((f"a higher bid of worker {worker}", raised))
    profiles += [(f"random bids {trial + 1}", rng.random(len(bids)) * (2 * bids + 1)) for trial in range(trials)]
    expected = np.asarray(scores_under(bids.copy()))
    for name, profile in profiles:
        found = np.asarray(scores_under(profile.copy()))
        same = found.shape == expected.shape and found.dtype == expected.dtype
        if same and found.dtype == object:
            same = bool((found == expected).all())
        elif same:
            same = found.tobytes() == expected.tobytes()
        if not same:
            where = np.flatnonzero(found != expected).tolist()[:5] if found.shape == expected.shape else "shape"
            raise BidDependenceError(f"scores differ under {name} (workers {where})")
