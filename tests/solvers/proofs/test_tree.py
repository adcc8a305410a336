"""The two checkers of trees: against enumeration, whatever a tree holds nothing false is accepted; and against each other."""

from __future__ import annotations

import ast
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import campaign
import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by, seeded
from fedmech import Market, solve
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.certify.leaves import proof_of_leaves
from fedmech.solvers.certify.tree import prove
from fedmech.solvers.proofs.arrays import limbs
from fedmech.solvers.proofs.arrays import search as array_search
from fedmech.solvers.proofs.nodes import Multipliers, read_nodes
from fedmech.solvers.proofs.proof import Proof, ProofError
from fedmech.solvers.proofs.reference import search as reference_search
from fedmech.solvers.proofs.reference.check import Tree as Reference
from fedmech.solvers.proofs.reference.narrow import narrow
from fedmech.solvers.proofs.tree import FEW, open_tree
from fedmech.solvers.proofs.walk import Narrowed
from hypothesis import given, settings
from proof_markets import (
    CHECKERS,
    PROBLEMS,
    accepted,
    points,
    random_market,
    random_multipliers,
    random_tree,
    refusal,
    tiny_market,
    twin_market,
    value_of,
)

ROOMS = Path(__file__).parents[3] / "solvers" / "proofs"


def opened(market: Market, problem: str, bound: int, purses: int = 1, checker: str = "reference"):
    return open_tree(market, problem, bound, purses, lambda: None, checker)


def one_leaf(problem: str, bound: int, multipliers: Multipliers, purses: int = 1) -> Proof:
    return Proof(problem, "tree", bound, {"purses": purses, "nodes": [{"multipliers": multipliers.written()}]})


def below(market: Market, problem: str, value: int) -> int:
    """The largest bound that a point of this value breaks."""
    tree = opened(market, problem, value)
    return 2 * value - tree.instance.goal


def holds(instance, node, point: np.ndarray) -> bool:
    """Whether a node still holds a point: its open workers may be hired as there, the others add up to the hired."""
    separate = len(instance.purses) > 1
    hired = {i: (j if separate else 0) for i, j in enumerate(point.tolist()) if j >= 0}
    still = {i for workers in node.open for i in workers}
    if not all(i in node.open[k] for i, k in hired.items() if i in still):
        return False
    decided = {i: k for i, k in hired.items() if i not in still}
    held = [[0] * len(instance.caps) for _ in instance.purses]
    for i, k in decided.items():
        held[k][instance.groups[i]] += 1
    score = sum(instance.scores[i] for i in decided)
    return held == node.held and score == node.score and node.low <= len(hired) <= node.high


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("problem", PROBLEMS)
@settings(max_examples=some(250))
@given(market=made_by(tiny_market), rng=generators)
def test_no_better_point_is_ever_ruled_out(problem: str, checker: str, market: Market, rng: Numbers) -> None:
    """For random multipliers, purses, count intervals and bounds: narrowing keeps all that is better."""
    all_points = list(points(market, problem))
    values = [value_of(market, problem, point) for point in all_points]
    for purses in {1, market.m if problem == "opt-sep" else 1}:
        bound = int(rng.choice(values))
        tree = opened(market, problem, bound, purses, checker)
        root = tree.instance.root()
        low = int(rng.integers(0, 3)) * int(rng.random() < 0.3)
        node = replace(root, low=low, high=root.high - int(rng.random() < 0.3))
        better = [
            point
            for point, value in zip(all_points, values, strict=True)
            if value >= tree.instance.goal and node.low <= (point >= 0).sum() <= node.high
        ]
        assert not any(bound < value < tree.instance.goal for value in values)
        multipliers = random_multipliers(rng, tree.instance.shape, 30)
        found = tree.narrow(replace(node, multipliers=multipliers))
        if found.gap < 0:
            assert not better
            continue
        assert all(holds(tree.instance, found.node, point) for point in better)
        if better:
            assert not tree.searched(found)


@pytest.mark.parametrize("scale", campaign.thorough([1, 10**9, 10**17, 10**40], (10**9, 10**17).__contains__))
@pytest.mark.parametrize("problem", PROBLEMS)
@settings(max_examples=some(120))
@given(rng=generators)
def test_random_trees_prove_nothing_false(problem: str, scale: int, rng: Numbers) -> None:
    market = tiny_market(rng, scale)
    best = max(value_of(market, problem, point) for point in points(market, problem))
    purses = market.m if problem == "opt-sep" and rng.randrange(3) else 1
    bound = best if rng.randrange(2) else max(0, best - scale * int(rng.integers(1, 4)))
    checker = CHECKERS[rng.randrange(5) == 0]
    nodes = random_tree(rng, opened(market, problem, bound, purses, checker), 30)
    if accepted(Proof(problem, "tree", bound, {"purses": purses, "nodes": nodes}), market):
        assert bound >= best


