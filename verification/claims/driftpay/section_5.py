"""Section 5: ORP as a flow, and what it takes to find k*."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from ...claim import Judgement
from ...ledger import claim
from ...literal.procurement import LiteralMarket, best_set, literal_market
from ...proofs.complexity import NETWORK, SCAN, WORK
from ...search.boxes import group_patterns, market_document
from ...search.finite_models import Model, auction_models, hold
from ...search.hunt import Draw

_FAR = 10**6


def layered_network(market: LiteralMarket, workers: Iterable[int]) -> Any:
    """The network of section 5 for some workers: source, workers, (requester, group) pairs, requesters, sink. Scores have to be whole numbers."""
    import networkx as nx

    network = nx.DiGraph()
    network.add_nodes_from(["s", "t"])
    for i in workers:
        network.add_edge("s", ("worker", i), capacity=1, weight=-int(market.scores[i]))
        for name in market.requesters:
            network.add_edge(("worker", i), ("pair", name, market.groups[i]), capacity=1, weight=0)
    for name, seats in zip(market.requesters, market.seats, strict=True):
        for group in set(market.groups):
            cap = market.caps.get((group, name), _FAR)
            network.add_edge(("pair", name, group), ("requester", name), capacity=cap, weight=0)
        network.add_edge(("requester", name), "t", capacity=_FAR if seats is None else seats, weight=0)
    return network


def layered_flow(market: LiteralMarket, workers: Iterable[int] | None = None) -> Fraction:
    """ORP on some workers, on all if left out, by min-cost max-flow on the layered network."""
    import networkx as nx

    network = layered_network(market, market.workers if workers is None else workers)
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


# ------------------------------------------------------------------ what it costs

MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
COUNTED = Draw(workers=(2, 7), requesters=(1, 3), groups=(1, 3), seats=True)


@dataclass
class Scan:
    """The procedure of section 5 as it is written, its operations counted: a sort by insertion, and the oracle asked for prefix after prefix until one fails."""

    market: LiteralMarket
    compares: int = 0
    calls: int = 0
    tests: int = 0

    def __post_init__(self) -> None:
        self.order: list[int] = []
        for i in self.market.workers:
            place = len(self.order)
            while place > 0 and self._before(i, self.order[place - 1]):
                place -= 1
            self.order.insert(place, i)
        self.found = self.asked = 0
        for k in range(1, len(self.order) + 1):
            self.asked = k
            if not self._passes(k):
                break
            self.found = k

    def _before(self, i: int, k: int) -> bool:
        self.compares += 1
        market = self.market
        return market.bids[i] * market.scores[k] < market.bids[k] * market.scores[i]

    def _passes(self, k: int) -> bool:
        self.calls += 1
        worth = layered_flow(self.market, self.order[:k])
        self.tests += 1
        last = self.order[k - 1]
        return self.market.bids[last] * worth <= self.market.budget * self.market.scores[last]


def scanned(models: Iterator[Model]) -> Iterator[Model]:
    """Add whose prefixes the scan asks for and what it finds."""
    for model in models:
        scan = Scan(literal_market(model.document))
        sets = {"A": frozenset(scan.order[: scan.asked]), "F": frozenset(scan.order[: scan.found])}
        yield replace(model, values={**model.values, **sets, "n": len(scan.order)})


def counted(count: int, seed: int) -> Iterator[Model]:
    """Markets with the operations of a scan, and the size of the network of its longest prefix."""
    for place, document in enumerate(COUNTED.documents(seed, count)):
        market = literal_market(document)
        scan = Scan(market)
        network = layered_network(market, market.workers)
        winners = best_set(market, scan.order[: scan.found])
        values = {
            "n": len(market.ids),
            "m": len(market.requesters),
            "L": len(set(market.groups)),
            "nodes": network.number_of_nodes(),
            "edges": network.number_of_edges(),
            "flow": Fraction(place),
            "compares": scan.compares,
            "calls": scan.calls,
            "tests": scan.tests,
            "pays": len(winners),
        }
        yield Model({}, values, document)


@claim(
    "D-5-COMPLEXITY",
    source="DriftPay, section 5, complexity and practical remarks",
    statement="Each ORP call is solvable [...] on a network with O(n + mL + m) nodes and O(nm) edges [...] A straightforward implementation that scans prefixes performs at most n "
    "oracle calls, yielding total time O(n Flow(n, m, L))",
    expected="proved",
    proof=(SCAN, NETWORK),
)
def judge_complexity() -> Judgement:
    """Prove that the scan finds k* with so many questions, and count nodes and edges."""
    asked = hold(SCAN, scanned(auction_models("driftpay-co", MODELS, seed=530, count=40)))
    tally = hold(NETWORK, counted(60, 531))
    return Judgement(
        "proved",
        f"chains: the scan that stops at the first failure finds the chosen prefix (that of the shipped rule on {asked.models} markets), with at most n questions and at most one more "
        f"than the prefix has members; the network as drawn has 2 + n + mL + m nodes and at most 4 n m edges (built and counted on {tally.models} markets). Sorting takes no longer than "
        "one look at every edge times log n. That a flow is found in time Flow(n, m, L) is the definition of it",
        f"all n, m, L by the proof; {tally.models} random markets, seed 531 ({COUNTED})",
    )


@claim(
    "D-6.1-POLY",
    source="DriftPay, section 6, Theorem 6.1",
    statement="Moreover, given an exact ORP oracle, the mechanism runs in polynomial time",
    expected="proved",
    proof=(SCAN, WORK),
)
def judge_polynomial() -> Judgement:
    """Count what is done beside the oracle."""
    hold(SCAN, scanned(auction_models("driftpay-co", MODELS, seed=532, count=20)))
    tally = hold(WORK, counted(60, 533))
    return Judgement(
        "proved",
        "chains: at most n questions to the oracle find the chosen prefix, and beside them there are at most n^2 + 3 n comparisons, tests and payments, counted on "
        f"{tally.models} markets by a scan that asks the layered network. Numbers stay short: what is compared and paid are quotients of products of two of them, bids, scores and sums of "
        "scores. (A largest affordable prefix is found in as many questions with an oracle that is not exact, asking for every prefix: F-6.1-ORACLE)",
        f"all n by the proof; {tally.models} random markets, seed 533 ({COUNTED})",
    )
