"""OPT over a folder of files: the answer in memory, whatever the sizes, and nothing that a pass over all rows does not bear out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from campaign import parts, thorough
from fedmech.models.input_error import InputError
from fedmech.models.procurement.file import open_market, read_market
from fedmech.models.procurement.folder import Folder
from fedmech.models.procurement.market import Market
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.pooled import solve_pooled
from fedmech.solvers.pooled.reduction import Guess, guess_from_sample
from fedmech.solvers.proofs import streamed as checker
from fedmech.solvers.proofs.proof import KINDS, ProofError, ProofTooLarge
from fedmech.solvers.proofs.streamed import check_folder
from fedmech.solvers.solve import solve
from fedmech.solvers.streamed import Sizes, StreamedSolution, solve_folder, write_winners
from fedmech.solvers.streamed import solve as search
from folders import random_folder, write_folder


def opened(path: Path) -> Folder:
    folder = open_market(path)
    assert isinstance(folder, Folder)
    return folder


def optimum(path: Path) -> Fraction:
    best = solve(read_market(path), "opt").value
    assert best is not None
    return best


def go_on() -> None:
    pass


@pytest.mark.parametrize("seed", parts(40))
def test_the_answer_is_that_in_memory(seed: int, tmp_path: Path) -> None:
    path = random_folder(tmp_path, seed)
    rng = np.random.default_rng(seed)
    sizes = Sizes(
        direct=int(rng.choice([0, 0, 0, 300])),
        sample=int(rng.choice([20, 100, 400])),
        files=int(rng.choice([1, 2, 8])),
        band=int(rng.choice([10, 100, 10**6])),
        attempts=int(rng.choice([1, 2, 4])),
    )
    found = solve_folder(opened(path), sizes=sizes)
    assert (found.status, found.value, found.bound) == ("optimal", optimum(path), found.value)
    # The winners, as they are written, are worth that, and caps and budgets let them in.
    hired = write_winners(found.folder, found.chosen, tmp_path / "winners")
    table = pq.read_table(tmp_path / "winners").to_pydict()
    market = read_market(path)
    assert hired == len(table["worker"]) == sum(found.counts)
    position = {name: i for i, name in enumerate(market.worker_ids)}
    requester = {name: j for j, name in enumerate(market.requester_ids)}
    placed = np.zeros(market.caps.shape, dtype=np.int64)
    for name, owner in zip(table["worker"], table["requester"], strict=True):
        placed[market.group_of[position[name]], requester[owner]] += 1
    assert (placed <= market.caps).all()
    chosen = [position[name] for name in table["worker"]]
    assert sum((market.score(i) for i in chosen), Fraction(0)) == found.value
    cost = sum((market.cost(i) for i in chosen), Fraction(0))
    assert cost == found.cost
    assert cost <= market.total_budget


def large(root: Path, n: int = 3000, kind: str = "a", **changes: Any) -> Path:
    """Some thousand workers of three groups, enough for bands that leave most of them out."""
    rng = np.random.default_rng(5)
    costs = rng.integers(1, 10**4, n)
    scores = rng.integers(1, 10**4, n) if kind == "a" else costs + 1000
    columns = {"id": range(n), "group": rng.integers(0, 3, n), "score": scores, "cost": costs}
    market = {
        "groups": ["0", "1", "2"],
        "requesters": [{"id": "r", "budget": int(costs.sum()) // 5}],
        "default_cap": n // 6,
        **changes,
    }
    return write_folder(root, columns, market, (700, 701, 2500) if n > 2500 else (), 333)


@pytest.mark.parametrize("kind", thorough("ac", "c".__eq__))
def test_a_band_is_enough(kind: str, tmp_path: Path) -> None:
    path = large(tmp_path, 20_000, kind)
    found = solve_folder(opened(path), sizes=Sizes(direct=0, sample=4000))
    assert (found.status, found.value) == ("optimal", optimum(path))
    assert found.details["attempts"] == 1
    assert found.details["band"] < 10_000
    assert all("rest" not in leaf or leaf["width"] is not None for leaf in found.leaves)


def test_few_rows_are_all_taken(tmp_path: Path) -> None:
    folder = opened(large(tmp_path))
    for direct, whole in ((3000, True), (2999, False)):
        found = solve_folder(folder, sizes=Sizes(direct=direct, sample=2000))
        assert found.status == "optimal"
        assert (found.details["band"] == 3000) == whole
        assert (found.leaves[0].get("width", 0) is None) == whole


def test_a_band_that_is_too_wide_is_not_held(tmp_path: Path) -> None:
    folder = opened(large(tmp_path))
    band = solve_folder(folder, sizes=Sizes(direct=0, sample=2000)).details["band"]
    assert solve_folder(folder, sizes=Sizes(direct=0, sample=2000, band=band, attempts=1)).details["attempts"] == 1
    narrow = solve_folder(folder, sizes=Sizes(direct=0, sample=2000, band=band - 1, attempts=1))
    # So few rows are all taken in the end.
    assert (narrow.status, narrow.details["attempts"], narrow.details["band"]) == ("optimal", 2, 3000)


def test_what_cannot_be_closed_has_a_valid_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = large(tmp_path)
    best, folder = optimum(path), opened(path)

    def shifted(*given: Any) -> Guess:
        guess = guess_from_sample(*given)
        return replace(guess, price=guess.price * 1.2, halves=guess.halves / 4)

    monkeypatch.setattr(search, "guess_from_sample", shifted)
    for most, status in ((2999, "feasible"), (3000, "optimal")):
        # Whether all rows may be taken for the band at last.
        monkeypatch.setattr(search, "MOST_REST", most)
        found = solve_folder(folder, sizes=Sizes(direct=0, sample=2000, attempts=2))
        assert found.status == status
        assert found.value is not None
        assert found.bound is not None
        assert found.value <= best <= found.bound
        assert (found.stopped == "proved") == (found.value == found.bound) == (status == "optimal")


def test_wrong_guesses_are_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = large(tmp_path)
    calls: list[float] = []
    wrong = 1

    def first_wrong(*given: Any) -> Guess:
        guess = guess_from_sample(*given)
        calls.append(given[-1])
        return guess if len(calls) > wrong else replace(guess, price=guess.price * 3)

    monkeypatch.setattr(search, "guess_from_sample", first_wrong)
    found = solve_folder(opened(path), sizes=Sizes(direct=0, sample=2000))
    assert (found.status, found.value, found.details["attempts"]) == ("optimal", optimum(path), 2)
    # The second guess rests on a sample of all rows; only a third one is wider.
    assert calls == [search.FIRST_WIDTH] * 2
    calls, wrong = [], 2
    found = solve_folder(opened(path), sizes=Sizes(direct=0, sample=2000))
    assert (found.status, found.value, found.details["attempts"]) == ("optimal", optimum(path), 3)
    assert calls == [search.FIRST_WIDTH] * 2 + [search.FIRST_WIDTH * search.WIDER]


def test_rows_in_order_are_sampled_anew(tmp_path: Path) -> None:
    n = 4000
    rng = np.random.default_rng(1)
    scores = np.sort(rng.integers(1, 10**6, n))
    columns = {"id": range(n), "group": ["g"] * n, "score": scores, "cost": rng.integers(1, 10**6, n)}
    market = {"groups": ["g"], "requesters": [{"id": "r", "budget": 10**8}], "default_cap": 1000}
    path = write_folder(tmp_path, columns, market, range(100, n, 100))
    found = solve_folder(opened(path), sizes=Sizes(direct=0, sample=1500, files=1))
    assert (found.status, found.value) == ("optimal", optimum(path))
    assert found.details["attempts"] > 1


def test_time_that_is_up_leaves_nothing_or_a_bound(tmp_path: Path) -> None:
    found = solve_folder(opened(large(tmp_path)), Control.for_seconds(0))
    assert (found.status, found.stopped, found.value, found.bound) == ("none", "time-limit", None, None)


# ---------------------------------------------------------------------- the checker


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> StreamedSolution:
    """A folder whose leaf has a gap, and a rest."""
    for seed in range(20):
        path = random_folder(tmp_path_factory.mktemp("market"), seed)
        found = solve_folder(opened(path), sizes=Sizes(direct=0, sample=400))
        if len(found.leaves) == 1 and found.leaves[0].get("width") is not None and found.value:
            return found
    raise AssertionError("none of these has a rest")


def test_multipliers_of_any_kind_prove_no_less_than_the_optimum(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for seed in range(12):
        path = random_folder(tmp_path / str(seed), seed)
        folder, best = opened(path), optimum(path)
        nobody = [np.zeros((size + 7) // 8, dtype=np.uint8) for size in folder.sizes]
        places = sum(folder.limits)
        for _ in range(4):
            split = int(rng.integers(0, places + 1))
            size = 10 ** int(rng.choice([1, 6, 19, 40]))
            leaves = [
                {
                    "low": low,
                    "high": high,
                    "scale": size // int(rng.integers(1, 9)),
                    "price": size // int(rng.integers(1, 9)) * int(rng.integers(0, 2)),
                    "count": int(rng.integers(-1, 2)) * size,
                    "places": [size // int(rng.integers(1, 9)) for _ in folder.limits],
                }
                for low, high in ((0, split), (split + 1, places))
            ]
            found = check_folder(folder, nobody, leaves, go_on)
            assert found.value == found.cost == 0
            assert found.bound >= best


def test_a_forged_proof_proves_less(solved: StreamedSolution) -> None:
    folder, chosen, leaf = solved.folder, solved.chosen, dict(solved.leaves[0])
    honest = check_folder(folder, chosen, [leaf], go_on)
    assert honest.bound == honest.value
    assert not honest.open
    forged = [
        {**leaf, "width": leaf["width"] - 1} if leaf["width"] else {**leaf, "scale": leaf["scale"] + 1},
        *({**leaf, "rest": {**leaf["rest"], "kind": kind, "body": {}}} for kind in [*KINDS, "nothing", None]),
        {**leaf, "rest": {**leaf["rest"], "bound": leaf["rest"]["bound"] - 1}},
        {**leaf, "rest": {**leaf["rest"], "bound": leaf["rest"]["bound"] + 10**6}},
        {name: leaf[name] for name in leaf if name not in ("width", "rest")},
    ]
    for wrong in forged:
        found = check_folder(folder, chosen, [wrong], go_on)
        assert found.bound > found.value
        assert found.open


def test_what_are_no_leaves_is_refused(solved: StreamedSolution) -> None:
    folder, chosen, leaf = solved.folder, solved.chosen, dict(solved.leaves[0])
    places = min(folder.n, sum(folder.limits))
    for wrong in (
        None,
        [],
        [{**leaf, "low": 1}],
        [{**leaf, "high": places - 1}],
        [{**leaf, "high": 0}, {**leaf, "low": 2}],
        [{**leaf, "scale": 0}],
        [{**leaf, "price": -1}],
        [{**leaf, "price": 1.5}],
        [{**leaf, "places": [-1] * len(folder.limits)}],
        [{**leaf, "places": [0] * (len(folder.limits) + 1)}],
        [{**leaf, "width": -1}],
        [{**leaf, "width": True}],
        [{**leaf, "rest": {}}],
        [{**leaf, "rest": {**leaf["rest"], "bound": 1.0}}],
        [{**leaf, "more": 1}],
        [{name: leaf[name] for name in leaf if name != "width"}],
    ):
        with pytest.raises(ProofError):
            check_folder(folder, chosen, wrong, go_on)


def test_so_many_leaves_are_read(solved: StreamedSolution, monkeypatch: pytest.MonkeyPatch) -> None:
    for leaves in (7, 8):
        monkeypatch.setattr(checker, "MOST_LEAVES", leaves)
        if leaves == 8:
            assert not check_folder(solved.folder, solved.chosen, [*solved.leaves] * 8, go_on).open
        else:
            with pytest.raises(ProofTooLarge, match="more than 7"):
                check_folder(solved.folder, solved.chosen, [*solved.leaves] * 8, go_on)


def test_a_search_with_more_leaves_than_are_read_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = opened(large(tmp_path))
    monkeypatch.setattr(search, "MOST_REST", 2999)
    for most, status in ((0, "feasible"), (1, "optimal")):
        monkeypatch.setattr(search, "MOST_LEAVES", most)
        found = solve_folder(folder, sizes=Sizes(direct=0, sample=3000, attempts=1))
        assert (found.status, len(found.leaves)) == (status, 1)


def test_points_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    columns = {"id": range(10), "group": ["g"] * 10, "score": [5] * 10, "cost": [2] * 10}
    market = {"groups": ["g"], "requesters": [{"id": "r", "budget": 6}], "default_cap": 4}
    folder = opened(write_folder(tmp_path, columns, market))
    leaf = {"low": 0, "high": 4, "scale": 2, "price": 5, "count": 0, "places": [0]}
    three = np.array([0b11100000, 0], dtype=np.uint8)
    found = check_folder(folder, [three], [leaf], go_on)
    assert (found.value, found.cost, found.counts, found.bound) == (15, 6, [3], 15)
    for bits, message in (
        ([0b11110000, 0], "budget"),
        ([0b00000000, 0b00100000], "beyond"),
        ([0], "every row"),
        ([0, 0, 0], "every row"),
    ):
        with pytest.raises(ProofError, match=message):
            check_folder(folder, [np.array(bits, dtype=np.uint8)], [leaf], go_on)
    with pytest.raises(ProofError, match="every file"):
        check_folder(folder, [], [leaf], go_on)
    more = replace(folder, header=replace(folder.header, cap_limits=np.array([[2]])))
    with pytest.raises(ProofError, match="caps"):
        check_folder(more, [three], [leaf], go_on)
    seats = replace(folder, header=replace(folder.header, seat_limits=np.array([3])))
    with pytest.raises(ProofError, match="seat"):
        check_folder(seats, [three], [leaf], go_on)


def test_a_rest_of_too_many_rows_is_left(solved: StreamedSolution, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = {**solved.leaves[0], "width": 10**30}
    n = solved.folder.n
    monkeypatch.setattr(checker, "MOST_REST", n)
    assert not any("rows are left" in why for why in check_folder(solved.folder, solved.chosen, [leaf], go_on).open)
    monkeypatch.setattr(checker, "MOST_REST", 0)
    found = check_folder(solved.folder, solved.chosen, [leaf], go_on)
    assert found.bound > found.value
    assert any("rows are left" in why for why in found.open)


def test_money_counts_in_what_divides_all_costs(tmp_path: Path) -> None:
    # At 7 of money three cost 6; that nobody can spend the seventh closes the leaf.
    columns = {"id": range(10), "group": ["g"] * 10, "score": [5] * 10, "cost": [2] * 10}
    market = {"groups": ["g"], "requesters": [{"id": "r", "budget": 7}], "default_cap": 9}
    folder = opened(write_folder(tmp_path, columns, market))
    leaf = {"low": 0, "high": 9, "scale": 2, "price": 5, "count": 0, "places": [0]}
    assert check_folder(folder, [np.array([0b11100000, 0], dtype=np.uint8)], [leaf], go_on).bound == 15


def test_winners_are_not_written_over(solved: StreamedSolution, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="already"):
        write_winners(solved.folder, solved.chosen, tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        write_winners(solved.folder, solved.chosen, tmp_path / "no" / "such")


def test_seats_that_could_bind_are_left_to_memory(tmp_path: Path) -> None:
    for seats, kind in ((500, Folder), (499, Market)):
        changes = {"requesters": [{"id": "r", "budget": 10**6, "seats": seats}], "default_cap": None}
        caps = [{"group": str(g), "requester": "r", "cap": cap} for g, cap in enumerate((100, 200, 200))]
        path = large(tmp_path / str(seats), **changes, caps=caps)
        assert isinstance(open_market(path), kind)


def test_nobody_to_hire(tmp_path: Path) -> None:
    market = {"groups": ["g"], "requesters": [{"id": "r", "budget": 6}], "default_cap": 4}
    nobody: dict[str, Any] = {"id": [], "group": [], "score": np.zeros(0, dtype=int), "cost": np.zeros(0, dtype=int)}
    for direct in (0, -1):
        found = solve_folder(opened(write_folder(tmp_path / str(direct), nobody, market)), sizes=Sizes(direct=direct))
        assert (found.status, found.value, found.bound) == ("optimal", 0, 0)
        assert write_winners(found.folder, found.chosen, tmp_path / f"winners{direct}") == 0
    # Nor is there where nobody can be paid.
    columns = {"id": range(5), "group": ["g"] * 5, "score": [1] * 5, "cost": [7] * 5}
    found = solve_folder(opened(write_folder(tmp_path / "dear", columns, market, (2,))), sizes=Sizes(direct=0))
    assert (found.status, found.value, found.bound) == ("optimal", 0, 0)


# ---------------------------------------------------------------------- time that is up between the search and its check


@pytest.mark.parametrize("seed", parts(12))
def test_a_point_that_there_was_no_time_to_check_has_a_valid_bound(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_time(*given: Any) -> Any:
        raise Stopped("time-limit")

    path = random_folder(tmp_path, seed)
    monkeypatch.setattr(search, "check_folder", no_time)
    best = optimum(path)
    for direct in (0, 10**6):
        found = solve_folder(opened(path), sizes=Sizes(direct=direct, sample=100))
        assert found.value is not None
        assert found.bound is not None
        assert (found.status, found.exactness, found.stopped) == ("feasible", "unchecked", "time-limit")
        assert found.value <= best <= found.bound
        # The point is one that fits, and is worth what is said.
        anything = {"low": 0, "high": sum(found.folder.limits), "scale": 1, "price": 0, "count": 0}
        anything |= {"places": [0] * len(found.folder.limits)}
        checked = check_folder(found.folder, found.chosen, [anything], go_on)
        assert (checked.value, checked.counts) == (found.value * found.folder.score_denominator, found.counts)


@pytest.mark.parametrize("kind", thorough("ac", "c".__eq__))
def test_the_bound_of_a_guess_is_close(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_time(*given: Any) -> Any:
        raise Stopped("time-limit")

    path = large(tmp_path, 20_000, kind)
    monkeypatch.setattr(search, "check_folder", no_time)
    found = solve_folder(opened(path), sizes=Sizes(direct=0, sample=4000))
    assert found.value is not None
    assert found.bound is not None
    assert found.value <= optimum(path) <= found.bound < found.value * Fraction(1005, 1000)


@pytest.mark.thorough
def test_a_limit_keeps_time_for_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = large(tmp_path)
    honest, left = solve_pooled, []

    def timed(problem: Any, control: Control, **options: Any) -> Any:
        left.append(control.remaining())
        return honest(problem, control, **options)

    monkeypatch.setattr(search, "solve_pooled", timed)
    for reserve in (0.0, 1e9):
        monkeypatch.setattr(search, "RESERVE", reserve)
        assert (
            solve_folder(opened(path), Control.for_seconds(1000), Sizes(direct=0, sample=2000)).exactness == "checked"
        )
    assert left[0] > 0
    assert left[-1] == 0
