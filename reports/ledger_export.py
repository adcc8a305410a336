"""The ledger as Markdown and as LaTeX, for a repository and for a paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..models.display import Page, Table
from ..verification.claim import VERDICTS
from ..verification.ledger import Entry
from ..verification.ledger_text import claim_page, witness_line

__all__ = ["ledger_latex", "ledger_markdown", "ledger_pages"]

SHARES = {5: (0.15, 0.12, 0.12, 0.1, 0.41), 3: (0.2, 0.25, 0.47), 1: (0.95,)}
"""Shares of a line that columns have in LaTeX: of claims, of the steps of a proof, of a theorem."""


def ledger_pages(entries: Iterable[Entry], title: str = "") -> list[Page]:
    """Return the table of all claims, and a page for each."""
    listed = [*entries]
    counted = Counter(entry.judgement.verdict for entry in listed)
    agree = sum(entry.agrees for entry in listed)
    rows = [
        [
            entry.claim.id,
            entry.judgement.verdict,
            entry.judgement.amended or "",
            witness_line(entry),
            entry.claim.short,
        ]
        for entry in listed
    ]
    facts = [(verdict, str(counted[verdict])) for verdict in VERDICTS if counted[verdict]]
    head = Table(["claim", "verdict", "amended", "witness", "statement"], rows)
    note = f"{len(listed):,} claims; {agree:,} verdicts are those on record."
    return [Page(title or "The ledger", facts, [head], [note]), *map(claim_page, listed)]


def ledger_markdown(entries: Iterable[Entry], title: str = "") -> str:
    """Return the ledger as one document in Markdown, with tables as GitHub and Pandoc read them."""
    head, *pages = ledger_pages(entries, title)
    return "\n".join([head.markdown(), *(page.markdown(2) for page in pages)])


def ledger_latex(entries: Iterable[Entry], title: str = "") -> str:
    """Return the ledger as a section of a paper; it needs the packages booktabs and longtable."""
    head, *pages = ledger_pages(entries, title)
    needs = "% Needs \\usepackage{booktabs,longtable}."
    return "\n".join([needs, head.latex(SHARES), *(page.latex(SHARES, "subsection") for page in pages)])
