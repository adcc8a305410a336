"""The public names of fedmech, each once: ``__init__.py`` loads them from where this file says, on first use."""

from . import extend
from .fl.comparison.compare import compare
from .fl.comparison.table import Comparison
from .fl.mechanisms.interface import Outcome, mechanism, mechanisms, run_mechanism
from .fl.sharing.interface import SharingOutcome
from .fl.sharing.swan import swan
from .front import check, judge, plot, read, run, simulate, solve, sweep
from .models.data import digits_market_path
from .models.input_error import InputError
from .models.procurement.file import read_market, write_market
from .models.procurement.formulations import export_model
from .models.procurement.generate import generate_market
from .models.procurement.market import Market
from .models.sharing.market import MotsMarket, read_mots, write_mots
from .models.sharing.market import MotsMarket as SharingMarket
from .reports.report import report
from .solvers.allocation import Allocation, check_allocation
from .solvers.feasibility import CheckError
from .solvers.interchange.write import write_proof
from .solvers.proofs.proof import Proof, ProofError
from .solvers.registry import methods
from .solvers.sharing.solve import solve_social_state
from .solvers.solution import NotOptimalError, Solution
from .verification.audit import audit
from .verification.ledger import claims, verify

__version__: str

__all__ = [
    "Allocation",
    "CheckError",
    "Comparison",
    "InputError",
    "Market",
    "MotsMarket",
    "NotOptimalError",
    "Outcome",
    "Proof",
    "ProofError",
    "SharingMarket",
    "SharingOutcome",
    "Solution",
    "__version__",
    "audit",
    "check",
    "check_allocation",
    "claims",
    "compare",
    "digits_market_path",
    "export_model",
    "extend",
    "generate_market",
    "judge",
    "mechanism",
    "mechanisms",
    "methods",
    "plot",
    "read",
    "read_market",
    "read_mots",
    "report",
    "run",
    "run_mechanism",
    "simulate",
    "solve",
    "solve_social_state",
    "swan",
    "sweep",
    "verify",
    "write_market",
    "write_mots",
    "write_proof",
]
