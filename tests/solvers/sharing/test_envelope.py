"""The lower envelope of cost: which price has an edge across a given amount of data, against all states."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import product

from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.sharing.envelope import Envelope, ScaledTypes
from fedmech.solvers.sharing.solve import solve_social_state
from hypothesis import assume, given
from hypothesis import strategies as st

types = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 3), st.integers(0, 9)), min_size=2, max_size=4)


@given(types, st.data())
def test_the_edge_reaches_across(drawn: list[tuple[int, int, int]], data: st.DataObject) -> None:
    sizes, counts, costs = zip(*drawn, strict=True)
    market = MotsMarket.build(sizes=sizes, counts=counts, costs=costs, utility={"family": "linear", "a": 1, "s": 1})
    scaled = ScaledTypes.of(market)
    envelope = Envelope(scaled)
    K = data.draw(st.integers(1, market.population))
    prices = (envelope.lowest, envelope.highest)
    most, least = (envelope.order(price).vertex(K).t for price in prices)
    assume(most > least)
    t = data.draw(st.integers(least + 1, most))
    order = envelope.edge_at(K, t, prices)
    a, b = order.price
    paid: dict[bool, set[int]] = {True: set(), False: set()}
    for state in product(*(range(count + 1) for count in scaled.counts)):
        if sum(state) == K:
            total = sum(k * q for k, q in zip(state, scaled.q, strict=True))
            cost = sum(k * c for k, c in zip(state, scaled.c, strict=True))
            paid[total >= t].add(b * cost + a * total)
    vertex = order.vertex(K)
    assert min(paid[True]) == min(paid[False]) == b * vertex.w + a * vertex.t


def test_cells_close_under_the_dearest_plane_that_touches() -> None:
    """Where welfare is nearly the same for thousands of numbers of participants, a price in between needed 1,268 cells for this."""
    draw = random.Random(1)
    market = MotsMarket.build(
        sizes=sorted(draw.sample(range(50, 5050), 100)),
        counts=[draw.randint(5_000, 15_000) for _ in range(100)],
        costs=sorted(Fraction(draw.randint(50, 5000), 1000) for _ in range(100)),
        utility={"family": "inverse", "a": 1, "e0": "0.001"},
        dimension=10,
    )
    answer = solve_social_state(market)
    assert answer.status == "optimal"
    assert answer.proof is not None
    assert sum(cell[0] == "plane" for cell in answer.proof.body["cells"]) < 200
