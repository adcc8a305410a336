"""The derived thresholds against eq. (3) itself, the linear market behind it, and derivations that must not go through."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
import sympy
from campaign import some
from drawing import Numbers, generators
from fedmech.fl.sharing.linear_market import corrected_error, simulate, stated_error
from fedmech.models.sharing import error_model
from fedmech.models.sharing.error_model import (
    TOPICS,
    DerivationError,
    derive,
    evaluate,
    join_limit,
    region,
    switching_count,
)
from fedmech.verification.claims.swan import error as swan_error
from fedmech.verification.ledger import judge, select
from hypothesis import given, settings


def error(ratio: Fraction, *parts: tuple[int, int]) -> Fraction:
    K = sum(n for n, _ in parts)
    return sum((Fraction(n, D) for n, D in parts), Fraction(0)) / K**2 + ratio * (1 - Fraction(1, K))


def random_ratio(draw: Numbers) -> Fraction:
    return Fraction(draw.choice([0, 0, 1, 1, 2, 3, 5]), draw.randint(1, 15))


@settings(max_examples=some(500))
@given(draw=generators)
def test_the_join_threshold_is_where_the_error_turns(draw: Numbers) -> None:
    first, second = (draw.randint(1, 4), draw.randint(1, 9)), (draw.randint(1, 4), draw.randint(1, 9))
    K = first[0] + second[0]
    H = K / (Fraction(first[0], first[1]) + Fraction(second[0], second[1]))
    D = draw.randint(1, 12)
    limit = join_limit(K, H, D)
    for ratio in (random_ratio(draw), limit, limit + Fraction(1, 10**9), limit - Fraction(1, 10**9)):
        effect = error(ratio, first, second, (1, D)) - error(ratio, first, second)
        assert (effect <= 0) == (ratio <= limit)
        assert (effect == 0) == (ratio == limit)


@settings(max_examples=some(300))
@given(draw=generators)
def test_the_merge_condition_is_where_both_gain(draw: Numbers) -> None:
    phi = derive("merge").results["phi(A, B)"]
    a, b = (draw.randint(1, 5), draw.randint(1, 9)), (draw.randint(1, 5), draw.randint(1, 9))
    limits = [evaluate(phi, N_A=p[0], H_A=p[1], N_B=q[0], H_B=q[1]) for p, q in ((a, b), (b, a))]
    for ratio in (random_ratio(draw), min(limits), min(limits) - Fraction(1, 10**9)):
        both = error(ratio, a, b)
        assert (both < error(ratio, a) and both < error(ratio, b)) == (ratio < min(limits))


@settings(max_examples=some(300))
@given(draw=generators)
def test_regions_and_switching_counts_follow_every_client(draw: Numbers) -> None:
    size, H, D = draw.randint(1, 6), Fraction(draw.randint(1, 40), draw.randint(1, 6)), draw.randint(1, 12)
    ratio = draw.choice([random_ratio(draw), Fraction(1, D)])

    def at(j: int, size: int = size, H: Fraction = H, D: int = D, ratio: Fraction = ratio) -> Fraction:
        x = size + j
        return (size / H + Fraction(j, D)) / x**2 + ratio * (1 - Fraction(1, x))

    helps = [at(j + 1) <= at(j) for j in range(300)]
    kind, switch = region(ratio, size, H, D), switching_count(ratio, size, H, D)
    assert helps[0] == (kind in ("I", "II"))
    if switch is None:
        assert len(set(helps)) == 1
    else:
        assert switch > 0
        assert helps[:switch] == [helps[0]] * min(switch, 300)
        assert helps[switch:] == [not helps[0]] * max(0, 300 - switch)


def test_the_peak_of_the_prototype() -> None:
    root = derive("peak").results["k_1*"]
    # 5 clients with 300 samples, joined by clients with 50.
    assert evaluate(root, k_2=5, D_1=50, D_2=300) == Fraction(10, 3)
    errors = [error(Fraction(0), (5, 300), *([(k, 50)] if k else [])) for k in range(11)]
    assert max(range(11), key=errors.__getitem__) == 3
    assert switching_count(Fraction(0), 5, Fraction(300), 50) == 3


@pytest.mark.parametrize("topic", TOPICS)
def test_derivations_print(topic: str) -> None:
    derivation = derive(topic)
    assert derivation.steps
    for expression in derivation.results.values():
        assert sympy.latex(expression) in derivation.latex()
        assert str(expression) in derivation.plain()


def test_values_need_all_parameters() -> None:
    with pytest.raises(ValueError, match="missing values for D, H"):
        evaluate(derive("threshold").results["Phi"], K=1)
    with pytest.raises(KeyError):
        derive("nonsense")


@pytest.mark.parametrize(
    "broken",
    [
        lambda size, inverse: inverse / size + error_model.theta * (1 - 1 / size),
        lambda size, inverse: inverse / size**2 + error_model.theta,
        lambda size, inverse: inverse / size**2 - error_model.theta * (1 - 1 / size),
        lambda size, inverse: inverse / size**2 + error_model.theta**2 * (1 - 1 / size),
    ],
)
def test_another_error_formula_does_not_give_the_same_theorems(broken: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_model, "error", broken)
    error_model.join_threshold.cache_clear()
    error_model.regions.cache_clear()
    try:
        with pytest.raises((DerivationError, ValueError, AssertionError)):
            swan_error.judge_join()
    finally:
        error_model.join_threshold.cache_clear()
        error_model.regions.cache_clear()


@pytest.mark.parametrize("off", [Fraction(1, 1000), Fraction(-1, 1000), Fraction(1)])
def test_a_broken_threshold_is_caught(off: Fraction, monkeypatch: pytest.MonkeyPatch) -> None:
    right = join_limit
    monkeypatch.setattr(error_model, "join_limit", lambda size, H, D: right(size, H, D) + off)
    with pytest.raises(DerivationError):
        swan_error.judge_join()


def test_a_broken_switching_count_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = switching_count

    def late(ratio: Fraction, size: int, H: Fraction, D: int) -> int | None:
        count = right(ratio, size, H, D)
        return None if count is None else count + 1

    monkeypatch.setattr(error_model, "switching_count", late)
    for judge_of in (swan_error.judge_regions, swan_error.judge_example):
        with pytest.raises(DerivationError):
            judge_of()


@pytest.mark.parametrize(
    ("d", "sizes", "data", "clients"), [(1, [6], 1.0, 0.0), (2, [9, 9, 15], 1.0, 0.4), (3, [12, 40], 0.25, 0.1)]
)
def test_the_linear_market_has_the_corrected_error(d: int, sizes: list[int], data: float, clients: float) -> None:
    mean, standard = simulate(d, sizes, data, clients, repetitions=3_000, seed=7)
    assert abs(mean - corrected_error(d, sizes, data, clients)) < 5 * standard
    assert abs(mean - stated_error(d, sizes, data, clients)) > 3 * standard
    assert simulate(d, sizes, data, clients, repetitions=50, seed=7) == simulate(
        d, sizes, data, clients, repetitions=50, seed=7
    )


def test_the_stated_error_is_the_limit_of_large_data() -> None:
    for size in (10, 100, 10_000):
        stated, exact = stated_error(3, [size] * 4, 1.0, 0.0), corrected_error(3, [size] * 4, 1.0, 0.0)
        assert exact / stated == pytest.approx(size / (size - 4))
    with pytest.raises(ValueError, match="infinite"):
        corrected_error(3, [4], 1.0, 0.0)


def test_a_third_is_enough_only_for_a_single_client() -> None:
    for K, H in itertools.product(range(1, 6), (3, 6)):
        least = Fraction(K * H, 2 * K + 1)
        assert join_limit(K, Fraction(H), 10**9) > 0
        above, below = evaluate(derive("threshold").results["Phi"], K=K, H=H, D=least), Fraction(H, 3)
        assert above == 0
        assert (least > below) == (K > 1)
    (claim,) = select(["S-T1-THIRD"])
    assert judge(claim).agrees
