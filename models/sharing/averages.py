"""Which average, and whose error: the readings of eqs. (2) and (3) of SWAN in the linear market.

Local models err by ``e_m`` (variance in all directions ``own_m``, eq. (3) has ``d v / D_m``) and their truths differ from the common one by ``u_m``, of variance
``s``. The average with shares ``p`` (adding up to 1) is off by ``sum p_m (u_m + e_m)``. A participant's own distribution lies at ``u_m``, a buyer's, who did
not take part, at a ``u`` of its own: hence ``s (1 - sum p^2)`` for a participant drawn by its share, ``s (1 - 2/K + sum p^2)`` for a member of the coalition drawn with equal chances (the same for the plain
average), and ``s (1 + sum p^2)`` for a buyer.

No weights leave a buyer or a member a smaller error than those in proportion to ``1 / (own_m + s)``: by data size at ``s = 0``, all alike as ``s`` grows. A participant drawn by its
share has the least error at ``1 / (own_m - s)`` where that is positive, and else where the best model is taken alone (claims F-3-WEIGHTS, F-T1-WEIGHTS).

Equation (2) speaks of an average weighted by data, the harmonic mean of eq. (3) belongs to the plain one and a participant's error: that reading is
reconstructed, and is the one of :meth:`~fedmech.models.sharing.market.MotsMarket.error`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, get_args

__all__ = ["AVERAGES", "WHOSE", "Average", "Whose", "averaged_error", "least_error_shares", "shares"]

Average = Literal["plain", "by-size"]
Whose = Literal["participant", "member", "buyer"]
AVERAGES: tuple[Average, ...] = get_args(Average)
WHOSE: tuple[Whose, ...] = get_args(Whose)


def shares(sizes: Sequence[int | Fraction], average: Average = "plain") -> list[Fraction]:
    """Return the share that each participant's model has in an average: all alike, or by data size."""
    if average == "plain":
        return [Fraction(1, len(sizes))] * len(sizes)
    whole = sum(map(Fraction, sizes))
    return [Fraction(size) / whole for size in sizes]


def least_error_shares(own: Sequence[Fraction], client_variance: Fraction, whose: Whose = "buyer") -> list[Fraction]:
    """Return the shares whose average has the least expected error.

    Parameters
    ----------
    own, client_variance, whose
        As in :func:`averaged_error`; errors and variance not negative.
    """
    if whose == "participant":
        terms = [error - client_variance for error in own]
    else:
        terms = [error + client_variance for error in own]
    least = min(terms)
    if least <= 0:
        # The best model alone; several that know the truth are as good as one.
        return [Fraction(place == terms.index(least)) for place in range(len(terms))]
    whole = sum((1 / term for term in terms), Fraction(0))
    return [1 / term / whole for term in terms]


def averaged_error(
    weights: Sequence[Fraction],
    own: Sequence[Fraction],
    client_variance: Fraction,
    whose: Whose = "participant",
) -> Fraction:
    """Return the expected error of an average of local models.

    Parameters
    ----------
    weights : sequence of Fraction
        The participants' shares, adding up to 1.
    own : sequence of Fraction
        The error of each local model on its own distribution: ``d v / D``, or exactly ``d v / (D - d - 1)``.
    client_variance : Fraction
    whose : {'participant', 'member', 'buyer'}
        On whose distribution: a participant's, drawn by its share or with equal chances, or that of a client that took no part.
    """
    together = sum((p * p for p in weights), Fraction(0))
    spread = {
        "participant": 1 - together,
        "member": 1 - Fraction(2, len(weights)) + together,
        "buyer": 1 + together,
    }[whose]
    return sum((p * p * error for p, error in zip(weights, own, strict=True)), Fraction(0)) + client_variance * spread
