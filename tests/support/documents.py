"""Documents that are run: pages of Markdown block by block, notebooks cell by cell.

    python tests/support/documents.py [--update] README.md docs/index.md ...

In a page every block of code is run, in the order in which it stands and in one folder:

- `python` is executed, with the names of the blocks before it;
- `console` has commands of fedmech, one a line, that end with 0 or with the code that a comment behind them names (`# exit code 1`);
- a block with `title="NAME"` is written to that file instead; so is one below a comment with a file's name;
- `text` right after one of the first two is what it prints; a line `...` there stands for any lines, and seconds are not compared.

`<!-- not run: WHY -->` above a block keeps it from being run, `<!-- test command -->` too: .ci/run runs that.
What a line of `console` installs before ` && ` is taken to be installed.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from fedmech.verification.ledger import Entry

__all__ = [
    "Block",
    "blocks_of",
    "clean_folder",
    "leave_notebook",
    "leave_verdict",
    "run_block",
    "run_notebook",
    "same_text",
    "updated",
]

EXECUTED = "FEDMECH_EXECUTED"
"""The environment variable that names a folder for what the site shows and the tests have worked out."""

COMMENT = re.compile(r"<!-- (?:(?P<name>[\w.-]+\.\w+)|(?:not run: )?(?P<why>test command|(?<=not run: )[^>]+)) -->\s*$")
TITLE = re.compile(r'title="([^"]+)"')
CODE = re.compile(r"# .*exit code (\d)")
SECONDS = re.compile(r"\d[\d,]*(?:\.\d+)? s\b|(?<=^seconds  )\s*[\d.]+")


@dataclass(frozen=True)
class Block:
    """One block of a page: what it is, what it is to print, and the lines of that, from 0."""

    language: str
    code: str
    line: int
    name: str | None = None
    unrun: str | None = None
    prints: str | None = None
    printed: tuple[int, int] = (0, 0)


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page, outputs beside what prints them; texts that nothing prints are no code."""
    blocks: list[Block] = []
    comment, printing = None, False
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            language = token.info.split()[0] if token.info else ""
            if language.startswith("{"):
                # A directive of the site's.
                printing = False
                continue
            title = TITLE.search(token.info)
            if language == "text" and not title:
                if printing:
                    blocks[-1] = replace(blocks[-1], prints=token.content, printed=(token.map[0], token.map[1]))
                printing = False
                continue
            name = title[1] if title else comment["name"] if comment else None
            blocks.append(Block(language, token.content, token.map[0] + 1, name, comment and comment["why"]))
            comment, printing = None, name is None
        elif token.type == "html_block":
            comment = COMMENT.search(token.content.strip())
        elif token.type not in ("paragraph_open", "inline", "paragraph_close"):
            comment, printing = None, False
        else:
            printing = False
    return blocks


def run_block(block: Block, names: dict[str, Any]) -> str:
    """Run one block where we are, and return what it prints."""
    if block.unrun:
        return ""
    if block.name:
        if block.language == "python":
            compile(block.code, block.name, "exec")
        Path(block.name).write_text(block.code, encoding="utf-8")
        return ""
    if block.language == "python":
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(block.code, f"line {block.line}", "exec"), names)
        return out.getvalue()
    assert block.language == "console", f"line {block.line}: {block.language or 'a block of no language'} cannot be run"
    return "".join(map(run_command, block.code.splitlines()))


def run_command(line: str) -> str:
    from fedmech.cli import app
    from typer.testing import CliRunner

    wanted, shown = CODE.search(line), ""
    for command in line.split(" && "):
        program, *words = shlex.split(command, comments=True)
        if command.startswith("python3 -m venv ") or Path(program).name == "pip":
            continue
        assert Path(program).name == "fedmech", line
        done = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
        raised = "".join(traceback.format_exception(done.exception)) if done.exception else ""
        assert done.exit_code == (int(wanted[1]) if wanted else 0), f"{line}\n{done.exit_code}: {done.output}{raised}"
        shown += done.stdout
    return shown


