"""What the solvers rely on: that the utility is defined, and falls with the error, on all errors that matter."""

from __future__ import annotations

from fractions import Fraction

from ...models.input_error import InputError
from ...models.sharing.expression import Num, OutsideDomain, operate
from ...models.sharing.market import MotsMarket
from ...models.sharing.utility import never_positive
from .requirement import relevant_errors
from .worth import utility_between

__all__ = ["NotDecreasing", "is_convex", "require_decreasing"]


class NotDecreasing(InputError):
    """The utility is not certainly defined and falling on the errors that a market's states can have."""


def require_decreasing(market: MotsMarket) -> None:
    """Check that the utility falls with the error, by certified bisection of its symbolic derivative.

    Raises
    ------
    NotDecreasing
        If it does not, or is not defined, or this cannot be decided.
    """
    low, high = relevant_errors(market)
    falling = never_positive(market.utility.slope, low, high)
    where = f"[{_about(low)}, {_about(high)}]"
    if falling.fails_at is not None:
        raise NotDecreasing(
            f"must fall with the error on {where}, but rises at {_about(falling.fails_at)}", field="utility"
        )
    if not falling.holds or not _defined_at(market, low):
        raise NotDecreasing(f"cannot be certified to be defined and fall with the error on {where}", field="utility")


def _defined_at(market: MotsMarket, error: Fraction) -> bool:
    """Whether the utility has a value there: the derivative of ``log(eps - 1)`` has one also where the logarithm has none."""
    try:
        utility_between(market, error)
    except OutsideDomain:
        return False
    return True


def is_convex(market: MotsMarket) -> bool:
    """Whether the utility is certainly convex on the errors that matter."""
    tree = operate("*", Num(Fraction(-1)), market.utility.curvature)
    return never_positive(tree, *relevant_errors(market)).holds is True


def _about(x: Fraction) -> str:
    """A number that is not negative, for a message, to six digits."""
    try:
        return f"{float(x):.6g}"
    except OverflowError:
        return "inf"