@pytest.mark.parametrize("seats", [False, True])
@pytest.mark.parametrize("problem", PROBLEMS)
@settings(max_examples=some(32))
@given(rng=generators)
def test_a_grown_proof_holds_at_its_bound_and_not_below(problem: str, seats: bool, rng: Numbers) -> None:
    market = random_market(rng, seats, *((1, 11) if rng.randrange(4) else (15, 26)))
    solution = solve(market, problem)
    assert solution.value is not None
    unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
    value = int(solution.value * unit)
    for bound in (value, value + 1, 2 * value + 5):
        proof = prove(market, problem, bound)
        assert accepted(proof, market)
    if value:
        assert not accepted(replace(prove(market, problem, value), bound=below(market, problem, value)), market)


@settings(max_examples=70)
@given(market=made_by(twin_market), rng=generators)
def test_searches_of_many_alike_prove_nothing_false(market: Market, rng: Numbers) -> None:
    """Bundles, plentiful workers, priced counts: a bound one unit below the optimum never passes, the optimum may."""
    solution = solve(market, "opt")
    assert solution.value is not None
    value = int(solution.value * market.scaled.score_denominator)
    whole = [node["multipliers"] for node in prove(market, "opt", value).body["nodes"] if "multipliers" in node]
    for bound in (value, below(market, "opt", value)):
        # The multipliers of the proof, and others near them.
        for trial in range(4):
            one = whole[int(rng.integers(0, len(whole)))]
            nudge = rng.integers(-1, 2, 2 + market.L).tolist() if trial else [0] * (2 + market.L)
            places = tuple(max(0, mu + x) for mu, x in zip(one["places"][0], nudge[2:], strict=True))
            money = max(0, one["money"][0] + nudge[1])
            multipliers = Multipliers(one["scale"], one["count"] + nudge[0], (money,), (), (places,))
            if accepted(one_leaf("opt", bound, multipliers), market):
                assert bound == value


@settings(max_examples=40)
@given(market=made_by(tiny_market))
def test_nested_seats_with_a_priced_count(market: Market) -> None:
    """A price on the count under seat limits is charged to its end, in bound and search alike."""
    all_points = list(points(market, "opt"))
    value = max(value_of(market, "opt", point) for point in all_points)
    for bound in {value, below(market, "opt", value)}:
        for checker in CHECKERS:
            tree = opened(market, "opt", bound, 1, checker)
            root = tree.instance.root()
            for low in range(root.high + 1):
                for nu in (-9, 0, 4, 25):
                    multipliers = Multipliers(2, nu, (1,), (), ((1,) * market.L,))
                    found = tree.narrow(replace(root, low=low, high=low, multipliers=multipliers))
                    if found.gap >= 0 and not tree.searched(found):
                        continue
                    assert not any(
                        value_of(market, "opt", point) > bound for point in all_points if (point >= 0).sum() == low
                    )


def test_units_of_fractions() -> None:
    """What is better is so by the greatest common divisor of the data, not by one."""
    market = Market.build(scores=[Fraction(4, 3), Fraction(2, 3)], costs=[1, 1], budgets=[1])
    for checker in CHECKERS:
        for bound, goal in ((4, 6), (5, 6), (6, 8), (0, 2)):
            assert opened(market, "opt", bound, 1, checker).instance.goal == goal


def test_places_given_up_by_many_alike() -> None:
    """Where equal workers fill all places at no loss, a set that leaves as many empty as the gap allows is found."""
    for copies in (15, 16, 17, 30):
        for places in range(copies - 3, copies + 2):
            for money in range(places):
                market = Market.build(scores=[1] * copies, costs=[1] * copies, budgets=[money], caps=[[places]])
                multipliers = Multipliers(1, 0, (0,), (), ((1,),))
                assert accepted(one_leaf("opt", money, multipliers), market)
                assert not accepted(one_leaf("opt", money - 1, multipliers), market)


