"""The exact method for OPT-SEP: pooled optimum and split, then searches by loss against dual bounds.

0. Where workers are of few kinds, or few, counting them by kind gives the optimum at once (`by_kind`).
1. The pooled optimum bounds the separate one. If its workers can be split over the requesters, both are equal.
2. Every allocation hires a set that one purse could pay for. Those sets are listed by falling value, and whether one can be
   split is decided exactly (`exact_split`): the first that can is optimal. Where few sets lie above the optimum this is all.
3. Rational multipliers give a bound against which every allocation has an exact, additive loss. For a growing limit on the
   loss, all worker sets each requester can have are listed and packed (`columns`, `packing`). A pass without a packing lowers
   the bound by its limit; a pass with one ends with the optimum.
4. The same with a price for every worker instead (`worker_prices`): this bound sees that a requester with few slots cannot
   spend its money to the last unit.
5. In between, exchanges among a few requesters (`exchange`), and refilling one at a time (`refill`), improve the best
   allocation, in the end from several starts. Last, HiGHS takes the pairs that are still of use, and the answer is marked as
   the solver's.

Steps 2 to 4 are tried with short lists first. No step may take more than half of the time left, nor more than `PATIENCE`
seconds, so that a search without a time limit ends too: proved, or with ``node-limit``. Whatever stops the search, the best
allocation and a valid exact bound are returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ..control import Control, Stopped
from ..proofs.proof import Proof
from ..solution import StopReason
from .by_kind import count_by_kind
from .class_model import improve_by_highs
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
from .multipliers import Multipliers, find_multipliers
from .one_requester import OneRequester
from .packing import Packing, pack, workers_in
from .pooled_relaxation import pooled_optimum
from .refill import refill_all
from .split import Splitter
from .worker_prices import (
    WorkerPrices,
    allocate_at,
    find_worker_prices,
    list_priced,
    price_purses,
)

PooledOptimum = Callable[[SeparateInstance, Control], tuple[np.ndarray | None, int, StopReason]]
"""Gives workers to split over the requesters (bool, shape (n,), or None), a bound on OPT-SEP, and why it ended."""

Witness = Callable[[], Evidence | None]
"""Gives the proof of a bound; it is only written for the bound that remains."""

RESTARTS = 8
"""How often exchanges start again before HiGHS is asked."""

FEW_KINDS, MORE_KINDS = (2**14, 2**27), (2**17, 2**32)
"""Entries of a table, and entries looked at, of counting by kind before everything else and after the short lists: a tenth of a
second, and a few."""

PATIENCE = 120.0
"""Most seconds of one step, time limit or not; the steps before HiGHS end on their own long before where they can prove
anything."""


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
        The step that ended it: ``split``, ``kinds``, ``pooled sets``, ``search``, ``prices`` or ``highs``.
    proof : Proof or None
        Of the bound; None where that is the pooled optimum's.
    """

    assignment: np.ndarray
    value: int
    bound: int
    claimed: bool = False
    stopped: StopReason = "proved"
    step: str = "split"
    proof: Proof | None = None

    @property
    def proved(self) -> bool:
        """Whether the value meets the exact bound."""
        return self.value >= self.bound


