"""Putting a question to a method, and checking what comes back from the document alone.

The only place that knows what an answer of the solvers looks like.
"""

from __future__ import annotations

import time
import traceback
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...models.input_error import InputError
from ..literal.procurement import LiteralMarket, coverage_of
from .case import SOCIAL, Case

__all__ = ["SMALL", "Reply", "ask", "asked_again", "method_names"]

SMALL = 14
"""So many workers, or clients, must be decided; more may be left open at a time limit."""

PROVED = {"checked", "enumerated"}
"""What an answer may rest on to count as proved; a solver's word is not among them."""


@dataclass(frozen=True)
class Reply:
    """What one method answered.

    Attributes
    ----------
    method : str
        Which one.
    status : str
        ``optimal``, ``feasible``, ``infeasible``, ``none``, or ``refused`` (the method says it cannot take this market).
    stopped : str
        Why it ended.
    proved : bool
        Whether the optimum is claimed on evidence that is not a solver's word.
    low, high : Fraction or None
        The optimum lies between them, if the answer is right: what the point is worth, and the bound.
    point : object
        Requester of each worker, or shares, or participants of each type.
    seconds : float
        What it took, the smaller of wall and processor time, so that a busy machine does not count.
    fault : str or None
        What is wrong with the answer by itself, in a few words that are the same for equal faults.
    says : str
        More about the fault.
    """

    method: str
    status: str
    stopped: str = ""
    proved: bool = False
    low: Fraction | None = None
    high: Fraction | None = None
    point: Any = None
    seconds: float = 0.0
    fault: str | None = None
    says: str = ""


def method_names(case: Case) -> list[str]:
    """The methods that can take a market."""
    from ...solvers.registry import available_methods

    return [method.name for method in available_methods(case.market(), case.problem)]


def ask(case: Case, method: str = "auto", limit: float | None = None) -> Reply:
    """Put a question to a method.

    Raises
    ------
    InputError
        If the document is no market.
    KeyboardInterrupt
        Also where the method turned Ctrl-C into an answer.
    """
    market = case.market()
    wall, processor = time.monotonic(), time.process_time()
    try:
        with case.setting.in_force():
            method, status, stopped, exactness, low, high, point, refused = _answer(case, market, method, limit)
    except InputError as error:
        if method != "auto" or _not_falling(error):
            return Reply(method, "refused", says=str(error))
        return Reply(method, "none", fault="refused by the default method", says=str(error))
    except Exception as error:
        return Reply(method, "none", fault=_where(error), says=f"{type(error).__name__}: {error}"[:300])
    seconds = min(time.monotonic() - wall, time.process_time() - processor)
    if stopped == "interrupted":
        raise KeyboardInterrupt
    proved = status in ("optimal", "infeasible") and exactness in PROVED
    fault = None
    if status == "optimal" and high is not None and low is not None and high != low and case.problem != SOCIAL:
        fault = "optimal, and the bound is not the value"
    elif low is not None and high is not None and high < low:
        fault = "bound below the value of its own point"
    elif point is not None and status != "infeasible":
        fault = _check_states(case, point, low) if case.problem == SOCIAL else _check_point(case, point, low)
    if fault is None and refused is not None:
        return Reply(method, status, stopped, proved, low, high, point, seconds, "evidence refused", refused)
    return Reply(method, status, stopped, proved, low, high, point, seconds, fault, fault or "")


def asked_again(case: Case, limit: float) -> Reply:
    """Ask the default method; a small market that is left open because the machine is busy gets more time."""
    if case.size > SMALL:
        return ask(case, limit=limit / 3)
    for factor in (1, 4, 16):
        reply = ask(case, limit=factor * limit)
        if reply.fault is not None or reply.proved or reply.seconds > 0.8 * limit:
            break
    return reply


