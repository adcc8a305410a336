"""Small markets as models of a proof's theory: is what the proof calls the rule what the shipped code does?

A proof speaks of ratios, prefixes, a chosen set, a price and payments by their definitions. Here the shipped rule runs on a small random
market; who is hired, what is paid and, where the rule says so, prefix and price are taken from its outcome, everything else from its meaning; and
every axiom and definition of the proof is evaluated over all workers and all sets of workers. If one is false there, the proof is about
another rule than the one that is shipped. Where the assumptions hold too, so must the statement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from ...fl.mechanisms.interface import Outcome, run_mechanism
from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set
from ..literal.procurement import literal_market, placeable
from ..proofs.chain import Proof
from ..proofs.formula import evaluate
from .boxes import market_document, shape_document
from .driftpay_grid import Grid
from .hunt import Draw, document_market

__all__ = [
    "Model",
    "Rule",
    "Tally",
    "Unheld",
    "auction_models",
    "everybody",
    "family_model",
    "hold",
    "shipped_orp",
    "tie",
]

Workers = frozenset[int]
Rule = Callable[..., Outcome]
Hires = Callable[[Workers], Workers]
ZERO = Fraction(0)


class Unheld(AssertionError):
    """A premise of a proof is false of the shipped code, or the statement is false where its assumptions hold."""


@dataclass(frozen=True)
class Model:
    """A finite interpretation: what quantifiers run over, what the symbols are, and the market it comes from."""

    domains: Mapping[str, Any]
    values: Mapping[str, Any]
    document: Mapping[str, Any]


@dataclass
class Tally:
    """How many models a proof was held against, and in how many its assumptions hold."""

    models: int = 0
    inside: int = 0

    def __str__(self) -> str:
        return f"axioms, definitions and statement evaluated on {self.models} markets run by the shipped code, {self.inside} of which meet the assumptions"


def hold(proof: Proof, models: Iterator[Model]) -> Tally:
    """Evaluate a proof's premises and statement in models.

    Raises
    ------
    Unheld
        If an axiom or a definition is false in one, or the statement where the assumptions hold; or if the assumptions never hold.
    """
    tally = Tally()
    words = proof.theory.vocabulary
    for model in models:
        for kind, texts in (("axiom", proof.theory.axioms), ("definition", proof.theory.definitions)):
            for name, text in texts.items():
                if not evaluate(text, words, model.domains, model.values):
                    raise Unheld(f"the {kind} {name!r} is false of the shipped rule on {model.document}")
        tally.models += 1
        if all(evaluate(text, words, model.domains, model.values) for text in proof.assumptions.values()):
            tally.inside += 1
            if not evaluate(proof.statement, words, model.domains, model.values):
                raise Unheld(f"the statement is false on {model.document}")
    if not tally.inside:
        raise Unheld("the assumptions hold in none of the markets drawn")
    return tally


# ------------------------------------------------------------------ one run


@dataclass(frozen=True)
class Setting:
    """What a run of a largest affordable prefix depends on, beside bids.

    Attributes
    ----------
    scores : tuple of Fraction
        What the rule ranks and pays by.
    budget : Fraction
    hires : callable
        ``W``.
    stipends : tuple of Fraction
        What bids are net of.
    most : tuple of Fraction
        What the budget covers of them.
    value : callable, optional
        ``M``, if it is not the score of ``W``.
    """

    scores: tuple[Fraction, ...]
    budget: Fraction
    hires: Hires
    stipends: tuple[Fraction, ...]
    most: tuple[Fraction, ...]
    value: Callable[[Workers], Fraction] | None = None

    def worth(self, chosen: Workers) -> Fraction:
        """``M``."""
        if self.value is not None:
            return self.value(chosen)
        return sum((self.scores[k] for k in self.hires(chosen)), ZERO)

    def stipend(self, chosen: Workers) -> Fraction:
        """The most that stipends of those hired from a set come to."""
        return sum((self.most[k] for k in self.hires(chosen)), ZERO)


def shipped_orp(market: Market) -> Hires:
    """Return the shipped ORP as a function of the set of workers."""
    unit = math.lcm(*(market.score(i).denominator for i in range(market.n)))
    known: dict[Workers, Workers] = {}

    def hires(chosen: Workers) -> Workers:
        if chosen not in known:
            weights = np.array([int(market.score(i) * unit) if i in chosen else 0 for i in range(market.n)])
            known[chosen] = frozenset(best_set(market, weights).tolist())
        return known[chosen]

    return hires


class Run:
    """One profile: what the rule did at it, and what its definitions mean there."""

    def __init__(self, setting: Setting, bids: tuple[Fraction, ...], taking: Workers, outcome: Outcome) -> None:
        self.setting, self.bids, self.taking = setting, bids, taking
        nets = [max(b - g, ZERO) for b, g in zip(bids, setting.stipends, strict=True)]
        # A worker without a positive weight has no ratio, and takes no part.
        self.ratios = [b / v if v > 0 else ZERO for b, v in zip(nets, setting.scores, strict=True)]
        self.hired: Workers = frozenset(outcome.winner_indices.tolist())
        self.paid = [outcome.payment(k) for k in range(len(bids))]
        prefix = outcome.details.get("prefix")
        passing = [k for k in taking if self.passes(k)]
        literal: Workers = frozenset().union(*(self.prefix(k) for k in passing)) if passing else frozenset()
        self.chosen = literal if prefix is None else frozenset(np.flatnonzero(prefix).tolist())
        alone = outcome.details.get("hired") == "top"
        shipped = None if alone or setting.stipend(self.chosen) else outcome.price
        self.price = self._price() if shipped is None else shipped

    def before(self, j: int, k: int) -> bool:
        return (self.ratios[j], j) < (self.ratios[k], k)

    def prefix(self, k: int) -> Workers:
        return frozenset(j for j in self.taking if j == k or self.before(j, k))

    def passes(self, k: int) -> bool:
        prefix = self.prefix(k)
        spent = self.ratios[k] * self.setting.worth(prefix) + self.setting.stipend(prefix)
        return k in self.taking and spent <= self.setting.budget

    def last(self, chosen: Workers) -> int:
        return max(chosen, key=lambda k: (self.ratios[k], k), default=0)

    def first(self, chosen: Workers) -> int:
        return min(chosen, key=lambda k: (self.ratios[k], k), default=0)

    def _price(self) -> Fraction:
        worth = self.setting.worth(self.chosen)
        if not worth:
            return ZERO
        price = (self.setting.budget - self.setting.stipend(self.chosen)) / worth
        return min([price, *(self.ratios[k] for k in self.taking - self.chosen)])

    def symbols(self, q: str) -> dict[str, Any]:
        """The symbols of profile ``q``."""
        everybody = range(len(self.bids))
        pool = frozenset(k for k in everybody if self._usable(k) and self.bids[k] <= self.setting.budget)
        star = min(pool, key=lambda k: (-self.setting.scores[k], k), default=0)
        worth = self.setting.worth(self.chosen)
        rest = self.setting.hires(self.chosen)
        usable = frozenset(k for k in self.taking if self._usable(k))
        return {
            f"r{q}": self.ratios.__getitem__,
            f"b{q}": self.bids.__getitem__,
            f"before{q}": self.before,
            f"takes{q}": self.taking.__contains__,
            f"P{q}": self.prefix,
            f"passes{q}": self.passes,
            f"S{q}": self.chosen,
            f"Q{q}": frozenset(k for k in self.taking if self.passes(k)),
            f"H{q}": self.hired,
            f"R{q}": rest,
            f"last{q}": self.last,
            f"p{q}": self.price,
            f"paid{q}": self.paid.__getitem__,
            f"due{q}": lambda k: self.setting.scores[k] * self.price if k in rest else ZERO,
            f"pool{q}": pool.__contains__,
            f"star{q}": star,
            f"top{q}": bool(pool) and self.setting.scores[star] >= worth,
            f"next{q}": self.first(self.taking - self.chosen),
            f"h{q}": self.first(usable),
        }

    def _usable(self, k: int) -> bool:
        return k in self.setting.hires(frozenset({k}))


# ------------------------------------------------------------------ models

Takes = Callable[[Market], Workers]


def everybody(market: Market) -> Workers:
    """Take everybody."""
    return frozenset(range(market.n))


def auction_models(
    rule: str | Rule,
    draw: Draw,
    *,
    seed: int,
    count: int,
    vary: str = "bid",
    takes: Takes = everybody,
    weights: Callable[[Market], tuple[Fraction, ...]] | None = None,
    stipends: bool = False,
    hires: Callable[[Market, np.random.Generator], Hires] | None = None,
    options: Callable[[Market], dict[str, Any]] | None = None,
    values: Callable[[Market], Callable[[Workers], Fraction]] | None = None,
) -> Iterator[Model]:
    """Run a rule on random markets and yield them as models.

    Parameters
    ----------
    rule : str or callable
        A registered mechanism, or what is run in its place.
    draw : Draw
    seed, count : int
    vary : str
        What distinguishes the second run: one worker's ``bid``, the ``scores`` (estimates in the first run, true ones in the second), the
        ``budget`` or the ``caps``.
    takes : callable
        Who takes part in a market.
    weights : callable, optional
        What the rule ranks by, if not the scores.
    stipends : bool
        Whether winners get stipends; they are passed on as the option ``stipends``.
    options : callable, optional
        Options of the mechanism, for a market.
    values : callable, optional
        ``M`` of a market, if it is not the score of ``W``.
    hires : callable, optional
        ``W`` in the place of the shipped ORP; then `rule` is asked for nothing but its outcome.
    """
    rng = np.random.default_rng(seed)
    for document in draw.documents(seed + 1, count):
        market = document_market(document)
        n = market.n
        chosen = {} if options is None else options(market)
        chosen |= {"stipends": [Fraction(int(g)) for g in rng.integers(0, 3, n)]} if stipends else {}
        granted = tuple(chosen.get("stipends", [ZERO] * n))
        most = tuple(chosen.get("largest", granted))
        orp = shipped_orp(market) if hires is None else hires(market, rng)

        def run(
            on: Market, to: str | Rule = rule, w: Hires = orp, given: Any = chosen, g: Any = (granted, most)
        ) -> Run:
            outcome = (
                run_mechanism(on, to, **given)
                if isinstance(to, str)
                else to(on, **given, **({"hires": w} if hires else {}))
            )
            scores = tuple(on.score(k) for k in range(on.n)) if weights is None else weights(on)
            setting = Setting(
                scores,
                sum((on.budget(j) for j in range(on.m)), ZERO),
                w,
                g[0],
                g[1],
                None if values is None else values(on),
            )
            return Run(setting, tuple(on.bid(k) for k in range(on.n)), takes(on), outcome)

        i = int(rng.integers(n))
        first, more = run(market), {}
        if vary == "bid":
            lie = Fraction(int(rng.integers(0, 2 * draw.top_cost + 1)), 2)
            bids = [lie if k == i else market.bid(k) for k in range(n)]
            second = run(market.with_bids(bids))
        elif vary == "scores":
            factors = [Fraction(int(f), 10) for f in rng.integers(9, 12, n)]
            seen = _rebuilt(document, scores=[market.score(k) * f for k, f in enumerate(factors)])
            first, second = run(seen, w=shipped_orp(seen)), run(market)
            more = {"t": tuple(market.score(k) for k in range(n)).__getitem__, "e": Fraction(1, 10)}
        elif vary == "budget":
            richer = _rebuilt(document, extra=int(rng.integers(0, 4)))
            second = run(richer)
            more = {"C": second.setting.budget}
        else:
            looser = _rebuilt(document, room=1)
            second = run(looser, w=shipped_orp(looser))
        yield _model(document, market, i, first, second, more)


def family_model(document: Mapping[str, Any], rule: str, symbols: Mapping[str, Any], seen: Any = None) -> Model:
    """Return one market of a family, run by the shipped rule, with the family's own symbols.

    Parameters
    ----------
    document : mapping
    rule : str
    symbols : mapping
    seen : sequence of numbers, optional
        Scores that the first run sees instead of the true ones; the second run sees those.
    """
    market = document_market(document)

    def run(on: Market) -> Run:
        setting = Setting(
            tuple(on.score(k) for k in range(on.n)),
            sum((on.budget(j) for j in range(on.m)), ZERO),
            shipped_orp(on),
            (ZERO,) * on.n,
            (ZERO,) * on.n,
        )
        bids, outcome = tuple(on.bid(k) for k in range(on.n)), run_mechanism(on, rule)
        full = Run(setting, bids, everybody(on), outcome)
        if rule != "drop-top":
            return full
        return Run(setting, bids, everybody(on) - {full.symbols("")["star"]}, outcome)

    first = run(market if seen is None else _rebuilt(document, scores=seen))
    true = {} if seen is None else {"t": tuple(market.score(k) for k in range(market.n)).__getitem__}
    return _model(document, market, 0, first, run(market), {**true, **symbols})


def _rebuilt(document: Mapping[str, Any], scores: Any = None, extra: int = 0, room: int = 0) -> Market:
    """Build the document's market with other scores, a larger budget, or more room under its caps."""
    market = document_market(document)
    caps = [[None if cap < 0 else int(cap) + room for cap in row] for row in market.cap_limits.tolist()]
    return document_market(
        market_document(
            [market.score(k) for k in range(market.n)] if scores is None else scores,
            [market.bid(k) for k in range(market.n)],
            [market.budget(j) + (extra if j == 0 else 0) for j in range(market.m)],
            groups=market.group_of.tolist(),
            caps=caps,
            seats=[None if seat < 0 else int(seat) for seat in market.seat_limits.tolist()],
        )
    )


