"""The judges can fail: broken mechanisms are caught with minimal witnesses, wrong proofs are refused, two readings agree."""

from dataclasses import replace
from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest
from campaign import thorough
from drawing import Numbers, generators
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.models.input_error import InputError
from fedmech.verification import broken
from fedmech.verification.audit import audit, breakpoints
from fedmech.verification.literal.driftpay import (
    LiteralOutcome,
    driftpay,
    drop_top,
    gain_from_lying,
    ratio_order,
)
from fedmech.verification.literal.procurement import (
    best_set,
    literal_market,
    opt,
    placeable,
)
from fedmech.verification.literal.rules import greedy_then_repair
from fedmech.verification.search import ratio_families
from fedmech.verification.search.boxes import (
    Box,
    group_patterns,
    market_document,
    shape_document,
)
from fedmech.verification.search.driftpay_grid import Grid, Shape
from fedmech.verification.search.hunt import Draw, document_market, find_violation
from fedmech.verification.search.shrink import is_minimal, shrink
from hypothesis import given, settings, target
from hypothesis import strategies as st

DRAW = Draw(workers=(1, 4), requesters=(1, 2), groups=(1, 2))


# ------------------------------------------------------------------ broken mechanisms, written once more, literally


def literal_first_price(market):
    return LiteralOutcome({i: market.bids[i] for i in driftpay(market).winners})


def literal_ties(market):
    return driftpay(market, ties_by_ratio=True)


def literal_price(market, skip):
    """DriftPay-CO's winners; the price looks `skip` workers too far, or forgets the budget (skip None)."""
    order = ratio_order(market, market.workers)
    winners = driftpay(market).winners
    value = market.value(winners)
    if value == 0:
        return LiteralOutcome({})

    def passes(k):
        return (
            market.bids[order[k - 1]] / market.scores[order[k - 1]] * market.value(best_set(market, order[:k]))
            <= market.budget
        )

    k = max(k for k in range(1, len(order) + 1) if passes(k))
    after = [market.bids[i] / market.scores[i] for i in order[k:]]
    if skip is None:
        price = after[0] if after else market.budget / value
    else:
        price = min([market.budget / value, *after[skip : skip + 1]])
    return LiteralOutcome({i: market.scores[i] * price for i in winners})


def gains(rule):
    def shows(document):
        gain = gain_from_lying(rule, literal_market(document))
        return gain is not None and gain > 0

    return shows


def overspends(document):
    market = literal_market(document)
    return sum(literal_price(market, None).payments.values()) > market.budget


def not_monotone(document):
    market = literal_market(document)
    lower = market.truthful()
    risen = [i for i in market.workers if market.bids[i] > lower.bids[i]]
    changed = [i for i in market.workers if market.bids[i] != lower.bids[i]]
    if len(risen) != 1 or changed != risen:
        return False
    return risen[0] in greedy_then_repair(market).payments and risen[0] not in greedy_then_repair(lower).payments


BROKEN = {
    "pay-your-bid": (broken.first_price, "dsic", gains(literal_first_price)),
    "ties-by-ratio": (broken.ties_by_ratio, "dsic", gains(literal_ties)),
    "overspend": (broken.overspend, "budget", overspends),
    "off-by-one-prefix": (broken.off_by_one_prefix, "dsic", gains(lambda market: literal_price(market, 1))),
    "greedy-then-repair": ("greedy-then-repair", "monotone", not_monotone),
}


@pytest.mark.parametrize("name", thorough(BROKEN, "greedy-then-repair".__eq__))
def test_broken_mechanisms_are_caught_with_a_minimal_witness(name):
    rule, property, shows = BROKEN[name]
    search = find_violation(rule, DRAW, seed=1, count=600, shows=shows, properties=(property,))
    assert search.found is not None
    assert search.document is not None
    assert search.found.property == property
    assert shows(search.document)
    assert is_minimal(search.document, shows)


@pytest.mark.parametrize(
    "name",
    thorough(
        ["driftpay-co", "drop-top", "driftpay-stipend", "driftpay-no"], ("drop-top", "driftpay-stipend").__contains__
    ),
)
def test_sound_mechanisms_pass(name):
    assert find_violation(name, DRAW, seed=2, count=25, shows=None).document is None


def test_audit_says_what_it_covers():
    market = document_market(market_document([1, 2], [1, 1], [2]))
    assert audit(market, "driftpay-co").coverage == "exhaustive"
    assert audit(market, "driftpay-no").coverage == "over declared breakpoints"
    assert audit(market, "driftpay-co", workers=[1]).workers == 1
    stopped = audit(market, "driftpay-co", time_limit=0)
    assert stopped.stopped
    assert stopped.workers == 0
    with pytest.raises(InputError, match="unknown property"):
        audit(market, "driftpay-co", properties=["fair"])
    with pytest.raises(InputError, match="not an Outcome"):
        audit(market, lambda market: None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="no option"):
        audit(market, "driftpay-co", options={"reserve": 1})


