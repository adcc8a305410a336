"""Small MoTS markets as models of proofs: errors, welfare, potentials and payments come from the shipped code, the rest from its meaning."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from ...fl.sharing.equilibria import best_responses
from ...fl.sharing.swan import Swan, patterns, swan
from ...fl.sharing.unique import Designated, SinglePeaked
from ...models.sharing import averages
from ...models.sharing.error_model import join_limit
from ...models.sharing.market import MotsMarket, State
from .finite_models import Model
from .sharing_box import states

__all__ = [
    "alone_models",
    "average_models",
    "balance_models",
    "coalition_models",
    "converging_models",
    "designated_models",
    "leading_models",
    "peaked_models",
    "served_models",
    "supported_models",
]

LINEAR = {"family": "linear", "a": 4, "s": 1}
MANY = 60


def coalition_models(seed: int, count: int, *, variance: bool = True) -> Iterator[Model]:
    """Two coalitions, and a newcomer of the second's size; ``eps(j)`` after ``j`` of them; with or without client variance."""
    draw = random.Random(seed)
    while count:
        K, H, D, M = (draw.randint(1, 5) for _ in range(4))
        theta = Fraction(draw.randint(0, 8), draw.randint(1, 12)) * draw.randint(0, 1) * variance
        far = 2 * K * (Fraction(1, H) - Fraction(1, D)) / (theta - Fraction(1, D)) if theta * D != 1 else Fraction(0)
        if H == D or far > MANY - 3:
            continue
        count -= 1
        order = sorted((H, D))
        market = MotsMarket.build(sizes=order, counts=[MANY, MANY], costs=[0, 0], client_variance=theta, utility=LINEAR)

        def error(old: int, new: int, swap: bool = order[0] == D, market: MotsMarket = market) -> Fraction:
            return market.error((new, old) if swap else (old, new))

        def phi(a: tuple[int, int], b: tuple[int, int]) -> Fraction:
            return (Fraction(2 * a[0] + b[0], a[1]) - Fraction(a[0], b[1])) / (a[0] + b[0])

        few, old = draw.randint(0, 3), draw.randint(1, 4)
        values = {
            "K": K, "H": H, "g": Fraction(1, H), "D": D, "q": Fraction(1, D), "theta": theta,
            "x": error(K, 0), "a": error(K, 1), "Phi": join_limit(K, Fraction(H), D),
            "N_A": K, "H_A": H, "g_A": Fraction(1, H), "N_B": M, "H_B": D, "g_B": Fraction(1, D),
            "e_A": error(K, 0), "e_B": error(0, M), "e": error(K, M), "phi_AB": phi((K, H), (M, D)), "phi_BA": phi((M, D), (K, H)),
            "eps": lambda j, K=K, error=error: error(K, int(j)),
            "helps": lambda j, K=K, error=error: error(K, int(j) + 1) <= error(K, int(j)),
            "far": far, "distant": lambda j, far=far: j >= 0 and j > far,
            "l": few, "m": old, "n": few + old, "A": Fraction(few, D) + Fraction(old, H),
            "b1": error(old, few), "b2": error(old + 1, few),
        }  # fmt: skip
        sample = range(max(4, math.floor(far) + 2))
        yield Model({"Real": sample}, values, market.to_document())


def average_models(seed: int, count: int) -> Iterator[Model]:
    """A coalition and a newcomer, as :func:`coalition_models` has them, under a buyer's error (``x``, ``a``) and averages by size (``y``, ``b``)."""
    draw = random.Random(seed)
    for _ in range(count):
        K, H, D = (draw.randint(1, 5) for _ in range(3))
        theta = Fraction(draw.randint(0, 8), draw.randint(1, 12))
        old, new = [H] * K, [*[H] * K, D]

        def error(sizes: list[int], average: averages.Average, spread: Fraction) -> Fraction:
            weights = averages.shares(sizes, average)
            return averages.averaged_error(weights, [Fraction(1, size) for size in sizes], spread, "buyer")

        values = {
            "K": K, "H": H, "g": Fraction(1, H), "D": D, "q": Fraction(1, D), "theta": theta, "Phi": join_limit(K, Fraction(H), D),
            "x": error(old, "plain", theta), "a": error(new, "plain", theta), "S": K * H,
            "y": error(old, "by-size", Fraction(0)), "b": error(new, "by-size", Fraction(0)),
        }  # fmt: skip
        yield Model({"Real": range(3)}, values, {"sizes": old, "newcomer": D, "theta": str(theta)})


