"""Trees of one or two nodes whose verdict is known, one for each rule of the checkers: neither may be stricter nor more lenient."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from fedmech import Market
from fedmech.solvers.proofs.nodes import Multipliers, Node
from fedmech.solvers.proofs.tree import open_tree
from proof_markets import CHECKERS


@pytest.mark.parametrize("checker", CHECKERS)
def test_limits_are_what_caps_and_seats_leave(checker: str) -> None:
    """The room of each limit against the most places that any counts by requester take of its groups."""
    rng = np.random.default_rng(5)
    for _ in range(60):
        groups, requesters = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        caps, seats = rng.integers(0, 4, (groups, requesters)), rng.integers(0, 6, requesters)
        market = Market.build(
            scores=[1] * 3 * groups,
            costs=[0] * 3 * groups,
            groups=list(range(groups)) * 3,
            group_ids=range(groups),
            budgets=[0] * requesters,
            caps=caps.tolist(),
            seats=seats.tolist(),
        )
        prices = tuple(rng.permutation(groups).tolist())
        most = {}
        for chosen in product((False, True), repeat=groups):
            taken = caps[np.array(chosen)].sum(axis=0)
            most[chosen] = int(np.minimum(taken, seats).sum())
        instance = open_tree(market, "opt", 0, 1, lambda: None, checker).instance
        node, together = instance.root(), [False] * groups
        for groups_of, _, room in limits_of(checker, instance, node, prices):
            if not instance.nested[0]:
                together = [False] * groups
            for group in groups_of:
                together[group] = True
            assert room == most[tuple(together)]
        bind = any(caps[:, j].sum() > seats[j] for j in range(requesters))
        assert instance.nested == [bind]


def limits_of(checker: str, instance, node: Node, prices: tuple[int, ...]):  # type: ignore[no-untyped-def]
    if checker == "reference":
        from fedmech.solvers.proofs.reference.bound import limits

        return limits(instance, node, 0, prices)
    from fedmech.solvers.proofs.arrays.narrow import stages

    return stages(instance, node, 0, prices)


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("seats", [1, 2, 3])
def test_a_bound_of_seats_is_exact(checker: str, seats: int) -> None:
    """Alike workers who cost nothing: the price of a place proves as many as there are seats, and no fewer."""
    market = Market.build(scores=[1] * 5, costs=[0] * 5, budgets=[0, 0], seats=[seats, 1], caps=[[4, 4]])
    multipliers = Multipliers(1, 0, (0,), (), ((1,),))
    for bound in range(seats + 3):
        tree = open_tree(market, "opt", bound, 1, lambda: None, checker)
        found = tree.narrow(replace(tree.instance.root(), multipliers=multipliers))
        assert found.gap == seats - bound
