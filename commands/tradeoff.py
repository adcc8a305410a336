"""``fedmech tradeoff``: which errors can be required, what each costs in welfare, and how the best state moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    STOPPED,
    JsonOption,
    MotsArgument,
    echo,
    guarded,
    number,
    print_json,
    say,
    show,
    table,
    whole_limit,
)
from .mots import load_mots

if TYPE_CHECKING:
    from fractions import Fraction

    from ..models.sharing.market import MotsMarket
    from ..solvers.sharing.answer import SocialAnswer
    from ..solvers.sharing.requirement import ErrorRange

    Answers = list[tuple[Fraction | None, SocialAnswer]]

__all__ = ["tradeoff_command"]


@guarded
def tradeoff_command(
    file: MotsArgument = None,
    most: Annotated[int, typer.Option(min=1, help="points of the frontier at most, from the greatest welfare on")] = 50,
    vary: Annotated[str | None, typer.Option(help="instead: cost (a factor), client-variance or max-error")] = None,
    values: Annotated[str, typer.Option(help="with --vary: the values, separated by commas")] = "",
    time_limit: Annotated[float | None, typer.Option(help="seconds for everything")] = None,
    json: JsonOption = False,
) -> None:
    """List the Pareto frontier of welfare and error, or the best state at several values of a parameter."""
    from ..models.input_error import InputError
    from ..solvers.control import TimeUp
    from ..solvers.sharing.requirement import error_range
    from ..solvers.sharing.tradeoff import PARAMETERS, sensitivity, walk_frontier

    market = load_mots(file)
    reach = error_range(market)
    answers: Answers = []
    if vary is not None and vary not in PARAMETERS:
        raise InputError(f"unknown parameter {vary!r}; one of {', '.join(PARAMETERS)}")
    wanted = [value for value in values.split(",") if value.strip()]
    if vary is not None and not wanted:
        raise InputError("--vary needs --values")
    try:
        with whole_limit(time_limit):
            if vary is None:
                # One by one: points found before the time is up are the answer.
                for answer in walk_frontier(market, most=most, time_limit=time_limit):
                    answers.append((None, answer))
            else:
                for reaction in sensitivity(market, vary, wanted, time_limit=time_limit):
                    answers.append((reaction.value, reaction.answer))
    except TimeUp:
        say("the time limit came before all points were found")
    if json:
        points = [{"value": number(value), **answer.to_dict()} for value, answer in answers]
        print_json({"least_error": number(reach.least), "greatest_error": number(reach.greatest), "points": points})
    else:
        _print(vary, reach, answers)
    if not (_whole_frontier(market, reach, answers, most) if vary is None else len(answers) == len(wanted)) or any(
        answer.stopped != "proved" for _, answer in answers
    ):
        raise typer.Exit(STOPPED)


def _whole_frontier(market: MotsMarket, reach: ErrorRange, answers: Answers, most: int) -> bool:
    """Whether the walk went as far as it was to go: down to the least error, or nowhere if the market requires less."""
    unreachable = market.max_error is not None and market.max_error < reach.least
    return unreachable or len(answers) >= most or (bool(answers) and answers[-1][1].error == reach.least)


def _print(vary: str | None, reach: ErrorRange, answers: Answers) -> None:
    from ..models.sharing.market_text import state_text

    echo(f"errors of all states: {show(reach.least)} to {show(reach.greatest)}")
    rows: list[list[Any]] = []
    for value, answer in answers:
        named = "" if answer.state is None else state_text(answer.market, answer.state)
        welfare = "-" if answer.welfare is None or answer.status == "infeasible" else show(answer.welfare.middle)
        rows.append(["" if value is None else show(value), show(answer.error), welfare, answer.status, named])
    table(None, [vary or "", "error", "welfare", "", "participants"], rows, (0, 1, 2))
