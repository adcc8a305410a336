"""Random sharing markets: types of clients that differ in how many samples they hold and in what taking part costs them.

Sizes are spread evenly over orders of magnitude; the variance between clients is set so that a share of the types has low
heterogeneity (they lower the error of whoever trains with them); costs are uniform and in proportion to what the model of
everybody is worth, so that who takes part is a question. All numbers are exact.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..input_error import InputError
from ..seeds import read_seed
from .market import MotsMarket

__all__ = ["generate_mots"]

MOST_TYPES, MOST_CLIENTS, LARGEST_SIZE = 10**5, 2**40, 10**9
LEAST_SIZE = 10
DIGITS = 10**4
"""Costs are whole multiples of a ten-thousandth of the largest possible one."""


def generate_mots(
    types: int,
    clients: int,
    *,
    top: int = 1000,
    low_share: float = 0.5,
    cost_share: float = 0.5,
    utility: str = "inverse",
    seed: int = 0,
) -> MotsMarket:
    """Make a random sharing market.

    Parameters
    ----------
    types, clients : int
        ``I`` and ``N``; every type has at least one client.
    top : int
        Samples of a client of the largest type; the smallest has 10, or as many as `top` if that is less.
    low_share : float
        Share of the types with low heterogeneity, ``client_variance <= data_variance / D_i``: those with the fewest samples.
    cost_share : float
        Mean cost of taking part as a share of what the model that everybody trains is worth to one client.
    utility : {'inverse', 'exponential'}
        Worth of a model of error ``eps``: ``1 / eps``, or ``exp(-eps)``.
    seed : int

    Returns
    -------
    MotsMarket

    Raises
    ------
    InputError
        For sizes, shares or a utility that are not to be had, and for what is no seed.
    """
    for name, value, least, most in (
        ("types", types, 1, MOST_TYPES),
        ("clients", clients, types, MOST_CLIENTS),
        ("top", top, 1, LARGEST_SIZE),
    ):
        if not least <= value <= most:
            limit = f"at least {least:,}" if value < least else f"at most {most:,}"
            raise InputError(f"must be {limit}, got {value:,}", field=name)
    for name, share in (("low_share", low_share), ("cost_share", cost_share)):
        if not 0 <= share <= 1:
            raise InputError(f"must lie in [0, 1], got {share}", field=name)
    if utility not in ("inverse", "exponential"):
        raise InputError(f"must be inverse or exponential, got {utility!r}", field="utility")
    rng = np.random.default_rng(read_seed(seed))
    least = min(LEAST_SIZE, top)
    sizes = np.sort(np.rint(least * (top / least) ** rng.random(types)).astype(np.int64)).tolist()
    counts = (1 + rng.multinomial(clients - types, rng.dirichlet(np.ones(types)))).tolist()
    # Those up to this size are low: client_variance * D_i <= data_variance.
    low = round(low_share * types)
    border = Fraction(sizes[low - 1]) if low else Fraction(sizes[0], 2)
    variance = 1 / border
    harmonic = sum((Fraction(count, size) for count, size in zip(counts, sizes, strict=True)), Fraction(0))
    error = harmonic / clients**2 + variance * Fraction(clients - 1, clients)
    worth = 1 / error if utility == "inverse" else Fraction(1)
    steps = rng.integers(0, DIGITS + 1, size=types).tolist()
    most_cost = 2 * Fraction(str(cost_share)) * worth
    # Six significant digits or so: a short number that is exact.
    unit = Fraction(10) ** (len(str(int(most_cost))) - 6)
    return MotsMarket.build(
        sizes=sizes,
        counts=counts,
        costs=[int(most_cost * step / DIGITS / unit) * unit for step in steps],
        data_variance=1,
        client_variance=variance,
        utility={"family": "inverse", "a": 1} if utility == "inverse" else {"family": "exponential", "a": 1, "s": 1},
    )
