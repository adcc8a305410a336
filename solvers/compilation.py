"""Whether kernels can be compiled: numba is an extra (``fedmech[fast]``), and is imported only where it pays."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

__all__ = ["can_compile"]


@cache
def can_compile() -> bool:
    """Whether numba is installed; without it the same kernels run interpreted, with the same results."""
    return find_spec("numba") is not None
