"""Imports every module that registers a method; add yours here."""

from . import (
    brute_force,
    highs_arrays,
    matroid,
    max_flow,
    opt_pooled,
    opt_seats,
    parametric,
    pyomo_highs,
)

__all__ = [
    "brute_force",
    "highs_arrays",
    "matroid",
    "max_flow",
    "opt_pooled",
    "opt_seats",
    "parametric",
    "pyomo_highs",
]
