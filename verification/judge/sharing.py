"""What the ledger says of one sharing market: heterogeneity, regions, thresholds, conditions, alignment, and the claims that apply to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from ...fl.sharing.equilibria import Equilibria
from ...fl.sharing.joining import Join, joins_of_clients, joins_of_types
from ...fl.sharing.swan import Swan
from ...models.display import Page
from ...models.input_error import InputError
from ...models.sharing.expression import OutsideDomain
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.measured_market import MeasuredMarket
from ...models.sharing.utility import Conditions, conditions
from ...solvers.control import Control, Stopped
from ...solvers.sharing.answer import SocialAnswer
from ...solvers.sharing.assumptions import NotDecreasing
from ...solvers.sharing.requirement import relevant_errors
from ...solvers.sharing.worth import compare, worth
from .alignment import Alignment, CostChange, align, changes, least_error_answer, requirement_limit
from .best_state import BestState
from .buyers import buyers_rulings
from .pages import MarketJudgement
from .ruling import Ruling, undecided
from .views import TypeView, high_stationary, regions_hold, view

__all__ = ["Condition", "SharingJudgement", "judge_sharing"]

MOST_JOINS = 50_000
"""Joins that are looked at before a condition is left undecided."""


@dataclass(frozen=True)
class Condition:
    """(16) or (17): wherever a join lowers the error, it is worth its cost.

    Attributes
    ----------
    holds : bool or None
        None where the joins are too many, or one could not be decided.
    joins : int
        How many were looked at.
    fails_at : tuple of State, State, int or None
        The coalition before, the one after, and the type that joins, where it fails.
    """

    holds: bool | None
    joins: int
    fails_at: Join | None = None


@dataclass(frozen=True)
class SharingJudgement(MarketJudgement):
    """What the ledger says of a market.

    Attributes
    ----------
    market : MotsMarket
    free, required : Alignment or None
        Without the requirement and with it; `required` is None if there is none, `free` if the market is no market without it.
    conditions : mapping of str to Condition
        ``16`` and ``17``.
    assumptions : Conditions or None
        Of the utility, on the errors of states that matter.
    views : sequence of TypeView
        Types from the best state.
    given : sequence of TypeView or None
        From the state that was asked for.
    rulings : sequence of Ruling
    whole_low, high_stationary : bool or None
        Proposition 1 at the best state: low types all-or-none; high ones none, all, or where the welfare is stationary.
    mechanism : Swan or None
        SWAN, if it could be set up.
    equilibria : Equilibria or None
    requirement_limit : Fraction or None
        Requirements below it align welfare and error, others do not; None if they are aligned, or it was not found.
    cost_changes : sequence of CostChange
    stopped : bool
        Whether time ran out.
    """

    market: MotsMarket
    free: Alignment | None
    required: Alignment | None
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    assumptions: Conditions | None = None
    views: Sequence[TypeView] = ()
    given: Sequence[TypeView] | None = None
    rulings: Sequence[Ruling] = ()
    whole_low: bool | None = None
    high_stationary: bool | None = None
    mechanism: Swan | None = None
    equilibria: Equilibria | None = None
    requirement_limit: Fraction | None = None
    cost_changes: Sequence[CostChange] = ()
    stopped: bool = False

    @property
    def present(self) -> Alignment:
        """The alignment of the market as it stands."""
        found = self.required or self.free
        assert found is not None
        return found

    @property
    def best(self) -> SocialAnswer:
        """The best state of the market as it stands; of least error, if none meets its requirement."""
        return self.present.best

    @property
    def infeasible(self) -> bool:
        """Whether no state meets the requirement."""
        return self.best.status == "infeasible"

    @property
    def aligned(self) -> bool | None:
        """Whether, among states with a participant, some state of greatest welfare has the least error."""
        return None if self.free is None else self.free.aligned

    @property
    def complete(self) -> bool:
        """Whether everything was decided."""
        alignments = [found.aligned for found in (self.free, self.required) if found is not None]
        held = [condition.holds for condition in self.conditions.values()]
        return not (self.stopped or undecided(self.rulings) or None in alignments or None in held)

    def page(self) -> Page:
        """Return what is said of the market on one page."""
        from .sharing_page import sharing_page

        return sharing_page(self)


def judge_sharing(
    market: MotsMarket,
    *,
    state: Iterable[int] | None = None,
    time_limit: float | None = None,
    control: Control | None = None,
) -> SharingJudgement:
    """Hold a sharing market to the claims about it.

    Parameters
    ----------
    market : MotsMarket
    state : iterable of int, optional
        Participants of each type, for regions at a state other than the best one.
    time_limit : float, optional
        Seconds for everything.
    control : Control, optional
        The clock, where the caller has one.

    Raises
    ------
    InputError
        If the utility does not certainly fall with the error, errors are measured, or the state is none with a participant.
    """
    if isinstance(market, MeasuredMarket):
        raise InputError("the claims are about eq. (3); this market's errors are measured", field="market")
    control = control or Control.for_seconds(time_limit)
    asked = None if state is None else _checked_state(market, state)
    control.progress("the best states")
    judged = SharingJudgement(market, *_alignments(market, control))
    try:
        judged = _as_seen(judged, asked)
        judged = _conditions(judged, control)
    except KeyboardInterrupt:
        return replace(judged, stopped=True)
    if judged.infeasible:
        return judged
    return _at_the_optimum(judged, control) if judged.best.status == "optimal" else replace(judged, stopped=True)


def _as_seen(judged: SharingJudgement, asked: State | None) -> SharingJudgement:
    """Add what types look like from the best state, and from the one asked for."""
    market, state = judged.market, judged.best.state
    assert state is not None
    views = view(market, state)
    judged = replace(
        judged,
        views=views,
        given=None if asked is None else view(market, asked),
        rulings=list(regions_hold(market, state, views)),
    )
    if judged.infeasible:
        return judged
    return replace(
        judged,
        whole_low=all(each.pattern in ("none", "all") for each in views if each.low),
        high_stationary=high_stationary(market, state, views),
    )


def _conditions(judged: SharingJudgement, control: Control) -> SharingJudgement:
    """Add (16), (17), and what the paper assumes of the utility."""
    market = judged.market
    control.progress("conditions (16) and (17)")
    by_types = (join for join in joins_of_types(market.counts) if market.is_low(join[2]))
    return replace(
        judged,
        conditions={
            "16": _worth_while(market, by_types, control),
            "17": _worth_while(market, joins_of_clients(market.counts), control),
        },
        assumptions=conditions(market.utility, *relevant_errors(market), market.client_variance),
    )


def _at_the_optimum(judged: SharingJudgement, control: Control) -> SharingJudgement:
    """Add what is said of a best state that is proved; at the end of the time, what there is."""
    state = BestState(judged.market, judged.best, control)
    rulings, moved, limit, stopped = [*judged.rulings], [], None, False
    try:
        assert judged.assumptions is not None
        rulings += [state.everybody(), state.whole(judged.assumptions), state.alone()]
        rulings += buyers_rulings(judged.market, state.state)
        control.progress("the mechanism")
        rulings.append(state.dominates())
        rulings.extend(state.payments())
        if judged.present.aligned is False:
            control.progress("what would have to change")
            limit = requirement_limit(judged.market, judged.present, control)
            moved.extend(changes(judged.market, judged.present, control))
    except (Stopped, KeyboardInterrupt):
        stopped = True
    return replace(
        judged,
        rulings=rulings,
        mechanism=state.mechanism,
        equilibria=state.equilibria,
        requirement_limit=limit,
        cost_changes=moved,
        stopped=stopped,
    )


def _alignments(market: MotsMarket, control: Control) -> tuple[Alignment | None, Alignment | None]:
    """Without the requirement, and with it if there is one."""
    least = least_error_answer(market, control)
    required = None if market.max_error is None else align(market, control, least)
    try:
        return align(market.with_max_error(None), control, least), required
    except NotDecreasing:
        # Only on errors beyond the requirement is the utility no utility.
        if required is None:
            raise
        return None, required


def _worth_while(market: MotsMarket, joins: Iterable[Join], control: Control) -> Condition:
    """Look at joins that lower the error until one is not worth its cost."""
    open_, looked_at = False, 0
    for before, after, index in joins:
        if looked_at == MOST_JOINS or control.expired():
            return Condition(None, looked_at)
        looked_at += 1
        if market.error(after) >= market.error(before):
            continue
        try:
            order = compare(market, worth(market, after), worth(market, before))
        except OutsideDomain:
            open_ = True
            continue
        if order < 0:
            return Condition(False, looked_at, (before, after, index))
        # Intervals that never part: the join may gain just what it costs, or a little less.
        open_ = open_ or (order == 0 and not market.utility.rational)
    return Condition(None if open_ else True, looked_at)


def _checked_state(market: MotsMarket, state: Iterable[int]) -> State:
    try:
        checked = market.check_state(state)
    except ValueError as error:
        raise InputError(str(error), field="state") from None
    if not any(checked):
        raise InputError("without participants there is no coalition to join", field="state")
    return checked
