"""fedmech: exact optima, mechanisms and machine-judged theorems for federated-learning markets.

The public names stand once, in ``__init__.pyi``, and load on first use from where it says: ``import fedmech`` costs nothing and
never imports a solver.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def _stub() -> dict[str, tuple[str, str]]:
    """Read, from the stub beside this file, in which module each public name is to be found, and under which name there."""
    tree = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: (f".{node.module}", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


_PLACES = _stub()
__all__ = sorted([*_PLACES, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'fedmech' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    value = getattr(import_module(module, __name__), attribute)
    # A submodule of the same name must not shadow the function on the next look-up.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
