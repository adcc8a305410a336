"""Build the site: ``python docs/build.py FOLDER [--executed FOLDER]``.

Pages are made from what is written by hand here, from registries, docstrings, notebooks and the ledger, so that they cannot go stale; nothing that is
made is kept in the repository, and a warning is an error. Notebooks that the tests have executed, and verdicts that they have reached, are taken
from the folder that ``--executed`` names (the tests leave them in ``$FEDMECH_EXECUTED``); what is not there is run now.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fedmech.models.display import Page, Table

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

MADE = re.compile(r"<!-- made: (\w+) -->")
"""Where a page written by hand has what a registry says."""
TITLED = re.compile(r'^```(\w+) title="([^"]+)"$', re.MULTILINE)
"""A block that is a file, whose name the site shows above it."""


def build(out: Path, executed: Path | None) -> int:
    """Make all pages in a folder of their own, and have Sphinx turn them into the site."""
    from sphinx.cmd.build import main as sphinx

    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder) / "pages"
        shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        for path in pages.rglob("*.md"):
            text = MADE.sub(lambda found: PARTS[found[1]](), path.read_text(encoding="utf-8"))
            path.write_text(TITLED.sub(r"`\2`:\n\n```\1", text), encoding="utf-8")
        for name, make in PAGES.items():
            if (pages / name).exists():
                raise SystemExit(f"docs/{name} is written by hand, and made as well")
            (pages / name).write_text(make(), encoding="utf-8")
        (pages / "ledger.md").write_text(ledger_page(executed), encoding="utf-8")
        (pages / "notebooks").mkdir()
        for path in notebooks():
            page, figures = notebook_page(path, executed)
            (pages / "notebooks" / f"{path.stem}.md").write_text(page, encoding="utf-8")
            for name, picture in figures.items():
                (pages / "notebooks" / name).write_bytes(picture)
        return sphinx(["-W", "--keep-going", "-q", "-c", str(DOCS), "-d", f"{folder}/trees", str(pages), str(out)])


def problems_part() -> str:
    """Return all problems: formula, source, methods, a command."""
    from fedmech.commands.problems import problem_page
    from fedmech.models.problems import problems

    parts = []
    for entry in problems():
        page = problem_page(entry)
        parts += [f"\n## {entry.title}\n\n$$\n{entry.latex}\n$$\n"]
        parts += [Page("", page.facts, page.tables[1:]).markdown()]
    return "\n".join(parts)


def mechanisms_page() -> str:
    """Return all mechanisms, in a table and one by one."""
    from fedmech.commands.catalogue import mechanism_page
    from fedmech.fl.registry import mechanisms

    found = mechanisms()
    rows = [[entry.name, str(entry.market), ", ".join(sorted(entry.claims)), entry.source] for entry in found]
    parts = ["# The mechanisms", "", "What is registered, as `fedmech mechanisms NAME` shows it.", ""]
    parts += [Table(["mechanism", "market", "promises", "source"], rows).markdown()]
    parts += [_titled(entry.name, mechanism_page(entry)) for entry in found]
    return "\n".join(parts)


def experiments_page() -> str:
    """Return all experiments with their settings."""
    from fedmech.commands.simulate import experiment_page, shipped_sizes
    from fedmech.fl.experiments.engine.registry import experiments

    sizes = shipped_sizes()
    parts = [
        "# Experiments and their settings",
        "",
        "What `simulate` and `sweep` run, as `fedmech experiments NAME` shows it.",
        "",
    ]
    pages = ((entry.name, experiment_page(entry, sizes.get(entry.name, {}))) for entry in experiments())
    return "\n".join([*parts, *(_titled(*page) for page in pages)])


def methods_page() -> str:
    """Return what can solve what."""
    from fedmech.solvers.registry import methods

    rows = [
        [
            one.problem,
            one.name,
            one.exactness,
            "any" if one.max_workers is None else f"up to {one.max_workers}",
            one.summary,
        ]
        for one in methods(None)
    ]
    head = "# Methods\n\n`fedmech solve --method NAME`; without it the best that apply are tried in turn.\n\n"
    return head + Table(["problem", "method", "an answer is at most", "workers", ""], rows).markdown()


def commands_page() -> str:
    """Return every command with its options and examples."""
    from fedmech.cli import app
    from fedmech.commands.examples import EXAMPLES
    from typer.main import get_command

    parts = ["# Command line", ""]
    group: Any = get_command(app)
    for name, command in group.commands.items():
        parts += [f"## fedmech {name}", "", *_paragraphs(command.help or "")]
        rows = []
        for option in command.params:
            written = option.opts if option.param_type_name == "option" else [(option.name or "").upper()]
            rows.append([", ".join(written), getattr(option, "help", "") or ""])
        parts += [Table(["option", ""], rows).markdown(), "```console", *EXAMPLES[name], "```", ""]
    return "\n".join(parts)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield " ".join(paragraph.split()).replace("\b", "").strip()
        yield ""


def ledger_page(executed: Path | None) -> str:
    """Return the ledger: every claim, its verdict, how it was read, what proves or refutes it."""
    from fedmech.reports.ledger_export import ledger_markdown
    from fedmech.verification.ledger import select
    from fedmech.verification.ledger_cache import VARIABLE, judge_or_recall

    if executed is not None:
        os.environ[VARIABLE] = str(executed / "verdicts")
    return ledger_markdown(judge_or_recall(select()), "The ledger")


def names_page(module: str, stub: str, elsewhere: str = "") -> Callable[[], str]:
    """Return a maker of the reference of a module: its public names, from their docstrings, but for those that another stub has."""

    def make() -> str:
        from fedmech.public_names import names_of

        others = names_of(ROOT / elsewhere) if elsewhere else {}
        parts = [f"# {module}\n\n`import {module}` loads each name on first use.\n"]
        for name, (place, attribute) in sorted(names_of(ROOT / stub).items()):
            value = getattr(import_module(f"fedmech{place}"), attribute) if attribute else None
            parts.append(f"## {name}\n")
            if name in others:
                parts.append(f"As [in fedmech](reference.md#{name.lower()}).\n")
            elif attribute != name:
                parts.append(f"The same as `{attribute or place.lstrip('.')}`.\n")
            elif isinstance(value, type) and not hasattr(value, "__origin__"):
                lines = f".. autoclass:: {value.__module__}.{name}\n   :members:"
                parts.append(f"```{{eval-rst}}\n{lines}\n```\n")
            elif callable(value) and hasattr(value, "__code__"):
                parts.append(f"```{{eval-rst}}\n.. autofunction:: {value.__module__}.{name}\n```\n")
            else:
                parts.append(f"`{value}`\n")
        return "\n".join(parts)

    return make


def letters_part() -> str:
    """Return the letters of the formulas."""
    from fedmech.models.problems import SYMBOLS

    return Table(["letter", "stands for"], [[*pair] for pair in SYMBOLS.items()]).markdown()


def sources_part() -> str:
    """Return where every claim comes from."""
    from fedmech.verification.ledger import claims

    return Table(["claim", "source"], [[name, claim.source] for name, claim in claims().items()]).markdown()


def copied(name: str) -> Callable[[], str]:
    """Return a maker of the page that a file at the root of the repository is."""
    return lambda: (ROOT / name).read_text(encoding="utf-8")


def _titled(name: str, page: Page) -> str:
    return f"\n## {name}\n\n{Page('', page.facts[1:], page.tables).markdown()}"


def notebooks() -> list[Path]:
    """Return the notebooks in the order in which they are read."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def notebooks_page() -> str:
    """Return the list of notebooks."""
    listed = "\n".join(f"notebooks/{path.stem}" for path in notebooks())
    return (
        f"# Notebooks\n\nExecuted by the tests, and shown here with what they print.\n\n```{{toctree}}\n{listed}\n```\n"
    )


