"""Procurement rounds against a literal second way: workers trained one by one, scores, mechanism and averages by their definitions."""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
import torch
from fedmech import solve
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.fl.rounds.environment import Purpose, build_environment, generator
from fedmech.fl.rounds.procurement import Simulation, run_rounds
from fedmech.fl.rounds.scoring_rules import scoring_rules
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.fl.training.parameters import stack
from fedmech.fl.training.recipe import Recipe
from fedmech.models.input_error import InputError
from mechanism_definitions import DEFINITIONS, Plain
from one_by_one import train_clients_one_by_one

TINY = ProcurementSettings(
    rounds=2, workers=9, train_samples=140, public_samples=20, public_steps=10, probe_size=25, architecture="softmax",
    learning_rate=0.3, steps=3, scoring_steps=2, cap=2, budget_share=0.4, groups="random", group_count=3, seed=5,
    requesters=2, perturbations=1,
)  # fmt: skip


def rounds_of(rows):
    return [row for row in rows if row["level"] == "round"]


def requesters_of(rows, number):
    return [row for row in rows if row["level"] == "requester" and row["round"] == number]


# ------------------------------------------------------------------ a round, literally


def representation(model, images):
    """Centred log-probabilities of softmax regression, in double precision."""
    weight, bias = model["output.weight"].double().numpy(), model["output.bias"].double().numpy()
    logits = images.reshape(len(images), -1).astype(np.float64) @ weight.T + bias
    return logits, logits - logits.mean(axis=1, keepdims=True)


def task_loss(model, images, labels, weights):
    logits, _ = representation(model, images)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    w = np.array([weights[label] for label in labels], dtype=float)
    picked = log_p[np.arange(len(w)), labels]
    right = logits.argmax(axis=1) == labels
    return -(w * picked).sum() / w.sum(), (w * right).sum() / w.sum()


def mean_model(models, weights):
    shares = [w / sum(weights) for w in weights]
    return {
        name: torch.stack([s * model[name].double() for s, model in zip(shares, models, strict=True)]).sum(0).float()
        for name in models[0]
    }


def of(stacked, i):
    return {name: tensor[i] for name, tensor in stacked.items()}


def drift_scores_by_definition(settings, platform, updates, probe_inputs):
    _, origin = representation(platform, probe_inputs)
    raw = []
    for i in range(settings.workers):
        _, moved = representation(of(updates, i), probe_inputs)
        cosines = (moved * origin).sum(1) / np.linalg.norm(moved, axis=1) / np.linalg.norm(origin, axis=1)
        raw.append(cosines.mean())
    raw = np.array(raw)
    if settings.mapping == "natural":
        return np.clip((1 + raw) / 2, settings.v_min, settings.v_max)
    return 0.1 + 0.9 * (raw - raw.min()) / (raw.max() - raw.min())


