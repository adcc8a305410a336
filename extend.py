"""What those who extend fedmech need: mechanisms, methods, proofs, experiments, scoring rules and claims of their own.

``CONTRIBUTING.md`` shows each at work. Whoever only wants to compare a mechanism of their own needs two names::

    import fedmech as fm

    @fm.mechanism("mine")
    def mine(market):
        \"\"\"Hire the cheapest worker, paid as bid.\"\"\"
        first = min(range(market.n), key=market.bid)
        return fm.extend.outcome(market, [first], {first: market.bid(first)})
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .public_names import load_name, names_of

_PLACES = names_of(Path(__file__).with_suffix(".pyi"))
__all__ = sorted(_PLACES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    return load_name(__name__, _PLACES, name, globals())


def __dir__() -> list[str]:
    return __all__
