"""One rule for seeds: every way in takes the same ones and refuses the others in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedmech import InputError, Market, generate_market, run_mechanism
from fedmech.cli import app
from fedmech.models.seeds import LARGEST_SEED, read_seed
from typer.testing import CliRunner

BAD: list[Any] = [-1, LARGEST_SEED + 1, 2**128, "0.5", float("nan"), True, None, "one", 1.5]
MARKET = Market.build(scores=[1, 2, 3], costs=[1, 1, 1], budgets=[2])


@pytest.mark.parametrize("seed", BAD)
def test_what_is_no_seed_is_refused_everywhere(seed: Any) -> None:
    with pytest.raises(InputError, match="seed"):
        read_seed(seed)
    with pytest.raises(InputError, match="seed"):
        generate_market("a", 3, seed=seed)
    for mechanism in ("random-feasible", "random-price", "care-no", "driftpay-noisy"):
        with pytest.raises(InputError, match="seed"):
            run_mechanism(MARKET, mechanism, seed=seed)


@pytest.mark.parametrize("seed", [0, 1, 2**32, LARGEST_SEED, "7", np.int64(3), 3.0])
def test_seeds_that_everything_takes(seed: Any) -> None:
    assert read_seed(seed) == int(seed)
    assert generate_market("a", 3, seed=seed) == generate_market("a", 3, seed=int(seed))
    assert run_mechanism(MARKET, "random-feasible", seed=seed).total_payment >= 0


@pytest.mark.parametrize("seed", ["-1", str(2**128), "x"])
def test_the_command_line(seed: str, tmp_path: Path) -> None:
    for arguments in (
        ["run", "--mechanism", "random-feasible", "--seed", seed],
        ["run", "--mechanism", "random-feasible", "--option", f"seed={seed}"],
        ["generate", str(tmp_path / "m.market.json"), "--seed", seed],
        ["simulate", "network-effects", "--set", f"seed={seed}"],
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 2, (arguments, done.output)
        assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("field", "value"), [("top", 10**18 + 1), ("n", 0), ("n", 10**9 + 1), ("groups", 0), ("requesters", 10**8 + 1)]
)
def test_sizes_that_cannot_be_generated(field: str, value: int) -> None:
    with pytest.raises(InputError, match=field):
        generate_market("a", **{"n": 3, "groups": 2, "requesters": 2} | {field: value})


@pytest.mark.parametrize("kind", ["a", "b", "c", "d", "lognormal"])
def test_the_largest_numbers_do_not_wrap(kind: str) -> None:
    market = generate_market(kind, 200, top=10**18, cap_share=1, budget_share=1)
    costs = [int(c) for c in market.scaled.needed_costs]
    assert min(costs) >= 1
    assert market.scaled.total_budget == sum(costs)