def _answer(case: Case, market: Any, method: str, limit: float | None) -> tuple:
    """Method, status, why it stopped, what it rests on, value, bound, point, and why its evidence was refused."""
    if case.problem == SOCIAL:
        from ...solvers.sharing.solve import solve_social_state

        state = solve_social_state(market, method, time_limit=limit)
        infeasible = state.status == "infeasible"
        worth = None if infeasible or state.welfare is None else state.welfare
        high = None if infeasible else state.bound
        if worth is not None and state.status == "optimal":
            high = worth.high
        return (
            state.method,
            state.status,
            state.stopped,
            state.exactness,
            worth and worth.low,
            high,
            state.state,
            state.refused,
        )
    from ...solvers.solve import solve

    found = solve(market, case.problem, method, time_limit=limit, allow_suboptimal=True)
    point = found.assignment if found.shares is None else found.shares
    return found.method, found.status, found.stopped, found.exactness, found.value, found.bound, point, found.refused


def _not_falling(error: InputError) -> bool:
    """Whether a sharing market is refused because its utility is not certainly decreasing: that is what a caller should hear."""
    from ...solvers.sharing.assumptions import NotDecreasing

    return isinstance(error, NotDecreasing)


def _where(error: Exception) -> str:
    """The kind of an exception: its type, and the file it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    package = Path(__file__).resolve().parents[2]
    inside = [frame.filename for frame in frames if Path(frame.filename).is_relative_to(package)]
    place = Path(inside[-1]).relative_to(package) if inside else Path("?")
    return f"{type(error).__name__} in {place}"


def _check_point(case: Case, point: Any, value: Fraction | None) -> str | None:
    """Check a point of a procurement market against every constraint, in fractions."""
    market, problem = case.literal, case.problem
    if isinstance(point, Mapping):
        shares = {(int(i), int(j)): Fraction(share) for (i, j), share in point.items() if share}
    else:
        shares = {(i, int(j)): Fraction(1) for i, j in enumerate(point) if j >= 0}
    by_worker, by_cell, by_requester, spent = (defaultdict(Fraction) for _ in range(4))
    for (i, j), share in shares.items():
        if not 0 <= share <= 1 or not 0 <= j < len(market.requesters):
            return "point outside its range"
        by_worker[i] += share
        by_cell[market.groups[i], market.requesters[j]] += share
        by_requester[j] += share
        spent[j] += share * market.costs[i]
    if any(total > 1 for total in by_worker.values()):
        return "point hires a worker twice"
    if any(total > market.caps.get(cell, total) for cell, total in by_cell.items()):
        return "point exceeds a cap"
    if any(market.seats[j] is not None and total > market.seats[j] for j, total in by_requester.items()):  # type: ignore[operator]
        return "point exceeds seats"
    if problem == "opt-sep":
        if any(total > market.budgets[j] for j, total in spent.items()):
            return "point exceeds a budget"
    elif problem != "orp" and sum(spent.values()) > market.budget:
        return "point exceeds the pooled budget"
    worth = _worth(market, problem, shares)
    return None if worth == value else "value is not that of the point"


def _worth(market: LiteralMarket, problem: str, shares: Mapping[tuple[int, int], Fraction]) -> Fraction:
    if problem == "cover":
        return coverage_of(market, [i for i, _ in shares])
    return sum((share * market.scores[i] for (i, _), share in shares.items()), Fraction(0))


def _check_states(case: Case, state: Any, low: Fraction | None) -> str | None:
    """Check a social state; its welfare only where the utility is a ratio, which the literal reading understands."""
    market = case.literal_mots
    if len(state) != len(market.N) or not any(state):
        return "no state of the market"
    if any(not 0 <= k <= n for k, n in zip(state, market.N, strict=True)):
        return "more participants than clients"
    if market.max_error is not None and market.error(tuple(state)) > market.max_error:
        return "state misses the requirement"
    try:
        welfare = market.W(tuple(state))
    except (KeyError, ValueError):
        return None
    return None if low is not None and welfare >= low else "welfare is not that of the state"
