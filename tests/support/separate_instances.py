"""Small OPT-SEP instances of every sort, and their optimum by a dynamic program that shares nothing with the methods."""

from __future__ import annotations

import numpy as np
from drawing import Numbers
from fedmech import Market
from fedmech.models.exact import exact_sum
from fedmech.solvers.control import Control
from fedmech.solvers.separate.instance import SeparateInstance
from fedmech.solvers.separate.steps import SeparateAnswer, Steps


def enumerate_optimum(instance: SeparateInstance) -> int:
    """Best value by dynamic programming over everything that is left after each worker."""
    m = instance.m
    start = (instance.budgets, tuple(instance.caps.ravel().tolist()), tuple(instance.seats.tolist()))
    states = {start: 0}
    rows = zip(instance.scores.tolist(), instance.costs.tolist(), instance.groups.tolist(), strict=True)
    for score, cost, group in rows:
        after = dict(states)
        for (money, slots, seats), value in states.items():
            for j in range(m):
                cell = group * m + j
                if money[j] >= cost and slots[cell] and seats[j]:
                    state = (
                        (*money[:j], money[j] - cost, *money[j + 1 :]),
                        (*slots[:cell], slots[cell] - 1, *slots[cell + 1 :]),
                        (*seats[:j], seats[j] - 1, *seats[j + 1 :]),
                    )
                    after[state] = max(after.get(state, -1), value + score)
        states = after
    return max(states.values())


def random_instance(rng: Numbers, workers: int = 8) -> SeparateInstance:
    """Small markets of every sort: tiny and huge integers, ties, zeros, no workers, seats, requesters alike."""
    n, m, groups = int(rng.integers(0, workers + 1)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    top = rng.choice([2, 5, 30, 10**6, 10**15, 10**25])
    factor = int(rng.integers(1, 2**62))

    def draw(count: int, least: int) -> list[int]:
        return [least + int(x) * factor % top for x in rng.integers(0, 2**62, count).tolist()]

    scores, costs = draw(n, 1), draw(n, 0)
    if rng.random() < 0.2:
        scores = [c + 1 for c in costs]
    if rng.random() < 0.1:
        costs = [0] * n
    caps = rng.integers(0, 4, (groups, m)) if rng.random() < 0.7 else np.full((groups, m), n)
    seats = np.full(m, n) if rng.random() < 0.5 else rng.integers(0, 4, m)
    share = int(rng.integers(1, 4))
    budgets = [int(rng.integers(0, 101)) * sum(costs) // (100 * share) for _ in range(m)]
    if rng.random() < 0.3:
        budgets, caps = [budgets[0]] * m, np.repeat(caps[:, :1], m, axis=1)
        seats = np.full(m, seats[0])
    return SeparateInstance.of(scores, costs, rng.integers(0, groups, n), caps, seats, budgets)


def as_market(instance: SeparateInstance) -> Market:
    """Return the market of an instance, in its integers."""
    return Market.build(
        scores=instance.scores.tolist(),
        costs=instance.costs.tolist(),
        budgets=list(instance.budgets),
        groups=[f"g{group}" for group in instance.groups.tolist()],
        group_ids=[f"g{group}" for group in range(len(instance.caps))],
        caps=instance.caps.tolist(),
        seats=instance.seats.tolist(),
    )


def searched_by_blocks(instance: SeparateInstance, most_leaves: int = 400, known: bool = False) -> Steps:
    """Return what the search over blocks alone finds, without the best allocation of the steps before it unless that is `known`."""
    found = Steps(instance, Control())
    found.prepare()
    if known:
        found.exchange(found.answer.assignment, 0, instance.m)
    found.evidence, found.weaker = lambda bound: None, []
    nothing = SeparateAnswer(np.full(instance.n, -1, dtype=np.int64), 0, exact_sum(instance.scores) + 1)
    found.answer = found.answer if known else nothing
    found.by_blocks(most_leaves)
    found.write_proofs()
    return found
