"""Proofs by blocks: what they say of small markets, every clause of the format refused where it is broken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fedmech import Market
from fedmech.solvers.proofs import blocks
from fedmech.solvers.proofs.proof import Proof, ProofError, ProofTooLarge, check_bound

MULTIPLIERS = {"scale": 1, "count": 0, "levels": [], "places": [[0]]}


def market(**changes: Any) -> Market:
    """Two requesters with money for one worker each; three workers who cost the same, and one whom nobody can pay."""
    given = {"scores": [9, 6, 3, 100], "costs": [4, 4, 4, 50], "budgets": [6, 6], "caps": [[2, 2]], **changes}
    return Market.build(groups=["g"] * len(given["scores"]), group_ids=["g"], **given)


def inner(money: int, scale: int = 1) -> dict[str, Any]:
    """A proof of OPT by a price of money alone."""
    node = {"multipliers": {**MULTIPLIERS, "scale": scale, "money": [money]}}
    return {"kind": "tree", "body": {"purses": 1, "nodes": [node]}}


def block(requesters: list[int], bound: int, proof: Any) -> dict[str, Any]:
    return {"requesters": requesters, "bound": bound, "proof": proof}


def leaf(prices: list[int], *several: dict[str, Any]) -> dict[str, Any]:
    return {"workers": prices, "blocks": list(several)}


# At prices 6, 3, 0 each requester alone makes 3 with any one of the workers: 9 + 3 + 3 = 15, the optimum.
ALONE = leaf([6, 3, 0, 0], block([0], 3, inner(0)), block([1], 3, inner(0)))
# One purse of 12 pays all three: 18.
POOLED = leaf([0, 0, 0, 0], block([0, 1], 18, inner(0)))


def reason(nodes: Any, bound: Any, of: Market | None = None, scale: Any = 1) -> str | None:
    """Why a proof is refused; None if it is accepted."""
    try:
        check_bound(Proof("opt-sep", "blocks", bound, {"scale": scale, "nodes": nodes}), of or market())
    except ProofError as error:
        return str(error)
    return None


def refused(nodes: Any, bound: Any, word: str, **more: Any) -> None:
    why = reason(nodes, bound, **more)
    assert why is not None
    assert word in why


def test_requesters_alone_see_that_no_purse_pays_two() -> None:
    assert reason([ALONE], 15) is None
    assert reason([ALONE], 17) is None
    # Scores of those who count are multiples of 1 here: 14 is false, and not proved.
    refused([ALONE], 14, "may be worth more")
    assert reason([POOLED], 18) is None
    refused([POOLED], 17, "may be worth more")


def test_a_bound_is_rounded_to_what_scores_can_add_up_to() -> None:
    """All scores are multiples of 3: 16 and 17 say no more than 15, and a total of 17 proves it."""
    thirds = market(scores=[9, 6, 3, 99])
    loose = leaf([6, 3, 0, 2], *ALONE["blocks"])
    assert reason([loose], 15, thirds) is None
    refused([leaf([6, 3, 0, 3], *ALONE["blocks"])], 15, "may be worth more", of=thirds)
    refused([loose], 15, "may be worth more")


def test_prices_over_a_scale() -> None:
    half = leaf([12, 6, 0, 0], block([0], 6, inner(0)), block([1], 6, inner(0)))
    assert reason([half], 15, scale=2) is None
    refused([half], 14, "may be worth more", scale=2)
    refused([ALONE], 15, "better", scale=2)
    for scale in (0, -1, True, 1.0, None):
        refused([half], 15, "integer", scale=scale)


def tree(*leaves: dict[str, Any], worker: Any = 0, requesters: Any = None) -> list[Any]:
    return [{"worker": worker, "requesters": [0] if requesters is None else requesters}, *leaves]


def test_branches_part_the_allocations() -> None:
    """Where requester 0 hires the best worker his price may be negative, and where it does not nobody is surely hired."""
    # Hired by 0 for sure: a price of -1 adds to what it makes.
    inside = leaf([-1, 3, 0, 0], block([0], 10, inner(0)), block([1], 3, inner(0)))
    assert reason(tree(inside, ALONE), 15) is None
    refused(tree(ALONE, inside), 15, "is negative")
    refused([inside], 15, "is negative")
    # 1 is not open to worker 0 there: what it can have is worth 3 at these prices, and nothing at 3 more.
    closed = leaf([0, 6, 3, 0], block([0], 9, inner(0)), block([1], 0, None))
    assert reason(tree(closed, ALONE), 18) is None
    refused([closed], 18, "for opt")
    # Where 0 must not hire worker 0, nobody is left to it.
    outside = leaf([8, 6, 3, 0], block([0], 0, None), block([1], 1, inner(0)))
    assert reason(tree(ALONE, outside), 18) is None
    refused(tree(outside, ALONE), 18, "for opt")
    # Both requesters: nobody else may have him, so outside he is nobody's.
    gone = leaf([0, 6, 3, 0], block([0, 1], 0, None))
    assert reason(tree(POOLED, gone, requesters=[0, 1]), 18) is None


def test_a_tree_is_whole() -> None:
    refused([], 15, "left out")
    refused(tree(ALONE), 15, "left out")
    refused([ALONE, ALONE], 15, "more nodes")
    refused(tree(ALONE, ALONE, ALONE), 15, "more nodes")
    refused(tree(ALONE, POOLED), 15, "may be worth more")
    refused(tree(POOLED, ALONE), 15, "may be worth more")
    assert reason(tree(ALONE, *tree(ALONE, ALONE, worker=1)), 15) is None


@pytest.mark.parametrize("worker", [-1, 4, True, 0.0, None, "0"])
def test_there_is_such_a_worker(worker: Any) -> None:
    assert reason(tree(ALONE, ALONE, worker=worker), 15) is not None


@pytest.mark.parametrize("requesters", [[], [2], [-1], [0, 0], [True], (0,), 0, None, ["0"]])
def test_there_are_such_requesters(requesters: Any) -> None:
    node = {"worker": 0, "requesters": requesters}
    assert reason([node, ALONE, ALONE], 15) is not None
    wrong = leaf([6, 3, 0, 0], block(requesters, 3, inner(0)), block([1], 3, inner(0)))
    assert reason([wrong], 15) is not None


def test_blocks_part_the_requesters() -> None:
    first, second = ALONE["blocks"]
    for several in ([first], [first, first], [first, second, second], [POOLED["blocks"][0], first], []):
        refused([leaf([6, 3, 0, 0], *several)], 15, "part the requesters")


def test_prices_are_a_number_for_every_worker() -> None:
    for prices in ([6, 3, 0], [6, 3, 0, 0, 0], [6, 3, 0, 0.0], [6, 3, 0, True], None, "6300", np.array([6.0, 3, 0, 0])):
        refused([{**ALONE, "workers": prices}], 15, "price for every worker")
    assert reason([{**ALONE, "workers": np.array([6, 3, 0, 0])}], 15) is None
    assert reason([{**ALONE, "workers": np.array([6, 3, 0, 0], dtype=object)}], 15) is None
    assert reason([{**ALONE, "workers": np.array([[6, 3, 0, 0]])}], 15) is not None


def test_what_a_block_makes_is_proved() -> None:
    first, second = ALONE["blocks"]
    for bound in (2, -1, True, 3.0, None):
        assert reason([leaf([6, 3, 0, 0], {**first, "bound": bound}, second)], 15) is not None
    for proof in (None, {}, {"kind": "tree"}, {**inner(0), "more": 1}, {**inner(0), "kind": "blocks"}, 3):
        refused([leaf([6, 3, 0, 0], {**first, "proof": proof}, second)], 15, "for opt")
    for kind in ("packing", "kinds", "fractional", "social", ["tree"]):
        assert reason([leaf([6, 3, 0, 0], {**first, "proof": {**inner(0), "kind": kind}}, second)], 15) is not None
    for name in ("requesters", "bound", "proof"):
        less = {key: value for key, value in first.items() if key != name}
        refused([leaf([6, 3, 0, 0], less, second)], 15, "has requesters, bound and proof")
    refused([leaf([6, 3, 0, 0], {**first, "more": 1}, second)], 15, "has requesters, bound and proof")
    refused([leaf([9, 6, 3, 0], block([0], 0, inner(0)), block([1], 0, None))], 18, "nobody is open")


def test_form() -> None:
    for nodes in (
        None,
        {},
        (ALONE,),
        [3],
        [[]],
        [{}],
        [{**ALONE, "more": 1}],
        [{"worker": 0}],
    ):
        assert reason(nodes, 15) is not None
    for body in ({"scale": 1}, {"nodes": [ALONE]}, {"scale": 1, "nodes": [ALONE], "more": 1}):
        with pytest.raises(ProofError):
            check_bound(Proof("opt-sep", "blocks", 15, body), market())
    with pytest.raises(ProofError):
        check_bound(Proof("opt", "blocks", 18, {"scale": 1, "nodes": [ALONE]}), market())
    for bound in (-1, 15.0, True, None):
        refused(
            [ALONE],
            bound,
            "exact number" if isinstance(bound, float) or bound is None or bound is True else "integer bound",
        )
    refused([{**ALONE, "blocks": {}}], 15, "blocks are no list")
    refused([{**ALONE, "blocks": (*ALONE["blocks"],)}], 15, "blocks are no list")
    unpaid = Market.build(scores=[3], bids=[1], budgets=[2])
    assert reason([leaf([0], block([0], 3, inner(0)))], 3, unpaid) is not None


def test_who_has_no_seat_hires_nobody() -> None:
    prices = leaf([0, 0, 0, 0], block([0], 9, inner(0)), block([1], 0, None))
    refused([prices], 18, "for opt")
    seatless = market(seats=[3, 0])
    alone = leaf([9, 6, 3, 0], block([0], 0, None), block([1], 0, None))
    assert reason([alone], 18, seatless) is None
    nobody = leaf([0, 0, 0, 0], block([0], 18, inner(0)), block([1], 0, None))
    assert reason([nobody], 18, seatless) is None


def test_a_worker_whom_nobody_can_pay_is_open_to_nobody() -> None:
    """Two purses of 6 do not make one that pays 50; one that has 50 pays him."""
    assert reason([POOLED], 18) is None
    assert reason([POOLED], 18, market(budgets=[6, 50])) is not None


def test_as_many_leaves_as_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tree(ALONE, *tree(ALONE, ALONE, worker=1))
    monkeypatch.setattr(blocks, "MOST_LEAVES", 3)
    assert reason(whole, 15) is None
    monkeypatch.setattr(blocks, "MOST_LEAVES", 2)
    with pytest.raises(ProofTooLarge):
        check_bound(Proof("opt-sep", "blocks", 15, {"scale": 1, "nodes": whole}), market())


def test_a_market_without_workers() -> None:
    nobody = Market.build(scores=[], costs=[], budgets=[3])
    assert reason([leaf([], block([0], 0, None))], 0, nobody) is None
    # A score of 1 would be above 0, and a block of nobody makes no less than nothing.
    refused([leaf([], block([0], 1, None))], 0, "may be worth more", of=nobody)
    refused([leaf([], block([0], -1, None))], 0, "too small", of=nobody)


def test_who_is_open_to_whom_before_any_branch() -> None:
    """Whoever has a place and a seat, one is enough, and just the money."""
    several = Market.build(
        scores=[1, 1, 1],
        costs=[4, 4, 5],
        groups=["a", "b", "b"],
        group_ids=["a", "b"],
        budgets=[4, 4, 5, 9],
        caps=[[0, 1, 2, 2], [1, 1, 0, 2]],
        seats=[1, 2, 1, 0],
    )
    assert blocks.before_any_branch(several).tolist() == [
        [False, True, True, False],
        [True, True, False, False],
        [False, False, False, False],
    ]


def test_the_clock_is_read_at_every_node_and_block() -> None:
    """Nobody is open to either block, so that no other checker reads it."""
    alone, looks = leaf([9, 6, 3, 0], block([0], 0, None), block([1], 0, None)), []
    body = {"scale": 1, "nodes": tree(alone, alone)}
    check_bound(Proof("opt-sep", "blocks", 18, body), market(seats=[3, 0]), lambda: looks.append(1))
    assert len(looks) == 3 + 2 * 2


def test_requesters_that_are_not_there() -> None:
    assert blocks.requesters_of([1, 0], 2) == [1, 0]
    for values in ([-1, 0], [0, -1], [0, 2], [2, 0], [1, 1]):
        with pytest.raises(ProofError, match="named twice, or there is none"):
            blocks.requesters_of(values, 2)
