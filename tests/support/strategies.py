"""Hypothesis strategies for markets: non-integers, ties, zeros, empty groups, limits that bind and limits that do not."""

from __future__ import annotations

from fractions import Fraction

from fedmech import Market
from hypothesis import strategies as st

# A few values drawn again and again make ties; the others are arbitrary fractions.
_TYPICAL = [Fraction(1), Fraction(2), Fraction(1, 2), Fraction("0.1"), Fraction("0.3"), Fraction(7, 3)]


def amounts(smallest: Fraction | int = 0) -> st.SearchStrategy[Fraction]:
    """Non-negative amounts of score or money, often equal to one another."""
    fractions = st.fractions(min_value=smallest, max_value=9, max_denominator=12)
    typical = [value for value in [Fraction(0), *_TYPICAL] if value >= smallest]
    return st.one_of(st.sampled_from(typical), fractions)


@st.composite
def markets(
    draw: st.DrawFn, *, max_workers: int = 6, max_requesters: int = 3, coverage: bool = False, max_groups: int = 3
) -> Market:
    """Small markets."""
    n = draw(st.integers(1, max_workers))
    m = draw(st.integers(1, max_requesters))
    groups = draw(st.integers(1, max_groups))
    limits = st.one_of(st.none(), st.integers(0, 3))
    probes = draw(st.integers(1, 4)) if coverage else 0

    def column(values: st.SearchStrategy, length: int) -> list:
        return draw(st.lists(values, min_size=length, max_size=length))

    return Market.build(
        scores=column(amounts(Fraction(1, 12)), n),
        costs=column(amounts(), n),
        bids=draw(st.one_of(st.none(), st.lists(amounts(), min_size=n, max_size=n))),
        groups=column(st.integers(1, groups), n),
        group_ids=range(1, groups + 1),
        budgets=column(st.one_of(amounts(), st.integers(0, 20)), m),
        caps=[column(limits, m) for _ in range(groups)],
        seats=column(limits, m),
        coverage=[column(amounts(), probes) for _ in range(n)] if coverage else None,
    )