def winners_by_definition(market, outcome):
    payments = DEFINITIONS["driftpay-co"](Plain(market))
    chosen = sorted(payments)
    assert chosen == outcome.winner_indices.tolist()
    for i in range(market.n):
        assert outcome.payment(i) == payments.get(i, 0)
    return chosen


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"objective": "moon", "tasks": "loss-weights", "requesters": 3, "seats": 2},
        {"routing": "mechanism", "cap": 4},
        {"objective": "fedprox", "proximal": 0.5, "batch_size": 4, "tasks": "same", "cap": None, "mapping": "natural"},
    ],
)
def test_rounds_follow_their_definition(changed):
    settings = replace(TINY, **changed)
    simulation = Simulation(settings)
    environment, data = simulation.environment, simulation.environment.dataset
    state = simulation.first
    reputation, participation, hired_before = [0.0] * 9, [0.0] * 9, None
    models = [of(state.models, j) for j in range(settings.requesters)]
    local_models = [models[0]] * settings.workers
    for number in (1, 2):
        recipe = simulation.learning.recipe(settings.scoring_steps, Purpose.SCORING, number)
        assert recipe == replace(
            Recipe(settings.objective, settings.scoring_steps, settings.batch_size, 0.3),
            proximal=settings.proximal, seed=recipe.seed,
        )  # fmt: skip
        platform = mean_model(models, [1] * len(models))
        # MOON looks back at the model that a worker trained last, for whichever requester.
        updates = train_clients_one_by_one(
            simulation.architecture, platform, data.train_inputs, data.train_labels, environment.holdings, recipe,
            previous=stack(local_models),
        )  # fmt: skip
        wanted = drift_scores_by_definition(settings, platform, updates, environment.probe.inputs)
        decided = simulation.decide(state, number)
        market = decided.market
        scores = np.array([float(market.score(i)) for i in range(market.n)])
        assert np.abs(scores - wanted).max() < 2e-5
        assert [market.bid(i) for i in range(market.n)] == [market.cost(i) for i in range(market.n)]

        chosen = winners_by_definition(market, decided.outcome)
        state, rows = simulation.play(state, number)
        row = rounds_of(rows)[0]
        best = solve(market, "opt", "brute-force").objective
        assert best is not None
        assert row["opt"] == float(best)
        assert row["score"] == float(sum((market.score(i) for i in chosen), F(0)))
        assert 0 < row["opt_share"] <= 1

        gains = []
        new_models = []
        for j, task in enumerate(environment.tasks):
            mine = [i for i in chosen if decided.outcome.assignment[i] == j]
            held = {}
            for i in mine:
                samples = [
                    int(k) for k in environment.holdings[i] for _ in range(task.class_weights[data.train_labels[k]])
                ]
                if samples:
                    held[i] = samples
            before = task_loss(models[j], data.test_inputs, data.test_labels, task.class_weights)
            if held:
                recipe = simulation.learning.recipe(settings.steps, Purpose.TRAINING, number)
                trained = {
                    i: of(
                        train_clients_one_by_one(
                            simulation.architecture, models[j], data.train_inputs, data.train_labels, [samples], recipe,
                            previous=local_models[i], clients=[i],
                        ),
                        0,
                    )
                    for i, samples in held.items()
                }  # fmt: skip
                new_models.append(mean_model(list(trained.values()), [len(held[i]) for i in trained]))
                for i, model in trained.items():
                    local_models[i] = model
            else:
                new_models.append(models[j])
            after = task_loss(new_models[j], data.test_inputs, data.test_labels, task.class_weights)
            found = requesters_of(rows, number)[j]
            assert found["samples"] == sum(map(len, held.values()))
            for name, value in zip(
                ("loss_before", "accuracy_before", "loss", "accuracy"), (*before, *after), strict=True
            ):
                assert found[name] == pytest.approx(value, abs=2e-3 if "accuracy" in name else 1e-5), name
            probe = environment.probe
            old, new = (
                task_loss(m[j], probe.inputs, probe.labels, task.class_weights)[0] for m in (models, new_models)
            )
            gains.append(old - new)
            for name, tensor in new_models[j].items():
                assert (state.models[name][j] - tensor).abs().max() < 1e-5
        models = [of(state.models, j) for j in range(settings.requesters)]

        for i in range(settings.workers):
            won = i in chosen
            if won:
                gain = gains[decided.outcome.assignment[i]]
                reputation[i] = settings.memory * reputation[i] + (1 - settings.memory) * gain
            participation[i] = settings.memory * participation[i] + (1 - settings.memory) * won
        assert state.reputation == pytest.approx(reputation, abs=1e-5)
        assert state.participation == pytest.approx(participation)
        overlap = None if hired_before is None else len(hired_before & set(chosen)) / len(hired_before | set(chosen))
        assert row["overlap"] == overlap
        hired_before = set(chosen)
        if settings.objective == "moon":
            assert state.local is not None
            for i in range(settings.workers):
                for name, tensor in local_models[i].items():
                    assert (state.local[name][i] - tensor).abs().max() < 1e-5


# ------------------------------------------------------------------ who holds what, and what it costs


@pytest.mark.parametrize("partition", ["dirichlet-per-client", "dirichlet", "dirichlet-balanced", "iid"])
def test_probe_public_samples_and_workers_share_nothing(partition):
    settings = replace(TINY, partition=partition)
    environment = build_environment(settings)
    parts = [environment.probe.indices, environment.public, *environment.holdings]
    everything = np.concatenate(parts)
    assert len(np.unique(everything)) == len(everything) == 25 + 20 + 140
    assert min(map(len, environment.holdings)) >= 1
    costs = environment.factors * (settings.fixed_cost + settings.cost_per_sample * environment.samples)
    budget = float(sum(task.budget for task in environment.tasks))
    assert budget == pytest.approx(0.4 * costs.sum(), abs=0.0051)
    each = build_environment(replace(settings, budget_basis="each"))
    assert float(sum(task.budget for task in each.tasks)) == pytest.approx(2 * 0.4 * costs.sum(), abs=0.0051)


