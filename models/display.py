"""How results are shown to people: numbers, tables and pages as text, HTML and LaTeX; and as data frames.

A number is exact, or ends in an ellipsis. A text is escaped for where it goes: ids are other people's words. Text fits 80 columns
without a word or a number being split: first the headings wrap, then columns of text, and last the table falls into blocks that repeat
its first column.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .input_error import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "WIDTH",
    "Framed",
    "Page",
    "Readable",
    "Table",
    "cell_width",
    "data_frame",
    "latex_text",
    "markdown_text",
    "share",
    "show",
    "visible",
    "wrapped",
]

WIDTH = 80
"""Columns of a text that does not know where it is shown."""

GAP = 2
LONGEST_WORD = 36
"""Longer words of a table that has to be narrowed, ids mostly, lose their middle."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",
    # Behind the end of a row, both would be read as part of it.
    "[": "{[}",
    "*": "{*}",
    "…": r"\ldots{}",
    "≥": r"$\ge$",
    "≤": r"$\le$",
}
_MARKDOWN = "\\`*_{}[]<>#|~$&"


def show(value: Fraction | int | None) -> str:
    """Show an exact number to a person: in full if it is a short decimal, else to seven digits."""
    # Deferred, as it loads numpy and every command loads this module.
    from .exact import format_exact

    if value is None:
        return "-"
    value = Fraction(value)
    if value.denominator == 1 and abs(value.numerator) < 10**15:
        return f"{value.numerator:,}"
    digits = format_exact(abs(round(value)))
    if len(digits) > 15:
        # Too large for a float to show faithfully.
        return f"{'-' if value < 0 else ''}{digits[0]}.{digits[1:7]}…e{len(digits) - 1}"
    text = f"{float(value):.12g}"
    return text if Fraction(text) == value else f"{float(value):.7g}…"


def share(value: Fraction | None, digits: int = 4) -> str:
    """Show a part of a whole, cut off and not rounded: what falls short of 1 never reads as 1."""
    if value is None:
        return "-"
    scaled = value * 10**digits
    whole = scaled.__floor__()
    head, tail = divmod(whole, 10**digits)
    exact = scaled == whole
    text = f"{head}.{tail:0{digits}d}"
    return (text.rstrip("0").rstrip(".")) if exact else text + "…"


def visible(text: str) -> str:
    """Return a text with everything escaped that a terminal would obey, hide or reorder by: controls, bidi, surrogates.

    Line feeds stay, so that tables and messages keep their lines; names hold none.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(c if c == "\n" or _harmless(c) else _escape(c) for c in text)


def _harmless(c: str) -> bool:
    return unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co")


def _escape(c: str) -> str:
    code = ord(c)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def cell_width(text: str) -> int:
    """Columns that a text takes in a terminal: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(c) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(c) in ("W", "F")
        else 1
        for c in text
    )


def latex_text(text: str) -> str:
    """Escape a text for LaTeX."""
    return "".join(_LATEX.get(c, c) for c in visible(text).replace("\n", " "))


def markdown_text(text: str) -> str:
    """Escape a text for Markdown, on one line."""
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in visible(text).replace("\n", " "))


