"""Claims and verdicts on one screen, and as data frames."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..models.display import Page, Table, data_frame
from .claim import VERDICTS, Claim
from .formal.coq import theorems_of

if TYPE_CHECKING:
    import pandas as pd

    from .ledger import Entry

__all__ = [
    "claim_page",
    "claims_frame",
    "claims_page",
    "coq_line",
    "entries_frame",
    "entries_page",
    "entry_facts",
    "seconds_spent",
    "verdict_line",
    "witness_line",
]

SHOWN_CLAIMS = 24
"""Claims of one screen; the frame has them all."""

LONGEST_STATEMENT = 44


def claims_page(claims: Mapping[str, Claim]) -> Page:
    """Return how many claims there are of each verdict, and the first of them."""
    counted = Counter(claim.expected for claim in claims.values())
    facts = [(verdict, f"{counted[verdict]:,}") for verdict in VERDICTS if counted[verdict]]
    rows = [[claim.id, claim.expected, _short(claim)] for claim in [*claims.values()][:SHOWN_CLAIMS]]
    return Page(
        f"{len(claims):,} claims, by the verdict on record",
        facts,
        [Table(["claim", "on record", "statement"], rows)],
        _more(len(claims)),
    )


def _short(claim: Claim) -> str:
    text = claim.short
    return text if len(text) <= LONGEST_STATEMENT else text[:LONGEST_STATEMENT].rpartition(" ")[0] + " …"


def _more(count: int) -> list[str]:
    return [f"{count - SHOWN_CLAIMS:,} more: .frame() has them all."] if count > SHOWN_CLAIMS else []


def claims_frame(claims: Mapping[str, Claim]) -> pd.DataFrame:
    """Return claims as a data frame: id, source, statement, expected, amended."""
    listed = [*claims.values()]
    columns = {
        "id": [claim.id for claim in listed],
        "source": [claim.source for claim in listed],
        "statement": [claim.says for claim in listed],
        "expected": [claim.expected for claim in listed],
        "amended": [claim.amended for claim in listed],
    }
    return data_frame(columns)


def verdict_line(entry: Entry) -> str:
    """The verdict, what is true instead, and what is on record where that is something else."""
    judgement, claim = entry.judgement, entry.claim
    said = judgement.verdict + (f", amended {judgement.amended}" if judgement.amended else "")
    if entry.agrees:
        return said
    return f"{said} (on record: {claim.expected}{f', amended {claim.amended}' if claim.amended else ''})"


def witness_line(entry: Entry) -> str:
    """Say what the independent re-check of the witness found, if there is one."""
    return "" if entry.rechecked is None else "re-checked" if entry.rechecked else "FAILS THE RE-CHECK"


def seconds_spent(entry: Entry) -> str:
    """Return what this run spent on a verdict; of an earlier run's say so."""
    return "earlier" if entry.earlier else f"{entry.seconds:.1f}"


def coq_line(entry: Entry) -> str:
    """Name the claim's theorems in Coq, if there are any, and say what Coq found."""
    names = ", ".join(map(str, theorems_of(entry.claim.id)))
    found = {True: "checked, no axioms", False: "REFUSED", None: "not checked in this run (verify --formal)"}
    return f"{names}: {found[entry.coq]}" if names else ""


def entry_facts(entry: Entry) -> list[tuple[str, str]]:
    """Return what one judgement says, by name; what it does not speak of is left out."""
    judgement, reading = entry.judgement, entry.judgement.reading
    facts = [
        ("source", entry.claim.source),
        ("statement", entry.claim.says),
        ("method", judgement.method),
        ("scope", judgement.scope),
        ("assumption", f"{judgement.assumption} [{judgement.assumption_verdict}]" if judgement.assumption else ""),
        ("corrected", f"{judgement.corrected} [{judgement.corrected_verdict}]" if judgement.corrected else ""),
        ("reading", "" if reading is None else f"{reading.sentence}; {reading.within}"),
        ("charitably", "" if reading is None else f"{reading.charitable} [{reading.holds}]"),
        ("witness", json.dumps(judgement.witness) if judgement.witness else ""),
        ("in Coq", coq_line(entry)),
        ("judged", f"{entry.earlier}, by an earlier run of the same sources and versions" if entry.earlier else ""),
    ]
    return [fact for fact in facts if fact[1]]


def claim_page(entry: Entry) -> Page:
    """Return a claim as it was judged, with its proofs step by step and its theorems in Coq."""
    facts = [("verdict", verdict_line(entry)), *entry_facts(entry), ("re-check", witness_line(entry))]
    head = ["step", "rests on", "claim"]
    tables = [Table(head, proof.pages(), (), " ".join(proof.text.split())) for proof in entry.claim.proofs]
    for theorem in theorems_of(entry.claim.id):
        tables.append(Table(["theorem"], [[theorem.statement]], (), f"In Coq: {theorem}. {theorem.says}"))
    return Page(entry.claim.id, [fact for fact in facts if fact[1]], tables)


def entries_page(entries: Iterable[Entry]) -> Page:
    """Return verdicts as a table; of one alone everything that is known."""
    listed = [*entries]
    if len(listed) == 1:
        return Page("", [("claim", listed[0].claim.id), *claim_page(listed[0]).facts])
    rows = [
        [entry.claim.id, verdict_line(entry), witness_line(entry), seconds_spent(entry), _short(entry.claim)]
        for entry in listed[:SHOWN_CLAIMS]
    ]
    agree = sum(entry.agrees for entry in listed)
    title = f"{len(listed):,} claims judged; {agree:,} verdicts as on record"
    return Page(
        title, tables=[Table(["claim", "verdict", "witness", "s", "statement"], rows, (3,))], notes=_more(len(listed))
    )


def entries_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return verdicts as a data frame, in the columns of the JSON answer."""
    documents = [entry.to_dict() for entry in entries]
    names = documents[0] if documents else ()
    return data_frame({name: [document[name] for document in documents] for name in names})
