"""Rulings for people: what applies and how close it is, who makes it so, what does not apply and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...models.display import Framed, Table, show
from .ruling import Premise, Ruling

__all__ = ["MarketJudgement", "attained", "mark", "ruling_tables"]


class MarketJudgement(Framed):
    """What is said of a market; `rulings` are the claims about it."""

    rulings: Sequence[Ruling]

    @property
    def applies(self) -> list[Ruling]:
        """The claims whose premises hold."""
        return [ruling for ruling in self.rulings if ruling.applies]

    @property
    def contradictions(self) -> list[Ruling]:
        """Claims whose premises hold and whose conclusion fails: there the ledger is wrong."""
        return [ruling for ruling in self.rulings if ruling.contradicted]

    def columns(self) -> dict[str, list[Any]]:
        """Return the rulings column by column; `attained` is None where only its ends are known."""
        numbers = [ruling.attained for ruling in self.rulings]
        failing = [[premise for premise in ruling.premises if premise.holds is not True] for ruling in self.rulings]
        columns: dict[str, list[Any]] = {
            "claim": [ruling.claim for ruling in self.rulings],
            "subject": [ruling.subject for ruling in self.rulings],
            "measure": [ruling.measure for ruling in self.rulings],
            "applies": [ruling.applies for ruling in self.rulings],
            "holds": [ruling.holds for ruling in self.rulings],
            "guarantee": [ruling.guarantee for ruling in self.rulings],
            "attained": [None if known is None or not known.exact else known.low for known in numbers],
            "attained_low": [None if known is None else known.low for known in numbers],
            "attained_high": [None if known is None else known.high for known in numbers],
            "slack": [ruling.slack for ruling in self.rulings],
            "fails": [premises[0].says if premises else None for premises in failing],
            "fails_by": [premises[0].by if premises else None for premises in failing],
        }
        return columns


def ruling_tables(rulings: Sequence[Ruling]) -> list[Table]:
    """Return tables of what applies, who makes it so, and what does not apply and why."""
    applying = [ruling for ruling in rulings if ruling.applies]
    numbers = [
        [
            ruling.claim,
            ruling.subject,
            ruling.measure.split(" / ")[0],
            attained(ruling),
            show(ruling.guarantee),
            show(ruling.slack),
            mark(ruling),
        ]
        for ruling in applying
        if ruling.guarantee is not None
    ]
    words = [
        [ruling.claim, ruling.subject, ruling.measure, mark(ruling) or "holds"]
        for ruling in applying
        if ruling.guarantee is None
    ]
    makers = [
        [ruling.claim, ruling.subject, ", ".join(f"{role} {who}" for role, who in ruling.made_by.items())]
        for ruling in applying
        if ruling.made_by
    ]
    failing = [
        [ruling.claim, ruling.subject, _failure(premise)]
        for ruling in rulings
        for premise in ruling.premises
        if not ruling.applies and premise.holds is not True
    ]
    return [
        Table(["claim", "to", "of", "attained", "at most", "slack", ""], numbers, (3, 4, 5), "Applies"),
        Table(["claim", "to", "what it says", ""], words, (), "Applies"),
        Table(["claim", "to", ""], makers, (), "Made by"),
        Table(["claim", "to", "assumption that fails"], failing, (), "Does not apply"),
    ]


def mark(ruling: Ruling) -> str:
    """Say that a conclusion fails or is open; nothing where it holds."""
    return {True: "", False: "FAILS", None: "undecided"}[ruling.holds]


def attained(ruling: Ruling) -> str:
    """Show what is attained, or between what."""
    if ruling.attained is None:
        return "-"
    if ruling.attained.exact:
        return show(ruling.attained.low)
    return f"{show(ruling.attained.low)} to {show(ruling.attained.high)}"


def _failure(premise: Premise) -> str:
    undecided = "undecided: " if premise.holds is None else ""
    who = f" ({premise.by})" if premise.by else ""
    return f"{undecided}{premise.says}{who}" + (f": {premise.shows}" if premise.shows else "")
