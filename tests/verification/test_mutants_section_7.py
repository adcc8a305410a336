"""Mutants of what DriftPay's section 7 sketches: each rule, premise or number with something wrong turns its claim's verdict."""

from dataclasses import replace
from fractions import Fraction as F

import pytest
from fedmech.fl.mechanisms.outcome import outcome
from fedmech.verification.claims.driftpay import escalation
from fedmech.verification.ledger import claims, judge
from fedmech.verification.proofs.chain import have_z3
from fedmech.verification.proofs.extensions import SEPARATE
from fedmech.verification.search.finite_models import Unheld, hold

pytestmark = pytest.mark.skipif(not have_z3(), reason="z3 is not installed")

CLAIMS = claims()


def dearer(market):
    """The next ratio for a price, whether budgets can pay it or not: what escalation starts from."""
    seen = escalation.one_price(market)
    ratios = sorted(market.bid(i) / market.score(i) for i in range(market.n))
    price = next((r for r in ratios if seen.price is not None and r > seen.price), seen.price)
    where = {i: int(seen.assignment[i]) for i in seen.winner_indices.tolist()}
    return outcome(market, where, {i: market.score(i) * (price or F(0)) for i in where}, price=price)


def misplaced(market):
    """Everybody who is hired at the first requester that has room, whatever its budget."""
    seen = escalation.one_price(market)
    if market.m < 2 or (market.cap_limits >= 0).any() or (market.seat_limits >= 0).any():
        return seen
    where = dict.fromkeys(seen.winner_indices.tolist(), 0)
    return outcome(market, where, {i: seen.payment(i) for i in where}, price=seen.price)


@pytest.mark.parametrize("rule", [dearer, misplaced])
def test_another_price_or_place_is_not_the_rule_of_the_proof(rule):
    hold(SEPARATE, escalation.billed(count=20))
    with pytest.raises(Unheld):
        hold(SEPARATE, escalation.billed(rule, count=200))


def test_a_worker_that_gains_nothing_is_no_witness_of_escalation():
    claim = CLAIMS["D-7a-ESCALATION"]
    witness = judge(claim).judgement.witness
    assert witness is not None
    assert claim.recheck is not None
    assert claim.recheck(witness)
    richer = {**witness, "requesters": [{"id": "r1", "budget": 99}]}
    assert not judge(replace(claim, judge=lambda: replace(claim.judge(), witness=richer))).agrees
