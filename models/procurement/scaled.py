"""The numbers of a market twice: as integers over common denominators for exact code, as Fractions in the file's units for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import SupportsIndex, overload

from ..exact import IntArray, exact_sum, rescale
from ..input_error import InputError

__all__ = ["Column", "Scaled"]


@dataclass(frozen=True, eq=False)
class Scaled:
    """The exact numbers of a market as integers; arrays are read-only.

    Attributes
    ----------
    scores : integer ndarray, shape (n,)
        ``v_i * score_denominator``, all positive.
    costs : integer ndarray, shape (n,), or None
        ``c_i * money_denominator``; None when only bids are known.
    bids : integer ndarray, shape (n,)
        ``b_i * money_denominator``.
    budgets : integer ndarray, shape (m,)
        ``B_j * money_denominator``.
    coverage : integer ndarray, shape (n, R), or None
        ``z_ir * coverage_denominator``.
    score_denominator, money_denominator, coverage_denominator : int
        Common denominators; costs, bids and budgets share one.

    Notes
    -----
    Arrays are ``int64`` while the sum of absolute values stays below 2**62, Python integers otherwise.
    """

    scores: IntArray
    costs: IntArray | None
    bids: IntArray
    budgets: IntArray
    coverage: IntArray | None = None
    score_denominator: int = 1
    money_denominator: int = 1
    coverage_denominator: int = 1

    def __post_init__(self) -> None:
        for array in (self.scores, self.costs, self.bids, self.budgets, self.coverage):
            if array is not None:
                array.setflags(write=False)

    @classmethod
    def over_common_denominators(
        cls,
        scores: tuple[IntArray, int],
        budgets: tuple[IntArray, int],
        costs: tuple[IntArray, int] | None,
        bids: tuple[IntArray, int] | None,
        coverage: tuple[IntArray | None, int],
    ) -> Scaled:
        """Put columns, each of integers over a denominator of its own, together; all money gets one. Bids default to costs."""
        money = math.lcm(*(column[1] for column in (budgets, costs, bids) if column is not None))
        own_costs = None if costs is None else rescale(*costs, money)
        own_bids = own_costs if bids is None else rescale(*bids, money)
        assert own_bids is not None
        return cls(
            scores=scores[0],
            costs=own_costs,
            bids=own_bids,
            budgets=rescale(*budgets, money),
            coverage=coverage[0],
            score_denominator=scores[1],
            money_denominator=money,
            coverage_denominator=coverage[1],
        )

    @property
    def needed_costs(self) -> IntArray:
        """The costs, for problems that cannot do without.

        Raises
        ------
        InputError
            If the market has bids only.
        """
        if self.costs is None:
            raise InputError("this problem needs costs, and the market has bids only", row="workers", field="cost")
        return self.costs

    @cached_property
    def total_budget(self) -> int:
        """Pooled budget ``B = sum_j B_j``, times ``money_denominator``."""
        return exact_sum(self.budgets)


class Column(Sequence[Fraction]):
    """One column of a market in the file's units; each Fraction is made when it is asked for.

    Parameters
    ----------
    integers : integer ndarray, one-dimensional
    denominator : int
    """

    def __init__(self, integers: IntArray, denominator: int):
        self._integers = integers
        self._denominator = denominator

    def __len__(self) -> int:
        return len(self._integers)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Fraction: ...
    @overload
    def __getitem__(self, index: slice) -> Column: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Fraction | Column:
        found = self._integers[index]
        return Column(found, self._denominator) if isinstance(index, slice) else Fraction(int(found), self._denominator)

    def __iter__(self) -> Iterator[Fraction]:
        return (Fraction(number, self._denominator) for number in self._integers.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(str(number) for number in self[:6])
        return f"[{shown}{', ...' if len(self) > 6 else ''}]"
