"""Numbers, tables and pages as people see them: nothing split, nothing lost, everything escaped for where it goes."""

from __future__ import annotations

import re
from fractions import Fraction as F
from html.parser import HTMLParser
from typing import Any

import pytest
from fedmech.models import display
from fedmech.models.display import (
    LONGEST_WORD,
    Page,
    Readable,
    Table,
    cell_width,
    data_frame,
    latex_text,
    share,
    show,
    wrapped,
)
from fedmech.models.input_error import InputError
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text(st.sampled_from("ab1.<&$\\_宽é"), min_size=1, max_size=12)
CELLS = st.lists(WORDS, max_size=5).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = draw(st.integers(1, 6))
    row = st.lists(CELLS, min_size=columns, max_size=columns)
    return Table(
        draw(row), draw(st.lists(row, min_size=1, max_size=5)), [k for k in range(1, columns) if draw(st.booleans())]
    )


@given(tables(), st.integers(20, 100))
def test_a_narrow_table_keeps_every_word_and_its_width(table: Table, width: int) -> None:
    lines = table.text(width).split("\n")
    wanted = [word for row in [table.columns, *table.rows] for cell in row for word in cell.split()]
    shown = [word for line in lines for word in line.split() if set(word) != {"─"}]
    assert {*shown} == {*wanted}
    for line in lines:
        assert line == line.rstrip()
    # Two columns of the longest cells that may not be wrapped are what a block cannot do without.
    numbers = [cell_width(row[k]) for row in table.rows for k in table.right]
    longest = max([12 * 2, *numbers])
    assert all(cell_width(line) <= max(width, 2 * longest + 2) for line in lines)


@given(tables())
def test_without_a_width_every_row_is_one_line(table: Table) -> None:
    lines = table.text(None).split("\n")
    assert len(lines) == len(table.rows) + (2 if any(table.columns) else 0)


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.cells[-1] += data


@given(tables())
def test_html_reads_back_as_the_cells(table: Table) -> None:
    parser = Texts()
    parser.feed(table.html())
    parser.close()
    assert {*parser.tags} <= {"table", "thead", "tbody", "tr", "th", "td"}
    head = list(table.columns) if any(table.columns) else []
    assert parser.cells == [*head, *(cell for row in table.rows for cell in row)]


@given(st.text())
def test_nothing_in_latex_is_a_command_of_somebody_elses(text: str) -> None:
    left = re.sub(
        r"\\(textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|ldots)\{\}", "", latex_text(text)
    )
    left = re.sub(r"\\symbol\{34\}|\{\[\}|\{\*\}|\$\\[gl]e\$|\\[{}$&#%_]", "", left)
    assert not set(left) & set('\\{}$&#%_^~<>|"[*\n')


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (10**15 - 1, "999,999,999,999,999"),
        (10**15, "1.000000…e15"),
        (-(10**15), "-1.000000…e15"),
        (F(1, 3), "0.3333333…"),
        (F("0.1"), "0.1"),
        (F(123456789012, 10**9), "123.456789012"),
        (F(1234567890123, 10**10), "123.4568…"),
    ],
)
def test_numbers_in_full_or_with_an_ellipsis(value: F | int | None, shown: str) -> None:
    assert show(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (F(0), "0"),
        (F(1), "1"),
        (F(1, 2), "0.5"),
        (F(9999, 10**4), "0.9999"),
        (F(99999, 10**5), "0.9999…"),
        (F(10**9 - 1, 10**9), "0.9999…"),
        (F(1, 10**5), "0.0000…"),
        (F(12345, 10**4), "1.2345"),
    ],
)
def test_shares_are_cut_off_and_never_round_up_to_one(value: F | None, shown: str) -> None:
    assert share(value) == shown


@pytest.mark.parametrize("length", [LONGEST_WORD - 1, LONGEST_WORD, LONGEST_WORD + 1])
def test_ids_longer_than_a_column_lose_their_middle_when_there_is_no_room(length: int) -> None:
    name = "a" * (length // 2) + "b" * (length - length // 2)
    table = Table(["worker", "score"], [[name, "1"]], (1,))
    assert name in table.text(None)
    assert name in table.text(80)
    narrow = table.text(40)
    assert (name in narrow) == (length <= LONGEST_WORD)
    assert ("…" in narrow) == (length > LONGEST_WORD)
    assert all(cell_width(line) <= LONGEST_WORD + 7 for line in narrow.split("\n"))


def test_headings_between_rows_and_nothing_at_all() -> None:
    table = Table(["", "x"], [["first part"], ["a", "1"]], (1,))
    assert table.text() == "     x\n──────\nfirst part\na    1".replace("     x", "   x").replace(
        "──────", "────"
    ).replace("a    1", "a  1")
    assert 'colspan="2"' in table.html()
    assert r"\multicolumn{2}{l}{\textit{first part}} \\" in table.latex()
    assert Table(["a"], []).text() == ""
    assert Page("", tables=[Table(["a"], [])]).text() == ""


def test_a_page_wraps_its_title_and_its_notes() -> None:
    page = Page("word " * 30, [("fact", "text")], notes=["note " * 30])
    assert all(len(line) <= 80 for line in page.text().split("\n"))
    assert "\n  note" in page.text()
    assert wrapped("a b\nc", None) == ["a b", "c"]


def test_results_show_their_page() -> None:
    class Mine(Readable):
        def page(self) -> Page:
            return Page("<b>", [("a", "&")])

    assert str(Mine()) == "<b>\n\na  &"
    assert "<b>" not in Mine()._repr_html_()
    with pytest.raises(NotImplementedError):
        str(Readable())


def test_frames_keep_exact_numbers_and_what_is_missing() -> None:
    frame: Any = data_frame({"a": [F(1, 3), None], "b": [1, 2], "c": [2**63, 1], "d": [True, None]})
    assert frame["a"][0] == F(1, 3)
    assert frame["a"][1] is frame["d"][1] is None
    assert frame["b"].dtype == "int64"
    assert frame["c"][0] == 2**63
    assert data_frame({"a": [2**63 - 1, 1]})["a"].dtype == "int64"
    floats = data_frame({"a": [F(1, 4), F(10**400)], "b": [F(-(10**400)), F(0)]}, exact=False)
    assert floats["a"].tolist() == [0.25, float("inf")]
    assert floats["b"].tolist() == [float("-inf"), 0.0]
    assert [*data_frame({"x": [], "y": []}).columns] == ["x", "y"]


def test_without_pandas_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'fedmech\[tables\]'"):
        display.data_frame({"a": [1]})
