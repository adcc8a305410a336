"""Documents about social states: true ones are accepted, and what is changed in one, sealed again or not, is refused or still true."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.proofs.document import digest
from fedmech.solvers.proofs.proof import Proof, ProofError
from fedmech.solvers.proofs.social_document import check_state_document, state_worth, write_state_document
from fedmech.solvers.sharing.solve import solve_social_state
from fedmech.solvers.sharing.worth import Audience, worth

UTILITIES: dict[str, dict[str, Any]] = {
    "linear": {"family": "linear", "a": 2, "s": 1},
    "exponential": {"family": "exponential", "a": 2, "s": "3/2"},
}


def market_of(utility: str) -> MotsMarket:
    return MotsMarket.build(
        sizes=[2, 5, 9], counts=[3, 0, 2], costs=["0.1", "0.2", "1"], utility=UTILITIES[utility], max_error="0.9"
    )


def documented(market: MotsMarket, audience: Audience = "everyone") -> dict[str, Any]:
    """The document of the best state, as read back from a file."""
    answer = solve_social_state(market, audience=audience)
    assert answer.proof is not None
    return json.loads(json.dumps(write_state_document(market, answer.state, answer.proof)))


def resealed(document: dict[str, Any], **changed: Any) -> dict[str, Any]:
    document = {**document, **changed, "seal": None}
    return {**document, "seal": digest(document)}


@pytest.mark.parametrize("utility", UTILITIES)
@pytest.mark.parametrize("audience", ["everyone", "participants"])
def test_a_state_and_its_bound(utility: str, audience: Audience) -> None:
    market = market_of(utility)
    answer = solve_social_state(market, audience=audience)
    assert answer.state is not None
    found = check_state_document(documented(market, audience), market)
    exact = worth(market, answer.state, 500, audience)
    assert found.value is not None
    assert found.bound is not None
    assert not found.infeasible
    assert exact.low - Fraction(1, 10**100) <= found.value <= exact.high
    assert found.value <= found.bound <= found.value + Fraction(1, 10**30)
    assert found.optimal == (utility == "linear")


@pytest.mark.parametrize("utility", UTILITIES)
def test_what_is_changed_is_refused(utility: str) -> None:
    market = market_of(utility)
    document = documented(market)
    value, bound = Fraction(document["value"]), Fraction(document["bound"])
    more = "{0.numerator}/{0.denominator}".format(value + Fraction(1, 10**90))
    less = "{0.numerator}/{0.denominator}".format(bound - Fraction(1, 10**9))
    state = document["point"]
    with pytest.raises(ProofError, match="seal"):
        check_state_document({**document, "value": "0/1"}, market)
    for changes in {
        "value too high": {"value": more},
        "bound too low": {"bound": less},
        "no number": {"value": 1.5},
        "too few types": {"point": state[:-1]},
        "too many of a type": {"point": [4, *state[1:]]},
        "fewer than none": {"point": [-1, *state[1:]]},
        "of a type without clients": {"point": [state[0], 1, state[2]]},
        "truth for one": {"point": [True, *state[1:]]},
        "nobody": {"point": [0, 0, 0], "value": "0/1"},
        "a worse state": {"point": [1, 0, 0]},
        "no list": {"point": {"a": 1}},
        "no point": {"point": None},
        "no point, no value": {"point": None, "value": None},
        "infeasible": {"body": {"infeasible": True}},
        "infeasible without point": {"body": {"infeasible": True}, "point": None, "value": None},
        "audience": {"body": {**document["body"], "audience": "nobody"}},
        "a cell left out": {"body": {**document["body"], "cells": document["body"]["cells"][:-1]}},
        "no body": {"body": None},
        "kind": {"kind": "tree"},
        "problem": {"problem": "opt"},
        "format": {"format": "fedmech-proof/2"},
        "instance": {"instance": "0"},
    }.values():
        with pytest.raises(ProofError):
            check_state_document(resealed(document, **changes), market)
    with pytest.raises(ProofError, match="another market"):
        check_state_document(document, replace(market, max_error=None))
    for nothing in (None, [], {}, {**document, "more": 1}):
        with pytest.raises(ProofError, match="fields"):
            check_state_document(nothing, market)
    # What claims less is as true.
    lower = check_state_document(resealed(document, value="0/1"), market)
    assert (lower.value, lower.bound, lower.optimal) == (0, bound, False)


def test_the_requirement_is_kept() -> None:
    market = market_of("linear")
    error = market.error((1, 0, 0))
    assert state_worth(market.with_max_error(error), (1, 0, 0), "everyone") == market.welfare((1, 0, 0))
    with pytest.raises(ProofError, match="requirement"):
        state_worth(market.with_max_error(error - Fraction(1, 10**30)), (1, 0, 0), "everyone")


def test_that_there_is_no_state() -> None:
    market = market_of("linear").with_max_error(Fraction(1, 10**6))
    answer = solve_social_state(market)
    assert answer.status == "infeasible"
    assert answer.proof is not None
    document = json.loads(json.dumps(write_state_document(market, None, answer.proof)))
    found = check_state_document(document, market)
    assert found.infeasible
    assert not found.optimal
    feasible = market_of("linear")
    false = write_state_document(feasible, None, Proof("social-state", "social", 0, {"infeasible": True}))
    with pytest.raises(ProofError, match="meets the requirement"):
        check_state_document(false, feasible)


def test_a_state_without_welfare() -> None:
    market = MotsMarket.build(
        sizes=[1], counts=[2], costs=[0], utility={"expression": "3 - log(eps)"}, client_variance=0, data_variance=0
    )
    with pytest.raises(ProofError, match="welfare"):
        state_worth(market, (1,), "everyone")


@pytest.mark.parametrize("audience", ["everyone", "participants"])
def test_clients_that_differ_are_part_of_the_error(audience: Audience) -> None:
    market = MotsMarket.build(
        sizes=[2, 5, 9],
        counts=[3, 0, 2],
        costs=["0.1", "0.2", "1"],
        utility=UTILITIES["linear"],
        data_variance="1/3",
        client_variance="2/7",
        dimension=3,
    )
    for state in ((1, 0, 0), (3, 0, 0), (0, 0, 2), (2, 0, 1), (3, 0, 2)):
        K, T = sum(state), Fraction(state[0], 2) + Fraction(state[2], 9)
        error = T / K**2 + Fraction(2, 7) * Fraction(K - 1, K)
        served = 5 if audience == "everyone" else K
        cost = Fraction(state[0], 10) + state[2]
        assert state_worth(market, state, audience) == served * (2 - error) - cost


@pytest.mark.parametrize("state", [(True, 0, 0), (1, 0, 1.0), (1, False, 2), (1, 0), (1, 0, 0, 0)])
def test_one_number_of_a_state_that_is_none(state: tuple[int, ...]) -> None:
    with pytest.raises(ProofError, match="whole number for each type"):
        state_worth(market_of("linear"), state, "everyone")
