"""The verbs that take either market, any mechanism or any experiment: ``read``, ``solve``, ``run``, ``check``, ``judge``, ``plot``, ``simulate``, ``sweep``."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .fl.comparison.table import Comparison
    from .fl.mechanisms.interface import Outcome
    from .fl.sharing.interface import SharingOutcome
    from .models.files import PathLike
    from .models.procurement.market import Market
    from .models.sharing.market import MotsMarket
    from .solvers.proofs.proof import Proof
    from .solvers.sharing.answer import SocialAnswer
    from .solvers.solution import Solution
    from .verification.judge.procurement import ProcurementJudgement
    from .verification.judge.sharing import SharingJudgement

__all__ = ["check", "judge", "plot", "read", "run", "simulate", "solve", "sweep"]

Problem = Literal["orp", "opt", "opt-frac", "opt-sep", "cover"]


def read(path: PathLike, *, drop_zero: bool = False) -> Any:
    """Read a market of either kind.

    Parameters
    ----------
    path : path
        A ``*.pb`` election, a knapsack file or a model (:mod:`fedmech.models.procurement.formats`), else JSON: what it calls its format decides.
    drop_zero : bool
        Of a procurement market, leave out workers whose score is 0 instead of refusing them.

    Returns
    -------
    Market or MotsMarket

    Raises
    ------
    InputError
        For a file that is none of them, and as the reader of its format.
    """
    from .models.files import read_json
    from .models.input_error import InputError
    from .models.procurement.file import FORMAT
    from .models.procurement.formats import is_foreign, read_any_market
    from .models.sharing.market import FORMAT as SHARING_FORMAT
    from .models.sharing.market import read_mots

    if is_foreign(path):
        return read_any_market(path, drop_zero=drop_zero)
    document = read_json(path)
    found = document.get("format") if isinstance(document, dict) else None
    if found == FORMAT:
        return read_any_market(path, drop_zero=drop_zero)
    if found == SHARING_FORMAT:
        return read_mots(Path(path))
    raise InputError(f"expected the format {FORMAT!r} or {SHARING_FORMAT!r}, got {str(found)[:60]!r}", file=str(path))


@overload
def solve(market: Market, problem: Problem = ..., method: str = ..., **options: Any) -> Solution: ...
@overload
def solve(market: Market, problem: str = ..., method: str = ..., **options: Any) -> Solution: ...
@overload
def solve(
    market: MotsMarket, problem: Literal["social-state"] = ..., method: str = ..., **options: Any
) -> SocialAnswer: ...
def solve(market: Any, problem: str | None = None, method: str = "auto", **options: Any) -> Any:
    """Solve a market: OPT or another problem of a procurement market, the best social state of a sharing market.

    Parameters
    ----------
    market : Market or MotsMarket
    problem : str, optional
        ``opt`` (the default), ``orp``, ``opt-frac``, ``opt-sep`` or ``cover``; ``social-state`` for sharing markets.
    method : str
        A name from ``fedmech methods``, or ``auto``.
    **options
        As :func:`fedmech.solvers.solve.solve` and :func:`fedmech.solvers.sharing.solve.solve_social_state` take them;
        ``allow_suboptimal=True`` returns the best point where the optimum could not be proved.

    Raises
    ------
    InputError
        For a problem of the other market, and as those two.
    NotOptimalError
        If the optimum could not be proved; its `solution` is the answer all the same.
    """
    from .models.input_error import InputError
    from .models.sharing.market import MotsMarket

    if isinstance(market, MotsMarket):
        if problem not in (None, "social-state"):
            raise InputError(
                f"{problem!r} is a problem of procurement markets, not of sharing markets", field="problem"
            )
        from .solvers.sharing.solve import solve_social_state
        from .solvers.solution import NotOptimalError

        suboptimal = options.pop("allow_suboptimal", False)
        answer = solve_social_state(market, method, **options)
        # That no state meets the requirement is an answer too.
        if answer.status not in ("optimal", "infeasible") and not suboptimal:
            raise NotOptimalError(answer)
        return answer
    if problem == "social-state":
        raise InputError(
            "'social-state' is the problem of sharing markets, not of procurement markets", field="problem"
        )
    from .solvers.solve import solve as solve_procurement

    return solve_procurement(market, problem or "opt", method, **options)


@overload
def run(market: Market, mechanism: str | Callable[..., Outcome], **options: Any) -> Outcome: ...
@overload
def run(market: MotsMarket, mechanism: str | Callable[..., SharingOutcome] = ..., **options: Any) -> SharingOutcome: ...
def run(market: Any, mechanism: str | Callable[..., Any] = "swan", **options: Any) -> Any:
    """Run a mechanism on a market of either kind, and re-check what it returns exactly.

    Parameters
    ----------
    market : Market or MotsMarket
    mechanism : str or callable
        A name from ``fedmech mechanisms``, ``pkg.module:callable``, ``file.py:callable``, or any callable ``market -> Outcome``;
        :func:`fedmech.extend.outcome`, for sharing markets :func:`fedmech.extend.sharing_outcome`, makes what it returns. ``swan``, for a
        sharing market, if left out.
    **options
        The mechanism's options.

    Warns
    -----
    UserWarning
        If the payments look like integers in the place of money.

    Raises
    ------
    InputError
        For an unknown mechanism or option, a market it cannot run on, or a callable that fails or returns what it must not.
    CheckError
        If the allocation breaks a cap or a seat limit.
    """
    import warnings

    from .models.sharing.market import MotsMarket

    if isinstance(market, MotsMarket):
        from .fl.sharing.interface import run_sharing_mechanism

        return run_sharing_mechanism(market, mechanism, **options)
    from .fl.mechanisms.interface import run_mechanism

    outcome = run_mechanism(market, mechanism, **options)
    if outcome.unit_mistake is not None:
        warnings.warn(f"{outcome.mechanism}: {outcome.unit_mistake}", stacklevel=2)
    return outcome


def check(proof: Proof, market: Market | MotsMarket) -> Fraction:
    """Have a proof checked, and return the bound it proves, in the market's own units.

    Raises
    ------
    ProofError
        If it proves nothing about this market.
    """
    from .models.sharing.market import MotsMarket
    from .solvers.proofs.proof import check_bound

    check_bound(proof, market)
    if isinstance(market, MotsMarket):
        return Fraction(proof.bound)
    return Fraction(proof.bound) / (
        market.scaled.coverage_denominator if proof.problem == "cover" else market.scaled.score_denominator
    )


@overload
def judge(market: Market, mechanisms: Any = ..., **options: Any) -> ProcurementJudgement: ...
@overload
def judge(market: MotsMarket, **options: Any) -> SharingJudgement: ...
def judge(market: Any, mechanisms: Any = None, **options: Any) -> Any:
    """Hold a market to the ledger: which claims apply to it, what they guarantee, and what is attained.

    Parameters
    ----------
    market : Market or MotsMarket
    mechanisms : iterable, optional
        Of a procurement market: names, or callables ``market -> Outcome``; all that are registered if left out.
    **options
        As :func:`~fedmech.verification.judge.procurement.judge_procurement` and
        :func:`~fedmech.verification.judge.sharing.judge_sharing` take them.

    Raises
    ------
    InputError
        As those two, and for mechanisms on a sharing market.
    """
    from .models.input_error import InputError
    from .models.sharing.market import MotsMarket

    if isinstance(market, MotsMarket):
        if mechanisms is not None:
            raise InputError("a sharing market is judged without mechanisms", field="mechanisms")
        from .verification.judge.sharing import judge_sharing

        return judge_sharing(market, **options)
    from .verification.judge.procurement import judge_procurement

    return judge_procurement(market, mechanisms, **options)


def plot(subject: Solution | Comparison, ax: Axes | None = None) -> Axes:
    """Draw an optimum of OPT (who is hired, by group and by score per cost, with the price line) or a comparison.

    Parameters
    ----------
    subject : Solution or Comparison
    ax : matplotlib Axes, optional
        A new figure as wide as a column of a paper if left out.

    Raises
    ------
    InputError
        For anything else, a solution that is no assignment of OPT, and if matplotlib is not installed.
    """
    from .fl.comparison.table import Comparison
    from .models.input_error import InputError
    from .solvers.explain.figure import draw_hired
    from .solvers.solution import Solution

    if isinstance(subject, Comparison):
        return subject.plot(ax)
    if isinstance(subject, Solution):
        return draw_hired(subject, ax)
    raise InputError(f"cannot draw {type(subject).__name__}", field="subject")


def simulate(configuration: str | PathLike, *changes: str) -> list[dict[str, Any]]:
    """Run one point of an experiment and return its rows.

    Parameters
    ----------
    configuration : str or path
        A shipped configuration by name, or a TOML or JSON file.
    *changes : str
        Settings as ``field=value``.

    Raises
    ------
    InputError
        For an unknown configuration, field or value.
    """
    from .fl.experiments.engine.configuration import read_configuration
    from .solvers.control import Control

    chosen = read_configuration(configuration).with_changes(changes)
    return chosen.experiment.run(chosen.point(), Control(), None)


def sweep(configuration: str | PathLike, *changes: str) -> pd.DataFrame:
    """Run the whole grid of an experiment in this process and return its table; nothing is left on disk.

    As :func:`simulate`; ``field=value,value`` sweeps a field that takes one value.
    """
    from .fl.experiments.engine.configuration import read_configuration
    from .fl.experiments.engine.sweep import sweep_table

    return sweep_table(read_configuration(configuration).with_changes(changes, grid=True))
