"""Mutants of theories: a false premise of a proof is false of the shipped code, or the steps do not follow from it."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from campaign import thorough
from fedmech.verification.claims.driftpay import bonus, escalation, heterogeneity, lower_bounds, promises, section_5
from fedmech.verification.claims.findings import impossible, large_market
from fedmech.verification.claims.findings import ratios as findings_ratios
from fedmech.verification.claims.findings.drop_top import without_star
from fedmech.verification.proofs import ratios
from fedmech.verification.proofs.chain import Proof, ProofError, have_z3
from fedmech.verification.search.finite_models import Model, Unheld, auction_models, hold
from fedmech.verification.search.hunt import Draw
from proofs_by_name import PROOFS, impatient

pytestmark = pytest.mark.skipif(not have_z3(), reason="z3 is not installed")

DRAW = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
THEORIES = {
    "ties of the order go to the higher index": ("RATIO", "order", "lower(j, k)", "lower(k, j)"),
    "ties of the order go both ways": ("TRUTHFUL", "order1", "r1(j) < r1(k) or", "r1(j) <= r1(k) or"),
    "a worker's prefix is that of all before it": ("CRITICAL", "prefix2", "j == k or before2(j, k)", "before2(j, k)"),
    "prefixes are worth less the longer they are": ("BINARY", "best", "sum(T) <= M(S)", "sum(T) >= M(S)"),
    "a prefix that meets the budget fails": ("RATIONAL", "passes", "<= B", "< B"),
    "a prefix may cost twice the budget": ("BUDGET_FEASIBLE", "passes", "<= B", "<= 2*B"),
    "winners are paid double": ("RATIONAL", "pays", "v(k)*p ", "2*v(k)*p "),
    "winners are paid their bid": ("TRUTHFUL", "pays1", "v(k)*p1 ", "v(k)*r1(k) "),
    "the price forgets the next ratio": ("TRUTHFUL", "price1", "p1 <= r1(j)", "p1 >= 0"),
    "the price forgets the budget": ("BUDGET_FEASIBLE", "price", "p*M(S) == B or", "p*M(S) > B or"),
    "everybody of the prefix is hired": ("SOMEBODY", "hired", "W(S)", "S"),
    "a prefix holds all but its last worker": ("RATIO", "prefix", "j == k or ", ""),
    "whatever is placeable, so is more": ("RATIO", "closed", "placeable(T) and fits(S, T), placeable(S)", "placeable(S) and fits(S, T), placeable(T)"),
    "every set can be placed": ("RATIO", "best", "placeable(T) and fits(T, S)", "fits(T, S)"),
    "a sum loses nothing with a member": ("RATIO", "sums drop", "+ v(k)", ""),
    "costs are scores": ("RATIO", "dearer", "cost(k) >= x*v(k)", "cost(k) >= v(k)"),
    "the best worker is the one of lowest index": ("DROP_TOP", "star", "v(k) < v(star)", "lower(star, k)"),
    "the best worker competes too": ("DROP_TOP", "rest", " and k != star", ""),
    "stipends are not counted against the budget": ("STIPEND", "passes", " + s(P(k))", ""),
    "a lower bid may come later": ("RANKS", "order1", "r1(j) < r1(k) or", "r1(j) > r1(k) or"),
    "the budget covers what bonuses are worth, not what they may come to": (
        "WORST_CASE", "at most", "+ largest(k)", "+ g(k)"
    ),
    "requesters may be charged more than M counts": ("SEPARATE", "strain", "<= M(S)*own(q)", ">= M(S)*own(q)"),
    "a scan goes on after a failure": ("SCAN", "asked", "before(j, k), passes(j)", "before(j, k), takes(j)"),
    "a network has no edges of pairs": ("NETWORK", "edges", "+ m*L + m", "+ m"),
    "Clarke prices leave out what the others would have": ("CLARKE", "pays1", " - alone1", ""),
    "shares of two labels are independent": ("LABEL_SKEW", "squares", "== a + 1 and", "== a and"),
    "a variance without the square of the mean": ("CONCENTRATED", "variances", "(square_a - mean_a*mean_a)", "square_a"),
    "payments may come to more than the budget": ("THREE_WORKERS", "payments", "<= 4", "<= 5"),
    "two bids for which workers are hired come to less than the budget": ("THREE_WORKERS", "payments", "<= 4", "<= 3"),
    "VCG takes any set": ("CLARKE", "best1", "<= worth(H1)", ">= worth(H1)"),
    "a sort compares half of the pairs": ("WORK", "sort", "2*compares", "4*compares"),
    "bounds in proportion leave the values of prefixes": ("PROPORTIONAL", "best alike", "x*N(S)", "N(S)"),
    "levels fall by equal steps": ("LARGE", "geometric", "K*d(i + 1) == (K + 1)*d(i)", "d(i + 1) == d(i) + c - d(1)"),
    "the last level counts for something": ("LARGE", "weights", "s(K + 1) == 0", "s(K) == 0"),
    "who is hired costs more than the rate": ("LARGE", "hired", "x(a) <= s(k(a)))", "x(a) >= s(k(a)))"),
    "a score counts for nothing at its cost": ("LARGE", "duality", "B + rate*G", "B"),
    "the price pays for all who stay": ("GRAVIN", "price", "p*vT <= B", "p*vS <= B"),
    "the best is hired whatever it asks": ("GRAVIN", "others hired", "best <= B - p*vT", "best >= 0"),
    "nobody is passed over for its bid": ("GRAVIN", "best hired", "vS - vR", "vS"),
    "scores beyond the price are free": ("GRAVIN", "duality", "B - bS", "B"),
    "stipends are not deducted from bids": ("STIPEND", "net", "b(k) - g(k) if", "b(k) if"),
}  # fmt: skip
RUNS = {"DROP_TOP": "drop-top", "STIPEND": "driftpay-stipend"}
MODELS = {
    "WORST_CASE": lambda: bonus.paid_at_most(
        auction_models("driftpay-stipend", DRAW, seed=11, count=60, options=bonus.with_largest)
    ),
    "PROPORTIONAL": lower_bounds.shrunk_alike,
    "SEPARATE": escalation.billed,
    "CLARKE": promises.clarke_models,
    "THREE_WORKERS": impossible.models,
    "GRAVIN": lambda: findings_ratios.falling_prices(11, 60),
    "LARGE": lambda: large_market.twins(11, 20),
    "LABEL_SKEW": heterogeneity.skewed,
    "CONCENTRATED": heterogeneity.concentrated,
    "SCAN": lambda: section_5.scanned(auction_models("driftpay-co", DRAW, seed=11, count=40)),
    "NETWORK": lambda: section_5.counted(40, 11),
    "WORK": lambda: section_5.counted(40, 11),
}


def mutated(proof: Proof, premise: str, right: str, wrong: str) -> Proof:
    """Return the proof with one premise changed, and its proof steps as they are."""
    theory = proof.theory
    kind = "axioms" if premise in theory.axioms else "definitions"
    texts = getattr(theory, kind)
    assert right in texts[premise]
    return replace(proof, theory=replace(theory, **{kind: {**texts, premise: texts[premise].replace(right, wrong)}}))


@cache
def models_of(which: str) -> list[Model]:
    """Models of a proof that is held by them, and whose steps follow."""
    options: dict[str, Any] = {"takes": without_star} if which == "DROP_TOP" else {}
    models = (
        MODELS[which]()
        if which in MODELS
        else auction_models(
            RUNS.get(which, "driftpay-co"), DRAW, seed=11, count=60, stipends=which == "STIPEND", **options
        )
    )
    known = list(models)
    hold(PROOFS[which], iter(known))
    PROOFS[which].check()
    return known


@pytest.mark.parametrize("name", thorough(THEORIES, "payments may come to more than the budget".__eq__))
def test_a_false_premise_turns_the_proof(name):
    """The shipped code is no model of the theory any more, or the steps do not follow."""
    which, premise, right, wrong = THEORIES[name]
    mutant = mutated(PROOFS[which], premise, right, wrong)

    def held():
        hold(mutant, iter(models_of(which)))
        mutant.check()

    models_of(which)
    with impatient(), pytest.raises((Unheld, ProofError), match=f"{premise}'|z3 says"):
        held()


def test_contradictory_assumptions_prove_nothing():
    impossible = replace(ratios.RATIO, assumptions={**ratios.RATIO.assumptions, "impossible": "B < 0"})
    impossible.check()
    with pytest.raises(Unheld, match="in none of the markets"):
        hold(impossible, auction_models("driftpay-co", DRAW, seed=11, count=10))
