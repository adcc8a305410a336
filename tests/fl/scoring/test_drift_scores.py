"""Drift scores of trained models, a second time by hand; markets made of them; independence of bids."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from fedmech.fl.data.dirichlet import dirichlet
from fedmech.fl.data.load import load_dataset
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.fl.scoring import digits_market as make_digits_market
from fedmech.fl.scoring import (
    drift_market,
    drift_score,
    score_map,
    uncertainty,
)
from fedmech.fl.scoring.drift_market import groups_by_label, measure_drift, measure_market
from fedmech.fl.scoring.drift_score import drift_scores, probe_drifts, probe_scores, scoring_update
from fedmech.fl.scoring.probe import draw_probe, probe_of
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.recipe import Recipe
from fedmech.models.data import DIGITS_MARKET_SEED
from fedmech.models.input_error import InputError
from one_by_one import train_clients_one_by_one

torch.set_num_threads(1)
RECIPE = Recipe(steps=4, batch_size=8, learning_rate=0.2, momentum=0.5, seed=3)


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("digits", seed=1)


@pytest.fixture(scope="module")
def probe(dataset):
    return draw_probe(dataset, 33, 12)


@pytest.fixture(scope="module")
def holdings(dataset, probe):
    free = probe.without(len(dataset.train_labels))
    parts = dirichlet(dataset.train_labels[free], 9, 0.4, np.random.default_rng(4), least=3)
    return [free[part] for part in parts]


def stacked(*models):
    return {name: torch.stack([model[name] for model in models]) for name in models[0]}


@pytest.mark.parametrize("kind", ["cosine", "l2"])
@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn"])
def test_scores_image_by_image(dataset, probe, name, kind):
    """Each image and each model by itself, the mean and the cosine in plain Python."""
    arch = architecture(name, dataset.input_shape, 10)
    start, locals_ = arch.initial(0), [arch.initial(seed) for seed in (1, 2, 3)]
    found = probe_scores(arch, start, stacked(*locals_), probe, kind)
    assert found.shape == (3, 33)

    def represent(model, image):
        wide = {key: value.double() for key, value in model.items()}
        return arch.forward(wide, torch.tensor(image, dtype=torch.float64)[None])[1][0].tolist()

    for i, model in enumerate(locals_):
        for p, image in enumerate(probe.inputs):
            mine, theirs = represent(model, image), represent(start, image)
            if kind == "cosine":
                norms = [sum(a * a for a in v) ** 0.5 for v in (mine, theirs)]
                expected = sum(a * b for a, b in zip(mine, theirs, strict=True)) / norms[0] / norms[1]
            else:
                expected = -(sum((a - b) ** 2 for a, b in zip(mine, theirs, strict=True)) ** 0.5)
            assert found[i, p] == pytest.approx(expected, abs=1e-12)
    # All kinds of one pass are what each alone is.
    other = "l2" if kind == "cosine" else "cosine"
    kinds = (kind, other, kind)
    for each, drifts in zip(kinds, probe_drifts(arch, start, stacked(*locals_), probe, kinds), strict=True):
        assert (drifts == probe_scores(arch, start, stacked(*locals_), probe, each)).all()
    means = drift_scores(arch, start, stacked(*locals_), probe, kind)
    assert np.allclose(means, [np.mean(row) for row in found], atol=1e-14)


def test_the_shipped_market_by_another_road():
    """Its 200 scores again, through torch, the batched trainer and the map `half`; the file was made with numpy alone."""
    split = make_digits_market.split_digits(DIGITS_MARKET_SEED)
    images = split.images[:, :-1].astype(np.float32)  # exact: multiples of 1/16
    arch = architecture("softmax", (64,), 10)
    zero = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in arch.shapes.items()}
    warm = Recipe(steps=30, learning_rate=0.25)
    start = train_clients_one_by_one(arch, zero, images, split.labels, [split.start], warm)
    start = {name: tensor[0] for name, tensor in start.items()}
    local = scoring_update(arch, start, images, split.labels, split.holdings, Recipe(steps=5, learning_rate=1.0))
    data = load_dataset("digits")
    data = type(data)("digits", images, split.labels, data.test_inputs.reshape(-1, 64), data.test_labels, 10)
    raw = drift_scores(arch, start, local, probe_of(data, split.probe.tolist(), bytes(32)))
    scores = score_map.ScoreMap("half", 1e-6)(raw)
    assert np.abs(scores - make_digits_market.measure_scores(split)).max() < 1e-12


def test_an_unchanged_model_has_the_best_score_there_is(dataset, probe, holdings):
    arch = architecture("mlp", dataset.input_shape, 10)
    start = arch.initial(0)
    idle = scoring_update(arch, start, dataset.train_inputs, dataset.train_labels, holdings, Recipe(steps=0))
    moved = scoring_update(arch, start, dataset.train_inputs, dataset.train_labels, holdings, RECIPE)
    for kind, best in (("cosine", 1.0), ("l2", 0.0)):
        assert (probe_scores(arch, start, idle, probe, kind) == best).all()
        assert (drift_scores(arch, start, moved, probe, kind) < best).all()


def test_zero_representations(dataset, probe):
    arch = architecture("softmax", dataset.input_shape, 10)
    zero = {name: torch.zeros(shape) for name, shape in arch.shapes.items()}
    level = {**zero, "output.bias": torch.full((10,), 0.5)}  # centred, still the zero vector
    other = arch.initial(1)
    tiny = {name: tensor * 1e-30 for name, tensor in other.items()}
    found = probe_scores(arch, zero, stacked(zero, level, other), probe)
    assert (found[:2] == 1).all()
    assert (found[2] == 0).all()
    back = probe_scores(arch, other, stacked(zero, tiny), probe)
    assert (back[0] == 0).all()
    assert np.allclose(back[1], 1, atol=1e-6)  # a direction has no length


def test_cosines_stay_within_their_limits(dataset, probe):
    arch = architecture("softmax", dataset.input_shape, 10)
    start = arch.initial(5)
    scaled = stacked(*({name: t * factor for name, t in start.items()} for factor in (1.5, 3.0, -1.0, -0.3)))
    found = probe_scores(arch, start, scaled, probe)
    assert found.max() <= 1
    assert found.min() >= -1
    assert np.allclose(found, np.array([1, 1, -1, -1])[:, None], atol=1e-6)


def test_diverged_models_are_refused_by_name(dataset, probe):
    arch = architecture("softmax", dataset.input_shape, 10)
    good = arch.initial(0)
    bad = {name: torch.full_like(tensor, float("nan")) for name, tensor in good.items()}
    with pytest.raises(InputError, match=r"worker 1, .*diverged"):
        probe_scores(arch, good, stacked(good, bad, good), probe)
    with pytest.raises(InputError, match="the global model"):
        probe_scores(arch, bad, stacked(good), probe)


def test_scores_do_not_depend_on_the_blocks(dataset, probe, monkeypatch):
    arch = architecture("mlp", dataset.input_shape, 10)
    start, local = arch.initial(0), stacked(*map(arch.initial, range(7)))
    whole = probe_scores(arch, start, local, probe)
    monkeypatch.setattr(drift_score, "_CELLS", 2 * arch.activations * len(probe))
    assert np.allclose(probe_scores(arch, start, local, probe), whole, atol=1e-14)


def test_wrong_arguments(dataset, probe):
    arch = architecture("softmax", dataset.input_shape, 10)
    one, two = arch.initial(0), stacked(arch.initial(0), arch.initial(1))
    with pytest.raises(InputError, match="kind"):
        probe_scores(arch, one, two, probe, "euclid")
    with pytest.raises(InputError, match="kind"):
        probe_drifts(arch, one, two, probe, ["l2", "euclid"])
    with pytest.raises(InputError, match="stacked"):
        probe_scores(arch, one, one, probe)
    with pytest.raises(InputError, match="stacked"):
        probe_scores(arch, two, two, probe)
    with pytest.raises(InputError, match="one global model"):
        scoring_update(arch, two, dataset.train_inputs, dataset.train_labels, [np.array([1])] * 2, RECIPE)


def test_the_update_is_standardised_and_reproducible(dataset, holdings):
    """The same recipe for all: equal to training one by one, and again the next time."""
    arch = architecture("mlp", dataset.input_shape, 10)
    start = arch.initial(2)
    given = (dataset.train_inputs, dataset.train_labels, holdings, RECIPE)
    first, second = (scoring_update(arch, start, *given) for _ in range(2))
    single = train_clients_one_by_one(arch, start, *given)
    for name in start:
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name], single[name], atol=1e-5)


def test_moon_scores_look_back_at_the_models_before(dataset, probe, holdings):
    arch = architecture("mlp", dataset.input_shape, 10)
    first, start = arch.initial(2), arch.initial(7)
    given = (dataset.train_inputs, dataset.train_labels, holdings)
    previous = scoring_update(arch, first, *given, RECIPE)
    scores = {}
    for contrast in (0.5, 4.0):
        recipe = replace(RECIPE, loss="moon", contrast=contrast)
        updates = scoring_update(arch, start, *given, recipe, previous=previous)
        single = train_clients_one_by_one(arch, start, *given, recipe, previous=previous)
        scores[contrast] = drift_scores(arch, start, updates, probe)
        assert np.allclose(scores[contrast], drift_scores(arch, start, single, probe), atol=1e-5)
        measured = measure_drift(
            dataset, holdings, architecture=arch, global_params=start, recipe=recipe, probe=probe, previous=previous
        )
        assert np.array_equal(measured.raw, scores[contrast])
        # Nothing to look back at: the contrastive term is a constant.
        blind = scoring_update(arch, start, *given, recipe)
        plain = scoring_update(arch, start, *given, RECIPE)
        assert np.allclose(drift_scores(arch, start, blind, probe), drift_scores(arch, start, plain, probe), atol=1e-6)
        assert np.abs(scores[contrast] - drift_scores(arch, start, plain, probe)).max() > 1e-3
    assert np.abs(scores[0.5] - scores[4.0]).max() > 1e-3


# Markets.


@pytest.fixture(scope="module")
def measuring(dataset, probe):
    arch = architecture("mlp", dataset.input_shape, 10, hidden=16, head=8, representation=8)
    return {
        "architecture": arch,
        "global_params": arch.initial(0),
        "recipe": RECIPE,
        "probe": probe,
        "replicates": 200,
        "eta_trials": 20,
    }


@pytest.mark.parametrize(("kind", "how"), [("cosine", None), ("l2", None), ("cosine", "min-max"), ("l2", "min-max")])
def test_market_of_measured_scores(dataset, probe, holdings, measuring, kind, how):
    costs = [f"{1 + i}/3" for i in range(9)]
    market, measured = measure_market(
        dataset, holdings, budgets=[5, 2], costs=costs, default_cap=2, kind=kind, how=how, v_min=0.05, **measuring
    )
    assert market.n == 9
    assert market.cost(4) == Fraction(5, 3)
    for i, value in enumerate(measured.scores):
        assert Decimal(measured.texts[i]) == Decimal(repr(round(float(value), 6)))
        assert market.score(i) == Fraction(measured.texts[i])
        assert Fraction(1, 20) <= market.score(i) <= 1
    expected = [f"label-{np.bincount(dataset.train_labels[held]).argmax()}" for held in holdings]
    assert [market.group_ids[g] for g in market.group_of] == expected == groups_by_label(dataset.train_labels, holdings)
    document = measured.report()
    assert document["commitment"] == probe.commitment
    assert (document["v_min"], document["v_max"]) == (0.05, 1.0)
    assert document["map"] == measured.score_map.formula
    assert document["noise_benchmark"] == pytest.approx((1 - measured.eta) / (1 + measured.eta))
    assert 0 < measured.eta < 1
    assert (measured.bounds.bounds <= measured.scores + 1e-15).all()
    assert (measured.errors > 0).any()
    outcome = run_mechanism(market, "driftpay-lcb", **measured.bounds.as_options())
    assert outcome.score > 0


def test_a_worker_may_not_hold_a_probe_image(dataset, probe, holdings, measuring):
    leaking = [*holdings[:-1], np.append(holdings[-1], probe.indices[0])]
    with pytest.raises(InputError, match=r"worker 8.*holds an image of the probe"):
        measure_drift(dataset, leaking, **measuring)


def test_refused_measurements(dataset, holdings, measuring):
    with pytest.raises(InputError, match=r"'v_min'.*decimals"):
        measure_drift(dataset, holdings, v_min=0.01234567, **measuring)
    with pytest.raises(InputError, match="no samples"):
        measure_drift(dataset, [*holdings, np.array([], dtype=np.int64)], **measuring)


def test_one_worker_and_one_probe_image_of_the_l2_kind(dataset, holdings, measuring):
    single = {**measuring, "probe": draw_probe(dataset, 2, 12, exclude=holdings[0])}
    market, measured = measure_market(dataset, holdings[:1], budgets=[1], costs=[1], kind="l2", **single)
    assert market.n == 1
    assert measured.spread == 1


# Independence of bids.


def parameters_naming_money(function: Callable[..., object]) -> set[str]:
    """Return the parameters through which bids or costs could come in, ``*args`` and ``**kwargs`` among them."""
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if any(word in name.lower() for word in ("bid", "cost", "price", "payment", "budget"))
        or parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    }


def test_no_scoring_function_has_a_place_for_money():
    for module in (drift_score, score_map, uncertainty):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing):
                assert not parameters_naming_money(thing), name
    assert not parameters_naming_money(measure_drift)
    assert parameters_naming_money(measure_market) == {"budgets", "costs", "bids", "measuring"}
    assert parameters_naming_money(drift_market.drift_market) == {"budgets", "costs", "bids"}


def test_bids_leave_measured_scores_as_they_are(dataset, holdings, measuring):
    bids = np.linspace(0, 2, len(holdings))
    profiles = [bids, bids, np.zeros_like(bids), bids[::-1], 10 * bids + 10, *(bids + np.eye(len(bids)) * (bids + 1))]
    found = [
        measure_market(dataset, holdings, budgets=[3], bids=profile, **measuring)[0].scores for profile in profiles
    ]
    assert all(scores == found[0] for scores in found)