def data_frame(columns: Mapping[str, Sequence[Any]], *, exact: bool = True) -> pd.DataFrame:
    """Make a data frame, exact numbers as Fractions or all of them as floats.

    Raises
    ------
    InputError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise InputError("data frames need pandas: pip install 'fedmech[tables]'") from None
    if not exact:
        columns = {name: [_rounded(value) for value in values] for name, values in columns.items()}
    return pandas.DataFrame({name: _series(pandas, values) for name, values in columns.items()}, columns=[*columns])


def _series(pandas: Any, values: Sequence[Any]) -> Any:
    """A column; exact numbers keep their own type, and what is missing stays None."""
    plain = all(type(value) in (int, float, bool) for value in values) and len({*map(type, values)}) == 1
    large = any(type(value) is int and abs(value) >= 2**63 for value in values)
    return pandas.Series(list(values), dtype=None if plain and not large else object)


def _rounded(value: Any) -> Any:
    if not isinstance(value, Fraction):
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes
    ----------
    columns : sequence of str
        Headings; none is shown if all are empty.
    rows : sequence of sequences of str
        A row of one text alone is a heading between rows.
    right : collection of int
        Columns of numbers: aligned to the right, and never wrapped.
    title : str
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int] = ()
    title: str = ""

    def text(self, width: int | None = WIDTH) -> str:
        """Draw the table as lines of text, without blanks at their ends.

        Parameters
        ----------
        width : int, optional
            None for as wide as it gets.
        """
        head = [visible(column).replace("\n", " ") for column in self.columns]
        body = [[visible(cell).replace("\n", " ") for cell in row] for row in self.rows]
        lines = wrapped(visible(self.title), width) if self.title else []
        if lines and self.rows:
            lines.append("")
        for block in _blocks(head, body, [*self.right], width):
            lines += block
        return "\n".join(lines)

    def html(self) -> str:
        """Return the table as HTML; every text is escaped."""
        sides = ["right" if at in self.right else "left" for at in range(len(self.columns))]
        head = "".join(
            f'<th scope="col" style="text-align:{side}">{_escaped(column)}</th>'
            for column, side in zip(self.columns, sides, strict=True)
        )
        parts = ["<table>"]
        if self.title:
            parts.append(f"<caption>{_escaped(self.title)}</caption>")
        if any(self.columns):
            parts.append(f"<thead><tr>{head}</tr></thead>")
        parts.append("<tbody>")
        for row in self.rows:
            if len(row) == 1 < len(self.columns):
                parts.append(f'<tr><th scope="rowgroup" colspan="{len(self.columns)}">{_escaped(row[0])}</th></tr>')
                continue
            cells = (
                f'<td style="text-align:{side}">{_escaped(cell)}</td>' for cell, side in zip(row, sides, strict=True)
            )
            parts.append(f"<tr>{''.join(cells)}</tr>")
        return "".join([*parts, "</tbody></table>"])

    def markdown(self) -> str:
        """Return the table in Markdown, as GitHub and Pandoc read it; every text is escaped."""
        lines = [f"{markdown_text(self.title)}", ""] if self.title else []
        lines.append(f"| {' | '.join(map(markdown_text, self.columns))} |")
        lines.append("|" + "|".join("---:" if at in self.right else "---" for at in range(len(self.columns))) + "|")
        for row in self.rows:
            cells = [*map(markdown_text, row), *[""] * (len(self.columns) - len(row))]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, ""])

    def latex(self, shares: Sequence[float] = ()) -> str:
        """Return the table as a tabular of the package booktabs; every text is escaped.

        Parameters
        ----------
        shares : sequence of float, optional
            Shares of a line that the columns have: then their texts are broken into lines, and the table into pages (package longtable).
        """
        name = "longtable" if shares else "tabular"
        kinds = "".join("r" if at in self.right else "l" for at in range(len(self.columns)))
        if shares:
            kinds = "".join(rf"p{{{share}\linewidth}}" for share in shares)
        lines = [rf"\begin{{{name}}}{{{kinds}}}", r"\toprule"]
        if any(self.columns):
            lines += [" & ".join(map(latex_text, self.columns)) + r" \\", r"\midrule"]
        if shares:
            lines.append(r"\endhead")
        for row in self.rows:
            if len(row) == 1 < len(self.columns):
                lines.append(rf"\multicolumn{{{len(self.columns)}}}{{l}}{{\textit{{{latex_text(row[0])}}}}} \\")
            else:
                lines.append(" & ".join(map(latex_text, row)) + r" \\")
        return "\n".join([*lines, r"\bottomrule", rf"\end{{{name}}}", ""])


@dataclass(frozen=True)
class Page:
    """What one result says on one screen: facts by name, then tables, then notes."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()

    def text(self, width: int | None = WIDTH) -> str:
        """Return the page as text."""
        parts = ["\n".join(wrapped(visible(self.title), width))] if self.title else []
        if self.facts:
            parts.append(Table(["", ""], [[*fact] for fact in self.facts]).text(width))
        parts += [table.text(width) for table in self.tables if table.rows]
        if self.notes:
            parts.append("\n".join(line for note in self.notes for line in wrapped(visible(note), width, "  ")))
        return "\n\n".join(parts)

    def markdown(self, level: int = 1) -> str:
        """Return the page in Markdown, under a heading of a level."""
        parts = [f"{'#' * level} {markdown_text(self.title)}\n"] if self.title else []
        parts += ["".join(f"- **{markdown_text(name)}**: {markdown_text(said)}\n" for name, said in self.facts)]
        parts += [table.markdown() for table in self.tables if table.rows]
        parts += [f"{markdown_text(note)}\n" for note in self.notes]
        return "\n".join(part for part in parts if part)

    def latex(self, shares: Mapping[int, Sequence[float]], heading: str = "section") -> str:
        """Return the page as a part of a document in LaTeX.

        Parameters
        ----------
        shares : mapping count -> sequence of float
            Shares of a line that the columns of a table with so many have; other tables keep to one page.
        heading : str
            The command that makes its heading.
        """
        parts = [rf"\{heading}{{{latex_text(self.title)}}}"] if self.title else []
        if self.facts:
            items = (rf"\item[{{{latex_text(name)}}}] {latex_text(said)}" for name, said in self.facts)
            parts += [r"\begin{description}", *items, r"\end{description}"]
        for table in self.tables:
            if table.rows:
                parts += [latex_text(table.title), "", table.latex(shares.get(len(table.columns), ()))]
        return "\n".join([*parts, *map(latex_text, self.notes), ""])

    def html(self) -> str:
        """Return the page as HTML; every text is escaped."""
        parts = [f"<p><strong>{_escaped(self.title)}</strong></p>"] if self.title else []
        if self.facts:
            parts.append(Table(["", ""], [[*fact] for fact in self.facts]).html())
        parts += [table.html() for table in self.tables if table.rows]
        parts += [f"<p>{_escaped(note)}</p>" for note in self.notes]
        return f"<div>{''.join(parts)}</div>"


