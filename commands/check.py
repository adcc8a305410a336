"""``fedmech check``: verify a certificate, of an assignment or a social state, or an outcome of DriftPay-CO, with the independent checkers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    CHECK_FAILED,
    JsonOption,
    echo,
    exact_pair,
    guarded,
    load_market,
    print_json,
    show,
    table,
)
from .folder import (
    DaskOption,
    check_folder_command,
    check_folder_outcome_command,
    load_folder,
    passes_on,
    refuse_cluster,
)
from .mots import load_mots

if TYPE_CHECKING:
    from ..models.procurement.market import Market
    from ..models.sharing.market import MotsMarket
    from ..solvers.proofs.cheapest import CheckedCheapest
    from ..solvers.proofs.document import Checked
    from ..solvers.proofs.outcome import CheckedOutcome
    from ..solvers.proofs.social_document import CheckedState

__all__ = ["check_command"]


@guarded
def check_command(
    certificate: Annotated[
        Path, typer.Argument(help="written by 'fedmech solve --certificate', or by 'fedmech run --json' (driftpay-co)")
    ],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="the market; the shipped one if left out")] = None,
    dask: DaskOption = None,
    json: JsonOption = False,
) -> None:
    """Check that a certificate proves its assignment or state optimal, or that an outcome is DriftPay-CO's; exit code 1 if not."""
    from time import perf_counter

    from ..models.input_error import InputError
    from ..models.procurement.folder import Folder
    from ..solvers.proofs.cheapest import FORMAT as CHEAPEST
    from ..solvers.proofs.cheapest import check_cheapest_document
    from ..solvers.proofs.document import check_document, read_document
    from ..solvers.proofs.folder_document import FORMAT
    from ..solvers.proofs.folder_outcome import FORMAT as OUTCOME
    from ..solvers.proofs.outcome import check_outcome
    from ..solvers.proofs.proof import ProofError
    from ..solvers.proofs.social_document import check_state_document

    document = read_document(certificate)
    if not isinstance(document, dict) or not {"format", "mechanism"} & set(document):
        what = "neither a certificate, which says its format, nor an outcome, which says its mechanism"
        raise InputError(what, file=str(certificate))
    # A file that is named says which market it is; else the certificate does, and the shipped one of that sort is meant.
    about_states = document.get("problem") == "social-state"
    mots = load_mots(file) if (about_states if file is None else file.name.endswith(".mots.json")) else None
    # Only certificates about rows are checked by streaming; for others a folder is read into memory like any market.
    about_rows = document.get("format") in (FORMAT, OUTCOME)
    market = None
    if mots is None:
        market = load_folder(file) if about_rows and file is not None else load_market(file)
    if not isinstance(market, Folder):
        refuse_cluster(dask, market)
    started = perf_counter()
    try:
        if isinstance(market, Folder):
            with passes_on(dask, market) as folder:
                if document.get("format") == OUTCOME:
                    answer, rows = check_folder_outcome_command(document, folder.on_bids())
                else:
                    answer, rows = check_folder_command(document, folder)
        elif market is None:
            assert mots is not None
            answer, rows = _state_answer(mots, check_state_document(document, mots))
        elif "mechanism" in document:
            answer, rows = _outcome_answer(market, check_outcome(document, market))
        elif document.get("format") == CHEAPEST:
            answer, rows = _cheapest_answer(market, check_cheapest_document(document, market))
        else:
            answer, rows = _proof_answer(market, check_document(document, market))
    except ProofError as error:
        if json:
            print_json({"valid": False, "reason": str(error), "seconds": perf_counter() - started})
        else:
            echo(f"not a proof: {error}")
        raise typer.Exit(CHECK_FAILED) from None
    seconds = perf_counter() - started
    if json:
        print_json({"valid": True, **answer, "seconds": seconds})
        return
    table(None, ["", ""], [*rows, ["seconds", f"{seconds:.3f}"]])


def _proof_answer(market: Market, found: Checked) -> tuple[dict[str, Any], list[list[str]]]:
    """What an accepted certificate proves, for JSON and for reading."""
    what = "the assignment is optimal" if found.optimal else "no assignment is worth more than the bound"
    rows = [
        ["certificate", f"valid: {what}"],
        ["problem", f"{found.problem} ({market.n:,} workers)"],
        ["objective", show(found.value)],
        ["bound", show(found.bound)],
        ["kind of proof", found.kind],
    ]
    answer = {
        "problem": found.problem,
        "kind": found.kind,
        "optimal": found.optimal,
        **exact_pair("objective", found.value),
        **exact_pair("bound", found.bound),
    }
    return answer, rows


def _cheapest_answer(market: Market, found: CheckedCheapest) -> tuple[dict[str, Any], list[list[str]]]:
    """What an accepted certificate of a cheapest optimum proves, for JSON and for reading."""
    rows = [
        ["certificate", "valid: the assignment is optimal, and none of its score costs less"],
        ["problem", f"{found.problem} ({market.n:,} workers)"],
        ["objective", show(found.score)],
        ["cost", show(found.cost)],
    ]
    answer = {
        "problem": found.problem,
        "kind": "cheapest",
        "optimal": True,
        **exact_pair("objective", found.score),
        **exact_pair("bound", found.score),
        **exact_pair("cost", found.cost),
    }
    return answer, rows


def _state_answer(market: MotsMarket, found: CheckedState) -> tuple[dict[str, Any], list[list[str]]]:
    """What an accepted certificate about social states proves, for JSON and for reading."""
    if found.infeasible:
        what = "no state meets the requirement"
    elif found.optimal:
        what = "the state is optimal"
    else:
        what = "no state is worth more than the bound"
    rows = [
        ["certificate", f"valid: {what}"],
        ["problem", f"social state ({market.type_count} types, {market.population:,} clients)"],
        ["welfare", show(found.value)],
        ["bound", show(found.bound)],
    ]
    answer = {
        "problem": "social-state",
        "optimal": found.optimal,
        "infeasible": found.infeasible,
        **exact_pair("welfare", found.value),
        **exact_pair("bound", found.bound),
    }
    return answer, rows


def _outcome_answer(market: Market, found: CheckedOutcome) -> tuple[dict[str, Any], list[list[str]]]:
    """What was recomputed of an accepted outcome, for JSON and for reading."""
    rows = [
        ["outcome", "valid: order, prefix, winners, price and payments are those of driftpay-co"],
        ["critical prefix", f"{found.k:,} of {market.n:,} workers, {len(found.winners):,} winners"],
        ["score", show(found.score)],
        ["critical price", show(found.price)],
    ]
    answer = {
        "mechanism": "driftpay-co",
        "k": found.k,
        "winners": len(found.winners),
        **exact_pair("score", found.score),
        **exact_pair("critical_price", found.price),
    }
    return answer, rows