def test_declared_breakpoints_are_tried():
    """A rule that misbehaves at one single bid is caught when it declares that bid."""
    odd = F(977, 331)

    def rule(market):
        outcome = run_mechanism(market, "driftpay-co")
        if market.bid(0) == odd:
            return replace(outcome, scaled_payments=outcome.scaled_payments - 1)
        return outcome

    market = document_market(market_document([3, 2], [1, 1], [7]))
    assert audit(market, rule).holds
    rule.breakpoints = lambda market, worker: [odd]
    assert not audit(market, rule).holds


def test_audit_counts_paid_losers_and_caps():
    market = document_market(market_document([1, 1], [1, 1], [2], caps=[[1]]))

    def everybody(market):
        return replace(run_mechanism(market, "driftpay-co"), assignment=np.zeros(market.n, dtype=np.int64))

    assert audit(market, everybody).failed()[0] == "caps"


def test_breakpoints_of_a_market_by_hand():
    market = document_market(market_document([2, 3], [1, 6], [5]))
    # 0; B; own bid 1; other bid 6 and its ratio 2 * 2; B v / M over {1}, {1, 2}: 5, 2; B / t: 5, 5/2.
    assert breakpoints(market, 0) == {F(0), F(5), F(1), F(6), F(4), F(2), F(5, 2)}


# ------------------------------------------------------------------ the grid against literal runs


def random_shape(rng, n, seats):
    pattern = list(group_patterns(n))[rng.integers(0, len(list(group_patterns(n))))]
    kinds, m = max(pattern) + 1, int(rng.integers(1, 3)) if seats else 1
    caps = tuple(tuple(int(c) for c in rng.integers(0, 3, m)) for _ in range(kinds))
    limits = tuple(int(s) for s in rng.integers(0, 3, m)) if seats else None
    return Shape(tuple(int(v) for v in rng.integers(1, 6, n)), pattern, caps, limits)


@pytest.mark.parametrize("seats", [False, True])
@settings(max_examples=25)
@given(rng=generators)
def test_grid_runs_are_the_literal_ones(seats, rng: Numbers) -> None:
    shape = random_shape(rng, int(rng.integers(1, 5)), seats)
    grid = Grid(shape, rng.integers(0, 6, (6, shape.n)), rng.integers(0, 9, 6))
    runs, best = grid.run(), grid.optimum()
    for place in range(6):
        document = shape_document(shape, grid.bids[place], int(grid.budgets[place]))
        market = literal_market(document)
        outcome = driftpay(market)
        assert runs.hired[place] == sum(1 << i for i in outcome.winners)
        assert runs.score[place] == market.value(outcome.winners)
        if outcome.winners:
            assert F(int(runs.price[place]), grid.unit) == outcome.price
        assert best[place] == opt(market)
        shipped = run_mechanism(document_market(document), "driftpay-co")
        assert {i: shipped.payment(i) for i in shipped.winner_indices.tolist()} == outcome.payments


@settings(max_examples=20)
@given(rng=generators)
def test_seats_of_shapes_are_placements(rng: Numbers) -> None:
    shape = random_shape(rng, 4, True)
    market = literal_market(shape_document(shape, [0] * 4, 0))
    for mask in range(16):
        assert shape.independent[mask] == placeable(market, [i for i in range(4) if mask >> i & 1])


def test_the_grid_finds_no_lie_and_the_audit_agrees():
    rng = np.random.default_rng(5)
    for seats in (False, True):
        for _ in range(4):
            shape = random_shape(rng, 3, seats)
            grid = Grid(shape, rng.integers(0, 5, (3, 3)), rng.integers(0, 8, 3))
            assert not grid.untruthful().any()
            document = shape_document(shape, grid.bids[0], int(grid.budgets[0]))
            assert audit(document_market(document), "driftpay-co").holds


class OverspendingGrid(Grid):
    """DriftPay-CO whose price forgets the budget."""

    def _budget_price(self, prefix):
        return np.full(prefix.shape, 2**62)


class GreedyGrid(Grid):
    """DriftPay-CO with half the affordability test: a longer prefix than it can pay."""

    def _affordable(self, ratio, prefix):
        return ratio * self.shape.values[prefix] <= 2 * self.money


@pytest.mark.parametrize("kind", [OverspendingGrid, GreedyGrid])
def test_the_grid_catches_broken_rules(kind):
    shape = Shape((1, 2, 1), (0, 0, 0), ((3,),))
    bids = np.array(list(product(range(4), repeat=3)))
    assert kind(shape, bids, np.full(len(bids), 3)).untruthful().any()
    assert not Grid(shape, bids, np.full(len(bids), 3)).untruthful().any()


