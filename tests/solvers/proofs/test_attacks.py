"""Attacks in memory on proofs of every kind that procurement has: what is changed is refused in one line, or proves what is true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from drawing import Numbers, generators
from fedmech import Market, solve
from fedmech.solvers.certify.tree import prove
from fedmech.solvers.proofs.nodes import MOST_BITS
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound
from fedmech.solvers.separate.method import instance_of
from hypothesis import given, settings
from proof_markets import CHECKERS, accepted, random_market, refusal
from separate_instances import searched_by_blocks

ALL = ("orp", "opt", "opt-frac", "opt-sep", "cover")


def proofs(rng: Numbers) -> Iterator[tuple[Market, Proof, Fraction]]:
    """Yield a market with the proof that each problem's search gives, and a grown one; and its optimum in units of the proof."""
    market = random_market(rng, rng.randrange(2) == 1)
    for problem in ALL:
        solution = solve(market, problem)
        assert solution.proof is not None
        assert solution.value is not None
        unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
        yield market, solution.proof, solution.value * unit
        if problem == "opt-sep":
            found = searched_by_blocks(instance_of(market)).answer
            if found.proved and found.proof is not None:
                yield market, found.proof, solution.value * unit
        if problem != "opt-frac":
            yield market, prove(market, problem, int(solution.value * unit)), solution.value * unit


def plain(value: Any) -> Any:
    """A body with lists in the place of arrays and tuples."""
    if hasattr(value, "items"):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def variants(body: Any, replacements: list[Any]) -> Iterator[Any]:
    """Yield copies of a body with one leaf, list or mapping of it replaced."""
    yield from replacements
    if isinstance(body, dict):
        for key, inner in body.items():
            for other in variants(inner, replacements):
                yield {**body, key: other}
            yield {name: value for name, value in body.items() if name != key}
        yield {**body, "more": 1}
    elif isinstance(body, list):
        for at in range(min(len(body), 3)):
            for other in variants(body[at], replacements):
                yield [*body[:at], other, *body[at + 1 :]]
        yield body[:-1]
        yield [*body, *body[-1:]]


HUGE = [1 << 70, -(1 << 70), 1 << 3000, 1 << (MOST_BITS + 1)]
NO_NUMBERS = [
    True,
    False,
    1.0,
    float("nan"),
    float("inf"),
    None,
    "1",
    [],
    {},
    [[]],
    {"scale": 1},
    np.float64(1),
    np.bool_(True),
]


@pytest.mark.parametrize("replacements", [HUGE, NO_NUMBERS], ids=["huge numbers", "no numbers"])
@settings(max_examples=2)
@given(rng=generators)
def test_whatever_stands_in_a_body_nothing_false_is_accepted(replacements: list[Any], rng: Numbers) -> None:
    for market, proof, best in proofs(rng):
        for body in variants(plain(proof.body), replacements):
            if not isinstance(body, dict):
                with pytest.raises(ProofError):
                    check_bound(replace(proof, body=body), market)
                continue
            reason = None
            try:
                check_bound(replace(proof, body=body), market)
            except ProofError as error:
                reason = str(error)
            if reason is None:
                assert proof.bound >= best
                continue
            assert "\n" not in reason
            assert len(reason) < 400


@settings(max_examples=4)
@given(rng=generators)
def test_a_bound_off_by_one_is_refused(rng: Numbers) -> None:
    """One unit lower, whatever the kind of proof; and bounds that are no numbers."""
    for market, proof, best in proofs(rng):
        assert proof.bound == best
        if best > 0:
            lower = (
                [proof.bound - 1] if proof.problem != "opt-frac" else [proof.bound - Fraction(1, 10**30), Fraction(0)]
            )
            for bound in [*lower, -1, -(1 << 80)]:
                with pytest.raises(ProofError):
                    check_bound(replace(proof, bound=bound), market)
        for bound in (True, 1.5, float("inf"), None, "9", np.int64(9)):
            with pytest.raises(ProofError):
                check_bound(replace(proof, bound=bound), market)  # type: ignore[arg-type]


@settings(max_examples=3)
@given(rng=generators)
def test_a_proof_of_another_market_or_problem_proves_nothing_false(rng: Numbers) -> None:
    for market, proof, _ in proofs(rng):
        for other in (random_market(rng), random_market(rng, True), random_market(rng)):
            value = solve(other, proof.problem).value
            assert value is not None
            unit = other.scaled.coverage_denominator if proof.problem == "cover" else other.scaled.score_denominator
            try:
                check_bound(proof, other)
            except ProofError:
                continue
            assert proof.bound >= value * unit
        for problem in (*ALL, "social-state", "nonsense", None):
            if problem == proof.problem:
                continue
            changed = replace(proof, problem=problem)  # type: ignore[arg-type]
            try:
                check_bound(changed, market)
            except ProofError:
                continue
            value = solve(market, problem).value  # type: ignore[arg-type]
            assert value is not None
            unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
            assert proof.bound >= value * unit


@settings(max_examples=2)
@given(rng=generators)
def test_kinds_cannot_be_exchanged(rng: Numbers) -> None:
    for market, proof, _ in proofs(rng):
        for kind in (
            "tree",
            "packing",
            "blocks",
            "fractional",
            "outcome",
            "",
            "__init__",
            "../proof",
            None,
            3,
            ["tree"],
        ):
            if kind == proof.kind:
                continue
            with pytest.raises(ProofError):
                check_bound(replace(proof, kind=kind), market)  # type: ignore[arg-type]


