"""Folders of Parquet files: what is read block by block is what is read at once, and what is wrong is said in one line."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fedmech.models.input_error import InputError
from fedmech.models.procurement import folder as reader
from fedmech.models.procurement import generate_folder as generator
from fedmech.models.procurement.file import open_market, read_market
from fedmech.models.procurement.folder import Folder
from fedmech.models.procurement.generate_folder import folder_name, generate_folder
from fedmech.models.procurement.market import Market
from folders import random_folder, write_folder

MARKET = {"groups": ["g", "h"], "requesters": [{"id": "r", "budget": 10}], "default_cap": 2}


def columns(n: int = 4, **changes: Any) -> dict[str, Any]:
    return {"id": range(n), "group": ["g"] * n, "score": [3] * n, "cost": [2] * n, **changes}


def opened(path: Path) -> Folder:
    folder = open_market(path)
    assert isinstance(folder, Folder)
    return folder


def rows(folder: Folder) -> list[tuple[int, int, int]]:
    blocks = [block for at in range(len(folder.files)) for block in folder.blocks(at)]
    assert [block.begin for block in blocks] == np.cumsum([0, *(len(block.scores) for block in blocks)])[:-1].tolist()
    return [row for block in blocks for row in zip(*(column.tolist() for column in block[1:]), strict=True)]


def test_blocks_hold_what_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BLOCK_ROWS", 7)
    for seed in range(12):
        path = random_folder(tmp_path / str(seed), seed)
        folder, market = opened(path), read_market(path)
        whole = zip(
            market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), market.group_of.tolist(), strict=True
        )
        assert rows(folder) == list(whole)
        assert folder.n == market.n
        clipped = [min(limit, size) for limit, size in zip(folder.limits, market.group_sizes.tolist(), strict=True)]
        assert clipped == market.group_totals.tolist()
        assert folder.budget == market.scaled.total_budget
        ids = [name for at in range(len(folder.files)) for names, _ in folder.names(at) for name in names.to_pylist()]
        assert ids == list(market.worker_ids)


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.uint16(), pa.int64(), pa.uint64(), pa.decimal128(5, 2), pa.decimal128(38, 3), pa.decimal256(50, 1)],
)
def test_numbers_of_all_kinds_are_exact(kind: Any, tmp_path: Path) -> None:
    numbers = pa.array([Decimal(7), Decimal(1), Decimal(120)]).cast(pa.decimal128(20, 3)).cast(kind)
    path = write_folder(
        tmp_path, columns(3, score=numbers, cost=numbers), {**MARKET, "requesters": [{"id": "r", "budget": "7/2"}]}
    )
    folder, market = opened(path), read_market(path)
    unit = folder.cost_denominator
    assert [score for score, _, _ in rows(folder)] == [7 * unit, unit, 120 * unit]
    assert list(market.scores) == [7, 1, 120]
    # Costs add up to whole units: half of one buys nothing.
    assert folder.budget == 7 * unit // 2


def test_groups_may_be_numbers_and_columns_may_be_more(tmp_path: Path) -> None:
    path = write_folder(tmp_path, columns(3, bid=[5, 5, 5]), {**MARKET, "groups": [1, 2]})
    file = tmp_path / "workers" / "part-0.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(1, "group", pa.array([2, 1, 2])), file)
    assert [group for _, _, group in rows(opened(path))] == [1, 0, 1] == read_market(path).group_of.tolist()


def test_what_cannot_be_streamed_is_read_into_memory(tmp_path: Path) -> None:
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("floats", {"cost": [0.5] * 4}),
        ("texts", {"score": ["1/3"] * 4}),
        ("bids", {"bid": [1] * 4}),
    )
    for name, changes in kinds:
        given = columns(**changes)
        if name == "bids":
            del given["cost"]
        path = write_folder(tmp_path / name, given, MARKET, (1, 3))
        market = open_market(path)
        assert isinstance(market, Market)
        assert market.n == 4
    path = write_folder(tmp_path / "groups", columns(), {name: MARKET[name] for name in ("requesters", "default_cap")})
    assert isinstance(open_market(path), Market)


LARGE = reader.LARGEST


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": [3, 0, 3, 3]}, "workers[1], field 'score': must be > 0"),
        ({"score": [3, 3, 3, -1]}, "workers[0], field 'score': must be > 0"),
        ({"cost": [2, 2, -2, 2]}, "workers[2], field 'cost': must be >= 0"),
        ({"cost": [2, None, 2, 2]}, "workers[1], field 'cost': missing"),
        ({"score": [LARGE, 1, 1, 1]}, "workers[0], field 'score': must be below"),
        ({"score": pa.array([1, 2**63, 1, 1], pa.uint64())}, "workers[1], field 'score': must be below"),
        (
            {"cost": pa.array([Decimal(2**70)] + [Decimal(1)] * 3, pa.decimal128(38, 0))},
            "workers[0], field 'cost': must be below",
        ),
        (
            {"cost": pa.array([Decimal(-(2**70))] + [Decimal(1)] * 3, pa.decimal128(38, 0))},
            "workers[0], field 'cost': must be >= 0",
        ),
        ({"group": ["g", "h", "i", "g"]}, "workers[2], field 'group': unknown group 'i'"),
    ],
)
def test_bad_rows_are_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        rows(opened(write_folder(tmp_path, columns(**changes), MARKET, (3,))))
    assert message in str(error.value)
    assert "part-" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_largest_number_that_is_read(tmp_path: Path) -> None:
    path = write_folder(tmp_path, columns(score=[LARGE - 1, 1, 1, 1], cost=[LARGE - 1, 0, 1, 1]), MARKET)
    assert rows(opened(path))[0][:2] == (LARGE - 1, LARGE - 1)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    path = write_folder(tmp_path, columns(), MARKET, (2,))
    file = tmp_path / "workers" / "part-1.parquet"
    table = pq.read_table(file)
    for wrong, message in (
        (table.drop_columns(["group"]), "field 'group': missing column"),
        (table.drop_columns(["cost"]), "field 'cost': no column, but int64 in part-0.parquet"),
        (table.append_column("bid", pa.array([1, 1])), "field 'bid': int64, but no column in part-0.parquet"),
        (table.set_column(3, "cost", pa.array([1, 1], pa.int32())), "field 'cost': int32, but int64 in part-0.parquet"),
        (table.append_column("colour", pa.array([1, 1])), "colour"),
        (table.append_column("cost", pa.array([1, 1])), "two columns of the same name"),
    ):
        pq.write_table(wrong, file)
        with pytest.raises(InputError) as error:
            open_market(path)
        assert message in str(error.value)
        assert "part-1.parquet" in str(error.value)
    file.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match=r"part-1.parquet.*not Parquet"):
        open_market(path)
    for left in (tmp_path / "workers").iterdir():
        left.unlink()
    for read in (open_market, read_market):
        with pytest.raises(InputError, match="no files"):
            read(path)


def test_files_that_change_are_noticed(tmp_path: Path) -> None:
    folder = opened(write_folder(tmp_path, columns(), MARKET))
    pq.write_table(pq.read_table(folder.files[0]).slice(0, 3), folder.files[0])
    with pytest.raises(InputError, match="has changed"):
        rows(folder)
    folder.files[0].unlink()
    with pytest.raises(InputError, match="cannot read"):
        rows(folder)


def test_what_a_file_lacks_is_a_gap_where_all_are_read_at_once(tmp_path: Path) -> None:
    path = write_folder(tmp_path, columns(bid=[1, None, 3, 4]), MARKET, (2,))
    assert [int(bid) for bid in read_market(path).bids] == [1, 2, 3, 4]
    file = tmp_path / "workers" / "part-1.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["cost"]), file)
    with pytest.raises(InputError, match=r"workers, workers\[2\].*field 'cost': missing, while other workers have it"):
        read_market(path)


def test_a_folder_stands_for_its_market(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "one", columns(), MARKET)
    assert opened(tmp_path / "one").n == read_market(tmp_path / "one").n == 4
    beside = path.with_name("workers.market.json")
    path.rename(beside)
    assert opened(beside.parent / "workers").n == 4
    path.write_text(beside.read_text())
    with pytest.raises(InputError, match="name one"):
        open_market(tmp_path / "one")
    with pytest.raises(InputError, match="no "):
        open_market(tmp_path)


def test_generated_folders_are_markets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "FILE_ROWS", 300)
    for kind in ("a", "lognormal"):
        path = tmp_path / f"{kind}.market.json"
        generate_folder(path, kind, kind, 950, groups=7, requesters=3, seed=4)
        folder, market = opened(path), read_market(path)
        assert folder.sizes == (300, 300, 300, 50)
        assert market.n == folder.n == 950
        assert len(set(market.worker_ids)) == 950
        assert market.group_totals.tolist() == [size * 3 // 10 for size in market.group_sizes.tolist()]
        with pytest.raises(InputError, match="not empty"):
            generate_folder(path, kind, kind, 950)
        bare = tmp_path / f"{kind}-bare.market.json"
        generate_folder(bare, f"{kind}-bare", kind, 950, groups=7, requesters=3, seed=4, numbered=True)
        assert opened(bare).numbered
        assert rows(opened(bare)) == rows(folder)
        assert list(read_market(bare).worker_ids) == list(market.worker_ids)
    for wrong in ({"kind": "z"}, {"n": 0}, {"groups": 0}, {"cap_share": 2.0}):
        with pytest.raises(InputError):
            generate_folder(tmp_path / "x.market.json", "x", **{"kind": "a", "n": 10, **wrong})
    assert [folder_name(name) for name in ("workers", "workers.csv", "a/b", "workers.parquet")] == [
        True,
        False,
        False,
        False,
    ]


def test_pandas_is_not_imported_to_read(tmp_path: Path) -> None:
    """It would be half of the time that a million workers take."""
    market = write_folder(tmp_path, columns(), MARKET)
    code = "import sys, fedmech as fm; print(fm.solve(fm.read(sys.argv[1])).status, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(market)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["optimal", "False"]
