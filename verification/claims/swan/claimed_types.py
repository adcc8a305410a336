"""SWAN where clients claim their costs and sizes: what they gain, payments under which they gain nothing, and the least that those cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ....fl.sharing.pivotal import Pivotal
from ....fl.sharing.swan import Swan
from ....models.sharing.market import MotsMarket
from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.sharing import LiteralMots, LiteralSwan, State
from ...proofs.claimed_types import LEAST_PRIVATE, MEASURED, OVERSTATED, PIVOTAL
from ...search.constraint_models import swan_games
from ...search.finite_models import hold
from ...search.sharing_box import Box, document, first
from ...search.type_models import (
    claiming,
    least_private_models,
    measured_models,
    overstated_models,
    payoff,
    pivotal_models,
)
from .mechanism import CLASS
from .states import MARGINAL

CLIENTS = replace(CLASS, counts=(1,))
PRIVATE = Box((1, 2, 3), (1, 2, 6), (1,), (0, 1, 3, 5), MARGINAL[1:2], (0, "1/8"))
SIZES = (1, 2, 3, 6, 20)
HIGHER = (Fraction(1, 2), Fraction(1))

IC_READING = Reading(
    "a client's cost is its own affair, and the platform computes SWAN from what is claimed",
    "the paper's: low heterogeneity, increasing marginal utility, W* > 0, k* all-or-none; one client claims more than its cost",
    "the platform knows the types, and clients do not know each other's: prices and rewards are announced as functions of the state, and k* is an equilibrium (S-T3-STATE)",
    "conditional",
)
SIZE_READING = Reading(
    "payments computed from claimed sizes, before anybody trains",
    "low heterogeneity, increasing marginal utility, W* > 0; one client claims more data than it has",
    "payments from the utility that is measured after training: the corrected statement",
    "proved",
)


def _literal_share(witness: Mapping[str, Any]) -> Iterator[tuple[State, Fraction]]:
    """Every best state of a market with W* > 0 and what SWAN leaves every client there."""
    literal = LiteralSwan(witness)
    market = literal.market
    corners = [literal.f(p)[0] for p in itertools.product(*({0, n} for n in market.N))]
    for k in market.best():
        yield k, market.W(k) / (market.W(k) - min(corners)) * (literal.f(k)[0] - min(corners)) / sum(market.N)


def _changed(witness: Mapping[str, Any], i: int, **claimed: Any) -> dict[str, Any]:
    rows = [{**row, **claimed} if j == i else row for j, row in enumerate(witness["types"])]
    return {**witness, "types": rows}


def _literally_gains(witness: Mapping[str, Any]) -> bool:
    """Whether a participant alone of its type gains by claiming some more, whichever best state is taken."""
    true = LiteralMots(witness)
    if sum(true.N) < 2 or true.max_error is not None or true.W(true.best()[0]) <= 0:
        return False
    full = all(n in (0, most) for k in true.best() for n, most in zip(k, true.N, strict=True))
    for i, more in itertools.product(range(len(true.N)), HIGHER):
        claimed = _changed(witness, i, cost=str(true.c[i] + more))
        if true.N[i] != 1 or LiteralMots(claimed).W(LiteralMots(claimed).best()[0]) <= 0:
            continue
        lying = [share + (more if k[i] else 0) for k, share in _literal_share(claimed)]
        if full and min(lying) > max(share for _, share in _literal_share(witness)):
            return True
    return False


def _gains(market: MotsMarket) -> bool:
    return any(_overstating(market, before) for _, before in swan_games([market]) if before.welfare > 0)


def _overstating(market: MotsMarket, before: Swan) -> bool:
    for i, more in itertools.product(range(market.type_count), HIGHER):
        claimed = claiming(market, i, cost=market.types[i].cost + more)
        for _, after in swan_games([claimed]):
            gained = after.share(after.target) + (more if after.target[i] else 0) > before.share(before.target)
            if after.welfare > 0 and gained and _literally_gains(market.to_document()):
                return True
    return False


@claim(
    "S-IC",
    source="SWAN, abstract of contributions and section IV-C; the mechanism (18)-(22) reconstructed",
    statement='"The SWAN mechanism [...] internalizes network effects and incomplete-information strategic behavior": no client gains by claiming another type\'s cost',
    expected="refuted",
    amended="proved",
    proof=(PIVOTAL, OVERSTATED),
    recheck=_literally_gains,
)
def judge_incomplete_information() -> Judgement:
    """A participant that claims more; a chain says by how much it gains."""
    pivotal = hold(PIVOTAL, pivotal_models(itertools.islice(PRIVATE.markets(), 0, None, 90)))
    tally = hold(OVERSTATED, overstated_models(itertools.islice(CLIENTS.markets(), 0, None, 25)))
    witness, seen = first((market for market in CLIENTS.markets() if market.population > 1), _gains)
    assert witness is not None
    return Judgement(
        "refuted",
        f"every market of a box, smallest first; that a participant gains x (1 - 1/N) by claiming x more, wherever k* stays best and f(k*) = L(k*), is a chain for all markets; {tally}; "
        f"of the pivotal payments: {pivotal}",
        f"witness the first of {seen} in: {CLIENTS.describe()}",
        document(witness, "a participant claims 1/2 or 1 more than its cost, and k* stays what it is"),
        corrected="under the pivotal payments (F-IC-PIVOT) truth about costs is dominant",
        corrected_verdict="proved",
        reading=IC_READING,
    )


@claim(
    "F-IC-PIVOT",
    source="finding, in the place of SWAN's payments where costs are claimed",
    statement="If buyers pay what the model is worth to them, and each participant ends with what its participation adds to the best welfare (no model, worth 0, among the states), truth about costs is "
    "dominant, nobody would rather abstain, the best state is reached, and the platform adds sum (W* - W*_m) over the participants, less W*",
    expected="proved",
    proof=PIVOTAL,
)
def judge_pivotal() -> Judgement:
    """Clarke's argument, and the shipped payments at every claim of a few."""
    tally = hold(PIVOTAL, pivotal_models(itertools.islice(PRIVATE.markets(), 0, None, 25)))
    return Judgement("proved", f"a chain for all markets, clients and claims; {tally}", "all parameters")