def test_numpy_integers_are_numbers_and_other_numpy_scalars_are_none() -> None:
    market = Market.build(scores=[3, 2], costs=[2, 2], budgets=[3])
    multipliers = {"scale": 2, "count": 0, "money": [3], "levels": [], "places": [[0]]}
    body = {"purses": 1, "nodes": [{"multipliers": multipliers}]}
    proof = Proof("opt", "tree", 4, body)
    assert accepted(proof, market)
    for right in (
        {**multipliers, "scale": np.int64(2)},
        {**multipliers, "scale": np.uint8(2)},
        {**multipliers, "money": np.array([3])},
        {**multipliers, "money": np.array([3], dtype=object)},
        {**multipliers, "places": np.zeros((1, 1), dtype=np.int32)},
        {**multipliers, "money": (3,)},
    ):
        assert accepted(replace(proof, body={**body, "nodes": [{"multipliers": right}]}), market)
    for wrong in (
        {**multipliers, "scale": np.timedelta64(2)},
        {**multipliers, "scale": np.float64(2)},
        {**multipliers, "scale": np.bool_(True)},
        {**multipliers, "scale": 0},
        {**multipliers, "scale": -2},
        {**multipliers, "money": [-3]},
        {**multipliers, "places": [[-1]]},
        {**multipliers, "levels": [0]},
        {**multipliers, "money": np.array([3.0])},
        {**multipliers, "money": np.array([True])},
        {**multipliers, "money": np.array(3)},
        {**multipliers, "money": {3: 3}},
        {**multipliers, "places": [[0], [0]]},
        {**multipliers, "places": [[0, 0]]},
    ):
        assert not accepted(replace(proof, body={**body, "nodes": [{"multipliers": wrong}]}), market)


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_longest_numbers_of_a_proof(checker: str) -> None:
    market = Market.build(scores=[3, 2], costs=[2, 2], budgets=[3])
    for bits, right in ((MOST_BITS, True), (MOST_BITS + 1, False)):
        longest = (1 << bits) - 1
        multipliers = {"scale": longest, "count": 0, "money": [0], "levels": [], "places": [[0]]}
        reason = refusal(
            Proof("opt", "tree", 5, {"purses": 1, "nodes": [{"multipliers": multipliers}]}), market, checker
        )
        assert (reason is None) == right
        assert right or "bits" in str(reason)


def test_workers_and_counts_that_are_not_there() -> None:
    market = Market.build(scores=[3, 2], costs=[2, 2], budgets=[3])
    leaf = {"multipliers": {"scale": 1, "count": 0, "money": [0], "levels": [], "places": [[0]]}}
    for split, right in (
        ({"worker": 1}, True),
        ({"worker": 2}, False),
        ({"worker": -1}, False),
        ({"worker": True}, False),
        ({"worker": 0.0}, False),
        ({"count": 1}, True),
        ({"count": 1 << 200}, True),
        ({"count": -1}, False),
        ({"worker": 1, "count": 1}, False),
        ({"open": 1}, False),
    ):
        # At 5 everything is better than nothing: two leaves that are closed by their bounds.
        proof = Proof("opt", "tree", 5, {"purses": 1, "nodes": [split, leaf, leaf]})
        assert accepted(proof, market) == right, split
    for nodes in (
        [],
        [{}],
        [leaf, leaf],
        [{"worker": 0}, leaf],
        [{"worker": 0}, leaf, leaf, leaf],
        [None],
        [[]],
        "nodes",
        None,
    ):
        assert not accepted(Proof("opt", "tree", 5, {"purses": 1, "nodes": nodes}), market)


def test_what_a_claim_of_a_tree_may_not_say() -> None:
    """A node whose bound is met is no excuse for a claim about nothing."""
    bare = Market.build(scores=[3, 5], bids=[1, 1], budgets=[9, 9])
    priced = Market.build(scores=[3, 5], costs=[2, 2], budgets=[9, 9])
    covering = Market.build(scores=[3, 5], budgets=[9, 9], coverage=[[1, 0], [1, 1]], bids=[1, 1])
    node = {"scale": 1, "money": [0], "places": []}

    def why(market: Market, problem: Any, bound: Any = 99, **body: Any) -> str:
        with pytest.raises(ProofError) as caught:
            check_bound(Proof(problem, "tree", bound, {"purses": 1, "nodes": [node], **body}), market)
        return str(caught.value)

    for market, problems in (
        (bare, ("opt", "opt-sep", "cover", "opt-frac", "social-state", "knapsack", None, ["opt"])),
        (priced, ("cover", "opt-frac", "social-state")),
        (covering, ("opt", "opt-sep", "cover")),
    ):
        for problem in problems:
            assert "has no trees, or the market lacks" in why(market, problem)
    for problem in ("opt", "opt-sep"):
        assert "a whole number" in why(priced, problem, Fraction(99))
        for purses in (0, -1, 3, True, 1.0, None, *((2,) if problem == "opt" else ())):
            assert "purses: must be 1" in why(priced, problem, purses=purses)
        assert "nothing else" in why(priced, problem, more=1)
    none = Market.build(scores=[3], costs=[2], budgets=[])
    assert "purses: must be 1" in why(none, "opt-sep", purses=0)
