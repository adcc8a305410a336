"""Every constant at which the learning side branches, below, at and above what it sees.

Where it chooses between two ways the ends are the same; where it limits what is taken, the limit itself is taken and one more is not.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from drawing import Numbers, made_by, reached
from fedmech import Market, generate_market, run_mechanism
from fedmech.fl.data import dirichlet
from fedmech.fl.experiments.engine import configuration, result_figure
from fedmech.fl.experiments.engine.registry import find_experiment
from fedmech.fl.experiments.papers import swan_welfare
from fedmech.fl.mechanisms import driftpay_no
from fedmech.fl.mechanisms.parts.breakpoints import ALL_SETS_UP_TO, breakpoints
from fedmech.fl.rounds import bids
from fedmech.fl.scoring import uncertainty
from fedmech.fl.scoring.shapley import EXACT_LIMIT, all_coalitions
from fedmech.fl.sharing import equilibria as equilibria_module
from fedmech.fl.sharing.equilibria import equilibria
from fedmech.fl.sharing.swan import scenario, swan
from fedmech.fl.training import batched, convolution
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.batched import train_clients
from fedmech.fl.training.recipe import Recipe
from fedmech.models.input_error import InputError
from fedmech.models.sharing.market import MotsMarket
from fedmech.models.sharing.measured_market import participating_states
from fedmech.verification.literal.driftpay import driftpay as literal_driftpay
from hypothesis import given, settings
from mechanism_definitions import literal_of
from mots_strategies import sharing_markets

# ------------------------------------------------------------------ two ways to one end


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_payments_at_the_limit_of_a_word(beyond: int) -> None:
    """DriftPay multiplies scores by the numerator of the price: in 64 bits up to 2**62, each winner's and all together."""
    for scores, money in (([1], 2**62), ([2**31], 2**31), ([3, 5, 2**20], 2**41), ([2**40, 2**40], 2**21 - 1)):
        market = Market.build(scores=scores, bids=[0] * len(scores), budgets=[money + beyond])
        outcome, expected = run_mechanism(market, "driftpay-co"), literal_driftpay(literal_of(market))
        assert [outcome.payment(i) for i in range(market.n)] == [expected.payments.get(i, 0) for i in range(market.n)]
        assert outcome.total_payment == money + beyond


def market_of_any_length(rng: Numbers) -> Market:
    """Scores in int64 and as Python integers, prices short and long."""
    n, wide, dear = rng.randint(1, 5), rng.choice([4, 30, 58, 61, 70]), rng.choice([4, 30, 61, 63, 90])
    return Market.build(
        scores=[rng.randint(1, 2**wide) for _ in range(n)],
        bids=[rng.randint(0, 2**dear) for _ in range(n)],
        budgets=[rng.randint(1, n * 2**dear)],
        default_cap=rng.randint(1, n),
    )


@settings(max_examples=60)
@given(market=made_by(market_of_any_length))
def test_payments_in_either_type(market: Market) -> None:
    """The price times the score, exactly."""
    outcome, expected = run_mechanism(market, "driftpay-co"), literal_driftpay(literal_of(market))
    payments = [outcome.payment(i) for i in range(market.n)]
    assert payments == [expected.payments.get(i, 0) for i in range(market.n)]


@pytest.mark.parametrize("short_scores", [True, False])
@pytest.mark.parametrize("short_payments", [True, False])
def test_payments_of_every_length_are_drawn(short_scores: bool, short_payments: bool) -> None:
    def longest(market: Market) -> int:
        outcome = run_mechanism(market, "driftpay-co")
        return max((outcome.payment(i).numerator for i in range(market.n)), default=0)

    reached(
        made_by(market_of_any_length),
        lambda market: (
            (sum(market.scaled.scores.tolist()) < 2**62) == short_scores and (longest(market) < 2**62) == short_payments
        ),
    )


@pytest.mark.parametrize("name", ["MOST_STATES", "MOST_TYPES"])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_equilibria_of_all_states_and_of_corners(name: str, beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=25)
    @given(market=sharing_markets({"family": "linear", "a": 30, "s": 7}))
    def holds(market: MotsMarket) -> None:
        mechanism = swan(market)
        if mechanism.ratio is None:
            return
        everything = equilibria(mechanism)
        assert everything.method == "all states"
        size = math.prod(n + 1 for n in market.counts) if name == "MOST_STATES" else market.type_count
        with monkeypatch.context() as patch:
            patch.setattr(equilibria_module, "MOST_STATES", 0)
            patch.setattr(equilibria_module, name, size - beyond)
            found = equilibria(mechanism, starts=3)
        if found.complete:
            assert set(found.states) == set(everything.states)
        assert set(found.states) <= set(everything.states)
        limited = beyond > 0 or (name == "MOST_TYPES" and scenario(market) != "low")
        assert found.method.startswith("all") == (not limited or (name == "MOST_STATES" and scenario(market) == "low"))

    holds()