@claim(
    "F-10-PRIVATE",
    source="finding, on SWAN, constraint (10), where costs are claimed",
    statement="No payments under which truth about costs is dominant and nobody would rather abstain, and which make participate whom the best state does, cost the platform less than the pivotal ones: with private "
    "costs the least incentive cost (10) is sum (W* - W*_m) over the participants, less W*, where max(0, -W*) is enough with known ones",
    expected="proved",
    proof=LEAST_PRIVATE,
)
def judge_least_private() -> Judgement:
    """Whoever could be asked at a cost just below A - B is paid A - B."""
    markets = (market for market in PRIVATE.markets() if market.type_count > 1)
    tally = hold(LEAST_PRIVATE, least_private_models(itertools.islice(markets, 0, None, 16), 2))
    return Judgement(
        "proved", f"a chain for all markets and payments, costs any numbers from 0 on; {tally}", "all parameters"
    )


def _literal_payoff(true: LiteralMots, claimed: LiteralMots, i: int) -> list[Fraction]:
    """What client `i` ends with under the pivotal payments of a claimed market, in each of its best states."""
    nothing = (0,) * len(true.N)
    everything = [*claimed.states(), nothing]
    best = max(map(claimed.W, everything))
    without = max(claimed.W(k) for k in everything if not k[i])
    found = []
    for k in (k for k in everything if claimed.W(k) == best):
        if k == nothing:
            found.append(Fraction(0))
            continue
        expected, worth = claimed.U(claimed.error(k)), true.U(true.error(k))
        paid = claimed.c[i] - expected + best - without
        found.append(worth + paid - true.c[i] if k[i] else worth - expected)
    return found


def _literally_gains_by_size(witness: Mapping[str, Any]) -> bool:
    true = LiteralMots(witness)
    if true.max_error is not None or max(true.W(k) for k in true.states()) <= 0:
        return False
    return any(
        min(_literal_payoff(true, LiteralMots(_changed(witness, i, size=size)), i))
        > max(_literal_payoff(true, true, i))
        for i in range(len(true.N))
        for size in SIZES
        if true.N[i] == 1
    )


def _gains_by_size(market: MotsMarket) -> bool:
    honest = Pivotal.of(market)
    for i, size in itertools.product(range(market.type_count), SIZES):
        lying = Pivotal.of(claiming(market, i, size=size))
        before, after = (
            payoff(
                made,
                i,
                market.types[i].cost,
                market.utility.exact(market.error(made.state)) if any(made.state) else Fraction(0),
            )
            for made in (honest, lying)
        )
        if after > before and _literally_gains_by_size(market.to_document()):
            return True
    return False


@claim(
    "F-IC-SIZE",
    source="finding, on what clients claim about their data",
    statement="Under the pivotal payments computed from claims no client gains by claiming another data size",
    expected="refuted",
    amended="proved",
    proof=MEASURED,
    recheck=_literally_gains_by_size,
)
def judge_sizes() -> Judgement:
    """One client's claims of more or fewer data; and payments from what is measured."""
    tally = hold(MEASURED, measured_models(itertools.islice(PRIVATE.markets(), 0, None, 20)))
    witness, seen = first(PRIVATE.markets(), _gains_by_size)
    assert witness is not None
    return Judgement(
        "refuted",
        f"every market of a box, smallest first; the corrected statement by a chain; {tally}",
        f"witness the first of {seen} in: {PRIVATE.describe()}",
        document(witness, "a client claims more data than it has, and is paid for what it does not add"),
        corrected="if the payments are made from the utility measured after training, the truth about cost and size is the best reply to true claims of the others (an ex post equilibrium)",
        corrected_verdict="proved",
        reading=SIZE_READING,
    )
