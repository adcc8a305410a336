"""Drop-top: DriftPay-CO without its best worker, or that worker alone."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ...claim import AS_STATED, Judgement
from ...guarantees import DROP_TOP
from ...ledger import claim
from ...literal.driftpay import drop_top, gain_from_lying
from ...literal.procurement import literal_market, opt
from ...proofs.drop_top import DROP_TOP as DROP_TOP_CHAIN
from ...proofs.families import DROP_TOP_TIGHT
from ...search.boxes import Box, shape_document
from ...search.driftpay_grid import Grid, Shape
from ...search.finite_models import Model, auction_models, family_model, hold, shipped_orp
from ...search.hunt import Draw, document_market, find_violation
from ...search.ratio_families import drop_top_family, family_ratio

SOURCE = "ours, in the spirit of Leonardi, Monaco, Sankowski and Zhang (arXiv 1612.03150)"
BOXES = (
    Box(2, 4, 4, tuple(range(1, 9)), empty_groups=False),
    Box(3, 3, 4, tuple(range(1, 8)), empty_groups=False),
    Box(4, 2, 3, tuple(range(1, 6)), empty_groups=False),
)
DRAW = Draw(workers=(2, 4), requesters=(1, 2), groups=(1, 2), seats=True)

MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)


def _fails(document: Mapping[str, Any]) -> bool:
    market = literal_market(document)
    gain = gain_from_lying(drop_top, market)
    if gain is not None:
        return gain > 0
    return opt(market.truthful()) > DROP_TOP.factor() * market.value(drop_top(market.truthful()).winners)


def _box() -> tuple[int, Fraction, dict[str, Any] | None]:
    """Worst ``OPT / ALG`` over the boxes, costs at most B: the others are dropped, and what is left is in the box too."""
    count, worst, where = 0, Fraction(0), None
    for box in BOXES:
        for grid in box.grids():
            shape = grid.shape
            star = min(range(shape.n), key=lambda i: (-shape.scores[i], i))
            rest = [i for i in range(shape.n) if i != star]
            part = Shape(tuple(shape.scores[i] for i in rest), tuple(shape.groups[i] for i in rest), shape.caps)
            value = Grid(part, grid.bids[:, rest], grid.budgets).run().score
            score = np.maximum(value, shape.scores[star])
            best = grid.optimum()
            inside = np.all(grid.bids <= grid.budgets[:, None], axis=1)
            count += int(inside.sum())
            share = np.where(inside, best / score, 0)
            place = int(share.argmax())
            if inside[place] and Fraction(int(best[place]), int(score[place])) > worst:
                worst = Fraction(int(best[place]), int(score[place]))
                where = shape_document(shape, grid.bids[place], int(grid.budgets[place]))
    return count, worst, where


@claim(
    DROP_TOP.claim,
    source=SOURCE,
    statement=DROP_TOP.statement,
    expected="proved",
    recheck=_fails,
    proof=DROP_TOP_CHAIN,
)
def judge_drop_top() -> Judgement:
    """Prove it; audit the shipped rule; measure the box."""
    tally = hold(DROP_TOP_CHAIN, auction_models("drop-top", MODELS, seed=33, count=40, takes=without_star))
    search = find_violation("drop-top", DRAW, seed=31, count=80, shows=_fails)
    if search.document is not None:
        return Judgement("refuted", "random markets", f"seed 31 ({DRAW})", search.document, reading=AS_STATED)
    for document in DRAW.documents(32, 60):
        market = document_market(document)
        from ....fl.mechanisms.interface import run_mechanism

        outcome = run_mechanism(market, "drop-top")
        if {i: outcome.payment(i) for i in outcome.winner_indices.tolist()} != drop_top(
            literal_market(document)
        ).payments:
            raise AssertionError("the shipped rule is not the literal one")
    count, worst, where = _box()
    if worst >= DROP_TOP.factor():
        return Judgement("refuted", "exhaustive box", f"{count} markets", where, reading=AS_STATED)
    return Judgement(
        "proved",
        f"a chain for every number of workers; {tally}; the shipped rule audited on random markets and compared with the literal one; "
        "ratios of every market of the boxes",
        f"all n; {search.markets} markets audited (seed 31), 60 compared (seed 32); {count:,} markets of the boxes [{'; '.join(map(str, BOXES))}], costs at "
        f"most B: worst ratio {worst}",
        evidence={"markets": count, "worst": str(worst), "where": where},
    )


@claim(
    "F-DROPTOP-TIGHT",
    source="finding, on drop-top",
    statement="Drop-top's constant 4 is the least possible: OPT / ALG = 4 - eps is reached for every 0 < eps < 1 by four workers, and 4 never",
    expected="proved",
    proof=(DROP_TOP_TIGHT, DROP_TOP_CHAIN),
)
def judge_tight() -> Judgement:
    """A family symbolic in eps, members run literally."""
    hold(DROP_TOP_TIGHT, (_four(eps) for eps in (Fraction(1, 2), Fraction(1, 10))))
    for eps in (Fraction(1, 2), Fraction(1, 10), Fraction(1, 1000)):
        document = drop_top_family(eps)
        if family_ratio(document, drop_top) != 4 - eps:
            return Judgement("refuted", "a member of the family", f"eps = {eps}", document, reading=AS_STATED)
    return Judgement(
        "proved",
        "a family of 4 workers, the rule's definitions run on it symbolically, three members literally and two by the shipped code; never 4 because the "
        "bound is strict",
        "every 0 < eps < 1",
        evidence={"example": drop_top_family(Fraction(1, 10))},
    )


def _four(eps: Fraction) -> Model:
    names = {f"w{i + 1}": i for i in range(4)}
    symbols = {**names, "e": eps, "tt": 1 / (2 - eps), "O": frozenset(range(4))}
    return family_model(drop_top_family(eps), "drop-top", symbols)


def without_star(market: Any) -> frozenset[int]:
    """Return who competes in drop-top: the placeable workers within the budget, but for the best of them."""
    orp = shipped_orp(market)
    budget = sum((market.budget(j) for j in range(market.m)), Fraction(0))
    pool = frozenset(i for i in range(market.n) if orp(frozenset({i})) and market.bid(i) <= budget)
    return pool - {min(pool, key=lambda i: (-market.score(i), i), default=None)}
