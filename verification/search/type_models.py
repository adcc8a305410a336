"""Clients who claim costs and sizes, as models of proofs: what they end with comes from the shipped payments."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ...fl.sharing.pivotal import Pivotal
from ...fl.sharing.swan import swan
from ...models.sharing.market import MotsMarket, State
from .finite_models import Model

__all__ = ["claiming", "least_private_models", "measured_models", "overstated_models", "payoff", "pivotal_models"]

CLAIMS = tuple(Fraction(x) for x in (0, "1/2", 1, 2, 3, 5, 9))


def claiming(market: MotsMarket, i: int, **claimed: Any) -> MotsMarket:
    """The market with another cost or size of type `i`, which has one client."""
    return replace(market, types=tuple(replace(t, **claimed) if j == i else t for j, t in enumerate(market.types)))


def overstated_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """SWAN at a true and at a higher claimed cost of a participant alone of its type, the best state being the same."""
    for market in markets:
        before = swan(market)
        for i, x in itertools.product(range(market.type_count), (Fraction(1, 2), Fraction(1))):
            if market.counts[i] != 1 or not before.target[i] or market.population < 2:
                continue
            after = swan(claiming(market, i, cost=market.types[i].cost + x))
            if after.target != before.target or min(after.welfare, before.welfare) <= 0:
                continue
            if any(m.potential(m.target) != m.lagrangian(m.target) or m.ratio is None for m in (before, after)):
                continue
            values = {
                "N": market.population, "W": before.welfare, "V": after.welfare, "x": x, "before": before.share(before.target),
                "after": after.share(after.target) + x,
            }  # fmt: skip
            yield Model({}, values, market.to_document())


def _worth(market: MotsMarket, k: State) -> Fraction:
    return market.utility.exact(market.error(k)) if any(k) else Fraction(0)


def _best(market: MotsMarket, i: int, takes: bool) -> Fraction | None:
    """The best welfare if `i` participates, its cost left out, or if it does not; by looking at all states."""
    found = []
    for k in itertools.product(*(range(n + 1) for n in market.counts)):
        if bool(k[i]) == takes and (not any(k) or market.meets_requirement(k)):
            found.append(market.welfare(k) + (market.types[i].cost if takes else 0))
    return max(found, default=None)


def payoff(made: Pivotal, i: int, cost: Fraction, worth: Fraction, measured: bool = False) -> Fraction:
    """What a client of type `i` of that cost ends with under the pivotal payments, the model being worth so much to it."""
    if not any(made.state):
        return Fraction(0)
    said = worth if measured else None
    return worth + made.rewards(said)[i] - cost if made.state[i] else worth - made.price(said)


def _alone(market: MotsMarket) -> Iterator[tuple[int, Fraction, Fraction]]:
    """Each client that is alone of its type, with A and B of the proofs."""
    for i in range(market.type_count):
        A, B = _best(market, i, True), _best(market, i, False)
        if market.counts[i] == 1 and A is not None and B is not None:
            yield i, A, B


def pivotal_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """The shipped payments at every claim of a few."""
    for market in markets:
        for i, A, B in _alone(market):
            made = {x: Pivotal.of(claiming(market, i, cost=x)) for x in CLAIMS}
            true = Pivotal.of(market)
            outcome = true.outcome()
            U, C, N = _worth(market, true.state), market.cost(true.state), market.population
            roles = [payoff(true, j, t.cost, U) for j, t in enumerate(market.types) for _ in range(true.state[j])]
            buyers = (N - sum(true.state)) * (U - (outcome.price or 0)) if any(true.state) else 0
            worth = {x: _worth(market, m.state) for x, m in made.items()}
            values = {
                "A": A, "B": B, "takes": lambda x, i=i, made=made: made[x].state[i] > 0, "best": lambda x, made=made: made[x].best,
                "reward": lambda x, i=i, made=made: made[x].rewards(None)[i] if any(made[x].state) else Fraction(0), "u": worth.__getitem__,
                "price": lambda x, made=made: made[x].price() if any(made[x].state) else Fraction(0),
                "payoff": lambda y, x, i=i, made=made, worth=worth: payoff(made[x], i, y, worth[x]),
                "cost": outcome.incentive_cost, "pivots": sum((k * g for k, g in zip(true.state, true.gains(), strict=True)), Fraction(0)),
                "Wstar": true.best, "total": sum(roles) + buyers, "U": U, "C": C, "N": N,
            }  # fmt: skip
            yield Model({"Real": CLAIMS}, values, market.to_document())


def least_private_models(markets: Iterable[MotsMarket], seed: int) -> Iterator[Model]:
    """The shipped payments with a gift to every client besides; every other time with a levy, which some refuse."""
    draw = random.Random(seed)
    for market in markets:
        if set(market.counts) != {1}:
            continue
        clients = {i: (A, B) for i, A, B in _alone(market)}
        if len(clients) < market.type_count:
            continue
        made = {(i, x): Pivotal.of(claiming(market, i, cost=x)) for i in clients for x in CLAIMS}
        true = Pivotal.of(market)
        gift = {i: Fraction(draw.randint(-1, 3), 2) for i in clients}
        worth = {key: _worth(market, m.state) for key, m in made.items()}
        costs = {i: market.types[i].cost for i in clients}

        def paid(m: int, y: Fraction, x: Fraction, made: Any = made, gift: Any = gift, worth: Any = worth) -> Fraction:
            return payoff(made[m, x], m, y, worth[m, x]) + gift[m]

        pivots = {i: true.gains()[i] if true.state[i] else Fraction(0) for i in clients}
        total = sum((paid(i, costs[i], costs[i]) for i in clients), Fraction(0))
        values = {
            "takes": lambda m, x, made=made: made[m, x].state[m] > 0, "g": lambda m, x, paid=paid: paid(m, x, x) + x, "h": lambda m, x, paid=paid: paid(m, x, x),
            "A": lambda m, clients=clients: clients[m][0], "B": lambda m, clients=clients: clients[m][1], "true": costs.__getitem__,
            "pivot": pivots.__getitem__, "payoff": paid, "total": total, "pivots": sum(pivots.values(), Fraction(0)), "cost": total - true.best,
            "Wstar": true.best,
            "middle": lambda m, x, clients=clients, paid=paid: (paid(m, x, x) + x + clients[m][0] - clients[m][1]) / 2,
        }  # fmt: skip
        yield Model({"Client": [*clients], "Real": CLAIMS}, values, market.to_document())


def measured_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """Claims of size and cost by one client, the others' being true, payments made from the true utility of what is trained."""
    for market in markets:
        for i, _, B in _alone(market):
            true = (market.types[i].size, market.types[i].cost)
            reports = {(size, cost) for size in (1, 2, 5) for cost in CLAIMS[::2]} | {true}
            made = {r: Pivotal.of(claiming(market, i, size=r[0], cost=r[1])) for r in reports}
            everything = list(itertools.product(*(range(n + 1) for n in market.counts)))
            values = {
                "truth": true, "leads": lambda r, made=made: made[r].state, "without": B,
                "W": lambda k, market=market: market.welfare(k),
                "payoff": lambda r, i=i, made=made, market=market: payoff(
                    made[r], i, market.types[i].cost, _worth(market, made[r].state), measured=True
                ),
            }  # fmt: skip
            yield Model({"Report": sorted(reports), "State": everything}, values, market.to_document())
