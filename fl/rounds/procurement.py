"""Procurement rounds of a multi-tenant federated-learning market.

In every round the platform scores the workers by a standardised update, the workers bid, a mechanism hires and pays, each requester trains
its model on its winners for one round, and everything that DriftPay's section 7e asks for is measured.

Scores ``v_i`` do not depend on the requester, so they need one model to be measured against. It is the plain average of the requesters'
models (reconstructed: section 3 speaks of "the global model at round t" and section 7e gives each requester a training job of its
own). The scoring update is apart from the training updates, as section 7d asks (stated): all workers take the same steps from
that average on all their samples, whatever anybody's task is; only the winners then train, from their requester's model, on the samples
that matter to its task.

Rounds carry no hidden state: what one hands to the next is a :class:`.state.State`, every random number belongs to a purpose and a round,
and so a run resumed from a checkpoint has, bit for bit, the results of an uninterrupted one on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...models.exact import parse_number
from ...models.files import make_folder
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ...solvers.control import Control
from ...solvers.solution import Solution
from ...solvers.solve import solve
from ..mechanisms.interface import Outcome, find_mechanism, run_mechanism
from ..scoring.drift_score import drift_scores, scoring_update
from ..scoring.probe import ProbeSet
from ..training.aggregate import average
from ..training.architectures import Architecture, architecture
from ..training.batched import train_clients
from ..training.evaluate import evaluate
from ..training.parameters import Params, clients_of, stack
from ..training.recipe import Recipe
from . import metrics
from .bids import money
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .environment import (
    Environment,
    Purpose,
    build_environment,
    generator,
)
from .routing import even_routing
from .scoring_rules import Measurement, ScoringRule, find_scoring_rule
from .settings import ProcurementSettings
from .state import State, first_state
from .tasks import task_samples

__all__ = ["CHECKPOINT", "Interrupted", "Simulation", "market_of", "run_rounds"]

CHECKPOINT = "rounds.npz"
"""Name of the checkpoint in the folder that a run is given."""

OPTIMUM_SECONDS = 30.0
"""After so long an optimum is reported as the best point found, not proved; only such a row can depend on the machine's speed."""

Row = dict[str, Any]


class Interrupted(KeyboardInterrupt):
    """A run was stopped between rounds, by Ctrl-C or by its deadline.

    Attributes
    ----------
    rows : list of dict
        The rows of the rounds that were finished.
    """

    def __init__(self, rows: list[Row]):
        self.rows = rows
        super().__init__(f"stopped with {len(rows)} rows")


def run_rounds(
    settings: ProcurementSettings, control: Control | None = None, checkpoint: Path | None = None
) -> list[Row]:
    """Run a simulation, from its checkpoint if there is one.

    Parameters
    ----------
    settings : ProcurementSettings
    control : Control, optional
        Progress, and a deadline that is looked at between rounds.
    checkpoint : Path, optional
        A folder; after every round all that the next one needs is written there, whole or not at all.

    Returns
    -------
    list of dict
        One row for each round (``level`` is ``round``) and one for each requester in it (``requester``); the columns are those of
        :mod:`.metrics`.

    Raises
    ------
    Interrupted
        On Ctrl-C, or when time is up before the last round; it carries the rows of the finished rounds.
    InputError
        For settings that do not go together, a mechanism that cannot run on this market, training that diverges, or a
        checkpoint of other settings.
    """
    control = control or Control()
    path = None if checkpoint is None else checkpoint / CHECKPOINT
    rows: list[Row] = []
    try:
        if path is not None:
            make_folder(path.parent)
        document = settings.document()
        found = Checkpoint() if path is None else read_checkpoint(path, document)
        rows = list(found.rows)
        simulation = Simulation(settings)
        state = simulation.first
        if found.rounds:
            try:
                state = state.restored(found.arrays, settings.device)
            except InputError as error:
                raise error.in_file(str(path)) from None
        for number in range(found.rounds + 1, settings.rounds + 1):
            if control.expired():
                raise Interrupted(rows)
            control.progress(f"round {number} of {settings.rounds}")
            state, new = simulation.play(state, number)
            # One assignment: an interruption finds the rows of whole rounds only.
            rows = [*rows, *new]
            if path is not None:
                write_checkpoint(path, document, Checkpoint(number, rows, state.arrays()))
    except KeyboardInterrupt as stop:
        raise stop if isinstance(stop, Interrupted) else Interrupted(rows) from None
    return rows


