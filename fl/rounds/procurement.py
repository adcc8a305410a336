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
from ..mechanisms.interface import Outcome, find_mechanism, run_mechanism
from ..scoring.drift_score import probe_drifts, probe_scores, scoring_update
from ..scoring.probe import ProbeSet
from ..training.aggregate import average
from ..training.architectures import Architecture, architecture
from ..training.evaluate import evaluate
from ..training.parameters import Params, clients_of
from . import metrics
from .audits import Findings, examine, handed_in
from .bids import money
from .buying import budgets_of, market_of, optimum, rescored, unspent_after
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .environment import (
    Environment,
    Purpose,
    build_environment,
    generator,
)
from .learning import Learning
from .routing import even_routing
from .scoring_rules import UNIT, Measurement, ScoringRule, find_scoring_rule
from .settings import ProcurementSettings
from .state import State, first_state

__all__ = ["CHECKPOINT", "Interrupted", "Simulation", "run_rounds"]

CHECKPOINT = "rounds.npz"
"""Name of the checkpoint in the folder that a run is given."""

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
    who : ndarray of int64, shape (n,)
        The workers of the market, by their numbers in the simulation: all that no audit has excluded.
    standing : ndarray of int64, shape (2, workers)
        Scores and radii that stand from here on.
    radius : list of Fraction, length n, or None
        How far below the scores their lower bounds lie, where the mechanism asks for it.
    findings : Findings or None
        Of the audit, where there was one.
    """

    market: Market
    seen: Market
    outcome: Outcome
    drift: list[Fraction]
    honest_bids: list[Fraction]
    who: np.ndarray
    standing: np.ndarray
    radius: list[Fraction] | None
    findings: Findings | None


@dataclass(frozen=True)
class Update:
    """A round's scoring updates.

    Attributes
    ----------
    model : Params
        The average of the requesters' models, from which they start.
    honest, handed : Params
        As announced, and as handed in; the same object where nobody games.
    """

    model: Params
    honest: Params
    handed: Params


class Simulation:
    """A simulation's fixed part, and how one round is played.

    Parameters
    ----------
    settings : ProcurementSettings
    dataset : optional
        As :func:`.environment.build_environment` takes it.
    dtype : torch.dtype
        Number type of all training.

    Attributes
    ----------
    environment : Environment
    architecture : Architecture
    rule : ScoringRule
    first : State
        Before the first round.
    """

    def __init__(self, settings: ProcurementSettings, dataset: Any = None, dtype: torch.dtype = torch.float32):
        self.settings = settings
        self.rule: ScoringRule = find_scoring_rule(settings.scoring)
        self.mechanism = find_mechanism(settings.mechanism)
        self.environment: Environment = build_environment(settings, dataset)
        data = self.environment.dataset
        self.architecture: Architecture = architecture(settings.architecture, data.input_shape, data.classes)
        self.learning = Learning(settings, self.environment, self.architecture, dtype)
        looks_back = settings.objective == "moon"
        first = self.learning.first_model()
        self.first: State = first_state(first, settings.requesters, settings.workers, looks_back, settings.device)

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
        assignment = np.full(self.settings.workers, -1, dtype=np.int64)
        assignment[decided.who] = decided.outcome.assignment
        before = self.learning.evaluate(state.models)
        models, local, samples = self.learning.learn(state, assignment, number)
        after = self.learning.evaluate(models)
        # Of the requester that each winner worked for; losers' entries are not read.
        gains = (self.learning.probe_losses(state.models) - self.learning.probe_losses(models))[assignment]
        hired = assignment >= 0
        rows = self._rows(decided, state, number, before, after, samples, hired)
        excluded = np.ones_like(hired)
        excluded[decided.who] = False
        unspent = unspent_after(self.environment, self.settings, state.unspent, decided.outcome, self._separate)
        moved = replace(
            state, models=models, local=local, standing=decided.standing, excluded=excluded, unspent=unspent
        )
        return moved.with_history(hired, gains, self.settings.memory), rows

    def decide(self, state: State, number: int) -> Round:
        """Score, audit, take bids and run the mechanism; nobody trains for a requester yet."""
        settings, environment = self.settings, self.environment
        update = self._update(state, number)
        measured, glimpsed = self._measure(state, number, update)
        scores = self._scores(self.rule, measured)
        standing = state.standing
        if self._scored(number):
            given = scores if glimpsed is measured else self._scores(self.rule, glimpsed)
            radii = self._radii(glimpsed, number)
            standing = np.array([[int(value * UNIT) for value in column] for column in (given, radii)], dtype=np.int64)
        estimates, radius = ([Fraction(value, UNIT) for value in column] for column in standing.tolist())
        if settings.eta:
            estimates = metrics.perturbed(estimates, parse_number(settings.eta), self._draws(Purpose.NOISE, number))
        costs = environment.costs.costs(environment.samples, environment.factors, self._draws(Purpose.COSTS, number))
        bids = environment.bids.bids(costs, environment.deviates, self._draws(Purpose.BIDS, number))
        honest = environment.bids.bids(costs, np.zeros_like(environment.deviates), self._draws(Purpose.BIDS, number))
        findings = self._examine(glimpsed, update, state, number)
        excluded = state.excluded if findings is None else state.excluded | findings.flagged
        who = np.flatnonzero(~excluded)
        if not len(who):
            raise InputError("every worker has been excluded by the audits", field="audit_every")
        budgets = budgets_of(environment, settings, state.unspent, number)
        market, seen = (
            market_of(environment, settings, values, money(costs), money(bids), budgets).subset(who)
            for values in (scores, estimates)
        )
        if estimates == scores:
            seen = market
        bounded = [radius[i] for i in who] if any(radius) else None
        drift = self._scores(find_scoring_rule("drift"), measured)
        return Round(
            market=market,
            seen=seen,
            outcome=self._run(seen, number, bounded),
            drift=[drift[i] for i in who],
            honest_bids=[money(honest)[i] for i in who],
            who=who,
            standing=standing,
            radius=bounded,
            findings=findings,
        )

    def scores(self, state: State, number: int) -> list[Fraction]:
        """Return the true scores of all workers in a round."""
        return self._scores(self.rule, self._measure(state, number)[0])

    def _scored(self, number: int) -> bool:
        """Whether scores are measured anew in a round; those of an audit are."""
        return (number - 1) % self.settings.score_every == 0 or self._audited(number)

    def _audited(self, number: int) -> bool:
        return self.environment.audits is not None and self.environment.audits.audited(number)

    def _scores(self, rule: ScoringRule, measured: Measurement) -> list[Fraction]:
        settings = self.settings
        scores = rule.scores(measured, settings.mapping, settings.v_min, settings.v_max)
        if rule is not self.rule or not settings.rotation:
            return scores
        # Whoever was hired lately makes way for others.
        turns = settings.v_max - (settings.v_max - settings.v_min) * measured.participation
        weight = parse_number(settings.rotation)
        mixed = [(1 - weight) * score + weight * Fraction(turn) for score, turn in zip(scores, turns, strict=True)]
        return [Fraction(max(1, round(value * UNIT)), UNIT) for value in mixed]

    def _radii(self, measured: Measurement, number: int) -> list[Fraction]:
        """How far below the scores their lower bounds lie; zeros where nobody asks."""
        settings = self.settings
        found = None
        if (
            settings.mechanism == "driftpay-lcb"
            and settings.confidence is not None
            and "radius" not in settings.options
        ):
            seed = int(self._draws(Purpose.BOUNDS, number).integers(2**31))
            limits = (settings.mapping, settings.v_min, settings.v_max)
            found = self.rule.radii(measured, *limits, settings.confidence, seed)
        if found is None:
            return [Fraction(0)] * settings.workers
        # Whose turn it is is known.
        weight = 1 - parse_number(settings.rotation)
        return [Fraction(-(-value * weight * UNIT // 1), UNIT) for value in found]

    def _draws(self, purpose: Purpose, number: int) -> np.random.Generator:
        return generator(self.settings.seed, purpose, number)

    @property
    def _separate(self) -> bool:
        return "separate-budgets" in self.mechanism.claims

    # ------------------------------------------------------------------ scoring

    def _update(self, state: State, number: int) -> Update:
        """Let everybody make the standardised update from the average of the requesters' models, and hand in what it likes."""
        settings, environment = self.settings, self.environment
        model = average(state.models)
        honest = scoring_update(
            self.architecture,
            model,
            self.learning.inputs,
            self.learning.labels,
            environment.holdings,
            self.learning.recipe(settings.scoring_steps, Purpose.SCORING, number),
            previous=state.local,
            device=settings.device,
        )
        draws = self._draws(Purpose.GAME, number)
        probe = environment.probe.inputs
        handed = handed_in(settings.game, environment.games, self.architecture, model, honest, probe, draws)
        return Update(model, honest, handed)

    def _measure(self, state: State, number: int, update: Update | None = None) -> tuple[Measurement, Measurement]:
        """Measure the honest updates on all of the probe set, and what was handed in on the images that are looked at."""
        settings, probe = self.settings, self.environment.probe
        update = self._update(state, number) if update is None else update
        measured = self._measure_on(probe, update.model, update.honest, state, number)
        if self.environment.audits is not None and self._audited(number):
            seen = self.environment.audits.probe(number)
        elif settings.probe_seen is None or settings.probe_seen == len(probe):
            seen = probe
        else:
            order = np.argsort(self._draws(Purpose.GLIMPSE, number).random(len(probe)), kind="stable")
            seen = probe.part(order[: settings.probe_seen], probe.nonce)
        if seen is probe and update.handed is update.honest:
            return measured, measured
        return measured, self._measure_on(seen, update.model, update.handed, state, number)

    def _measure_on(self, probe: ProbeSet, model: Params, local: Params, state: State, number: int) -> Measurement:
        # Copies: torch has no read-only tensors.
        images, labels = torch.tensor(probe.inputs), torch.tensor(probe.labels)
        loss, accuracy = evaluate(self.architecture, local, images, labels)
        base_loss, base_accuracy = evaluate(self.architecture, model, images, labels)
        cosines, distances = probe_drifts(self.architecture, model, local, probe, device=self.settings.device)
        return Measurement(
            cosines=cosines,
            distances=distances,
            accuracy=accuracy,
            loss=loss,
            base_accuracy=base_accuracy,
            base_loss=base_loss,
            reputation=state.reputation,
            participation=state.participation,
            draws=self._draws(Purpose.RULE, number).random(self.settings.workers),
            fixed=self.environment.fixed,
        )

    def _examine(self, glimpsed: Measurement, update: Update, state: State, number: int) -> Findings | None:
        """Audit those who are left: drift on the standing probe set beside the fresh images, norms, distances."""
        if not self._audited(number):
            return None
        who = np.flatnonzero(~state.excluded)
        games, handed = self.environment.games[who], clients_of(update.handed, torch.from_numpy(who))
        probe = self.environment.probe
        standing = probe_scores(self.architecture, update.model, handed, probe, device=self.settings.device)
        # Copiers have to wait for others.
        order = np.argsort(games, kind="stable") if self.settings.game == "copy" else np.arange(len(who))
        found = examine(update.model, handed, standing, glimpsed.cosines[who], order, self.settings.audit_level)
        return found.among(who, self.settings.workers)

    def _run(self, market: Market, number: int, radius: list[Fraction] | None) -> Outcome:
        options: dict[str, Any] = dict(self.settings.options)
        if "seed" not in options and any(option.name == "seed" for option in self.mechanism.options):
            options["seed"] = int(self._draws(Purpose.MECHANISM, number).integers(2**31))
        if radius is not None:
            options["radius"] = radius
        outcome = run_mechanism(market, self.mechanism.name, **options)
        # A mechanism with separate budgets has chosen who pays whom.
        if self.settings.routing == "even" and not self._separate:
            return replace(outcome, assignment=even_routing(market, outcome.winner_indices))
        return outcome

    # ------------------------------------------------------------------ measuring

    def _rows(
        self,
        decided: Round,
        state: State,
        number: int,
        before: Sequence[tuple[float, float]],
        after: Sequence[tuple[float, float]],
        samples: Sequence[int],
        hired: np.ndarray,
    ) -> list[Row]:
        settings, market, outcome, radius = self.settings, decided.market, decided.outcome, decided.radius
        noiseless = outcome if decided.seen is market else self._run(market, number, radius)
        deviates = self.environment.deviates[decided.who]
        truthful = self._run(decided.seen.with_bids(decided.honest_bids), number, radius) if deviates.any() else None
        whole, each = metrics.learning_metrics(before, after)
        drift = sum((decided.drift[i] for i in outcome.winner_indices.tolist()), Fraction(0))
        row: Row = {"level": "round", "round": number, "requester": None}
        row |= metrics.score_metrics(market, decided.seen, outcome, noiseless)
        row["drift_score"] = float(drift)
        for name in ("opt", "opt-sep"):
            if settings.optimum in (name, "both"):
                solution = optimum(market, name)
                row |= metrics.optimum_metrics(market, outcome, solution, name.replace("-", "_"))
        row |= whole
        row["samples"] = sum(samples)
        row |= metrics.budget_metrics(market, outcome, truthful, deviates)
        row |= metrics.cap_metrics(market, outcome)
        row |= metrics.audit_metrics(outcome, decided.findings, self.environment.games, decided.who)
        row["overlap"] = None if state.hired is None else metrics.jaccard(hired, state.hired)
        row |= self._sensitivity(decided, number)
        rows = [row]
        figures = zip(self.environment.tasks, each, metrics.requester_metrics(market, outcome), samples, strict=True)
        for task, learning, bought, used in figures:
            rows.append(
                {"level": "requester", "round": number, "requester": task.id, **learning, **bought, "samples": used}
            )
        return rows

    def _sensitivity(self, decided: Round, number: int) -> Row:
        """Mean overlap of the selection with those under slightly other scores, and slightly other bids."""
        settings, seen = self.settings, decided.seen
        rng = self._draws(Purpose.PERTURBATION, number)
        size = parse_number(settings.perturbation)
        scores, bids = ([read(i) for i in range(seen.n)] for read in (seen.score, seen.bid))

        def hired(market: Market) -> np.ndarray:
            return self._run(market, number, decided.radius).assignment >= 0

        again: dict[str, Callable[[], np.ndarray]] = {
            "scores": lambda: hired(rescored(seen, metrics.perturbed(scores, size, rng))),
            "bids": lambda: hired(seen.with_bids(metrics.perturbed(bids, size, rng))),
        }
        return {
            f"overlap_other_{name}": metrics.sensitivity(decided.outcome.assignment >= 0, draw, settings.perturbations)
            for name, draw in again.items()
        }
