"""fedmech: exact optima, mechanisms and machine-judged theorems for federated-learning markets.

The public names below load on first use, so that ``import fedmech`` costs nothing and never imports a solver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "InputError": "models.input_error",
    "Market": "models.market",
    "read_market": "models.market_file",
    "write_market": "models.market_file",
    "generate_market": "models.generate",
    "digits_market_path": "models.data",
    "export_model": "models.formulations",
    "CheckError": "solvers.check",
    "NotOptimalError": "solvers.solution",
    "Solution": "solvers.solution",
    "methods": "solvers.registry",
    "solve": "solvers.solve",
    "Outcome": "fl.mechanisms.interface",
    "mechanisms": "fl.mechanisms.interface",
    "run_mechanism": "fl.mechanisms.interface",
    "MotsMarket": "models.mots",
    "read_mots": "models.mots",
    "write_mots": "models.mots",
    "solve_social_state": "solvers.social.solve",
    "swan": "fl.mechanisms.swan",
    "audit": "verification.properties",
    "verify": "verification.ledger",
}

__all__ = [
    "CheckError",
    "InputError",
    "Market",
    "MotsMarket",
    "NotOptimalError",
    "Outcome",
    "Solution",
    "__version__",
    "audit",
    "digits_market_path",
    "export_model",
    "generate_market",
    "mechanisms",
    "methods",
    "read_market",
    "read_mots",
    "run_mechanism",
    "solve",
    "solve_social_state",
    "swan",
    "verify",
    "write_market",
    "write_mots",
]

if TYPE_CHECKING:
    from .fl.mechanisms.interface import Outcome, mechanisms, run_mechanism
    from .fl.mechanisms.swan import swan
    from .models.data import digits_market_path
    from .models.formulations import export_model
    from .models.generate import generate_market
    from .models.input_error import InputError
    from .models.market import Market
    from .models.market_file import read_market, write_market
    from .models.mots import MotsMarket, read_mots, write_mots
    from .solvers.check import CheckError
    from .solvers.registry import methods
    from .solvers.social.solve import solve_social_state
    from .solvers.solution import NotOptimalError, Solution
    from .solvers.solve import solve
    from .verification.ledger import verify
    from .verification.properties import audit


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'fedmech' has no attribute {name!r}")
    value = getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    # A submodule of the same name (fedmech.solvers.solve) must not shadow the function on the next look-up.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
