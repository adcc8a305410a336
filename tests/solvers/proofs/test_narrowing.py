"""What multipliers leave of a node: both checkers leave the same, to the last choice and number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from campaign import some
from drawing import Numbers, generators, made_by, seeded
from fedmech import Market
from fedmech.solvers.proofs.nodes import Entry, Multipliers, Node
from fedmech.solvers.proofs.proof import ProofError
from fedmech.solvers.proofs.tree import open_tree
from fedmech.solvers.proofs.walk import Narrowed
from hypothesis import given, settings
from proof_markets import CHECKERS, PROBLEMS, random_market, tiny_market

WORDS = (1, 1, 1, 2**20, 2**31, 2**40, 2**53, 2**61, 2**62, 2**63, 10**30)


def random_multipliers(rng: Numbers, tree: Any) -> Multipliers:
    """Numbers of any length, some of them near what decides workers."""
    shape = tree.instance.shape
    scale, top = int(rng.integers(1, 12)) * int(rng.choice(WORDS)), int(rng.choice([1, 4, 30]))

    def some(size: int, unit: int) -> tuple[int, ...]:
        return tuple(int(x) * unit // 2 for x in rng.integers(0, top, size) * (rng.random(size) < 0.7))

    money = some(shape.purses, scale if rng.random() < 0.8 else int(rng.choice(WORDS)))
    count = int(rng.integers(-top, top)) * scale // 3 * int(rng.random() < 0.4)
    levels = some(shape.kinds, scale * int(rng.choice([1, *tree.instance.costs[:1], 7])))
    return Multipliers(scale, count, money, levels, tuple(some(shape.groups, scale) for _ in range(shape.purses)))


def shown(found: Narrowed) -> Any:
    """What is left, in Python's own numbers; of a node that holds nothing, only that."""
    if found.gap < 0:
        return None
    node = found.node
    flips = []
    for mine in found.flips:
        columns = (
            (mine.workers.tolist(), mine.inside.tolist(), mine.losses.tolist()) if hasattr(mine, "losses") else None
        )
        flips.append([*zip(*columns, strict=True)] if columns else [(f.worker, f.hired, f.loss) for f in mine])
    still = [list(map(int, workers)) for workers in node.open]
    return found.gap, still, node.money, node.held, node.score, node.covered, node.low, node.high, flips


@pytest.mark.parametrize("problem", PROBLEMS)
@settings(max_examples=some(150))
@given(rng=generators)
def test_both_checkers_leave_the_same_of_a_node(problem: str, rng: Numbers) -> None:
    market = random_market(rng, rng.randrange(2) == 0) if rng.randrange(3) else tiny_market(rng, int(rng.choice(WORDS)))
    names = [name for name in ("scores", "costs", "budgets", "coverage") if rng.random() < 0.2]
    market = market.with_scaled(**{name: getattr(market.scaled, name).astype(object) for name in names})
    purses = market.m if problem == "opt-sep" and rng.random() < 0.7 else 1
    worth = market.scaled.coverage if problem == "cover" else market.scaled.scores
    assert worth is not None
    bound = int(worth.max()) * int(rng.integers(0, 5)) // 2
    trees = [open_tree(market, problem, bound, purses, lambda: None, checker) for checker in CHECKERS]
    assert trees[0].instance.goal == trees[1].instance.goal
    nodes: list[Node] = [tree.instance.root() for tree in trees]
    for _ in range(int(rng.integers(0, 3))):
        worker = int(rng.integers(0, market.n))
        splits = [tree.instance.split_by_worker(node, worker) for tree, node in zip(trees, nodes, strict=True)]
        assert len(splits[0]) == len(splits[1])
        chosen = int(rng.integers(0, len(splits[0])))
        nodes = [split[chosen] for split in splits]
    low = int(rng.integers(0, 3)) * int(rng.random() < 0.3)
    high = nodes[0].high - int(rng.integers(0, 3)) * int(rng.random() < 0.3)
    nodes = [replace(node, low=low, high=high) for node in nodes]
    for _ in range(3):
        multipliers = random_multipliers(rng, trees[0])
        found = [tree.narrow(replace(node, multipliers=multipliers)) for tree, node in zip(trees, nodes, strict=True)]
        one, two = map(shown, found)
        assert one == two, multipliers
        if one is None:
            break
        nodes = [narrowed.node for narrowed in found]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("number", [2**61, 2**62, 2**63, 2**64, 10**30])
@settings(max_examples=5)
@given(market=made_by(random_market))
def test_one_long_number_among_short_ones(problem: str, number: int, market: Market) -> None:
    """Each multiplier by itself may be long."""
    trees = [open_tree(market, problem, 0, 1, lambda: None, checker) for checker in CHECKERS]
    shape = trees[0].instance.shape
    short = Multipliers(2, 1, (1,), (1,) * shape.kinds, ((1,) * shape.groups,))
    changes: list[dict[str, Any]] = [
        {"scale": number},
        {"count": number},
        {"count": -number},
        {"money": (number,)},
        {"levels": (number, *short.levels[1:]) if shape.kinds else ()},
        {"places": ((number, *short.places[0][1:]),)},
    ]
    for long in changes:
        multipliers = replace(short, **long)
        one, two = (shown(tree.narrow(replace(tree.instance.root(), multipliers=multipliers))) for tree in trees)
        assert one == two, long


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_node_without_multipliers_is_left_open(problem: str, checker: str) -> None:
    market = random_market(seeded(2))
    tree = open_tree(market, problem, 0, 1, lambda: None, checker)
    found = tree.narrow(tree.instance.root())
    assert found.gap >= 0
    with pytest.raises(ProofError, match="may hold something better"):
        tree.check([Entry()])


@pytest.mark.parametrize("scale", [2**57, 2**58, 2**59, 2**60, 2**61])
def test_coverage_that_fits_in_words_by_kind_but_not_in_all(scale: int) -> None:
    market = Market.build(scores=[1, 1], costs=[1, 1], budgets=[1], coverage=[[7] * 4, [6] * 4])
    multipliers = Multipliers(scale, 0, (0,), (0,) * 4, ((0,),))
    for checker in CHECKERS:
        tree = open_tree(market, "cover", 20, 1, lambda: None, checker)
        found = tree.narrow(replace(tree.instance.root(), multipliers=multipliers))
        assert found.gap == (28 + 24) * scale - scale * tree.instance.goal


def test_choices_that_lose_just_the_gap_are_left() -> None:
    """Workers whom only one of two purses may hire, at gains of 3 and of 1: not to hire them loses as much, and may be right."""
    market = Market.build(scores=[3, 1, 4], costs=[5, 5, 1], budgets=[5, 1])
    multipliers = Multipliers(1, 0, (0, 0), (), ((0,), (0,)))
    for bound in range(-1, 9):
        trees = [open_tree(market, "opt-sep", bound, 2, lambda: None, checker) for checker in CHECKERS]
        one, two = (shown(tree.narrow(replace(tree.instance.root(), multipliers=multipliers))) for tree in trees)
        assert one == two
        if bound == 4:
            assert one[0] == 3
            assert one[-1] == [[(0, True, 3), (1, True, 1), (2, False, 0)], [(2, False, 0)]]
