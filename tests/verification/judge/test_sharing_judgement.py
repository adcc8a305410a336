"""Sharing markets held to the ledger, against brute force written here: every state tried, every formula once more in Fractions."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction as F
from typing import Any

import fedmech as fm
import mpmath
import pytest
from brute_sharing import Brute, State
from campaign import some, thorough
from fedmech.fl.sharing.swan import count_patterns
from fedmech.models.sharing.averages import averaged_error, least_error_shares, shares
from fedmech.models.sharing.measured_market import MeasuredMarket
from fedmech.solvers.control import Control
from fedmech.solvers.sharing.solve import solve_social_state
from fedmech.verification.judge import alignment, best_state, sharing
from fedmech.verification.judge.ruling import Between
from mots_strategies import small_market as build

judge: Any = fm.judge
"""What these tests read of an answer is there, or they fail."""

UTILITIES: list[tuple[dict[str, Any], Callable[[F, F], F]]] = [
    ({"family": "linear", "a": 2, "s": 1}, lambda e, s2: 2 - e),
    ({"family": "linear", "a": -1, "s": "1/3"}, lambda e, s2: -1 - e / 3),
    ({"family": "inverse", "a": 3, "e0": "0.1"}, lambda e, s2: 3 / (e + F(1, 10))),
    ({"family": "inverse-gap", "a": 1, "p": 1}, lambda e, s2: 1 / (e - s2)),
    ({"family": "inverse-gap", "a": "0.3", "p": 2}, lambda e, s2: F(3, 10) / (e - s2) ** 2),
    ({"expression": "2 - 3*eps**2"}, lambda e, s2: 2 - 3 * e**2),
    ({"expression": "1 + 1/(1 + eps)"}, lambda e, s2: 1 + 1 / (1 + e)),
]
IRRATIONAL: list[tuple[dict[str, Any], Callable[[Any, Any], Any]]] = [
    ({"family": "exponential", "a": 2, "s": "3/2"}, lambda e, s2: 2 * mpmath.exp(-3 * e / 2)),
    ({"expression": "3 - sqrt(eps)"}, lambda e, s2: 3 - mpmath.sqrt(e)),
    ({"expression": "log(1 + 1/eps)"}, lambda e, s2: mpmath.log(1 + 1 / e)),
]


def draw_document(draw: random.Random, utility: dict[str, Any]) -> dict[str, Any]:
    types = draw.randint(1, 3)
    counts = [draw.choice([0, 1, 1, 2, 3]) for _ in range(types)]
    if not any(counts):
        counts[0] = 1
    costs = ["0", "1/3", "1/10", "1/50", "1/2", "1", "7/4", "4"]
    return {
        "format": "fedmech-mots/1",
        "dimension": draw.choice([1, 3]),
        "data_variance": draw.choice(["0", "1", "1", "1", "3/10"]),
        "client_variance": draw.choice(["0", "0", "1/12", "1/10", "1/3", "1"]),
        "types": [
            {"id": f"t{i}", "size": draw.choice([1, 2, 3, 5, 7, 12]), "count": counts[i], "cost": draw.choice(costs)}
            for i in range(types)
        ],
        "utility": utility,
    }


def drawn(draw: random.Random, kinds: list[Any]) -> tuple[dict[str, Any], Brute]:
    """A market whose utility is one at all its errors; now and then with a requirement, just feasible to slack, or not feasible."""
    while True:
        utility, U = draw.choice(kinds)
        document = draw_document(draw, utility)
        brute = Brute(document, U)
        greatest = max(brute.eps.values())
        if "gap" in str(utility) and brute.least <= brute.s2:
            continue
        if kinds is IRRATIONAL and brute.least == 0:
            continue
        if draw.random() < 0.4:
            errors = sorted(brute.eps.values())
            brute.limit = draw.choice([brute.least, draw.choice(errors), (brute.least + greatest) / 2, brute.least / 2])
            document["max_error"] = str(brute.limit)
        return document, brute


@pytest.mark.parametrize("markets", thorough([50, 450], (450).__eq__))
def test_random_markets_against_brute_force(markets: int) -> None:
    draw, count = random.Random(11), Counter()
    for _ in range(some(markets)):
        document, brute = drawn(draw, UTILITIES)
        assert brute.defined()
        market = fm.SharingMarket.from_document(document)
        judged = judge(market)
        assert not judged.contradictions
        count["contradictable"] += sum(row.applies is True for row in judged.rulings)
        assert judged.conditions["16"].holds is brute.condition_16(), document
        assert judged.conditions["17"].holds is brute.condition_17(), document
        count["16", brute.condition_16()] += 1
        count["17", brute.condition_17()] += 1
        check_alignment(judged, brute, document)
        assert judged.best is not None
        assert judged.best.state is not None
        check_types(judged, judged.views, judged.best.state, brute)
        if judged.infeasible:
            assert brute.limit is not None
            assert brute.limit < brute.least
            count["infeasible"] += 1
            continue
        assert judged.complete, document
        check_best(judged, brute)
        check_changes(judged, brute, count)
        count[judged.free.aligned, None if judged.required is None else judged.required.aligned] += 1
        count.update(view.region for view in judged.views)
    wanted = [(False, None), (True, None), (False, False), (False, True), (True, True), "infeasible"]
    wanted += [
        *("I", "II", "III", "IV"),
        ("16", True),
        ("16", False),
        ("17", True),
        ("17", False),
        "cost",
        "no cost",
        "limit",
    ]
    for what in wanted if markets == 450 else ():
        assert count[what], (what, count)
    assert count[True, False] == 0


def check_alignment(judged: Any, brute: Brute, document: dict[str, Any]) -> None:
    assert judged.free is not None
    assert judged.aligned is brute.aligned(None), document
    assert judged.free.best.welfare.low == brute.best(None)
    assert judged.free.least.welfare.low == brute.best(brute.least)
    assert judged.free.least.error == brute.least
    assert (judged.required is None) == (brute.limit is None)
    if judged.required is not None and not judged.infeasible:
        assert judged.required.aligned is brute.aligned(brute.limit), document
        assert judged.required.best.welfare.low == brute.best(brute.limit)


def check_types(judged: Any, views: Any, state: State, brute: Brute) -> None:
    assert [view.index for view in views] == [i for i, n in enumerate(brute.N) if n]
    for view in views:
        i, k = view.index, state[view.index]
        assert view.low == (brute.s2 * brute.D[i] <= brute.noise)
        assert view.inverse == F(1, brute.D[i])
        assert view.limit == brute.threshold(state, i)
        assert view.remaining == brute.N[i] - k
        assert view.pattern == {0: "none", brute.N[i]: "all"}.get(k, "one" if k == 1 else "part")
        effects = brute.effects(state, i, 300)
        turn = next((j for j, helps in enumerate(effects) if helps != effects[0]), None)
        if view.switching is None or view.switching < 300:
            assert view.switching == turn
            assert turn is None or len(set(effects[turn:])) == 1
        else:
            assert turn is None
        assert view.region == {
            (True, True): "I", (True, False): "II", (False, False): "III", (False, True): "IV",
        }[effects[0], view.switching is not None]  # fmt: skip


def check_best(judged: Any, brute: Brute) -> None:
    state = judged.best.state
    assert state is not None
    assert brute.W(state) == brute.best(brute.limit)
    low = [i for i in range(len(brute.N)) if brute.s2 * brute.D[i] <= brute.noise]
    assert judged.whole_low == all(state[i] in (0, brute.N[i]) for i in low)
    rulings = {row.claim: row for row in judged.rulings}
    positive = brute.U(brute.eps[state], brute.s2) > 0
    assert rulings["S-L1"].applies is positive
    # What only participants have; with buyers nobody loses unless the utility is negative.
    served = {k: sum(k) * brute.U(brute.eps[k], brute.s2) - brute.cost(k) for k in brute.allowed(brute.limit)}
    if rulings["S-P3"].applies:
        assert rulings["S-P3"].slack == brute.best(brute.limit) - max(served.values()) >= 0
    check_buyers(rulings, brute, state)
    balance = rulings["S-T3-BALANCE"]
    assert balance.premises[0].holds is (brute.best(brute.limit) > 0)
    if balance.applies:
        assert judged.mechanism is not None
        k = judged.mechanism.target
        price, rewards = judged.mechanism.price(k), judged.mechanism.rewards(k)
        assert sum((n * r for n, r in zip(k, rewards, strict=True)), F(0)) == (sum(brute.N) - sum(k)) * price
    assert rulings["S-P1-LOW"].applies in (True, False)
    assert rulings.keys() <= fm.claims().keys()


def check_buyers(rulings: dict[str, Any], brute: Brute, state: tuple[int, ...]) -> None:
    """Client by client, by the formulas of the averages."""

    def errors(taking: tuple[int, ...]) -> tuple[F, F]:
        own = [brute.noise / F(size) for k, size in zip(taking, brute.D, strict=True) for _ in range(k)]
        least = averaged_error(least_error_shares(own, brute.s2), own, brute.s2, "buyer")
        return averaged_error(shares(own), own, brute.s2, "buyer"), least

    plain, least = errors(state)
    row = rulings["F-3-WEIGHTS"]
    assert row.holds
    assert row.attained == (Between.exactly(least / plain) if plain else None)
    more = [(*state[:i], k + 1, *state[i + 1 :]) for i, k in enumerate(state) if k < brute.N[i]]
    row = rulings["F-T1-WEIGHTS"]
    assert row.applies is bool(more and least > brute.s2)
    if row.applies:
        left = max(errors(taking)[1] - brute.s2 for taking in more) / (least - brute.s2)
        assert (row.attained, row.holds) == (Between.exactly(left), True)
    row = rulings["F-BUYER-SWAN"]
    if row.applies:
        assert row.attained == Between.exactly(brute.U(brute.eps[state], brute.s2) - brute.U(plain, brute.s2))
        assert row.attained.low > 0
    else:
        assert brute.s2 == 0 or brute.U(plain, brute.s2) == brute.U(brute.eps[state], brute.s2)


def check_changes(judged: Any, brute: Brute, count: Counter) -> None:
    found = judged.present
    if found.aligned:
        assert judged.requirement_limit is None
        assert not judged.cost_changes
        return
    ahead = [brute.eps[k] for k in brute.allowed(brute.limit) if brute.W(k) > brute.best(brute.least)]
    assert judged.requirement_limit == min(ahead)
    count["limit"] += len(set(ahead)) > 1
    assert not brute.aligned(min(ahead))
    assert [change.type for change in judged.cost_changes] == [*(i for i, n in enumerate(brute.N) if n), None]
    only = sum(e == brute.least for e in brute.eps.values()) == 1
    for change in judged.cost_changes:
        assert change.searched
        i, start = change.type, F(1) if change.type is None else brute.c[change.type]
        load = brute.cost if i is None else lambda k, i=i: F(k[i])
        there = brute.interval(change.kept, brute.limit, load, start)
        if change.value is None:
            count["no cost"] += 1
            assert there is None
            continue
        count["cost"] += 1
        costs = [c * change.value if i is None else change.value if j == i else c for j, c in enumerate(brute.c)]
        moved = Brute.__new__(Brute)
        moved.__dict__ |= vars(brute) | {"c": costs}
        assert moved.aligned(brute.limit)
        if only:
            assert there is not None
            low, high = there
            nearest = low if low > 0 or high is None else min(high, F(0))
            assert change.value - start == nearest


@pytest.mark.parametrize("markets", thorough([10, 50], (50).__eq__))
def test_utilities_that_leave_intervals(markets: int) -> None:
    """Decided as fifty digits decide it, and never the other way round; what is left open is a tie to all of them."""
    draw, count = random.Random(5), Counter()
    with mpmath.workdps(60):
        for _ in range(some(markets)):
            document, brute = drawn(draw, IRRATIONAL)
            # mpmath's own fractions of the exact errors.
            U = brute.U
            brute.U = lambda e, s2, U=U: U(mpmath.mpf(e.numerator) / e.denominator, s2)
            brute.cost = lambda k, brute=brute: sum(  # pyright: ignore[reportAttributeAccessIssue]
                (n * mpmath.mpf(c.numerator) / c.denominator for n, c in zip(k, brute.c, strict=True)), mpmath.mpf(0)
            )
            judged = judge(fm.SharingMarket.from_document(document))
            assert not judged.contradictions
            for found, limit in ((judged.free, None), (judged.required, brute.limit)):
                if found is None or judged.infeasible:
                    continue
                aside = max(brute.W(k) for k in brute.allowed(brute.least))
                ahead = max(brute.W(k) - aside for k in brute.allowed(limit))
                count[found.aligned] += 1
                if found.aligned is None:
                    assert abs(ahead) < mpmath.mpf(10) ** -50
                else:
                    assert found.aligned is bool(ahead <= mpmath.mpf(10) ** -50), document
                    assert found.decided == "certified"
            for change in judged.cost_changes:
                if change.value is not None:
                    count["cost"] += 1
                    types = [
                        row
                        | {
                            "cost": str(
                                change.value
                                if change.type == i
                                else F(row["cost"]) * (change.value if change.type is None else 1)
                            )
                        }
                        for i, row in enumerate(document["types"])
                    ]
                    assert judge(fm.SharingMarket.from_document(document | {"types": types})).present.aligned
    assert markets < 50 or min(count[True], count[False], count["cost"]) >= some(8), count


def test_a_tie_of_welfare_is_alignment_and_a_hair_less_is_not() -> None:
    """One type of two clients: the second gains 2 (eps_1 - eps_2) = 1/2 at size 2, which is its cost or a little more."""
    tied = judge(build(sizes=[2], counts=[2], costs=["1/2"]))
    assert (tied.aligned, tied.conditions["17"].holds) == (True, True)
    dear = judge(build(sizes=[2], counts=[2], costs=["0.50000000000001"]))
    assert (dear.aligned, dear.conditions["17"].holds, dear.best.state) == (False, False, (1,))
    assert [(change.type, change.value) for change in dear.cost_changes] == [
        (0, F(1, 2)),
        (None, F(1, 2) / F("0.50000000000001")),
    ]
    assert dear.requirement_limit == F(1, 2)
    assert dear.conditions["16"].joins == 0
    for limit, aligned in ((F(1, 2), False), (F(1, 2) - F(1, 10**30), True)):
        assert (
            judge(build(sizes=[2], counts=[2], costs=["0.50000000000001"], max_error=limit)).required.aligned is aligned
        )


def test_it_reads_well() -> None:
    judged = judge(build(max_error="1/4"), state=(1, 0, 0))
    text = str(judged)
    for words in (
        "without a requirement",
        "error at most 0.25",
        "Types at the state given",
        "Either makes them coincide",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 80
    assert "<table>" in judged._repr_html_()
    assert set(judged.frame()["claim"]) == {row.claim for row in judged.rulings}


def test_one_client_alone_and_no_data_variance() -> None:
    alone = judge(build(sizes=[3], counts=[1], costs=[1]))
    assert alone.aligned
    assert (alone.views[0].pattern, alone.views[0].remaining) == ("all", 0)
    without = judge(build(data_variance=0, client_variance=1))
    assert {view.region for view in without.views} == {"III"}
    assert not any(view.low for view in without.views)
    nothing = judge(build(data_variance=0, costs=[0, 0, 0]))
    assert {view.region for view in nothing.views} == {"II"}
    assert nothing.aligned


def test_at_the_boundary_of_high_and_low() -> None:
    """theta = 1/5 exactly: the type of size 5 is low, and no count switches it; a hair more, and it is high."""
    view = {each.index: each for each in judge(build(client_variance="1/5")).views}
    assert (view[1].low, view[1].switching) == (True, None)
    above = {each.index: each for each in judge(build(client_variance="0.2000001")).views}
    assert not above[1].low


def test_the_claims_of_a_market_with_high_clients() -> None:
    judged = judge(build(client_variance=2))
    rulings = {row.claim: row for row in judged.rulings}
    assert rulings["F-HIGH-ALONE"].holds
    assert sum(judged.best.state) == 1
    assert next((p.says, p.by) for p in rulings["S-P1-LOW"].premises if p.holds is False) == ("every type is low", "t1")
    assert judged.high_stationary is False


def test_a_constant_utility_falls_nowhere_strictly() -> None:
    judged = judge(build(utility={"expression": "1"}))
    (row,) = (row for row in judged.rulings if row.claim == "F-HIGH-ALONE")
    assert row.applies is False
    assert judged.aligned is (judged.best.error == judged.free.least.error)


def test_a_utility_that_is_none_beyond_the_requirement() -> None:
    """Rising above 1/4, and errors go to 1/2: with the requirement it is decided, without it is no market."""
    market = build(utility={"expression": "(eps - 1/4)**2"}, costs=[0, 0, 0], max_error="1/5")
    judged = judge(market)
    assert judged.free is None
    assert judged.aligned is None
    assert judged.required.aligned is True
    with pytest.raises(fm.InputError, match="must fall with the error"):
        judge(market.with_max_error(None))


def test_what_cannot_be_judged() -> None:
    market = build()
    with pytest.raises(fm.InputError, match="without mechanisms"):
        judge(market, ["singer"])
    with pytest.raises(fm.InputError, match="not a state"):
        judge(market, state=(9, 0, 0))
    with pytest.raises(fm.InputError, match="no coalition"):
        judge(market, state=(0, 0, 0))
    table = {k: F(1) for k in itertools.product(range(4), range(3), range(3)) if any(k)}
    with pytest.raises(fm.InputError, match="measured"):
        judge(MeasuredMarket.of(market, table))


def test_too_many_joins_are_left_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    free = build(costs=[0, 0, 0])
    joins = judge(free).conditions["17"].joins
    monkeypatch.setattr(sharing, "MOST_JOINS", joins)
    assert judge(free).conditions["17"].holds is True
    monkeypatch.setattr(sharing, "MOST_JOINS", joins - 1)
    cut = judge(free)
    assert cut.conditions["17"].holds is None
    assert not cut.complete


def test_patterns_are_looked_at_up_to_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    market = build(utility={"family": "inverse-gap", "a": 1, "p": 1})
    judged = judge(market)
    # A state that is no pattern, with the welfare of the best one: only the patterns tell that one of them is as good.
    mixed = best_state.BestState(market, replace(judged.best, state=(1, 1, 0)), Control())
    patterns = count_patterns(market)
    for most, holds in ((patterns, True), (patterns - 1, None)):
        monkeypatch.setattr(best_state, "MOST_CANDIDATES", most)
        assert mixed.whole(judged.assumptions).holds is holds


def test_changes_are_searched_for_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    market = build()
    found, usual = judge(market).free, judge(market).cost_changes
    for place, wanted in enumerate(usual):
        assert wanted.searched
        for most in range(alignment.MOST_CUTS):
            monkeypatch.setattr(alignment, "MOST_CUTS", most)
            tried = list(alignment.changes(market, found, Control()))[place]
            if tried.searched:
                break
            assert tried.value is None
        assert most > 0
        assert tried == wanted
        monkeypatch.undo()


@pytest.mark.parametrize("utility", [{"family": "linear", "a": 2, "s": 1}, {"family": "exponential", "a": 2, "s": 3}])
def test_both_sides_of_every_threshold_say_the_same(utility: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    market = build(utility=utility, counts=[2, 2, 1])
    usual = judge(market)
    assert usual.aligned is False
    assert usual.cost_changes
    for name, value in (("MOST_LISTED", 0), ("MOST_COMPARED", 0)):
        monkeypatch.setattr(alignment, name, value)
    monkeypatch.setattr(best_state, "MOST_STATES", 0)
    other = judge(market)
    assert (other.aligned, other.requirement_limit) == (usual.aligned, usual.requirement_limit)
    assert [(c.type, c.value) for c in other.cost_changes] == [(c.type, c.value) for c in usual.cost_changes]
    assert [(row.claim, row.holds) for row in other.rulings] == [(row.claim, row.holds) for row in usual.rulings]
    # Aligned, and too many states to compare each: what the search says is all there is.
    near = judge(build(utility=utility, counts=[2, 2, 1], costs=[0, 0, 0]))
    assert (near.aligned, near.free.decided) == (True, "exact" if utility["family"] == "linear" else "nearly")


LARGE = build(counts=[400, 300, 200], costs=["0.0001", "0.001", "0.01"])


@pytest.mark.thorough
def test_large_markets() -> None:
    judged = judge(LARGE, time_limit=60)
    assert judged.aligned is False
    assert judged.free.best.exactness == judged.free.least.exactness == "checked"
    assert judged.requirement_limit is not None
    for limit, aligned in ((judged.requirement_limit, False), (judged.requirement_limit - F(1, 10**40), True)):
        assert judge(LARGE.with_max_error(limit), time_limit=60).required.aligned is aligned


def test_a_large_market_in_no_time() -> None:
    none = judge(LARGE, time_limit=0)
    assert none.stopped
    assert not none.complete
    assert none.best.status == "feasible"
    assert none.aligned in (None, False)


def test_a_high_crowd_would_contradict() -> None:
    market = build(client_variance=2, costs=[0, 0, 0])
    best = fm.solve(market)
    crowd = replace(best, state=(1, 1, 0), error=market.error((1, 1, 0)))
    row = best_state.BestState(market, crowd, Control()).alone()
    assert row.contradicted
    assert row.made_by == {"type": "t1"}


def test_bounds_decide_where_optima_are_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of least error is only bounded; where that bound is below a state that was found, the two do not coincide."""
    plain: Any = solve_social_state

    def weakened(by: int) -> Callable[..., Any]:
        def solve(market: fm.SharingMarket, *words: Any, **options: Any) -> Any:
            found = plain(market, *words, **options)
            at_least = market.max_error is not None
            return (
                replace(found, status="feasible", stopped="time-limit", bound=found.bound + by) if at_least else found
            )

        return solve

    for utility, word in (
        ({"family": "linear", "a": 2, "s": 1}, "exact"),
        ({"expression": "3 - sqrt(eps)"}, "certified"),
    ):
        market = build(utility=utility, costs=[0, 0, 50])
        for by, aligned, decided in ((0, False, word), (1000, None, None)):
            monkeypatch.setattr(alignment, "solve_social_state", weakened(by))
            found = judge(market).free
            assert found is not None
            assert (found.aligned, found.decided) == (aligned, decided)


