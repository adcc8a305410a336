"""Boxes of small MoTS markets, smallest first, so that the first counterexample met is a minimal one of its box."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...models.sharing.expression import OutsideDomain
from ...models.sharing.market import FORMAT, MotsMarket


@dataclass(frozen=True)
class Box:
    """A finite set of markets: every combination of the values given, with sizes strictly increasing.

    Attributes
    ----------
    types : sequence of int
        Numbers of types.
    sizes, counts, costs : sequence
        Values for each type; costs nondecreasing in size, as the paper has it.
    utilities : sequence of mapping
        Specifications.
    client_variances : sequence
        With data variance and dimension 1, so that this is the heterogeneity ratio.
    requirement : bool
        Whether each market is also taken with each of the errors its states have as ``max_error``.
    """

    types: Sequence[int]
    sizes: Sequence[int]
    counts: Sequence[int]
    costs: Sequence[Any]
    utilities: Sequence[Mapping[str, Any]]
    client_variances: Sequence[Any] = (0,)
    requirement: bool = False

    def describe(self) -> str:
        """The box in words."""
        utilities = ", ".join(str(u.get("expression", u.get("family"))) for u in self.utilities)
        return (
            f"types {_list(self.types)}; sizes {_list(self.sizes)}; counts {_list(self.counts)}; costs"
            f" {_list(self.costs)}; theta {_list(self.client_variances)}; U in {{{utilities}}}"
            + ("; every reachable error as requirement" if self.requirement else "")
        )

    def markets(self) -> Iterator[MotsMarket]:
        """The markets, those with fewer clients, types, samples and costs first; undefined utilities are left out."""
        shapes = [
            (sum(counts), count, sum(sizes), sum(costs), Fraction(str(variance)), index, sizes, counts, costs)
            for count in self.types
            for sizes in itertools.combinations(self.sizes, count)
            for counts in itertools.product(self.counts, repeat=count)
            for costs in itertools.combinations_with_replacement([Fraction(str(c)) for c in self.costs], count)
            for variance in self.client_variances
            for index in range(len(self.utilities))
        ]
        shapes.sort()
        for _, _, _, _, variance, index, sizes, counts, costs in shapes:
            market = MotsMarket.build(
                sizes=sizes, counts=counts, costs=costs, client_variance=variance, utility=self.utilities[index]
            )
            try:
                errors = sorted({market.error(state) for state in states(market)})
                for error in errors:
                    market.utility.exact(error)
            except OutsideDomain:
                continue
            if not self.requirement:
                yield market
            else:
                for error in reversed(errors):
                    yield market.with_max_error(error)


def _list(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values)


def states(market: MotsMarket) -> list[tuple[int, ...]]:
    """All states with a participant."""
    return [k for k in itertools.product(*(range(n + 1) for n in market.counts)) if any(k)]


def first(markets: Iterable[MotsMarket], fails: Callable[[MotsMarket], bool]) -> tuple[MotsMarket | None, int]:
    """The first market that fails, and how many were looked at."""
    count = 0
    for market in markets:
        count += 1
        if fails(market):
            return market, count
    return None, count


def document(market: MotsMarket, description: str) -> dict[str, Any]:
    """A witness: the market as a complete file, with a word on what goes wrong."""
    return {
        "format": FORMAT,
        "description": description,
        **{k: v for k, v in market.to_document().items() if k != "format"},
    }
