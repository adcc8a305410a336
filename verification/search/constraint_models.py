"""Small MoTS markets as models of the proofs about problem 1 of SWAN and its constraints."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ...fl.sharing.equilibria import is_equilibrium
from ...fl.sharing.interface import sharing_outcome
from ...fl.sharing.swan import Swan, patterns, swan
from ...fl.sharing.unique import SinglePeaked
from ...models.sharing.market import MotsMarket, State
from .finite_models import Model
from .mots_models import alone_models, served_models
from .sharing_box import states

__all__ = [
    "away_models",
    "equivalent_models",
    "excluded_models",
    "existing_models",
    "least_cost_models",
    "monotone_models",
    "population_models",
    "scaled_models",
    "swan_games",
]


def excluded_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """Markets with a high type; ``h`` the one whose client alone is worth most."""
    for market in markets:
        kinds = [i for i, n in enumerate(market.counts) if n and not market.is_low(i)]
        if not kinds:
            continue
        for model in alone_models([market]):
            values, only = model.values, model.values["only"]
            h = max(kinds, key=lambda i, market=market, only=only: market.welfare(only(i)))
            yield Model(model.domains, {**values, "h": h}, model.document)


def existing_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """SWAN's game, everybody having the model; ``top`` a state of greatest share."""
    for market in markets:
        mechanism = swan(market)
        if mechanism.ratio is None:
            continue
        everything = states(market)
        nobody = (0,) * market.type_count
        top = max(everything, key=mechanism.share)

        def moved(S: State, i: int, by: int) -> State:
            return (*S[:i], S[i] + by, *S[i + 1 :])

        values = {
            "top": top, "at": lambda S, i: S[i], "absent": lambda S, i: 0, "n": market.counts.__getitem__, "model": any, "share": mechanism.share,
            "f": mechanism.potential, "join": lambda S, i: moved(S, i, 1), "leave": lambda S, i: moved(S, i, -1), "L": mechanism.lagrangian,
            "alpha": mechanism.ratio, "N": market.population, "least": mechanism.least,
        }  # fmt: skip
        corners = [*patterns(market), *([nobody] if mechanism.scenario == "low" else [])]
        sample = [mechanism.least, mechanism.lagrangian(top), Fraction(0)]
        domains = {"State": [nobody, *everything], "Type": range(market.type_count), "Pattern": corners, "Real": sample}
        yield Model(domains, values, market.to_document())


def least_cost_models(markets: Iterable[MotsMarket], seed: int) -> Iterator[Model]:
    """SWAN at its target among other prices and rewards, drawn around what it announces."""
    draw = random.Random(seed)
    for market in markets:
        mechanism = swan(market)
        if mechanism.ratio is None:
            continue
        target, worth = mechanism.target, market.utility.exact(market.error(mechanism.target))
        announced = (mechanism.price(target), mechanism.rewards(target))
        drawn = [
            (
                worth - Fraction(draw.randint(-2, 4), 4),
                tuple(t.cost - worth + Fraction(draw.randint(-2, 4), 4) for t in market.types),
            )
            for _ in range(12)
        ]

        def payoffs(
            y: tuple[Fraction, tuple[Fraction, ...]],
            market: MotsMarket = market,
            target: State = target,
            worth: Fraction = worth,
        ) -> list[Fraction]:
            price, rewards = y
            taking = [
                worth + r - t.cost for k, r, t in zip(target, rewards, market.types, strict=True) for _ in range(k)
            ]
            return taking + [worth - price] * (market.population - sum(target))

        values = {
            "announced": announced, "voluntary": lambda y, payoffs=payoffs: min(payoffs(y)) >= 0, "total": lambda y, payoffs=payoffs: sum(payoffs(y)),
            "cost": lambda y, market=market, target=target: sharing_outcome(market, target, *y).incentive_cost,
            "N": market.population, "U": worth, "C": market.cost(target), "W": mechanism.welfare, "f0": mechanism.potential(target),
            "L": mechanism.lagrangian(target), "least": mechanism.least, "alpha": mechanism.ratio,
            "extra": Fraction(0) if mechanism.welfare > 0 else mechanism.ratio * (mechanism.lagrangian(target) - mechanism.least),
        }  # fmt: skip
        yield Model({"Payments": [announced, *drawn]}, values, market.to_document())


def away_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """SWAN in every state, all others buying."""
    for market in markets:
        mechanism = swan(market)
        if mechanism.ratio is None or mechanism.welfare <= 0 or mechanism.multiplier:
            continue
        values = {
            "f": mechanism.potential, "W": market.welfare, "cost": mechanism.incentive_cost, "alpha": mechanism.ratio, "W0": mechanism.welfare,
            "least": mechanism.least,
        }  # fmt: skip
        yield Model({"State": states(market)}, values, market.to_document())