def test_groups_are_dominant_labels_or_given():
    environment = build_environment(replace(TINY, groups="dominant-label"))
    labels = environment.dataset.train_labels
    for held, group in zip(environment.holdings, environment.groups, strict=True):
        counts = [int((labels[held] == label).sum()) for label in range(10)]
        assert group == f"label-{counts.index(max(counts))}"
    names = tuple("abcabcabc")
    assert build_environment(replace(TINY, groups="given", group_names=names)).groups == list(names)
    assert set(build_environment(replace(TINY, groups="one")).groups) == {"g1"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"train_samples": 5000}, "train_samples"),
        ({"train_samples": 8}, "train_samples"),
        ({"scoring": "gut-feeling"}, "scoring"),
        ({"mechanism": "first-come"}, "mechanism"),
        ({"labels_per_task": 11}, "labels_per_task"),
        ({"mechanism_options": ("colour=3",)}, "option"),
        ({"learning_rate": 1e38}, None),
        ({"fixed_cost": 1e300}, "budget_share"),
        ({"fixed_cost": 1e308, "cost_per_sample": 1e308}, "budget_share"),
        ({"fixed_cost": 1e300, "budget_share": 0.0}, "fixed_cost"),
        ({"deviators": 1.0, "deviation": 1e300}, "deviation"),
    ],
)
def test_what_cannot_be_simulated_is_refused(changed, field):
    with pytest.raises(InputError) as refused, warnings.catch_warnings(action="error"):
        run_rounds(replace(TINY, **changed))
    assert field is None or refused.value.field == field


# ------------------------------------------------------------------ what must not matter, and what must


def scores_of(settings, number=1):
    simulation = Simulation(settings)
    market = simulation.decide(simulation.first, number).market
    return [market.score(i) for i in range(market.n)]


def test_moons_scores_move_with_contrast_once_there_is_a_round_to_look_back_at():
    states, found = {}, {}
    for contrast in (0.0, 1.0, 10.0):
        simulation = Simulation(replace(TINY, objective="moon", contrast=contrast))
        # All look back at the same round.
        states[contrast] = states.get(0.0) or simulation.play(simulation.first, 1)[0]
        found[contrast] = [
            np.array([float(market.score(i)) for i in range(market.n)])
            for market in (simulation.decide(simulation.first, 1).market, simulation.decide(states[contrast], 2).market)
        ]
    fedavg = Simulation(TINY).decide(replace(states[0.0], local=None), 2).market
    assert np.abs(found[0.0][1] - [float(fedavg.score(i)) for i in range(fedavg.n)]).max() < 1e-5
    for one, other in ((0.0, 1.0), (1.0, 10.0)):
        # In the first round both models that the term compares with are the common first one.
        assert np.abs(found[one][0] - found[other][0]).max() < 1e-5
        assert np.abs(found[one][1] - found[other][1]).max() > 1e-3


def test_scores_never_see_a_bid():
    honest = scores_of(TINY)
    for changed in (
        {"deviators": 0.5, "deviation": 3.0},
        {"bid_noise": 0.9},
        {"cost_spread": 1.0},
        {"budget_share": 0.9},
    ):
        assert scores_of(replace(TINY, **changed)) == honest


def test_no_test_image_reaches_a_score_or_a_model():
    settings = replace(TINY, scoring="reputation")
    plain, blind = Simulation(settings), Simulation(settings)
    data = blind.environment.dataset
    shuffled = replace(data, test_labels=(data.test_labels + 1) % data.classes)
    blind.environment = blind.learning.environment = replace(blind.environment, dataset=shuffled)
    states = [plain.first, blind.first]
    for number in (1, 2, 3):
        (states[0], seen), (states[1], other) = plain.play(states[0], number), blind.play(states[1], number)
        assert requesters_of(seen, number)[0]["loss"] != requesters_of(other, number)[0]["loss"]
        assert (states[0].reputation == states[1].reputation).all()
    assert states[0].reputation.any()
    for name, tensor in states[0].models.items():
        assert torch.equal(tensor, states[1].models[name])


def test_a_task_without_probe_images_earns_no_reputation():
    simulation = Simulation(replace(TINY, probe_size=1, labels_per_task=1, requesters=2))
    label = int(simulation.environment.probe.labels[0])
    state, _ = simulation.play(simulation.first, 1)
    for j, task in enumerate(simulation.environment.tasks):
        assert (simulation.learning.probe_losses(state.models)[j] > 0) == (label in task.labels)


def test_streams_of_random_numbers_do_not_touch():
    drawn = [
        tuple(generator(seed, purpose, number).random(3))
        for seed in (0, 1)
        for purpose in Purpose
        for number in range(3)
    ]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("rule", [rule.name for rule in scoring_rules()])
def test_every_rule_runs_and_keeps_within_money_and_caps(rule):
    rows = run_rounds(replace(TINY, scoring=rule, optimum="both", deviators=0.3, deviation=1.5))
    for row in rounds_of(rows):
        assert row["paid"] <= row["budget"] + 1e-9
        assert row["opt_proved"]
        assert row["opt_sep_proved"]
        assert row["opt_sep"] <= row["opt"] + 1e-9
        assert 0 <= row["concentration"] <= 1
        # Truthful bidding is dominant one by one, so no statement on what deviators gain together is made here.
        assert row["deviation_gain"] is not None