class _Search:
    def __init__(self, instance: SeparateInstance, control: Control) -> None:
        self.instance, self.control = instance, control
        nobody = np.full(instance.n, -1, dtype=np.int64)
        self.prices: WorkerPrices | None = None
        self.priced = nobody
        self.evidence: Witness = lambda: None
        self.answer = SeparateAnswer(nobody, 0, exact_sum(instance.scores), stopped="node-limit")

    def start(self) -> None:
        """Fill the requesters greedily, and leave out of the bound who fits nowhere."""
        everybody = exact_sum(self.instance.scores[self.instance.eligible.any(axis=1)])
        self.evidence = lambda: everybody_hired(self.instance)
        self.lower(everybody, self.evidence)
        self.offer(repair_and_fill(self.instance, self.answer.assignment))

    def by_kind(self, most_cells: int, most_work: int) -> bool:
        """Count the workers by kind, where they are few kinds; whether that was possible."""
        optimum = count_by_kind(self.instance, most_cells, most_work, self.share())
        if optimum is None:
            return False
        self.answer.step = "kinds"
        self.offer(optimum)
        self.lower(self.answer.value, lambda: ("kinds", {}))
        return True

    def share(self, of_the_rest: float = 0.5) -> Control:
        """Control of one step: some of the time left, `PATIENCE` at most."""
        remaining = self.control.remaining()
        return self.control.capped(PATIENCE if remaining is None else min(PATIENCE, of_the_rest * remaining))

    def offer(self, assignment: np.ndarray) -> None:
        value = self.instance.value(assignment)
        if value > self.answer.value:
            if not self.instance.is_feasible(assignment):
                raise AssertionError("an infeasible allocation was offered")
            self.answer.assignment, self.answer.value = assignment, value
            self.control.progress(f"value {value}, bound {self.answer.bound}")

    def lower(self, bound: int, evidence: Witness) -> None:
        """Lower the bound, but not below what is attained."""
        bound = max(bound, self.answer.value)
        if bound < self.answer.bound:
            self.answer.bound, self.evidence = bound, evidence

    def _enough(self, assignment: np.ndarray) -> bool:
        self.offer(assignment)
        return self.answer.proved

    def split(self, members: np.ndarray, attempts: int, seed: int) -> np.ndarray:
        """Split `members` as far as that goes; a feasible allocation of them, or of some of them and others."""
        splitter = Splitter(self.instance, members, seed, self.control)
        done = splitter.balance(attempts)
        assignment = splitter.assignment()
        if not done:
            assignment = repair_and_fill(self.instance, assignment)
        self.offer(assignment)
        return assignment

    def prepare(self) -> None:
        """Find multipliers, and lower the bound to theirs."""
        self.multipliers = find_multipliers(self.instance, self.share())
        self.lower(self.instance.floor(self.multipliers.total, self.multipliers.denominator), self.by_multipliers)
        self.alike = _interchangeable(self.instance, self.multipliers)

    def by_multipliers(self) -> Evidence:
        """Return what bounds by the multipliers rest on."""
        return priced_purses(self.instance, self.multipliers)

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

    def open_pairs(self) -> np.ndarray:
        """Pairs, bool (n, m), that a better allocation can use."""
        return core_of(self.multipliers, self.instance, self._most())

    def by_pooled_sets(self, most: int, limit: int, nodes: int) -> bool:
        """Split the pooled sets one by one, the best first; whether the optimum was proved.

        Every allocation hires a set that one purse could pay for. Where few of those lie above the best allocation known,
        deciding for each whether it can be split settles the matter.
        """
        instance, answer, control = self.instance, self.answer, self.share()
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

        def evidence() -> Evidence:
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
            self.control.progress(f"pooled loss limit {_about(gamma, unit)}: {tried} sets, none can be split")
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
            left_out = np.where(pairs[core].sum(axis=1) > 1, multipliers.best[core], 0 * multipliers.best[core])
            found = pack(columns, left_out, gamma, self.alike, nodes, control)
            if not self._settled(columns, core, found, f"loss limit {_about(gamma, unit)}", self.by_multipliers):
                return answer.proved
            self.lower(instance.floor(total - gamma - 1, unit), self.by_multipliers)
            gamma = max(gamma + unit, 2 * gamma)
        return True

    def find_prices(self) -> bool:
        """Price the workers, and lower the bound to that of the prices; whether that proved the optimum."""
        instance, answer = self.instance, self.answer
        start = [Fraction(value, self.multipliers.denominator) for value in self.multipliers.best.tolist()]
        control = self.share(0.25)
        self.requesters = {j: OneRequester(instance, j, control) for j in sorted({*self.alike})}
        self.prices = find_worker_prices(
            instance, start, answer.assignment, self.alike, control, answer.value, self.requesters
        )
        if self.prices is not None:
            self.purses = price_purses(instance, self.prices, self.alike, self.control)
            self.lower(instance.floor(self.prices.total, self.prices.denominator), self.by_worker_prices)
            self.control.progress(f"bound {answer.bound} by the workers' prices")
            if not answer.proved:
                self.priced = allocate_at(instance, self.prices, self.alike, self.requesters, control)
                self.offer(self.priced)
        return answer.proved

    def by_worker_prices(self) -> Evidence:
        """Return what bounds by the workers' prices rest on."""
        assert self.prices is not None
        return priced_workers(self.instance, self.prices, self.purses, self.alike)

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
            what = f"loss limit {_about(gamma, unit)} at the workers' prices"
            if not self._settled(columns, core, found, what, self.by_worker_prices):
                return answer.proved
            self.lower(instance.floor(total - gamma - 1, unit), self.by_worker_prices)
            gamma = max(gamma + unit, 2 * gamma)
        return True

    def _settled(self, columns: list[Columns], core: np.ndarray, found: Packing, what: str, evidence: Witness) -> bool:
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


