"""The steps of the search for an optimum of OPT-SEP: what each knows of the best allocation, the bound and its proof."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ..control import STEP_SECONDS, Control
from ..highs.interface import HighsRefused
from ..proofs.proof import Proof
from ..solution import StopReason
from .block_tree import BlockTree
from .by_kind import count_by_kind
from .columns import (
    Columns,
    TooManyColumnsError,
    core_of,
    list_columns,
)
from .evidence import Evidence, everybody_hired, pooled_sets, priced_purses, priced_workers
from .exact_split import UndecidedError, split_exactly
from .exchange import improve, losses
from .greedy import repair_and_fill
from .instance import SeparateInstance
from .multipliers import PurseMultipliers, find_multipliers
from .one_requester import OneRequester
from .packing import PackedSets, pack, workers_in
from .refill import refill_all
from .split import Splitter
from .worker_prices import (
    BITS,
    WorkerPrices,
    allocate_at,
    find_worker_prices,
    list_priced,
    price_purses,
)

Witness = Callable[[int], Evidence | None]
"""Gives the proof of a bound; it is only written for the bounds that remain."""

COARSE = 32
"""A gap is coarse if it is more than the average score divided by this."""

SHORT_LISTS = 100
"""Limits on the loss grow faster while no requester has so many sets."""


@dataclass
class SeparateAnswer:
    """Result of an OPT-SEP method.

    Attributes
    ----------
    assignment : ndarray of int64, shape (n,)
        Requester of each worker or -1; feasible.
    value : int
        Its score.
    bound : int
        Exact upper bound on the optimum.
    claimed : bool
        Whether HiGHS claims that nothing is better; the bound itself always rests on integer arithmetic alone.
    stopped : str
        Why it ended.
    step : str
        The step that ended it: ``split``, ``kinds``, ``pooled sets``, ``search``, ``prices``, ``blocks`` or ``highs``.
    proof : Proof or None
        Of the bound; None where that is the pooled optimum's.
    weaker : list of Proof
        Of larger bounds.
    trivial : bool
        Whether the bound is no more than what all who fit somewhere are worth together.
    """

    assignment: np.ndarray
    value: int
    bound: int
    claimed: bool = False
    stopped: StopReason = "proved"
    step: str = "split"
    proof: Proof | None = None
    weaker: list[Proof] = field(default_factory=list)
    trivial: bool = False

    @property
    def proved(self) -> bool:
        """Whether the value meets the exact bound."""
        return self.value >= self.bound


class Steps:
    """One search: its best allocation, its bound, what that rests on, and the steps that improve them."""

    def __init__(self, instance: SeparateInstance, control: Control) -> None:
        self.instance, self.control = instance, control
        nobody = np.full(instance.n, -1, dtype=np.int64)
        self.prices: WorkerPrices | None = None
        self.priced = nobody
        self.everybody: Witness = lambda bound: everybody_hired(instance)
        self.evidence: Witness = lambda bound: None
        self.weaker: list[tuple[int, Witness]] = []
        self.blocks = BlockTree(instance, self._offer_near, lambda: self.answer.value)
        self.answer = SeparateAnswer(nobody, 0, exact_sum(instance.scores), stopped="node-limit")

    def start(self) -> None:
        """Fill the requesters greedily, and leave out of the bound who fits nowhere."""
        everybody = exact_sum(self.instance.scores[self.instance.eligible.any(axis=1)])
        self.evidence = self.everybody
        self.lower(everybody, self.everybody)
        self.offer(repair_and_fill(self.instance, self.answer.assignment, self.control))

    def by_kind(self, most_cells: int, most_work: int) -> bool:
        """Count the workers by kind, where they are few kinds; whether that gave the optimum.

        Groups whose caps cannot bind are one group. Where that leaves too many kinds, all groups are merged into one: what is best then
        is a bound, which the optimum often meets where most workers are alike.
        """
        instance = self.instance
        sizes = np.bincount(instance.groups, minlength=len(instance.caps))
        free = (instance.caps >= np.minimum(sizes[:, None], instance.seats)).all(axis=1)
        for loose in (free, np.ones_like(free)):
            classes = np.unique(np.where(loose, 0, np.cumsum(~loose)), return_inverse=True)[1].tolist()
            found = count_by_kind(instance.merged(classes), most_cells, most_work, self.share())
            if found is None:
                continue
            if instance.is_feasible(found):
                self.offer(found)
            self.lower(instance.value(found), lambda bound, classes=classes: ("kinds", {"classes": classes}))
            if self.answer.proved:
                self.answer.step = "kinds"
                return True
        return False

    def share(self, of_the_rest: float = 0.5) -> Control:
        """Control of one step: some of the time left, `STEP_SECONDS` at most."""
        remaining = self.control.remaining()
        return self.control.capped(STEP_SECONDS if remaining is None else min(STEP_SECONDS, of_the_rest * remaining))

    def offer(self, assignment: np.ndarray) -> None:
        """Keep a feasible allocation if it is better than the best one."""
        value = self.instance.value(assignment)
        if value > self.answer.value:
            if not self.instance.is_feasible(assignment):
                raise AssertionError("an infeasible allocation was offered")
            self.answer.assignment, self.answer.value = assignment, value
            self.control.progress(f"value {self.control.amount(value)}, bound {self.control.amount(self.answer.bound)}")

    def lower(self, bound: int, evidence: Witness) -> None:
        """Lower the bound, but not below what is attained."""
        bound = max(bound, self.answer.value)
        if bound < self.answer.bound:
            self.answer.bound, self.evidence = bound, evidence

    def lower_at_once(self, total: int, unit: int, evidence: Witness) -> None:
        """Lower the bound to what prices prove without a search; the proof of that is kept, for it is always taken."""
        bound = self.instance.floor(total, unit)
        self.weaker.append((bound, evidence))
        self.lower(bound, evidence)

    def write_proofs(self) -> None:
        """Write the proof of the bound, where it is not the pooled optimum's, and those of larger bounds."""

        def proof(bound: int, witness: Witness) -> Proof | None:
            evidence = witness(bound)
            return None if evidence is None else Proof("opt-sep", evidence[0], bound, evidence[1])

        self.answer.trivial = self.evidence is self.everybody and not self.answer.proved
        if not self.answer.trivial:
            self.answer.proof = proof(self.answer.bound, self.evidence)
        larger = sorted((entry for entry in self.weaker if entry[0] > self.answer.bound), key=lambda entry: entry[0])
        self.answer.weaker = [found for entry in larger if (found := proof(*entry)) is not None]

    def _enough(self, assignment: np.ndarray) -> bool:
        self.offer(assignment)
        return self.answer.proved

    def split(self, members: np.ndarray, attempts: int, seed: int) -> np.ndarray:
        """Split `members` as far as that goes; a feasible allocation of them, or of some of them and others."""
        splitter = Splitter(self.instance, members, seed, self.control)
        done = splitter.balance(attempts)
        assignment = splitter.assignment()
        if not done:
            assignment = repair_and_fill(self.instance, assignment, self.control)
        self.offer(assignment)
        return assignment

    def prepare(self) -> None:
        """Find multipliers, and lower the bound to theirs."""
        self.multipliers = find_multipliers(self.instance, self.share())
        self.lower_at_once(self.multipliers.total, self.multipliers.denominator, self.by_multipliers)
        self.alike = _interchangeable(self.instance, self.multipliers)

    def by_multipliers(self, bound: int) -> Evidence:
        """Return what a bound by the multipliers rests on."""
        return priced_purses(self.instance, self.multipliers, bound)

    def exchange(self, start: np.ndarray, seed: int, rounds: int | None = None) -> bool:
        """Improve an allocation a few requesters at a time, then each by itself; whether that reached the bound."""
        instance, control = self.instance, self.share(1.0)
        rounds = 3 * instance.m**2 if rounds is None else rounds
        better = improve(instance, self.multipliers, start, self._enough, rounds, control, seed=seed)
        if not self.answer.proved:
            refill_all(instance, better, lambda a: losses(instance, self.multipliers, a), self._enough, control, seed)
        return self.answer.proved

    def _most(self) -> int:
        """Largest loss an allocation better than the best one can have."""
        return self.multipliers.total - self.multipliers.denominator * (self.answer.value + self.instance.unit)

    def gap_is_coarse(self) -> bool:
        """Whether what the best allocation lacks to the bound is much, measured by the scores."""
        scores = self.instance.scores[self.answer.assignment >= 0]
        return COARSE * (self.answer.bound - self.answer.value) * scores.size > exact_sum(scores)

    def open_pairs(self) -> np.ndarray:
        """Pairs, bool (n, m), that a better allocation can use."""
        return core_of(self.multipliers, self.instance, self._most())

    def by_pooled_sets(self, most: int, limit: int, nodes: int, seconds: float = STEP_SECONDS) -> bool:
        """Split the pooled sets one by one, the best first; whether the optimum was proved.

        Every allocation hires a set that one purse could pay for. Where few of those lie above the best allocation known,
        deciding for each whether it can be split settles the matter.
        """
        instance, answer, control = self.instance, self.answer, self.share().capped(seconds)
        able = np.flatnonzero(instance.eligible.any(axis=1))
        totals = np.minimum(instance.caps.sum(axis=1), np.bincount(instance.groups[able], minlength=len(instance.caps)))
        single = SeparateInstance(
            instance.scores[able],
            instance.costs[able],
            instance.groups[able],
            totals[:, None],
            np.array([min(able.size, int(instance.seats.sum()))]),
            (sum(instance.budgets),),
        )
        multipliers = find_multipliers(single, control)

        def evidence(bound: int) -> Evidence:
            return pooled_sets(single, multipliers, instance.n)

        total, unit = multipliers.total, multipliers.denominator
        gamma = max(total - unit * answer.bound, 0)
        tried = 0
        while not answer.proved:
            gamma = min(gamma, total - unit * (answer.value + instance.unit))
            if control.expired():
                return False
            pairs = core_of(multipliers, single, gamma)
            core = np.flatnonzero(pairs.any(axis=1))
            try:
                columns = list_columns(single, multipliers, 0, pairs, core, gamma, limit, control)
            except TooManyColumnsError:
                return False
            if columns.loss.size > most:
                return False
            # By increasing loss, so by falling value; a larger limit begins with the sets of a smaller one.
            for mask in columns.mask[tried:]:
                members = able[workers_in(mask, core)]
                worth = exact_sum(instance.scores[members])
                if worth <= answer.value:
                    break
                self.lower(worth, evidence)
                try:
                    assignment = split_exactly(instance, members, control, limit, nodes)
                except UndecidedError:
                    return False
                tried += 1
                if assignment is not None:
                    self.offer(assignment)
                    return answer.proved
            self.control.progress(
                f"pooled loss limit {_about(gamma, unit * self.control.denominator)}: {tried} sets, none can be split"
            )
            self.lower(instance.floor(total - gamma - 1, unit), evidence)
            gamma = max(gamma + unit, 2 * gamma)
        return True

    def by_loss(self, limit: int, nodes: int) -> bool:
        """Search by loss with growing limits; whether the optimum was proved."""
        instance, answer, multipliers, control = self.instance, self.answer, self.multipliers, self.share()
        total, unit = multipliers.total, multipliers.denominator
        gamma = max(total - unit * answer.bound, 0)
        while not answer.proved:
            gamma = min(gamma, self._most())
            try:
                pairs = core_of(multipliers, instance, gamma)
                core = np.flatnonzero(pairs.any(axis=1))
                columns: list[Columns] = []
                for j, twin in enumerate(self.alike):
                    columns.append(
                        columns[twin]
                        if twin != j
                        else list_columns(instance, multipliers, j, pairs, core, gamma, limit, control)
                    )
            except TooManyColumnsError:
                return False
            # Who is open to one requester alone is charged in that one's own list (see `columns`).
            left_out = np.where(pairs[core].sum(axis=1) > 1, multipliers.best[core], 0 * multipliers.best[core])
            found = pack(columns, left_out, gamma, self.alike, nodes, control)
            if not self._settled(
                columns,
                core,
                found,
                f"loss limit {_about(gamma, unit * self.control.denominator)}",
                self.by_multipliers,
            ):
                return answer.proved
            self.lower(instance.floor(total - gamma - 1, unit), self.by_multipliers)
            gamma = _next_limit(gamma, unit, columns)
        return True

    def find_prices(self) -> bool:
        """Price the workers, and lower the bound to that of the prices; whether that proved the optimum."""
        instance, answer = self.instance, self.answer
        start = [Fraction(value, self.multipliers.denominator) for value in self.multipliers.best.tolist()]
        control = self.share(0.25)
        self.requesters = {j: OneRequester(instance, j, control) for j in sorted({*self.alike})}
        try:
            self.prices = find_worker_prices(
                instance, start, answer.assignment, self.alike, control, answer.value, self.requesters
            )
        except HighsRefused:
            # Numbers that HiGHS does not take: the bound stays what it was.
            self.prices = None
        if self.prices is not None:
            self.purses = price_purses(instance, self.prices, self.alike, self.control)
            self.lower_at_once(self.prices.total, self.prices.denominator, self.by_worker_prices)
            self.control.progress(f"bound {self.control.amount(answer.bound)} by the workers' prices")
            if not answer.proved:
                self.priced = allocate_at(instance, self.prices, self.alike, self.requesters, control)
                self.offer(self.priced)
        return answer.proved

    def by_worker_prices(self, bound: int) -> Evidence:
        """Return what a bound by the workers' prices rests on."""
        assert self.prices is not None
        return priced_workers(self.instance, self.prices, self.purses, self.alike)

    def by_blocks(self, most_leaves: int) -> bool:
        """Branch on who is hired by which block of requesters, or go on with that; whether the optimum was proved."""
        tree = self.blocks
        # Numbers that HiGHS does not take: what was found before stays.
        with suppress(HighsRefused):
            tree.grow(most_leaves, self.share())
        if tree.root is not None:
            self.lower_at_once(tree.total(), 1 << BITS, lambda bound: tree.evidence())
        return self.answer.proved

    def _offer_near(self, assignment: np.ndarray, polish: bool) -> None:
        """Offer an allocation, and perhaps what a few exchanges make of it."""
        self.offer(assignment)
        if polish and not self.answer.proved:
            self.exchange(assignment, 0, self.instance.m)

    def by_prices(self, limit: int, nodes: int) -> bool:
        """Search by loss against the workers' prices with growing limits; whether the optimum was proved."""
        instance, answer, prices, control = self.instance, self.answer, self.prices, self.share()
        if prices is None:
            return False
        total, unit = prices.total, prices.denominator
        gamma = max(total - unit * answer.bound, 0)
        while not answer.proved:
            gamma = min(gamma, total - unit * (answer.value + instance.unit))
            try:
                columns, core = list_priced(
                    instance, prices, self.purses, self.requesters, self.alike, gamma, limit, control
                )
            except TooManyColumnsError:
                return False
            outside = np.ones(instance.n, dtype=bool)
            outside[core] = False
            unplaced = exact_sum(prices.price[outside])
            found = pack(columns, prices.price[core], gamma - unplaced, self.alike, nodes, control)
            what = f"loss limit {_about(gamma, unit * self.control.denominator)} at the workers' prices"
            if not self._settled(columns, core, found, what, self.by_worker_prices):
                return answer.proved
            self.lower(instance.floor(total - gamma - 1, unit), self.by_worker_prices)
            gamma = _next_limit(gamma, unit, columns)
        return True

    def _settled(
        self, columns: list[Columns], core: np.ndarray, found: PackedSets, what: str, evidence: Witness
    ) -> bool:
        """Offer what a packing found; whether it showed that there is nothing within the limit."""
        self.control.progress(f"{what}: {[c.loss.size for c in columns]} sets, {found.nodes} nodes")
        if found.chosen is not None:
            assignment = np.full(self.instance.n, -1, dtype=np.int64)
            for j, position in enumerate(found.chosen):
                assignment[workers_in(columns[j].mask[position], core)] = j
            self.offer(assignment)
            if found.complete:
                self.lower(self.answer.value, evidence)
        return found.complete and found.chosen is None


def _about(numerator: int, denominator: int) -> str:
    """Write a ratio to six digits; a float might not hold it."""
    return f"{Decimal(numerator) / denominator:.6g}"


def _next_limit(gamma: int, unit: int, columns: list[Columns]) -> int:
    """Raise the limit on the loss, faster where the lists are still short."""
    factor = 4 if max((column.loss.size for column in columns), default=0) < SHORT_LISTS else 2
    return max(gamma + unit, factor * gamma)


def _interchangeable(instance: SeparateInstance, multipliers: PurseMultipliers) -> list[int]:
    """For each requester, the first one with the same budget, caps, seats and multipliers."""
    first: dict[tuple, int] = {}
    labels: list[int] = []
    for j in range(instance.m):
        key = (
            instance.budgets[j],
            int(instance.seats[j]),
            *instance.caps[:, j].tolist(),
            int(multipliers.budget[j]),
            int(multipliers.seat[j]),
            *multipliers.slot[:, j].tolist(),
        )
        labels.append(first.setdefault(key, j))
    return labels
