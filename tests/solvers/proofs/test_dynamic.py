"""Proofs by a dynamic program over money: whatever the body says, nothing is accepted below the optimum."""

from __future__ import annotations

import itertools
import random
from typing import Any

import kinds as oracle
import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by
from fedmech import Market, solve
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.proofs import dynamic
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound
from hypothesis import given, settings
from jooken import clustered


def refusal(market: Market, bound: Any, body: Any, problem: str = "opt") -> str | None:
    try:
        check_bound(Proof(problem, "dynamic", bound, body), market)
    except ProofError as error:
        return str(error)
    return None


def body(
    market: Market, cells: list[int], scale: int = 1, price: int = 0, places: list[int] | None = None
) -> dict[str, Any]:
    return {"scale": scale, "price": price, "places": places or [0] * market.L, "cells": cells}


def drawn(rng: Numbers) -> Market:
    """Ties, zeros, several requesters with caps and seats, columns of either type, each for itself."""
    n, groups, requesters, top = rng.randint(1, 12), rng.randint(1, 3), rng.randint(1, 3), rng.choice([3, 9, 60])
    scores, costs = ([rng.randint(low, top) for _ in range(n)] for low in (1, 0))
    if rng.random() < 0.3:
        scores = [c + top for c in costs]
    up, dear = rng.choice([1, 1, 6, 2**62]), rng.choice([1, 1, 4, 2**62])
    return Market.build(
        scores=[v * up for v in scores],
        costs=[c * dear for c in costs],
        groups=[rng.randrange(groups) for _ in range(n)],
        group_ids=range(groups),
        budgets=[rng.randint(0, n * top // 3) * dear + rng.randrange(dear) for _ in range(requesters)],
        caps=[[rng.choice([None, 0, 1, 2, 5]) for _ in range(requesters)] for _ in range(groups)],
        seats=[rng.choice([None, None, 0, 1, 4]) for _ in range(requesters)],
    )


def relaxed(market: Market) -> int:
    """The optimum with one budget and the limits that each group has for itself."""
    case = oracle.Kinds.of(market)
    limits = [sum(min(cap, seat) for cap, seat in zip(row, case.seats, strict=True)) for row in case.caps]
    return oracle.opt(oracle.Kinds(case.kinds, [sum(case.budgets)], [[k] for k in limits], [market.n]))


CELLS = ([0], [1, 0], [2, 1, 0], [7, 0], [1000, 0])


@settings(max_examples=some(200))
@given(market=made_by(drawn), rng=generators)
def test_accepted_at_the_relaxed_optimum_and_never_below(market: Market, rng: Numbers) -> None:
    best, unit = relaxed(market), int(np.gcd.reduce(market.scaled.scores))
    assert oracle.opt(oracle.Kinds.of(market)) <= best
    said = body(
        market,
        rng.choice(CELLS),
        rng.randint(1, 4),
        rng.randint(0, 4),
        [rng.choice([0, 0, 1, 7]) for _ in range(market.L)],
    )
    fits = unit < 2**50
    for problem in ("opt", "opt-sep"):
        if fits:
            assert refusal(market, best, said, problem) is None
            assert refusal(market, best + unit - 1, said, problem) is None
        assert refusal(market, best - 1, said, problem) is not None
        assert refusal(market, best - unit, said, problem) is not None


@settings(max_examples=some(24))
@given(market=made_by(drawn))
def test_no_body_proves_too_much(market: Market) -> None:
    """Multipliers and cells of every kind: they may prove less than they could, never more."""
    best = relaxed(market)
    for scale, price, place, cells in itertools.product(
        [1, 29], [0, 3, 10**9], [0, 5, 10**12], [[], [1], [0], [3, 2, 0], [10**15, 0]]
    ):
        said = body(market, cells, scale, price, [place] * market.L)
        assert refusal(market, best - 1, said) is not None, said


def test_boxes_alone_prove_no_more_than_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body without exact states is accepted where its cells suffice; one unit less is refused, however fine they are."""
    monkeypatch.setattr(pooled_solve, "QUICK_STATES", 1)
    scores, costs, budget = clustered(90, 10**8, 6, 0.2, 1e-4, 60, seed=1)
    market = Market.build(scores=scores, costs=costs, budgets=[budget])
    found = solve(market, "opt")
    assert found.proof is not None
    assert found.proof.kind == "dynamic"
    best, said = int(found.proof.bound), dict(found.proof.body)
    assert found.value == best
    for cells in ([0], [5000, 0], [10**6, 1000, 0]):
        assert refusal(market, best, {**said, "cells": cells}) is None
        assert refusal(market, best - 1, {**said, "cells": cells}) is not None
    for length in (1, 100, 10**4, 10**6):
        assert refusal(market, best - 1, {**said, "cells": [length]}) is not None
    assert "leaves something" in str(refusal(market, best, {**said, "cells": []}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": None}, "cells"),
        ({"cells": [0, 0]}, "shorter"),
        ({"cells": [2, 3, 0]}, "shorter"),
        ({"cells": [3, 3, 0]}, "shorter"),
        ({"cells": [-1]}, "right integer"),
        ({"cells": [True]}, "right integer"),
        ({"cells": [1.0]}, "right integer"),
        ({"scale": 0}, "right integer"),
        ({"scale": "1"}, "right integer"),
        ({"scale": True}, "right integer"),
        ({"price": -1}, "right integer"),
        ({"price": 0.5}, "right integer"),
        ({"places": [0]}, "places"),
        ({"places": [0, -1]}, "right integer"),
        ({"places": (0, 0)}, "places"),
        ({"more": 1}, "scale, price, places and cells"),
    ],
)
def test_malformed_bodies(change: dict[str, Any], message: str) -> None:
    market = Market.build(scores=[3, 4], costs=[1, 2], budgets=[9], groups=["a", "b"])
    assert refusal(market, 7, body(market, [0])) is None
    assert message in str(refusal(market, 7, {**body(market, [0]), **change}))


def test_other_problems_and_markets_are_refused() -> None:
    market = Market.build(scores=[3, 4], costs=[1, 2], budgets=[9])
    for problem in ("orp", "cover", "opt-frac"):
        assert refusal(market, 7, body(market, [0]), problem) is not None
    assert refusal(market, 7.0, body(market, [0])) is not None
    assert refusal(market, True, body(market, [0])) is not None
    bids = Market.build(scores=[3, 4], bids=[1, 2], budgets=[9])
    assert refusal(bids, 7, body(bids, [0])) is not None
    nobody = Market.build(scores=[], costs=[], budgets=[3])
    assert refusal(nobody, 0, body(nobody, [0])) is None
    assert refusal(nobody, -1, body(nobody, [0])) is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MOST_STEPS", "steps"),
        ("MOST_STATES", "states"),
        ("MOST_AT_ONCE", "states"),
        ("WORD", "large"),
        ("MONEY", "large"),
    ],
)
def test_both_sides_of_every_limit(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each limit is lowered to the least that this proof needs, and by one more."""
    scores, costs, budget = clustered(24, 10**4, 4, 0.2, 0.01, 40, seed=1)
    market = Market.build(scores=scores, costs=costs, budgets=[budget])
    best, said = relaxed(market), body(market, [0])
    low, high = 0, 1 << 62
    while high - low > 1:
        middle = (low + high) // 2
        with monkeypatch.context() as patch:
            patch.setattr(dynamic, name, middle)
            low, high = (low, middle) if refusal(market, best, said) is None else (middle, high)
    assert 2 < high < 10**7
    monkeypatch.setattr(dynamic, name, high)
    assert refusal(market, best, said) is None
    monkeypatch.setattr(dynamic, name, high - 1)
    assert message in str(refusal(market, best, said))


@pytest.mark.parametrize("most", [1, 2, 5])
def test_intervals_of_sums_may_be_joined(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "SUMS", most)

    @settings(max_examples=60)
    @given(market=made_by(drawn))
    def holds(market: Market) -> None:
        best, unit = relaxed(market), int(np.gcd.reduce(market.scaled.scores))
        if unit < 2**50:
            assert refusal(market, best, body(market, [3, 0])) is None
        assert refusal(market, best - 1, body(market, [3, 0])) is not None

    holds()


def test_quotients_are_exact_up_to_the_limits() -> None:
    rng = random.Random(5)
    for bits, high in itertools.product([1, 20, 31, 33, 47, 52], [1, 20, 31, 52, 60]):
        cost = [rng.randint(max(1, 2 ** (bits - 1)), 2**bits - 1) for _ in range(60)]
        part = [rng.choice([0, c - 1, rng.randrange(c)]) for c in cost]
        worth = [rng.choice([0, 2**high - 1, rng.randrange(2**high)]) for _ in cost]
        found = dynamic.quotient(*(np.array(column, dtype=np.int64) for column in (part, worth, cost)))
        assert found.tolist() == [p * w // c for p, w, c in zip(part, worth, cost, strict=True)]


def test_the_check_can_be_stopped() -> None:
    class Halt(Exception):
        pass

    costs = [103, 211, 307, 401, 503, 617, 701, 809]
    market = Market.build(scores=[c + 1 for c in costs], costs=costs, budgets=[2000])
    proof = Proof("opt", "dynamic", relaxed(market), body(market, [0]))
    pulses: list[None] = []
    check_bound(proof, market, lambda: pulses.append(None))
    needed = len(pulses)
    assert needed >= len(costs)
    for polls in range(needed):
        count = itertools.count()

        def pulse(count=count, polls=polls) -> None:
            if next(count) >= polls:
                raise Halt

        with pytest.raises(Halt):
            check_bound(proof, market, pulse)


def test_cells_that_lie_across_those_of_the_pass_before() -> None:
    """What a box can gain was once looked up at its cheaper end alone, which accepted 23 where the optimum is 24."""
    market = Market.build(
        scores=[2, 2, 6, 3, 3, 7, 2, 3],
        costs=[9, 0, 9, 8, 1, 9, 5, 6],
        budgets=[10, 24, 2],
        groups=[0, 2, 1, 0, 2, 1, 2, 1],
        group_ids=range(3),
        caps=[[2, 0, 2], [3, 3, 3], [1, 3, 0]],
    )
    assert relaxed(market) == 24
    assert refusal(market, 24, body(market, [3, 2, 0])) is None
    assert refusal(market, 23, body(market, [3, 2, 0])) is not None


@settings(max_examples=some(200))
@given(rng=generators)
def test_multipliers_of_every_length_against_columns_of_words(rng: Numbers) -> None:
    """Sums of short multipliers are made in words, of long ones in Python integers: any of them alone may be long."""
    lengths = (0, 0, 1, 40, 45, 58, 60, 63, 90)
    groups = [0, 1, 0, 1, 0]
    up, dear = rng.choice([1, 10**6]), rng.choice([1, 10**6])
    scores, costs = [rng.randint(1, 9) * up for _ in groups], [rng.randint(0, 9) * dear for _ in groups]
    budget = 12 * dear
    market = Market.build(
        scores=scores, costs=costs, budgets=[budget], groups=groups, caps=[[2], [1]], group_ids=range(2)
    )
    scale, price, *places = (rng.getrandbits(bits) for bits in rng.choices(lengths, k=4))
    scale += 1
    said = body(market, [0], scale, price, places)
    best, unit = relaxed(market), int(np.gcd.reduce(market.scaled.scores))
    assert refusal(market, best, said) in (None, "the program's numbers are too large")
    assert refusal(market, best - unit, said) is not None
    # Without a pass of the program the multipliers are all there is.
    reduced = [scale * v - price * c - places[g] for v, c, g in zip(scores, costs, groups, strict=True)]
    alone = price * budget + 2 * places[0] + places[1] + sum(max(0, q) for q in reduced)
    assert refusal(market, alone // scale // unit * unit, {**said, "cells": []}) is None


def test_money_that_buys_nothing_is_worth_nothing() -> None:
    market = Market.build(scores=[3, 4], costs=[0, 0], budgets=[9])
    assert refusal(market, 7, body(market, [], price=1)) is None
    nobody = Market.build(scores=[3, 4], costs=[10, 11], budgets=[9])
    assert refusal(nobody, 0, body(nobody, [], price=1)) is None


@pytest.mark.parametrize("factor", [2**60, 2**61, 2**62, 2**63 - 1, 2**63, 2**64, 2**200])
def test_factors_beyond_a_word_at_zeros_and_at_nothing(factor: int) -> None:
    free = Market.build(scores=[3, 2], costs=[0, 0], budgets=[0])
    dear = Market.build(scores=[3, 2], costs=[1, 1], budgets=[0])
    for market, best, said in (
        (free, 5, body(free, [0], price=factor)),
        (dear, 0, body(dear, [0], scale=factor, price=factor)),
        (dear, 0, body(dear, [0], scale=factor, price=0)),
        (dear, 0, body(dear, [0], scale=1, price=factor, places=[factor])),
    ):
        assert refusal(market, best, said) is None
        assert refusal(market, best + 1, said) is None
        if best:
            assert refusal(market, best - 1, said) is not None


def test_the_clock_is_read_between_passes_over_all_workers() -> None:
    """Also where nothing is left for the program: a million workers are gone through several times before that shows."""
    market = Market.build(scores=[3, 2], costs=[1, 1], budgets=[2])
    pulses: list[None] = []
    check_bound(Proof("opt", "dynamic", 5, body(market, [0])), market, lambda: pulses.append(None))
    assert len(pulses) >= 2