def _model(
    document: Mapping[str, Any], market: Market, i: int, first: Run, second: Run, more: Mapping[str, Any]
) -> Model:
    n = market.n
    literal = literal_market(document)
    sets = [frozenset(some) for size in range(n + 1) for some in combinations(range(n), size)]
    setting, other = first.setting, second.setting
    scores, bids = setting.scores, first.bids
    fits = {S: placeable(literal, sorted(S)) for S in sets}
    loose = {S: len(other.hires(S)) == len(S) for S in sets}

    def total(values: Any) -> Callable[[Workers], Fraction]:
        return lambda S: sum((values(k) for k in S), ZERO)

    cost = bids.__getitem__
    true = more.get("t", scores.__getitem__)
    within = [S for S in sets if fits[S] and total(cost)(S) <= setting.budget]
    optimum = max(within, key=total(true), default=frozenset())
    takers = [S for S in within if first.taking >= S]
    star = first.symbols("")["star"]
    budget = setting.budget
    beta = max((cost(k) for k in range(n)), default=ZERO) / budget if budget else Fraction(2)
    outside = sorted(second.hired - first.chosen)
    values = {
        **first.symbols(""),
        **first.symbols("1"),
        **second.symbols("2"),
        "inside": lambda k, S: k in S,
        "lower": lambda j, k: j < k,
        "v": scores.__getitem__,
        "t": true,
        "W": setting.hires,
        "M": setting.worth,
        "X": other.hires,
        "N": other.worth,
        "s": setting.stipend,
        "g": setting.stipends.__getitem__,
        "largest": setting.most.__getitem__,
        "B": budget,
        "i": i,
        "c": scores[i] * first.ratios[i] if scores[i] > 0 else bids[i],
        "placeable": fits.__getitem__,
        "loose": loose.__getitem__,
        "fits": lambda S, T: S <= T,
        "meet": lambda S, T: S & T,
        "minus": lambda S, T: S - T,
        "drop": lambda S, k: S - {k},
        "one": lambda k: frozenset({k}),
        "usable": lambda k: fits[frozenset({k})],
        "usable2": lambda k: loose[frozenset({k})],
        "sum": total(scores.__getitem__),
        "sumt": total(true),
        "sumc": total(cost),
        "spent": total(first.paid.__getitem__),
        "count": len,
        "cost": cost,
        "dearer": lambda x, S: all(cost(k) >= x * scores[k] for k in S),
        "O": optimum - {star}
        if first.taking < frozenset(range(n)) and star in optimum
        else max(takers, key=total(true), default=frozenset()),
        "A": optimum,
        "vmin": min(scores),
        "vmax": max(scores),
        "tmin": min(true(k) for k in range(n)),
        "tmax": max(true(k) for k in range(n)),
        "u": scores[0],
        "beta": beta or Fraction(1, 10),
        "e": ZERO,
        "k0": outside[0] if outside else 0,
        **more,
    }
    sample = sorted({ZERO, *first.ratios, *second.ratios})
    return Model({"Worker": range(n), "Set": sets, "Real": sample, "Int": range(4)}, values, document)