@pytest.mark.parametrize(("name", "value"), [("PADDING", 0.0), ("PADDING", 100.0), ("WASTE", 0), ("WASTE", 10**9)])
def test_clients_of_any_size_are_trained_together_or_apart(
    name: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = architecture("mlp", (2, 3, 3), 4, hidden=5, head=4, representation=3)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((60, 2, 3, 3)), rng.integers(0, 4, 60)
    held = [np.sort(rng.choice(60, size, replace=False)) for size in (1, 50, 2, 49, 3, 60)]
    recipe, start = Recipe("fedavg", 3, None, 0.1, seed=2), model.initial(3, torch.float64)
    one = train_clients(model, start, x, y, held, recipe)
    monkeypatch.setattr(batched, name, value)
    other = train_clients(model, start, x, y, held, recipe)
    assert all(torch.allclose(one[key], other[key], rtol=0, atol=1e-12) for key in one)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
@pytest.mark.parametrize("models", [-1, 0, 1, 2, 7])
def test_convolutions_in_blocks_of_any_length(
    models: int, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(models + 5)
    x = torch.rand((5, 2, 6, 4, 3), generator=generator, dtype=torch.float64)
    weight = torch.rand((5, 2, 3, 5, 5), generator=generator, dtype=torch.float64) - 0.5
    bias = torch.rand((5, 2), generator=generator, dtype=torch.float64)
    convolved = 0

    def conv2d(*arguments: Any, **options: Any) -> torch.Tensor:
        nonlocal convolved
        convolved += 1
        return plain(*arguments, **options)

    plain = torch.nn.functional.conv2d
    monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)

    def run(dtype: torch.dtype) -> list[torch.Tensor]:
        parts = [part.to(dtype, copy=True).requires_grad_() for part in (x, weight, bias)]
        found = convolution.convolve_and_pool(*parts)
        # Maps that need no gradient, as those of a first layer would not.
        alone = convolution.convolve_and_pool(x.to(dtype), *parts[1:])
        return [
            found.detach(),
            *torch.autograd.grad((found**2).sum(), parts),
            *torch.autograd.grad(alone.sum(), parts[1:]),
        ]

    whole = run(torch.float64)
    each = 2 * 6 * 4 * (75 + 2)
    length = each * models if models > 0 else each + models
    monkeypatch.setattr(convolution, "block_numbers", lambda dtype: length)
    assert convolved == 0
    for one, other in zip(whole, run(dtype), strict=True):
        assert torch.allclose(one, other.double(), rtol=tolerance, atol=tolerance)
    # One client alone outgrows the block: nothing is gathered.
    assert convolved == (2 * len(x) if length < each else 0)
    assert (
        convolution.convolve_and_pool(convolution.patches_of(x, 5), weight, bias, gathered=True).shape == whole[0].shape
    )
    assert convolved == (2 * len(x) if length < each else 0)


@pytest.mark.parametrize("cells", [1, 29, 30, 31, 30 * 39, 30 * 40, 30 * 41])
def test_resamples_in_blocks_of_any_length(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(8).random((4, 30))
    whole = uncertainty.bootstrap_errors(samples, replicates=40, seed=5)
    monkeypatch.setattr(uncertainty, "_CELLS", cells)
    assert np.allclose(uncertainty.bootstrap_errors(samples, replicates=40, seed=5), whole, rtol=1e-12)


@pytest.mark.parametrize("n", [ALL_SETS_UP_TO - 1, ALL_SETS_UP_TO, ALL_SETS_UP_TO + 1])
def test_breakpoints_of_all_sets_and_of_prefixes(n: int) -> None:
    """The budget's share by every prefix of the ratios is among them at any size, by any other set up to ten workers."""
    market = Market.build(scores=[2**k for k in range(n)], bids=[3**k for k in range(n)], budgets=[10**6])
    found = breakpoints(market, 0)
    order = sorted(range(1, n), key=lambda j: Fraction(3**j, 2**j))
    for size in range(n):
        assert Fraction(10**6) / (1 + sum(2**j for j in order[:size])) in found
    odd = Fraction(10**6) / (1 + 2 ** (n - 1))
    assert (odd in found) == (n <= ALL_SETS_UP_TO)


# ------------------------------------------------------------------ what is taken


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_limits_on_what_is_taken(beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(work: Any, match: str) -> None:
        if beyond > 0:
            with pytest.raises(InputError, match=match):
                work()
        else:
            work()

    taken(lambda: bids._cents(np.array([1.0, bids.MOST_CENTS + beyond]), "fixed_cost"), "are not exact")
    taken(lambda: all_coalitions(EXACT_LIMIT + beyond), "coalitions")
    crowd = generate_market("a", driftpay_no.MAX_WORKERS + beyond, seed=1)
    assert (driftpay_no._small_enough(crowd) is None) == (beyond <= 0)
    few = swan_welfare.SwanWelfare(counts=(2, 1, 1))
    monkeypatch.setattr(swan_welfare, "MOST_STATES", len(participating_states(few.counts)) - beyond)
    taken(lambda: swan_welfare.SwanWelfare(counts=(2, 1, 1)), "states to train")
    care = find_experiment("care")
    monkeypatch.setattr(configuration, "MAX_POINTS", 6)
    grid = configuration.Configuration(care, {}, {"seed": tuple(range(6 + beyond))}, "test")
    taken(grid.points, "more than 6")
    table = pd.DataFrame(
        [
            {
                "experiment": care.name,
                "version": care.version,
                "point": f"{k} {x}",
                "seed": 0,
                "line": k,
                "x": x,
                "y": 0.5,
            }
            for k in range(result_figure.MOST_LINES + beyond)
            for x in range(2)
        ]
    )
    taken(lambda: result_figure.draw_result(table, "y", "x", ["line"]), "too many to tell apart")


@pytest.mark.parametrize("beta", [dirichlet.LEAST_BETA, 1.0, dirichlet.GREATEST_BETA])
def test_skews_of_dirichlet_partitions(beta: float) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 50)
    parts = dirichlet.dirichlet_per_client(labels, 4, beta, rng, sizes=np.array([5, 5, 5, 5]))
    assert [len(part) for part in parts] == [5, 5, 5, 5]
    for wrong in (beta / 1e10, beta * 1e10):
        if not dirichlet.LEAST_BETA <= wrong <= dirichlet.GREATEST_BETA:
            with pytest.raises(InputError, match="must be a number from"):
                dirichlet.dirichlet_per_client(labels, 4, wrong, rng, sizes=np.array([5, 5, 5, 5]))
