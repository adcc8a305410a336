"""Whether kernels can be compiled: numba is an extra (``fedmech[fast]``), and is imported only where it pays."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

__all__ = ["can_compile", "compiled"]


@cache
def can_compile() -> bool:
    """Whether numba is installed; without it the same kernels run interpreted, with the same results."""
    return find_spec("numba") is not None


@cache
def compiled(kernel: Callable[..., Any]) -> Any | None:
    """Return a kernel compiled; None without numba."""
    if not can_compile():
        return None
    from numba import njit

    return njit(cache=True)(kernel)
