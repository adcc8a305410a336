"""Imports every module that registers a method; add yours here."""

from . import brute_force
from .coverage import method as coverage
from .highs import arrays as highs_arrays
from .highs import pyomo_method as pyomo_highs
from .placement import matroid, max_flow
from .pooled import method as opt_pooled
from .seated import method as opt_seats
from .seated import parametric
from .separate import method as separate
from .sharing import method as sharing

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
    "sharing",
]
