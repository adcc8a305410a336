"""Section 5: ORP as a flow."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from ...claim import Judgement
from ...ledger import claim
from ...literal.procurement import LiteralMarket, best_set, literal_market
from ...search.boxes import group_patterns, market_document
from ...search.hunt import Draw

_FAR = 10**6


def layered_flow(market: LiteralMarket) -> Fraction:
    """ORP by the network of section 5: source, workers, (requester, group) pairs, requesters, sink; min-cost max-flow.

    Scores have to be whole numbers.
    """
    import networkx as nx

    network = nx.DiGraph()
    network.add_nodes_from(["s", "t"])
    for i in market.workers:
        network.add_edge("s", ("worker", i), capacity=1, weight=-int(market.scores[i]))
        for name in market.requesters:
            network.add_edge(("worker", i), ("pair", name, market.groups[i]), capacity=1, weight=0)
    for name, seats in zip(market.requesters, market.seats, strict=True):
        for group in set(market.groups):
            cap = market.caps.get((group, name), _FAR)
            network.add_edge(("pair", name, group), ("requester", name), capacity=cap, weight=0)
        network.add_edge(("requester", name), "t", capacity=_FAR if seats is None else seats, weight=0)
    flow = nx.max_flow_min_cost(network, "s", "t")
    return Fraction(-nx.cost_of_flow(network, flow))


def _differs(document: Mapping[str, Any]) -> bool:
    market = literal_market(document)
    return layered_flow(market) != market.value(best_set(market, market.workers))


@claim(
    "D-5-FLOW",
    source="DriftPay, section 5, the feasibility-aware oracle",
    statement="Any integer s-t flow corresponds to a feasible assignment satisfying one-assignment and compatibility; maximizing sum v_i can be implemented "
    "by a standard transformation (e.g., min-cost max-flow with costs -v_i on worker-admission)",
    expected="verified",
    recheck=_differs,
)
def judge_flow() -> Judgement:
    """Compare the network with exhaustion over every placement, in a box and on random markets with seats."""
    count = 0
    for groups in group_patterns(3):
        kinds = max(groups) + 1
        for caps in product(range(3), repeat=2 * kinds):
            if kinds == 3 and max(caps) > 1:
                continue
            limits = np.array(caps).reshape(kinds, 2).tolist()
            for scores in ((1, 1, 2), (3, 2, 1), (2, 3, 3)):
                document = market_document(scores, [0, 0, 0], [1, 1], groups=groups, caps=limits)
                count += 1
                if _differs(document):
                    return Judgement("refuted", "exhaustive box", f"{count} markets", document)
    tried = 0
    for document in Draw(workers=(1, 5), requesters=(1, 3), groups=(1, 3), seats=True, top_score=9).documents(51, 200):
        tried += 1
        if _differs(document):
            return Judgement("refuted", "random markets", f"{tried} markets, seed 51", document)
    return Judgement(
        "verified",
        "min-cost max-flow by networkx on the network as drawn, against every placement of every set of workers. That it holds in general is the integrality "
        "theorem for flows; and a maximum flow loses no score, because the placeable sets are a matroid: a best set extends to a largest one, and scores "
        "are positive. A maximum flow *without* costs maximises the number of workers, not their score",
        f"{count} markets: 3 workers, every grouping, caps 0..2 at 2 requesters (0..1 with 3 groups), 3 score vectors; {tried} random markets with "
        "seats, seed 51",
        evidence={"box": count, "random": tried},
    )
