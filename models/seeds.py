"""The one rule for seeds: a whole number from 0 to 2**63 - 1, so that every generator takes it as it is and every file can hold it."""

from __future__ import annotations

from typing import Any

from .exact import parse_integer
from .input_error import InputError

__all__ = ["LARGEST_SEED", "read_seed"]

LARGEST_SEED = 2**63 - 1


def read_seed(value: Any, field: str = "seed") -> int:
    """Read a seed.

    Raises
    ------
    InputError
        For anything else: generators take -1 for 1, or none of what is too large, and not all of them the same.
    """
    try:
        seed = parse_integer(value)
    except InputError as error:
        raise InputError(error.message, field=field) from None
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"a seed is a whole number from 0 to 2**63 - 1, got {str(seed)[:40]}", field=field)
    return seed
