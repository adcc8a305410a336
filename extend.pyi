"""The names that :mod:`fedmech.extend` offers, each once: it loads them from where this file says, on first use."""

from .fl.experiments.engine.registry import Row, experiment
from .fl.mechanisms.interface import Mechanism, Option, Outcome, build_scaled_outcome, mechanism, outcome
from .fl.mechanisms.parts.placement import Placement
from .fl.rounds.scoring_rules import Measurement, scoring_rule
from .fl.scoring.audit import AuditSchedule, open_schedule
from .fl.scoring.commitment import fresh_secret
from .fl.scoring.probe import draw_probe, open_probe
from .fl.settings import setting
from .fl.sharing.interface import SharingOutcome, sharing_outcome
from .models.exact import exact_sum, format_exact, parse_integer, parse_number
from .models.input_error import InputError
from .models.procurement.market import Market
from .models.procurement.opt import opt_model
from .solvers.control import Control, Stopped
from .solvers.feasibility import CheckError, objective_value, violation
from .solvers.placement.matroid import best_set, route
from .solvers.proofs.proof import Proof, ProofError, Pulse, check_bound
from .solvers.registry import register
from .solvers.seated.parametric import price_of_money
from .solvers.solution import Enumerated, Found, SolverClaim
from .verification.claim import Claim, Judgement
from .verification.ledger import claim
from .verification.literal.driftpay import liar
from .verification.literal.procurement import literal_market
from .verification.search.boxes import market_document
from .verification.search.shrink import shrink

__all__ = [
    "AuditSchedule",
    "CheckError",
    "Claim",
    "Control",
    "Enumerated",
    "Found",
    "InputError",
    "Judgement",
    "Market",
    "Measurement",
    "Mechanism",
    "Option",
    "Outcome",
    "Placement",
    "Proof",
    "ProofError",
    "Pulse",
    "Row",
    "SharingOutcome",
    "SolverClaim",
    "Stopped",
    "best_set",
    "build_scaled_outcome",
    "check_bound",
    "claim",
    "draw_probe",
    "exact_sum",
    "experiment",
    "format_exact",
    "fresh_secret",
    "liar",
    "literal_market",
    "market_document",
    "mechanism",
    "objective_value",
    "open_probe",
    "open_schedule",
    "opt_model",
    "outcome",
    "parse_integer",
    "parse_number",
    "price_of_money",
    "register",
    "route",
    "scoring_rule",
    "setting",
    "sharing_outcome",
    "shrink",
    "violation",
]
