"""The shipped market: the script makes it again byte for byte, its scores are right, and all its limits bind."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from fedmech.fl.scoring import digits_market as script
from fedmech.models.data import DIGITS_MARKET_SEED, DIGITS_PROBE_SHA256, digits_market_path
from scipy.optimize import Bounds, LinearConstraint, milp
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits


class Limits(NamedTuple):
    """What may be dropped from the market: ``None`` stands for no limit."""

    budget: int | None
    seats: tuple[int | None, ...]
    caps: tuple[tuple[int | None, ...], ...]


class Plain(NamedTuple):
    """The file in integers: scores in millionths, money in hundredths."""

    scores: np.ndarray
    costs: np.ndarray
    groups: np.ndarray
    limits: Limits


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(digits_market_path().read_text(encoding="ascii"), parse_float=Decimal)


@pytest.fixture(scope="module")
def split() -> script.DigitsSplit:
    return script.split_digits(DIGITS_MARKET_SEED)


@pytest.fixture(scope="module")
def plain(document: dict) -> Plain:
    names = [f"digit-{digit}" for digit in range(10)]
    requesters = [requester["id"] for requester in document["requesters"]]
    named = {(cap["group"], cap["requester"]): cap["cap"] for cap in document["caps"]}
    assert len(named) == len(document["caps"])
    return Plain(
        scores=np.array([int(worker["score"] * 10**6) for worker in document["workers"]]),
        costs=np.array([int(worker["cost"] * 100) for worker in document["workers"]]),
        groups=np.array([names.index(worker["group"]) for worker in document["workers"]]),
        limits=Limits(
            budget=100 * sum(requester["budget"] for requester in document["requesters"]),
            seats=tuple(requester["seats"] for requester in document["requesters"]),
            caps=tuple(tuple(named.get((g, j), document["default_cap"]) for j in requesters) for g in names),
        ),
    )


# The file is what the script makes.


def test_script_makes_the_shipped_file_again_byte_for_byte(tmp_path):
    out = tmp_path / "again.market.json"
    command = [sys.executable, "-m", "fedmech.fl.scoring.digits_market", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == digits_market_path().read_bytes()
    assert DIGITS_PROBE_SHA256 in done.stderr
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("threads", [1, 2])
def test_thread_count_of_blas_does_not_matter(threads):
    with threadpool_limits(threads):
        assert script.market_text().encode() == digits_market_path().read_bytes()


def test_another_seed_is_another_market():
    text = script.market_text(DIGITS_MARKET_SEED + 1)
    assert text == script.market_text(DIGITS_MARKET_SEED + 1)
    assert text.encode() != digits_market_path().read_bytes()


def test_global_random_state_is_neither_read_nor_moved():
    np.random.seed(7)  # noqa: NPY002
    before = np.random.rand()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    assert script.market_text().encode() == digits_market_path().read_bytes()
    assert np.random.rand() == before  # noqa: NPY002


# The scores are what their definition says.


def test_scores_agree_with_the_definition_in_other_arithmetic(document, split):
    """Train by sums in extended precision, with true log-probabilities, and no matrix product of BLAS."""
    images, labels = split.images.astype(np.longdouble), split.labels

    def log_probabilities(weights, x):
        logits = (x[:, :, None] * weights[None, :, :]).sum(axis=1)
        logits = logits - logits.max(axis=1)[:, None]
        return logits - np.log(np.exp(logits).sum(axis=1))[:, None]

    def descend(weights, held, steps, rate):
        for _ in range(steps):
            error = np.exp(log_probabilities(weights, images[held]))
            error[np.arange(len(held)), labels[held]] -= 1
            gradient = (images[held][:, :, None] * error[:, None, :]).sum(axis=0) / len(held)
            weights = weights - np.longdouble(rate) * gradient
        return weights

    def represent(weights):
        logs = log_probabilities(weights, images[split.probe])
        return logs - logs.mean(axis=1)[:, None]

    start = descend(np.zeros((65, 10), dtype=np.longdouble), split.start, 30, 0.25)
    theirs = represent(start)
    right = theirs.argmax(axis=1) == labels[split.probe]
    assert 0.5 < right.mean() < 0.9  # the common start has learnt something, and not everything

    measured = script.measure_scores(split)
    for index, held in enumerate(split.holdings):
        mine = represent(descend(start, held, 5, 1.0))
        dots = (mine * theirs).sum(axis=1)
        cosines = dots / np.sqrt((mine**2).sum(axis=1)) / np.sqrt((theirs**2).sum(axis=1))
        score = (1 + cosines.mean()) / 2
        assert abs(score - measured[index]) < 1e-13
        assert abs(score - np.longdouble(str(document["workers"][index]["score"]))) <= 5e-7


def test_no_score_is_near_a_rounding_boundary(split):
    """The nearest boundary is 1,000 times farther away than the largest error the test above lets pass."""
    scaled = script.measure_scores(split) * 10**6
    assert np.abs(scaled - np.floor(scaled) - 0.5).min() * 1e-6 > 1e-10


def test_a_score_near_a_rounding_boundary_is_refused(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(script, "measure_scores", lambda split: np.full(200, 0.7000005))
    with pytest.raises(script.MarketNotMadeError, match="rounding boundary"):
        script.market_text()
    assert script.main(["--out", str(tmp_path / "m.json")]) == 2
    assert capsys.readouterr().err.startswith("error: seed 2026")
    assert list(tmp_path.iterdir()) == []


# Who holds what.


def test_every_image_has_one_place(split):
    holders = np.concatenate([split.probe, split.start, *split.holdings])
    assert np.array_equal(np.sort(holders), np.arange(1797))
    assert (len(split.probe), len(split.start), len(split.holdings)) == (197, 100, 200)
    assert min(len(held) for held in split.holdings) >= 3


def test_commitment_is_to_the_probe_set(split):
    pixels, labels = (np.asarray(array) for array in load_digits(return_X_y=True))
    record = b"".join(
        bytes([i // 256, i % 256, *(int(pixel) for pixel in pixels[i]), int(labels[i])])
        for i in sorted(split.probe.tolist())
    )
    assert hashlib.sha256(record).hexdigest() == DIGITS_PROBE_SHA256 == split.commitment()


def test_labels_are_skewed(split):
    """Under an even deal a worker of seven images would hold about five digits; the deal is far from it."""
    kinds = np.array([len(set(split.labels[held])) for held in split.holdings])
    rng = np.random.default_rng(5)
    dealt = np.concatenate(split.holdings)
    even = [len(set(split.labels[rng.choice(dealt, len(held), replace=False)])) for held in split.holdings]
    assert kinds.mean() < 0.85 * np.mean(even)


def test_groups_and_costs_follow_from_the_holdings(document, split):
    for worker, held, factor in zip(document["workers"], split.holdings, split.cost_factors, strict=True):
        counts = Counter(split.labels[held].tolist())
        dominant = min(counts, key=lambda label: (-counts[label], label))
        assert worker["group"] == f"digit-{dominant}"
        exact = Fraction(factor) * (Fraction(1, 2) + Fraction(len(held), 4))
        assert abs(Fraction(worker["cost"]) - exact) <= Fraction(1, 200) + Fraction(1, 10**12)
        assert 0.5 <= factor < 1.5


def test_dominant_label_ties_go_to_the_smaller():
    assert script.dominant_label(np.array([7, 3, 7, 3, 9])) == 3


# The file as written.


def test_file_is_one_worker_a_line_with_decimal_literals(document):
    lines = digits_market_path().read_text(encoding="ascii").splitlines()
    assert lines[0] == '{"format": "fedmech-market/1",'
    assert sum('"score"' in line for line in lines) == len(document["workers"]) == 200
    assert set(document) == {"format", "workers", "requesters", "caps", "default_cap"}
    for number, worker in enumerate(document["workers"], start=1):
        assert list(worker) == ["id", "group", "score", "cost"]
        assert worker["id"] == f"w{number:03d}"
        assert worker["score"].as_tuple().exponent == -6
        assert 0 < worker["score"] <= 1
        assert worker["cost"].as_tuple().exponent == -2
        assert worker["cost"] > 0
    scores = [worker["score"] for worker in document["workers"]]
    assert max(scores) / min(scores) >= Decimal("1.5")


def test_written_whole_or_not_at_all(tmp_path, monkeypatch, capsys):
    out = tmp_path / "m.json"
    out.write_text("as it was")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    assert script.main(["--out", str(out)]) == 2
    assert capsys.readouterr().err == f"error: {out}: No space left on device\n"
    assert out.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["missing/m.json", "."])
def test_bad_place_is_one_line_and_exit_2(tmp_path, capsys, name):
    assert script.main(["--out", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# All its limits bind at the optimum.


def best(plain: Plain, limits: Limits, candidates: np.ndarray | None = None) -> tuple[int, np.ndarray]:
    """Optimum by one binary a worker and one integer flow a pair of group and requester; exact re-check in integers."""
    n, m, kinds = len(plain.scores), len(limits.seats), len(limits.caps)
    room = [[n if cap is None else cap for cap in row] for row in limits.caps]
    upper = np.concatenate([np.ones(n) if candidates is None else candidates.astype(float), np.ravel(room)])
    rows, highs = [], []
    for group in range(kinds):
        flow = np.zeros((kinds, m))
        flow[group] = -1
        rows.append(np.concatenate([plain.groups == group, flow.ravel()]))
        highs.append(0)
    for j, seats in enumerate(limits.seats):
        flow = np.zeros((kinds, m))
        flow[:, j] = 1
        rows.append(np.concatenate([np.zeros(n), flow.ravel()]))
        highs.append(n if seats is None else seats)
    if limits.budget is not None:
        rows.append(np.concatenate([plain.costs, np.zeros(kinds * m)]))
        highs.append(limits.budget)
    answer = milp(
        -np.concatenate([plain.scores, np.zeros(kinds * m)]),
        constraints=LinearConstraint(np.array(rows, dtype=float), ub=np.array(highs)),  # pyright: ignore[reportArgumentType]
        bounds=Bounds(np.zeros_like(upper), upper),  # pyright: ignore[reportArgumentType]
        integrality=np.ones(n + kinds * m),
        options={"mip_rel_gap": 0},
    )
    assert answer.status == 0, answer.message
    whole = np.rint(answer.x).astype(int)
    assert np.abs(answer.x - whole).max() < 1e-5
    assert (whole >= 0).all()
    assert (whole <= upper).all()
    assert (np.array(rows, dtype=int) @ whole <= highs).all()
    return int(plain.scores @ whole[:n]), whole[:n].astype(bool)


@pytest.fixture(scope="module")
def optimum(plain: Plain) -> tuple[int, np.ndarray]:
    return best(plain, plain.limits)


def test_optimum(plain, optimum):
    value, chosen = optimum
    assert value == 35_175_223
    assert plain.limits.budget is not None
    cheapest_outside = plain.costs[~chosen].min()
    assert plain.costs[chosen].sum() + cheapest_outside > plain.limits.budget


def test_pooled_budget_binds(plain, optimum):
    assert best(plain, plain.limits._replace(budget=None))[0] > optimum[0]


@pytest.mark.parametrize("j", [0, 1, 2])
def test_each_seat_limit_binds(plain, optimum, j):
    seats = tuple(None if k == j else seat for k, seat in enumerate(plain.limits.seats))
    assert best(plain, plain.limits._replace(seats=seats))[0] > optimum[0]


def test_caps_bind_together_and_one_by_one(plain, optimum):
    free = tuple((None, None, None) for _ in plain.limits.caps)
    assert best(plain, plain.limits._replace(caps=free))[0] > optimum[0]

    def binds(group: int, j: int) -> bool:
        caps = [list(row) for row in plain.limits.caps]
        caps[group][j] = None
        return best(plain, plain.limits._replace(caps=tuple(map(tuple, caps))))[0] > optimum[0]

    # At least one of each requester's.
    assert all(binds(group, j) for group, j in ((0, 0), (1, 0), (3, 0), (6, 1)))
    assert any(binds(group, 2) for group in range(10))


def test_driftpay_is_neither_empty_nor_optimal(plain, optimum):
    """DriftPay-CO (section 5) by its definition: the longest affordable prefix, priced at its last ratio."""
    scores, costs, budget = plain.scores.tolist(), plain.costs.tolist(), plain.limits.budget
    assert budget is not None
    order = sorted(range(200), key=lambda i: (Fraction(costs[i], scores[i]), i))
    limits, prefix = plain.limits._replace(budget=None), np.zeros(200, dtype=bool)
    affordable, reached, winners = 0, 0, 0
    for worker in order:
        prefix[worker] = True
        value, chosen = best(plain, limits, prefix)
        if Fraction(costs[worker], scores[worker]) * value > budget:
            break
        affordable, reached, winners = affordable + 1, value, int(chosen.sum())
    assert affordable == 51
    assert winners == 42
    assert Fraction(105, 100) <= Fraction(optimum[0], reached) <= 3
