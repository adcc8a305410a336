"""Every notebook runs from top to bottom, shows something, and is kept without outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from campaign import thorough
from documents import leave_notebook, run_notebook

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", thorough(NOTEBOOKS, lambda path: path.stem[0] not in "12"), ids=lambda path: path.stem)
def test_notebook_runs(path: Path) -> None:
    notebook = json.loads(path.read_text())
    assert all(not cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    done = run_notebook(notebook)
    leave_notebook(path.name, done)
    assert any(shown for cell in done["cells"] if cell["cell_type"] == "code" for shown in cell["outputs"])
