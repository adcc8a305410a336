"""The pivotal payments against an enumeration of all states, and against clients who claim something else, one of several of a type among them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F
from itertools import product

import fedmech as fm
import pytest
from fedmech.fl.sharing.pivotal import Pivotal
from fedmech.models.sharing.market import MotsMarket

UTILITY = {"expression": "1 + 1/(1 + eps)"}


def build(sizes, counts, costs, **more) -> MotsMarket:
    return MotsMarket.build(sizes=sizes, counts=counts, costs=costs, utility=UTILITY, **more)


def best(market: MotsMarket, allowed=lambda k: True) -> F:
    """The best welfare of the states allowed, no model among them."""
    everything = product(*(range(n + 1) for n in market.counts))
    return max(
        market.welfare(k) if any(k) else F(0)
        for k in everything
        if allowed(k) and (not any(k) or market.meets_requirement(k))
    )


MARKETS = {
    "several of a type": build([2, 5], [3, 1], ["1/4", 1]),
    "high types": build([2, 9], [2, 2], ["1/9", "1/2"], client_variance=1),
    "a requirement that one type alone meets": build([1, 8], [3, 1], [0, 3], max_error="1/5"),
    "a requirement that nobody meets": build([1, 8], [3, 1], [0, 3], max_error="1/99"),
    "too dear": build([1, 2], [1, 1], [5, 7]),
    "one client": build([3], [1], ["1/3"]),
}


@pytest.mark.parametrize("name", MARKETS)
def test_participants_end_with_what_they_add(name) -> None:
    market = MARKETS[name]
    found = fm.run(market, "pivotal")
    most = best(market)
    assert found.welfare == most == Pivotal.of(market).best
    assert any(found.state) == (name not in ("a requirement that nobody meets", "too dear"))
    if not any(found.state):
        assert (found.price, found.incentive_cost) == (None, 0)
        return
    value = market.utility.exact(market.error(found.state))
    assert found.price == value
    added = [most - best(market, lambda k, i=i, n=n: k[i] < n) for i, n in enumerate(market.counts)]
    for i, (k, reward) in enumerate(zip(found.state, found.rewards, strict=True)):
        # Of a type that does not participate in full another client is as good.
        assert not k or value + reward - market.types[i].cost == added[i]
    assert found.incentive_cost == sum(k * x for k, x in zip(found.state, added, strict=True)) - most


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("claimed", [F(0), F(1, 8), F(3, 5), F(2), F(50)])
def test_nobody_gains_by_claiming_another_cost(name, claimed) -> None:
    market = MARKETS[name]
    for i, entry in enumerate(market.types):
        ends = []
        for cost in (entry.cost, claimed):
            alone = replace(entry, id="liar", count=1, cost=cost)
            rest = tuple(replace(t, count=t.count - (j == i)) for j, t in enumerate(market.types))
            made = Pivotal.of(replace(market, types=(*rest, alone)))
            if not any(made.state):
                ends.append(F(0))
                continue
            value = market.utility.exact(made.market.error(made.state))
            ends.append(value + made.rewards()[-1] - entry.cost if made.state[-1] else value - made.price())
        assert ends[0] >= max(ends[1], 0)


def test_measured_payments_share_what_was_not_expected() -> None:
    market = MARKETS["several of a type"]
    made = Pivotal.of(market)
    expected = market.utility.exact(market.error(made.state))
    assert (made.price(expected), made.rewards(expected)) == (made.price(), made.rewards())
    worse = expected - F(1, 10)
    lost = market.population * F(1, 10)
    assert worse - made.price(worse) == -lost
    for before, after in zip(made.rewards(), made.rewards(worse), strict=True):
        assert (worse + after) - (expected + before) == -lost
