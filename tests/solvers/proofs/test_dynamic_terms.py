"""The parts of the dynamic program against their definitions: what is kept is all that may reach the goal, and no more."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by, seeded
from fedmech.solvers.proofs import dynamic
from fedmech.solvers.proofs.dynamic import Program, Step
from fedmech.solvers.proofs.proof import ProofError
from hypothesis import given, settings

Case = tuple[Program, list[tuple[int, int, int]], list[int]]


def drawn(rng: Numbers, least: int = 0, top: int = 9) -> Case:
    """A program with its workers and limits: several groups, some with more workers than places; costs from `least` to `top`."""
    groups, scale = rng.randint(1, 3), rng.choice([1, 1, 2, 6])
    kinds = [(rng.randrange(groups), rng.randint(least, top), rng.randint(0, 9)) for _ in range(rng.randint(1, 5))]
    workers = [kind for kind in kinds for _ in range(rng.choice([1, 1, 2, 3, 5]))][:10]
    rng.shuffle(workers)
    limits = [rng.randint(0, 5) for _ in range(groups)]
    places = [rng.choice([0, 1, 2, 3, 5, 9]) for _ in range(groups)]
    money = rng.randint(0, sum(cost for _, cost, _ in workers) + 2)
    goal = rng.randint(1, 1 + sum(score for _, _, score in workers))
    return Program(workers, limits, money, goal, scale, places), workers, limits


def completions(steps: list[Step], debt: int, money: int) -> list[int]:
    """What the scores of the steps can add: so many of the group are still to be left, and so much may be spent."""
    if not steps:
        return [0] if debt == 0 else []
    first, *rest = steps
    if first.debt is not None:
        if debt:
            return []
        debt = first.debt
    found = completions(rest, max(0, debt - first.copies), money)
    if first.cost <= money:
        found = found + [x + first.score for x in completions(rest, debt, money - first.cost)]
    return found


def relaxation(steps: list[Step], sums: set[int], money: int) -> int:
    """The worth that money buys in parts of steps, at what the costs of those ahead can come to."""
    left, worth = max(x for x in sums if x <= money), Fraction(0)
    for step in sorted(steps, key=lambda step: Fraction(step.worth, step.cost) if step.cost else 10**9, reverse=True):
        if step.worth > 0:
            part = min(Fraction(1), Fraction(left, step.cost)) if step.cost else Fraction(1)
            worth += part * step.worth
            left -= part * step.cost
    return worth.numerator // worth.denominator


def sums_of(costs: list[int]) -> set[int]:
    return {sum(some) for size in range(len(costs) + 1) for some in itertools.combinations(costs, size)}


@settings(max_examples=some(120))
@given(case=made_by(drawn))
def test_the_steps_are_bundles_of_all_workers(case: Case) -> None:
    program, workers, limits = case
    sizes, costs = Counter(group for group, _, _ in workers), defaultdict(list)
    for group, cost, _ in sorted(workers):
        costs[group].append(cost)
    divisor = int(np.gcd.reduce([cost for _, cost, _ in workers])) or 1
    total = sum(cost for _, cost, _ in workers) // divisor
    assert sum(step.cost for step in program.steps) == total
    assert sum(step.score for step in program.steps) == sum(score for _, _, score in workers)
    assert sum(step.copies for step in program.steps) == len(workers)
    assert program.money <= total
    later = 0
    for at in range(len(program.steps) - 1, -1, -1):
        step = program.steps[at]
        assert step.later == later
        behind = itertools.takewhile(lambda other: other.debt is None, program.steps[at + 1 :])
        assert step.ahead == sum(other.copies for other in behind)
        assert step.worth == program.scale * step.score - step.place * step.copies
        if step.debt is not None:
            later += step.place * (step.ahead + step.copies - step.debt)
    begins = [step for step in program.steps if step.debt is not None]
    debts = Counter(step.debt for step in begins if step.debt)
    bound = {g: sum(costs[g][: limits[g] + 1]) for g in sizes if sizes[g] > limits[g]}
    money = program.money if program.money < total else None
    if money is not None:
        assert debts == Counter(sizes[g] - limits[g] for g, least in bound.items() if least // divisor <= money)


def states_to_keep(program: Program) -> int:
    """Count them step by step, of one debt: no dearer one that scores no more, none that the relaxation cannot bring to the goal."""
    steps = program.steps
    table, made = {0: {0: 0}}, 0
    for at, step in enumerate(steps):
        if step.debt is not None:
            table = {step.debt: table[0]} if 0 in table else {}
        found: dict[int, dict[int, int]] = defaultdict(dict)
        for debt, states in table.items():
            for cost, score in states.items():
                into = found[max(0, debt - step.copies)]
                into[cost] = max(into.get(cost, -1), score)
                if debt <= step.ahead:
                    into, dearer = found[debt], cost + step.cost
                    into[dearer] = max(into.get(dearer, -1), score + step.score)
        block = steps[(at + 1) // 8 * 8 :] if at + 1 < len(steps) else []
        sums = sums_of([other.cost for other in block])
        table = {}
        for debt, states in found.items():
            rest = step.later + step.place * (step.ahead - debt)
            kept = {
                cost: score
                for cost, score in states.items()
                if cost <= program.money
                and not any(less < cost and score <= other for less, other in states.items())
                and program.scale * score + relaxation(steps[at + 1 :], sums, program.money - cost) + rest
                >= program.scale * program.goal
            }
            if kept:
                table[debt] = kept
        made += sum(map(len, table.values()))
    open_end = 0 in table
    assert (program.run(0, None, lambda: None) is not None) == open_end
    assert open_end or max(completions(steps, 0, program.money), default=-1) < program.goal
    return made


@settings(max_examples=some(120))
@given(case=made_by(drawn) | made_by(drawn, 1, 10**6))
def test_states_are_those_that_may_reach_the_goal(case: Case) -> None:
    program, *_ = case
    assert states_to_keep(program) <= program.made


def test_no_other_states_are_kept_where_no_two_sets_cost_the_same() -> None:
    """Numbers as they come from a seed: hypothesis looks for those that are equal."""
    for seed in range(40):
        program, *_ = drawn(seeded(seed), 1, 10**6)
        assert states_to_keep(program) == program.made, seed


@settings(max_examples=some(80))
@given(case=made_by(drawn))
def test_gains_of_cells_of_one_unit_are_those_of_all_ways_to_go_on(
    case: Case,
) -> None:
    program, *_ = case
    steps, money = program.steps, program.money
    tables = program.run(1, None, lambda: None)
    if tables is None:
        assert max(completions(steps, 0, money), default=-1) < program.goal
        return
    found = program.gains(tables, 1)
    # Costs and debts before every step, with the best score of those who spend it.
    best: dict[tuple[int, int], int] = {(0, 0): 0}
    for at in range(len(steps) + 1):
        right: dict[int, dict[int, int]] = defaultdict(dict)
        for (debt, cost), score in best.items():
            more = completions(steps[at:], debt, money - cost)
            if more and score + max(more) >= program.goal:
                right[debt][cost] = max(more)
        # What may not reach the goal may stand there, as long as it is said to gain no more than it does.
        given = {
            debt: dict(zip(low.tolist(), gain.tolist(), strict=True)) for debt, (low, _, gain) in found[at].items()
        }
        for debt, cells in right.items():
            for cost, gain in cells.items():
                assert given[debt][cost] == gain, at
        if at < len(steps):
            for debt, cells in given.items():
                for cost in cells:
                    assert cost in right[debt], at
            step, after = steps[at], {}
            for (debt, cost), score in best.items():
                if step.debt is not None:
                    if debt:
                        continue
                    debt = step.debt
                moves = [(max(0, debt - step.copies), cost, score)]
                if debt <= step.ahead and cost + step.cost <= money:
                    moves.append((debt, cost + step.cost, score + step.score))
                for owed, spent, scored in moves:
                    after[owed, spent] = max(after.get((owed, spent), -1), scored)
            best = after


@pytest.mark.parametrize("most", [1, 3, dynamic.SUMS])
def test_intervals_hold_all_sums_that_money_pays(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "SUMS", most)

    @settings(max_examples=60)
    @given(case=made_by(drawn))
    def holds(case: Case) -> None:
        program, *_ = case
        costs = [step.cost for step in program.steps]
        assert len(program.sums) == -(-len(costs) // 8) + 1
        for at, (low, high) in enumerate(program.sums):
            right = {x for x in sums_of(costs[8 * at :] if at < len(program.sums) - 1 else []) if x <= program.money}
            held = {x for a, b in zip(low.tolist(), high.tolist(), strict=True) for x in range(a, b + 1)}
            if most == dynamic.SUMS and most > 3:
                assert {x for x in held if x <= program.money} == right
            assert held >= right
            assert len(low) <= max(1, most)
            assert all(low[1:] > high[:-1] + 1)

    holds()


@pytest.mark.parametrize("near", [0, 1, 3, 10])
@settings(max_examples=40)
@given(rng=generators)
def test_intervals_are_united_where_they_are_near(near: int, rng: Numbers) -> None:
    low = rng.integers(0, 60, int(rng.integers(1, 9)))
    high = low + rng.integers(0, 6, len(low))
    one, two = dynamic.united(low, high, near)
    held = {x for a, b in zip(low.tolist(), high.tolist(), strict=True) for x in range(a, b + 1)}
    runs: list[list[int]] = []
    for x in sorted(held):
        if runs and x - runs[-1][1] - 1 <= near:
            runs[-1][1] = x
        else:
            runs.append([x, x])
    assert [list(pair) for pair in zip(one.tolist(), two.tolist(), strict=True)] == runs


def test_without_workers_no_more_than_nothing_is_reached() -> None:
    for goal in (-1, 0, 1, 2):
        found = Program([], [0], 5, goal, 1, [0]).run(0, None, lambda: None)
        assert (found is None) == (goal > 0)


def test_states_are_counted_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that were made, and those of one step."""
    workers = [(0, cost, 1) for cost in (1, 2, 4, 8)]

    def program() -> Program:
        return Program(workers, [4], 15, 1, 1, [0])

    whole = program()
    assert whole.run(0, None, lambda: None) is not None
    assert whole.made == 2 + 3 + 4 + 4
    for name, needed in (("MOST_STATES", whole.made), ("MOST_AT_ONCE", 4)):
        for most in (needed, needed - 1):
            with monkeypatch.context() as patch:
                patch.setattr(dynamic, name, most)
                if most == needed:
                    assert program().run(0, None, lambda: None) is not None
                    continue
                with pytest.raises(ProofError, match="too many states"):
                    program().run(0, None, lambda: None)


