"""DriftPay-CO over a folder of files: the outcome of the rule in memory, whatever the sizes, and a checker that takes nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from campaign import parts
from fedmech.fl.mechanisms.interface import Outcome, run_mechanism
from fedmech.models.exact import python_integers
from fedmech.models.input_error import InputError
from fedmech.models.procurement.file import open_market, read_market
from fedmech.models.procurement.folder import Folder
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.proofs.folder_outcome import (
    CheckedFolderOutcome,
    RowPlace,
    Witness,
    check_folder_outcome,
    check_witness,
    outcome_fields,
)
from fedmech.solvers.proofs.proof import ProofError
from fedmech.solvers.streamed import Sizes, find_witness, write_paid_winners
from fedmech.solvers.streamed import prefix as search
from fedmech.solvers.streamed import sizes as some
from fedmech.solvers.streamed.passes import SomeRows, sample_files
from folders import random_folder, write_folder


def opened(path: Path) -> Folder:
    folder = open_market(path)
    assert isinstance(folder, Folder)
    return folder.on_bids()


def go_on() -> None:
    pass


def agrees(found: CheckedFolderOutcome, expected: Outcome) -> bool:
    return (found.k, found.score, found.price, found.total_payment) == (
        expected.details["k"],
        expected.score,
        expected.price,
        expected.total_payment,
    )


def compared(path: Path, sizes: Sizes, folder: Folder | None = None) -> int:
    """Compare with the rule in memory, winners and payments too; return the number of passes."""
    folder = folder or opened(path)
    expected = run_mechanism(read_market(path), "driftpay-co")
    witness, passes = find_witness(folder, Control(), sizes)
    found = check_witness(folder, witness, go_on)
    assert agrees(found, expected)
    target = path.parent / f"winners{len(list(path.parent.iterdir()))}"
    assert write_paid_winners(folder, witness, found, target) == sum(found.counts)
    ids = expected.market.worker_ids
    paid = {ids[i]: str(expected.payment(i)) for i in expected.winner_indices.tolist()}
    rows = pq.read_table(target).to_pylist()
    assert {row["worker"]: row["payment_exact"] for row in rows} == paid
    return passes


@pytest.mark.parametrize("seed", parts(30))
def test_the_outcome_is_that_in_memory(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    sizes = Sizes(
        direct=int(rng.choice([0, 0, 0, 300])),
        sample=int(rng.choice([20, 100, 400])),
        files=int(rng.choice([1, 2, 8])),
        attempts=int(rng.choice([1, 2, 4])),
    )
    compared(random_folder(tmp_path, seed), sizes)


def large(root: Path, kind: str, n: int = 20_000) -> Path:
    """Some thousand workers, enough for brackets that leave most of them out."""
    rng = np.random.default_rng(3)
    scores, bids = rng.integers(1, 10**4, n), rng.integers(0, 10**4, n)
    homes = rng.integers(0, 3, n)
    if kind == "ties of ratios":
        bids = 2 * scores
    elif kind == "ties of scores":
        scores = np.full(n, 7)
    elif kind == "few numbers":
        scores, bids = rng.integers(1, 4, n), rng.integers(0, 4, n)
    elif kind == "groups of all sizes":
        homes = np.minimum(2, rng.zipf(1.5, n) - 1)
    elif kind == "in order":
        order = np.argsort(bids / scores)
        scores, bids = scores[order], bids[order]
    elif kind == "long numbers":
        scores, bids = scores << 45, bids << 45
    columns = {"id": range(n), "group": homes, "score": scores, "cost": bids}
    budget = int(bids.astype(object).sum()) // 12
    market = {"groups": ["0", "1", "2"], "requesters": [{"id": "r", "budget": budget}], "default_cap": n // 30}
    return write_folder(root, columns, market, range(1000, n, 1000), 333)


@pytest.mark.parametrize(
    "kind",
    ["any", "ties of ratios", "ties of scores", "few numbers", "groups of all sizes", "in order", "long numbers"],
)
def test_a_bracket_is_enough(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    honest = search._scan

    def scan(folder: Folder, bracket: Any, left: Any) -> Any:
        kept.append(left.kept)
        return honest(folder, bracket, left)

    monkeypatch.setattr(search, "_scan", scan)
    monkeypatch.setattr(search, "FIRST_WIDTH", 2.0)
    passes = compared(large(tmp_path, kind), Sizes(direct=0, sample=6000, files=20))
    assert passes == 1
    assert kept[0] < 12_000


def test_rows_in_order_are_sampled_anew(tmp_path: Path) -> None:
    assert compared(large(tmp_path, "in order"), Sizes(direct=0, sample=3000, files=1)) > 1


def wrong_brackets(folder: Folder) -> list[Callable[[search.Bracket], search.Bracket]]:
    """Brackets that do not hold: too late, too early, and places that leave out, or take, too many."""
    dear, cheap = RowPlace(folder.n, 10**9, 1), RowPlace(-1, 0, 1)
    full = np.full(len(folder.limits), 10**4)
    none = np.zeros(len(folder.limits), dtype=np.int64)
    return [
        lambda bracket: bracket._replace(low=dear, high=None),
        lambda bracket: bracket._replace(low=None, high=cheap),
        lambda bracket: bracket._replace(floor=np.array([full, none])),
        lambda bracket: bracket._replace(roof=np.array([none, none])),
    ]


@pytest.mark.parametrize("which", range(4))
def test_brackets_that_do_not_hold_are_widened(which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = large(tmp_path, "any", 6000)
    folder, honest, widths, wrong = opened(path), search.guess_bracket, list[float](), 1
    spoil = wrong_brackets(folder)[which]

    def guess(folder: Folder, sample: Any, width: float) -> Any:
        widths.append(width)
        found = honest(folder, sample, width)
        return spoil(found) if len(widths) <= wrong else found

    monkeypatch.setattr(search, "guess_bracket", guess)
    assert compared(path, Sizes(direct=0, sample=3000)) == 2
    # The second bracket rests on a sample of all rows; only a third one is wider.
    assert widths == [search.FIRST_WIDTH] * 2
    widths, wrong = [], 2
    assert compared(path, Sizes(direct=0, sample=3000)) == 3
    assert widths == [search.FIRST_WIDTH] * 2 + [search.FIRST_WIDTH * search.WIDER]
    # In the end all rows are kept, if they are not too many.
    wrong = 9
    assert compared(path, Sizes(direct=0, sample=3000, attempts=1, band=6000)) == 2
    with pytest.raises(Stopped):
        find_witness(folder, Control(), Sizes(direct=0, sample=3000, attempts=1, band=5999))


def test_open_rows_that_are_too_many_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, kept = large(tmp_path, "any", 6000), list[int]()
    honest = search._scan
    monkeypatch.setattr(search, "_scan", lambda *given: kept.append(given[2].kept) or honest(*given))
    assert compared(path, Sizes(direct=0, sample=3000)) == 1
    assert compared(path, Sizes(direct=0, sample=3000, attempts=1, band=kept[0])) == 1
    with pytest.raises(Stopped):
        find_witness(opened(path), Control(), Sizes(direct=0, sample=3000, attempts=1, band=kept[0] - 1))
    # Few rows are all open.
    for direct, everything in ((6000, True), (5999, False)):
        find_witness(opened(path), Control(), Sizes(direct=direct, sample=3000))
        assert (kept[-1] == 6000) == everything


def test_a_sample_is_a_share_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled: list[int] = []

    def sample(folder: Folder, sizes: Sizes, control: Control, **options: Any) -> Any:
        sampled.append(sizes.sample)
        return sample_files(folder, sizes, control, **options)

    monkeypatch.setattr(search, "sample_files", sample)
    for least, expected in ((10, 3000), (3000, 3000), (3001, 3001)):
        monkeypatch.setattr(some, "ROWS_PER_SAMPLED", 2)
        folder = opened(large(tmp_path / str(least), "any", 6000))
        find_witness(folder, Control(), Sizes(direct=0, sample=least))
        assert sampled[-1] == expected
        assert Sizes(sample=least).for_rows(folder.n) == Sizes(sample=expected)


@pytest.mark.parametrize("shift", [0, 1, 30, 31, 32, 40, 46])
def test_products_are_exact_whatever_their_size(shift: int) -> None:
    rng = np.random.default_rng(shift)
    low = 2**shift
    scores, bids = rng.integers(low, 2 * low + 9, 200), rng.integers(low, 2 * low + 9, 200)
    part = SomeRows(np.arange(200), scores, bids, np.zeros(200, dtype=np.int64))
    for at in (0, 7, 199):
        place = RowPlace.of(part, at)
        ratio = Fraction(place.bid, place.score)
        expected = [
            (Fraction(int(b), int(v)), i) < (ratio, at) for i, (b, v) in enumerate(zip(bids, scores, strict=True))
        ]
        assert search.precedes(part, place).tolist() == expected


@pytest.mark.parametrize(("bid", "score", "wide"), [((2**63 - 1) // 7, 7, False), (2**60, 8, True)])
def test_products_within_64_bits_stay_there(bid: int, score: int, wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bid * score == search.WORD - (not wide)
    widened: list[int] = []
    monkeypatch.setattr(search, "python_integers", lambda column: widened.append(1) or python_integers(column))
    rows, bids = np.array([9, 0, 9]), np.array([bid - 1, bid, bid])
    part = SomeRows(rows, np.full(3, score), bids, np.zeros(3, dtype=np.int64))
    assert search.precedes(part, RowPlace(5, bid, score)).tolist() == [True, True, False]
    assert bool(widened) == wide


def test_time_is_looked_at(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        find_witness(opened(large(tmp_path, "any", 500)), Control.for_seconds(0))


def test_nobody_and_everybody(tmp_path: Path) -> None:
    columns = {"id": range(5), "group": ["g"] * 5, "score": [3, 1, 2, 1, 1], "cost": [5, 5, 5, 5, 5]}
    for at, budget in enumerate((0, 4, 5, 26, 10**6)):
        market = {"groups": ["g"], "requesters": [{"id": "r", "budget": budget}], "default_cap": 4}
        path = write_folder(tmp_path / str(at), columns, market, (2,))
        for direct in (0, 5):
            compared(path, Sizes(direct=direct))
    none = write_folder(tmp_path / "none", dict.fromkeys(columns, ()), market)
    if isinstance(open_market(none), Folder):
        compared(none, Sizes())


def with_bids(root: Path, bids: Any) -> Path:
    path = large(root, "any", 600)
    for file in sorted((root / "workers").iterdir()):
        table = pq.read_table(file)
        pq.write_table(table.append_column("bid", bids(table)), file)
    return path


def test_bids_that_are_not_costs(tmp_path: Path) -> None:
    def decimal(table: pa.Table) -> pa.Array:
        return pa.array([x.as_py() + 1 for x in table["cost"]]).cast(pa.decimal128(38, 3))

    path = with_bids(tmp_path / "decimals", decimal)
    folder = opened(path)
    assert (folder.money, folder.cost_denominator) == ("bid", 1000)
    compared(path, Sizes(direct=0, sample=400))
    document = json.loads(path.read_text())
    document["requesters"][0]["budget"] = "1000000/7"
    path.write_text(json.dumps(document))
    compared(path, Sizes(direct=0, sample=400))
    # What has gaps, or is no decimal, is for the reader in memory.
    for name, bids in (
        ("gaps", lambda table: pa.array([None, *(x.as_py() for x in table["cost"][1:])], type=pa.int64())),
        ("floats", lambda table: table["cost"].cast(pa.float64())),
    ):
        other = open_market(with_bids(tmp_path / name, bids))
        assert isinstance(other, Folder)
        assert other.bid_denominator is None
        with pytest.raises(InputError, match="bid"):
            other.on_bids()


def test_workers_without_ids_are_numbered(tmp_path: Path) -> None:
    path = large(tmp_path, "any", 2500)
    for file in sorted((tmp_path / "workers").iterdir()):
        pq.write_table(pq.read_table(file).drop_columns(["id"]), file)
    market = read_market(path)
    assert [market.worker_ids[0], market.worker_ids[2499]] == ["w1", "w2500"]
    compared(path, Sizes(direct=0, sample=900))


# ---------------------------------------------------------------------- the checker


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Witness]:
    folder = opened(large(tmp_path_factory.mktemp("market"), "any", 3000))
    return folder, find_witness(folder, Control())[0]


def test_a_false_witness_is_refused(told: tuple[Folder, Witness]) -> None:
    folder, honest = told
    last, critical, places = honest
    assert last is not None
    assert critical is not None
    assert check_witness(folder, honest, go_on).k > 100
    rows = next(folder.blocks(0))
    others = [RowPlace(i, int(rows.costs[i]), int(rows.scores[i])) for i in (3, 50, 200)]
    for wrong in (
        *(Witness(other, critical, places) for other in others if other != last),
        *(Witness(last, other, places) for other in others if other != critical),
        *(Witness(None, other, [None] * 3) for other in others),
        Witness(last, None, places),
        Witness(None, critical, places),
        Witness(critical, last, places),
        Witness(last, critical, places[:2]),
        Witness(last._replace(score=last.score + 1), critical, places),
        Witness(last._replace(row=folder.n), critical, places),
        Witness(last, critical._replace(row=folder.n), places),
        Witness(last, critical._replace(bid=critical.bid + 1), places),
        *(Witness(last, critical, [*places[:at], None, *places[at + 1 :]]) for at in range(3)),
        *(
            Witness(last, critical, [*places[:at], (place[0], place[1] - 1), *places[at + 1 :]])
            for at, place in enumerate(places)
            if place is not None
        ),
    ):
        with pytest.raises(ProofError):
            check_witness(folder, wrong, go_on)


def test_prefixes_that_are_too_short_or_too_long(tmp_path: Path) -> None:
    """Every prefix of a small market with its true winners: only the critical one is accepted."""
    columns = {"id": range(6), "group": list("aababb"), "score": [5, 4, 3, 3, 2, 6], "cost": [1, 2, 2, 3, 3, 12]}
    market = {"groups": ["a", "b"], "requesters": [{"id": "r", "budget": 9}], "default_cap": 2}
    path = write_folder(tmp_path, columns, market, (2, 2, 5))
    folder, k = opened(path), run_mechanism(read_market(path), "driftpay-co").details["k"]
    rows = [RowPlace(i, b, v) for i, (b, v) in enumerate(zip(columns["cost"], columns["score"], strict=True))]
    order = sorted(rows, key=lambda row: (Fraction(row.bid, row.score), row.row))
    accepted = []
    for size in range(7):
        places: list[tuple[int, int] | None] = []
        for group in "ab":
            best = sorted((-row.score, row.row) for row in order[:size] if columns["group"][row.row] == group)[:2]
            places.append((-best[-1][0], best[-1][1]) if best else None)
        witness = Witness(order[size - 1] if size else None, order[size] if size < 6 else None, places)
        why = verdict(folder, witness)
        accepted += [size] if not why else []
        assert not why or ("too long" if size > k else "too short") in why
    assert accepted == [k]
    seats = replace(folder, header=replace(folder.header, seat_limits=np.array([1])))
    with pytest.raises(ProofError, match="seat"):
        check_witness(seats, Witness(None, None, [None, None]), go_on)


def verdict(folder: Folder, witness: Witness) -> str:
    """Why a witness is refused; nothing if it is not."""
    try:
        check_witness(folder, witness, go_on)
    except ProofError as error:
        return str(error)
    return ""


def test_documents(told: tuple[Folder, Witness]) -> None:
    folder, witness = told
    found = check_witness(folder, witness, go_on)
    document = {**outcome_fields(folder, witness), "k": found.k, "hired": sum(found.counts), "seconds": 1.0}
    document |= {"winners": None}
    for name in ("total_payment", "score"):
        value = getattr(found, name)
        document |= {name: value.numerator if value.denominator == 1 else float(value), f"{name}_exact": str(value)}
    assert found.price is not None
    document |= {"critical_price": float(found.price), "critical_price_exact": str(found.price)}
    assert check_folder_outcome(json.loads(json.dumps(document)), folder, go_on) == found
    for changes, why in (
        ({"more": 1}, "other fields"),
        ({"format": "fedmech-folder-outcome/2"}, "other fields"),
        ({"mechanism": "driftpay-no"}, "only outcomes"),
        ({"rows": [1]}, "other files"),
        ({"k": found.k + 1}, "k: should be"),
        ({"k": float(found.k)}, "k: should be"),
        ({"hired": 0}, "hired: should be"),
        ({"score_exact": "1"}, "score_exact"),
        ({"total_payment": 1}, "total_payment"),
        ({"critical_price": None}, "critical_price"),
        ({"last": None}, "last"),
        ({"last": {"row": 1}}, "last"),
        ({"critical": {"row": 1, "bid": 1, "score": 0}}, "critical"),
        ({"critical": {"row": 1, "bid": 1.0, "score": 1}}, "critical"),
        ({"places": [None]}, "places"),
        ({"places": {}}, "places"),
        ({"places": [[1, 2, 3]] * 3}, "places"),
        ({"places": [[1, 1e3]] * 3}, "places"),
        ({"places": [[1, 2**70]] * 3}, "places"),
    ):
        with pytest.raises(ProofError, match=why):
            check_folder_outcome({**document, **changes}, folder, go_on)