# ------------------------------------------------------------------ boxes of the specification, held against the code


def tie(grids: Iterable[Grid], seed: int, share: int) -> int:
    """Run the shipped DriftPay-CO on a drawn part of the markets of a box and compare it with the box's own runs.

    Parameters
    ----------
    grids : iterable of Grid
    seed : int
    share : int
        One market in so many.

    Returns
    -------
    int
        How many were compared.

    Raises
    ------
    Unheld
        Where winners or price differ.
    """
    rng, compared = np.random.default_rng(seed), 0
    for grid in grids:
        runs = None
        for place in np.flatnonzero(rng.random(len(grid.budgets)) < 1 / share).tolist():
            runs = grid.run() if runs is None else runs
            document = shape_document(grid.shape, grid.bids[place], int(grid.budgets[place]))
            outcome = run_mechanism(document_market(document), "driftpay-co")
            hired = sum(1 << int(i) for i in outcome.winner_indices.tolist())
            paid = [outcome.payment(i) for i in range(grid.shape.n)]
            price = Fraction(int(runs.price[place]), grid.unit)
            expected = [price * v if runs.hired[place] >> i & 1 else ZERO for i, v in enumerate(grid.shape.scores)]
            if hired != runs.hired[place] or paid != expected:
                raise Unheld(f"the shipped rule is not the one of the box on {document}")
            compared += 1
    return compared