@pytest.mark.parametrize("mechanism", ["driftpay-no", "lowest-bid", "random-feasible", "drop-top"])
def test_other_mechanisms_run(mechanism):
    rows = run_rounds(replace(TINY, mechanism=mechanism, optimum="opt-sep"))
    assert all(row["paid"] <= row["budget"] + 1e-9 for row in rounds_of(rows))
    assert rows == run_rounds(replace(TINY, mechanism=mechanism, optimum="opt-sep"))
    if mechanism == "driftpay-no":
        assert all(row["paid"] <= row["budget"] + 1e-9 for n in (1, 2) for row in requesters_of(rows, n))


def test_options_reach_the_mechanism():
    drawn = [
        run_rounds(replace(TINY, mechanism="random-feasible", mechanism_options=options))
        for options in (("seed=3",), ("seed=3",), ("seed=4",))
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_noise_in_scores_is_bounded_and_costs_nothing_without():
    clean, noisy = run_rounds(TINY), run_rounds(replace(TINY, eta=0.5))
    for row in rounds_of(clean):
        assert (row["degradation"], row["eta_effective"], row["score"]) == (1.0, 0.0, row["score_seen"])
    for row in rounds_of(noisy):
        assert 0 < row["eta_effective"] <= 0.5 + 1e-12
    part = run_rounds(replace(TINY, probe_seen=3))
    assert all(row["eta_effective"] > 0 for row in rounds_of(part))
    assert run_rounds(replace(TINY, probe_seen=25)) == clean


def test_what_is_known_before_the_bids():
    simulation = Simulation(replace(TINY, probe_seen=5))
    probe, model = simulation.environment.probe, of(simulation.first.models, 0)
    loss, accuracy = task_loss(model, probe.inputs, probe.labels, [1] * 10)
    seen = []
    for number in (1, 2, 3):
        measured, glimpsed = simulation._measure(simulation.first, number)
        assert (measured.base_loss, measured.base_accuracy) == pytest.approx((loss, accuracy), abs=1e-5)
        assert measured.accuracy.shape == glimpsed.accuracy.shape == (9,)
        assert glimpsed.base_accuracy * 5 == pytest.approx(round(glimpsed.base_accuracy * 5))
        seen.append(glimpsed.base_loss)
    # The model is the same: only other images make another loss.
    assert len(set(seen)) == 3


def test_noise_and_deviations_are_measured_against_the_same_round_without_them():
    simulation = Simulation(replace(TINY, eta=0.8, deviators=0.5, deviation=0.6, perturbations=0))
    liars = np.flatnonzero(simulation.environment.deviates).tolist()
    differs = set()
    for number in (1, 2, 3, 4, 5):
        decided = simulation.decide(simulation.first, number)
        row = rounds_of(simulation.play(simulation.first, number)[1])[0]
        clean = run_mechanism(decided.market, "driftpay-co")
        score = sum((decided.market.score(i) for i in decided.outcome.winner_indices.tolist()), F(0))
        assert (row["score"], row["score_noiseless"]) == (float(score), float(clean.score))
        assert row["degradation"] == (float(score / clean.score) if clean.score else None)

        def utility(outcome, market=decided.market):
            return sum((outcome.payment(i) - (outcome.assignment[i] >= 0) * market.cost(i) for i in liars), F(0))

        cents = [F(round(100 * market.cost(i)), 100) for market in (decided.market,) for i in range(market.n)]
        assert decided.honest_bids == cents
        honest, on_true_scores = (
            run_mechanism(m.with_bids(cents), "driftpay-co") for m in (decided.seen, decided.market)
        )
        assert row["deviation_gain"] == float(utility(decided.outcome) - utility(honest))
        differs |= {("noise", score != clean.score), ("lies", utility(honest) != utility(on_true_scores))}
    assert {("noise", True), ("lies", True)} <= differs


def test_large_perturbations_change_who_is_hired_and_none_do_not():
    changed = replace(TINY, rounds=1, perturbations=6, optimum="none")
    for relative, same in ((0.0, True), (0.99, False)):
        row = rounds_of(run_rounds(replace(changed, perturbation=relative)))[0]
        assert (row["overlap_other_scores"] == 1) == (row["overlap_other_bids"] == 1) == same


def test_a_market_without_money_hires_nobody_and_leaves_models_alone():
    rows = run_rounds(replace(TINY, budget_share=0.0))
    for row in rounds_of(rows):
        assert row["winners"] == row["samples"] == row["score"] == row["loss_gain"] == 0
        assert (row["critical_price"], row["concentration"], row["unused_share"]) == (None, None, None)
        assert row["opt_share"] == 1.0
    assert all(row["loss"] == row["loss_before"] for n in (1, 2) for row in requesters_of(rows, n))
