"""fedmech: exact optima, mechanisms and machine-judged theorems for federated-learning markets.

The public names stand once, in ``__init__.pyi``, and load on first use from where it says: ``import fedmech`` costs nothing and
never imports a solver.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Absolute: pytest before 8.1 imports this file by itself, as a module without a package.
from fedmech.public_names import load_name, names_of

__version__ = "0.1.0"


_PLACES = names_of(Path(__file__).with_suffix(".pyi"))
__all__ = sorted([*_PLACES, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    return load_name(__name__, _PLACES, name, globals())


def __dir__() -> list[str]:
    return __all__