def same_text(wanted: str, found: str) -> bool:
    """Whether a page says what was printed: seconds aside, and `...` for any lines."""
    plain = [[SECONDS.sub("0 s", line.rstrip()) for line in text.strip("\n").splitlines()] for text in (wanted, found)]
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n" for line in plain[0])
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in plain[1])) is not None


@contextmanager
def clean_folder(folder: Path) -> Iterator[None]:
    """Be in a folder, and take back afterwards what a page registered and imported."""
    from fedmech.fl import registry

    registry.mechanisms()
    before, mechanisms, modules, paths = Path.cwd(), dict(registry._MECHANISMS), set(sys.modules), [*sys.path]
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = paths
        registry._MECHANISMS.clear()
        registry._MECHANISMS.update(mechanisms)
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]


def updated(text: str) -> str:
    """Run a page where we are, and return it with what its blocks print now."""
    lines, names = text.splitlines(keepends=True), {}
    runs = [(block, run_block(block, names)) for block in blocks_of(text)]
    for block, found in reversed(runs):
        if block.prints is not None and not same_text(block.prints, found):
            start, end = block.printed
            kept = [f"{line.rstrip()}\n" for line in found.strip("\n").splitlines()]
            lines[start + 1 : end - 1] = kept
    return "".join(lines)


def run_notebook(notebook: dict[str, Any]) -> dict[str, Any]:
    """Run a notebook from top to bottom, and return it with what its cells print and show."""
    done, names = deepcopy(notebook), {"__name__": "__main__"}
    count = 0
    for cell in done["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        out = io.StringIO()
        with redirect_stdout(out):
            value = run_cell("".join(cell["source"]), names, cell["id"])
        shown = [{"output_type": "stream", "name": "stdout", "text": out.getvalue()}] if out.getvalue() else []
        if value is not None:
            data = {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": bundle(value)}
            shown.append(data)
        cell |= {"outputs": shown, "execution_count": count}
    return done


def run_cell(code: str, names: dict[str, Any], label: str) -> Any:
    """Run a cell, and return the value of the expression at its end."""
    tree, last = ast.parse(code, label), None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body[-1].value)
        del tree.body[-1]
    exec(compile(tree, label, "exec"), names)
    return None if last is None else eval(compile(last, label, "eval"), names)


def bundle(value: Any) -> dict[str, str]:
    """What a notebook shows of a value: a figure as a picture, what has a form in HTML in that."""
    if hasattr(value, "savefig"):
        picture = io.BytesIO()
        value.savefig(picture, format="png", dpi=150, bbox_inches="tight")
        return {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": repr(value)}
    shown = {"text/plain": str(value)}
    if hasattr(value, "_repr_html_"):
        shown["text/html"] = value._repr_html_()
    return shown


def leave_notebook(name: str, done: dict[str, Any]) -> None:
    """Leave an executed notebook for the site, if anybody asks for it."""
    if folder := os.environ.get(EXECUTED):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_text(json.dumps(done), encoding="utf-8")


def leave_verdict(entry: Entry) -> None:
    """Leave a verdict for the site's ledger, if anybody asks for it."""
    from fedmech.verification.ledger_cache import fingerprint, keep

    if folder := os.environ.get(EXECUTED):
        keep(entry, Path(folder) / "verdicts", fingerprint())


def main() -> int:
    """Run pages, and say which print something else than they say."""
    import tempfile

    update, pages = "--update" in sys.argv, [Path(name).resolve() for name in sys.argv[1:] if name != "--update"]
    stale = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder, clean_folder(Path(folder)):
            now = updated(text)
        if now != text:
            stale += 1
            print(f"{page}: {'updated' if update else 'prints something else'}")
            if update:
                page.write_text(now, encoding="utf-8")
    return 0 if update else min(stale, 1)


if __name__ == "__main__":
    sys.exit(main())
