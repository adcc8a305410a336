"""``fedmech judge``: which of the ledger's claims apply to a market, what they guarantee, and what is attained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .compare import (
    LimitOption,
    MechanismOptionsOption,
    MechanismsOption,
    SeedOption,
    options_by_mechanism,
)
from .console import (
    CHECK_FAILED,
    INFEASIBLE,
    STOPPED,
    DropZeroOption,
    JsonOption,
    exact_pair,
    guarded,
    import_from_here,
    load_market,
    print_json,
    progress_reporter,
    say,
    show,
    text_width,
    whole_limit,
    write,
)
from .run import parse_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models.procurement.market import Market
    from ..models.sharing.market import MotsMarket
    from ..solvers.solution import Solution
    from ..verification.judge.ruling import Premise, Ruling

__all__ = ["judge_command"]


@guarded
def judge_command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="a market of either kind; the shipped measured market if left out"),
    ] = None,
    mechanism: MechanismsOption = None,
    option: MechanismOptionsOption = None,
    seed: SeedOption = None,
    time_limit: LimitOption = None,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE=COUNT,...", help="sharing markets: regions at this state too; others have nobody"),
    ] = None,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
) -> None:
    """Hold a market to the ledger: assumptions tested exactly, guarantees beside what is attained.

    Procurement: each mechanism that can run is held to every guarantee known for it, against the exact optimum. Sharing: types, regions,
    conditions, and whether greatest welfare and least error coincide. Exit code 1 if a conclusion fails although its assumptions
    hold: then the ledger is wrong.
    """
    from ..models.input_error import InputError
    from ..models.procurement.market import Market

    market = _load(file, drop_zero)
    if isinstance(market, Market):
        if state:
            raise InputError("a procurement market has no states", field="state")
        _procurement(market, mechanism, option, seed, time_limit, json=json)
        return
    if mechanism or option or seed is not None:
        raise InputError("mechanisms, their options and seeds are of procurement markets", field="mechanism")
    _sharing(market, state, time_limit, json=json)


def _load(path: Path | None, drop_zero: bool) -> Any:
    """Read a market of either kind; only a procurement market has workers whose score can be 0."""
    from ..front import read

    return load_market(path, drop_zero) if path is None or drop_zero else read(path)


def _procurement(
    market: Market,
    mechanism: list[str] | None,
    option: list[str] | None,
    seed: int | None,
    time_limit: float | None,
    *,
    json: bool,
) -> None:
    from ..fl.comparison.compare import SEPARATE_SECONDS
    from ..fl.mechanisms.interface import as_mechanism, mechanisms
    from ..solvers.control import Control
    from ..verification.judge.procurement import judge_procurement

    for name in mechanism or ():
        import_from_here(name)
    chosen = mechanisms("procurement") if mechanism is None else [as_mechanism(name) for name in mechanism]
    given = options_by_mechanism(parse_options(option), chosen)
    with whole_limit(time_limit):
        judged = judge_procurement(
            market,
            chosen,
            options=given,
            seed=seed,
            separate_seconds=SEPARATE_SECONDS,
            control=Control.for_seconds(time_limit, progress_reporter()),
        )
    if json:
        document = {"market": "procurement", "at_bids": judged.at_bids, **rulings_document(judged.rulings)}
        document["complete"] = judged.complete
        document["optima"] = {name: _optimum(solution) for name, solution in judged.optima.items()}
        document["mechanisms"] = [{"name": name, **exact_pair("score", score)} for name, score in judged.scores.items()]
        document["refused"] = dict(judged.refused)
        print_json(document)
    else:
        write(judged.page().text(text_width()) + "\n")
    _leave(judged.contradictions, complete=judged.complete)


def _sharing(market: MotsMarket, given: list[str] | None, time_limit: float | None, *, json: bool) -> None:
    from ..solvers.control import Control
    from ..verification.judge.sharing import judge_sharing
    from .judge_sharing import read_state, sharing_document

    state = read_state(market, given) if given else None
    with whole_limit(time_limit):
        judged = judge_sharing(market, state=state, control=Control.for_seconds(time_limit, progress_reporter()))
    if json:
        print_json(sharing_document(judged) | rulings_document(judged.rulings))
    else:
        write(judged.page().text(text_width()) + "\n")
    if judged.infeasible:
        say(f"error: no state meets max_error {show(market.max_error)}")
    _leave(judged.contradictions, complete=judged.complete, infeasible=judged.infeasible)


def _optimum(solution: Solution) -> dict[str, Any]:
    return {
        "status": solution.status,
        "stopped": solution.stopped,
        "exactness": solution.exactness,
        "method": solution.method,
        **exact_pair("objective", solution.value),
        **exact_pair("bound", solution.bound),
    }


# What both markets share ----------------------------------------------------------------------------------------------


def rulings_document(rulings: Sequence[Ruling]) -> dict[str, Any]:
    """Return rulings for JSON, by whether their claims apply."""
    return {
        "applies": [_ruling(ruling) for ruling in rulings if ruling.applies],
        "does_not_apply": [_ruling(ruling) for ruling in rulings if ruling.applies is False],
        "undecided": [_ruling(ruling) for ruling in rulings if ruling.applies is None],
        "contradicted": sorted({ruling.claim for ruling in rulings if ruling.contradicted}),
    }


def _ruling(ruling: Ruling) -> dict[str, Any]:
    attained = ruling.attained
    known = attained.low if attained is not None and attained.exact else None
    return {
        "claim": ruling.claim,
        "subject": ruling.subject,
        "measure": ruling.measure,
        "assumptions": [_premise(premise) for premise in ruling.premises],
        **exact_pair("guarantee", ruling.guarantee),
        **exact_pair("attained", known),
        "attained_between": None
        if attained is None or attained.exact
        else {**exact_pair("low", attained.low), **exact_pair("high", attained.high)},
        **exact_pair("slack", ruling.slack),
        "holds": ruling.holds,
        "made_by": dict(ruling.made_by),
        "note": ruling.note,
    }


def _premise(premise: Premise) -> dict[str, Any]:
    return {"says": premise.says, "holds": premise.holds, "by": premise.by, "shows": premise.shows}


def _leave(contradicted: Sequence[Ruling], *, complete: bool, infeasible: bool = False) -> None:
    """End with the exit code: a contradiction outweighs what cannot be met, and that what is not decided."""
    from ..verification.judge.ruling import PAYMENTS

    for ruling in contradicted:
        if ruling.claim in PAYMENTS:
            say(f"{ruling.subject} promises {ruling.claim} and breaks it here: {ruling.measure} is more than 1")
            continue
        say(
            f"the ledger is wrong: {ruling.claim} does not hold of {ruling.subject} here although its assumptions do; "
            "please report it with the market"
        )
    if contradicted:
        raise typer.Exit(CHECK_FAILED)
    if infeasible:
        raise typer.Exit(INFEASIBLE)
    if not complete:
        raise typer.Exit(STOPPED)
