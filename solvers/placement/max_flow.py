"""ORP by a library's min-cost flow on the layered network of DriftPay section 5 (stated), a node per worker.

Slow and literal: it is there to be read beside the paper and to cross-check the matroid rule.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ...models.procurement.market import Market
from ..control import Control
from ..foreign import broken_off
from ..registry import register
from ..solution import Found

__all__ = ["layered_network"]


def layered_network(market: Market):
    """Build source -> worker -> (requester, group) -> requester -> sink, with integer capacities and weights.

    Returns
    -------
    networkx.DiGraph
        An arc sink -> source of weight 0 closes it into a circulation.
    """
    import networkx as nx

    network = nx.DiGraph()
    network.add_edge("sink", "source", capacity=market.n, weight=0)
    for i in range(market.n):
        l = int(market.group_of[i])
        network.add_edge("source", ("worker", i), capacity=1, weight=-int(market.scaled.scores[i]))
        for j in range(market.m):
            network.add_edge(("worker", i), ("bucket", j, l), capacity=1, weight=0)
    for j in range(market.m):
        for l in range(market.L):
            network.add_edge(("bucket", j, l), ("requester", j), capacity=int(market.caps[l, j]), weight=0)
        network.add_edge(("requester", j), "sink", capacity=int(market.seats[j]), weight=0)
    return network


@register(
    "orp",
    "max-flow",
    summary="networkx min-cost circulation on the paper's layered network",
    max_workers=400,
    requires=("networkx",),
    reference=True,
)
def solve_orp_by_flow(market: Market, control: Control) -> Found:
    """Solve ORP by network simplex, in Python integers throughout."""
    import networkx as nx

    if not market.n or not market.m:
        return Found(np.full(market.n, -1, dtype=np.int64), bound=Fraction(0))
    _, flow = broken_off(control, lambda: nx.network_simplex(layered_network(market)))
    assignment = np.full(market.n, -1, dtype=np.int64)
    for i in range(market.n):
        for (_, j, _), units in flow["worker", i].items():
            if units:
                assignment[i] = j
    value = Fraction(exact_sum(market.scaled.scores[assignment >= 0]), market.scaled.score_denominator)
    return Found(assignment, bound=value)
