"""The report of the ledger: a table to choose from, and behind each claim its reading, its proof step by step and its witness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..models.display import Table
from ..verification.claim import VERDICTS
from ..verification.ledger import Entry
from ..verification.ledger_text import claim_page, verdict_line, witness_line
from .document import Report, Section, facts, filtered, folded, prose, table

__all__ = ["ledger_report"]

MEANINGS = {
    "proved": "for all parameters: every step is held by algebra or SMT, or an existing example survived the re-check",
    "argued": "by a written argument with steps that no machine holds",
    "verified": "in every case of a stated finite box",
    "supported": "searched hard, and nothing found",
    "conditional": "refuted as written, and true under the stated assumption",
    "refuted": "false, by a witness",
}


def ledger_report(entries: Iterable[Entry], *, title: str = "") -> Report:
    """Report on claims as they were just judged.

    Parameters
    ----------
    entries : iterable of Entry
    title : str
    """
    listed = [*entries]
    counted = Counter(entry.judgement.verdict for entry in listed)
    agree = sum(entry.agrees for entry in listed)
    says = f"{len(listed):,} claims, judged again for this page; {agree:,} verdicts are those on record."
    meanings = [(f"{verdict} ({counted[verdict]})", MEANINGS[verdict]) for verdict in VERDICTS if counted[verdict]]
    rows = [
        [
            entry.claim.id,
            entry.judgement.verdict,
            entry.judgement.amended or "",
            witness_line(entry),
            entry.claim.short,
            entry.claim.source,
        ]
        for entry in listed
    ]
    head = ["claim", "verdict", "what is true instead", "witness", "statement", "source"]
    drawn = Table(head, rows, (), "Claims")
    return Report(
        title or "The ledger",
        [
            Section("What was judged", [prose(says), facts(meanings)]),
            Section("The claims", [filtered(drawn, 1, links=True)]),
            Section("Readings, proofs and witnesses", [_claim(entry) for entry in listed]),
        ],
        agree == len(listed),
        agree == len(listed),
    )


def _claim(entry: Entry) -> str:
    page = claim_page(entry)
    return folded(f"{page.title}: {verdict_line(entry)}", [facts(page.facts), *map(table, page.tables)], page.title)
