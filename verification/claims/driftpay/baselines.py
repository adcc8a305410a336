"""What the paper says does not work: VCG under a budget, greedy-then-repair."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ...claim import Judgement
from ...ledger import claim
from ...literal.driftpay import liar
from ...literal.procurement import literal_market
from ...literal.rules import greedy_then_repair, vcg
from ...search.boxes import market_document
from ...search.hunt import Draw, find_violation
from ...search.shrink import shrink


def _overspends(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    if market.budget == 0:
        return False
    outcome = vcg(market, market.budget / max(market.scores))
    paid = sum(outcome.payments.values(), Fraction(0))
    return sum((market.costs[i] for i in outcome.payments), Fraction(0)) <= market.budget < paid


@claim(
    "D-2-VCG",
    source="DriftPay, section 2",
    statement="when payments are pinned to externalities, total transfers can exceed the available budget even if the chosen allocation itself is "
    "'affordable' in terms of reported costs (an existence claim)",
    expected="proved",
    recheck=_overspends,
)
def judge_vcg() -> Judgement:
    """Show a market, the best worker being worth the whole budget."""
    from ....fl.mechanisms.interface import run_mechanism
    from ...search.hunt import document_market

    document = shrink(market_document([2, 2, 3], [1, 0, 2], [5]), _overspends)
    outcome = run_mechanism(document_market(document), "vcg")
    return Judgement(
        "proved",
        "by the example itself, shrunk; the surplus is lam times score less bids with lam = B / v_max, so that nobody is worth more than B",
        f"the shipped VCG pays {outcome.total_payment} there",
        witness=document,
    )


def _not_monotone(document: Mapping[str, Any]) -> bool:
    market = literal_market(document)
    i = liar(market)
    if i is None or market.costs[i] >= market.bids[i]:
        return False
    high, low = greedy_then_repair(market), greedy_then_repair(market.truthful())
    return i in high.payments and i not in low.payments


@claim(
    "D-4-REPAIR",
    source="DriftPay, section 4",
    statement="A worker who slightly lowers b_i can change the repair path [...] potentially causing that worker to be excluded: greedy-then-repair is "
    "not monotone in bids (an existence claim)",
    expected="proved",
    recheck=_not_monotone,
)
def judge_repair() -> Judgement:
    """Search for a worker that wins with a bid and loses with a lower one."""
    draw = Draw(workers=(2, 4), requesters=(1, 1), groups=(1, 2))
    search = find_violation(
        "greedy-then-repair", draw, seed=41, count=600, shows=_not_monotone, properties=("monotone",)
    )
    if search.document is None:
        return Judgement("supported", "random markets: no example found", f"{search.markets} markets, seed 41 ({draw})")
    return Judgement(
        "proved",
        "by the example itself (the worker whose bid is not its cost wins with the bid and loses when it lowers the bid to the cost): random "
        "markets audited over breakpoints, the find shrunk. Bidding less frees money for a better worker of its own group",
        f"found after {search.markets} markets, seed 41 ({draw})",
        witness=search.document,
    )
