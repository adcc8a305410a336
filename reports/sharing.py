"""The report of a sharing market: its best state and the proof, the states worth having, SWAN and what it is compared with."""

from __future__ import annotations

from ..fl.comparison.colours import PALETTE
from ..fl.sharing.comparators import dynamic, fl_only, modified_fl, rivals_table
from ..fl.sharing.swan import NoTarget, Swan, swan
from ..models.display import Table, show
from ..models.input_error import InputError
from ..models.sharing.market import MotsMarket
from ..models.sharing.market_text import state_text
from ..solvers.control import Control, Stopped, TimeUp
from ..solvers.sharing.answer import SocialAnswer
from ..solvers.sharing.requirement import error_range
from ..solvers.sharing.solve import solve_social_state
from ..solvers.sharing.tradeoff import walk_frontier
from ..verification.judge.sharing import judge_sharing
from .document import RESTS_ON, Report, Section, facts, page_markup, prose, table
from .svg import Dots, chart

__all__ = ["answer_sections", "sharing_report"]

MOST_STATES = 60
FRONTIER_SECONDS = 20.0
"""What the frontier may take where there is no limit; so many of its points, from the greatest welfare on, are shown."""


def sharing_report(market: MotsMarket, *, title: str = "", time_limit: float | None = None) -> Report:
    """Report on a sharing market.

    Parameters
    ----------
    market : MotsMarket
    title : str
    time_limit : float, optional
        Seconds for everything.
    """
    control = Control.for_seconds(time_limit)
    answer = solve_social_state(market, time_limit=time_limit)
    sections = [Section("The market", page_markup(market.page())), *answer_sections(answer)]
    complete = answer.status in ("optimal", "infeasible")
    parts = (
        ("States worth having: welfare against error", _states),
        ("SWAN, and what it is compared with", _mechanism),
        ("What the ledger says of this market", _judged),
    )
    for name, part in parts:
        try:
            control.check()
            sections.append(Section(name, part(market, control)))
        except (Stopped, TimeUp, NoTarget) as stop:
            in_time = isinstance(stop, NoTarget) and stop.infeasible
            complete = complete and in_time
            sections.append(Section(name, [prose(str(stop) if in_time else "The time limit came before this.")]))
    return Report(title or "A model trading and sharing market", sections, complete, complete and answer.proved)


def answer_sections(answer: SocialAnswer) -> list[Section]:
    """Return a best state and on what it rests."""
    parts = [*page_markup(answer.page()), prose(RESTS_ON[answer.exactness])]
    if answer.proof is not None:
        parts.append(facts([("proof", f"of kind {answer.proof.kind}")]))
    return [Section("The best state and its proof", parts)]


def _states(market: MotsMarket, control: Control) -> list[str]:
    remaining = control.remaining()
    limit = FRONTIER_SECONDS if remaining is None else min(FRONTIER_SECONDS, remaining)
    found = list(walk_frontier(market, most=MOST_STATES, time_limit=limit))
    reach = error_range(market)
    says = [f"Errors of all states lie between {show(reach.least)} and {show(reach.greatest)}."]
    rows, points = [], []
    for answer in found:
        if answer.state is None or answer.welfare is None or answer.error is None:
            continue
        rows.append([show(answer.error), show(answer.welfare.middle), state_text(market, answer.state)])
        points.append((answer.error, answer.welfare.middle))
    if not rows:
        return [prose(*says, "No state meets the requirement.")]
    whole = found[-1].error == reach.least
    says.append(
        f"{len(rows):,} of them are not beaten in both by another"
        + ("." if whole else ", and more of less error that are not shown.")
    )
    title = "States of greatest welfare for their error"
    drawn = Table(["error", "welfare", "who takes part"], rows, (0, 1), title)
    series = [
        Dots("best state", PALETTE[2], points[:1]),
        Dots("others", PALETTE[0], points[1:], joined=True),
    ]
    words = f"from welfare {show(points[0][1])} at error {show(points[0][0])} to {show(points[-1][1])} at {show(points[-1][0])}"
    return [
        prose(*says),
        chart(title, words, [one for one in series if one.points], ("error", "welfare"), f"{title}."),
        table(drawn),
    ]


def _mechanism(market: MotsMarket, control: Control) -> list[str]:
    mechanism: Swan = swan(market, control=control)
    rivals = []
    for rival in (dynamic, modified_fl):
        control.check()
        rivals.append(rival(market))
    rivals.append(fl_only(market, time_limit=control.remaining()))
    return [*page_markup(mechanism.page()), table(rivals_table(mechanism, rivals))]


def _judged(market: MotsMarket, control: Control) -> list[str]:
    try:
        return page_markup(judge_sharing(market, time_limit=control.remaining()).page())
    except InputError as error:
        return [prose(f"Its claims do not speak of this market: {error}.")]
