"""Drop-top: DriftPay-CO without its best worker, or that worker alone."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ...claim import Judgement
from ...guarantees import DROP_TOP
from ...ledger import claim
from ...literal.driftpay import drop_top, gain_from_lying
from ...literal.procurement import literal_market, opt
from ...proofs.algebra import Proof, Step
from ...proofs.driftpay import DSIC, RATIO
from ...search.boxes import Box, shape_document
from ...search.driftpay_grid import Grid, Shape
from ...search.hunt import Draw, document_market, find_violation
from ...search.ratio_families import drop_top_family, drop_top_tight, family_ratio

SOURCE = "ours, in the spirit of Leonardi, Monaco, Sankowski and Zhang (arXiv 1612.03150)"
BOXES = (
    Box(2, 4, 4, tuple(range(1, 9)), empty_groups=False),
    Box(3, 3, 4, tuple(range(1, 8)), empty_groups=False),
    Box(4, 2, 3, tuple(range(1, 6)), empty_groups=False),
)
DRAW = Draw(workers=(2, 4), requesters=(1, 2), groups=(1, 2), seats=True)

TRUTHFUL = Proof(
    text="""
    Which workers can be placed, and who of them has the highest score, does not depend on bids, except that bidding above B takes a worker out.
    A worker above B gets 0. Fix i and the others' bids. If i, bidding at most B, is the one set aside, the rest and its value M do not depend
    on its bid, so i is hired at every bid up to B or at none, and paid B: its threshold. Otherwise i competes in DriftPay-CO on a set T that its
    bid does not change. By the proof of Theorem 6.1 there is a threshold v_i p, and at all bids below it the chosen prefix, so M and the
    comparison of M with the worker set aside, are the same. So i is hired at all bids up to v_i p or at none, and v_i p <= B [inside].
    Rational: B and v_i p are at least the bid. Budget: B is paid to one, or DriftPay-CO's payments are.
    """,
    steps=(
        Step(
            "inside",
            {"budget": "B - p*M >= 0", "member": "M - v >= 0", "price": "p >= 0"},
            "B - v*p >= 0",
            [("budget",), ("price", "member")],
        ),
    ),
)

FOUR = Proof(
    text="""
    Let t be the score of the worker set aside, M DriftPay-CO's value on the rest T, whose costs are all at most B and whose scores are at most t. ALG is
    the larger of t and M. An optimal set has at most t from the worker set aside and OPT(T) from T. By the proof of Theorem 6.2 OPT(T) <= M or
    OPT(T) < 2 M + v_next, v_next <= t. So OPT < 2 M + 2 t <= 4 ALG, or OPT <= M + t <= 2 ALG. Workers above B or without a place are in no feasible set.
    """,
    steps=(
        Step(
            "OPT < 4 ALG",
            {
                "rest": "2*M + vnext - OT > 0",
                "split": "t + OT - OPT >= 0",
                "top": "t - vnext >= 0",
                "one": "ALG - t >= 0",
                "two": "ALG - M >= 0",
            },
            "4*ALG - OPT > 0",
            [("rest",), ("split",), ("top",), (2, "one"), (2, "two")],
        ),
    ),
)


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
)
def judge_drop_top() -> Judgement:
    """Prove it; audit the shipped rule; measure the box."""
    steps = TRUTHFUL.check() + FOUR.check() + DSIC.check() + RATIO.check()
    search = find_violation("drop-top", DRAW, seed=31, count=80, shows=_fails)
    if search.document is not None:
        return Judgement("refuted", "random markets", f"seed 31 ({DRAW})", search.document)
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
        return Judgement("refuted", "exhaustive box", f"{count} markets", where)
    return Judgement(
        "proved",
        f"written proofs for every n, their {steps} algebraic steps checked; the shipped rule audited on random markets and compared with the literal one; "
        "ratios of every market of the boxes",
        f"all n; {search.markets} markets audited (seed 31), 60 compared (seed 32); {count:,} markets of the boxes [{'; '.join(map(str, BOXES))}], costs at "
        f"most B: worst ratio {worst}",
        evidence={"steps": steps, "markets": count, "worst": str(worst), "where": where},
    )


@claim(
    "F-DROPTOP-TIGHT",
    source="finding, on drop-top",
    statement="Drop-top's constant 4 is the least possible: OPT / ALG = 4 - eps is reached for every 0 < eps < 1 by four workers, and 4 never",
    expected="proved",
)
def judge_tight() -> Judgement:
    """A family symbolic in eps, members run literally."""
    steps = drop_top_tight().check() + FOUR.check()
    for eps in (Fraction(1, 2), Fraction(1, 10), Fraction(1, 1000)):
        document = drop_top_family(eps)
        if family_ratio(document, drop_top) != 4 - eps:
            return Judgement("refuted", "a member of the family", f"eps = {eps}", document)
    return Judgement(
        "proved",
        f"a family of 4 workers, its comparisons checked symbolically ({steps} steps with the bound's own), three members run literally; never 4 because the "
        "bound is strict",
        "every 0 < eps < 1",
        evidence={"example": drop_top_family(Fraction(1, 10))},
    )
