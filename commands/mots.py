"""What the commands on MoTS markets share, and ``fedmech solve --problem social-state``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .console import (
    INFEASIBLE,
    STOPPED,
    certificate_document,
    print_json,
    say,
    show,
    text_width,
    whole_limit,
    write,
)

if TYPE_CHECKING:
    from ..models.sharing.market import MotsMarket
    from ..solvers.sharing.answer import SocialAnswer

__all__ = ["load_mots", "social_state"]


def load_mots(path: Path | None) -> MotsMarket:
    """Read a MoTS market, or the shipped one if no file is named."""
    from ..models.data import prototype_market_path
    from ..models.sharing.market import read_mots

    return read_mots(prototype_market_path() if path is None else path)


def social_state(
    path: Path | None,
    method: str,
    time_limit: float | None,
    export: Path | None,
    certificate: Path | None,
    *,
    json: bool,
) -> None:
    """Solve for the best social state and print it."""
    from ..solvers.sharing.solve import solve_social_state

    market = load_mots(path)
    if export is not None:
        from ..models.procurement.formulations import write_model
        from ..models.sharing.social_state import literal_model

        write_model(lambda: literal_model(market), export, endings=(".nl", ".gms", ".bar"))
    with whole_limit(time_limit):
        answer = solve_social_state(market, method, time_limit=time_limit)
    missing = None if certificate is None else _write_certificate(certificate, answer)
    if json:
        document = answer.to_dict()
        if certificate is not None:
            document["certificate"] = certificate_document(certificate, missing)
        print_json(document)
    else:
        write(answer.page().text(text_width()) + "\n")
    if missing is not None and not json:
        say(missing)
    if answer.refused is not None:
        say(f"a defect of fedmech, please report it with the market: {answer.refused}")
    if answer.status == "infeasible":
        say(
            f"error: no state meets max_error {show(market.max_error)}; the least reachable error is {show(answer.error)}"
        )
        raise typer.Exit(INFEASIBLE)
    if answer.status != "optimal" or missing is not None:
        raise typer.Exit(STOPPED)


def _write_certificate(path: Path, answer: SocialAnswer) -> str | None:
    """Write a certificate that the independent checker accepts, or return why there is none."""
    from json import dumps

    from ..models.files import write_whole
    from ..solvers.proofs.social_document import write_state_document

    if answer.proof is None or answer.status not in ("optimal", "infeasible"):
        return "no certificate: no proof that the state is best, or that none meets the requirement, was checked"
    state = answer.state if answer.status == "optimal" else None
    document = write_state_document(answer.market, state, answer.proof)
    write_whole(path, dumps(document, separators=(",", ":")) + "\n")
    return None
