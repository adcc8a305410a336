"""Public names that stand once, in a stub, and load on first use from where it says."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["load_name", "names_of"]


def names_of(stub: Path) -> dict[str, tuple[str, str]]:
    """Read, from a stub, in which module each name is to be found, and under which name there; "" stands for the module itself."""
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: (f".{node.module or alias.name}", alias.name if node.module else "")
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def load_name(module: str, places: dict[str, tuple[str, str]], name: str, found: dict[str, Any]) -> Any:
    """Load a name from its place, and keep it among those that were found: a submodule of that name must not shadow it."""
    if name not in places:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    place, attribute = places[name]
    loaded = import_module(place, __package__)
    found[name] = getattr(loaded, attribute) if attribute else loaded
    return found[name]
