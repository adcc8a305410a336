"""OPT-SEP by blocks of requesters: against enumeration, on both sides of every constant, and on markets that nothing else closes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from campaign import some, thorough
from drawing import made_by, reached, seeded
from fedmech import Market, generate_market, solve
from fedmech.models.exact import exact_sum
from fedmech.solvers.control import Control
from fedmech.solvers.highs.interface import HighsRefused
from fedmech.solvers.proofs.proof import Proof, check_bound, proof_document
from fedmech.solvers.separate import block_prices, block_tree, method, search, steps
from fedmech.solvers.separate.block_tree import BlockTree
from fedmech.solvers.separate.instance import SeparateInstance
from fedmech.solvers.separate.method import instance_of
from fedmech.solvers.separate.search import solve_separate
from fedmech.solvers.separate.set_program import SetProgram
from fedmech.solvers.separate.steps import Steps
from hypothesis import given, settings
from separate_instances import as_market, enumerate_optimum, random_instance, searched_by_blocks


def held(instance: SeparateInstance, found: Steps, optimum: int) -> int:
    """Hold a search to the optimum and its proof to the checker; return the number of branches in the proof."""
    answer = found.answer
    assert answer.value <= optimum <= answer.bound
    assert instance.is_feasible(answer.assignment)
    if answer.proof is None:
        # Nothing was said.
        assert answer.bound == exact_sum(instance.scores) + 1
        return 0
    assert answer.proof.kind == "blocks"
    check_bound(answer.proof, as_market(instance))
    return sum("worker" in node for node in answer.proof.body["nodes"])


@settings(max_examples=some(60))
@given(instance=made_by(random_instance))
def test_the_bound_and_its_proof_hold(instance: SeparateInstance) -> None:
    found = searched_by_blocks(instance)
    held(instance, found, enumerate_optimum(instance))
    assert found.answer.proof is not None


def test_some_optima_are_proved() -> None:
    reached(made_by(random_instance), lambda instance: instance.n > 2 and searched_by_blocks(instance).answer.proved)


BOTH_SIDES: dict[str, tuple[Any, str, list[Any]]] = {
    "requesters that share a purse": (block_tree, "MOST_FAILURES", [1, 10**6]),
    "exchanges": (block_tree, "POLISH_EVERY", [1, 10**6]),
    "splits": (block_tree, "ATTEMPTS", [0]),
    "shares": (block_tree, "SURE", [0.0, 0.4, 1.0]),
    "rounds": (block_prices, "ROUNDS", [0, 1, 3]),
    "good enough": (block_prices, "CLOSE_ENOUGH", [0, 10**6]),
    "pooled optima in time": (block_prices, "BLOCK_SECONDS", [0.0]),
    "known sets": (block_prices, "KNOWN_SETS", [1]),
}


@pytest.mark.parametrize("what", BOTH_SIDES)
def test_the_constants_decide_how_far_it_gets_and_never_what_holds(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, values = BOTH_SIDES[what]
    for value in values:
        monkeypatch.setattr(module, name, value)
        settings(max_examples=10)(given(instance=made_by(random_instance))(holds))()


def holds(instance: SeparateInstance) -> None:
    held(instance, searched_by_blocks(instance), enumerate_optimum(instance))


@pytest.mark.parametrize("most", [0, 1, 2, 3])
@settings(max_examples=12)
@given(instance=made_by(random_instance))
def test_a_tree_that_is_not_finished_proves_what_it_has(most: int, instance: SeparateInstance) -> None:
    assert held(instance, searched_by_blocks(instance, most), enumerate_optimum(instance)) <= max(0, most - 1)


@pytest.mark.parametrize("most", [0, 1, 10**6])
def test_the_whole_search_ends_alike_however_many_leaves(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_LEAVES", most)
    monkeypatch.setattr(steps, "find_worker_prices", lambda *_: None)

    @settings(max_examples=10)
    @given(instance=made_by(random_instance))
    def holds(instance: SeparateInstance) -> None:
        answer = solve_separate(instance, None, list_limit=0, node_limit=1)
        optimum = enumerate_optimum(instance)
        assert answer.value <= optimum <= answer.bound
        if answer.claimed or answer.proved:
            assert answer.value == optimum

    holds()


def test_without_time_nothing_is_said() -> None:
    instance = random_instance(seeded(3))
    tree = BlockTree(instance, lambda *_: None, lambda: 0)
    tree.grow(10, Control.for_seconds(0))
    assert tree.root is None


@pytest.mark.parametrize("rounds", range(12))
def test_time_that_is_up_in_the_middle(rounds: int) -> None:
    """Whatever was reached then is proved."""
    instance = random_instance(seeded(4))
    optimum = enumerate_optimum(instance)
    tree = BlockTree(instance, lambda *_: None, lambda: 0)
    tree.grow(100, Clock(rounds))
    if tree.root is None:
        assert rounds < 2
        return
    kind, body = tree.evidence()
    bound = instance.floor(tree.total(), body["scale"])
    assert bound >= optimum
    check_bound(Proof("opt-sep", kind, bound, body), as_market(instance))
    # With more time it goes on from there.
    tree.grow(100, Control())
    assert optimum <= instance.floor(tree.total(), body["scale"]) <= bound


class Clock(Control):
    """A clock on which the time is up when it was looked at so many times."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def expired(self) -> bool:
        """Count the looks."""
        self.looks -= 1
        return self.looks < 0

    def capped(self, seconds: float) -> Control:
        """Steps have a clock of their own."""
        return Control()