@dataclass(frozen=True)
class Round:
    """What was known and decided in one round, before anybody trained.

    Attributes
    ----------
    market : Market
        True scores ``v``, true costs, the bids.
    seen : Market
        The same with the scores that the mechanism saw, ``v^``.
    outcome : Outcome
        Of the mechanism on `seen`.
    drift : list of Fraction, length n
        Drift scores by the paper's rule, whatever rule was bought by.
    honest_bids : list of Fraction, length n
        What everybody would have bid without the deviation.
    """

    market: Market
    seen: Market
    outcome: Outcome
    drift: list[Fraction]
    honest_bids: list[Fraction]


class Simulation:
    """A simulation's fixed part, and how one round is played.

    Parameters
    ----------
    settings : ProcurementSettings

    Attributes
    ----------
    environment : Environment
    architecture : Architecture
    rule : ScoringRule
    first : State
        Before the first round.
    """

    def __init__(self, settings: ProcurementSettings):
        self.settings = settings
        self.rule: ScoringRule = find_scoring_rule(settings.scoring)
        self.mechanism = find_mechanism(settings.mechanism)
        self.environment: Environment = build_environment(settings)
        data = self.environment.dataset
        self.architecture: Architecture = architecture(settings.architecture, data.input_shape, data.classes)
        model = self.architecture.initial(int(generator(settings.seed, Purpose.INITIAL).integers(2**31)))
        public = self.environment.public
        if len(public) and settings.public_steps:
            recipe = Recipe(steps=settings.public_steps, learning_rate=settings.learning_rate)
            trained = self._train(model, [public], recipe, np.zeros(1, dtype=np.int64))
            model = clients_of(trained, 0)
        looks_back = settings.objective == "moon"
        self.first: State = first_state(model, settings.requesters, settings.workers, looks_back, settings.device)

    # ------------------------------------------------------------------ one round

    def play(self, state: State, number: int) -> tuple[State, list[Row]]:
        """Play one round.

        Parameters
        ----------
        state : State
            What the round before left.
        number : int
            Of the round, from 1.

        Returns
        -------
        state : State
        rows : list of dict
        """
        decided = self.decide(state, number)
        before = self._evaluate(state.models)
        models, local, samples = self._learn(state, decided.outcome.assignment, number)
        after = self._evaluate(models)
        assignment = decided.outcome.assignment
        # Of the requester that each winner worked for; losers' entries are not read.
        gains = (self._probe_losses(state.models) - self._probe_losses(models))[assignment]
        rows = self._rows(decided, state, number, before, after, samples)
        moved = replace(state, models=models, local=local)
        return moved.with_history(assignment >= 0, gains, self.settings.memory), rows

    def decide(self, state: State, number: int) -> Round:
        """Score, take bids and run the mechanism; nobody trains for a requester yet."""
        settings, environment = self.settings, self.environment
        measured, glimpsed = self._measure(state, number)
        scores = self._scores(self.rule, measured)
        estimates = scores if glimpsed is measured else self._scores(self.rule, glimpsed)
        if settings.eta:
            estimates = metrics.perturbed(estimates, parse_number(settings.eta), self._draws(Purpose.NOISE, number))
        costs = environment.costs.costs(environment.samples, environment.factors, self._draws(Purpose.COSTS, number))
        bids = environment.bids.bids(costs, environment.deviates, self._draws(Purpose.BIDS, number))
        honest = environment.bids.bids(costs, np.zeros_like(environment.deviates), self._draws(Purpose.BIDS, number))
        market = market_of(environment, settings, scores, money(costs), money(bids))
        seen = market if estimates is scores else market_of(environment, settings, estimates, money(costs), money(bids))
        drift = self._scores(find_scoring_rule("drift"), measured)
        return Round(market, seen, self._run(seen, number), drift, money(honest))

    def _scores(self, rule: ScoringRule, measured: Measurement) -> list[Fraction]:
        return rule.scores(measured, self.settings.mapping, self.settings.v_min, self.settings.v_max)

    def _draws(self, purpose: Purpose, number: int) -> np.random.Generator:
        return generator(self.settings.seed, purpose, number)

    def _measure(self, state: State, number: int) -> tuple[Measurement, Measurement]:
        """Score by the standardised update from the average of the requesters' models: on all of the probe set, and as seen."""
        settings, data, probe = self.settings, self.environment.dataset, self.environment.probe
        model = average(state.models)
        local = scoring_update(
            self.architecture,
            model,
            data.train_inputs,
            data.train_labels,
            self.environment.holdings,
            self._recipe(settings.scoring_steps, Purpose.SCORING, number),
            previous=state.local,
            device=settings.device,
        )
        measured = self._measure_on(probe, model, local, state, number)
        if settings.probe_seen is None or settings.probe_seen == len(probe):
            return measured, measured
        order = np.argsort(self._draws(Purpose.GLIMPSE, number).random(len(probe)), kind="stable")
        part = probe.part(order[: settings.probe_seen], probe.nonce)
        return measured, self._measure_on(part, model, local, state, number)

    def _measure_on(self, probe: ProbeSet, model: Params, local: Params, state: State, number: int) -> Measurement:
        # Copies: torch has no read-only tensors.
        images, labels = torch.tensor(probe.inputs), torch.tensor(probe.labels)
        loss, accuracy = evaluate(self.architecture, local, images, labels)
        base_loss, base_accuracy = evaluate(self.architecture, model, images, labels)
        cosine, l2 = (
            drift_scores(self.architecture, model, local, probe, kind, device=self.settings.device)
            for kind in ("cosine", "l2")
        )
        return Measurement(
            cosine=cosine,
            l2=l2,
            accuracy=accuracy,
            loss=loss,
            base_accuracy=base_accuracy,
            base_loss=base_loss,
            reputation=state.reputation,
            participation=state.participation,
            draws=self._draws(Purpose.RULE, number).random(self.settings.workers),
        )

    def _run(self, market: Market, number: int) -> Outcome:
        options: dict[str, Any] = dict(self.settings.options)
        if "seed" not in options and any(option.name == "seed" for option in self.mechanism.options):
            options["seed"] = int(self._draws(Purpose.MECHANISM, number).integers(2**31))
        outcome = run_mechanism(market, self.mechanism.name, **options)
        # A mechanism with separate budgets has chosen who pays whom.
        if self.settings.routing == "even" and "separate-budgets" not in self.mechanism.claims:
            return replace(outcome, assignment=even_routing(market, outcome.winner_indices))
        return outcome

    # ------------------------------------------------------------------ training

    def _recipe(self, steps: int, purpose: Purpose, number: int) -> Recipe:
        settings = self.settings
        return Recipe(
            loss=settings.objective,
            steps=steps,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            proximal=settings.proximal,
            contrast=settings.contrast,
            temperature=settings.temperature,
            seed=int(self._draws(purpose, number).integers(2**31)),
        )

    def _train(
        self,
        start: Params,
        holdings: Sequence[np.ndarray],
        recipe: Recipe,
        clients: np.ndarray,
        previous: Params | None = None,
    ) -> Params:
        data = self.environment.dataset
        return train_clients(
            self.architecture,
            start,
            data.train_inputs,
            data.train_labels,
            holdings,
            recipe,
            previous=previous,
            clients=clients,
            device=self.settings.device,
        )

    def _learn(self, state: State, assignment: np.ndarray, number: int) -> tuple[Params, Params | None, list[int]]:
        """Train every requester's model on its winners; one without winners that have samples for it keeps its model.

        Returns the models, the workers' latest models, and the number of samples each requester's winners trained on.
        """
        data, tasks = self.environment.dataset, self.environment.tasks
        held = {
            int(i): task_samples(tasks[assignment[i]], data.train_labels, self.environment.holdings[i])
            for i in np.flatnonzero(assignment >= 0)
        }
        clients = np.array([i for i, samples in held.items() if len(samples)], dtype=np.int64)
        used = [int(sum(len(held[i]) for i in clients if assignment[i] == j)) for j in range(len(tasks))]
        if not len(clients):
            return state.models, state.local, used
        requester = assignment[clients]
        trained = self._train(
            clients_of(state.models, torch.from_numpy(requester)),
            [held[i] for i in clients],
            self._recipe(self.settings.steps, Purpose.TRAINING, number),
            clients,
            None if state.local is None else clients_of(state.local, torch.from_numpy(clients)),
        )
        models = []
        for j in range(len(tasks)):
            mine = np.flatnonzero(requester == j)
            if len(mine):
                weights = [len(held[i]) for i in clients[mine]]
                models.append(average(clients_of(trained, torch.from_numpy(mine)), weights))
            else:
                models.append(clients_of(state.models, j))
        local = None
        if state.local is not None:
            local = {name: tensor.clone() for name, tensor in state.local.items()}
            for name, tensor in trained.items():
                local[name][torch.from_numpy(clients)] = tensor
        return stack(models), local, used

    def _evaluate(self, models: Params) -> list[tuple[float, float]]:
        """Test loss and accuracy of every requester's model on its own task."""
        data = self.environment.dataset
        found = []
        for j, task in enumerate(self.environment.tasks):
            model = clients_of(models, j)
            loss, accuracy = evaluate(self.architecture, model, data.test_inputs, data.test_labels, task.class_weights)
            if not np.isfinite(loss):
                raise InputError(
                    "its test loss is not finite: training diverged", row=f"task {task.id!r}", field="learning_rate"
                )
            found.append((float(loss), float(accuracy)))
        return found

    def _probe_losses(self, models: Params) -> np.ndarray:
        """Loss of every requester's model on the probe images of its task, 0 where there are none: reputations see no test image."""
        probe, found = self.environment.probe, np.zeros(len(self.environment.tasks))
        images, labels = torch.tensor(probe.inputs), torch.tensor(probe.labels)
        for j, task in enumerate(self.environment.tasks):
            if np.isin(probe.labels, task.labels).any():
                found[j] = evaluate(self.architecture, clients_of(models, j), images, labels, task.class_weights)[0]
        return found

    # ------------------------------------------------------------------ measuring

    def _rows(
        self,
        decided: Round,
        state: State,
        number: int,
        before: Sequence[tuple[float, float]],
        after: Sequence[tuple[float, float]],
        samples: Sequence[int],
    ) -> list[Row]:
        settings, market, outcome = self.settings, decided.market, decided.outcome
        hired = outcome.assignment >= 0
        noiseless = outcome if decided.seen is market else self._run(market, number)
        deviates = self.environment.deviates
        truthful = self._run(decided.seen.with_bids(decided.honest_bids), number) if deviates.any() else None
        whole, each = metrics.learning_metrics(before, after)
        drift = sum((decided.drift[i] for i in outcome.winner_indices.tolist()), Fraction(0))
        row: Row = {"level": "round", "round": number, "requester": None}
        row |= metrics.score_metrics(market, decided.seen, outcome, noiseless)
        row["drift_score"] = float(drift)
        for name in ("opt", "opt-sep"):
            if settings.optimum in (name, "both"):
                solution = _optimum(market, name)
                row |= metrics.optimum_metrics(market, outcome, solution, name.replace("-", "_"))
        row |= whole
        row["samples"] = sum(samples)
        row |= metrics.budget_metrics(market, outcome, truthful, deviates)
        row |= metrics.cap_metrics(market, outcome)
        row["overlap"] = None if state.hired is None else metrics.jaccard(hired, state.hired)
        row |= self._sensitivity(decided, hired, number)
        rows = [row]
        figures = zip(self.environment.tasks, each, metrics.requester_metrics(market, outcome), samples, strict=True)
        for task, learning, bought, used in figures:
            rows.append(
                {"level": "requester", "round": number, "requester": task.id, **learning, **bought, "samples": used}
            )
        return rows

    def _sensitivity(self, decided: Round, hired: np.ndarray, number: int) -> Row:
        """Mean overlap of the selection with those under slightly other scores, and slightly other bids."""
        settings, seen, environment = self.settings, decided.seen, self.environment
        rng = self._draws(Purpose.PERTURBATION, number)
        size = parse_number(settings.perturbation)
        scores, costs, bids = ([read(i) for i in range(seen.n)] for read in (seen.score, seen.cost, seen.bid))

        def other_scores() -> np.ndarray:
            market = market_of(environment, settings, metrics.perturbed(scores, size, rng), costs, bids)
            return self._run(market, number).assignment >= 0

        def other_bids() -> np.ndarray:
            return self._run(seen.with_bids(metrics.perturbed(bids, size, rng)), number).assignment >= 0

        again: dict[str, Callable[[], np.ndarray]] = {"scores": other_scores, "bids": other_bids}
        return {
            f"overlap_other_{name}": metrics.sensitivity(hired, draw, settings.perturbations)
            for name, draw in again.items()
        }


def market_of(
    environment: Environment,
    settings: ProcurementSettings,
    scores: Sequence[Fraction],
    costs: Sequence[Fraction],
    bids: Sequence[Fraction],
) -> Market:
    """Make one round's market of exact scores, costs and bids, shape (n,) each."""
    return Market.build(
        scores=scores,
        costs=costs,
        bids=bids,
        groups=environment.groups,
        budgets=[task.budget for task in environment.tasks],
        seats=[task.seats for task in environment.tasks],
        requester_ids=[task.id for task in environment.tasks],
        default_cap=settings.cap,
    )


def _optimum(market: Market, problem: str) -> Solution:
    solution = solve(market, problem, time_limit=OPTIMUM_SECONDS, allow_suboptimal=True)
    if solution.stopped == "interrupted":
        # A solver keeps its best point on Ctrl-C and returns; here the round that is under way is given up.
        raise KeyboardInterrupt
    return solution
