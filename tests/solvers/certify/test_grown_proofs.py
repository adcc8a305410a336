"""Proofs grown for optima whichever method found them."""

from __future__ import annotations

import campaign
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, seeded
from fedmech import InputError, Market, solve
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.certify import tree as certify_module
from fedmech.solvers.certify.tree import NoCertificateError, certify, prove
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.proofs.proof import Proof, check_bound
from hypothesis import given, settings
from pooled_families import FAMILIES, market_of
from proof_markets import PROBLEMS, random_market

KINDS = [(problem, seats) for problem in PROBLEMS for seats in (False, True)]


def grown(market: Market, problem: str) -> Proof:
    """Return a proof grown from nothing but the optimum's value, once accepted."""
    solution = solve(market, problem)
    assert solution.value is not None
    unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
    proof = prove(market, problem, int(solution.value * unit))
    check_bound(proof, market)
    return proof


BRANCHES = {"thirteen scales": "worker", "c, loose caps": "count"}
"""What the proofs of some families branch on."""

SMALLER = {"almost c, loose caps": 120}
"""Workers of those whose proofs are of the same kind and take many seconds at 400."""


@pytest.mark.parametrize(("problem", "seats"), KINDS)
@settings(max_examples=some(44))
@given(rng=generators)
def test_every_optimum_has_a_proof(problem: str, seats: bool, rng: Numbers) -> None:
    grown(random_market(rng, seats, *((1, 11) if rng.random() < 0.9 else (15, 26))), problem)


@pytest.mark.slow
@pytest.mark.parametrize(("problem", "seats"), KINDS)
def test_share_of_optima_with_a_proof(problem: str, seats: bool) -> None:
    """Hundreds of markets of 12 to 39 workers; what `solve` calls checked has a grown proof, or it says why not."""
    found = tried = 0
    for seed in range(400):
        market = random_market(seeded(seed), seats, least=12, most=40)
        solution = solve(market, problem, time_limit=30, allow_suboptimal=True)
        if solution.exactness != "checked" or solution.status != "optimal":
            continue
        tried += 1
        try:
            grown(market, problem)
            found += 1
        except (NoCertificateError, Stopped) as error:
            print(f"{problem}, seats {seats}, seed {seed}: {error}")
    print(f"{problem}, seats {seats}: {found} of {tried}")
    assert found >= 0.98 * tried


@pytest.mark.parametrize("kind", ["a", "b", "c", "d", "lognormal"])
@pytest.mark.parametrize("seat_share", [None, 0.6])
@pytest.mark.parametrize("n", thorough([60, 3000], (3000).__eq__))
def test_generated_markets(kind: str, seat_share: float | None, n: int) -> None:
    # Where seats bind and scores follow costs, a proof takes many seconds from sixty workers on.
    few = n == 60 and seat_share is not None and kind in "cd" and not campaign.whole
    grown(generate_market(kind, 30 if few else n, seat_share=seat_share, seed=2), "opt")


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_hard_families(family: str) -> None:
    """Those that enumeration alone cannot close among them: numbers of many magnitudes take a tree."""
    nodes = grown(market_of(FAMILIES[family](SMALLER.get(family, 400), 1)), "opt").body["nodes"]
    assert len(nodes) < 2000
    assert family not in BRANCHES or any(BRANCHES[family] in entry for entry in nodes)


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_hard_families_when_large(family: str) -> None:
    market = market_of(FAMILIES[family](10_000, 1))
    solution = solve(market, "opt", time_limit=60, allow_suboptimal=True)
    if solution.status == "optimal":
        grown(market, "opt")


def test_what_trees_are_made_of() -> None:
    """Some of these proofs branch on workers; some have a purse for every requester."""
    seen: set[str] = set()
    for seed in (10, 34):
        for problem in ("opt", "opt-sep", "cover"):
            body = grown(random_market(seeded(seed)), problem).body
            seen |= {f"{problem} {field}" for entry in body["nodes"] for field in entry}
            seen |= {f"{problem} purses"} if body["purses"] > 1 else set()
    assert seen >= {"opt-sep worker", "opt-sep purses", "cover worker", "opt multipliers"}


def test_a_proof_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    market = generate_market("b", 30, requesters=3, groups=3, top=1000, seed=3)
    solution = solve(market, "opt-sep")
    assert solution.value is not None
    value = int(solution.value * market.scaled.score_denominator)
    with pytest.raises(Stopped):
        prove(market, "opt-sep", value, control=Control.for_seconds(0))
    monkeypatch.setattr(certify_module, "MOST_NODES", 3)
    with pytest.raises(NoCertificateError, match="more than 3 nodes"):
        prove(market, "opt-sep", value)


def test_only_an_optimum_is_certified() -> None:
    market = generate_market("b", 300, requesters=3, groups=3, top=1000, seed=3)
    solution = solve(market, "opt-sep", time_limit=0, allow_suboptimal=True)
    assert solution.status == "feasible"
    with pytest.raises(InputError, match="proved optimum"):
        certify(market, solution)


@settings(max_examples=some(40))
@given(rng=generators)
def test_a_bound_that_is_false_is_never_proved(rng: Numbers) -> None:
    market = random_market(rng, rng.randrange(2) == 1)
    for problem in PROBLEMS:
        value = solve(market, problem).value
        assert value is not None
        unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
        if value:
            with pytest.raises(NoCertificateError):
                prove(market, problem, int(value * unit) - 1)
