"""A MoTS market whose errors are measured, one for each state: a table in the place of eq. (3).

Nothing that relies on the shape of eq. (3) may be used on such a market; the solvers look at every state of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from ..input_error import InputError
from .market import MotsMarket, State

__all__ = ["MeasuredMarket", "participating_states"]


def participating_states(counts: Iterable[int]) -> list[State]:
    """All states with at least one participant, the last type varying fastest."""
    return [state for state in itertools.product(*(range(n + 1) for n in counts)) if any(state)]


@dataclass(frozen=True)
class MeasuredMarket(MotsMarket):
    """A market with a table of errors; dimension and variances are of no effect on them.

    Attributes
    ----------
    table : mapping of state to Fraction
        The error of each state with a participant, all of them.

    Raises
    ------
    InputError
        If a state is missing or does not exist.
    """

    table: Mapping[State, Fraction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = participating_states(self.counts)
        if len(self.table) != len(wanted) or any(state not in self.table for state in wanted):
            missing = [state for state in wanted if state not in self.table]
            raise InputError(
                f"no error for state {missing[0]}" if missing else "errors for states that do not exist", field="table"
            )

    @classmethod
    def of(cls, market: MotsMarket, table: Mapping[State, Fraction]) -> MeasuredMarket:
        """The same clients, costs, utility and requirement under measured errors."""
        return cls(
            market.dimension,
            market.data_variance,
            market.client_variance,
            market.types,
            market.utility,
            market.max_error,
            dict(table),
        )

    def error(self, state: Iterable[int]) -> Fraction:
        """The measured error of the state.

        Raises
        ------
        ValueError
            If nobody participates: there is no model then.
        """
        state = self.check_state(state)
        if not any(state):
            raise ValueError("without participants there is no model")
        return self.table[state]

    @cached_property
    def error_range(self) -> tuple[Fraction, Fraction]:
        """The least and the greatest measured error."""
        return min(self.table.values()), max(self.table.values())

    def to_document(self) -> dict[str, Any]:
        """Refuse: the format of ``*.mots.json`` files has eq. (3) and no table.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError("a market of measured errors is no *.mots.json")
