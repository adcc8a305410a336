"""Every block of code in README and on the site's pages is run, and prints what stands below it.

Not part of the default run (``pytest tests/site``): it prints what the versions that were tested last print. ``tests/support/documents.py --update``
writes down what is printed now.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from documents import blocks_of, clean_folder, run_block, same_text

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    names: dict = {}
    with clean_folder(tmp_path):
        for block in blocks_of(page.read_text(encoding="utf-8")):
            found = run_block(block, names)
            assert block.prints is None or same_text(block.prints, found), f"line {block.line} prints\n{found}"