def served_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """Every state with every number of buyers; ``k0`` and ``b0`` the best of them."""
    for market in markets:
        allowed = [k for k in states(market) if market.meets_requirement(k)]
        welfare = {(k, b): market.welfare(k, b) for k in states(market) for b in range(market.population - sum(k) + 1)}
        k0, b0 = max(((k, b) for k, b in welfare if k in allowed), key=welfare.__getitem__)
        utility = {k: market.utility.exact(market.error(k)) for k in states(market)}
        values = {
            "N": market.population, "K": sum, "C": market.cost, "u": utility.__getitem__, "allowed": allowed.__contains__, "k0": k0, "b0": b0,
            "W": lambda k, b, market=market: market.welfare(k, int(b)),
            "W_FL": lambda k, u=utility, market=market: sum(k) * u[k] - market.cost(k),
        }  # fmt: skip
        yield Model({"State": states(market), "Real": range(2)}, values, market.to_document())


def alone_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """States with a participant; ``k0`` an optimal one. Utilities must be defined at every error."""
    for market in markets:
        everything, kinds = states(market), range(market.type_count)
        allowed = [k for k in everything if market.meets_requirement(k)]
        if not allowed:
            continue
        sizes = [t.size for t in market.types]

        def mean(k: State, sizes: list[int] = sizes) -> Fraction:
            return sum((Fraction(n, size) for n, size in zip(k, sizes, strict=True)), Fraction(0)) / sum(k)

        values = {
            "K": sum, "N": market.population, "theta": market.client_variance / market.noise, "mean": mean,
            "takes": lambda i, k: k[i] > 0, "q": lambda i, sizes=sizes: Fraction(1, sizes[i]), "c": lambda i, market=market: market.types[i].cost,
            "eps": lambda k, market=market: market.error(k) / market.noise, "cost": market.cost, "W": market.welfare,
            "U": lambda x, market=market: market.utility.exact(x * market.noise),
            "allowed": allowed.__contains__, "k0": max(allowed, key=market.welfare), "most": lambda k: max(i for i, n in enumerate(k) if n),
            "only": lambda i, kinds=kinds: tuple(int(j == i) for j in kinds),
        }  # fmt: skip
        errors = sorted({market.error(k) / market.noise for k in everything})
        yield Model({"State": everything, "Type": kinds, "Real": errors}, values, market.to_document())


def supported_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """SWAN in the low scenario: ``f`` its potential, ``L`` its Lagrangian on the patterns."""
    for market in markets:
        mechanism = swan(market)
        corners = list(patterns(market))
        if mechanism.ratio is None or mechanism.scenario != "low" or market.max_error is not None:
            continue
        nobody = tuple(0 for _ in market.counts)
        values = {
            "k0": mechanism.target, "p0": max(corners, key=mechanism.lagrangian), "L": mechanism.lagrangian, "f": mechanism.potential,
            "share": mechanism.share, "alpha": mechanism.ratio, "N": market.population, "least": mechanism.least,
        }  # fmt: skip
        domain = {"State": states(market), "Pattern": sorted({*corners, nobody})}
        yield Model(domain, values, market.to_document())


def balance_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """SWAN at its target: announced price, incentive ratio and what the platform adds."""
    for market in markets:
        mechanism: Swan = swan(market)
        if mechanism.ratio is None or mechanism.welfare <= 0:
            continue
        target = mechanism.target
        if mechanism.potential(target) != mechanism.lagrangian(target):
            continue
        values = {
            "N": market.population, "U": market.utility.exact(market.error(target)), "C": market.cost(target), "P": mechanism.price(target),
            "W": mechanism.welfare, "L": mechanism.lagrangian(target), "least": mechanism.least, "alpha": mechanism.ratio,
            "cost": mechanism.incentive_cost(target),
        }  # fmt: skip
        yield Model({}, values, market.to_document())


Profile = tuple[State, State]
"""Participants and absent clients of each type."""


def _peaked(market: MotsMarket, payments: SinglePeaked, target: State) -> tuple[dict[str, Any], dict[str, Any]]:
    kinds = range(market.type_count)
    profiles: list[Profile] = [
        (k, a)
        for k in itertools.product(*(range(n + 1) for n in market.counts))
        for a in itertools.product(*(range(n - p + 1) for n, p in zip(market.counts, k, strict=True)))
    ]

    def moved(S: Profile, i: int, by: int) -> Profile:
        k, a = S
        # A buyer joins where there is one, else an absent client.
        absent = a[i] - (by > 0 and k[i] + a[i] == market.counts[i])
        return (*k[:i], k[i] + by, *k[i + 1 :]), (*a[:i], absent, *a[i + 1 :])

    worth = market.utility.exact(market.error(target))
    values = {
        "at": lambda S, i: S[0][i], "absent": lambda S, i: S[1][i], "t": target.__getitem__, "n": market.counts.__getitem__,
        "dist": lambda S: sum(abs(x - y) for x, y in zip(S[0], target, strict=True)), "model": lambda S: any(S[0]),
        "share": lambda S: payments.share(S[0]), "level": lambda d: payments.shared / market.population / (1 + d), "s": payments.shared,
        "join": lambda S, i: moved(S, i, 1), "leave": lambda S, i: moved(S, i, -1),
        "N": market.population, "U": worth, "C": market.cost(target), "P": payments.price(target), "W": market.welfare(target),
        "cost": payments.incentive_cost(target),
    }  # fmt: skip
    return values, {"State": profiles, "Type": kinds, "Int": range(market.population + 2)}


