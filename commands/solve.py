"""``fedmech solve``: the provably best assignment."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .console import (
    INFEASIBLE,
    STOPPED,
    DropZeroOption,
    ForceOption,
    JsonOption,
    MarketArgument,
    SummaryOption,
    certificate_document,
    echo,
    exact_pair,
    guarded,
    load_market,
    number,
    print_json,
    progress_reporter,
    say,
    text_width,
    whole_limit,
    write,
)
from .folder import DaskOption, load_folder, passes_on, refuse_cluster, solve_folder_command

if TYPE_CHECKING:
    from ..models.procurement.market import Market
    from ..solvers.control import Control
    from ..solvers.explain.conflict import Conflict
    from ..solvers.explain.prices import LpPrices
    from ..solvers.lexicographic import Cheapest
    from ..solvers.solution import Solution

__all__ = ["solve_command"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """A solution, and what was asked for beside it; `missing` says why there is no certificate."""

    solution: Solution
    prices: LpPrices | None
    conflict: Conflict | None
    at_least: str | None
    certificate: Path | None
    missing: str | None

    def to_document(self, market: Market, *, summary: bool) -> dict[str, Any]:
        """Return all of it, for JSON."""
        document = solution_document(market, self.solution, summary=summary)
        if self.prices is not None:
            document["lp_prices"] = prices_document(self.prices)
        if self.certificate is not None:
            document["certificate"] = certificate_document(self.certificate, self.missing)
        if self.conflict is not None:
            document["conflict"] = dataclasses.asdict(self.conflict) | {"at_least": self.at_least}
        return document

    def write(self, *, summary: bool) -> None:
        """Write all of it, for reading."""
        from ..solvers.solution_page import solution_page

        write(solution_page(self.solution, summary=summary).text(text_width()) + "\n")
        if self.prices is not None:
            write("\n" + self.prices.page().text(text_width()) + "\n")
        if self.conflict is not None:
            how = "exactly" if self.conflict.proved else "by HiGHS"
            echo(f"\nnot possible ({how}): {', '.join(self.conflict.targets)}")
            echo(f"in conflict with: {', '.join(self.conflict.limits) or 'nothing but the workers there are'}")
        if self.missing is not None:
            say(self.missing)

    def leave(self) -> None:
        """Leave with the exit code of anything that was asked for and is not there."""
        if self.conflict is not None:
            raise typer.Exit(INFEASIBLE)
        if self.solution.status != "optimal" or self.missing is not None:
            raise typer.Exit(STOPPED)


@guarded
def solve_command(
    file: MarketArgument = None,
    problem: Annotated[
        str | None,
        typer.Option(help="orp, opt, opt-frac, opt-sep, cover or social-state", show_default="opt, or social-state"),
    ] = None,
    method: Annotated[str, typer.Option(help="a name from 'fedmech methods', or auto")] = "auto",
    time_limit: Annotated[float | None, typer.Option(help="seconds; then the best point and a valid bound")] = None,
    explain: Annotated[
        bool, typer.Option(help="LP prices: which budgets, seats and caps bind, and their worth")
    ] = False,
    at_least: Annotated[
        str | None,
        typer.Option(help="a score to reach (cover: levels of the probes, 3,,1/2); else what conflicts with it"),
    ] = None,
    then: Annotated[
        str | None,
        typer.Option(metavar="cheapest", help="of all best assignments the one that costs least, proved too"),
    ] = None,
    export: Annotated[Path | None, typer.Option(help="write the literal model to an .lp or .mps file")] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            help="write a proof of the optimum, for 'fedmech check'; for other checkers as .vipr, or .opb and .pbp"
        ),
    ] = None,
    proof: Annotated[
        str | None, typer.Option(help="what the certificate is: fedmech, vipr or opb", show_default="by its ending")
    ] = None,
    check: Annotated[bool, typer.Option(help="have the proof checked; without it nothing is called proved")] = True,
    save_failure: Annotated[
        Path | None, typer.Option(help="where to write market and proof if the checker refuses the proof")
    ] = None,
    winners: Annotated[
        Path | None, typer.Option(help="a folder to make: who is hired, for workers in a folder of Parquet files")
    ] = None,
    dask: DaskOption = None,
    force: ForceOption = False,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
    summary: SummaryOption = False,
) -> None:
    """Find the provably best assignment of a market, or the best social state of a *.mots.json."""
    from ..models.files import refuse_overwriting
    from ..models.procurement.market import Market
    from ..solvers.control import Control
    from .mots import social_state

    # What would be refused is refused before an hour of search, not after it.
    kind = _certificate_kind(certificate, proof)
    for target in (export, *_certificate_files(certificate, kind), save_failure):
        if target is not None:
            refuse_overwriting(target, force, [file])
    problem = _problem_of(file, problem)
    # The rows of a folder are streamed where nothing is asked for that needs them all in memory.
    others = explain or drop_zero or any(given is not None for given in (at_least, then, export, save_failure))
    streamed = problem == "opt" and method == "auto" and kind == "fedmech" and not others
    if not streamed:
        _refuse_options_of_folders(winners, dask, None)
    if problem == "social-state":
        _refuse_for_states({"explain": explain, "at-least": at_least, "proof": kind != "fedmech", "then": then})
        social_state(file, method, time_limit, export, certificate, json=json)
        return
    if then is not None:
        _refuse_beside_then(then, explain=explain, at_least=at_least is not None, export=export is not None, kind=kind)
        market = load_market(file, drop_zero)
        _then_cheapest(market, problem, method, time_limit, certificate, check=check, json=json, summary=summary)
        return
    market = load_folder(file) if streamed and file is not None else load_market(file, drop_zero)
    if not isinstance(market, Market):
        with passes_on(dask, market) as folder:
            solve_folder_command(folder, time_limit, certificate, winners, json=json)
        return
    _refuse_options_of_folders(winners, dask, market)
    _before_solving(market, problem, export, priced=explain or at_least is not None)
    # One clock for everything that was asked for: certificate, conflict and prices have what the search leaves of the time.
    control = Control.for_seconds(time_limit)
    from ..solvers.solve import solve

    with whole_limit(time_limit):
        report = progress_reporter()
        solution = solve(
            market, problem, method, time_limit=time_limit, allow_suboptimal=True, check=check, report=report
        )
    if save_failure is not None and solution.refused is not None:
        _save_failure(save_failure, market, solution)
    missing = None if certificate is None else _write_certificate(certificate, kind, market, solution, control)
    conflict = None if at_least is None else _conflict(market, solution, at_least, control)
    prices = _prices(market, problem, control) if explain else None
    answer = Answer(solution, prices, conflict, at_least, certificate, missing)
    if json:
        print_json(answer.to_document(market, summary=summary))
    else:
        answer.write(summary=summary)
    if solution.refused is not None:
        where = "" if save_failure is not None else "; --save-failure FILE writes what is needed for it"
        say(f"a defect of fedmech, please report it{where}: {solution.refused}")
    # After all is written: an exit code says what is missing, and what there is was asked for too.
    answer.leave()


def _problem_of(file: Path | None, problem: str | None) -> str:
    sharing = file is not None and file.name.endswith(".mots.json")
    if problem is None:
        return "social-state" if sharing else "opt"
    if file is not None and sharing and problem != "social-state":
        from ..models.input_error import InputError

        raise InputError(f"{problem!r} is a problem of *.market.json files, not of {file.name}", field="problem")
    return problem


def _refuse_options(options: Iterable[tuple[str, bool, str]]) -> None:
    """Refuse the first option, of name, whether it is given, and why not, that is given."""
    from ..models.input_error import InputError

    for name, given, why in options:
        if given:
            raise InputError(why, field=name)


def _refuse_options_of_folders(winners: Path | None, dask: str | None, market: Market | None) -> None:
    """Refuse what is for markets whose rows are streamed: this one is in memory, or something is asked for that needs it there."""
    from ..models.input_error import InputError

    if winners is not None:
        more = "" if market is not None else ", and for no other option"
        raise InputError(f"is for OPT over a folder of Parquet files{more}", field="winners")
    refuse_cluster(dask, market)


def _refuse_for_states(asked: Mapping[str, Any]) -> None:
    why = "is for problems of *.market.json files, not for social states"
    _refuse_options((name, bool(given), why) for name, given in asked.items())


def _refuse_beside_then(then: str, *, explain: bool, at_least: bool, export: bool, kind: str) -> None:
    _refuse_options(
        [
            ("then", then != "cheapest", f"the second objective is cheapest, not {then!r}"),
            ("explain", explain, "LP prices are of the greatest score alone; leave --then out for them"),
            ("at-least", at_least, "asks for a score alone; leave --then out for it"),
            ("export", export, "the literal model has the greatest score alone; leave --then out for it"),
            ("proof", kind != "fedmech", f"{kind} files have one objective; --proof fedmech writes a proof of both"),
        ]
    )


def _before_solving(market: Market, problem: str, export: Path | None, *, priced: bool) -> None:
    """Refuse a problem without LP prices where they are asked for, and write the literal model."""
    if priced:
        from ..solvers.explain.prices import check_priced

        check_priced(problem)
    if export is None:
        return
    from ..models.procurement.formulations import export_model
    from ..solvers.registry import check_problem

    check_problem(problem)
    inexact = export_model(market, problem, export)
    if inexact:
        say(f"{export}: {inexact:,} numbers are no floats and were rounded; 'fedmech convert' rounds nothing")


def _prices(market: Market, problem: str, control: Control) -> LpPrices | None:
    from ..solvers.control import Stopped
    from ..solvers.explain.prices import lp_prices

    try:
        return lp_prices(market, problem, control)
    except Stopped:
        say("no LP prices: the time limit came first")
        return None


def _then_cheapest(
    market: Market,
    problem: str,
    method: str,
    time_limit: float | None,
    certificate: Path | None,
    *,
    check: bool,
    json: bool,
    summary: bool,
) -> None:
    """Solve for the greatest score and then for the least cost, each with half of the time."""
    from ..solvers.control import Control
    from ..solvers.lexicographic import solve_cheapest

    control = Control.for_seconds(time_limit)
    half = None if time_limit is None else time_limit / 2
    with whole_limit(time_limit):
        found = solve_cheapest(market, problem, method, time_limit=half, check=check, report=progress_reporter())
    missing = None if certificate is None else _write_cheapest(certificate, found, control)
    if json:
        document = solution_document(market, found.solution, summary=summary)
        document["then"] = {
            "objective": "cheapest",
            **exact_pair("cost", found.cost),
            **exact_pair("least", found.least),
            "proved": found.proved,
            "status": found.second.status,
            "exactness": found.second.exactness,
            "method": found.second.method,
        }
        if certificate is not None:
            document["certificate"] = certificate_document(certificate, missing)
        print_json(document)
    else:
        page = found.page()
        write((dataclasses.replace(page, tables=()) if summary else page).text(text_width()) + "\n")
    if missing is not None and not json:
        say(missing)
    if not found.complete or missing is not None:
        raise typer.Exit(STOPPED)


def _write_cheapest(path: Path, found: Cheapest, control: Control) -> str | None:
    """Write the proofs of a greatest score and of its least cost as one certificate, or return why there is none."""
    from ..solvers.lexicographic import certify_cheapest

    if not found.complete:
        return "no certificate: score and cost are not both proved"
    return _write_own(path, lambda: certify_cheapest(found, control.remaining()))


def _certificate_kind(certificate: Path | None, proof: str | None) -> Literal["fedmech", "vipr", "opb"]:
    """Return what a certificate is to be: as asked for, or as its ending says."""
    from ..models.input_error import InputError
    from ..solvers.interchange.write import ENDINGS

    if proof is not None and certificate is None:
        raise InputError("says what --certificate FILE is to be, and there is none", field="proof")
    if proof is None:
        return ENDINGS.get(certificate.suffix, "fedmech") if certificate is not None else "fedmech"
    if proof not in ("fedmech", "vipr", "opb"):
        raise InputError(f"must be fedmech, vipr or opb, not {proof!r}", field="proof")
    return proof


def _certificate_files(certificate: Path | None, kind: Literal["fedmech", "vipr", "opb"]) -> list[Path]:
    from ..solvers.interchange.write import files_of

    if certificate is None:
        return []
    return [certificate] if kind == "fedmech" else files_of(certificate, kind)


def _write_certificate(
    path: Path, kind: Literal["fedmech", "vipr", "opb"], market: Market, solution: Solution, control: Control
) -> str | None:
    """Write a certificate that an independent checker accepts, or return why there is none."""
    from ..solvers.certify.tree import certify

    if solution.status != "optimal":
        return "no certificate: the optimum is not proved"
    if kind != "fedmech":
        from ..solvers.control import Stopped
        from ..solvers.interchange.branching import NoDerivationError
        from ..solvers.interchange.write import write_proof

        try:
            write_proof(solution, path, kind, time_limit=control.remaining())
        except (NoDerivationError, Stopped) as error:
            why = "time is up" if isinstance(error, Stopped) else error
            return f"no {kind} certificate: {why}; --proof fedmech writes our own"
        return None
    return _write_own(path, lambda: certify(market, solution, control.remaining()))


def _write_own(path: Path, certificate: Callable[[], dict[str, Any]]) -> str | None:
    """Write a certificate of our own, or return why none was found."""
    import json

    from ..models.files import write_whole
    from ..solvers.certify.tree import NoCertificateError

    try:
        document = certificate()
    except NoCertificateError as error:
        return str(error)
    write_whole(path, json.dumps(document, separators=(",", ":")) + "\n")
    return None


def _save_failure(path: Path, market: Market, solution: Solution) -> None:
    """Write the market and the proof that was refused into one file, for a report."""
    import json

    from ..models.files import write_whole
    from ..models.procurement.file import market_text
    from ..solvers.proofs.proof import proof_document

    failure = None if solution.failure is None else proof_document(solution.failure)
    document = {
        "problem": solution.problem,
        "method": solution.method,
        "refused": solution.refused,
        "proof": failure,
    }
    # The market's own text: its numbers stay as exact as they were read.
    write_whole(path, f'{json.dumps(document)[:-1]}, "market": {market_text(market).strip()}}}\n')


def _conflict(market: Market, solution: Solution, at_least: str, control: Control) -> Conflict | None:
    """Say what rules out a score, or levels of coverage; None if they are reached or may still be."""
    from ..models.exact import parse_number
    from ..solvers.control import Stopped
    from ..solvers.coverage.targets import reach_levels
    from ..solvers.explain.conflict import Conflict, find_conflict

    if solution.problem == "cover":
        levels = [parse_number(level) if level.strip() else None for level in at_least.split(",")]
        reached = reach_levels(market, levels, control.remaining())
        if (
            reached.status != "optimal"
            or reached.gap
            or reached.objective == sum(level is not None for level in levels)
        ):
            return None
        wanted: dict[str, Any] = {"coverage_targets": levels}
        targets, proved = f"coverage of at least {at_least}", reached.exactness == "checked"
    else:
        score = parse_number(at_least)
        if solution.bound is None or solution.bound >= score:
            return None
        wanted = {"min_score": score, "problem": solution.problem}
        targets, proved = f"score of at least {at_least}", solution.exactness == "checked"
    try:
        conflict = find_conflict(market, **wanted, control=control)
    except Stopped:
        return Conflict((targets,), ("time was up before the limits that rule it out were found",), 0.0, proved)
    # Where the relaxation reaches it, only the proof that workers cannot be split rules it out.
    return conflict or Conflict((targets,), ("workers are hired whole",), 0.0, proved)


def prices_document(prices: LpPrices) -> dict[str, Any]:
    """Return the JSON form of LP prices."""
    from ..models.exact import format_exact

    more = prices.one_more_unit_of_budget
    return {
        "of": "the linear relaxation",
        "value": prices.value,
        "value_exact": None if prices.exact_value is None else format_exact(prices.exact_value),
        **exact_pair("one_more_unit_of_budget", more),
        "limits": [dataclasses.asdict(limit) | {"binding": limit.binding} for limit in prices.limits],
    }


def solution_document(market: Market, solution: Solution, *, summary: bool = False) -> dict[str, Any]:
    """Return the JSON answer of ``fedmech solve``."""
    document: dict[str, Any] = {
        "problem": solution.problem,
        "status": solution.status,
        "stopped": solution.stopped,
        "exactness": solution.exactness,
        **exact_pair("objective", solution.objective),
        **exact_pair("bound", solution.bound),
        "gap": number(solution.gap),
        "method": solution.method,
        "seconds": solution.seconds,
        "search_seconds": solution.search_seconds,
        "check_seconds": solution.check_seconds,
        "proof": None if solution.proof is None else solution.proof.kind,
        "refused": solution.refused,
    }
    if summary:
        return document
    if solution.shares is not None:
        document["assignment"] = [
            {
                "worker": market.worker_ids[i],
                "requester": market.requester_ids[j],
                **exact_pair("share", share),
            }
            for (i, j), share in sorted(solution.shares.items())
        ]
    elif solution.assignment is not None:
        document["assignment"] = [
            {"worker": market.worker_ids[i], "requester": market.requester_ids[int(j)]}
            for i, j in enumerate(solution.assignment.tolist())
            if j >= 0
        ]
    return document
