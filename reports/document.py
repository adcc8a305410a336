"""One HTML page that needs nothing else: no network, no other file, and no script to be read.

Every text passes :func:`escaped` on its way in; what the functions of this file return is HTML, what they take is text, unless the
name says ``markup``. The page forbids itself every address and every script but its own, whose digest it names.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ..models.display import Page, Readable, Table, visible
from ..models.files import PathLike, refuse_overwriting, write_whole

__all__ = [
    "RESTS_ON",
    "Report",
    "Section",
    "anchor",
    "escaped",
    "facts",
    "filtered",
    "folded",
    "page_markup",
    "prose",
    "table",
]

RESTS_ON = {
    "checked": "A checker that shares no code with the search read the market itself and accepted a proof, in exact arithmetic.",
    "enumerated": "Every point was looked at.",
    "solver": "HiGHS says so, with both gaps 0 on integers; the point itself is checked exactly. This is not called proved.",
    "unchecked": "Nobody checked the bound.",
}
"""What each exactness means, in a sentence."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--paper:#fff;--line:#d0d7de;--tint:#f3f5f7;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9da7b1;--paper:#0d1117;--line:#3d444d;--tint:#161b22;--link:#79b8ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.2rem;margin:2rem 0 .5rem;border-top:1px solid var(--line);padding-top:1rem}
a{color:var(--link)}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
nav a{display:inline-block;padding:.25rem 0}
dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.25rem 1rem;margin:.75rem 0}
dt{color:var(--dim)}
dd{margin:0;min-width:0}
.scroll{overflow-x:auto;max-width:100%;margin:.75rem 0}
.scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line)}
td{max-width:30rem;overflow-wrap:break-word}
td:first-child{min-width:7.5rem}
thead th{border-bottom-color:var(--ink)}
figure{margin:1rem 0;max-width:30rem}
figure svg{display:block;width:100%;height:auto;color:var(--ink)}
figcaption,.note{color:var(--dim);font-size:.9rem}
details{margin:.5rem 0;border:1px solid var(--line);border-radius:.25rem;padding:.5rem .75rem}
summary{cursor:pointer;min-height:1.5rem}
.filter{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;background:var(--tint);padding:.5rem;margin:.75rem 0}
.filter[hidden]{display:none}
input,select{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--dim);padding:.25rem;max-width:100%}
footer{margin-top:3rem;color:var(--dim);font-size:.9rem;border-top:1px solid var(--line)}
@media print{.filter{display:none}}
"""

SCRIPT = """
"use strict";
for (const box of document.querySelectorAll(".filter")) {
  const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows];
  const words = box.querySelector("input"), kind = box.querySelector("select"), found = box.querySelector("output");
  const choose = () => {
    const wanted = words.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = wanted.every((word) => text.includes(word)) &&
        (!kind || !kind.value || row.cells[kind.dataset.column].textContent === kind.value);
      row.hidden = !fits;
      shown += fits;
    }
    found.textContent = `${shown} of ${rows.length} rows`;
  };
  words.addEventListener("input", choose);
  if (kind) kind.addEventListener("change", choose);
  box.hidden = false;
  choose();
}
"""


@dataclass(frozen=True)
class Section:
    """A part of a report under a heading of its own; `markup` is made by the functions of this module."""

    title: str
    markup: Sequence[str]


@dataclass(frozen=True, repr=False)
class Report(Readable):
    """A page that can be read anywhere. Made by :func:`fedmech.report`.

    Attributes
    ----------
    title : str
    sections : sequence of Section
    complete : bool
        Whether nothing of it was cut short: every optimum that it shows was reached, every verdict is the one on record.
    proved : bool
        Whether moreover every optimum rests on a proof that was checked, or on all points.
    """

    title: str
    sections: Sequence[Section]
    complete: bool = True
    proved: bool = True

    def html(self) -> str:
        """Return the whole page."""
        from .. import __version__

        names = [f"part-{number}" for number in range(1, len(self.sections) + 1)]
        listed = "".join(
            f'<li><a href="#{name}">{escaped(section.title)}</a></li>'
            for name, section in zip(names, self.sections, strict=True)
        )
        body = "".join(
            f'<section aria-labelledby="{name}"><h2 id="{name}">{escaped(section.title)}</h2>{"".join(section.markup)}</section>\n'
            for name, section in zip(names, self.sections, strict=True)
        )
        digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
        policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        script = f"<script>{SCRIPT}</script>" if 'class="filter"' in body else ""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            # Without an icon of its own a page makes the browser ask for one.
            f'<title>{escaped(self.title)}</title>\n<link rel="icon" href="data:,">\n<style>{STYLE}</style>\n</head>\n<body>\n'
            f"<header><h1>{escaped(self.title)}</h1></header>\n"
            f'<nav aria-label="Parts of this page"><ul>{listed}</ul></nav>\n<main>\n{body}</main>\n'
            f"<footer><p>Made by fedmech {escaped(__version__)}.</p></footer>\n{script}</body>\n</html>\n"
        )

    def save(self, path: PathLike, *, force: bool = False) -> None:
        """Write the page, whole or not at all.

        Parameters
        ----------
        path : path
        force : bool
            Whether a file that is there already is replaced.

        Raises
        ------
        InputError
            If it cannot be written, or there is such a file.
        """
        refuse_overwriting(path, force)
        write_whole(path, self.html())

    def page(self) -> Page:
        """Return what the report has in it."""
        return Page(self.title, [("part", section.title) for section in self.sections])

    def __repr__(self) -> str:
        return f"Report({self.title!r}, {len(self.sections)} parts)"


def escaped(text: str) -> str:
    """Return a text for HTML, with everything visible that a reader would obey, hide or reorder by."""
    return html.escape(visible(text), quote=True)


def anchor(text: str) -> str:
    """Return a name that can be linked to."""
    return "at-" + re.sub(r"[^A-Za-z0-9-]", "_", text)


def prose(*paragraphs: str) -> str:
    """Return paragraphs."""
    return "".join(f"<p>{escaped(text)}</p>" for text in paragraphs if text)


def facts(named: Iterable[tuple[str, str]]) -> str:
    """Return facts by name."""
    listed = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in named)
    return f"<dl>{listed}</dl>" if listed else ""


def table(drawn: Table) -> str:
    """Return a table that scrolls by itself where the screen is too narrow."""
    return _scrolling(drawn.html(), drawn.title or "Table") if drawn.rows else ""


def _scrolling(markup: str, label: str) -> str:
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{escaped(label)}">{markup}</div>'


def page_markup(page: Page) -> list[str]:
    """Return what a result says on one screen."""
    parts = [prose(page.title), facts(page.facts), *map(table, page.tables)]
    return [part for part in [*parts, *(f'<p class="note">{escaped(note)}</p>' for note in page.notes)] if part]


def folded(summary: str, markup: Iterable[str], name: str = "") -> str:
    """Return something that is shown when its summary is clicked; `name` is what links lead to."""
    # Inside, so that a link opens what it leads into.
    target = f'<div id="{anchor(name)}">' if name else "<div>"
    return f"<details><summary>{escaped(summary)}</summary>{target}{''.join(markup)}</div></details>"


def filtered(drawn: Table, kind: int | None = None, *, links: bool = False) -> str:
    """Return a table with a line above it that chooses among its rows; without scripts, all of them stand there.

    Parameters
    ----------
    drawn : Table
    kind : int, optional
        A column whose values can be chosen from a list.
    links : bool
        Whether the first column leads to the folded part of that name.
    """
    name = f"table-{anchor(drawn.title)}"
    markup = drawn.html().replace("<table>", f'<table id="{name}">', 1)
    if links:
        markup = re.sub(r"(<tr><td[^>]*>)([^<]*)(</td>)", _link, markup)
    choice = ""
    if kind is not None:
        values = "".join(f"<option>{escaped(value)}</option>" for value in sorted({row[kind] for row in drawn.rows}))
        label = escaped(drawn.columns[kind])
        choice = f'<label>{label} <select data-column="{kind}"><option value="">all</option>{values}</select></label>'
    words = '<label>Words <input type="search"></label>'
    line = f'<div class="filter" data-table="{name}" hidden>{words}{choice}<output aria-live="polite"></output></div>'
    return line + _scrolling(markup, drawn.title)


def _link(found: re.Match[str]) -> str:
    cell, text, end = found.groups()
    return f'{cell}<a href="#{anchor(html.unescape(text))}">{text}</a>{end}'
