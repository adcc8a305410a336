"""Section 7e: what more budget and looser caps do to DriftPay-CO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from ...claim import AS_STATED, Judgement, Reading
from ...ledger import claim
from ...literal.driftpay import driftpay
from ...literal.procurement import LiteralMarket, literal_market
from ...proofs.variations import BUDGET, CAPS
from ...search.boxes import Box, shape_document
from ...search.driftpay_grid import Grid, Shape
from ...search.finite_models import auction_models, hold, tie
from ...search.hunt import Draw
from ...search.shrink import shrink

MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
BOXES = (Box(2, 3, 3, tuple(range(8))), Box(3, 3, 3, tuple(range(8))))


def _scope(count: int) -> str:
    return f"all n by the proof; and {count:,} comparisons: every pair of neighbours in the boxes [{'; '.join(map(str, BOXES))}]"


@claim(
    "D-7e-BUDGET",
    source="DriftPay, section 7e, comparative statics",
    statement="Sweep pooled B [...] and verify that selected welfare and critical prices weakly increase",
    expected="proved",
    proof=BUDGET,
)
def judge_budget() -> Judgement:
    """Prove it; compare neighbouring budgets in the boxes."""
    tally, count = hold(BUDGET, auction_models("driftpay-co", MODELS, seed=700, count=30, vary="budget")), 0
    tied = tie((grid for box in BOXES for grid in box.grids()), 700, 1000)
    for box in BOXES:
        for grid in box.grids():
            runs = grid.run()
            # Budgets vary fastest in a grid. Without winners there is no price: count it as none asked yet.
            score = runs.score.reshape(-1, len(box.budgets))
            price = np.where(runs.score > 0, runs.price, 0).reshape(-1, len(box.budgets))
            fell = (np.diff(score) < 0) | (np.diff(price) < 0)
            count += fell.size
            if fell.any():
                place = int(fell.any(axis=1).argmax()) * len(box.budgets)
                document = shape_document(grid.shape, grid.bids[place], int(grid.budgets[place]))
                return Judgement("refuted", "exhaustive box", _scope(count), document, reading=AS_STATED)
    return Judgement(
        "proved",
        f"a chain for every number of workers, B <= C; {tally}; neighbouring budgets in the boxes",
        f"{_scope(count)}, {tied} markets of them run by the shipped code too",
        evidence={"comparisons": count, "tied": tied},
    )


def _relaxed(market: LiteralMarket) -> list[LiteralMarket]:
    """Every market with one cap larger by one."""
    return [replace(market, caps={**market.caps, pair: cap + 1}) for pair, cap in market.caps.items()]


def _relaxing_hurts(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    score = market.value(driftpay(market).winners)
    return any(market.value(driftpay(looser).winners) < score for looser in _relaxed(market))


@claim(
    "F-7e-CAPS",
    source="finding, on DriftPay, section 7e (no sentence of the paper: what one may expect of sweeping caps from restrictive to permissive)",
    statement="Relaxing a cap tau_lj weakly raises the selected score",
    expected="refuted",
    recheck=_relaxing_hurts,
    proof=CAPS,
    amended="proved",
)
def judge_caps() -> Judgement:
    """Refute it; bound the fall."""
    tally, count = hold(CAPS, auction_models("driftpay-co", MODELS, seed=710, count=30, vary="caps")), 0
    found = None
    for box in BOXES:
        bids = np.array(list(product(range(box.top_bid + 1), repeat=box.n)), dtype=np.int64)
        bids = np.repeat(bids, len(box.budgets), axis=0)
        budgets = np.tile(np.array(box.budgets, dtype=np.int64), (box.top_bid + 1) ** box.n)
        for shape in box.shapes():
            for group, row in enumerate(shape.caps):
                if row[0] >= shape.groups.count(group):
                    continue
                looser = Shape(
                    shape.scores, shape.groups, (*shape.caps[:group], (row[0] + 1,), *shape.caps[group + 1 :])
                )
                tight, loose = Grid(shape, bids, budgets).run().score, Grid(looser, bids, budgets).run().score
                count += len(tight)
                if found is None and (loose < tight).any():
                    place = int((loose < tight).argmax())
                    found = shape_document(shape, bids[place], int(budgets[place]))
                if (loose <= tight - max(shape.scores)).any():
                    place = int((loose <= tight - max(shape.scores)).argmax())
                    worse = shape_document(shape, bids[place], int(budgets[place]))
                    return Judgement(
                        "refuted", "exhaustive box: falls by v_max or more", _scope(count), worse, reading=AS_STATED
                    )
    if found is None:
        return Judgement("verified", "exhaustive box", _scope(count))
    return Judgement(
        "refuted",
        "exhaustive box, shrunk: with room for one more the prefix is worth more, so fails the test at its own ratio, and a shorter one is taken; "
        f"{tally}",
        _scope(count),
        witness=shrink(found, _relaxing_hurts),
        corrected="Relaxing caps (or seats) lowers the selected score by less than v_max, and with an affordable first worker not below a share of it "
        "(H under the tight, H2 under the relaxed caps): {formula}",
        corrected_verdict="proved",
        reading=Reading(
            "on every market; the paper only says that caps are swept, and says nothing about the score",
            "markets of the model",
            "on average over markets one may expect it; the optimum itself never falls",
            "supported",
        ),
        evidence={"comparisons": count},
    )
