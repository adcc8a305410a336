"""OPT without binding seats: a knapsack over a partition matroid, solved exactly at any size."""

from .problem import PooledProblem
from .solve import PooledResult, solve_pooled

__all__ = ["PooledProblem", "PooledResult", "solve_pooled"]