@pytest.mark.parametrize(
    ("wins", "paid", "fails"),
    [
        # Breakpoints 0, 4, 8 and points between and beyond: 0 2 4 6 8 10.
        ([1, 1, 1, 0, 0, 0], [4, 4, 4, 0, 0, 0], False),
        ([1, 1, 0, 0, 0, 0], [4, 4, 0, 0, 0, 0], False),
        ([0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], False),
        ([1, 1, 1, 0, 0, 0], [4, 4, 5, 0, 0, 0], True),
        ([1, 1, 1, 1, 0, 0], [4, 4, 4, 4, 0, 0], True),
        ([1, 1, 0, 1, 0, 0], [4, 4, 0, 4, 0, 0], True),
        ([0, 1, 1, 0, 0, 0], [0, 4, 4, 0, 0, 0], True),
        ([1, 1, 1, 1, 1, 1], [8, 8, 8, 8, 8, 8], True),
    ],
)
def test_what_a_threshold_looks_like(wins, paid, fails):
    points = np.array([[0], [2], [4], [6], [8], [10]])
    found = Grid._fails(points, np.array(wins, dtype=bool)[:, None], np.array(paid)[:, None])
    assert found.tolist() == [fails]


def test_boxes_hold_every_market_once():
    box = Box(2, 2, 1, (0, 1, 2))
    seen = {(g.shape, tuple(b), int(c)) for g in box.grids() for b, c in zip(g.bids.tolist(), g.budgets, strict=True)}
    # Groupings {12} with caps 0..2 and {1}{2} with caps 0..1 each, 4 score pairs, 4 bid pairs, 3 budgets.
    assert len(seen) == (3 + 4) * 4 * 4 * 3
    assert len(list(group_patterns(4))) == 15


def test_grids_refuse_numbers_beyond_64_bits():
    with pytest.raises(OverflowError):
        Grid(Shape((10**6 + 3, 10**6 + 33, 10**6 + 37), (0, 0, 0), ((3,),)), np.full((1, 3), 10**6), np.array([10**6]))


# ------------------------------------------------------------------ shrinking


def test_shrinking_reaches_a_minimum_and_renames():
    def shows(document):
        market = literal_market(document)
        return market.budget >= 2 and len(market.ids) >= 2 and market.scores[0] > market.scores[-1]

    start = market_document([9, F(7, 2), 4], [5, F(1, 3), 2], [11, 7], groups=[2, 1, 0], caps=[[1, 2], [0, 1], [2, 2]])
    small = shrink(start, shows)
    assert is_minimal(small, shows)
    assert not is_minimal(start, shows)
    assert [row["id"] for row in small["workers"]] == ["w1", "w2"]
    assert [row["score"] for row in small["workers"]] == [2, 1]
    assert [row["budget"] for row in small["requesters"]] == [2]
    assert "caps" not in small
    with pytest.raises(ValueError, match="nothing to shrink"):
        shrink(small, lambda document: False)


# ------------------------------------------------------------------ ratios


@st.composite
def affordable_markets(draw):
    n = draw(st.integers(1, 5))
    budget = draw(st.integers(1, 12))
    groups = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    cap = st.one_of(st.none(), st.integers(0, 2))
    return market_document(
        draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)),
        draw(st.lists(st.integers(0, budget), min_size=n, max_size=n)),
        [budget],
        groups=groups,
        caps=[[draw(cap)], [draw(cap)]],
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(affordable_markets())
def test_proved_ratios_hold_where_hypothesis_aims_at_them(document):
    market = literal_market(document)
    best, plain, top = opt(market), market.value(driftpay(market).winners), market.value(drop_top(market).winners)
    if best == 0:
        return
    bound = 2 + max(market.scores) / min(market.scores)
    target(float(best / plain / bound), label="share of 2 + vmax/vmin")
    target(float(best / top), label="drop-top")
    assert best < bound * plain
    assert best < 4 * top
    beta = max(market.costs) / market.budget
    if beta < 1:
        assert best == plain or best * (1 - beta) < (2 - beta) * plain


@pytest.mark.parametrize("eps", [F(1, 3), F(1, 50)])
def test_tight_families_are_as_bad_as_they_say(eps):
    assert ratio_families.family_ratio(ratio_families.theorem_family(F(3), eps)) == 5 - eps
    assert ratio_families.family_ratio(ratio_families.drop_top_family(eps), drop_top) == 4 - eps
    half = ratio_families.small_costs_family(F(1, 2), eps)
    assert ratio_families.family_ratio(half) == 3 - F(3, 2) * eps
    assert max(literal_market(half).costs) <= F(1, 2)


# ------------------------------------------------------------------ the SMT encoding


def test_smt_confirms_and_can_refute():
    pytest.importorskip("z3")
    from fedmech.verification.proofs.smt import refute_ratio, refute_truthfulness

    assert refute_truthfulness(2) == "unsat"
    assert refute_truthfulness(2, first_price=True) == "sat"
    assert refute_ratio(3) == "unsat"
    assert refute_ratio(4, F(1, 2), F(3)) == "unsat"
    # Four workers come within any distance of 3, so 2.9 is exceeded; and without affordable costs nothing holds.
    assert refute_ratio(4, F(1, 2), F(29, 10)) == "sat"
    assert refute_ratio(4, F(1), F(4)) == "sat"
