"""The definitions that Coq has are the shipped rules: evaluated on small random markets, ties of every kind among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.fl.sharing.swan import swan
from fedmech.fl.sharing.unique import SinglePeaked
from fedmech.models.procurement.market import Market
from fedmech.verification.claims.swan.mechanism import BOX
from fedmech.verification.formal.coq import compiled
from fedmech.verification.search.hunt import Draw, document_market

HEAD = """From Fedmech Require Import Caps.
Definition at_ {A : Type} (default : A) (l : list A) (k : nat) : A := nth k l default.
Definition pair_of (q : Q) : list Z := [Qnum (Qred q); Zpos (Qden (Qred q))].
Definition told (H : list worker) (paid : worker -> Q) (n : nat) : list (list Z) :=
  map Z.of_nat H :: map (fun k => pair_of (if mem k H then paid k else 0)) (seq 0 n).
Definition last_best v group groups requesters cap seats S :=
  best v group groups requesters cap seats (sublists (rev (sort (better v) S))).
"""


def q(value: Fraction) -> str:
    return f"({value.numerator} # {value.denominator})"


def listed(values: Sequence[object]) -> str:
    return f"[{'; '.join(map(str, values))}]"


def stated(market: Market, oracle: str = "search") -> str:
    """Both rules on a market, as Coq evaluates them, with one ORP oracle or another."""
    n = market.n
    v = f"(at_ 1 {listed([q(market.score(i)) for i in range(n)])})"
    b = f"(at_ 0 {listed([q(market.bid(i)) for i in range(n)])})"
    caps = listed([f"{listed(row)}%nat" for row in market.caps.tolist()])
    shape = (
        f"(at_ O {listed(market.group_of.tolist())}%nat) {market.L} {market.m} "
        f"(fun l => at_ O (at_ [] {caps} l)) (at_ O {listed(market.seats.tolist())}%nat)"
    )
    rest = f"{v} ({oracle} {v} {shape}) {q(market.total_budget)}"
    who = f"(seq 0 {n})"
    driftpay = f"hired {who} {rest} (ratio {v} {b})", f"paid {who} {rest} (ratio {v} {b})"
    top = (f"{name} {who} {rest} (placeable {shape}) {b}" for name in ("top_hired", "top_paid"))
    return "\n".join(f"Eval vm_compute in (told ({hired}) ({paid}) {n})." for hired, paid in (driftpay, tuple(top)))


def numbers(said: str) -> list[list[list[int]]]:
    """The lists of lists of numbers that Coq prints."""
    answers = [part.split(":")[0] for part in said.split("= ")[1:]]
    return [[[*map(int, re.findall(r"-?\d+", row))] for row in re.findall(r"\[([^\[\]]*)\]", a[1:-1])] for a in answers]


def evaluated(folder: Path, markets: Sequence[Market], oracle: str = "search") -> list[tuple[set[int], list[Fraction]]]:
    text = HEAD + "\n".join(stated(market, oracle) for market in markets)
    found = []
    for hired, *paid in numbers(compiled(folder, "Markets", text)):
        found.append(({*hired}, [Fraction(*pair) for pair in paid]))
    return found


def shipped(market: Market) -> list[tuple[set[int], list[Fraction]]]:
    found = []
    for name in ("driftpay-co", "drop-top"):
        outcome = run_mechanism(market, name)
        hired = {*np.flatnonzero(outcome.assignment >= 0).tolist()}
        found.append((hired, [outcome.payment(i) for i in range(market.n)]))
    return found


DRAWS = (
    Draw(workers=(1, 4), requesters=(1, 2), groups=(1, 3), seats=True),
    # Two scores and few costs: ties in the ratio, in ORP, at the budget.
    Draw(workers=(3, 5), requesters=(1, 2), groups=(1, 2), top_score=2, top_cost=2, top_budget=4),
    Draw(workers=(3, 4), requesters=(2, 3), groups=(1, 2), top_score=1, top_cost=1, top_budget=2, seats=True),
)


def drawn() -> list[Market]:
    return [document_market(doc) for number, draw in enumerate(DRAWS) for doc in draw.documents(1300 + number, 40)]


def test_coq_evaluates_the_shipped_rules(whole: Path) -> None:
    markets = drawn()
    expected = [outcome for market in markets for outcome in shipped(market)]
    assert evaluated(whole, markets) == expected
    # They are not all alike: nobody, somebody, everybody hired; drop-top's best worker alone, and the rest.
    sizes = {(len(hired), market.n) for market, (hired, _) in zip(markets, expected[::2], strict=True)}
    assert {size for size, _ in sizes} >= {0, 1, 2, 3}
    assert any(one != other for one, other in zip(expected[::2], expected[1::2], strict=True))


def test_another_tie_rule_is_noticed(whole: Path) -> None:
    """Ties of ORP to the higher index make no smaller optimum, and are not the shipped rule's."""
    markets = drawn()[40:]
    others, expected = evaluated(whole, markets, "last_best"), [o for market in markets for o in shipped(market)]
    differing = [(one, other) for one, other in zip(others, expected, strict=True) if one != other]
    assert len(differing) > 10
    assert any(len(one[0]) == len(other[0]) for one, other in differing)


def test_coq_evaluates_the_shipped_shares(whole: Path) -> None:
    """The single-peaked share and the platform's cost, in every state of some markets."""
    lines, expected = [HEAD, "From Fedmech Require Import Shares."], []
    rng = np.random.default_rng(1310)
    markets = [*BOX.markets()]
    for place in rng.choice(len(markets), 12, replace=False):
        market = markets[place]
        target = swan(market).target
        payments = SinglePeaked(market, target)
        types, size = f"(seq 0 {market.type_count})", f"(at_ O {listed(list(market.counts))}%nat)"
        for state in product(*(range(n + 1) for n in market.counts)):
            if any(state):
                share = (
                    f"share {types} {size} (at_ O {listed(list(target))}%nat) {q(payments.shared)} "
                    f"(at_ O {listed(list(state))}%nat)"
                )
                lines.append(f"Eval vm_compute in [pair_of ({share})].")
                expected.append([payments.share(state)])
    said = numbers(compiled(whole, "States", "\n".join(lines)))
    assert [[Fraction(*pair) for pair in row] for row in said] == expected
    assert len(expected) > 50
