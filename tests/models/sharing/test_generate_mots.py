"""Random sharing markets: what was asked for, exact, and solvable."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Any

import pytest
from campaign import thorough
from fedmech import solve
from fedmech.models.input_error import InputError
from fedmech.models.sharing.generate import LEAST_SIZE, generate_mots
from fedmech.models.sharing.market import MotsMarket
from hypothesis import given
from hypothesis import strategies as st


@given(
    types=st.integers(1, 8), more=st.integers(0, 200), top=st.sampled_from([1, LEAST_SIZE - 1, LEAST_SIZE, LEAST_SIZE + 1, 500]),
    low=st.sampled_from([0.0, 0.3, 0.5, 1.0]), share=st.sampled_from([0.0, 0.5, 1.0]),
    utility=st.sampled_from(["inverse", "exponential"]), seed=st.integers(0, 50),
)  # fmt: skip
def test_sizes_counts_costs_and_low_types(types, more, top, low, share, utility, seed):
    given_ = {"top": top, "low_share": low, "cost_share": share, "utility": utility, "seed": seed}
    market = generate_mots(types, types + more, **given_)
    assert market == generate_mots(types, types + more, **given_) == MotsMarket.from_document(market.to_document())
    assert market.population == types + more
    assert min(market.counts) >= 1
    sizes = [entry.size for entry in market.types]
    assert sizes == sorted(sizes)
    assert min(LEAST_SIZE, top) <= sizes[0]
    assert sizes[-1] <= top
    # As many as were asked for, and those that hold as few as the last of them.
    lows = [market.is_low(i) for i in range(types)]
    wanted = round(low * types)
    assert lows == [size <= sizes[wanted - 1] if wanted else False for size in sizes]
    worth = 1 / market.error(market.counts) if utility == "inverse" else F(1)
    assert all(0 <= entry.cost <= 2 * F(str(share)) * worth for entry in market.types)
    if not share:
        assert all(entry.cost == 0 for entry in market.types)


def test_costs_lie_about_where_their_mean_should() -> None:
    market = generate_mots(400, 1000, cost_share=0.25, seed=3)
    worth = 1 / market.error(market.counts)
    mean = sum((entry.cost for entry in market.types), F(0)) / 400 / worth
    assert float(mean) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_a_small_one_has_the_optimum_of_all_its_states(seed: int) -> None:
    market = generate_mots(3, 12, seed=seed)
    found, counted = solve(market), solve(market, method="enumeration")
    assert found.value == counted.value


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"types": 0}, "types"),
        ({"clients": 4}, "clients"),
        ({"clients": 2**41}, "clients"),
        ({"top": 0}, "top"),
        ({"low_share": 1.5}, "low_share"),
        ({"cost_share": -0.1}, "cost_share"),
        ({"utility": "joy"}, "utility"),
        ({"seed": -1}, None),
    ],
)
def test_what_makes_no_sense_is_refused(changed, field) -> None:
    with pytest.raises(InputError) as refused:
        generate_mots(**{"types": 5, "clients": 20, **changed})
    assert field is None or refused.value.field == field


@pytest.mark.parametrize(
    ("field", "most", "beyond"),
    thorough(
        [
            (field, most, beyond)
            for beyond in (0, 1)
            for field, most in (("types", 10**5), ("clients", 2**40), ("top", 10**9))
        ],
        lambda case: case[0] == "types" and not case[2],
    ),
)
def test_the_largest_markets(field: str, most: int, beyond: int) -> None:
    asked: dict[str, Any] = {"types": 2, "clients": most + 1 if field == "types" else 5, "top": 50} | {
        field: most + beyond
    }
    if beyond:
        with pytest.raises(InputError, match=f"at most {most:,}") as error:
            generate_mots(**asked)
        assert error.value.field == field
    else:
        market = generate_mots(**asked)
        assert market.population == asked["clients"]
        assert len(market.types) == asked["types"]
