"""Gaming and audits, standing scores, lower bounds, rotation and money that is kept: each against its definition."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
import torch
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.fl.rounds.audits import LEAST_UPDATE, NEAREST, Findings, examine, handed_in, update_norms
from fedmech.fl.rounds.environment import build_environment
from fedmech.fl.rounds.procurement import Simulation, run_rounds
from fedmech.fl.rounds.settings import GAMES, ProcurementSettings
from fedmech.fl.scoring.score_map import fit_map
from fedmech.fl.scoring.uncertainty import lower_bounds
from fedmech.models.input_error import InputError

TINY = ProcurementSettings(
    rounds=4, workers=12, train_samples=240, public_samples=20, public_steps=10, probe_size=40, architecture="mlp",
    learning_rate=0.3, steps=3, scoring_steps=5, cap=None, budget_share=0.4, groups="one", seed=5,
    requesters=2, perturbations=0, optimum="none", tasks="same", cost_noise=0.0,
)  # fmt: skip
AUDITED = replace(TINY, gamers=0.25, audit_every=2, audit_size=60)


def rounds_of(rows):
    return [row for row in rows if row["level"] == "round"]


# ------------------------------------------------------------------ adversaries and tests


def test_the_reserve_is_nobodys_and_new_for_every_audit():
    environment = build_environment(replace(TINY, audit_every=2, audit_size=30))
    assert environment.audits is not None
    reserve = environment.audits.reserve
    parts = [environment.probe.indices, reserve.indices, environment.public, *environment.holdings]
    everything = np.concatenate(parts)
    assert len(np.unique(everything)) == len(everything) == 40 + 60 + 20 + 240
    first, second = (set(environment.audits.probe(number).indices.tolist()) for number in (2, 4))
    assert first | second == set(reserve.indices.tolist())
    assert not first & second
    # Without audits nothing is held back, and everything else is as it was.
    plain = build_environment(TINY)
    assert plain.audits is None
    assert (plain.probe.indices == environment.probe.indices).all()


@pytest.mark.parametrize("game", GAMES)
def test_what_each_game_hands_in(game):
    simulation = Simulation(replace(AUDITED, game=game))
    games = simulation.environment.games
    assert games.sum() == 3
    update = simulation._update(simulation.first, 1)
    for name, tensor in update.honest.items():
        assert (update.handed[name][~games] == tensor[~games]).all()
    norms, honest = update_norms(update.model, update.handed), update_norms(update.model, update.honest)
    true, seen = simulation._measure(simulation.first, 1, update)
    if game == "idle":
        assert (norms[games] == 0).all()
        assert (seen.cosine[games] == 1).all()
    elif game == "overfit":
        # Bent back on the images that it knows, and still an update of about its old length.
        assert (seen.cosine[games] > true.cosine[games]).all()
        assert (norms[games] > 0.5 * honest[games]).all()
    else:
        flat = torch.cat([(update.handed[k] - update.model[k]).flatten(1) for k in update.model], 1)
        for i in np.flatnonzero(games):
            distances = (flat[~games] - flat[i]).norm(dim=1).numpy() / norms[~games]
            assert distances.min() == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(("game", "column"), [("overfit", "inconsistent"), ("idle", "idle"), ("copy", "copied")])
def test_each_game_is_caught_by_its_test_and_no_honest_worker_is(game, column):
    rows = rounds_of(run_rounds(replace(AUDITED, game=game)))
    assert [row["flagged_honest"] for row in rows] == [None, 0, None, 0]
    assert [row["excluded"] for row in rows] == [0, 3, 3, 3]
    assert rows[1][f"flagged_{column}"] == 3
    assert sum(rows[1][f"flagged_{name}"] for name in ("inconsistent", "idle", "copied")) == 3
    assert [row["gamers_left"] for row in rows] == [3, 0, 0, 0]
    assert all(row["gamers_hired"] == row["gamers_paid"] == 0 for row in rows[1:])


def test_nobody_is_excluded_without_audits_and_the_idle_are_bought():
    rows = rounds_of(run_rounds(replace(TINY, gamers=0.25, game="idle")))
    assert all(row["excluded"] == 0 and row["gamers_left"] == 3 for row in rows)
    # The best score there is: they are bought, and nothing is learnt from them.
    assert sum(row["gamers_hired"] for row in rows) > 0
    assert rows[0]["gamers_paid"] > 0


def test_an_idle_worker_is_the_best_on_every_image_so_fresh_images_find_nothing():
    simulation = Simulation(replace(AUDITED, game="idle"))
    found = simulation.decide(simulation.first, 2).findings
    assert found is not None
    games = simulation.environment.games
    assert (found.idle == games).all()
    assert not found.inconsistent.any()
    assert (found.flagged == games).all()


def test_thresholds_of_norm_and_distance():
    model = {"w": torch.zeros(2, dtype=torch.float64)}
    drifts = np.random.default_rng(0).normal(0.9, 0.01, (4, 30))

    def flags(*updates):
        order = np.arange(len(updates))
        handed = {"w": torch.tensor(updates, dtype=torch.float64)}
        return examine(model, handed, drifts[: len(updates)], drifts[: len(updates)], order, 0.01)

    # The median norm is 1.
    low = flags([1, 0], [0, 1], [LEAST_UPDATE, 0], [0, -1])
    assert low.idle.tolist() == [False, False, True, False]
    above = flags([1, 0], [0, 1], [LEAST_UPDATE * (1 + 1e-9), 0], [0, -1])
    assert not above.idle.any()
    near = flags([1, 0], [0, 1], [1, NEAREST], [0, -1])
    assert near.copied.tolist() == [False, False, True, False]
    apart = flags([1, 0], [0, 1], [1, NEAREST * (1 + 1e-9)], [0, -1])
    assert not apart.copied.any()
    # Whoever came first is no copier; the idle copy nobody.
    handed = {"w": torch.tensor([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=torch.float64)}
    turned = examine(model, handed, drifts, drifts, np.array([1, 0, 2, 3]), 0.01)
    assert turned.copied.tolist() == [True, False, False, False]
    assert turned.idle.tolist() == [False, False, True, True]


def test_only_who_looked_better_before_is_flagged():
    rng = np.random.default_rng(1)
    standing, fresh = (rng.normal(0.9, 0.01, (5, 50)) for _ in range(2))
    standing[1] += 0.05
    fresh[2] += 0.05
    handed = {"w": torch.eye(5, dtype=torch.float64)}
    found = examine({"w": torch.zeros(5, dtype=torch.float64)}, handed, standing, fresh, np.arange(5), 0.01)
    assert found.inconsistent.tolist() == [False, True, False, False, False]
    spread = found.among(np.array([0, 2, 4, 6, 8]), 9)
    assert isinstance(spread, Findings)
    assert np.flatnonzero(spread.flagged).tolist() == [2]


def test_copiers_without_anybody_to_copy_hand_in_their_own():
    honest = {"w": torch.ones(2, 3)}
    probe = np.zeros((1, 3), dtype=np.float32)
    architecture = Simulation(TINY).architecture
    found = handed_in(
        "copy", np.ones(2, dtype=bool), architecture, {"w": torch.zeros(3)}, honest, probe, np.random.default_rng(0)
    )
    assert found is honest


def test_when_everybody_is_excluded_it_is_said():
    with pytest.raises(InputError, match="every worker has been excluded") as refused:
        # All hand in the same: the first is taken for idle beside a median of 0, as are the others.
        run_rounds(replace(AUDITED, gamers=1.0, game="idle"))
    assert refused.value.field == "audit_every"


# ------------------------------------------------------------------ scores that stand


def test_scores_stand_between_scorings_and_grow_stale():
    simulation = Simulation(replace(TINY, score_every=3))
    state, seen, true, rows = simulation.first, [], [], []
    for number in (1, 2, 3, 4):
        decided = simulation.decide(state, number)
        seen.append(decided.seen.scores)
        true.append(decided.market.scores)
        state, new = simulation.play(state, number)
        rows += rounds_of(new)
        assert (state.standing[0] == [int(score * 10**6) for score in decided.seen.scores]).all()
    assert list(seen[0]) == list(seen[1]) == list(seen[2]) == list(true[0])
    assert list(seen[3]) == list(true[3])
    for row, given, right in zip(rows, seen, true, strict=True):
        wanted = max(abs(v - w) / w for v, w in zip(given, right, strict=True))
        assert row["eta_effective"] == pytest.approx(float(wanted))
        assert (row["v_least"], row["v_most"]) == (float(min(right)), float(max(right)))
    assert [row["eta_effective"] > 0 for row in rows] == [False, True, True, False]


def test_an_audit_refreshes_scores_on_its_own_images():
    simulation = Simulation(replace(TINY, audit_every=2, audit_size=30, score_every=4))
    assert [simulation._scored(number) for number in (1, 2, 3, 4, 5)] == [True, True, False, True, True]
    decided = simulation.decide(simulation.first, 2)
    _, fresh = simulation._measure(simulation.first, 2)
    assert simulation.environment.audits is not None
    assert fresh.cosines.shape == (12, 30)
    wanted = simulation.rule.scores(fresh, "min-max", 0.1, 1.0)
    # Nobody is flagged here, so all are still there.
    assert list(decided.seen.scores) == wanted


def test_a_restored_state_goes_on_as_the_one_it_was():
    settings = replace(AUDITED, game="idle", pacing="carry", score_every=2)
    simulation = Simulation(settings)
    state, _ = simulation.play(simulation.first, 1)
    state, _ = simulation.play(state, 2)
    again = simulation.first.restored(state.arrays(), "cpu")
    assert state.excluded.sum() == 3
    assert simulation.play(again, 3)[1] == simulation.play(state, 3)[1]


# ------------------------------------------------------------------ lower bounds, rotation


@pytest.mark.parametrize("scoring", ["drift", "drift-l2"])
def test_lower_bounds_reach_the_mechanism(scoring):
    settings = replace(TINY, mechanism="driftpay-lcb", scoring=scoring, mapping="natural")
    simulation = Simulation(settings)
    decided = simulation.decide(simulation.first, 1)
    measured, _ = simulation._measure(simulation.first, 1)
    images = measured.cosines if scoring == "drift" else measured.distances
    assert images.mean(axis=1) == pytest.approx(measured.cosine if scoring == "drift" else measured.l2)
    score_map = fit_map(images.mean(axis=1), "half" if scoring == "drift" else "exponential", 0.1, 1.0)
    seed = int(np.random.Generator(np.random.PCG64(np.random.SeedSequence([5, 21, 1]))).integers(2**31))
    bounds = lower_bounds(images, confidence=0.95, score_map=score_map, seed=seed).bounds
    found = decided.outcome.details["bounds"]
    assert np.array([float(value) for value in found]) == pytest.approx(bounds, abs=2e-6)
    # Rounded down, never up.
    assert all(value <= bound + 1e-12 for value, bound in zip(map(float, found), bounds, strict=True))
    assert len(rounds_of(run_rounds(settings))) == 4
    own = Simulation(replace(settings, confidence=None)).decide(simulation.first, 1)
    assert list(own.outcome.details["bounds"]) == [score * F(9, 10) for score in own.seen.scores]
    given = Simulation(replace(settings, mechanism_options=("radius=0.05",))).decide(simulation.first, 1)
    assert list(given.outcome.details["bounds"]) == [score - F(1, 20) for score in given.seen.scores]


def test_rules_that_are_no_means_over_images_leave_the_radius_to_the_mechanism():
    simulation = Simulation(replace(TINY, mechanism="driftpay-lcb", scoring="loss"))
    decided = simulation.decide(simulation.first, 1)
    assert decided.radius is None
    assert list(decided.outcome.details["bounds"]) == [score * F(9, 10) for score in decided.seen.scores]


def test_rotation_mixes_in_whose_turn_it_is():
    simulation = Simulation(replace(TINY, rotation=0.25))
    state, _ = simulation.play(simulation.first, 1)
    decided = simulation.decide(state, 2)
    plain = Simulation(TINY).decide(state, 2)
    turns = [F(round((0.1 + 0.9 * (1 - share)) * 10**6), 10**6) for share in state.participation]
    for mixed, rule, turn in zip(decided.seen.scores, plain.seen.scores, turns, strict=True):
        assert abs(mixed - (F(3, 4) * rule + F(1, 4) * turn)) <= F(1, 10**6)
    # Only whose turn it is: the least of those not hired is above the best of those hired.
    only = Simulation(replace(TINY, rotation=1.0)).decide(state, 2).seen
    assert state.hired is not None
    scores = np.array([float(score) for score in only.scores])
    assert scores[~state.hired].min() > scores[state.hired].max()


def test_a_fixed_random_score_is_the_same_in_every_round():
    simulation = Simulation(replace(TINY, scoring="random-fixed"))
    first, later = (simulation.decide(simulation.first, number).seen.scores for number in (1, 2))
    assert list(first) == list(later)
    assert len(set(first)) == 12


def test_fewer_test_samples_leave_everything_else_as_it_was() -> None:
    whole, few = (build_environment(replace(TINY, test_size=size)) for size in (0, 30))
    assert (few.dataset.test_labels == whole.dataset.test_labels[:30]).all()
    assert (few.probe.indices == whole.probe.indices).all()
    assert all((one == other).all() for one, other in zip(few.holdings, whole.holdings, strict=True))


@pytest.mark.parametrize("size", [2, 41])
def test_requesters_have_probe_images_of_their_own_labels(size):
    settings = replace(TINY, probes="own", tasks="label-subsets", labels_per_task=2, probe_size=size)
    environment = build_environment(settings)
    first, second = (set(task.labels) for task in environment.tasks)
    assert not first & second
    labels = environment.probe.labels.tolist()
    assert sum(label in first for label in labels) == (size + 1) // 2
    assert sum(label in second for label in labels) == size // 2
    parts = [environment.probe.indices, environment.public, *environment.holdings]
    assert len(np.unique(np.concatenate(parts))) == size + 20 + 240
    # Labels that both ask for are drawn twice, images never.
    same = build_environment(replace(settings, tasks="same"))
    assert len(np.unique(same.probe.indices)) == size
    with pytest.raises(InputError, match="an image for each of 2 requesters"):
        build_environment(replace(settings, probe_size=1))


# ------------------------------------------------------------------ money that is kept


@pytest.mark.parametrize("mechanism", ["driftpay-co", "driftpay-no"])
@pytest.mark.parametrize("pacing", ["none", "carry", "spread"])
def test_unspent_money_goes_where_pacing_says(pacing, mechanism):
    settings = replace(TINY, pacing=pacing, mechanism=mechanism, budget_split="geometric")
    simulation = Simulation(settings)
    own = [task.budget for task in simulation.environment.tasks]
    state, kept = simulation.first, [F(0), F(0)]
    for number in (1, 2, 3, 4):
        decided = simulation.decide(state, number)
        shared = {"none": None, "carry": 1, "spread": 5 - number}[pacing]
        wanted = [
            budget + (0 if shared is None else F(int(100 * left) // shared, 100))
            for budget, left in zip(own, kept, strict=True)
        ]
        assert list(decided.market.budgets) == list(decided.seen.budgets) == wanted
        outcome = run_mechanism(decided.seen, mechanism)
        assert outcome.total_payment == decided.outcome.total_payment <= sum(wanted)
        state, _ = simulation.play(state, number)
        if mechanism == "driftpay-co":
            total = sum(own) + sum(kept) - outcome.total_payment
            kept = [F(left, 100) for left in state.unspent.tolist()]
            # Whole cents, the larger part with the first, whose budget is the larger one.
            assert 0 <= total - sum(kept) < F(1, 100)
            assert abs(kept[0] - 2 * kept[1]) <= F(3, 100)
        else:
            for j in range(2):
                paid = sum((outcome.payment(i) for i in np.flatnonzero(outcome.assignment == j).tolist()), F(0))
                kept[j] += own[j] - paid
                assert 0 <= kept[j] - F(int(state.unspent[j]), 100) < F(1, 100)
                kept[j] = F(int(state.unspent[j]), 100)


@pytest.mark.parametrize("pacing", ["carry", "spread"])
def test_debts_are_paid_off_and_no_budget_is_negative(pacing):
    """VCG promises no budget: what it overspends is taken from the budgets that follow."""
    simulation = Simulation(replace(TINY, pacing=pacing, mechanism="vcg", requesters=1))
    (own,) = (task.budget for task in simulation.environment.tasks)
    state, left, owed = simulation.first, F(0), False
    for number in (1, 2, 3, 4):
        decided = simulation.decide(state, number)
        shared = 1 if pacing == "carry" else 5 - number
        assert list(decided.market.budgets) == [max(F(0), own + F(int(100 * left // shared), 100))]
        left += own - decided.outcome.total_payment
        state, _ = simulation.play(state, number)
        # Down to whole cents, debts too.
        assert 0 <= left - F(int(state.unspent[0]), 100) < F(1, 100)
        left = F(int(state.unspent[0]), 100)
        owed |= left < 0
    assert owed


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"audit_level": 0.0}, "audit_level"),
        ({"confidence": 1.0}, "confidence"),
        ({"audit_every": 1, "audit_size": 500}, "audit_size"),
        ({"audit_every": 2, "audit_size": 550}, "train_samples"),
        ({"game": "sulk"}, "game"),
        ({"pacing": "save"}, "pacing"),
        ({"score_every": 0}, "score_every"),
    ],
)
def test_what_makes_no_sense_is_refused(changed, field):
    with pytest.raises(InputError) as refused:
        run_rounds(replace(TINY, **changed))
    assert refused.value.field == field
