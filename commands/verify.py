"""``fedmech verify`` and ``fedmech claims``: the ledger."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import (
    CHECK_FAILED,
    STOPPED,
    ForceOption,
    JsonOption,
    guarded,
    print_json,
    progress_reporter,
    say,
    table,
    text_width,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..verification.claim import Claim
    from ..verification.ledger import Entry

__all__ = ["chosen_claims", "claims_command", "judged", "verify_command"]

NAMES = {"says": "statement"}
"""Fields of a claim that JSON calls something else."""


@guarded
def verify_command(
    claims: Annotated[list[str] | None, typer.Argument(metavar="CLAIM", help="ids, or prefixes such as 'S-*'")] = None,
    witness: Annotated[
        Path | None, typer.Option(help="write the refuting instance of the one claim named to this file")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="claims judged at a time")] = 1,
    formal: Annotated[bool, typer.Option("--formal", help="have Coq check its theorems about the claims too")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="judge what an earlier run has judged too")] = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Judge claims again, but for those whose verdict an earlier run of the same sources and versions has kept; exit code 1 if a verdict is not the one on record or its witness fails the re-check, 4 if that is for want of z3 (or of coqc, with --formal)."""
    from ..models.files import refuse_overwriting, write_whole
    from ..models.input_error import InputError
    from ..verification.ledger_text import entry_facts, seconds_spent, verdict_line, witness_line

    chosen = chosen_claims(claims)
    if witness is not None and len(chosen) != 1:
        raise InputError("--witness needs exactly one claim")
    if witness is not None:
        refuse_overwriting(witness, force)
    entries = judged(chosen, jobs, fresh=fresh)
    unchecked = False
    # After an interrupt Coq is not asked: its answer would look like one about all claims.
    if formal and len(entries) == len(chosen):
        entries, unchecked = _with_coq(entries, progress_reporter())
    if json:
        print_json({"claims": [entry.to_dict() for entry in entries]})
    else:
        rows = [
            [
                entry.claim.id,
                verdict_line(entry),
                witness_line(entry),
                seconds_spent(entry),
                entry.claim.short,
            ]
            for entry in entries
        ]
        table(None, ["claim", "verdict", "witness", "s", "statement"], rows, (3,))
        for entry in entries:
            if len(entries) <= 3 or not entry.agrees:
                table(entry.claim.id, ["", ""], [[*fact] for fact in entry_facts(entry)])
    if witness is not None and entries:
        found = entries[0].judgement.witness
        if found is None:
            raise InputError(f"{entries[0].claim.id} has no witness: it is {entries[0].judgement.verdict}")
        write_whole(witness, json_module.dumps(found, indent=1) + "\n")
    earlier = sum(entry.earlier is not None for entry in entries)
    if earlier:
        say(
            f"{earlier} of {len(entries)} verdicts are of an earlier run of the same sources and versions; --fresh judges them again"
        )
    missing = [entry for entry in entries if entry.missing]
    if missing:
        say(f"{missing[0].missing} is not installed: {len(missing)} claims that it would prove are only argued here")
    # A wrong verdict outweighs one that could not be reached.
    if not all(entry.agrees or entry.missing for entry in entries):
        raise typer.Exit(CHECK_FAILED)
    if len(entries) < len(chosen) or missing or unchecked:
        raise typer.Exit(STOPPED)


def _with_coq(entries: list[Entry], report: Callable[[str], None] | None) -> tuple[list[Entry], bool]:
    """Have Coq check the theorems about the claims; return the entries that say so, and whether some are left unchecked."""
    from dataclasses import replace

    from ..verification.formal.coq import Refused, check, coqc_path, counted, theorems_of

    wanted = dict.fromkeys(theorem for entry in entries for theorem in theorems_of(entry.claim.id))
    if not wanted:
        say("Coq: no theorem about these claims")
        return entries, False
    if coqc_path() is None:
        verb = "is" if len(wanted) == 1 else "are"
        say(f"coqc is not installed: {counted(wanted, 'theorem')} {verb} not checked here (Debian: apt install coq)")
        return entries, True
    try:
        say(str(check(wanted, report=report)))
    except KeyboardInterrupt:
        say("interrupted: nothing that Coq has read counts")
        return entries, True
    except Refused as error:
        say(f"Coq refuses {error}")
        return [replace(entry, coq=False if theorems_of(entry.claim.id) else None) for entry in entries], False
    return [replace(entry, coq=True if theorems_of(entry.claim.id) else None) for entry in entries], False


def judged(chosen: Sequence[Claim], jobs: int = 1, *, fresh: bool = True) -> list[Entry]:
    """Judge claims, or recall verdicts of earlier runs, and say how far it is; an interrupt leaves those that were judged."""
    from ..verification.ledger_cache import judge_or_recall

    report = progress_reporter()
    entries: list[Entry] = []
    try:
        if report is not None and chosen:
            report(f"judging {chosen[0].id} (1 of {len(chosen)})")
        for entry in judge_or_recall(chosen, jobs, fresh=fresh):
            entries.append(entry)
            if report is not None and len(entries) < len(chosen):
                report(f"judging {chosen[len(entries)].id} ({len(entries) + 1} of {len(chosen)})")
    except KeyboardInterrupt:
        say(f"interrupted: {len(entries)} of {len(chosen)} claims judged")
    return entries


def chosen_claims(ids: list[str] | None) -> list[Claim]:
    """The claims that are named, or all of them."""
    from ..models.input_error import InputError
    from ..verification.ledger import UnknownClaim, select

    try:
        return select(ids or ())
    except UnknownClaim as error:
        raise InputError(str(error)) from None


@guarded
def claims_command(
    ids: Annotated[list[str] | None, typer.Argument(metavar="CLAIM", help="one page for each of these")] = None,
    json: JsonOption = False,
) -> None:
    """List the claims and the verdicts on record; a claim that is named is judged and shown with its proof, step by step."""
    known = {claim.id: claim for claim in chosen_claims(ids)}
    if ids and not json:
        from ..verification.ledger import judge
        from ..verification.ledger_text import claim_page

        for claim in known.values():
            write("\n" + claim_page(judge(claim)).text(text_width()) + "\n")
        return
    if json:
        from ..verification.formal.coq import theorems_of

        fields = ("id", "source", "says", "formal", "expected", "amended")
        print_json(
            {
                "claims": [
                    {NAMES.get(field, field): getattr(claim, field) for field in fields}
                    | {"coq": [str(theorem) for theorem in theorems_of(claim.id)]}
                    for claim in known.values()
                ]
            }
        )
        return
    rows = [[claim.id, claim.expected, claim.amended or "", claim.short, claim.source] for claim in known.values()]
    table(None, ["claim", "on record", "amended", "statement", "source"], rows)