def nearly_alike(rng: Numbers) -> Market:
    """Many workers alike in two capped groups beside a few of about their price, of numbers of up to 52 bits; a tiny price of places."""
    base, slope = 2 ** rng.choice([30, 40, 45, 50]), rng.randint(1, 1000)
    rows, caps = [], []
    for group in range(2):
        cost = base * rng.randint(1, 2) + rng.randint(-1, 1)
        rows += [(max(1, slope * cost // base + rng.randint(0, 1)), cost, group)] * rng.choice([16, 20, 30])
        caps.append([rng.randint(8, 14)])
        for _ in range(3):
            cost = rng.randint(0, 2 * base)
            rows.append((max(1, slope * cost // base + rng.randint(-1, 3)), cost, group))
    budget = base * rng.randint(5, 40) + rng.randint(-3, 3)
    scores, costs, groups = (list(column) for column in zip(*rows, strict=True))
    return Market.build(scores=scores, costs=costs, groups=groups, group_ids=[0, 1], budgets=[budget], caps=caps)


@pytest.mark.parametrize("seed", [10, 18, 25, 48, 54, 57])
def test_no_more_places_are_offered_than_can_be_empty(seed: int) -> None:
    """At a price of places that is tiny against the gap, as many as it allows would be billions, and a search of their bundles endless."""
    market = nearly_alike(seeded(seed))
    solution = solve(market, "opt")
    assert solution.proof is not None
    assert isinstance(solution.proof.bound, int)
    for checker in CHECKERS:
        tree = opened(market, "opt", solution.proof.bound, 1, checker)
        tree.check(read_nodes(solution.proof.body["nodes"], tree.instance.shape))
        assert tree.work.states < 5000


@pytest.mark.parametrize("checker", CHECKERS)
def test_plenty_saves_combinations(checker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    market = nearly_alike(seeded(24))
    proof = solve(market, "opt").proof
    assert proof is not None
    assert isinstance(proof.bound, int)
    states = []
    for plenty in (array_search.PLENTY, 1000):
        monkeypatch.setattr(array_search, "PLENTY", plenty)
        monkeypatch.setattr(reference_search, "PLENTY", plenty)
        tree = opened(market, "opt", proof.bound, 1, checker)
        tree.check(read_nodes(proof.body["nodes"], tree.instance.shape))
        states.append(tree.work.states)
    assert 2 * states[0] < states[1]


@pytest.mark.parametrize("checker", CHECKERS)
def test_places_of_whom_the_base_hires_can_be_empty_too(checker: str) -> None:
    """The two of nine stand in the base and fill their group; what is best hires nobody of it, and has both places empty."""
    market = Market.build(
        scores=[4] * 16 + [9, 9, 15, 15],
        costs=[1] * 16 + [6, 6, 10, 10],
        groups=[0] * 18 + [1] * 2,
        group_ids=[0, 1],
        budgets=[20],
        caps=[[2], [2]],
    )
    multipliers = Multipliers(1, 0, (0,), (), ((4, 0),))
    assert refusal(one_leaf("opt", 30, multipliers), market, checker) is None
    assert refusal(one_leaf("opt", 29, multipliers), market, checker) is not None


def test_plenty_at_no_price_leaves_places_empty() -> None:
    """Workers alike in a full group whose places cost nothing: leaving one empty may be what is best (54 or 63 in one market)."""
    for copies in (15, 16, 17, 18):
        market = Market.build(
            scores=[9] * copies + [12],
            costs=[2] * copies + [3],
            budgets=[15],
            caps=[[copies // 2]],
            groups=["a"] * (copies + 1),
        )
        best = max(
            9 * few + 12 * one
            for few in range(8)
            for one in (0, 1)
            if 2 * few + 3 * one <= 15 and few + one <= copies // 2
        )
        rng = np.random.default_rng(copies)
        for bound in range(best - 6, best + 1):
            for _ in range(12):
                multipliers = random_multipliers(rng, opened(market, "opt", bound).instance.shape, 6)
                assert (
                    not accepted(one_leaf("opt", bound, replace(multipliers, places=((0,),))), market) or bound >= best
                )
        assert accepted(prove(market, "opt", best), market)


@pytest.mark.parametrize("kind", ["a", "b", "c", "d", "lognormal"])
@pytest.mark.parametrize("n", [FEW - 1, FEW, FEW + 1, 3000])
def test_checkers_agree_on_generated_markets(kind: str, n: int) -> None:
    """On both sides of the size at which arrays take over; by either checker, the bound holds and the one below does not."""
    market = generate_market(kind, n, seed=n)
    solution = solve(market, "opt")
    assert solution.value is not None
    value = int(solution.value * market.scaled.score_denominator)
    proof = prove(market, "opt", value)
    assert accepted(proof, market)
    narrowed = narrow(opened(market, "opt", value).instance, opened(market, "opt", value).instance.root())
    assert narrowed.gap == 0
    assert type(open_tree(market, "opt", value, 1, lambda: None)) is type(
        opened(market, "opt", value, 1, "reference" if n <= FEW else "arrays")
    )
    if kind in "ab":
        assert not accepted(replace(proof, bound=value - 1), market)


def test_leaves_of_a_search_are_a_proof_as_they_stand() -> None:
    for kind in ("a", "c"):
        market = generate_market(kind, 3000, seed=4)
        from fedmech.solvers.pooled import solve_pooled
        from fedmech.solvers.pooled.method import pooled_problem

        result = solve_pooled(pooled_problem(market))
        assert accepted(proof_of_leaves("opt", result.value, result.leaves), market)


def columns_as_objects(market: Market, *names: str) -> Market:
    return market.with_scaled(**{name: getattr(market.scaled, name).astype(object) for name in names})


@pytest.mark.parametrize(
    "names",
    [
        ("scores",),
        *(pytest.param((name,), marks=pytest.mark.thorough) for name in ("costs", "budgets", "coverage")),
        ("scores", "costs", "budgets"),
    ],
)
@settings(max_examples=12)
@given(rng=generators)
def test_columns_of_python_integers(names: tuple[str, ...], rng: Numbers) -> None:
    """Each column by itself may hold Python integers."""
    plain = random_market(rng, rng.randrange(2) == 1)
    market = columns_as_objects(plain, *names)
    for problem in PROBLEMS:
        solution = solve(plain, problem)
        assert solution.value is not None
        unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
        value = int(solution.value * unit)
        proof = prove(plain, problem, value)
        assert accepted(proof, market)
        if value:
            assert not accepted(replace(proof, bound=below(plain, problem, value)), market)


@pytest.mark.parametrize("budget", [277_000_000_000, 2**62, 2**63 + 5, 10**20])
@pytest.mark.parametrize(("cost", "covered"), [(1, 0), (0, 1), (0, 0), (1, 1)])
def test_multipliers_beyond_a_word_of_columns_of_zeros(budget: int, cost: int, covered: int) -> None:
    """A scale of more than 64 bits times coverage that is all 0 is 0, and still no product of machine words."""
    market = Market.build(scores=[1], costs=[cost], coverage=[[covered]], budgets=[budget])
    assert solve(market, "cover").exactness == "checked"


@pytest.mark.parametrize("bits", [1, 20, 31, 52, 53, 59, 60, 61, 62, 63, 64, 100, 300])
@pytest.mark.parametrize("factor", [1, 3, 2**20, 2**40, 2**61, 2**62, 2**63, 2**70, 2**200])
def test_numbers_of_every_size(bits: int, factor: int) -> None:
    """Columns and multipliers across the limits of 64 bits: limbs, objects and plain integers all say what Python says."""
    rng = np.random.default_rng(bits)
    size = 40
    top = 1 << bits
    scores = [int(x) * top // 1000 for x in rng.integers(0, 1001, size)]
    costs = [int(x) * top // 1000 for x in rng.integers(0, 1001, size)]
    dtype = np.int64 if max(scores + costs) * size < 1 << 62 else object
    one, two = np.array(scores, dtype=dtype), np.array(costs, dtype=dtype)
    groups = rng.integers(0, 3, size)
    for scale, price in ((factor, factor), (factor + 1, factor // 2), (1, factor), (factor, 0)):
        offsets = [0, scale * (top // 3), -scale * (top // 7)]
        right = [scale * v - price * c - offsets[g] for v, c, g in zip(scores, costs, groups.tolist(), strict=True)]
        found = limbs.combine(one, two, groups, scale, price, offsets)
        everything = np.arange(size)
        assert [int(x) for x in found.take(everything)] == right
        assert found.positive_total() == sum(max(0, x) for x in right)
        for threshold in (
            0,
            -1,
            1,
            *right[:6],
            *(x + 1 for x in right[:4]),
            1 << 64,
            -(1 << 64),
            1 << 300,
            -(1 << 300),
        ):
            assert found.above(threshold).tolist() == [x > threshold for x in right]


def test_where_limbs_and_objects_begin() -> None:
    def numbers(top: int, scale: int) -> limbs.Numbers:
        column = np.array([top, 0], dtype=np.int64)
        return limbs.combine(column, column * 0, np.zeros(2, dtype=np.int64), scale, 0, [0])

    bits = 61 - 11
    assert len(numbers(1023, (1 << bits) - 1).limbs) == 1
    assert len(numbers(1023, 1 << bits).limbs) == 2
    assert numbers((1 << 53) - 2, 1).limbs[0].dtype == np.int64
    assert numbers(1 << 53, 1).limbs[0].dtype == object


def test_numbers_that_a_search_leaves_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs that do not fit in 64 bits once priced are searched in Python integers; the answer is the same."""
    fell_back = []
    left: list[int] = []
    least_loss = Reference.least_loss

    def counted(reference: Reference, found: Narrowed, k: int) -> int:
        left.append(k)
        return least_loss(reference, found, k)

    monkeypatch.setattr(Reference, "least_loss", counted)
    for scale in (1, 10**6, 10**9, 10**12, 10**25):
        rng = np.random.default_rng(7)
        scores, costs = (rng.integers(1, 1000, 60).tolist() for _ in range(2))
        market = Market.build(
            scores=[x * scale for x in scores],
            costs=[x * scale + int(rng.integers(0, 9)) for x in costs],
            budgets=[10_000 * scale],
            groups=rng.integers(0, 3, 60).tolist(),
            caps=[[12]] * 3,
        )
        solution = solve(market, "opt")
        assert solution.value is not None
        proof = prove(market, "opt", int(solution.value))
        tree: Any = opened(market, "opt", int(proof.bound), 1, "arrays")
        left.clear()
        tree.check(map_entries(proof, tree))
        assert tree.fell_back == len(left)
        fell_back.append(tree.fell_back)
        assert accepted(proof, market)
        assert not accepted(replace(proof, bound=below(market, "opt", int(solution.value))), market)
    assert fell_back[0] == 0 < fell_back[-1]


def map_entries(proof: Proof, tree):
    from fedmech.solvers.proofs.nodes import read_nodes

    return read_nodes(proof.body["nodes"], tree.instance.shape)


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_search_that_is_too_large_is_refused(checker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    market = generate_market("a", 300, seed=3)
    solution = solve(market, "opt")
    assert solution.value is not None
    value = int(solution.value)
    proof = prove(market, "opt", value)
    tree = opened(market, "opt", value, 1, checker)
    entries = map_entries(proof, tree)
    tree.check(entries)
    assert 0 < tree.work.states < 100_000
    for most, right in ((tree.work.states, True), (tree.work.states - 1, False)):
        again = opened(market, "opt", value, 1, checker)
        again.work.most_states = most
        if right:
            again.check(entries)
            continue
        with pytest.raises(ProofError, match="needs more nodes"):
            again.check(entries)


def test_what_runs_out_of_time_stops() -> None:
    market = generate_market("a", 300, seed=3)
    solution = solve(market, "opt")
    assert solution.value is not None
    proof = prove(market, "opt", int(solution.value))

    class Over(Exception):
        pass

    for checker in CHECKERS:
        beats = 0

        def pulse() -> None:
            nonlocal beats
            beats += 1
            if beats > 3:
                raise Over

        tree = open_tree(market, "opt", int(solution.value), 1, pulse, checker)
        with pytest.raises(Over):
            tree.check(map_entries(proof, tree))


def test_ranks_serve_where_gains_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gains too large to be lifted key by key are replaced by their ranks: the same rows are kept."""
    lifted = array_search._Run._lifted

    @settings(max_examples=some(200))
    @given(rng=generators)
    def kept_alike(rng: Numbers) -> None:
        size = int(rng.integers(1, 60))
        key = np.sort(rng.integers(0, 5, size))
        gain = rng.integers(-50, 50, size)
        kept = []
        for word in (1 << 62, 1):
            monkeypatch.setattr(array_search, "WORD", word)
            found = lifted(key, gain)
            best = np.maximum.accumulate(found)
            kept.append([True, *(found[1:] > best[:-1]).tolist()])
        literal, most = [], {}
        for k, g in zip(key.tolist(), gain.tolist(), strict=True):
            literal.append(k not in most or g > most[k])
            most[k] = max(most.get(k, g), g)
        assert kept == [literal, literal]

    kept_alike()


def imported(path: Path) -> list[str]:
    """The modules a file imports, wherever in it, and what it takes from them."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return names + [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]


def test_the_checkers_import_the_models_and_each_other_only_where_said() -> None:
    for path in sorted(ROOMS.rglob("*.py")):
        depth = len(path.relative_to(ROOMS).parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level > depth:
                assert node.level == depth + 2, f"{path.name}: from {'.' * node.level}{node.module}"
                assert (node.module or "").startswith("models"), f"{path.name}: from {node.module}"
    for path in (ROOMS / "reference").glob("*.py"):
        assert not {"numpy", "arrays"} & set(".".join(imported(path)).split("."))
    users = {
        path.name for path in (ROOMS / "arrays").glob("*.py") if "reference" in ".".join(imported(path)).split(".")
    }
    assert users == {"check.py"}
