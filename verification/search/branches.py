"""A rule on numbers that are not known: every branch that it can take, with what has to be true of the numbers there.

A rule is a function of plain numbers: it adds, multiplies, divides by what is positive, and compares. Run on :class:`Number`, each comparison whose answer the branch so far does not settle
is a fork; the rule is run again for each way to answer. What is known of a branch are polynomial inequalities over the reals, so that z3 decides whether anything else
can hold there too: a property that holds in every branch holds of all real scores and bids of so many workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from typing import Any

__all__ = ["Branch", "Number", "Undecided", "branches"]

MILLISECONDS = 20_000
"""For one question; they take hundredths of a second here."""


class Undecided(AssertionError):
    """z3 gave up on a question."""


class Fork:
    """The one run of a rule that is under way: what was assumed, and how the next comparisons are to come out."""

    def __init__(self, assumed: list[Any], answers: list[bool]) -> None:
        z3: Any = import_module("z3")
        self.z3 = z3
        self.solver: Any = z3.Solver()
        self.solver.set("timeout", MILLISECONDS)
        self.solver.add(*assumed)
        self.conditions: list[Any] = []
        self.answers = answers
        self.open: list[list[bool]] = []
        self.taken: list[bool] = []

    def possible(self, condition: Any) -> bool:
        """Whether something more can hold on this branch.

        Raises
        ------
        Undecided
            If z3 gives up.
        """
        answer = str(self.solver.check(condition))
        if answer == "unknown":
            raise Undecided(f"z3 gave up on {condition}")
        return answer == "sat"

    def decide(self, condition: Any) -> bool:
        """Answer a comparison: as told, as it must be, or yes with the other answer left for later."""
        if len(self.taken) < len(self.answers):
            answer = self.answers[len(self.taken)]
        else:
            answer = self.possible(condition)
            if answer and self.possible(self.z3.Not(condition)):
                self.open.append([*self.taken, False])
        self.taken.append(answer)
        self.conditions.append(condition if answer else self.z3.Not(condition))
        self.solver.add(self.conditions[-1])
        return answer


@dataclass(frozen=True, eq=False)
class Number:
    """A quotient of polynomials in unknown numbers, its denominator positive."""

    fork: Fork
    above: Any
    below: Any = 1

    def _of(self, other: Any) -> Number:
        if isinstance(other, Number):
            return other
        exact = Fraction(other)
        return Number(self.fork, exact.numerator, exact.denominator)

    def __add__(self, other: Any) -> Number:
        one = self._of(other)
        if self.below is one.below:
            return Number(self.fork, self.above + one.above, self.below)
        return Number(self.fork, self.above * one.below + one.above * self.below, self.below * one.below)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Number:
        one = self._of(other)
        return self + Number(self.fork, -one.above, one.below)

    def __rsub__(self, other: Any) -> Number:
        return self._of(other) - self

    def __mul__(self, other: Any) -> Number:
        one = self._of(other)
        return Number(self.fork, self.above * one.above, self.below * one.below)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Number:
        """Divide by something positive: nobody checks that here."""
        one = self._of(other)
        return Number(self.fork, self.above * one.below, self.below * one.above)

    def __rtruediv__(self, other: Any) -> Number:
        return self._of(other) / self

    def __le__(self, other: Any) -> bool:
        one = self._of(other)
        return self.fork.decide(self.above * one.below <= one.above * self.below)

    def __lt__(self, other: Any) -> bool:
        return not self._of(other) <= self

    def __ge__(self, other: Any) -> bool:
        return self._of(other) <= self

    def __gt__(self, other: Any) -> bool:
        return not self <= other


@dataclass(frozen=True)
class Branch:
    """One way through a rule.

    Attributes
    ----------
    hired : tuple of int
        What the rule returned.
    conditions : tuple of z3 formulas
        When it does, beside what was assumed.
    """

    hired: tuple[int, ...]
    conditions: tuple[Any, ...]


def branches(
    rule: Callable[[list[Number], list[Number]], tuple[int, ...]],
    scores: list[Any],
    bids: list[Any],
    assumed: list[Any],
) -> Iterator[Branch]:
    """Yield every branch of a rule.

    Parameters
    ----------
    rule : callable
        From scores and bids to who is hired.
    scores, bids : lists of z3 reals
        Scores positive by what is assumed.
    assumed : list of z3 formulas

    Raises
    ------
    Undecided
        If z3 gives up.
    """
    waiting: list[list[bool]] = [[]]
    while waiting:
        fork = Fork(assumed, waiting.pop())
        hired = rule([Number(fork, v) for v in scores], [Number(fork, b) for b in bids])
        waiting += fork.open
        yield Branch(hired, tuple(fork.conditions))
