"""Hypothesis strategies for markets: non-integers, ties, zeros, empty groups, limits that bind and limits that do not."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from fedmech import Market
from hypothesis import strategies as st

# A few values drawn again and again make ties; the others are arbitrary fractions.
_TYPICAL = [Fraction(1), Fraction(2), Fraction(1, 2), Fraction("0.1"), Fraction("0.3"), Fraction(7, 3)]

# Listed, as drawing from `st.fractions` takes ten times as long as what is done with most of these markets; the simplest come first.
_ARBITRARY = sorted(
    {Fraction(p, q) for q in range(1, 13) for p in range(9 * q + 1)}, key=lambda value: (value.denominator, value)
)


# What is made anew for every market costs more than what is drawn from it.
@cache
def amounts(smallest: Fraction | int = 0) -> st.SearchStrategy[Fraction]:
    """Non-negative amounts of score or money, often equal to one another."""
    typical, arbitrary = (
        [value for value in values if value >= smallest] for values in ([Fraction(0), *_TYPICAL], _ARBITRARY)
    )
    return st.one_of(st.sampled_from(typical), st.sampled_from(arbitrary))


_LIMITS = st.one_of(st.none(), st.integers(0, 3))
_MONEY = st.one_of(amounts(), st.integers(0, 20))


@st.composite
def markets(
    draw: st.DrawFn, *, max_workers: int = 6, max_requesters: int = 3, coverage: bool = False, max_groups: int = 3
) -> Market:
    n = draw(st.integers(1, max_workers))
    m = draw(st.integers(1, max_requesters))
    groups = draw(st.integers(1, max_groups))
    probes = draw(st.integers(1, 4)) if coverage else 0

    def column(values: st.SearchStrategy, length: int) -> list:
        return draw(st.lists(values, min_size=length, max_size=length))

    return Market.build(
        scores=column(amounts(Fraction(1, 12)), n),
        costs=column(amounts(), n),
        bids=column(amounts(), n) if draw(st.booleans()) else None,
        groups=column(st.integers(1, groups), n),
        group_ids=range(1, groups + 1),
        budgets=column(_MONEY, m),
        caps=[column(_LIMITS, m) for _ in range(groups)],
        seats=column(_LIMITS, m),
        coverage=[column(amounts(), probes) for _ in range(n)] if coverage else None,
    )
