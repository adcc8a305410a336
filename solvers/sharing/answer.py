"""The answer to "which social state is best?"."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...models.display import Framed, Page, show
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.market_text import type_columns, types_table
from ..control import StopReason
from ..proofs.proof import Proof
from ..solution import PROVED, Exactness, Status
from .worth import Worth


def readable(value: Fraction) -> float | int:
    """A number for people and JSON: a double, or an integer where that would overflow."""
    try:
        return float(value)
    except OverflowError:
        return round(value)


@dataclass(frozen=True, kw_only=True, repr=False)
class SocialAnswer(Framed):
    """The best social state found, with what is known about it; the words are those of :class:`~fedmech.solvers.solution.Solution`.

    Attributes
    ----------
    market : MotsMarket
        The market.
    status : str
        ``optimal``; ``feasible`` (a state, but no proof that it is best); ``infeasible`` (no state meets ``max_error``; ``state`` is
        then the one of least error); ``none`` (nothing found in time).
    stopped : str
        Why the search ended: ``proved``, ``time-limit``, ``node-limit`` (too many cells, or near-ties to list), ``interrupted``, or
        ``unproved`` (by itself, but its proof was refused).
    exactness : str
        ``checked``: the checker accepted a proof of `bound`, or that no state meets the requirement, in this call.
        ``enumerated``: every state was looked at. ``solver``: HiGHS says so. ``unchecked``: nobody vouches for `bound`.
    state : tuple of int or None
        Participants of each type, in the market's order; everybody else buys the model. `participants` says it in ids.
    error : Fraction or None
        The state's generalisation error, eq. (3).
    welfare : Worth or None
        The state's welfare, exact or a certified interval.
    bound : Fraction or None
        No feasible state is worth more; ``None`` if no finite bound is known. Where the utility is not rational, it exceeds the
        optimum by less than can be told apart.
    method : str
        What ran.
    seconds, search_seconds, check_seconds : float
        Wall-clock time of everything, of the search, and of checking its proof.
    proof : Proof or None
        The proof that was accepted.
    refused : str or None
        Why a proof of the search was refused, if one was: a defect of this package.
    failure : Proof or None
        That proof.
    tied : int
        How many other states were seen whose welfare is the same, or cannot be told apart; not a complete count.
    """

    market: MotsMarket
    status: Status
    stopped: StopReason
    exactness: Exactness
    state: State | None = None
    error: Fraction | None = None
    welfare: Worth | None = None
    bound: Fraction | None = None
    method: str
    seconds: float = 0.0
    search_seconds: float = 0.0
    check_seconds: float = 0.0
    proof: Proof | None = None
    refused: str | None = None
    failure: Proof | None = None
    tied: int = 0

    @property
    def problem(self) -> str:
        """``social-state``, the one problem of sharing markets."""
        return "social-state"

    @property
    def proved(self) -> bool:
        """Whether it is the best state, or there is none, and that was checked or every state looked at."""
        return self.status in ("optimal", "infeasible") and self.exactness in PROVED

    @property
    def participants(self) -> dict[str, int]:
        """How many of each type train, by id; empty if there is no state."""
        ids = [entry.id for entry in self.market.types]
        return {} if self.state is None else dict(zip(ids, self.state, strict=True))

    @property
    def value(self) -> Fraction | None:
        """The welfare, by the name it has in a Solution; None where only an interval that holds it is known: see `welfare`."""
        return self.welfare.low if self.welfare is not None and self.welfare.exact else None

    def columns(self) -> dict[str, list[Any]]:
        """Return the state column by column: id, size, count, cost, participants."""
        return type_columns(self.market) | {"participants": [*(self.state or [None] * self.market.type_count)]}

    def page(self) -> Page:
        """Return the state, what it is worth and on what that rests on one screen."""
        if self.state is None:
            return Page("", answer_facts(self))
        participants = [f"{k:,}" for k in self.state]
        return Page("", answer_facts(self), [types_table(self.market, "Who participates", participants=participants)])

    def __repr__(self) -> str:
        worth = "nothing" if self.welfare is None else show(self.welfare.middle)
        return (
            f"SocialAnswer(welfare {worth}, {self.status} ({self.exactness}), {sum(self.state or ()):,} participants)"
        )

    @property
    def no_model(self) -> bool:
        """Whether having no model at all, worth 0, is better: only where there is no requirement."""
        return self.market.max_error is None and self.welfare is not None and self.welfare.high < 0

    @property
    def gap(self) -> Fraction | None:
        """Bound minus welfare; zero when optimal."""
        if self.status == "optimal":
            return Fraction(0)
        return None if self.bound is None or self.welfare is None else max(self.bound - self.welfare.low, Fraction(0))

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain data for JSON."""
        welfare, error = self.welfare, self.error
        exact = welfare is not None and welfare.exact
        return {
            "problem": "social-state",
            "status": self.status,
            "stopped": self.stopped,
            "exactness": self.exactness,
            "method": self.method,
            "objective": None if welfare is None else readable(welfare.middle),
            "objective_exact": str(welfare.low) if welfare is not None and exact else None,
            "objective_interval": None if welfare is None or exact else [readable(welfare.low), readable(welfare.high)],
            "bound": None if self.bound is None else readable(self.bound),
            "gap": None if self.gap is None else readable(self.gap),
            "state": None
            if self.state is None
            else {entry.id: k for entry, k in zip(self.market.types, self.state, strict=True)},
            "participants": None if self.state is None else sum(self.state),
            "error": None if error is None else readable(error),
            "error_exact": None if error is None else str(error),
            "welfare": None if welfare is None else readable(welfare.middle),
            "tied_states_seen": self.tied,
            "no_model_is_better": self.no_model,
            "seconds": round(self.seconds, 6),
            "search_seconds": round(self.search_seconds, 6),
            "check_seconds": round(self.check_seconds, 6),
        }


STATUS = {
    "checked": "proved (proof checked)",
    "enumerated": "every state enumerated",
    "solver": "says HiGHS (not proved)",
    "unchecked": "not checked",
}


def answer_facts(answer: SocialAnswer) -> list[tuple[str, str]]:
    """Return the figures of an answer by name."""
    market, welfare = answer.market, answer.welfare
    interval = "" if welfare is None or welfare.exact else ", the middle of a certified interval"
    status = f"{answer.status}, {STATUS[answer.exactness]}"
    if answer.status not in ("optimal", "infeasible"):
        status = f"{answer.status}, stopped: {answer.stopped} (bound {answer.exactness})"
    return [
        ("problem", f"social state: who trains, so that welfare is greatest ({market.population:,} clients)"),
        ("status", status),
        ("welfare", "-" if welfare is None else show(welfare.middle) + interval),
        ("bound", show(answer.bound)),
        ("error", show(answer.error)),
        ("largest error", "-" if market.max_error is None else f"{show(market.max_error)} is required"),
        ("participants", "-" if answer.state is None else f"{sum(answer.state):,}; everybody else buys the model"),
        *([("no model", "would be better: every state's welfare is negative")] if answer.no_model else []),
        *([("tied", f"at least {answer.tied} other states are worth the same")] if answer.tied else []),
        ("method", f"{answer.method}, {answer.seconds:.3f} s"),
    ]
