"""Proofs by two whole numbers: the least bound each checker accepts is the one that going through all counts gives."""

from __future__ import annotations

import json
import random
from collections import Counter
from fractions import Fraction
from math import gcd
from typing import Any

import kinds as oracle
import numpy as np
import pytest
from fedmech import Market
from fedmech.solvers.proofs import lattice, tree
from fedmech.solvers.proofs.document import check_document, write_document
from fedmech.solvers.proofs.proof import Proof, ProofError, ProofTooLarge, check_bound

CHECKERS = ("reference", "arrays")
Body = dict[str, Any]


def refusal(market: Market, bound: Any, body: Any, checker: str | None = None, problem: str = "opt") -> str | None:
    try:
        lattice.check_bound(Proof(problem, "lattice", bound, body), market, lambda: None, checker)
    except ProofError as error:
        return str(error)
    return None


def accepted(market: Market, bound: int, body: Body, problem: str = "opt") -> bool:
    """Whether both checkers accept; they say the same."""
    said = [refusal(market, bound, body, checker, problem) for checker in CHECKERS]
    assert said[0] == said[1]
    return said[0] is None


def drawn(seed: int) -> tuple[Market, Body]:
    """Multiples of two workers, or scores on two lines, and some worth nothing beyond their cost; cuts by any prices; both types."""
    rng = random.Random(seed)
    n, up, dear = rng.randint(0, 8), rng.choice([1, 1, 3, 2**62]), rng.choice([1, 1, 4, 2**62])
    spans, scale, price = rng.random() < 0.5, rng.randint(1, 2), rng.randint(0, 2)
    gains = [rng.randint(1, 9) for _ in range(2)]
    each = [rng.randint(0, 6) for _ in range(2)]
    if spans:
        scale, price = 1, 0
        drawn_as = [(rng.randrange(2), rng.randint(1, 4)) for _ in range(n)]
        rows = [(gains[kind] * times, each[kind] * times) for kind, times in drawn_as]
    else:
        costs = [scale * rng.randint(0, 9) for _ in range(n)]
        gains = [scale * gain for gain in gains]
        rows = [(max(1, price * c // scale + rng.choice([0, *gains]) // scale), c) for c in costs]
    money = rng.choice([0, sum(c for _, c in rows) // 2, rng.randint(0, 30)]) * dear + rng.choice([0, dear // 2])
    m, groups = rng.randint(1, 2), rng.randint(1, 2)
    market = Market.build(
        scores=[v * up for v, _ in rows],
        costs=[c * dear for _, c in rows],
        groups=[rng.randrange(groups) for _ in rows],
        group_ids=range(groups),
        budgets=[money // m + (j < money % m) for j in range(m)],
        caps=[[rng.choice([None, 1, 2])] * m for _ in range(groups)],
        seats=rng.choice([None, [rng.randint(0, 3)] * m]),
    )
    body = {
        "scale": scale * dear,
        "price": price * up,
        "kinds": [[gain * up * dear, None] for gain in gains],
        "cuts": [],
    }
    if spans:
        body.update(scale=1, kinds=[[gain * up, cost * dear] for gain, cost in zip(gains, each, strict=True)])
    counts = counted(market, body)
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        if counts is None:
            break
        cut = {"first": rng.randint(0, 5), "second": rng.randint(0, 5), "within": None, "kind": "tree"}
        cut["within"] = rng.choice([None, None, rng.randint(0, 6)])
        multipliers = {
            "scale": rng.randint(1, 3),
            "count": rng.choice([0, 0, 1]),
            "money": [rng.choice([0, 0, 1])],
            "levels": [],
            "places": [[rng.randint(0, 4) for _ in range(groups)]],
        }
        cut["body"] = {"purses": 1, "nodes": [{"multipliers": multipliers}]}
        cut["bound"] = least_of_cut(market, counts, cut)
        body["cuts"].append(cut)
    return market, body


def counted(market: Market, body: Body) -> list[tuple[int, int]] | None:
    """How often each worker counts; None where one is of neither kind."""
    money, counts = sum(market.scaled.budgets.tolist()), []
    for v, c in zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), strict=True):
        excess = body["scale"] * v - body["price"] * c
        if excess <= 0 or c > money:
            counts.append((0, 0))
            continue
        fitting = [
            (kind, excess // gain)
            for kind, (gain, each) in enumerate(body["kinds"])
            if excess % gain == 0 and (each is None or c == excess // gain * each)
        ]
        if not fitting:
            return None
        counts.append((fitting[0][1], 0) if fitting[0][0] == 0 else (0, fitting[0][1]))
    return counts


def least_of_cut(market: Market, counts: list[tuple[int, int]], cut: Body) -> int:
    """The least bound that the proof of a cut shows."""
    scores = np.array([cut["first"] * one + cut["second"] * two for one, two in counts], dtype=np.int64)
    other = market.with_scaled(scores=scores)
    if cut["within"] is not None:
        money = np.array([cut["within"]] + [0] * (market.m - 1))
        other = other.with_scaled(costs=np.array([one for one, _ in counts], dtype=np.int64), budgets=money)

    def shown(bound: int) -> bool:
        try:
            tree.check_bound(Proof("opt", "tree", bound, cut["body"]), other, lambda: None)
        except ProofError:
            return False
        return True

    low, high = -1, 1
    while not shown(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def least_bound(market: Market, body: Body) -> int | None:
    """The bound by all pairs of counts; None where a worker is of neither kind."""
    counts = counted(market, body)
    if counts is None:
        return None
    money = sum(market.scaled.budgets.tolist())
    rows = zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), strict=True)
    rows = [(v, c) for v, c in rows if c <= money]
    if not rows:
        return 0
    unit = gcd(*(c for _, c in rows))
    money = min(money // unit * unit, sum(c for _, c in rows)) if unit else 0
    (one, _), (two, _) = body["kinds"]
    most = max(
        one * first + two * second
        for first in range(sum(a for a, _ in counts) + 1)
        for second in range(sum(b for _, b in counts) + 1)
        if all(
            (cut["within"] is not None and first > cut["within"])
            or cut["first"] * first + cut["second"] * second <= cut["bound"]
            for cut in body["cuts"]
        )
    )
    step = gcd(*(v for v, _ in rows))
    return (body["price"] * money + most) // body["scale"] // step * step


def test_the_least_bound_that_is_accepted() -> None:
    sorts: Counter[str] = Counter()
    for seed in range(140):
        market, body = drawn(seed)
        least = least_bound(market, body)
        if least is None:
            assert not accepted(market, 10**60, body)
            sorts["neither"] += 1
            continue
        sorts[f"{market.scaled.scores.dtype}, {market.scaled.needed_costs.dtype}"] += 1
        assert accepted(market, least, body), seed
        assert accepted(market, least + 1, body)
        assert accepted(market, least, body, "opt-sep")
        assert not accepted(market, least - 1, body), seed
        if body["cuts"]:
            body["cuts"][-1]["bound"] -= 1
            assert not accepted(market, 10**60, body) or body["cuts"][-1]["bound"] < 0
    assert min(sorts.values()) > 5
    assert len(sorts) == 5


def test_nothing_below_the_optimum_is_accepted() -> None:
    rng = random.Random(2)
    taken = 0
    for seed in range(40):
        market, body = drawn(seed)
        best = oracle.opt(oracle.Kinds.of(market))
        for _ in range(6):
            forged = json.loads(json.dumps(body))
            part = rng.choice([forged, *forged["cuts"]])
            for name in [name for name, value in part.items() if type(value) is int]:
                part[name] = max(0, part[name] + rng.randint(-1, 1))
            forged["kinds"][rng.randrange(2)][0] += rng.choice([0, 0, 1])
            taken += accepted(market, 10**40, forged)
            for bound in (best - 1, best // 2, -1):
                assert bound == best or not accepted(market, bound, forged), (seed, forged)
    assert taken > 15


GOOD: Body = {
    "scale": 1,
    "price": 0,
    "kinds": [[3, 2], [5, 3]],
    "cuts": [
        {
            "first": 2,
            "second": 3,
            "bound": 10,
            "within": None,
            "kind": "tree",
            "body": {
                "purses": 1,
                "nodes": [{"multipliers": {"scale": 1, "count": 0, "money": [1], "levels": [], "places": [[0]]}}],
            },
        }
    ],
}
"""Of `plain`: 2 F_1 + 3 F_2 <= 10, so 3 F_1 + 5 F_2 is at most 16, at (2, 2)."""


def plain() -> Market:
    return Market.build(scores=[3, 6, 9, 5, 10], costs=[2, 4, 6, 3, 6], budgets=[10])


def changed(**more: Any) -> Body:
    return {**GOOD, **more}


def cut(**more: Any) -> Body:
    return changed(cuts=[{**GOOD["cuts"][0], **more}])


@pytest.mark.parametrize(
    ("bound", "body", "said"),
    [
        (Fraction(99), GOOD, "integer bound"),
        (15, GOOD, "worth more than the bound"),
        (99, {}, "and nothing else"),
        (99, changed(more=1), "and nothing else"),
        (99, changed(scale=0), "0: must be a whole number, at least 1"),
        (99, changed(scale=True), "True: must be a whole number"),
        (99, changed(price=-1), "-1: must be a whole number, at least 0"),
        (99, changed(price=1.0), "1.0: must be a whole number"),
        (99, changed(kinds=((3, 2), (5, 3))), "two pairs"),
        (99, changed(kinds=[[3, 2]]), "two pairs"),
        (99, changed(kinds=[[3, 2], [5, 3], [1, 1]]), "two pairs"),
        (99, changed(kinds=[[3, 2], (5, 3)]), "two pairs"),
        (99, changed(kinds=[[3, 2], [5]]), "two pairs"),
        (99, changed(kinds=[[3, 2], [0, 3]]), "0: must be a whole number, at least 1"),
        (99, changed(kinds=[[3, -2], [5, 3]]), "-2: must be a whole number, at least 0"),
        (99, changed(kinds=[[3, 2], [5, "3"]]), "'3': must be a whole number"),
        (99, changed(kinds=[[3, 2], [7, 3]]), "worker 3 is of neither kind"),
        (99, changed(kinds=[[3, 2], [5, 4]]), "worker 3 is of neither kind"),
        (99, changed(kinds=[[6, 4], [5, 3]]), "worker 0 is of neither kind"),
        (99, changed(kinds=[[3, 2], [2**70, None]]), "worker 3 is of neither kind"),
        (99, changed(kinds=[[2**70, None], [5, 3]]), "worker 0 is of neither kind"),
        (99, changed(cuts={}), "must be a list"),
        (99, changed(cuts=[[]]), "a cut has"),
        (99, cut(more=1), "a cut has"),
        (99, cut(first=-1), "-1: must be a whole number, at least 0"),
        (99, cut(second=2.0), "2.0: must be a whole number"),
        (99, cut(bound=-1), "-1: must be a whole number, at least 0"),
        (99, cut(within=-1), "-1: must be a whole number, at least 0"),
        (99, cut(within=1.0), "1.0: must be a whole number"),
        (99, cut(bound=9), "may hold something better"),
        (99, cut(first=3), "may hold something better"),
        (99, cut(kind="lattice", body=GOOD), "one of tree, dynamic"),
        (99, cut(kind="staircase"), "one of tree, dynamic"),
        (99, cut(kind=["tree"]), "one of tree, dynamic"),
        (99, cut(body=[]), "one of tree, dynamic"),
        (99, cut(body={}), "a tree has"),
    ],
)
def test_what_is_no_lattice(bound: Any, body: Any, said: str) -> None:
    market = plain()
    assert refusal(market, 16, GOOD) is None
    assert refusal(market, 16, changed(kinds=[[3, None], [5, None]])) is None
    for checker in (None, *CHECKERS):
        assert said in (refusal(market, bound, body, checker) or "")


def test_of_which_problems() -> None:
    for problem in ("orp", "cover", "opt-frac"):
        assert "opt or opt-sep" in (refusal(plain(), 99, GOOD, None, problem) or "")
    unpaid = Market.build(scores=[3, 6], bids=[2, 4], budgets=[10])
    assert "with costs" in (refusal(unpaid, 99, GOOD) or "")


def test_a_document_of_it() -> None:
    market = plain()
    document = write_document(market, np.array([-1, 0, -1, -1, 0]), 16, Proof("opt", "lattice", 16, GOOD))
    read = json.loads(json.dumps(document))
    assert check_document(read, market).optimal
    with pytest.raises(ProofError):
        check_document({**read, "bound": 15}, market)


@pytest.mark.parametrize("size", [399, 400, 401])
def test_at_the_number_from_which_arrays_check(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [1 + i * i % 7 for i in range(size)]
    market = Market.build(scores=[3 * f for f in times], costs=[2 * f for f in times], budgets=[7])
    body = changed(cuts=[{**GOOD["cuts"][0], "bound": 7}])
    used = []
    for name in ("by_lists", "by_arrays", "reached_in_loop", "reached_in_arrays"):
        honest = getattr(lattice, name)
        monkeypatch.setattr(lattice, name, lambda *given, n=name, f=honest: (used.append(n), f(*given))[1])
    check_bound(Proof("opt", "lattice", 11, body), market)
    assert used == (
        ["by_lists", "reached_in_loop"] if size <= lattice.FEW_WORKERS else ["by_arrays", "reached_in_arrays"]
    )
    assert not accepted(market, 8, body)


@pytest.mark.parametrize("name", CHECKERS)
def test_how_many_counts_are_gone_through(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers are of the first kind, which is worth 3 at a cost of 2 each: F_1 from 0 to 9."""
    market = Market.build(scores=[3 * f for f in (1, 2, 3, 3)], costs=[2 * f for f in (1, 2, 3, 3)], budgets=[18])
    looks: list[int] = []
    proof = Proof("opt", "lattice", 27, changed(cuts=[]))
    loose = {"first": 0, "second": 0, "bound": 0, "within": None, "kind": "tree", "body": GOOD["cuts"][0]["body"]}
    for chunk, times in ((1, 3), (2, 2), (3, 1), (4, 1)):
        monkeypatch.setattr(lattice, "CHUNK", chunk)
        looks.clear()
        some = range(5, 8)
        found = {"reference": lattice.reached_in_loop, "arrays": lattice.reached_in_arrays}[name]
        assert not found(some, 3, 5, 22, [], 0, lambda: looks.append(1))
        assert len(looks) == (3 if name == "reference" else times)
        for need, one in ((21, True), (22, False)):
            assert found(some, 3, 5, need, [], 0, lambda: None) == one
    monkeypatch.setattr(lattice, "MOST_COUNTS", 1)
    weak = Proof("opt", "lattice", 23, changed(cuts=[loose]))
    with pytest.raises(ProofTooLarge):
        lattice.check_bound(weak, market, lambda: None, name)
    lattice.check_bound(proof, market, lambda: None, name)
    monkeypatch.setattr(lattice, "MOST_COUNTS", 2)
    with pytest.raises(ProofError, match="worth more"):
        lattice.check_bound(weak, market, lambda: None, name)


def test_how_many_cuts() -> None:
    market = plain()
    for most, taken in ((lattice.MOST_CUTS, True), (lattice.MOST_CUTS + 1, False)):
        assert accepted(market, 16, changed(cuts=GOOD["cuts"] * most)) == taken


@pytest.mark.parametrize(
    ("largest", "stop", "one", "two", "need", "cut", "second"),
    [
        (60, 5, 2, 6, 41, (1, 2, 20), 10),
        (99, 5, 2, 6, 99, (1, 2, 20), 10),
        (90, 10, 9, 2, 41, (1, 2, 20), 10),
        (77, 5, 1, 77, 41, (1, 2, 20), 0),
        (70, 5, 2, 3, 41, (1, 2, 70), 10),
        (80, 5, 2, 3, 41, (16, 2, 20), 10),
        (66, 5, 2, 3, 41, (1, 66, 20), 10),
    ],
)
def test_where_64_bits_end(
    largest: int,
    stop: int,
    one: int,
    two: int,
    need: int,
    cut: tuple[int, int, int],
    second: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One after the other is the largest of all numbers."""
    seen: list[Any] = []
    honest = np.full
    monkeypatch.setattr(np, "full", lambda *given, **more: seen.append(more.get("dtype")) or honest(*given, **more))
    some = [lattice.ProvedCut(*cut, None, "tree", {})]
    for word in (largest, largest + 1):
        monkeypatch.setattr(lattice, "WORD", word)
        found = lattice.reached_in_arrays(range(stop), one, two, need, some, second, lambda: None)
        assert found == lattice.reached_in_loop(range(stop), one, two, need, some, second, lambda: None)
    assert seen == [object, np.int64]


def test_cuts_for_some_counts() -> None:
    """A cut within 3 leaves what is above as it is, whatever part of the counts is looked at."""
    for within in range(-1, 12):
        some = [lattice.ProvedCut(0, 1, 0, within, "tree", {}), lattice.ProvedCut(1, 1, 12, None, "tree", {})]
        for begin in range(10):
            for need in range(2, 40):
                said = [
                    reached(range(begin, 10), 1, 3, need, some, 5, lambda: None)
                    for reached in (lattice.reached_in_loop, lattice.reached_in_arrays)
                ]
                most = max(k + 3 * (0 if k <= within else min(5, 12 - k)) for k in range(begin, 10))
                assert said == [most >= need] * 2
    # Nothing is left where a cut is exceeded by the first count alone: no second count makes up for that.
    none = [lattice.ProvedCut(2, 1, 1, 9, "tree", {})]
    for reached in (lattice.reached_in_loop, lattice.reached_in_arrays):
        assert not reached(range(1, 5), 10, 1, 5, none, 5, lambda: None)
        assert reached(range(5), 10, 1, 1, none, 5, lambda: None)
        assert reached(range(5), 10, 1, 0, [lattice.ProvedCut(0, 1, 0, None, "tree", {})], 5, lambda: None)


def test_who_is_worth_its_cost_counts_in_no_kind() -> None:
    market = Market.build(scores=[3, 4, 5], costs=[3, 4, 2], budgets=[9])
    body = changed(price=1, kinds=[[3, 2], [7, 1]], cuts=[])
    assert accepted(market, 9 + 3, body)
    assert not accepted(market, 9 + 2, body)


def test_numbers_beyond_a_word() -> None:
    """A score of 2**61 and a cut of numbers that do not fit."""
    far = 1 << 61
    market = Market.build(scores=[3 * far, 6 * far, 5 * far], costs=[2, 4, 3], budgets=[7])
    body = changed(kinds=[[3 * far, 2], [5 * far, 3]])
    body["cuts"] = [{**GOOD["cuts"][0], "first": 2 * far, "second": 3 * far, "bound": 7 * far}]
    nodes = [{"multipliers": {"scale": 1, "count": 0, "money": [far], "levels": [], "places": [[0]]}}]
    body["cuts"][0]["body"] = {"purses": 1, "nodes": nodes}
    assert accepted(market, 11 * far, body)
    assert not accepted(market, 11 * far - 1, body)


@pytest.mark.parametrize(
    ("cuts", "need", "some"),
    [
        ([], 0, range(10)),
        ([], 50, range(10)),
        ([], 51, range(1, 10)),
        ([], 53, range(1, 10)),
        ([], 54, range(2, 10)),
        ([], 77, range(9, 10)),
        ([], 78, range(10, 10)),
        ([(3, 0, 10)], 0, range(4)),
        ([(2, 3, 10)], 0, range(6)),
        ([(2, 3, 10)], 16, range(3)),
        ([(2, 3, 10)], 17, range(0)),
        ([(3, 5, 10)], 10, range(4)),
        ([(3, 5, 10)], 11, range(0)),
        ([(0, 3, 3)], 8, range(1, 10)),
    ],
)
def test_which_counts_are_in_question(cuts: list[tuple[int, int, int]], need: int, some: range) -> None:
    """First counts worth 3 up to 9, second ones worth 5 up to 10."""
    read = [lattice.ProvedCut(*cut, None, "tree", {}) for cut in cuts]
    assert list(lattice.in_question(3, 5, need, read, 9, 10)) == list(some)


def test_a_cut_as_steep_as_the_worth_leaves_all_or_nothing() -> None:
    some = [lattice.ProvedCut(2, 1, 7, None, "tree", {})]
    assert list(lattice.in_question(2, 1, 7, some, 9, 10)) == [0, 1, 2, 3]
    assert list(lattice.in_question(2, 1, 8, some, 9, 10)) == []
    assert list(lattice.in_question(3, 1, 9, some, 9, 10)) == [2, 3]


def test_the_clock_is_looked_at() -> None:
    for checker in CHECKERS:
        looks: list[int] = []
        lattice.check_bound(Proof("opt", "lattice", 16, GOOD), plain(), lambda looks=looks: looks.append(1), checker)
        assert len(looks) >= 2