def test_numbers_that_highs_does_not_take_leave_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise HighsRefused("no")

    monkeypatch.setattr(SetProgram, "add", refuse)
    found = searched_by_blocks(random_instance(seeded(4)))
    assert not found.answer.proved
    assert found.answer.proof is None


@pytest.mark.parametrize("seconds", thorough([0.0, 60.0], bool))
def test_leaves_that_do_not_suffice_are_no_defect(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the next larger bound is proved; where there is no time to tell, the checker's word stands."""
    market = generate_market("a", 40, requesters=4, groups=4, seed=1)
    for name in ("by_kind", "find_prices", "by_prices", "by_loss", "by_pooled_sets"):
        monkeypatch.setattr(Steps, name, lambda *_: False)
    good = solve(market, "opt-sep", time_limit=60, allow_suboptimal=True)
    assert good.proof is not None
    assert (good.proof.kind, good.exactness, good.refused) == ("blocks", "checked", None)
    monkeypatch.setattr(block_tree, "proof_of_leaves", lambda problem, bound, leaves: Proof(problem, "tree", bound, {}))
    monkeypatch.setattr(method, "LEAST_SECONDS", seconds)
    monkeypatch.setattr(method, "_suffices", partial(late, method._suffices))
    found = solve(market, "opt-sep", time_limit=60, allow_suboptimal=True)
    assert (found.status, found.exactness) == ("feasible", "checked")
    assert found.bound is not None
    assert good.value is not None
    assert found.bound > good.value
    assert (found.refused is None) == (seconds > 0)


def late(suffices: Any, proof: Proof, market: Market, control: Control) -> bool:
    """Ask when the time is up."""
    return suffices(proof, market, Control.for_seconds(0))


def test_highs_that_finds_no_prices_leaves_the_first_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SetProgram, "solve", lambda *_: None)

    @settings(max_examples=8)
    @given(instance=made_by(random_instance))
    def holds(instance: SeparateInstance) -> None:
        held(instance, searched_by_blocks(instance), enumerate_optimum(instance))

    holds()


@pytest.mark.parametrize("factor", thorough([1, 10**21], (1).__eq__))
def test_a_market_with_few_slots_that_branches(factor: int) -> None:
    """Four requesters with few places each: what another method proves, or nearly so; in words and in Python integers."""
    market = generate_market("a", 40, requesters=4, groups=4, seed=1)
    plain = instance_of(market)
    instance = replace(plain, scores=np.array([score * factor for score in plain.scores.tolist()], dtype=object))
    assert (instance.scores.dtype == object) == (factor > 1)
    found = searched_by_blocks(instance, known=True)
    assert found.answer.proof is not None
    written = json.loads(json.dumps(proof_document(found.answer.proof)))
    check_bound(Proof(**written), as_market(instance))
    assert held(instance, found, found.answer.bound) > 0
    other = Steps(plain, Control())
    other.prepare()
    other.find_prices()
    assert other.by_prices(10**6, 10**6)
    optimum = other.answer.value * factor
    assert found.answer.value <= optimum <= found.answer.bound <= optimum + optimum // 100
