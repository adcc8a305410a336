"""The one place for tolerances: how far HiGHS is believed, and where it is not asked to prove anything.

Exact code takes no tolerance; these belong to the hand-over to a floating-point solver alone.
"""

from __future__ import annotations

__all__ = [
    "CHORD_GAP",
    "EXACT_IN_DOUBLE",
    "HIGHS_OPTIONS",
    "INTEGRAL",
    "LATE_GRACE_SECONDS",
    "LP_BINDING",
    "LP_PRICE",
    "STOP_GRACE_SECONDS",
]

INTEGRAL = 0.5
"""A binary of HiGHS's point is read as 1 above this; the rounded point is then re-checked exactly."""

CHORD_GAP = 1e-7
"""Relative difference of bound and welfare at which the reference method for social states stops adding chords."""

EXACT_IN_DOUBLE = 2**40
"""Row activities and objectives of integer-scaled data below this are exact in double arithmetic with a margin of 2**13
over HiGHS's absolute feasibility tolerance; beyond it HiGHS may find points, but what it calls optimal proves nothing."""

HIGHS_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    # The default relative gap of 1e-4 misses optima.
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.0,
}
"""Set on every run; each return code is checked. Feasibility tolerances stay at HiGHS's defaults: on integer-scaled data they
only admit points that the exact re-check then cuts off, while tighter ones make HiGHS fail on large coefficients."""

STOP_GRACE_SECONDS, LATE_GRACE_SECONDS = 1.0, 0.3
"""How long HiGHS may take to notice that it was asked to stop before its thread is abandoned (it overruns its own limit), at most
and after a deadline."""

LP_BINDING = 1e-6
"""A limit of a linear relaxation binds if less than this share of it is left, and a target counts as missed by more
than this share; for explanations only."""

LP_PRICE = 1e-9
"""LP prices below this (scores and money scaled to at most 1) count as 0; for explanations only."""
