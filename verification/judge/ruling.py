"""What is said of one claim on one market: its premises, its guarantee, what is attained, and whether that is within it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["PAYMENTS", "Between", "Premise", "Ruling", "at_most", "undecided"]

PAYMENTS: Mapping[str, str] = {
    "rational": "bid / payment",
    "budget": "payments / B",
    "separate-budgets": "payments / B_j",
}
"""What is measured of each promise about payments."""


@dataclass(frozen=True)
class Premise:
    """One assumption, tested exactly.

    Attributes
    ----------
    says : str
    holds : bool or None
        None where it could not be decided.
    by : str or None
        Whose it is that it fails: a worker, a type.
    shows : str or None
        The number that shows it.
    """

    says: str
    holds: bool | None
    by: str | None = None
    shows: str | None = None


@dataclass(frozen=True)
class Between:
    """A number as far as it is known; `high` is None where nothing bounds it."""

    low: Fraction
    high: Fraction | None

    @classmethod
    def exactly(cls, value: Fraction | int) -> Between:
        """A number that is known."""
        return cls(Fraction(value), Fraction(value))

    @property
    def exact(self) -> bool:
        """Whether it is known exactly."""
        return self.low == self.high

    def over(self, divisor: Fraction) -> Between:
        """The quotient by a positive number."""
        return Between(self.low / divisor, None if self.high is None else self.high / divisor)


@dataclass(frozen=True)
class Ruling:
    """One claim on one market.

    Attributes
    ----------
    claim : str
        Its id in the ledger, or the promise of a registered mechanism (``rational``, ``budget``, ``separate-budgets``).
    subject : str
        The mechanism, or what else it is about.
    measure : str
        What `attained` is, in symbols.
    premises : sequence of Premise
    guarantee : Fraction or None
        What `attained` is at most; None where the premises fail and leave it without meaning, or it is no number.
    attained : Between or None
        None where it is not looked at, or a quotient by zero.
    holds : bool or None
        Whether the conclusion holds; None where that was not decided, or the claim does not apply.
    made_by : mapping of str to str
        Who makes the guarantee and the slack, by role.
    note : str
    """

    claim: str
    subject: str
    measure: str
    premises: Sequence[Premise]
    guarantee: Fraction | None = None
    attained: Between | None = None
    holds: bool | None = None
    made_by: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def applies(self) -> bool | None:
        """Whether all premises hold; None if that is not decided."""
        if any(premise.holds is False for premise in self.premises):
            return False
        return None if any(premise.holds is None for premise in self.premises) else True

    @property
    def slack(self) -> Fraction | None:
        """How far what is attained stays below the guarantee, where both are known exactly."""
        if self.guarantee is None or self.attained is None or not self.attained.exact:
            return None
        return self.guarantee - self.attained.low

    @property
    def contradicted(self) -> bool:
        """Whether its premises hold and its conclusion fails: then the ledger is wrong."""
        return self.applies is True and self.holds is False


def at_most(
    claim: str,
    subject: str,
    measure: str,
    premises: Sequence[Premise],
    dividend: Between,
    divisor: Fraction,
    guarantee: Fraction,
    *,
    strict: bool = False,
    made_by: Mapping[str, str] | None = None,
    note: str = "",
) -> Ruling:
    """Rule on ``dividend <= guarantee * divisor``; if `strict`, with equality only where both sides are the same number.

    The divisor may be zero: then nothing but zero is within the guarantee, and there is no ratio. Where a premise fails, nothing is said.
    """
    if any(premise.holds is False for premise in premises):
        return Ruling(claim, subject, measure, premises, note=note)

    def within(value: Fraction) -> bool:
        limit = guarantee * divisor
        return value < limit or (value == divisor if strict else value == limit)

    # What lies below a number that is within is within as well, for guarantees of 1 or more.
    holds = False if not within(dividend.low) else None if dividend.high is None or not within(dividend.high) else True
    attained = dividend.over(divisor) if divisor > 0 else None
    return Ruling(claim, subject, measure, premises, guarantee, attained, holds, made_by or {}, note)


def undecided(rulings: Iterable[Ruling]) -> list[Ruling]:
    """Return those that apply, or may, and whose conclusion or ratio is not known exactly."""
    return [
        ruling
        for ruling in rulings
        if ruling.applies is None
        or (ruling.applies and (ruling.holds is None or (ruling.attained is not None and not ruling.attained.exact)))
    ]
