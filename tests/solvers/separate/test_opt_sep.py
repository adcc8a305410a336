"""OPT-SEP: every part against enumeration, and the whole against enumeration and against itself on harder markets."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, made_by, reached
from fedmech import Market, solve
from fedmech.solvers.control import Control, StopReason
from fedmech.solvers.proofs.proof import check_bound
from fedmech.solvers.separate import packing, packing_kernel, search, steps
from fedmech.solvers.separate.class_model import improve_by_highs
from fedmech.solvers.separate.columns import Columns, core_of, list_columns
from fedmech.solvers.separate.exact_split import UndecidedError, split_exactly
from fedmech.solvers.separate.exchange import improve, losses
from fedmech.solvers.separate.greedy import repair_and_fill
from fedmech.solvers.separate.instance import SeparateInstance
from fedmech.solvers.separate.multipliers import PurseMultipliers, find_multipliers, price_out
from fedmech.solvers.separate.pooled_relaxation import pooled_optimum
from fedmech.solvers.separate.search import PooledOptimum, solve_separate
from fedmech.solvers.separate.split import Splitter
from fedmech.solvers.separate.steps import SeparateAnswer
from hypothesis import given, settings
from separate_instances import as_market, enumerate_optimum, random_instance


def random_multipliers(instance: SeparateInstance, rng: Numbers) -> PurseMultipliers:
    denominator = int(rng.integers(1, 9))
    top = max(instance.scores.tolist(), default=1) * denominator // (1 + max(instance.costs.tolist(), default=1))

    def draw(count: int, most: int) -> list[int]:
        return [int(x) % (most + 1) if rng.random() < 0.7 else 0 for x in rng.integers(0, 2**62, count).tolist()]

    groups, m = instance.caps.shape
    slots = [draw(m, 3 * top // 2 + 1) for _ in range(groups)]
    return price_out(instance, draw(m, 2 * top + 2), slots, draw(m, top + 1), denominator)


def hard_instance(kind: str, n: int, m: int, groups: int, seed: int) -> SeparateInstance:
    """Six-digit integers, caps near 30 % of each group spread over the requesters, half the money."""
    rng = np.random.default_rng(seed)
    costs = rng.integers(1, 10**6 + 1, n)
    scores = rng.integers(1, 10**6 + 1, n) if kind == "a" else costs + 10**5 * (kind == "c")
    group = rng.integers(0, groups, n)
    caps = np.zeros((groups, m), dtype=int)
    for l, size in enumerate(np.bincount(group, minlength=groups)):
        for t in range(max(1, int(0.3 * size))):
            caps[l, (t + l) % m] += 1
    budget = int(0.15 * costs.sum())
    shares = rng.dirichlet(np.full(m, 20.0))
    return SeparateInstance.of(scores, costs, group, caps, np.full(m, n), [int(x * budget) for x in shares])


def pooled_by_enumeration(instance: SeparateInstance, control: Control) -> tuple[np.ndarray | None, int, StopReason]:
    best, chosen = -1, None
    for flags in itertools.product((False, True), repeat=instance.n):
        mask = np.array(flags, dtype=bool)
        counts = np.bincount(instance.groups[mask], minlength=len(instance.group_totals))
        fits = sum(instance.costs[mask].tolist()) <= sum(instance.budgets)
        if fits and (counts <= instance.group_totals).all() and sum(instance.scores[mask].tolist()) > best:
            best, chosen = sum(instance.scores[mask].tolist()), mask
    return chosen, best, "proved"


def check(instance: SeparateInstance, answer: SeparateAnswer, optimum: int) -> None:
    assert instance.is_feasible(answer.assignment)
    assert instance.value(answer.assignment) == answer.value == optimum
    assert answer.bound >= optimum
    assert answer.proved or answer.claimed
    assert answer.stopped == "proved"


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the counting by kind, which alone decides every small market."""
    monkeypatch.setattr(search, "FEW_KINDS", (0, 0))
    monkeypatch.setattr(search, "MORE_KINDS", (0, 0))


@pytest.mark.usefixtures("uncounted")
@settings(max_examples=some(400))
@given(instance=made_by(random_instance))
def test_optimum_is_the_enumerated_one(instance: SeparateInstance) -> None:
    answer = solve_separate(instance)
    check(instance, answer, enumerate_optimum(instance))
    if answer.proof is not None:
        check_bound(answer.proof, as_market(instance))