def peaked_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """The single-peaked payments, each profile in turn as ``S``."""
    for market in markets:
        target = swan(market).target
        values, domains = _peaked(market, SinglePeaked(market, target), target)
        for S in domains["State"][:: max(1, len(domains["State"]) // 6)]:
            yield Model(domains, {**values, "S": S}, market.to_document())
        yield Model(domains, {**values, "S": (target, tuple(0 for _ in target))}, market.to_document())


def converging_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """Paths of the shipped best responses under the single-peaked payments; everybody has the model."""
    for market in markets:
        target = swan(market).target
        payments = SinglePeaked(market, target)
        values, domains = _peaked(market, payments, target)
        nobody = tuple(0 for _ in target)
        everybody = [S for S in domains["State"] if S[1] == nobody]

        def better(S: Profile, T: Profile, values: dict[str, Any] = values, market: MotsMarket = market) -> bool:
            gains = values["share"](T) > values["share"](S)
            return gains and any(
                (S[0][i] < n and values["join"](S, i) == T) or (S[0][i] > 0 and values["leave"](S, i) == T)
                for i, n in enumerate(market.counts)
            )

        for start in (states(market)[0], states(market)[-1]):
            walked = [(k, nobody) for k in best_responses(market, payments.share, start, seed=1).states]
            path = [*walked, *([walked[-1]] * (market.population + 4))]
            more = {
                "path": lambda a, path=path: path[int(a)], "end": len(walked) - 1, "better": better,
                "stuck": lambda a, path=path, everybody=everybody, better=better: not any(better(path[int(a)], T) for T in everybody),
            }  # fmt: skip
            yield Model({**domains, "State": everybody}, {**values, **more}, market.to_document())


def designated_models(markets: Iterable[MotsMarket]) -> Iterator[Model]:
    """The designated payments: each client, asked or not, the others making a model or not."""
    for market in markets:
        target = swan(market).target
        payments = Designated(market, target)
        total = sum(
            payments.payment(i, number, number < target[i], target)
            for i, n in enumerate(market.counts)
            for number in range(n)
        )
        for i, n in enumerate(market.counts):
            for number, others in itertools.product(range(n), (False, True)):
                asked = number < target[i]
                values = {
                    "asked": asked, "role": asked, "other": not asked, "others": others, "N": market.population, "s": payments.shared,
                    "exists": lambda x, others: x or others,
                    "payoff": lambda x, others, i=i, number=number, payments=payments: payments.payoff(i, number, x, x or others),
                    "U": market.utility.exact(market.error(target)), "C": market.cost(target), "W": market.welfare(target), "total": total,
                }  # fmt: skip
                yield Model({"Bool": (False, True)}, values, market.to_document())


def leading_models(markets: Iterable[tuple[MotsMarket, MotsMarket]]) -> Iterator[Model]:
    """One market with less and with more client variance, a linear utility; every state in turn as the benchmark's end."""
    for low, high in markets:
        everything = states(low)
        yield from (_leading(low, high, everything, end) for end in everything)


def _leading(low: MotsMarket, high: MotsMarket, everything: list[State], end: State) -> Model:
    given = low.utility.specification
    at = {low.client_variance: low, high.client_variance: high}
    variances = sorted(at)

    def least(x: Fraction) -> Fraction:
        return min(map(at[x].error, everything))

    def best(x: Fraction) -> Fraction:
        return max(map(at[x].welfare, everything))

    values = {
        "r": end, "s": variances[0], "t": variances[1], "a": low.population * Fraction(str(given["a"])),
        "slope": low.population * Fraction(str(given["s"])), "K": sum, "cost": low.cost, "least": least, "best": best,
        "T": lambda k: low.noise * sum((Fraction(n, t.size) for n, t in zip(k, low.types, strict=True)), Fraction(0)),
        "err": lambda k, x: at[x].error(k), "W": lambda k, x: at[x].welfare(k),
        "ke": min(everything, key=low.error), "kw": max(everything, key=low.welfare),
        "rival_lead": lambda x: at[x].error(end) - least(x), "margin": lambda x: best(x) - at[x].welfare(end),
    }  # fmt: skip
    return Model({"State": everything, "Real": variances}, values, low.to_document())
