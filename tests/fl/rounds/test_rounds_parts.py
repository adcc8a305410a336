"""The parts of a procurement round, each against its definition read literally."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest
from campaign import some
from fedmech import Market, run_mechanism, solve
from fedmech.fl.rounds import learning, metrics
from fedmech.fl.rounds.bids import BidModel, CostModel, money
from fedmech.fl.rounds.environment import Purpose, generator
from fedmech.fl.rounds.procurement import Simulation
from fedmech.fl.rounds.routing import even_routing
from fedmech.fl.rounds.scoring_rules import (
    Measurement,
    find_scoring_rule,
    scoring_rule,
    scoring_rules,
)
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.fl.rounds.tasks import (
    BUDGET_SPLITS,
    TASK_KINDS,
    Task,
    make_tasks,
    split_budget,
    task_samples,
)
from fedmech.fl.training.recipe import Recipe
from fedmech.models.input_error import InputError
from fedmech.solvers.feasibility import violation
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import markets

few = settings(max_examples=some(60), deadline=None)

# ------------------------------------------------------------------ tasks


@few
@given(
    total=st.integers(0, 10**6),
    requesters=st.integers(1, 9),
    how=st.sampled_from(BUDGET_SPLITS),
    places=st.integers(0, 4),
)
def test_split_budgets_add_up_and_have_the_proportions_asked_for(total, requesters, how, places):
    whole = F(total, 10**places)
    shares = split_budget(whole, requesters, how, places)
    assert sum(shares) == whole
    assert all(share >= 0 and (share * 10**places).denominator == 1 for share in shares)
    ideal = {
        "equal": [1.0] * requesters,
        "one-large": [1.0] + [1 / (requesters - 1)] * (requesters - 1) if requesters > 1 else [1.0],
        "geometric": [2.0**-j for j in range(requesters)],
    }[how]
    for share, part in zip(shares, ideal, strict=True):
        # Off by the cents that rounding down moves to the first.
        assert abs(float(share) - float(whole) * part / sum(ideal)) <= requesters / 10**places


@few
@given(kind=st.sampled_from(TASK_KINDS), classes=st.integers(2, 11), requesters=st.integers(1, 12), data=st.data())
def test_tasks_are_windows_that_run_round_the_classes(kind, classes, requesters, data):
    own, favour = data.draw(st.integers(1, classes)), data.draw(st.integers(1, 5))
    tasks = make_tasks(kind, classes, [F(j) for j in range(requesters)], own, favour, seats=3)
    assert [task.id for task in tasks] == [f"r{j + 1}" for j in range(requesters)]
    for j, task in enumerate(tasks):
        first = math.floor(F(j * classes, requesters))
        window = {label % classes for label in range(first, first + own)}
        expected = {
            "label-subsets": [int(label in window) for label in range(classes)],
            "loss-weights": [favour if label in window else 1 for label in range(classes)],
            "same": [1] * classes,
        }[kind]
        assert list(task.class_weights) == expected
        assert (task.budget, task.seats) == (F(j), 3)
        assert list(task.labels) == [label for label in range(classes) if expected[label]]


@few
@given(seed=st.integers(0, 10**6), classes=st.integers(2, 6))
def test_the_mean_over_a_winners_samples_is_the_weighted_mean_over_its_holding(seed, classes):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, 40)
    holding = np.sort(rng.choice(40, int(rng.integers(1, 15)), replace=False))
    weights = rng.integers(0, 5, classes) * int(rng.integers(1, 4))
    assume(weights.any())
    task = Task("r1", tuple(weights.tolist()), F(1))
    used = task_samples(task, labels, holding)
    assert set(used.tolist()) == {i for i in holding.tolist() if weights[labels[i]]}
    losses = rng.random(40)
    total = weights[labels[holding]].sum()
    if total:
        assert losses[used].mean() == pytest.approx(float((weights[labels] * losses)[holding].sum() / total))
    else:
        assert len(used) == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("everything", 10, [F(1)], 3), "tasks"),
        (("same", 10, [F(1)], 11), "labels_per_task"),
        (("same", 10, [F(1)], 0), "labels_per_task"),
        (("loss-weights", 10, [F(1)], 3, 0), "favour"),
        (("same", 10, [F(-1)], 3), "budget"),
    ],
)
def test_tasks_that_make_no_sense_are_refused(arguments, field):
    with pytest.raises(InputError) as refused:
        make_tasks(*arguments)
    assert refused.value.field == field


# ------------------------------------------------------------------ costs and bids


@few
@given(seed=st.integers(0, 10**6), spread=st.floats(0, 1), noise=st.floats(0, 1), n=st.integers(1, 20))
def test_costs_keep_within_the_models_bounds(seed, spread, noise, n):
    model = CostModel(0.5, 0.25, spread, noise)
    rng = np.random.default_rng(seed)
    samples, factors = rng.integers(0, 30, n), model.factors(n, rng)
    costs = model.costs(samples, factors, rng)
    base = 100 * (0.5 + 0.25 * samples)
    assert costs.dtype == np.int64
    assert (costs >= 1).all()
    assert (costs <= base * (1 + spread) * (1 + noise) + 0.5).all()
    assert (costs >= base * (1 - spread) * (1 - noise) - 0.5).all()
    if noise == 0:
        assert costs.tolist() == [max(1, round(float(f) * b)) for f, b in zip(factors, base, strict=True)]
    assert money(costs) == [F(int(c), 100) for c in costs]


@few
@given(
    seed=st.integers(0, 10**6),
    share=st.floats(0, 1),
    factor=st.sampled_from([0.0, 0.5, 1.0, 1.37, 3.0]),
    n=st.integers(1, 20),
)
def test_only_deviators_bid_otherwise_than_they_would_have(seed, share, factor, n):
    costs = np.random.default_rng(seed).integers(1, 900, n)
    model = BidModel(0.0, share, factor)
    deviates = model.who_deviates(n, np.random.default_rng(seed + 1))
    assert deviates.sum() == round(share * n)
    bids = model.bids(costs, deviates, np.random.default_rng(seed + 2))
    for cost, bid, lies in zip(costs.tolist(), bids.tolist(), deviates.tolist(), strict=True):
        assert bid == (max(1, round(cost * factor)) if lies else cost)
    noisy = BidModel(0.2, share, factor)
    with_lies, without = (noisy.bids(costs, who, np.random.default_rng(seed)) for who in (deviates, deviates & False))
    assert (with_lies[~deviates] == without[~deviates]).all()


@pytest.mark.parametrize(
    "values", [{"noise": -0.1}, {"noise": 1.1}, {"spread": 2.0}, {"fixed": -1.0}, {"fixed": math.inf}]
)
def test_cost_models_that_make_no_sense_are_refused(values):
    with pytest.raises(InputError, match=r"cost_(noise|spread|fixed)"):
        CostModel(**values)


# ------------------------------------------------------------------ scoring rules

FLOATS = st.floats(-50, 50, allow_subnormal=False)


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    n = draw(st.integers(1, 8))

    def column(values: st.SearchStrategy[float]) -> np.ndarray:
        # Few values: ties.
        pool = draw(st.lists(values, min_size=1, max_size=4))
        return np.array(draw(st.lists(st.sampled_from(pool), min_size=n, max_size=n)))

    unit = st.floats(0, 1)
    return Measurement(
        cosines=column(st.floats(-1, 1))[:, None],
        distances=column(st.floats(-9, 0))[:, None],
        accuracy=column(unit),
        loss=column(st.floats(0, 9)),
        base_accuracy=draw(unit),
        base_loss=draw(st.floats(0, 9)),
        reputation=column(FLOATS),
        participation=column(unit),
        draws=column(unit),
        fixed=column(unit),
    )


WANTED = {
    "drift": lambda m, i: m.cosine[i],
    "drift-l2": lambda m, i: m.l2[i],
    "accuracy": lambda m, i: m.accuracy[i],
    "accuracy-delta": lambda m, i: m.accuracy[i] - m.base_accuracy,
    "loss": lambda m, i: -m.loss[i],
    "loss-delta": lambda m, i: m.base_loss - m.loss[i],
    "reputation": lambda m, i: m.reputation[i],
    "participation": lambda m, i: m.participation[i],
    "bid-only": lambda m, i: 1.0,
    "random": lambda m, i: m.draws[i],
    "random-fixed": lambda m, i: m.fixed[i],
}
NATURAL = {"drift": lambda raw: (1 + raw) / 2}


def test_every_rule_has_a_definition_here():
    assert sorted(WANTED) == [rule.name for rule in scoring_rules()]


@pytest.mark.parametrize("name", sorted(WANTED))
@few
@given(measured=measurements(), low=st.sampled_from([1e-9, 0.01, 0.1, 0.5]), width=st.sampled_from([0.0, 0.3, 2.0]))
def test_scores_are_positive_bounded_exact_decimals_in_the_rules_order(name, measured, low, width):
    rule = find_scoring_rule(name)
    raw = [float(WANTED[name](measured, i)) for i in range(len(measured.draws))]
    unit = F(1, 10**6)
    for mapping in ("min-max", "natural"):
        scores = rule.scores(measured, mapping, low, low + width)
        assert len(scores) == len(raw)
        for score in scores:
            assert (score / unit).denominator == 1
            assert score > 0
            assert low - 0.6e-6 <= float(score) <= max(low + width + 0.6e-6, 1e-6)
        for i in range(len(raw)):
            for k in range(len(raw)):
                if raw[i] <= raw[k]:
                    assert scores[i] <= scores[k]
        if mapping == "min-max":
            for value, score in zip(raw, scores, strict=True):
                share = (value - min(raw)) / (max(raw) - min(raw)) if max(raw) > min(raw) else 1.0
                assert float(score) == pytest.approx(max(low + width * share, 1e-6), abs=0.6e-6)
        elif name in NATURAL or rule.natural == "clip":
            for value, score in zip(raw, scores, strict=True):
                natural = NATURAL.get(name, float)(value)
                assert float(score) == pytest.approx(max(min(max(natural, low), low + width), 1e-6), abs=0.6e-6)


def test_unknown_rules_and_rules_registered_twice_are_refused():
    with pytest.raises(InputError, match=r"unknown scoring rule 'gut-feeling'; there are accuracy"):
        find_scoring_rule("gut-feeling")
    with pytest.raises(ValueError, match="registered twice"):
        scoring_rule("drift", summary="", source="")(lambda measured: measured.cosine)


# ------------------------------------------------------------------ metrics


def exact(value: F | int | None) -> float | None:
    return None if value is None else float(value)


@few
@given(market=markets(), truthful=st.booleans())
def test_money_and_score_of_a_round_add_up(market, truthful):
    outcome = run_mechanism(market, "driftpay-co")
    hired = [i for i in range(market.n) if outcome.assignment[i] >= 0]
    deviates = np.arange(market.n) % 2 == 0
    other = run_mechanism(market.with_bids([market.cost(i) for i in range(market.n)]), "driftpay-co")
    row = metrics.budget_metrics(market, outcome, other if truthful else None, deviates)
    paid = sum((outcome.payment(i) for i in hired), F(0))
    budget = sum((market.budget(j) for j in range(market.m)), F(0))
    assert row["paid"] == exact(paid)
    assert row["unused_share"] == (exact((budget - paid) / budget) if budget else None)
    assert row["winners_cost"] == exact(sum((market.cost(i) for i in hired), F(0)))
    assert row["workers_utility"] == pytest.approx(row["paid"] - row["winners_cost"])

    def utility(found):
        return sum((found.payment(i) - market.cost(i) for i in range(0, market.n, 2) if found.assignment[i] >= 0), F(0))

    assert row["deviators_utility"] == exact(utility(outcome))
    assert row["deviation_gain"] == (exact(utility(outcome) - utility(other)) if truthful else None)
    nobody = metrics.budget_metrics(market, outcome, None, np.zeros(market.n, dtype=bool))
    assert nobody["deviators_utility"] is None

    each = metrics.requester_metrics(market, outcome)
    assert sum(part["winners"] for part in each) == len(hired)
    assert sum(part["paid"] for part in each) == pytest.approx(float(paid))
    assert sum(part["score"] for part in each) == pytest.approx(float(outcome.score))


@few
@given(market=markets(max_workers=5))
def test_optimum_and_share(market):
    outcome = run_mechanism(market, "driftpay-co")
    for problem in ("opt", "opt-sep"):
        row = metrics.optimum_metrics(market, outcome, solve(market, problem), "best")
        value = solve(market, problem, "brute-force").objective
        assert value is not None
        assert row["best"] == float(value)
        assert row["best_proved"]
        score = sum((market.score(int(i)) for i in outcome.winner_indices), F(0))
        assert "best_ratio" not in row
        assert row["best_share"] == (1.0 if score == value else exact(score / value) if value else None)


@few
@given(market=markets())
def test_binding_caps_and_concentration_by_counting(market):
    outcome = run_mechanism(market, "driftpay-co")
    row = metrics.cap_metrics(market, outcome)
    where = outcome.assignment.tolist()
    members = [[i for i in range(market.n) if market.group_of[i] == l] for l in range(market.L)]
    caps = bound = exhausted = 0
    for l in range(market.L):
        full = True
        for j in range(market.m):
            cap = int(market.cap_limits[l, j])
            used = sum(where[i] == j for i in members[l])
            limiting = 0 <= cap < len(members[l])
            caps += limiting
            bound += limiting and used == cap
            full &= used == cap or used == len(members[l])
        # No place is left for a worker of the group, and one is left out.
        exhausted += full and any(where[i] < 0 for i in members[l])
    assert (row["caps"], row["caps_bound"], row["groups_exhausted"]) == (caps, bound, exhausted)
    assert row["caps_bound_share"] == (bound / caps if caps else None)
    winners = sum(part >= 0 for part in where)
    shares = [F(sum(where[i] >= 0 for i in group), winners) for group in members] if winners else []
    assert row["concentration"] == (exact(sum(share**2 for share in shares)) if winners else None)
    seats = [int(seat) for seat in market.seat_limits]
    assert row["seats_bound"] == sum(0 <= s < market.n and where.count(j) == s for j, s in enumerate(seats))


@few
@given(first=st.sets(st.integers(0, 7)), second=st.sets(st.integers(0, 7)))
def test_jaccard_of_sets(first, second):
    one, two = (np.isin(np.arange(8), sorted(chosen)) for chosen in (first, second))
    assert metrics.jaccard(one, two) == (len(first & second) / len(first | second) if first | second else 1.0)


@few
@given(
    values=st.lists(st.fractions(0, 9, max_denominator=50), min_size=1, max_size=9),
    size=st.sampled_from([F(0), F(1, 100), F(99, 100)]),
    seed=st.integers(0, 1000),
)
def test_perturbations_keep_their_size_and_are_exact(values, size, seed):
    moved = metrics.perturbed(values, size, np.random.default_rng(seed))
    assert moved == metrics.perturbed(values, size, np.random.default_rng(seed))
    for before, after in zip(values, moved, strict=True):
        assert abs(after - before) <= size * before
        if before and size:
            assert ((after / before - 1) / size * 1000).denominator == 1


def test_noise_is_measured_against_the_true_scores():
    market = Market.build(scores=["1", "0.5", "0.8"], costs=[1, 1, 1], budgets=[2])
    seen = Market.build(scores=["0.9", "0.6", "0.8"], costs=[1, 1, 1], budgets=[2])
    outcome, noiseless = run_mechanism(seen, "driftpay-co"), run_mechanism(market, "driftpay-co")
    row = metrics.score_metrics(market, seen, outcome, noiseless)
    assert row["eta_effective"] == pytest.approx(0.2)
    assert row["noise_benchmark"] == pytest.approx(0.8 / 1.2)
    true = sum((market.score(int(i)) for i in outcome.winner_indices), F(0))
    assert row["score"] == float(true)
    assert row["score_seen"] == float(outcome.score)
    assert row["degradation"] == float(true / noiseless.score)
    assert (row["v_least"], row["v_most"], row["dispersion"]) == (0.5, 1.0, 2.0)


def test_learning_gains_are_improvements():
    whole, each = metrics.learning_metrics([(2.0, 0.25), (1.0, 0.5)], [(1.5, 0.5), (1.25, 0.25)])
    assert [row["loss_gain"] for row in each] == [0.5, -0.25]
    assert [row["accuracy_gain"] for row in each] == [0.25, -0.25]
    assert whole == {
        "loss": 1.375, "loss_gain": 0.25, "accuracy": 0.375, "accuracy_gain": 0.0, "accuracy_worst": 0.25,
    }  # fmt: skip


# ------------------------------------------------------------------ routing


@few
@given(market=markets(max_workers=5))
def test_even_routing_is_within_limits_and_as_even_as_any(market):
    winners = run_mechanism(market, "driftpay-co").winner_indices
    found = even_routing(market, winners)
    assert violation(market, "orp", found) is None
    assert np.flatnonzero(found >= 0).tolist() == winners.tolist()

    def unevenness(where):
        counts = np.zeros((market.L, market.m), dtype=int)
        np.add.at(counts, (market.group_of[winners], list(where)), 1)
        return counts.max(initial=0), counts.sum(axis=0).max(initial=0)

    best = []
    for where in product(range(market.m), repeat=len(winners)):
        assignment = np.full(market.n, -1)
        assignment[winners] = where
        if violation(market, "orp", assignment) is None:
            best.append(unevenness(where))
    assert unevenness(found[winners]) == min(best)


# ------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    "values",
    [
        {"eta": 1.0},
        {"memory": -0.1},
        {"v_min": 0.0},
        {"v_min": 2.0},
        {"beta": 0.0},
        {"groups": "given"},
        {"groups": "by-name"},
        {"mapping": "rank"},
        {"workers": 0},
        {"deviators": 1.5},
        {"mechanism_options": ("eta",)},
        {"probe_seen": 200},
        {"learning_rate": -1.0},
    ],
)
def test_settings_that_make_no_sense_are_refused(values):
    with pytest.raises(InputError) as refused:
        ProcurementSettings(**values)
    assert refused.value.field in {*values, "group_names"}


def test_noise_goes_both_ways_and_as_far_as_it_says():
    rng = np.random.Generator(np.random.PCG64(3))
    costs, nobody = np.full(4000, 10_000), np.zeros(4000, dtype=bool)
    bids = BidModel(noise=0.5).bids(costs, nobody, rng)
    spread = CostModel(fixed=100.0, per_sample=0.0, spread=0.0, noise=0.5).costs(np.ones(4000), np.ones(4000), rng)
    factors = CostModel(spread=0.5).factors(4000, rng) * 10_000
    for values in (bids, spread, factors):
        # Uniform on [5000, 15000]: mean within five standard errors, ends almost reached.
        assert abs(values.mean() - 10_000) < 5 * 10_000 / np.sqrt(12 * 4000)
        assert 5_000 <= values.min() < 5_050
        assert 14_950 < values.max() <= 15_000


def test_simulations_that_begin_alike_train_one_first_model_and_share_no_tensor() -> None:
    plain = ProcurementSettings(workers=9, train_samples=140, public_samples=20, public_steps=10, probe_size=25)
    learning._first_model.cache_clear()
    first = Simulation(plain).learning.first_model()
    for tensor in first.values():
        tensor.zero_()
    others = [
        replace(plain, mechanism="drop-top", budget_share=0.5),
        replace(plain, seed=1),
        replace(plain, public_steps=9),
    ]
    alike, *different = [Simulation(other).learning.first_model() for other in others]
    assert learning._first_model.cache_info().misses == 3
    # As it was before somebody changed theirs.
    model = Simulation(plain).learning
    recipe = Recipe(steps=10, learning_rate=plain.learning_rate)
    start = model.architecture.initial(int(generator(0, Purpose.INITIAL).integers(2**31)))
    trained = model._train(start, [model.environment.public], recipe, np.zeros(1, dtype=np.int64))
    for name, tensor in alike.items():
        assert np.array_equal(tensor.numpy(), trained[name][0].numpy())
        assert all(not np.array_equal(tensor.numpy(), other[name].numpy()) for other in different)