@settings(max_examples=some(400))
@given(instance=made_by(random_instance))
def test_counting_by_kind_finds_the_optimum(instance: SeparateInstance) -> None:
    answer = solve_separate(instance)
    check(instance, answer, enumerate_optimum(instance))
    assert answer.proof is not None
    assert answer.step in ("split", "kinds")
    check_bound(answer.proof, as_market(instance))


def nothing_pooled(instance: SeparateInstance, control: Control) -> tuple[np.ndarray | None, int, StopReason]:
    return None, sum(instance.scores.tolist()), "proved"


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("pooled", [pooled_by_enumeration, nothing_pooled])
@settings(max_examples=some(150))
@given(instance=made_by(random_instance))
def test_whatever_the_pooled_optimum_says_first(pooled: PooledOptimum, instance: SeparateInstance) -> None:
    answer = solve_separate(instance, None, pooled)
    check(instance, answer, enumerate_optimum(instance))


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("step", ["split", "pooled sets"])
def test_steps_that_decide(step: str) -> None:
    reached(made_by(random_instance), lambda instance: solve_separate(instance, None, nothing_pooled).step == step)


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("lists", thorough([0, 3], bool))
def test_highs_takes_over_where_lists_grow_too_long(lists: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "RESTARTS", 1)
    monkeypatch.setattr(steps, "find_worker_prices", lambda *_: None)
    monkeypatch.setattr(steps.Steps, "by_blocks", lambda *_: False)

    @settings(max_examples=40)
    @given(instance=made_by(random_instance))
    def holds(instance: SeparateInstance) -> None:
        optimum = enumerate_optimum(instance)
        answer = solve_separate(instance, None, nothing_pooled, lists, 1)
        assert instance.is_feasible(answer.assignment)
        assert answer.value <= optimum <= answer.bound
        if answer.claimed or answer.proved:
            assert answer.value == optimum

    holds()
    reached(made_by(random_instance), lambda instance: solve_separate(instance, None, nothing_pooled, lists, 1).claimed)


@settings(max_examples=some(200))
@given(instance=made_by(random_instance))
def test_highs_on_classes_finds_the_optimum(instance: SeparateInstance) -> None:
    everyone = np.ones((instance.n, instance.m), dtype=bool)
    found = improve_by_highs(instance, Control(), 0, everyone)
    value = 0 if found.assignment is None else instance.value(found.assignment)
    assert value <= enumerate_optimum(instance)
    if found.claimed:
        assert value == enumerate_optimum(instance)


@settings(max_examples=some(400))
@given(instance=made_by(random_instance), rng=generators)
def test_any_multipliers_bound_the_optimum(instance: SeparateInstance, rng: Numbers) -> None:
    assert random_multipliers(instance, rng).bound >= enumerate_optimum(instance)


@settings(max_examples=some(300))
@given(instance=made_by(random_instance), rng=generators)
def test_loss_is_what_separates_an_allocation_from_the_bound(instance: SeparateInstance, rng: Numbers) -> None:
    multipliers = random_multipliers(instance, rng)
    point = repair_and_fill(instance, np.full(instance.n, -1, dtype=np.int64), Control())
    left = sum(multipliers.best[point < 0].tolist())
    loss = sum(losses(instance, multipliers, point)) + left
    assert multipliers.total - loss == multipliers.denominator * instance.value(point)


@settings(max_examples=some(250))
@given(instance=made_by(random_instance, 7), rng=generators)
def test_lists_hold_every_set_within_the_loss(instance: SeparateInstance, rng: Numbers) -> None:
    if not instance.n:
        return
    multipliers = random_multipliers(instance, rng)
    gamma = int(rng.integers(0, 2**62)) * multipliers.total // 2**62
    pairs = core_of(multipliers, instance, gamma)
    core = np.flatnonzero(pairs.any(axis=1))
    for j in range(instance.m):
        columns = list_columns(instance, multipliers, j, pairs, core, gamma, 10**5, Control())
        listed = {
            frozenset(packing.workers_in(mask, core).tolist()): int(loss)
            for mask, loss in zip(columns.mask, columns.loss, strict=True)
        }
        assert len(listed) == columns.loss.size
        assert listed == enumerate_sets(instance, multipliers, j, pairs, gamma)


def enumerate_sets(
    instance: SeparateInstance, multipliers: PurseMultipliers, j: int, pairs: np.ndarray, gamma: int
) -> dict[frozenset[int], int]:
    found = {}
    members = np.flatnonzero(pairs[:, j]).tolist()
    only_here = [i for i in members if pairs[i].sum() == 1]
    for size in range(len(members) + 1):
        for chosen in itertools.combinations(members, size):
            assignment = np.full(instance.n, -1, dtype=np.int64)
            assignment[list(chosen)] = j
            if instance.is_feasible(assignment):
                loss = losses(instance, multipliers, assignment)[j]
                loss += sum(int(multipliers.best[i]) for i in only_here if i not in chosen)
                if loss <= gamma:
                    found[frozenset(chosen)] = loss
    return found