@pytest.mark.parametrize(
    ("workers", "goal", "fits"),
    [
        # Scores and the goal below 2^60 together, costs below 2^52.
        ([(0, 1, 2**60 - 2)], 1, True),
        ([(0, 1, 2**60 - 2)], -1, True),
        ([(0, 1, 2**60 - 1)], 1, False),
        ([(0, 1, 2**60 - 2)], 2, False),
        ([(0, 1, 1), (0, 2**52 - 2, 1)], 1, True),
        ([(0, 1, 1), (0, 2**52 - 1, 1)], 1, False),
    ],
)
def test_totals_for_which_there_is_room(workers: list[tuple[int, int, int]], goal: int, fits: bool) -> None:
    if fits:
        assert Program(workers, [2], 2**60, goal, 1, [0]).run(0, None, lambda: None) is not None
    else:
        with pytest.raises(ProofError, match="too large"):
            Program(workers, [2], 2**60, goal, 1, [0])


def test_as_many_steps_as_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "MOST_STEPS", 2)
    assert len(Program([(0, 1, 1), (0, 2, 1)], [3], 3, 1, 1, [0]).steps) == 2
    with pytest.raises(ProofError, match="too many steps"):
        Program([(0, 1, 1), (0, 2, 1), (0, 3, 1)], [3], 6, 1, 1, [0])


