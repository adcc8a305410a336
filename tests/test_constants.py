"""No number at which the package branches is without tests on both sides of it: each is exchanged or read in one, or said why not."""

from __future__ import annotations

import pytest
from constants import left_over

SECONDS = "seconds, or how much is done in one: tests of time limits"
MARK = "stands for what there is not"
SHOWN = "how results are shown or written"
USED = "exchanged where it is imported"
BY_NAME = "exchanged by its name alone, in the tests of its module"
CHECKER = "met at its size in the tests of the checker: one more or less is a mutant that they notice, or that changes nothing"
EFFORT = "how hard an adversary tries"
SHIPPED = "one market, that is shipped and held to its digest"

SOLVERS = {
    SECONDS: [
        "foreign.AGAIN", "highs.run.ENTRIES_PER_SECOND", "highs.run.ROWS_PER_SECOND", "highs.tolerances.LATE_GRACE_SECONDS",
        "highs.tolerances.STOP_GRACE_SECONDS", "highs.watch.LAST_SECONDS", "separate.method.PAIRS_PER_SECOND",
        "sharing.solve.GRACE_SHARE", "sharing.solve.INTERRUPT_PATIENCE", "solve.GRACE", "solve.GRACE_SHARE", "solve.LEAST_CHECK",
    ],
    MARK: [
        "pooled.core.FREE", "pooled.core.PIVOTED", "proofs.kinds.NOWHERE", "seated.core.STAGE_END", "separate.by_kind.NONE",
    ],
    SHOWN: [
        "explain.figure.COLUMN_INCHES", "explain.figure.LONGEST_NAME", "explain.figure.MOST_INCHES", "explain.figure.MOST_NAMED",
        "explain.figure.ROW_INCHES", "highs.tolerances.LP_PRICE",
    ],
    USED: [
        "control.STEP_SECONDS", "highs.tolerances.CHORD_GAP", "pooled.dynamic.states.MONEY_ROOM",
        "pooled.dynamic.states.WORTH_ROOM", "pooled.leaf.FIRST_ROUNDS", "pooled.leaf.FIRST_STATES",
        "sharing.enumeration.MOST_STATES", "sharing.highs.MOST_CLIENTS",
    ],
    BY_NAME: [
        "pooled.slopes.stairs.MOST_CORNERS", "proofs.dynamic.MONEY", "proofs.dynamic.MOST_AT_ONCE", "proofs.dynamic.MOST_STATES",
        "proofs.dynamic.WORD",
    ],
    "an argument of searches: test_states_of_one_enumeration": ["pooled.solve.MOST_STATES"],
    "how a point is rounded that is checked exactly afterwards": ["highs.tolerances.INTEGRAL"],
    CHECKER: [
        "proofs.arrays.limbs.FEWEST_BITS", "proofs.arrays.limbs.WORD", "proofs.dynamic.FINEST", "proofs.social.DIGITS",
        "proofs.social.MOST_DIGITS", "proofs.social_document.DIGITS",
        "proofs.staircase.FEW_WORKERS", "proofs.subadditive.FEW_ITEMS", "proofs.subadditive.MOST_VALUES",
        "proofs.walk.MOST_STATES",
    ],
}  # fmt: skip
MODELS = {
    SECONDS: ["executors.GATHER", "executors.LOOK"],
    SHOWN: ["display.GAP", "display.WIDTH", "sharing.generate.DIGITS"],
    BY_NAME: [f"sharing.expression.MAX_{what}" for what in ("DEPTH", "DIGITS", "EXPONENT", "SIZE", "TEXT")],
    "as numbers, in the tests of exact numbers: they are part of the format": [
        "exact._MAX_DENOMINATOR_BITS", "exact._MAX_DIGITS", "exact._MAX_EXPONENT", "exact._MOST_DIGITS",
    ],
    "more than a test can hold: a file that says it has so many, in test_limits": ["procurement.tables.MOST_PARQUET_VALUES"],
}  # fmt: skip
FL = {
    SECONDS: [
        "comparison.compare.SEPARATE_SECONDS", "experiments.engine.results.STALE",
        "experiments.engine.sweep.POLL", "rounds.buying.OPTIMUM_SECONDS",
    ],
    SHOWN: [
        "comparison.figure.ROW_INCHES", "drawing.LABEL_SIZE", "drawing.LEGEND_SIZE", "drawing.TICK_SIZE", "experiments.papers.truthfulness.REACH",
        "mechanisms.outcome.SHOWN_WINNERS", "registry.SHOWN_BIDS", "scoring.drift_market.SCORE_DECIMALS",
        "sharing.interface.BITS", "sharing.measured_welfare.DIGITS",
    ],
    EFFORT: ["rounds.audits.BENDING_RATE", "rounds.audits.BENDING_STEPS", "rounds.audits.COPYING_ERROR"],
    SHIPPED: [
        f"scoring.digits_market.{name}"
        for name in (
            "CENTS_PER_IMAGE", "CLASSES", "DEFAULT_CAP", "FAVOURED_CAP", "FIXED_CENTS", "LEAST_IMAGES", "LOCAL_RATE", "LOCAL_STEPS",
            "PROBE_IMAGES", "ROUNDING_MARGIN", "SCORE_DECIMALS", "START_IMAGES", "START_RATE", "START_STEPS", "WORKERS",
        )
    ],
    BY_NAME: ["sharing.equilibria.MOST_TYPES", "training.batched.PADDING"],
    "a unit": ["mechanisms.care_no.BASE", "rounds.bids.CENTS"],
    "which draw it is": ["rounds.measured_set.SEED"],
    "how a data set is split": ["data.digits.TEST_IMAGES"],
    "the strength of a commitment": ["scoring.probe.NONCE_BYTES"],
    "deaths of a process until a point runs alone: tests of sweeps kill processes": ["experiments.engine.sweep.SUSPECT"],
    "the memory of a checkpoint: tests of checkpoints": ["rounds.checkpoint.MOST_BYTES"],
}  # fmt: skip


@pytest.mark.parametrize(("room", "reasons"), [("solvers", SOLVERS), ("models", MODELS), ("fl", FL)])
def test_every_constant_is_named(room: str, reasons: dict[str, list[str]]) -> None:
    assert left_over(room, {name for names in reasons.values() for name in names}) == []