Packing = tuple[list[Columns], list[int], np.ndarray, int]
"""Sets of each requester, which requesters are alike, what each worker loses who is left out, and the gap."""


def random_packing(rng: Numbers) -> Packing:
    core = int(rng.integers(1, 70 if rng.random() < 0.2 else 9))
    columns: list[Columns] = []
    alike: list[int] = []
    for j in range(int(rng.integers(1, 5))):
        if j and rng.random() < 0.3:
            columns.append(columns[-1])
            alike.append(alike[-1])
            continue
        flags = rng.random((int(rng.integers(0, 12)), core)) < 0.25
        masks = np.array([packing._bits(row, (core + 63) // 64) for row in flags], dtype=np.uint64)
        masks = np.unique(masks.reshape(len(flags), -1), axis=0) if len(flags) else masks.reshape(0, (core + 63) // 64)
        rng.shuffle(masks)
        columns.append(Columns(np.sort(rng.integers(0, 20, len(masks))), masks))
        alike.append(j)
    left_out = rng.integers(0, 8, core) * (rng.random(core) < 0.7)
    return columns, alike, left_out, int(rng.integers(0, 60))


def packing_loss(columns: list[Columns], left_out: np.ndarray, chosen: tuple[int, ...] | list[int]) -> int | None:
    free, loss = np.ones(left_out.size, dtype=bool), 0
    for column, position in zip(columns, chosen, strict=True):
        members = packing._positions(column.mask[position], left_out.size)
        if not free[members].all():
            return None
        free[members] = False
        loss += int(column.loss[position])
    return loss + int(left_out[free].sum())


@pytest.mark.parametrize("way", ["plain", "kernel", "compiled"])
@settings(max_examples=some(400))
@given(case=made_by(random_packing))
def test_packing_is_the_best_one(way: str, case: Packing) -> None:
    columns, alike, left_out, gamma = case
    everything = itertools.product(*(range(c.loss.size) for c in columns))
    values = [x for chosen in everything if (x := packing_loss(columns, left_out, chosen)) is not None]
    best = min([*values, gamma + 1])
    if way == "plain":
        found = packing.pack(columns, left_out, gamma, alike, 10**9, Control())
        chosen, loss, complete = found.chosen, found.loss, found.complete
    else:
        chosen, limit, complete, _ = packing.run_kernel(
            columns, left_out, gamma, alike, 10**9, Control(), compiled=way == "compiled"
        )
        loss = limit + 1
    assert complete
    assert loss == best
    assert (chosen is None) == (best > gamma)
    assert chosen is None or packing_loss(columns, left_out, chosen) == best


@pytest.mark.parametrize("counting_from", thorough([0, 2, 8], (2).__ge__))
def test_packing_by_dear_workers_is_the_best_one(counting_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing_kernel, "WORTH_COUNTING", counting_from)

    @settings(max_examples=some(400))
    @given(case=made_by(random_packing), rng=generators)
    def holds(case: Packing, rng: Numbers) -> None:
        columns, alike, left_out, gamma = case
        left_out = left_out * (1 + 5 * (rng.randrange(3)))
        everything = itertools.product(*(range(c.loss.size) for c in columns))
        values = [x for chosen in everything if (x := packing_loss(columns, left_out, chosen)) is not None]
        best = min([*values, gamma + 1])
        chosen, limit, complete, _ = packing.run_kernel(
            columns, left_out, gamma, alike, 10**9, Control(), compiled=False
        )
        assert complete
        assert limit + 1 == best
        assert (chosen is None) == (best > gamma)
        assert chosen is None or packing_loss(columns, left_out, chosen) == best

    holds()


def test_packing_kernel_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing_kernel, "WORTH_COUNTING", 0)

    @settings(max_examples=some(100))
    @given(case=made_by(random_packing))
    def holds(case: Packing) -> None:
        columns, alike, left_out, gamma = case
        whole = packing.run_kernel(columns, left_out * 5, gamma, alike, 10**9, Control(), compiled=False)
        monkeypatch.setattr(packing, "KERNEL_WORK", 1)
        assert packing.run_kernel(columns, left_out * 5, gamma, alike, 10**9, Control(), compiled=False) == whole
        monkeypatch.undo()
        monkeypatch.setattr(packing_kernel, "WORTH_COUNTING", 0)

    holds()


@settings(max_examples=some(300))
@given(instance=made_by(random_instance), rng=generators)
def test_split_keeps_workers_caps_and_seats(instance: SeparateInstance, rng: Numbers) -> None:
    chosen = pooled_by_enumeration(instance, Control())[0] if instance.n <= 6 else None
    if chosen is None:
        return
    members = np.flatnonzero(chosen)
    splitter = Splitter(instance, members, rng.integers(100), Control())
    done = splitter.balance(40)
    if not splitter.routed:
        assert instance.seats_bind
        return
    assignment = splitter.assignment()
    assert np.array_equal(np.flatnonzero(assignment >= 0), members)
    purse = tuple(10**30 for _ in instance.budgets)
    rich = SeparateInstance(instance.scores, instance.costs, instance.groups, instance.caps, instance.seats, purse)
    assert rich.is_feasible(assignment)
    assert done == instance.is_feasible(assignment)
    assert instance.is_feasible(repair_and_fill(instance, assignment, Control()))


@settings(max_examples=some(500))
@given(instance=made_by(random_instance), rng=generators)
def test_exact_split_decides(instance: SeparateInstance, rng: Numbers) -> None:
    members = np.flatnonzero(rng.random(instance.n) < rng.choice([0.3, 0.6, 0.9]))
    # Splitting the members is OPT-SEP on them alone with every score 1, if its optimum hires them all.
    part = SeparateInstance.of(
        np.ones(members.size, dtype=int), instance.costs[members], instance.groups[members], instance.caps,
        instance.seats, instance.budgets,
    )  # fmt: skip
    possible = enumerate_optimum(part) == members.size
    found = split_exactly(instance, members, Control(), 10**6, 10**6)
    assert (found is not None) == possible
    if found is not None:
        assert instance.is_feasible(found)
        assert np.array_equal(np.flatnonzero(found >= 0), members)


def test_exact_split_says_when_it_cannot_tell() -> None:
    instance = hard_instance("a", 100, 5, 2, 0)
    members = np.argsort(-instance.scores / instance.costs)[:20]
    with pytest.raises(UndecidedError):
        split_exactly(instance, members, Control(), 3, 10**6)


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_pooled_sets_alone_find_the_optimum(instance: SeparateInstance) -> None:
    alone = steps.Steps(instance, Control())
    assert alone.by_pooled_sets(10**6, 10**6, 10**6)
    assert alone.answer.proved
    assert alone.answer.value == enumerate_optimum(instance)


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_lists_and_packing_alone_find_the_optimum(instance: SeparateInstance) -> None:
    alone = steps.Steps(instance, Control())
    alone.prepare()
    assert alone.by_loss(10**6, 10**6)
    assert alone.answer.proved
    assert alone.answer.value == enumerate_optimum(instance)


def test_split_of_many_workers_is_exact_to_the_last_unit() -> None:
    rng = np.random.default_rng(5)
    n, m = 400, 8
    costs = rng.integers(1, 10**6, n)
    hidden = rng.integers(0, m, n)
    group = rng.integers(0, 5, n)
    caps = np.zeros((5, m), dtype=int)
    np.add.at(caps, (group, hidden), 1)
    # No slack anywhere: every slot, and every unit of every budget, is needed.
    budgets = [int(costs[hidden == j].sum()) for j in range(m)]
    instance = SeparateInstance.of(np.ones(n, dtype=int), costs, group, caps, np.full(m, n), budgets)
    splitter = Splitter(instance, np.arange(n), 1, Control())
    assert splitter.balance(200)
    assert instance.is_feasible(splitter.assignment())


@pytest.mark.parametrize("kind", ["a", "c", "d"])
def test_a_hundred_workers_five_requesters(kind: str) -> None:
    instance = hard_instance(kind, 100, 5, 10, 0)
    answer = solve_separate(instance, Control.for_seconds(60))
    assert answer.proved
    assert instance.is_feasible(answer.assignment)


def test_optimum_does_not_depend_on_the_multipliers(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        instance = hard_instance("a", 40, 3, 4, seed)
        expected = solve_separate(instance)
        rng = np.random.default_rng(seed)
        found = find_multipliers(instance, Control())
        skewed = price_out(
            instance,
            [int(x * rng.uniform(0.99, 1.01)) for x in found.budget.tolist()],
            [[int(x * rng.uniform(0.99, 1.01)) for x in row] for row in found.slot.tolist()],
            [int(rng.integers(0, 1000)) for _ in range(instance.m)],
            found.denominator,
        )
        monkeypatch.setattr(steps, "find_multipliers", lambda *_, skewed=skewed: skewed)
        other = solve_separate(instance)
        monkeypatch.undo()
        assert expected.proved
        assert other.proved
        assert other.value == expected.value


def test_exchanges_never_lose() -> None:
    for seed in range(4):
        instance = hard_instance("a", 60, 4, 3, seed)
        multipliers = find_multipliers(instance, Control())
        start = repair_and_fill(instance, np.full(instance.n, -1, dtype=np.int64), Control())
        seen = [instance.value(start)]

        def record(point: np.ndarray, instance: SeparateInstance = instance, seen: list[int] = seen) -> bool:
            seen.append(instance.value(point))
            assert instance.is_feasible(point)
            return False

        improve(instance, multipliers, start, record, 6, Control())
        assert seen == sorted(seen)
        assert seen[-1] <= multipliers.bound


class Impatient(Control):
    """A deadline that passes at the so many-th look at it, on every machine the same."""

    looks = 0
    patience = 0

    def expired(self) -> bool:
        self.looks += 1
        return self.looks > self.patience


@pytest.mark.parametrize("patience", [0, 1, 4, 64])
def test_a_deadline_keeps_the_point_and_the_bound(patience: int) -> None:
    instance = hard_instance("a", 40, 3, 10, 1)
    optimum = solve_separate(instance).value
    control = Impatient()
    control.patience = patience
    answer = solve_separate(instance, control)
    assert instance.is_feasible(answer.assignment)
    assert instance.value(answer.assignment) == answer.value <= optimum <= answer.bound
    assert answer.stopped == ("time-limit" if control.looks > patience else "proved")
    if patience == 0:
        assert answer.stopped == "time-limit"


def test_an_interrupt_keeps_the_point_and_the_bound() -> None:
    def interrupt(message: str) -> None:
        raise KeyboardInterrupt

    instance = hard_instance("a", 100, 5, 10, 0)
    optimum = solve_separate(instance).value
    answer = solve_separate(instance, Control(None, interrupt))
    assert answer.stopped == "interrupted"
    assert instance.is_feasible(answer.assignment)
    assert 0 < answer.value <= optimum <= answer.bound


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_pooled_relaxation_is_a_bound(instance: SeparateInstance) -> None:
    chosen, bound, stopped = pooled_optimum(instance, Control())
    assert bound >= enumerate_optimum(instance)
    assert stopped == "proved"
    assert chosen is not None
    assert sum(instance.costs[chosen].tolist()) <= sum(instance.budgets)
    if not instance.seats_bind:
        assert bound <= pooled_by_enumeration(instance, Control())[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [0, 1]}, "positive"),
        ({"costs": [-1, 1]}, "nonnegative"),
        ({"groups": [0, 1]}, "out of range"),
        ({"caps": [[-1]]}, "nonnegative"),
        ({"budgets": [-1]}, "nonnegative"),
        ({"seats": [1, 1]}, "do not agree"),
    ],
)
def test_what_is_no_instance_is_refused(change: dict, message: str) -> None:
    good = {"scores": [1, 1], "costs": [1, 1], "groups": [0, 0], "caps": [[1]], "seats": [1], "budgets": [1]}
    with pytest.raises(ValueError, match=message):
        SeparateInstance.of(**{**good, **change})


def test_decimals_are_meant_exactly() -> None:
    market = Market.build(
        scores=["0.7", "0.5", "1/3", "0.2"], costs=["0.1", "0.2", "0.3", "0"], budgets=["0.3", "0.29999999999"]
    )
    solution = solve(market, "opt-sep", "loss-search")
    assert solution.objective == solve(market, "opt-sep", "brute-force").objective
    assert solution.objective == Fraction(7, 10) + Fraction(1, 2) + Fraction(1, 5)
    assert solution.exactness == "checked"


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted")
@settings(max_examples=40_000)
@given(instance=made_by(random_instance, 9))
def test_campaign_against_enumeration(instance: SeparateInstance) -> None:
    check(instance, solve_separate(instance), enumerate_optimum(instance))


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("seed", range(40))
def test_campaign_against_the_literal_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kind = "acd"[seed % 3]
    instance = hard_instance(kind, int(rng.integers(10, 30)), int(rng.integers(2, 4)), 3, seed)
    everyone = np.ones((instance.n, instance.m), dtype=bool)
    literal = improve_by_highs(instance, Control.for_seconds(60), 0, everyone)
    ours = solve_separate(instance)
    assert ours.proved
    if literal.claimed:
        assert literal.assignment is not None
        assert instance.value(literal.assignment) == ours.value
