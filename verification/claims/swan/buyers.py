"""SWAN where a buyer's error is that on its own distribution: its balance, its equilibrium, and who participates."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ....fl.sharing.equilibria import is_equilibrium
from ....fl.sharing.swan import Swan
from ....models.sharing.market import MotsMarket
from ...claim import Judgement
from ...ledger import claim
from ...literal.sharing import LiteralMots, LiteralSwan, State
from ...proofs.own_error import OWN_ERROR
from ...search.constraint_models import swan_games
from ...search.finite_models import hold
from ...search.own_error_models import buyers_error, own_error_models, own_welfare
from ...search.sharing_box import document, first, states
from .mechanism import CLASS
from .states import HIGH, optima

TOGETHER = replace(HIGH, client_variances=(2,))
VARIED = replace(CLASS, client_variances=("1/12",))


@claim(
    "F-BUYER-SWAN",
    source="finding, on SWAN, eqs. (3) and (18)-(22), which give participants' error to buyers too",
    statement="Where buyers use the model on distributions of their own, with error eps + 2 s / K, the payments of SWAN leave a buyer U(eps) - U(eps + 2 s / K) less than a participant, wherever s > 0. With "
    "welfare K U(eps) + (N - K) U(eps + 2 s / K) - C, price U(eps + 2 s / K) - share, rewards c + share - U(eps), and that welfare for the potential, all ends are alike again, the best "
    "state is an equilibrium and, where W* > 0, the platform adds nothing there",
    expected="proved",
    proof=OWN_ERROR,
)
def judge_own_error() -> Judgement:
    """Each role's own utility in what it pays or is paid."""
    markets = itertools.chain(
        itertools.islice(HIGH.markets(), 0, None, 150), itertools.islice(VARIED.markets(), 0, None, 150)
    )
    tally = hold(OWN_ERROR, own_error_models(markets))
    return Judgement("proved", f"a chain for all markets; {tally}", "all parameters")


def _literal_own(market: LiteralMots, k: State) -> Fraction:
    """The error of a buyer: the client term of eq. (3) with K + 1 for K - 1."""
    return market.error(k) + 2 * market.client_variance / sum(k)


def _literally_leaves(witness: Mapping[str, Any]) -> bool:
    """Whether every best state, an equilibrium by eq. (3), is one that a buyer leaves."""
    literal = LiteralSwan(witness)
    market, N = literal.market, sum(literal.market.N)
    corners = [literal.f(p)[0] for p in itertools.product(*({0, n} for n in market.N))]
    best = max(market.W(k) for k in market.states())
    if best <= 0 or market.max_error is not None:
        return False
    for k in market.best():
        if any(n not in (0, most) for n, most in zip(k, market.N, strict=True)) or sum(k) == N:
            return False
        ratio = best / (best - min(corners)) / N
        share = ratio * (literal.f(k)[0] - min(corners))
        left = market.U(_literal_own(market, k)) - (market.U(market.error(k)) - share)
        joined = [m for m in literal.neighbours(k) if sum(m) > sum(k)]
        stays = all(literal.f(m)[0] <= literal.f(k)[0] for m in literal.neighbours(k))
        if not stays or left >= max([Fraction(0), *(ratio * (literal.f(m)[0] - min(corners)) for m in joined)]):
            return False
    return True


def _leaves(market: MotsMarket) -> bool:
    return any(mechanism.welfare > 0 and _moves(market, mechanism) for _, mechanism in swan_games([market]))


def _moves(market: MotsMarket, mechanism: Swan) -> bool:
    k = mechanism.target
    if sum(k) == market.population or not is_equilibrium(market, mechanism.share, k):
        return False
    left = market.utility.exact(buyers_error(market, k)) - mechanism.price(k)
    joined = [
        mechanism.share((*k[:i], n + 1, *k[i + 1 :]))
        for i, (n, most) in enumerate(zip(k, market.counts, strict=True))
        if n < most
    ]
    return left < max([Fraction(0), *joined]) and _literally_leaves(market.to_document())


@claim(
    "F-BUYER-LEAVE",
    source="finding, on SWAN, theorem 3 where buyers have errors of their own",
    statement="There are markets of the paper's class in which k* is an equilibrium under SWAN by eq. (3), all-or-none and with W* > 0, and a buyer whose error is that on its own distribution would "
    "rather participate or abstain (an existence claim)",
    expected="proved",
    recheck=_literally_leaves,
)
def judge_leaves() -> Judgement:
    """The box of low types with some client variance."""
    witness, seen = first(VARIED.markets(), _leaves)
    assert witness is not None
    return Judgement(
        "proved",
        "by the first market of a box, smallest first",
        f"the first of {seen} in: {VARIED.describe()}",
        document(witness, "at k* a buyer, whose error is larger by 2 s / K, ends with less than by another role"),
    )


def _literally_together(witness: Mapping[str, Any]) -> bool:
    market = LiteralMots(witness)
    N = sum(market.N)

    def own(k: State) -> Fraction:
        K = sum(k)
        return K * market.U(market.error(k)) + (N - K) * market.U(_literal_own(market, k)) - market.cost(k)

    everything = market.states()
    most = max(map(own, everything))
    high = not any(market.is_low(i) for i in range(len(market.N)))
    return high and all(sum(k) > 1 for k in everything if own(k) == most) and all(sum(k) == 1 for k in market.best())


def _together(market: MotsMarket) -> bool:
    worth = {k: own_welfare(market, k) for k in states(market)}
    most = max(worth.values())
    alone = all(sum(k) == 1 for k in optima(market))
    return alone and all(sum(k) > 1 for k in states(market) if worth[k] == most)


@claim(
    "F-BUYER-MANY",
    source="finding, on SWAN, proposition 1, and on F-HIGH-ALONE",
    statement="With buyers' own errors clients of high types participate together: there are markets of high types alone in which by eq. (3) one client participates in every best state, and several in "
    "every best state if buyers have errors of their own (an existence claim)",
    expected="proved",
    recheck=_literally_together,
)
def judge_together() -> Judgement:
    """The box of high types."""
    witness, seen = first(TOGETHER.markets(), _together)
    assert witness is not None
    return Judgement(
        "proved",
        "by the first market of a box, smallest first",
        f"the first of {seen} in: {TOGETHER.describe()}",
        document(witness, "a second participant harms the first by eq. (3), and is welcome to those who buy"),
    )
