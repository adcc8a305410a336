"""fedmech: exact optima, mechanisms and machine-judged theorems for federated-learning markets.

The public names below load on first use, so that ``import fedmech`` costs nothing and never imports a solver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "InputError": "models.input_error",
    "Market": "models.procurement.market",
    "read_market": "models.procurement.file",
    "write_market": "models.procurement.file",
    "generate_market": "models.procurement.generate",
    "digits_market_path": "models.data",
    "export_model": "models.procurement.formulations",
    "CheckError": "solvers.feasibility",
    "NotOptimalError": "solvers.solution",
    "Solution": "solvers.solution",
    "methods": "solvers.registry",
    "solve": "solvers.solve",
    "Outcome": "fl.mechanisms.interface",
    "mechanisms": "fl.mechanisms.interface",
    "run_mechanism": "fl.mechanisms.interface",
    "MotsMarket": "models.sharing.market",
    "read_mots": "models.sharing.market",
    "write_mots": "models.sharing.market",
    "solve_social_state": "solvers.sharing.solve",
    "swan": "fl.sharing.swan",
    "audit": "verification.audit",
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
    from .fl.sharing.swan import swan
    from .models.data import digits_market_path
    from .models.input_error import InputError
    from .models.procurement.file import read_market, write_market
    from .models.procurement.formulations import export_model
    from .models.procurement.generate import generate_market
    from .models.procurement.market import Market
    from .models.sharing.market import MotsMarket, read_mots, write_mots
    from .solvers.feasibility import CheckError
    from .solvers.registry import methods
    from .solvers.sharing.solve import solve_social_state
    from .solvers.solution import NotOptimalError, Solution
    from .solvers.solve import solve
    from .verification.audit import audit
    from .verification.ledger import verify


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'fedmech' has no attribute {name!r}")
    value = getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    # A submodule of the same name (fedmech.solvers.solve) must not shadow the function on the next look-up.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