def _interchangeable(instance: SeparateInstance, multipliers: Multipliers) -> list[int]:
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


def solve_separate(
    instance: SeparateInstance,
    control: Control | None = None,
    pooled: PooledOptimum = pooled_optimum,
    list_limit: int = 1_000_000,
    node_limit: int = 20_000_000,
) -> SeparateAnswer:
    """Solve OPT-SEP.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    control : Control, optional
        Deadline and progress.
    pooled : callable
        See :data:`PooledOptimum`.
    list_limit, node_limit : int
        Most sets of a requester, most nodes of a packing search.

    Returns
    -------
    SeparateAnswer
        Proved, or the best allocation and a valid bound at the time it stopped.
    """
    control = control or Control()
    search = _Search(instance, control)
    answer = search.answer
    try:
        _run(search, pooled, list_limit, node_limit)
    except KeyboardInterrupt:
        answer.stopped = "interrupted"
    evidence = search.evidence()
    if evidence is not None:
        answer.proof = Proof("opt-sep", evidence[0], answer.bound, evidence[1])
    if answer.proved or answer.claimed:
        answer.stopped = "proved"
    elif answer.stopped == "node-limit" and control.expired():
        answer.stopped = "time-limit"
    return answer


def _run(search: _Search, pooled: PooledOptimum, list_limit: int, node_limit: int) -> None:
    instance, control, answer = search.instance, search.control, search.answer
    search.start()
    if answer.proved or _ends(lambda: search.by_kind(*FEW_KINDS)) or control.expired():
        return
    chosen, bound, stopped = pooled(instance, control)
    search.lower(instance.floor(bound), lambda: None)
    if stopped == "interrupted":
        raise KeyboardInterrupt
    members = np.flatnonzero(chosen) if chosen is not None else None
    if members is not None:
        for seed in range(4):
            search.split(members, 60, seed)
            if answer.proved or control.expired():
                return
    short, few = min(20_000, list_limit), min(300, node_limit)

    def by_loss_at_first() -> bool:
        search.prepare()
        return answer.proved or search.by_loss(short, few)

    exchanged: list[tuple[str, Callable[[], bool]]] = [
        ("search", lambda: search.exchange(answer.assignment, 0, instance.m)),
        ("search", lambda: search.exchange(answer.assignment, 1)),
    ]
    priced: list[tuple[str, Callable[[], bool]]] = [
        ("prices", search.find_prices),
        ("prices", lambda: search.by_prices(short, min(2000, node_limit))),
    ]
    steps: list[tuple[str, Callable[[], bool]]] = [
        ("pooled sets", lambda: search.by_pooled_sets(200, short, min(2000, node_limit))),
        ("search", by_loss_at_first),
        *(priced if instance.seats_bind else exchanged),
        *(exchanged if instance.seats_bind else priced),
        ("prices", lambda: search.exchange(search.priced, 0, instance.m)),
        ("prices", lambda: search.by_prices(short, min(2000, node_limit))),
        ("kinds", lambda: search.by_kind(*MORE_KINDS)),
        ("pooled sets", lambda: search.by_pooled_sets(5000, list_limit, node_limit)),
        ("search", lambda: search.by_loss(list_limit, node_limit)),
        ("prices", lambda: search.by_prices(list_limit, node_limit)),
        *[("search", lambda seed=seed: _restart(search, members, seed)) for seed in range(1, 1 + RESTARTS)],
    ]
    for answer.step, step in steps:
        if control.expired() or _ends(step):
            return
    if control.expired():
        return
    answer.step = "highs"
    found = improve_by_highs(instance, search.share(1.0), answer.value, search.open_pairs())
    if found.assignment is not None:
        search.offer(found.assignment)
    answer.claimed = found.claimed
    if found.stopped == "interrupted":
        raise KeyboardInterrupt


def _ends(step: Callable[[], bool]) -> bool:
    """Whether a step ends the search; one that is stopped leaves what it found, and does not."""
    try:
        return step()
    except Stopped:
        return False


def _restart(search: _Search, members: np.ndarray | None, seed: int) -> bool:
    """Exchanges from the best allocation, or from a new split of the pooled optimum."""
    start = search.answer.assignment
    if members is not None and seed % 2 == 0:
        start = search.split(members, 60, 10 + seed)
    return search.answer.proved or search.exchange(start, seed)
