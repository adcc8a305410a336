"""The ledger in Markdown and in LaTeX: every text of it arrives as it is, whatever it contains, and nothing of a text becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fedmech.cli import app
from fedmech.models.display import Page, Table, latex_text, markdown_text, visible
from fedmech.reports.ledger_export import ledger_latex, ledger_markdown, ledger_pages
from fedmech.verification import ledger
from fedmech.verification.claim import Judgement
from fedmech.verification.ledger import Entry, claims, judge
from fedmech.verification.ledger_text import claim_page
from fedmech.verification.proofs.chain import Held
from markdown_it import MarkdownIt
from typer.testing import CliRunner

HOSTILE = (
    "a | b", r"back\slash \\ | \end{tabular}", "<script>alert(1)</script>", "*bold* _it_ `code` ~~gone~~", "[a](b) ![c](d)", "&amp; $x_1^2$ #1 %", "# no heading",
    "two\nlines", "{braces} \"quotes\"", "",
)  # fmt: skip


def entries() -> list[Entry]:
    """Two judged claims, one with a proof and a theorem in Coq, and a third full of what is markup elsewhere."""
    known = claims()
    proved = Entry(known["D-6.1-IR"], Judgement("proved", "m", "s"), None, 1.0, Held(0, 11))
    example = Entry(known["D-2-VCG"], Judgement("proved", "m", "s", {"format": "x"}), True, 1.0)
    odd = replace(known["S-T1"], id="X|1_2", statement=HOSTILE[1], source=HOSTILE[2], proofs=(), expected="verified")
    return [proved, example, Entry(odd, Judgement("verified", HOSTILE[3], HOSTILE[5]), None, 1.0)]


def read_markdown(text: str) -> tuple[list[str], list[list[list[str]]], set[str]]:
    """Headings, tables as rows of cells, and the kinds of markup, as a reader of Markdown has them."""
    headings: list[str] = []
    tables: list[list[list[str]]] = []
    kinds: set[str] = set()
    opened = ""
    for token in MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(text):
        kinds.add(token.type)
        opened = token.type if token.type.endswith("_open") else opened
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline":
            kinds |= {child.type for child in token.children or ()}
            said = "".join(child.content for child in token.children or ())
            if opened == "heading_open":
                headings.append(said)
            elif opened in ("td_open", "th_open"):
                tables[-1][-1].append(said)
    return headings, tables, kinds


def on_a_line(text: str) -> str:
    return visible(text).replace("\n", " ").strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_of_markdown_is_its_text(text: str) -> None:
    _, (rows,), kinds = read_markdown(Table(["one", "two"], [[text, "x"], ["x", text]], (1,)).markdown())
    assert rows == [["one", "two"], [on_a_line(text), "x"], ["x", on_a_line(text)]]
    assert (
        kinds & {"html_inline", "html_block", "link_open", "image", "em_open", "strong_open", "code_inline", "s_open"}
        == set()
    )


def test_a_row_of_one_text_fills_its_line_in_markdown() -> None:
    _, (rows,), _ = read_markdown(Table(["one", "two"], [["over both"], ["a", "b"]]).markdown())
    assert rows == [["one", "two"], ["over both", ""], ["a", "b"]]


def test_the_ledger_in_markdown() -> None:
    listed = entries()
    text = ledger_markdown(listed, "A | title")
    headings, tables, kinds = read_markdown(text)
    assert headings == ["A | title", *(entry.claim.id for entry in listed)]
    assert tables[0][0] == ["claim", "verdict", "amended", "witness", "statement"]
    assert [row[0] for row in tables[0][1:]] == [entry.claim.id for entry in listed]
    assert tables[0][3][4] == on_a_line(HOSTILE[1])
    assert tables[1] == [
        ["step", "rests on", "claim"],
        *([*map(on_a_line, row)] for row in listed[0].claim.proofs[0].pages()),
    ]
    assert tables[2][0] == ["theorem"]
    assert "In Coq: Rule.individually\\_rational" in text
    assert kinds & {"html_inline", "html_block", "link_open", "image", "s_open"} == set()


def rows_of(latex: str) -> list[list[str]]:
    """Cells of the rows of a tabular or longtable, still escaped."""
    body = latex.split("\\toprule\n")[1].split("\\bottomrule")[0]
    lines = [line for line in body.splitlines() if line not in ("\\midrule", "\\endhead")]
    assert all(line.endswith(r" \\") for line in lines)
    return [re.split(r"(?<!\\) ?& ?", line[:-3]) for line in lines]


@pytest.mark.parametrize("shares", [(), (0.3, 0.6)])
def test_a_table_in_latex(shares: tuple[float, ...]) -> None:
    texts = [text for text in HOSTILE if text]
    drawn = Table(["one", "two"], [[text, "x"] for text in texts])
    said = drawn.latex(shares)
    assert rows_of(said) == [["one", "two"], *([latex_text(text), "x"] for text in texts)]
    name = "longtable" if shares else "tabular"
    assert said.startswith(f"\\begin{{{name}}}{{" + (r"p{0.3\linewidth}p{0.6\linewidth}" if shares else "ll") + "}\n")
    assert said.endswith(f"\\end{{{name}}}\n")
    assert ("\\endhead" in said) == bool(shares)


def test_the_ledger_in_latex() -> None:
    said = ledger_latex(entries())
    stack: list[str] = []
    for kind, name in re.findall(r"(?<!\\textbackslash\{\})\\(begin|end)\{(\w+)\}", said):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    plain = re.sub(r"\\[{}]", "", said)
    assert plain.count("{") == plain.count("}")
    assert said.count("\\section{") == 1
    assert said.count("\\subsection{") == 3
    assert said.count("\\begin{longtable}") == 3
    assert latex_text(HOSTILE[3]) in said
    assert HOSTILE[1] not in said


def test_pages_say_what_the_verdicts_are() -> None:
    listed = entries()
    head, *pages = ledger_pages(listed)
    assert head.title == "The ledger"
    assert dict(head.facts) == {"proved": "2", "verified": "1"}
    assert head.notes == ["3 claims; 3 verdicts are those on record."]
    assert pages == [claim_page(entry) for entry in listed]
    facts = dict(pages[1].facts)
    assert facts["re-check"] == "re-checked"
    assert facts["witness"] == '{"format": "x"}'


def test_a_page_without_facts_or_tables() -> None:
    assert Page("").markdown() == ""
    assert Page("T", notes=["n"]).markdown(3) == "### T\n\nn\n"
    assert Page("T", notes=["n"]).latex({}) == "\\section{T}\nn\n"
    assert markdown_text("1*2") == r"1\*2"


def test_the_command_writes_by_the_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ledger,
        "judge",
        lambda claim: judge(replace(claim, proofs=(), judge=lambda: Judgement("proved", "m", "s", {"format": "x"}))),
    )

    def report(*arguments: Any) -> Any:
        return CliRunner().invoke(app, ["report", *map(str, arguments)])

    def ledger_report(name: str, *more: str) -> Any:
        return report("ledger", "--claim", "D-2-VCG", "-o", tmp_path / name, *more)

    for name, start in (("l.md", "# The ledger\n"), ("l.tex", "% Needs"), ("l.html", "<!DOCTYPE html>")):
        ledger_report(name)
        assert (tmp_path / name).read_text().startswith(start)
    (tmp_path / "l.md").write_text("mine")
    assert ledger_report("l.md").exit_code == 2
    assert (tmp_path / "l.md").read_text() == "mine"
    ledger_report("l.md", "--force", "--title", "Ours")
    assert (tmp_path / "l.md").read_text().startswith("# Ours\n")
    assert "reports are written as .html, .md or .tex" in ledger_report("l.pdf").stderr
    refused = report("-o", tmp_path / "market.md")
    assert refused.exit_code == 2
    assert "reports are written as .html" in refused.stderr
    assert not (tmp_path / "market.md").exists()
