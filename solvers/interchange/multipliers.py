"""What our own proof knows, as prices of the rows of the program: a tree's multipliers, and where it splits the number hired."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ...models.procurement.market import Market
from ..proofs.nodes import Multipliers, NodeShape
from ..proofs.proof import Proof
from .linear import RowPrices
from .program import IntegerProgram

__all__ = ["known_prices", "thresholds_of"]

MOST_HINTS = 8
"""So many multipliers of a proof are tried, the first."""


def thresholds_of(proof: Proof | None) -> list[int]:
    """Return at which numbers hired a tree is split before anything else, ascending; as far as it is a chain."""
    found: list[int] = []
    for node in proof.body["nodes"] if proof is not None and proof.kind == "tree" else ():
        if "worker" in node:
            break
        if "count" in node:
            if found and int(node["count"]) <= found[-1]:
                break
            found.append(int(node["count"]))
    return found


def known_prices(market: Market, program: IntegerProgram, proof: Proof | None) -> list[RowPrices]:
    """Return the multipliers of a tree's nodes as prices."""
    if proof is None or proof.kind != "tree":
        return []
    purses = int(proof.body["purses"])
    kinds = market.scaled.coverage.shape[1] if proof.problem == "cover" and market.scaled.coverage is not None else 0
    shape = NodeShape(market.n, purses, kinds, market.L)
    given = [node["multipliers"] for node in proof.body["nodes"] if "multipliers" in node][:MOST_HINTS]
    prices = _of_pairs if proof.problem == "opt-sep" else _of_workers
    return [prices(market, program, proof.problem, Multipliers.read(one, shape)) for one in given]


def _of_workers(market: Market, program: IntegerProgram, problem: str, m: Multipliers) -> RowPrices:
    """Rows: money, groups, seats, then what is counted by kind and for whom."""
    places = list(m.places[0])
    rows = list(m.money[:1]) if program.budgets else []
    rows += places
    rows += [_seat(places, market.caps[:, j].tolist(), int(market.seats[j])) for j in range(market.m)]
    if problem == "cover" and market.scaled.coverage is not None:
        rows += m.levels
        offers = market.scaled.coverage
        for row in program.rows[len(rows) :]:
            # The row of a worker and a kind: what the worker's offer is worth beyond the level.
            column = int(row.columns[0])
            worker, kind = map(int, program.names[column][1:].split("_"))
            rows.append(max(0, m.scale * int(offers[worker, kind]) - m.levels[kind]))
    return _prices(m, rows)


def _of_pairs(market: Market, program: IntegerProgram, problem: str, m: Multipliers) -> RowPrices:
    """Rows: money and seats of each requester, caps by group and requester, then workers, at what the best purse gives for them."""
    mine = [0 if len(m.money) == 1 else j for j in range(market.m)]
    caps = market.caps.tolist()
    seats = [_seat(m.places[k], [row[j] for row in caps], int(market.seats[j])) for j, k in enumerate(mine)]
    limits = [[max(0, m.places[k][l] - seats[j]) for j, k in enumerate(mine)] for l in range(market.L)]
    rows = [m.money[k] for k in mine] + seats + [price for row in limits for price in row]
    scores, costs, groups = market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), market.group_of.tolist()
    for v, c, l in zip(scores, costs, groups, strict=True):
        gains = [m.scale * v - m.money[k] * c - seats[j] - limits[l][j] - m.count for j, k in enumerate(mine)]
        rows.append(max(0, *gains))
    return _prices(m, rows)


def _prices(m: Multipliers, rows: Sequence[int]) -> RowPrices:
    scale = m.scale
    count = Fraction(m.count, scale)
    return RowPrices([Fraction(price, scale) for price in rows], max(count, Fraction(0)), max(-count, Fraction(0)))


def _seat(places: Sequence[int], caps: Sequence[int], seats: int) -> int:
    """Return the price of a seat where places have prices: that of the group with which the seats are full, dearest first."""
    taken = 0
    for price, cap in sorted(zip(places, caps, strict=True), reverse=True):
        taken += cap
        if taken >= seats:
            return price
    return 0