def notebook_page(path: Path, executed: Path | None) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as a page, and its figures by file name; it is run unless the tests have left it executed."""
    from documents import run_notebook

    left = None if executed is None else executed / path.name
    if left is not None and left.exists():
        done = json.loads(left.read_text(encoding="utf-8"))
    else:
        done = run_notebook(json.loads(path.read_text(encoding="utf-8")))
    parts, figures = [], {}
    for cell in done["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(f"{source}\n")
            continue
        parts.append(f"```python\n{source}\n```\n")
        for shown in cell["outputs"]:
            data = shown.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}-{len(figures)}.png"
                figures[name] = base64.b64decode(data["image/png"])
                parts.append(f"![figure of this cell]({name})\n")
            elif "text/html" in data:
                parts.append(f"{data['text/html']}\n")
            else:
                parts.append(f"```text\n{(shown.get('text') or data['text/plain']).rstrip()}\n```\n")
    parts.append(f"The notebook: `notebooks/{path.name}`.\n")
    return "\n".join(parts), figures


PAGES: dict[str, Callable[[], str]] = {
    "mechanisms.md": mechanisms_page,
    "experiment-settings.md": experiments_page,
    "methods.md": methods_page,
    "commands.md": commands_page,
    "reference.md": names_page("fedmech", "__init__.pyi"),
    "extend.md": names_page("fedmech.extend", "extend.pyi", "__init__.pyi"),
    "notebooks.md": notebooks_page,
    "contributing.md": copied("CONTRIBUTING.md"),
    "changelog.md": copied("CHANGELOG.md"),
    "security.md": copied("SECURITY.md"),
}
PARTS: dict[str, Callable[[], str]] = {"problems": problems_part, "letters": letters_part, "sources": sources_part}


def main() -> int:
    """Read the command line, and build."""
    parser = argparse.ArgumentParser(description="Build the site.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--executed", type=Path, help="where the tests left notebooks and verdicts")
    given = parser.parse_args()
    return build(given.out, given.executed)


if __name__ == "__main__":
    sys.exit(main())
