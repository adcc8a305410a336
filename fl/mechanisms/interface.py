"""What a mechanism of a procurement market is: bids in; allocation, payments and reasons out.

A mechanism reads ``market.bids`` and never ``market.costs``: costs are private. It is a function ``(market, **options)`` that
returns an :class:`Outcome`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ...models.procurement.market import Market
from ..registry import (
    CLAIMS,
    Mechanism,
    MechanismFunction,
    Option,
    as_mechanism,
    call,
    find_mechanism,
    mechanism,
    mechanisms,
    prepared,
)
from .outcome import Outcome, build_scaled_outcome, outcome, recheck

__all__ = [
    "CLAIMS",
    "Mechanism",
    "Option",
    "Outcome",
    "as_mechanism",
    "build_scaled_outcome",
    "call",
    "find_mechanism",
    "mechanism",
    "mechanisms",
    "outcome",
    "run_mechanism",
]


def run_mechanism(market: Market, mechanism: str | MechanismFunction | Mechanism, **options: Any) -> Outcome:
    """Run a mechanism on a market's bids and re-check its allocation exactly.

    Parameters
    ----------
    market : Market
    mechanism : str or callable
        A registered name, ``pkg.module:callable``, ``file.py:callable``, or a callable ``(market, **options) -> Outcome``.
    **options
        Its options: numbers, texts that :func:`~fedmech.models.exact.parse_number` reads, or one per worker. A callable that is not
        registered gets them as they are.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        For an unknown mechanism or option, a market it cannot run on, or a callable that fails or returns what it must not.
    CheckError
        If the allocation breaks a cap or a seat limit, or the score is not that of the winners: a defect.
    """
    entry, exact = prepared(market, mechanism, options)
    started = time.perf_counter()
    found = recheck(market, entry.name, call(entry, market, exact))
    return replace(found, mechanism=entry.name, market=market, seconds=time.perf_counter() - started)