def equivalent_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """Every state with every number of buyers; ``made`` what the single-peaked payments for that state make an equilibrium."""
    for market in markets:
        for model in served_models([market]):
            made = {
                k: is_equilibrium(market, SinglePeaked(market, k).share, k)
                for k in states(market)
                if market.meets_requirement(k)
            }
            values = {
                **model.values, "made": lambda k, b, made=made, N=market.population: made.get(k, False) and b == N - sum(k), "V": market.welfare,
            }  # fmt: skip
            domains = {**model.domains, "Real": range(market.population + 1)}
            for k0, b0 in {(values["k0"], values["b0"]), (states(market)[0], 0), (states(market)[-1], 0)}:
                yield Model(domains, {**values, "k0": k0, "b0": b0}, model.document)


def population_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """Some more clients who only buy."""
    for market in markets:
        worth = {k: market.utility.exact(market.error(k)) for k in states(market)}
        e = max(worth, key=lambda k, market=market, worth=worth: (worth[k], -market.cost(k)))
        N = market.population
        for M in (N, N + 1, 5 * N):
            values = {
                "u": worth.__getitem__, "C": market.cost, "N": N, "M": M, "e": e,
                "W": lambda x, k, market=market, worth=worth: market.welfare(k) if x == market.population else x * worth[k] - market.cost(k),
                "gap": min([worth[e] - u for u in worth.values() if u != worth[e]], default=Fraction(1)),
                "most": max(market.cost(e) - market.cost(k) for k in worth),
            }  # fmt: skip
            yield Model({"State": states(market), "Real": (N, M)}, values, market.to_document())


def scaled_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """The all-or-none states, and those of a market of two or three times the clients; utilities by ``1 / (eps - s)``."""
    for place, market in enumerate(markets):
        m, s = 2 + place % 2, market.client_variance
        larger = replace(market, types=tuple(replace(t, count=m * t.count) for t in market.types))
        corners = [k for k in patterns(market) if market.error(k) > s]
        if not corners:
            continue
        error = {k: market.error(k) for k in corners}
        errorm = {k: larger.error([m * n for n in k]) for k in corners}
        z, zm = ({k: 1 / (e - s) for k, e in given.items()} for given in (error, errorm))
        e = max(corners, key=z.__getitem__)
        points = sorted({*z.values(), *zm.values()})
        V = {x: market.utility.exact(s + 1 / x) for x in points}
        values = {
            "e": e, "m": m, "N": market.population, "s": s, "V": V.__getitem__, "z": z.__getitem__, "zm": zm.__getitem__, "C": market.cost,
            "error": error.__getitem__, "errorm": errorm.__getitem__, "ahead": lambda k, z=z, e=e: z[e] - z[k],
            "once": lambda k, V=V, z=z, e=e: V[z[e]] - V[z[k]], "after": lambda k, V=V, zm=zm, e=e: V[zm[e]] - V[zm[k]],
        }  # fmt: skip
        yield Model({"State": corners, "Real": points}, values, market.to_document())


def dearer(market: MotsMarket, factor: int) -> MotsMarket:
    """The market with costs so many times as high."""
    return replace(market, types=tuple(replace(t, cost=factor * t.cost) for t in market.types))


def monotone_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """A market before and after: costs doubled, or a requirement made as strict as it can be."""
    for before in markets:
        strictest = before.with_max_error(min(map(before.error, states(before))))
        for after in (dearer(before, 2), strictest):
            first, second = swan(before), swan(after)
            if any(m.ratio is None or m.potential(m.target) != m.lagrangian(m.target) for m in (first, second)):
                continue
            yield _pair(first, second)


def _pair(first: Swan, second: Swan) -> Model:
    little = [m.incentive_cost(m.target) + m.welfare for m in (first, second) if m.welfare <= 0]
    values: dict[str, Any] = {}
    for name, m in (("1", first), ("2", second)):
        values |= {f"W{name}": m.market.welfare, f"allowed{name}": m.market.meets_requirement, f"k{name}": m.target}
        values[f"cost{name}"] = m.incentive_cost(m.target)
    return Model(
        {"State": states(first.market)},
        {**values, "small": little[0] if little else Fraction(0)},
        second.market.to_document(),
    )


def swan_games(markets: Iterable[MotsMarket]) -> Iterator[tuple[MotsMarket, Swan]]:
    """The mechanism of each market in which it is defined."""
    for market in markets:
        mechanism = swan(market)
        if mechanism.ratio is not None:
            yield market, mechanism
