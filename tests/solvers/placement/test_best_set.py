"""The best placeable set without binding seats, and OPT-FRAC, which asks for one at price after price."""

from __future__ import annotations

from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest
from drawing import Numbers, made_by
from fedmech import Market, solve
from fedmech.solvers.placement import matroid, price_guess
from fedmech.solvers.seated import parametric
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("each", [0, 1, 256])
@pytest.mark.parametrize("unit", [1, 2**70], ids=["int64", "objects"])
@given(data=st.data())
def test_the_best_of_each_group_ties_to_the_lower_index(each: int, unit: int, data: st.DataObject) -> None:
    groups = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=12))
    weights = data.draw(st.lists(st.integers(-2, 3), min_size=len(groups), max_size=len(groups)))
    caps = data.draw(st.lists(st.integers(0, 5), min_size=4, max_size=4))
    market = Market.build(
        scores=[1] * len(groups),
        costs=[1] * len(groups),
        groups=[f"g{l}" for l in groups],
        group_ids=["g0", "g1", "g2", "g3"],
        budgets=[1],
        caps=[[cap] for cap in caps],
    )
    best = []
    for l, cap in enumerate(caps):
        own = [i for i, group in enumerate(groups) if group == l and weights[i] > 0]
        best += sorted(own, key=lambda i: (-weights[i], i))[:cap]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matroid, "MEMBERS_EACH", each)
        column = np.array([weight * unit for weight in weights], dtype=object if unit > 1 else np.int64)
        assert matroid.best_set(market, column).tolist() == sorted(best)


def frac_market(rng: Numbers) -> Market:
    n, big = 12, rng.choice([1, 1, 10**6, 2**80])
    costs = rng.integers(0, 6, n).tolist()
    return Market.build(
        scores=[int(v) * big for v in rng.integers(1, 9, n)],
        costs=costs,
        groups=[f"g{l}" for l in rng.integers(0, 2, n)],
        group_ids=["g0", "g1"],
        budgets=[int(rng.integers(0, sum(costs) + 2))],
        caps=[[int(rng.integers(0, 7))], [None]],
        seats=[None if rng.randrange(3) else 4],
    )


@pytest.mark.parametrize("steps", [(1,), (1, 2, 2), (5, "1/3"), ()], ids=str)
@pytest.mark.parametrize("module", [parametric, price_guess])
def test_opt_frac_from_a_guessed_price(steps: tuple, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is guessed, from all workers or from a sample of three, the price found is right: its proof is checked by `solve`."""

    @settings(max_examples=25)
    @given(market=made_by(frac_market))
    def holds(market: Market) -> None:
        before = solve(market, "opt-frac")
        with monkeypatch.context() as patch:
            patch.setattr(parametric, "SAMPLE", 3)
            patch.setattr(module, "SAMPLE", 3)
            patch.setattr(parametric, "STEPS", tuple(Fraction(step) for step in steps))
            found = solve(market, "opt-frac")
        assert (found.value, found.exactness) == (before.value, "checked")

    holds()


@pytest.mark.parametrize("price", ["1/3", 1, "7/5", "1/1000000007", 123456789, "2/7000000001", 10**40])
def test_short_prices_are_near(price: str) -> None:
    exact = Fraction(price)
    short = parametric.short_price(exact)
    assert abs(short / exact - 1) < Fraction(1, 100)
    assert min(short.numerator, short.denominator) <= 1 << 12