def test_buyers_where_nothing_varies_everybody_takes_part_or_the_utility_ends() -> None:
    def rows(**changed: Any) -> dict[str, Any]:
        return {row.claim: row for row in judge(build(**changed)).rulings}

    alike = rows(data_variance=0, client_variance=0)
    assert (alike["F-3-WEIGHTS"].holds, alike["F-3-WEIGHTS"].attained) == (True, None)
    assert (alike["F-T1-WEIGHTS"].applies, alike["F-BUYER-SWAN"].applies) == (False, False)
    everybody = rows(sizes=[3], counts=[1], costs=[0], client_variance="1/10")
    assert everybody["F-T1-WEIGHTS"].applies is False
    # One of s or the noise is enough.
    assert rows(data_variance=0, client_variance="1/10")["F-3-WEIGHTS"].attained == Between.exactly(F(1))
    assert rows(client_variance=0)["F-T1-WEIGHTS"].made_by["type"] == "t1"
    short = {"expression": "sqrt(3/20 - eps)"}
    ends = rows(data_variance="1/10", client_variance="1/10", costs=[1, 1, 1], utility=short)["F-BUYER-SWAN"]
    assert ends.applies is False
    assert [p.says for p in ends.premises if p.holds is False] == ["the utility is defined at a buyer's error"]
