"""Checkers read the clock wherever they may work for long, so that a time limit holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from drawing import seeded
from fedmech import Market, MotsMarket, generate_market, solve
from fedmech.solvers.certify.tree import prove
from fedmech.solvers.proofs.listed_states import Listing
from fedmech.solvers.proofs.proof import Proof, check_bound
from fedmech.solvers.sharing.solve import solve_social_state
from proof_markets import random_market
from separate_instances import as_market, random_instance

LOOPS = {
    ("disjoint_sets", "branches"),
    ("disjoint_sets", "can_pack"),
    ("fractional", "check_bound"),
    ("kinds", "check_bound"),
    ("kinds", "largest"),
    ("purse_sets", "halves"),
    ("purse_sets", "near_best"),
    ("purse_sets", "pairs"),
    ("social", "_all_listed"),
    ("social", "_verify_sign"),
    ("social", "check_bound"),
    ("walk", "check"),
    ("walk", "list"),
}


def readers(proof: Proof, market: Any) -> set[tuple[str, str]]:
    """The functions, by module, that read the clock while a proof is checked."""
    found = set()

    def pulse() -> None:
        code = sys._getframe(1).f_code
        found.add((Path(code.co_filename).stem, code.co_name))

    check_bound(proof, market, pulse)
    return found


def test_every_loop_of_a_checker_reads_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for seed in range(12):
        market = random_market(seeded(seed), seed % 2 == 1)
        separate = as_market(random_instance(seeded(seed)))
        for proof, about in (
            (solve(market, "opt-frac").proof, market),
            (solve(separate, "opt-sep", "loss-search").proof, separate),
        ):
            assert proof is not None
            found |= readers(proof, about)
        value = solve(market, "opt").value
        assert value is not None
        found |= readers(prove(market, "opt", int(value * market.scaled.score_denominator)), market)
    strong = generate_market("c", 40, requesters=3, groups=3, seed=1)
    proof = solve(strong, "opt-sep").proof
    assert proof is not None
    found |= readers(proof, strong)
    alike = Market.build(scores=[3] * 20 + [5] * 20, costs=[2] * 20 + [3] * 20, budgets=[17, 23])
    best = solve(alike, "opt-sep").value
    assert best is not None
    found |= readers(Proof("opt-sep", "kinds", int(best), {"classes": list(range(alike.L))}), alike)
    for utility in ({"family": "exponential", "a": 2, "s": "3/2"}, {"family": "linear", "a": 2, "s": 3}):
        shared = MotsMarket.build(
            sizes=[2, 5, 9, 11], counts=[3, 2, 2, 4], costs=["0.1", "0.2", "1", "0.3"], utility=utility
        )
        proof = solve_social_state(shared).proof
        assert proof is not None
        found |= readers(proof, shared)
    listed = [entry for K in range(1, 27) for entry in (["K", K], ["list", 0, 0])]
    free = MotsMarket.build(
        sizes=[50, 61, 73], counts=[9, 9, 9], costs=[0, 0, 0], utility={"family": "linear", "a": 1, "s": 1}
    )
    bound = solve_social_state(free).bound
    assert bound is not None
    body = {"audience": "everyone", "bends": [], "curvature": [1], "cells": [*listed, ["list", 0, 0]]}
    states = Listing.states
    # As if there were hundreds of states that are worth nearly as much.
    monkeypatch.setattr(
        Listing, "states", lambda self, **options: (x for x in states(self, **options) for _ in range(300))
    )
    found |= readers(Proof("social-state", "social", bound, body), free)
    assert found >= LOOPS