class Readable:
    """A result that shows itself as a page: in print, and in notebooks."""

    def page(self) -> Page:
        """Return what the result says on one screen."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.page().text()

    def _repr_html_(self) -> str:
        return self.page().html()


class Framed(Readable):
    """A result that is a table too."""

    def columns(self) -> dict[str, list[Any]]:
        """Return the table column by column, numbers exact."""
        raise NotImplementedError

    def frame(self, *, exact: bool = True) -> pd.DataFrame:
        """Return the columns as a data frame.

        Parameters
        ----------
        exact : bool
            Numbers as Fractions; else as floats.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return data_frame(self.columns(), exact=exact)


def _escaped(text: str) -> str:
    return html.escape(visible(text), quote=True)


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """Break a text at blanks; what is indented are all lines but the first."""
    if width is None or cell_width(text) <= width:
        return text.split("\n")
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if line and cell_width(longer) > width:
                lines.append(line)
                longer = indent + word
            line = longer
        lines.append(line)
    return lines


def _longest_word(text: str) -> int:
    return max(map(cell_width, text.split()), default=0)


def _shortened(text: str) -> str:
    """Take the middle out of words that are too long for any column."""

    def short(word: str) -> str:
        if cell_width(word) <= LONGEST_WORD:
            return word
        # Wide characters count twice: both ends are taken by what they need.
        return _ends(word, LONGEST_WORD // 2 - 1) + "…" + _ends(word[::-1], LONGEST_WORD // 2 - 1)[::-1]

    return " ".join(map(short, text.split()))


def _ends(word: str, room: int) -> str:
    taken = 0
    for at, c in enumerate(word):
        taken += cell_width(c)
        if taken > room:
            return word[:at]
    return word


def _blocks(head: list[str], body: list[list[str]], right: list[int], width: int | None) -> Iterator[list[str]]:
    """Draw a table in as few blocks as the width asks for; each repeats the first column."""
    if not body:
        return
    spread = [row for row in body if len(row) == len(head)]
    widths = [max(cell_width(cell) for cell in (title, *column)) for title, column in _columns(head, spread)]
    if width is None or sum(widths) + GAP * (len(widths) - 1) <= width:
        yield _drawn(head, body, widths, right)
        return
    # Headings wrap before anything else, then the widest columns of text, one column of the screen at a time.
    body = [row if len(row) != len(head) else [_narrow(cell, at, right) for at, cell in enumerate(row)] for row in body]
    spread = [row for row in body if len(row) == len(head)]
    least, widths = [], []
    for at, (title, column) in enumerate(_columns(head, spread)):
        whole = max(map(cell_width, column), default=0)
        words = whole if at in right else max(map(_longest_word, column), default=0)
        least.append(max(words, _longest_word(title)))
        widths.append(max(whole, _longest_word(title)))
    while sum(widths) + GAP * (len(widths) - 1) > width:
        loose = [at for at in range(len(widths)) if widths[at] > least[at]]
        if not loose:
            break
        widths[max(loose, key=lambda at: widths[at])] -= 1
    kept, start = [0], 1
    for at in range(1, len(widths) + 1):
        full = at < len(widths) and sum(widths[k] + GAP for k in kept) + widths[at] > width
        if at == len(widths) or (full and len(kept) > 1):
            picked = [row if len(row) != len(head) else [row[k] for k in kept] for row in body]
            drawn = _drawn(
                [head[k] for k in kept], picked, [widths[k] for k in kept], [kept.index(k) for k in right if k in kept]
            )
            yield drawn if start == 1 else ["", *drawn]
            kept, start = [0], at
        kept.append(at)


def _columns(head: list[str], rows: list[list[str]]) -> Iterator[tuple[str, list[str]]]:
    for at, title in enumerate(head):
        yield title, [row[at] for row in rows]


def _narrow(cell: str, at: int, right: list[int]) -> str:
    return cell if at in right else _shortened(cell)


def _drawn(head: list[str], body: Iterable[list[str]], widths: list[int], right: Sequence[int]) -> list[str]:
    lines: list[str] = []
    if any(head):
        lines += _row_lines(head, widths, right, last_line=True)
        lines.append("─" * (sum(widths) + GAP * (len(widths) - 1)))
    for row in body:
        lines += [row[0]] if len(row) == 1 < len(widths) else _row_lines(row, widths, right)
    return lines


def _row_lines(row: list[str], widths: list[int], right: Sequence[int], last_line: bool = False) -> list[str]:
    """Draw one row; headings of several lines stand on the last one, other cells on the first."""
    cells = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, cells))
    padded = [[""] * (height - len(cell)) + cell if last_line else cell + [""] * (height - len(cell)) for cell in cells]
    lines = []
    for parts in zip(*padded, strict=True):
        line = ""
        for at, (part, width) in enumerate(zip(parts, widths, strict=True)):
            blank = " " * (width - cell_width(part))
            line += (" " * GAP if at else "") + (blank + part if at in right else part + blank)
        lines.append(line.rstrip())
    return lines