def test_intervals_are_cut_where_cells_end_and_lose_nothing() -> None:
    for length, low in itertools.product((1, 2, 5, 8), range(12)):
        for high in range(low, low + length):
            cut = dynamic.in_cells(np.array([low]), np.array([high]), np.array([7]), length)
            parts = list(zip(*cut, strict=True))
            assert sorted(x for a, b, _ in parts for x in range(a, b + 1)) == [*range(low, high + 1)]
            assert all(a // length == b // length and score == 7 for a, b, score in parts)


@pytest.mark.parametrize("lengths", [(1,), (40, 5, 2, 1), (7, 3), (8, 4, 1)])
@settings(max_examples=40)
@given(case=made_by(drawn))
def test_cells_hold_all_states_on_the_way_to_the_goal(lengths: tuple[int, ...], case: Case) -> None:
    """Of each pass, the ones after it by what the one before says can be gained."""
    program, *_ = case
    ways = [way_of(program, hires) for hires in itertools.product((False, True), repeat=len(program.steps))]
    gains = None
    for length in lengths:
        tables = program.run(length, gains, lambda: None)
        for way in ways:
            if way is None:
                continue
            assert tables is not None
            for table, (debt, cost, score) in zip(tables, way, strict=True):
                low, high, most = table[debt]
                assert ((low <= cost) & (cost <= high) & (score <= most)).any()
        if tables is None:
            break
        gains = program.gains(tables, length)


@pytest.mark.parametrize(
    ("low", "high", "right"), [(7, 13, True), (0, 6, True), (6, 8, True), (9, 15, False), (0, 5, False)]
)
def test_a_cell_may_lie_in_two_of_the_pass_before(low: int, high: int, right: bool) -> None:
    """States that cost 6 to 8 and score 3 need 3 more: the four that a cell can gain serve those of them that lie in it."""
    program = Program([(0, 10, 5), (0, 7, 5)], [2], 17, 6, 1, [0])
    states, cells = (tuple(np.array([x]) for x in row) for row in ((6, 8, 3), (low, high, 4)))
    step, ahead = program.steps[0], dynamic.Ahead(program, 1)
    kept = program.kept([states], ahead, step, 0, 3, {0: cells})  # type: ignore[list-item, dict-item]
    assert [column.tolist() for column in kept] == ([[6], [8], [3]] if right else [[], [], []])


def way_of(program: Program, hires: tuple[bool, ...]) -> list[tuple[int, int, int]] | None:
    """Debt, cost and score before every step and at the end, if that is within the money, no debt is left, and the goal is reached."""
    debt = cost = score = 0
    way = []
    for step, hired in zip(program.steps, hires, strict=True):
        if step.debt is not None:
            if debt:
                return None
            debt = step.debt
        way.append((debt, cost, score))
        if hired and debt > step.ahead:
            return None
        cost, score = cost + hired * step.cost, score + hired * step.score
        debt = debt if hired else max(0, debt - step.copies)
    good = not debt and cost <= program.money and score >= program.goal
    return [*way, (debt, cost, score)] if good else None
