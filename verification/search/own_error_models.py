"""MoTS markets whose buyers use the model on distributions of their own: errors and balance from the shipped code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from ...fl.sharing.interface import sharing_outcome
from ...fl.sharing.swan import swan
from ...models.sharing.averages import averaged_error, shares
from ...models.sharing.market import MotsMarket, State
from .finite_models import Model
from .sharing_box import states

__all__ = ["buyers_error", "own_error_models", "own_welfare"]


def buyers_error(market: MotsMarket, k: State) -> Fraction:
    """The error of a state's model on the distribution of a client that takes no part."""
    sizes = [t.size for t, n in zip(market.types, k, strict=True) for _ in range(n)]
    return averaged_error(shares(sizes), [market.noise / D for D in sizes], market.client_variance, "buyer")


def own_welfare(market: MotsMarket, k: State) -> Fraction:
    """Everybody has the model and its own error."""
    K, value = sum(k), market.utility.exact
    return K * value(market.error(k)) + (market.population - K) * value(buyers_error(market, k)) - market.cost(k)


def own_error_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """The payments of the claim, balanced by what the platform's balance is for every mechanism."""
    for market in markets:
        mechanism = swan(market)
        everything = states(market)
        W = {k: own_welfare(market, k) for k in everything}
        k0, least = max(W, key=W.__getitem__), min(W.values())
        if mechanism.ratio is None or W[k0] <= 0 or W[k0] == least:
            continue
        N, value = market.population, market.utility.exact
        alpha = W[k0] / (W[k0] - least)
        share = {k: alpha * (w - least) / N for k, w in W.items()}
        ep, eb = {k: market.error(k) for k in everything}, {k: buyers_error(market, k) for k in everything}
        price = {k: value(eb[k]) - share[k] for k in everything}
        rewards = {k: [t.cost + share[k] - value(ep[k]) for t in market.types] for k in everything}
        cost = {k: sharing_outcome(market, k, price[k], rewards[k]).incentive_cost for k in everything}
        values = {
            "k0": k0, "s": market.client_variance, "N": N, "alpha": alpha, "least": least, "U": value, "K": sum, "C": market.cost, "W": W.__getitem__,
            "share": share.__getitem__, "announced": mechanism.share, "left": lambda k, m=mechanism, eb=eb, value=value: value(eb[k]) - m.price(k),
            "price": price.__getitem__, "cost": cost.__getitem__, "ep": ep.__getitem__, "eb": eb.__getitem__,
            "paid": lambda k, rewards=rewards: sum((n * r for n, r in zip(k, rewards[k], strict=True)), Fraction(0)),
        }  # fmt: skip
        errors = sorted({*ep.values(), *eb.values()})
        yield Model({"State": everything, "Real": errors}, values, market.to_document())
