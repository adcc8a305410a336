"""Reports: well-formed pages that a screen reader can read, that ask for nothing, and that say nothing in a file's own HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fedmech as fm
import pandas as pd
import pytest
from fedmech.cli import app
from fedmech.extend import outcome
from fedmech.models.data import digits_market_path, prototype_market_path
from fedmech.models.display import Table, visible
from fedmech.reports import procurement, results
from fedmech.reports.document import SCRIPT, Report, Section, filtered
from fedmech.reports.svg import Bar, Dots, _ticks, bars, chart
from typer.testing import CliRunner

VOID = {"meta", "link", "br", "input", "img", "hr"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"onload="x',
    "O'Brien & co",
    "x" * 300,
    "名前の長い労働者",
    "]]>--><!--",
    "$x_1$ &amp;",
]


class Reader(HTMLParser):
    """Reads a page as a browser does, and keeps its texts, its elements and what is wrong with it."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.feed(page)
        self.close()
        if self.open:
            self.wrong.append(f"never closed: {self.open}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len({*names}) < len(names):
            self.wrong.append(f"an attribute of <{tag}> is given twice")
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"a comment: {data}")

    def text(self, tag: str) -> list[str]:
        return [text for around, text in self.texts if around == tag]


def read(page: str) -> Reader:
    """A page, once its structure is what every page's has to be."""
    found = Reader(page)
    assert found.wrong == []
    tags = [tag for tag, _ in found.elements]
    assert tags.count("h1") == 1
    assert {"title", "main", "nav", "footer"} <= {*tags}
    assert {tag for tag, _ in found.elements if tag in ("img", "iframe", "object", "embed", "base", "form")} == set()
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len({*ids}) == len(ids)
    for tag, attrs in found.elements:
        if tag == "svg":
            assert attrs["role"] == "img"
            assert attrs["aria-label"]
        if tag in ("input", "select"):
            assert attrs.get("aria-label") or "label" in tags
        if tag == "script":
            assert not attrs
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("href", "src", "action", "data", "xlink:href"):
            where = attrs.get(name)
            if where is not None:
                assert where == "data:," or where.startswith("#"), (tag, where)
                assert not where.startswith("#") or where[1:] in ids, where
    assert found.text("script") in ([], [SCRIPT])
    assert not re.search(r"url\(|@import|expression\(", "".join(found.text("style")))
    policy = next(attrs["content"] for tag, attrs in found.elements if tag == "meta" and "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy
    return found


def market(names: list[str] = HOSTILE, **more: Any) -> fm.Market:
    given: dict[str, Any] = {
        "scores": [f"{i + 1}/3" for i in range(len(names))],
        "costs": [*range(len(names))],
        "worker_ids": names,
        "groups": [f"g{i % 3}<b>" for i in range(len(names))],
        "requester_ids": ["<r1>", "r2"],
        "budgets": [6, "1/3"],
    }
    return fm.Market.build(**given | more)


@cache
def whole() -> tuple[fm.Market, Report]:
    found = market()
    return found, fm.report(found, title="<b>&'\"", seed=1)


def test_every_word_of_a_market_is_a_word_of_its_page() -> None:
    found, report = whole()
    page = read(report.html())
    assert report.proved
    assert page.text("h1") == page.text("title")[:1] == ["<b>&'\""]
    cells = {*page.text("td")}
    assert {*HOSTILE, "<r1>"} <= cells
    best = fm.solve(found)
    assert [section.title for section in report.sections] == page.text("h2")
    shown = " ".join(text for _, text in page.texts)
    assert "optimal, proved (proof checked)" in shown
    assert f"{len(best.hired)} of {found.n} workers are hired" in shown
    # Every mechanism that ran has a part of its own, and nobody is left out of the table of workers.
    table = fm.compare(found, seed=1)
    ran = [row for row in table.rows if row.kind == "mechanism" and row.refused is None]
    assert [text.partition(":")[0] for text in page.text("summary")] == [row.name for row in ran]
    rows = [attrs for tag, attrs in page.elements if tag == "tr"]
    assert len(rows) > found.n + len(ran)


def test_the_table_of_workers_says_who_is_hired_and_why_not_the_others() -> None:
    found = market(
        ["a", "b", "c", "d"], caps={("g0<b>", "<r1>"): 1, ("g0<b>", "r2"): 0}, budgets=["3", "1/2"], costs=[1, 2, 3, 3]
    )
    # a and d share a group with one place; d is dearer and better.
    best = fm.solve(found)
    page = read(fm.report(best).html())
    cells = page.text("td")
    for worker in "abcd":
        assert cells[len(cells) - 1 - cells[::-1].index(worker) + 1] == (
            "hired" if worker in best.hired else "not hired"
        )
    reasons = [text for text in cells if "left" in text]
    assert len(reasons) == 4 - len(best.hired) > 0


def pages() -> Iterator[tuple[str, Any]]:
    yield "bids only", lambda: fm.report(market(costs=None, bids=[*range(7)]), ["driftpay-co", "vcg"])
    yield "nobody", lambda: fm.report(fm.Market.build(scores=[], costs=[], groups=[], budgets=[1]))
    yield "nobody can be paid", lambda: fm.report(fm.Market.build(scores=[1], costs=[2], groups=["g"], budgets=[1]))
    yield (
        "all free",
        lambda: fm.report(fm.Market.build(scores=[1, 2], costs=[0, 0], groups=["g", "g"], budgets=[0]), ["lowest-bid"]),
    )
    huge = {
        "scores": [10**400, 1, "1/" + "9" * 300],
        "costs": [10**390, "1e-300", 3],
        "groups": [*"gag"],
        "budgets": [10**400],
    }
    yield "numbers beyond floats", lambda: fm.report(fm.Market.build(**huge), ["driftpay-co"])
    yield "a solution", lambda: fm.report(fm.solve(market()))
    yield "a solution of another problem", lambda: fm.report(fm.solve(market(), "opt-sep"))
    yield "shares", lambda: fm.report(fm.solve(market(), "opt-frac"))
    yield "many markets", lambda: fm.report(fm.compare({"<i>": market(), "b": market()}, ["driftpay-co", "vcg"]))
    yield "one outcome", lambda: fm.report(fm.run(market(), "driftpay-co"))
    yield "an allocation", lambda: fm.report(fm.check_allocation(market(), HOSTILE[:1]))
    yield "a sharing market", lambda: fm.report(prototype_market_path())
    yield "a best state", lambda: fm.report(fm.solve(fm.read(prototype_market_path())))
    yield "claims", lambda: fm.report(fm.verify(["D-2-VCG", "F-7a-FLOW"]))
    yield "one verdict", lambda: fm.report(fm.verify(["S-T1-THIRD"])[0])


@pytest.mark.parametrize(("name", "make"), [*pages()], ids=[name for name, _ in pages()])
def test_every_kind_of_page(name: str, make: Any) -> None:
    found = make()
    page = read(found.html())
    assert page.text("h2") == [section.title for section in found.sections]
    assert "nan" not in " ".join(page.text("text")).lower()
    assert str(found)


@pytest.mark.parametrize("shown", [2, 3, 4])
@pytest.mark.parametrize("name", ["SHOWN_WORKERS", "SHOWN_DOTS", "SHOWN_GROUPS"])
def test_long_markets_are_cut_and_say_so(name: str, shown: int, monkeypatch: pytest.MonkeyPatch) -> None:
    market = fm.Market.build(scores=[3, 2, 1], costs=[1, 1, 1], groups=["a", "b", "c"], budgets=[2])
    monkeypatch.setattr(procurement, name, shown)
    text = fm.report(fm.solve(market)).html()
    assert ("(first 2; 1 more)" in text) == (name == "SHOWN_WORKERS" and shown == 2)
    assert "by the proof no such exchange" in text
    claimed = fm.report(replace(fm.solve(market), exactness="solver")).html()
    assert "by the proof" not in claimed
    assert "if this is the optimum no such exchange" in claimed


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_long_results_are_cut_and_say_so(beyond: int) -> None:
    values = pd.Series(range(results.SHOWN_VALUES + beyond))
    assert results._values(values).endswith(", and 1 more") == (beyond > 0)
    rows = pd.DataFrame({"wide": range(results.SHOWN_ROWS + beyond)})
    assert (f"(first {results.SHOWN_ROWS}; 1 more)" in results._rows(rows, [], [])) == (beyond > 0)


def test_what_would_be_obeyed_or_hidden_is_shown() -> None:
    evil = "a\u202eb\x07\u200d\ud800<!--"
    page = read(Report(evil, [Section(evil, [])]).html())
    assert page.text("h1") == page.text("h2") == [visible(evil)]
    assert "\u202e" not in Report(evil, []).html()


def test_a_mechanism_of_somebodys_own_is_named_as_it_is() -> None:
    def mine(market: fm.Market) -> fm.extend.Outcome:
        return outcome(market, [HOSTILE[0]], {HOSTILE[0]: 10**6})

    page = read(fm.report(market(), {'<img src="x">': mine}).html())
    assert any(text.startswith('<img src="x">: 1 winners') for text in page.text("summary"))
    assert any("over budget" in text for text in page.text("summary"))
    assert any("†" in text for text in page.text("text"))


def test_a_table_to_choose_from_leads_to_what_is_behind() -> None:
    claims = ["D-2-VCG", "F-7a-FLOW"]
    page = read(fm.report(fm.verify(claims)).html())
    assert page.text("a")[-2:] == claims
    assert [text.partition(":")[0] for text in page.text("summary")] == claims
    assert [text for text in page.text("caption") if text == "Claims"]
    assert page.text("script") == [SCRIPT]
    # The refuted reading has its witness as a file would hold it.
    witness = fm.verify(["F-7a-FLOW"])[0].judgement.witness
    assert json.dumps(witness) in page.text("dd")


def test_without_a_table_to_choose_from_there_is_no_script() -> None:
    assert read(Report("x", []).html()).text("script") == []
    table = Table(["name"], [["a"], ["b"]], (), "Names")
    page = read(Report("x", [Section("y", [filtered(table)])]).html())
    assert page.text("script") == [SCRIPT]
    # Nobody who runs no scripts sees a control that does nothing.
    assert [attrs for tag, attrs in page.elements if attrs.get("class") == "filter" and "hidden" in attrs]


def test_figures_say_what_they_show_and_stay_inside() -> None:
    third = Fraction(1, 3)
    drawn = bars(
        "share",
        [Bar("a" * 50, third, 3 * third, "red", ".33"), Bar("b", 4 * third, 4 * third, "blue", "1.33", " †")],
        "c",
    )
    found = Reader(drawn)
    assert found.wrong == []
    label = next(attrs["aria-label"] for tag, attrs in found.elements if tag == "svg")
    assert label is not None
    assert "b 1.33 †" in label
    widths = [float(attrs["width"] or 0) for tag, attrs in found.elements if tag == "rect"]
    assert widths[1] / widths[0] == pytest.approx(4, abs=0.01)
    points = [(Fraction(10) ** 500, third), (Fraction(0), -third), (Fraction(10) ** 499, Fraction(1, 10**400))]
    found = Reader(
        chart("t", "s", [Dots("d", "red", points, joined=True)], ("x", "y"), "c", line=(Fraction(1, 10**500), "l"))
    )
    assert found.wrong == []
    for tag, attrs in found.elements:
        if tag == "circle":
            assert 0 <= float(attrs["cx"] or -1) <= 340
            assert 0 <= float(attrs["cy"] or -1) <= 300
    assert bars("none", [], "") == chart("none", "", [Dots("", "red", [])], ("", ""), "") == ""


@pytest.mark.parametrize(
    "span", [Fraction(k, 7) * Fraction(10) ** power for k in (1, 2, 3, 6, 7, 9, 64) for power in (-400, -3, 0, 2, 500)]
)
def test_axes_have_a_few_round_numbers(span: Fraction) -> None:
    points = [(Fraction(0), Fraction(0)), (span, span)]
    found = Reader(chart("t", "s", [Dots("", "red", points)], ("across", "up"), "c"))
    assert 2 * 2 <= len(found.text("text")) - 2 <= 2 * 7


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    report = whole()[1]
    report.save(out)
    assert out.read_text(encoding="utf-8") == report.html()
    with pytest.raises(fm.InputError, match="--force"):
        report.save(out)
    report.save(out, force=True)
    with pytest.raises(fm.InputError, match="cannot write"):
        report.save(tmp_path / "no" / "r.html")
    assert [*tmp_path.iterdir()] == [out]


def fedmech(*words: str):
    return CliRunner().invoke(app, ["report", *words])


def test_the_command(tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    done = fedmech("-o", str(out), "--mechanism", "driftpay-co", "--mechanism", "vcg", "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["file"] == str(out)
    assert document["proved"] is True
    assert read(out.read_text()).text("h2") == document["parts"]
    best = fm.solve(fm.read(digits_market_path()))
    assert f"{len(best.hired)} of 200 workers are hired" in out.read_text()
    again = fedmech("-o", str(out), "--mechanism", "driftpay-co")
    assert again.exit_code == 2
    assert "--force" in again.output
    for words, says in (
        (["-o", str(tmp_path / "r.txt")], "as .html"),
        (["-o", str(tmp_path / "no" / "r.html")], "cannot write a file here"),
        (["-o", str(tmp_path / "x.html"), "--claim", "D-2-VCG"], "claims are for the report of the ledger"),
        (["ledger", "-o", str(tmp_path / "x.html"), "--seed", "1"], "no options of markets"),
        (["ledger", "-o", str(tmp_path / "x.html"), "--claim", "none"], "no claim is called"),
        ([str(tmp_path / "none.json"), "-o", str(tmp_path / "x.html")], "cannot read"),
        ([str(prototype_market_path()), "--mechanism", "vcg", "-o", str(tmp_path / "x.html")], "this is none"),
    ):
        refused = fedmech(*words)
        assert refused.exit_code == 2, words
        assert says in refused.output
        assert refused.output.startswith("error: ")
        assert refused.output.count("\n") == 1
    assert {*tmp_path.iterdir()} == {out}


def test_a_market_is_never_written_over_and_time_that_is_up_is_said(tmp_path: Path) -> None:
    path = tmp_path / "m.html"
    fm.write_market(market(), path)
    refused = fedmech(str(path), "-o", str(path), "--force")
    assert refused.exit_code == 2
    assert "never written over" in refused.output
    out = tmp_path / "r.html"
    late = fedmech("-o", str(out), "--time-limit", "0")
    assert late.exit_code == 4
    assert "time is up" in out.read_text()
    read(out.read_text())


def test_the_result_of_an_experiment(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        'format = "fedmech-experiment/1"\nexperiment = "network-effects"\n[settings]\nrepetitions = 2\nsizes = [50, 60]\n'
        "counts = [2, 2]\n[sweep]\nclient_variance = [0.0, 0.5]\nseed = [0, 1]\n"
    )
    rows = fm.sweep(config)
    found = fm.report(rows)
    page = read(found.html())
    assert "Experiment network-effects" in page.text("h1")
    assert {"0.0, 0.5", "0, 1"} <= {*page.text("td")}
    assert [tag for tag, _ in page.elements].count("svg") == 1
    exported = tmp_path / "all.csv"
    rows.to_csv(exported, index=False)
    # The page of a table in a file is that of the table, but for its name.
    assert read(fm.report(exported, title=found.title).html()).texts == page.texts
    with pytest.raises(fm.InputError, match="one experiment"):
        fm.report(rows.drop(columns="experiment"))


def test_what_cannot_be_reported_on() -> None:
    with pytest.raises(fm.InputError, match="cannot report on int"):
        fm.report(3)
    with pytest.raises(fm.InputError, match="mechanisms"):
        fm.report(fm.solve(market()), ["vcg"])


def test_ticks_are_round_numbers_no_closer_than_asked() -> None:
    assert _ticks(Fraction(0), Fraction(2)) == [Fraction(k, 2) for k in range(5)]
    assert _ticks(Fraction(0), Fraction(2), 1) == [0, 1, 2]
    assert _ticks(Fraction(0), Fraction(40), 1) == _ticks(Fraction(0), Fraction(40))
