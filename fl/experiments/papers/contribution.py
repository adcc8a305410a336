"""Do drift scores predict what a worker contributes? Rank correlations of every scoring rule with leave-one-out and Shapley values.

Small markets whose contributions are known: workers hold digits with Dirichlet label skew and partly wrong labels, a probe set is
held out, and a global model has already been trained for `warmup` rounds by random halves of the workers, whose reputation is the
moving average of the probe improvement of the rounds they were in. Then all train by the announced recipe, every rule of
:mod:`fedmech.fl.rounds.scoring_rules` scores them, and all coalitions are valued by the test metric of their averaged model.

``update-size`` (the norm of ``w_i - w``) and ``samples`` (how many images a worker holds) are added as rules that cost nothing. The
column ``with_update_size`` is each rule's rank correlation with that norm, ``idle_rank`` where each rule puts a worker that hands
back the global model unchanged (`idle` of them, the last workers; 1 is best), ``idle_contribution_rank`` where it belongs.

What comes out (the shipped configuration: 10 workers, digits, a perceptron after 20 rounds, games of one round valued by test loss;
mean Spearman correlation over 12 points, standard error over 10 markets):

==============  ===========  =============  ==========================================================
rule            Shapley      leave-one-out  Shapley at 10 / 100 probe images
==============  ===========  =============  ==========================================================
loss-delta      .65 +- .02   .18 +- .03     .55 / .76
accuracy-delta  .44 +- .03   .08 +- .03     .31 / .57
drift           .44 +- .04   .00 +- .04     .42 / .45
drift-l2        .27 +- .03   -.22 +- .03    .26 / .29
reputation      .16 +- .02   .16 +- .03     .04 / .28
samples         .11 +- .03   .04 +- .04     .12 / .11
update-size     -.20 +- .04  .19 +- .03     -.19 / -.20
==============  ===========  =============  ==========================================================

- Drift predicts Shapley values better than reputation (paired difference .28 +- .04), as well as the accuracy gain (.00 +- .03), and
  worse than the loss gain (-.22 +- .03). It needs no labels and hardly depends on the size of the probe set: with 10 images it beats
  accuracy (.11 +- .04).
- For leave-one-out it is worth nothing on average, and worse than reputation (-.16 +- .05).
- It predicts worse the more heterogeneous the data are, where the paper expects algorithm-aware measures to matter more: .54, .43,
  .34 with Shapley at beta = 5, 0.5, 0.1; with leave-one-out .19, .12, -.30.
- It rewards workers that do **not** move: its correlation with the size of the update is between -.25 and -.88 at every point. A worker
  that hands back the global model has cosine exactly 1 and comes first always; by Shapley value it comes between 1.4th and 6.4th of
  10, by leave-one-out between 6.1th and 9.5th, before and after 5 rounds (``contribution-stage``).
- Early in training it misleads most: after 5 rounds its correlation with leave-one-out is -.56, with Shapley -.08.
- Contributions over five rounds (``contribution-rounds`` of version 1, whose class mixes were evener than beta says) are harder to
  predict for all: Shapley .36 for drift, .42 for the loss gain, .31 for reputation at beta = 0.5; at beta = 0.1 drift says nothing
  (-.03), the loss gain .38, and reputation is best (.50).

Source: DriftPay, sections 4 and 7e (stated: "whether the drift proxy is predictive in practice"; when "simpler procurement
heuristics suffice"). The markets, the games and the rules added are choices made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....models.input_error import InputError
from ....solvers.control import Control
from ...settings import setting
from ..engine.registry import Row, experiment
from .contribution_regimes import is_over_regimes, regime_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ...scoring.contribution import Value
    from ...training.recipe import Recipe

__all__ = ["ContributionSettings", "contribution"]

RULES = ("drift", "drift-l2", "accuracy-delta", "loss-delta", "reputation", "participation", "random")
MEASURES = ("shapley", "leave-one-out")
SWEPT = ("beta", "label_noise", "probe_size", "warmup", "steps", "value_rounds", "workers", "samples", "learning_rate")


@dataclass(frozen=True)
class ContributionSettings:
    """Settings.

    Attributes
    ----------
    dataset, folder : str
        As :func:`~fedmech.fl.data.load.load_dataset` takes them.
    architecture : str
    workers : int
        Contributions are exact: all coalitions are valued.
    idle : int
        Workers, the last ones, that hand back the global model.
    samples, size_spread : int, float
        Images of a worker: uniform within ``samples * (1 -+ size_spread)``.
    beta : float
        Dirichlet concentration of each worker's class mix.
    label_noise : float
        A worker's share of wrong labels is uniform between 0 and this.
    probe_size, probe_classes : int
        Images of the probe set, and how many classes they come from (0: all); fewer shift its distribution.
    warmup : int
        Rounds the global model was trained before, each on a random half of the workers.
    memory : float
        Weight of the past in the moving averages of reputation and participation.
    loss, steps, batch_size, learning_rate, momentum
        The announced recipe, of scoring updates and of rounds.
    value_rounds : int
        Rounds that a coalition trains in the game; 1 uses the scoring updates themselves.
    metric : str
        Test accuracy or test loss.
    test_size : int
        Test images that coalitions are valued on, the first ones (0: all).
    markets : int
        Independent markets.
    seed : int
    """

    dataset: str = setting("digits", word=True)
    folder: str | None = None
    architecture: str = setting("mlp", choices=("softmax", "mlp", "swan-cnn", "moon-cnn", "cnn"))
    workers: int = setting(10, min=3, max=12)
    idle: int = setting(0, min=0, help="workers that hand back the global model")
    samples: int = setting(60, min=2, help="images of a worker, on average")
    size_spread: float = setting(0.5, min=0.0, max=0.9)
    beta: float = setting(0.5, min=1e-3, help="Dirichlet concentration; small is skewed")
    label_noise: float = setting(0.5, min=0.0, max=1.0, help="largest share of wrong labels")
    probe_size: int = setting(100, min=1)
    probe_classes: int = setting(0, min=0, help="classes in the probe set; 0: all")
    warmup: int = setting(20, min=0, help="rounds trained before")
    memory: float = setting(0.7, min=0.0, max=0.99)
    loss: str = setting("fedavg", choices=("fedavg", "fedprox", "moon"))
    steps: int = setting(10, min=1)
    batch_size: int = setting(16, min=1)
    learning_rate: float = setting(0.2, min=1e-6)
    momentum: float = setting(0.0, min=0.0, max=0.999)
    value_rounds: int = setting(1, min=1)
    metric: str = setting("loss", choices=("loss", "accuracy"))
    test_size: int = setting(0, min=0, help="test images; 0: all")
    markets: int = setting(8, min=1, help="independent markets")
    seed: int = setting(0, min=0)

    def __post_init__(self) -> None:
        if self.idle >= self.workers:
            raise InputError(f"must be below {self.workers}, the workers; got {self.idle}", field="idle")
        if self.idle and self.value_rounds > 1:
            raise InputError("idle workers are valued in games of one round only", field="value_rounds")


def figure(table: pd.DataFrame) -> Figure:
    """Mean rank correlation of each rule, two standard errors over rows; against the field swept over most values, if any.

    Where learning regimes are swept, drift in all of them: :func:`.contribution_regimes.regime_figure`.
    """
    from matplotlib.figure import Figure

    if is_over_regimes(table):
        return regime_figure(table)
    kept: Any = table[table["spearman"].notna() & (table["rule"] != "random")]
    swept = [name for name in SWEPT if name in kept and kept[name].nunique() > 1]
    against = max(swept, key=lambda name: kept[name].nunique(), default=None)
    rules = list(kept["rule"].unique())
    drawn = Figure(figsize=(10.4, 4.4), layout="constrained")
    axes = drawn.subplots(1, len(MEASURES), sharey=True)
    for axis, measure in zip(axes, MEASURES, strict=True):
        part = kept[kept["measure"] == measure]
        if against is None:
            line = part.groupby("rule")["spearman"].agg(["mean", "sem"]).fillna(0).reindex(rules)
            axis.barh(rules, line["mean"], xerr=2 * line["sem"], color="0.6")
            axis.axvline(0, color="black", linewidth=0.8)
        else:
            ticks = sorted(part[against].unique())
            for rule in rules:
                mine = part[part["rule"] == rule].groupby(against)["spearman"].agg(["mean", "sem"]).fillna(0)
                places = [ticks.index(value) for value in mine.index]
                axis.errorbar(places, mine["mean"], 2 * mine["sem"], marker="o", capsize=2, label=rule)
            axis.set_xticks(range(len(ticks)), [f"{tick:g}" for tick in ticks])
            axis.axhline(0, color="black", linewidth=0.8)
            axis.set_xlabel(against)
        axis.set_title(f"Spearman correlation with {measure}", fontsize="medium")
    if against is None:
        axes[0].invert_yaxis()
    else:
        drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize="small")
    return drawn


@experiment(
    "contribution",
    settings=ContributionSettings,
    summary="rank correlation of drift, loss, accuracy and reputation with leave-one-out and Shapley values",
    source="DriftPay, sections 4 and 7e (stated question; markets and games are choices made here)",
    plot=figure,
    requires=("torch", "sklearn"),
    version=2,
)
def contribution(settings: ContributionSettings, control: Control, checkpoint: Path | None) -> list[Row]:
    """Measure markets one after the other; a market depends on the settings and its number alone."""
    from ...scoring.rank_correlation import rank_correlation

    rows: list[Row] = []
    for market in range(settings.markets):
        control.progress(f"market {market + 1} of {settings.markets}")
        scores, contributions, facts = _market(settings, market)
        sizes = scores["update-size"]
        for rule, values in scores.items():
            by_norm = rank_correlation(values, sizes)
            for measure, shares in contributions.items():
                found = rank_correlation(values, shares)
                rows.append(
                    {
                        "market": market,
                        "rule": rule,
                        "measure": measure,
                        "spearman": found.spearman,
                        "spearman_p": found.spearman_p,
                        "kendall": found.kendall,
                        "kendall_p": found.kendall_p,
                        "with_update_size": by_norm.spearman,
                        "idle_rank": _rank_of_last(values) if settings.idle else None,
                        "idle_contribution_rank": _rank_of_last(shares) if settings.idle else None,
                        **facts,
                    }
                )
    return rows


def _rank_of_last(values: NDArray[np.float64]) -> float:
    """Rank of the last worker, 1 for the best, ties at their mean."""
    return float(1 + (values > values[-1]).sum() + ((values == values[-1]).sum() - 1) / 2)


class _Drawn:
    """A market: who holds which images, probe and recipe, and the random numbers still to be drawn.

    Attributes
    ----------
    rng : numpy.random.Generator
        Drawn from in one order: probe classes, sizes, holdings, labels, who trains in each warming round, ties.
    previous : dict of tensors or None
        Each worker's model of the last round that it took part in, which MOON looks back at.
    """

    def __init__(self, settings: ContributionSettings, market: int):
        from ...data.dirichlet import dirichlet_per_client
        from ...data.label_noise import draw_accuracies, noisy_labels
        from ...data.load import load_dataset
        from ...scoring.commitment import derive
        from ...scoring.probe import draw_probe
        from ...training.architectures import architecture
        from ...training.parameters import stack

        n = settings.workers
        secret = derive("contribution-experiment", settings.seed, market)
        self.settings = settings
        self.rng = rng = np.random.Generator(np.random.PCG64(secret))
        self.dataset = dataset = load_dataset(settings.dataset, settings.folder, seed=secret % 2**32)
        classes = rng.permutation(dataset.classes)[: settings.probe_classes or dataset.classes].tolist()
        self.probe = draw_probe(dataset, settings.probe_size, secret, labels=classes)
        free = self.probe.without(len(dataset.train_labels))
        spread = settings.size_spread * (2 * rng.random(n) - 1)
        self.sizes = np.maximum(np.rint(settings.samples * (1 + spread)), 2).astype(np.int64)
        parts = dirichlet_per_client(dataset.train_labels[free], n, settings.beta, rng, sizes=self.sizes)
        self.holdings = [free[part] for part in parts]
        _, accuracies = draw_accuracies(n, rng, bands=((1 - settings.label_noise, 1.0),))
        self.labels = noisy_labels(dataset.train_labels, self.holdings, accuracies, dataset.classes, rng)
        self.arch = architecture(settings.architecture, dataset.input_shape, dataset.classes)
        self.start = self.arch.initial(secret % 2**32)
        self.previous = stack([self.start] * n) if settings.loss == "moon" else None

    def recipe(self, number: int) -> Recipe:
        """Return the announced recipe, with the batches of one round."""
        from ...training.recipe import Recipe

        settings = self.settings
        return Recipe(
            loss=settings.loss,
            steps=settings.steps,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
            seed=1000 * number,
        )

    def update(self, model: dict[str, Any], number: int) -> dict[str, Any]:
        """Train everybody; idle workers hand back what they were given."""
        from ...scoring.drift_score import scoring_update

        images, recipe = self.dataset.train_inputs, self.recipe(number)
        local = scoring_update(self.arch, model, images, self.labels, self.holdings, recipe, previous=self.previous)
        for name, tensor in local.items():
            tensor[self.settings.workers - self.settings.idle :] = model[name]
        return local

    def on_probe(self, params: dict[str, Any]) -> tuple[Any, Any]:
        """Return loss and accuracy on the probe set."""
        from ...training.evaluate import evaluate

        return evaluate(self.arch, params, self.probe.inputs, self.probe.labels)

    def warmed_up(self) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.float64]]:
        """Train the global model by random halves of the workers; return it, and everybody's reputation and participation."""
        from ...training.aggregate import average

        settings, n, model = self.settings, self.settings.workers, self.start
        reputation, participation = np.zeros(n), np.zeros(n)
        for number in range(settings.warmup):
            hired = self.rng.permutation(n)[: n // 2]
            local = self.update(model, number + 1)
            moved = average({name: tensor[hired] for name, tensor in local.items()}, self.sizes[hired])
            for name, latest in (self.previous or {}).items():
                latest[hired] = local[name][hired]
            gain = self.on_probe(model)[0] - self.on_probe(moved)[0]
            reputation[hired] = settings.memory * reputation[hired] + (1 - settings.memory) * gain
            participation *= settings.memory
            participation[hired] += 1 - settings.memory
            model = moved
        return model, reputation, participation

    def value(self, model: dict[str, Any], local: dict[str, Any]) -> Value:
        """Return what a coalition is worth: the test metric of its averaged model, after one round or several."""
        from ...scoring.contribution import Objective, one_round_value, several_rounds_value

        settings, dataset = self.settings, self.dataset
        tested = slice(settings.test_size or None)
        objective = Objective(dataset.test_inputs[tested], dataset.test_labels[tested], settings.metric)
        if settings.value_rounds == 1:
            return one_round_value(self.arch, model, local, self.sizes.tolist(), objective)
        return several_rounds_value(
            self.arch,
            model,
            dataset.train_inputs,
            self.labels,
            self.holdings,
            self.recipe(0),
            settings.value_rounds,
            objective,
            previous=self.previous,
        )


def _market(
    settings: ContributionSettings, market: int
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]], dict[str, Any]]:
    """Measure one market: scores by rule, contributions by measure, facts for its rows."""
    import torch

    from ...rounds.scoring_rules import Measurement, find_scoring_rule
    from ...scoring.contribution import contributions
    from ...scoring.drift_score import probe_drifts
    from ...scoring.score_map import ScoreMap
    from ...training.evaluate import evaluate

    drawn = _Drawn(settings, market)
    model, reputation, participation = drawn.warmed_up()
    local = drawn.update(model, 0)
    base_loss, base_accuracy = drawn.on_probe(model)
    losses, accuracy = drawn.on_probe(local)
    cosines, distances = probe_drifts(drawn.arch, model, local, drawn.probe)
    draws = drawn.rng.random(settings.workers)
    measured = Measurement(
        cosines=cosines,
        distances=distances,
        accuracy=accuracy,
        loss=losses,
        base_accuracy=base_accuracy,
        base_loss=base_loss,
        reputation=reputation,
        participation=participation,
        draws=draws,
        fixed=draws,
    )
    scores = {name: np.asarray(find_scoring_rule(name).raw(measured), dtype=np.float64) for name in RULES}
    squares = sum((tensor - model[name]).double().square().flatten(1).sum(1) for name, tensor in local.items())
    scores["update-size"] = torch.as_tensor(squares).sqrt().numpy()
    scores["samples"] = drawn.sizes.astype(np.float64)

    found = contributions(drawn.value(model, local), settings.workers)
    mapped = ScoreMap("half", 0.01)(measured.cosine)
    facts = {
        "model_accuracy": evaluate(drawn.arch, model, drawn.dataset.test_inputs, drawn.dataset.test_labels)[1],
        "gain": found.everybody,
        "least_cosine": float(measured.cosine.min()),
        "score_spread": float(mapped.max() / mapped.min()),
    }
    return scores, {"shapley": found.shapley, "leave-one-out": found.leave_one_out}, facts
