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
from .coverage import method as coverage
from .separate import method as separate

__all__ = [
    "brute_force",
    "coverage",
    "highs_arrays",
    "matroid",
    "max_flow",
    "opt_pooled",
    "opt_seats",
    "parametric",
    "pyomo_highs",
    "separate",
]
