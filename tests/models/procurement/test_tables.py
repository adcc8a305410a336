"""Tables of workers: what is missing, unknown, mislabelled or of another kind is refused by name, never passed over."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fedmech import InputError, Market, read_market, write_market
from fedmech.models.procurement import tables

build: Any = Market.build
"""Called with what no type admits."""

HEAD = {"format": "fedmech-market/1", "requesters": [{"id": "r1", "budget": 10}]}


def beside(folder: Path, name: str, content: bytes | str, **changes: Any) -> Path:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    path = folder / "m.market.json"
    path.write_text(json.dumps(HEAD | {"workers": name} | changes))
    return path


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


GOOD = "id,group,score,cost\na,g,5,1\nb,g,4,1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id;group;score;cost\na;g;5;1\n", "header: the fields are separated by ';'"),
        ("id\tgroup\tscore\tcost\na\tg\t5\t1\n", r"separated by '\\t'"),
        (",id,group,score,cost\n0,a,g,5,1\n", "header: column 1 has no name"),
        ("id,group,score,score\na,g,5,1\n", "field 'score': two columns"),
        ("id,group,score,seat\na,g,5,1\n", "field 'seat': unknown field"),
        ("id,group,score,bids\na,g,5,1\n", "did you mean 'bid'"),
        ("id,group,score,cost\na,,5,1\n", r"workers\[0\].*field 'group': missing"),
        ("id,group,score,cost\n,g,5,1\n", r"workers\[0\].*field 'id': missing"),
        ("id,group,score,cost\na, ,5,1\n", r"field 'group': missing"),
        ("id,group,score,cost\na,g,1\x005,1\n", "field 'score': expected a number"),
        ("id,group,score,cost\na,g,1\x00,1\n", "field 'score': expected a number"),
        ("id,group,score,cost\na,g,٣,1\n", "field 'score': expected a number"),
        ('id,group,score,cost,coverage\na,g,5,1,"[1,{}]"\n', "field 'coverage': expected numbers"),
        ("id,group,score,cost,coverage\na,g,5,1,[1\n", "field 'coverage': expected numbers"),
        ("id,group,score,cost\na,g,5,1\nb,g ,4,1\n", "differ only by blanks"),
    ],
)
def test_csv_that_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_market(beside(tmp_path, "w.csv", text))


@pytest.mark.parametrize("rows", [1, 255, 256, 2000])
@pytest.mark.parametrize("bad", ["1\x005", "1\x00", "٣", "1_0", " ", "0x1", "1e999"])
def test_long_columns_refuse_what_short_ones_refuse(rows: int, bad: str) -> None:
    with pytest.raises(InputError):
        Market.build(scores=["1"] * (rows - 1) + [bad], costs=[1] * rows, budgets=[1])


def test_coverage_in_a_csv_file_is_blanks_or_json(tmp_path: Path) -> None:
    text = 'id,group,score,cost,coverage\na,g,5,1,0.1 1/3\nb,g,4,1,"[0.1, ""1/3""]"\n'
    market = read_market(beside(tmp_path, "w.csv", text))
    assert market.scaled.coverage is not None
    assert market.scaled.coverage.tolist() == [[3, 10], [3, 10]]
    assert market.scaled.coverage_denominator == 30


def test_parquet_in_a_folder_named_like_a_partition_gains_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "bid=1"
    folder.mkdir()
    market = read_market(beside(folder, "w.parquet", parquet(id=["a"], group=["g"], score=[5], cost=[6])))
    assert market.bid(0) == market.cost(0) == 6


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"id": [b"a"]}, "id"),
        ({"id": [1e20]}, "id"),
        ({"group": [["g"]]}, "group"),
        ({"group": [True]}, "group"),
        ({"score": [[5]]}, "score"),
        ({"score": [True]}, "score"),
        ({"cost": [b"1"]}, "cost"),
        ({"coverage": [1.5]}, "coverage"),
        ({"coverage": [[["1"]]]}, "coverage"),
        ({"id": pa.array([None], pa.string())}, "id"),
        ({"group": pa.array([None], pa.string())}, "group"),
        ({"score": pa.array([None], pa.int64())}, "score"),
        ({"score": [float("nan")]}, "score"),
        ({"seat": [1]}, "seat"),
    ],
)
def test_parquet_columns_of_another_kind_are_refused_by_field(tmp_path: Path, columns: dict, field: str) -> None:
    table = {"id": ["a"], "group": ["g"], "score": [5], "cost": [1]} | columns
    with pytest.raises(InputError, match=f"field '{field}'"):
        read_market(beside(tmp_path, "w.parquet", parquet(**table)))


def test_parquet_columns_of_a_right_kind(tmp_path: Path) -> None:
    words = pa.array(["g", "g"]).dictionary_encode()
    columns = {
        "id": [1, 2],
        "group": words,
        "score": [Decimal("0.1"), Decimal("0.2")],
        "cost": ["1/3", "2"],
        "coverage": [["1"], ["2"]],
    }
    market = read_market(beside(tmp_path, "w.parquet", parquet(**columns)))
    assert list(market.worker_ids) == ["1", "2"]
    assert market.group_ids == ["g"]
    assert market.scaled.scores.tolist() == [1, 2]
    assert market.scaled.score_denominator == 10


def test_a_parquet_file_that_promises_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = beside(tmp_path, "w.parquet", parquet(id=["a"], group=["g"], score=[5], cost=[1]))
    assert read_market(path).n == 1
    monkeypatch.setattr(tables, "MOST_PARQUET_BYTES", 10)
    with pytest.raises(InputError, match="at most 10 are read"):
        read_market(path)


# ---------------------------------------------------------------------- data frames and Series


def frames() -> dict[str, pd.DataFrame]:
    workers = pd.DataFrame({"id": ["a", "b"], "group": ["g", "h"], "score": [2, 3], "cost": [1, 1]})
    return {"workers": workers, "requesters": pd.DataFrame({"id": ["r", "s"], "budget": [1, 2], "seats": [1, None]})}


def test_frames_with_all_their_columns() -> None:
    given = frames()
    given["workers"]["coverage"] = [[1, 2], [3, 4]]
    given["caps"] = pd.DataFrame({"group": ["g"], "requester": ["s"], "cap": [0]})
    market = Market.from_pandas(**given)
    assert market.cap_limits.tolist() == [[-1, 0], [-1, -1]]
    assert market.seat_limits.tolist() == [1, -1]
    assert market.scaled.coverage is not None
    assert market.scaled.coverage.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("table", "column", "hint"),
    [
        ("workers", "seat", "unknown"),
        ("workers", "groups", "did you mean 'group'"),
        ("workers", "bids", "did you mean 'bid'"),
        ("workers", "Unnamed: 0", "no name"),
        ("requesters", "seat", "did you mean 'seats'"),
        ("requesters", "cap", "unknown"),
        ("requesters", 0, "no name"),
    ],
)
def test_columns_nobody_reads_are_refused(table: str, column: Any, hint: str) -> None:
    given = frames()
    given[table][column] = [1, 1]
    with pytest.raises(InputError, match=hint):
        Market.from_pandas(**given)


def test_repeated_columns_are_refused() -> None:
    given = frames()
    given["workers"] = pd.concat([given["workers"], given["workers"][["score"]]], axis=1)
    with pytest.raises(InputError, match="two columns of the same name"):
        Market.from_pandas(**given)


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, ""])
@pytest.mark.parametrize("column", ["id", "group"])
def test_missing_names_in_frames(column: str, gap: Any) -> None:
    given = frames()
    given["workers"][column] = ["a", gap]
    with pytest.raises(InputError, match=f"field '{column}': missing"):
        Market.from_pandas(**given)


@pytest.mark.parametrize("kind", ["Int64", "Float64", "object"])
def test_missing_numbers_in_frames(kind: str) -> None:
    given = frames()
    given["workers"]["score"] = pd.array([1, None], dtype=kind) if kind != "object" else [1, None]
    with pytest.raises(InputError, match="field 'score'"):
        Market.from_pandas(**given)


def test_caps_frames_are_checked() -> None:
    good = {"group": ["g", "h"], "requester": ["r", "r"], "cap": [1, 1]}
    for changes, message in (
        ({"group": ["g", "g"]}, "two caps"),
        ({"group": ["g", None]}, "missing"),
        ({"cap": [1, None]}, "missing"),
        ({"cap": [1, 0.5]}, "whole number"),
        ({"limit": [1, 1]}, "unknown field"),
        ({"group": ["g", "g "]}, "differs only by blanks"),
    ):
        with pytest.raises(InputError, match=message):
            Market.from_pandas(**frames(), caps=pd.DataFrame(good | changes))


def test_labels_of_series_are_ids_or_refused() -> None:
    scores = pd.Series([3, 2], index=["b", "a"])
    market = Market.build(scores=scores, costs=pd.Series([1, 5], index=["b", "a"]), budgets=[1])
    assert list(market.worker_ids) == ["b", "a"]
    assert market.scaled.costs is not None
    assert market.scaled.costs.tolist() == [1, 5]
    for bad in (pd.Series([5, 1], index=["a", "b"]), pd.Series([5, 1], index=[1, 0])):
        with pytest.raises(InputError, match="labels of this Series"):
            Market.build(scores=scores, costs=bad, budgets=[1])
    with pytest.raises(InputError, match="labels of this Series"):
        Market.build(scores=scores, costs=[1, 5], budgets=[1], worker_ids=["a", "b"])
    plain = pd.Series([1, 5])
    assert Market.build(scores=scores, costs=plain, budgets=[1]).scaled.costs is not None


def test_tables_of_caps_go_by_their_labels() -> None:
    base = {"scores": [1, 1], "costs": [1, 1], "groups": ["g", "h"], "budgets": [1, 1], "requester_ids": ["r", "s"]}
    table = pd.DataFrame({"s": [1, 2], "r": [3, None]}, index=["h", "g"])
    assert build(**base, caps=table).cap_limits.tolist() == [[-1, 2], [3, 1]]
    for bad in (table.rename(columns={"s": "t"}), table.rename(index={"g": "k"}), table.iloc[:1], table[["s"]]):
        with pytest.raises(InputError, match="labels of the table"):
            build(**base, caps=bad)


def test_masks_are_refused_where_they_hide_something() -> None:
    base: dict[str, Any] = {"scores": [1, 1], "costs": [1, 1], "budgets": [1]}
    hidden, open_ = np.ma.array([1, 2], mask=[False, True]), np.ma.array([1, 2], mask=[False, False])
    assert build(**base | {"costs": open_}).cost(1) == 2
    for field in ("scores", "costs", "bids", "groups", "worker_ids"):
        with pytest.raises(InputError, match=r"\[1\].*masked"):
            build(**base | {field: hidden})
    with pytest.raises(InputError, match="masked"):
        build(**base, coverage=np.ma.array([[1], [2]], mask=[[False], [True]]))


@pytest.mark.parametrize(
    "changes",
    [
        {"coverage": ["12", "34"]},
        {"coverage": "12"},
        {"coverage": [1, 2]},
        {"coverage": np.array([1, 2])},
        {"coverage": [{1: 2}, {3: 4}]},
        {"scores": "12"},
        {"scores": {"a": 1, "b": 2}},
        {"scores": {1, 2}},
        {"groups": "gh"},
        {"groups": {"g": 1, "h": 2}},
        {"caps": "12"},
    ],
)
def test_containers_of_another_kind_are_refused(changes: dict) -> None:
    with pytest.raises(InputError):
        build(**{"scores": [1, 1], "costs": [1, 1], "budgets": [1]} | changes)


@pytest.mark.parametrize("file", [None, "w.csv", "w.parquet"])
def test_workers_worth_nothing_are_left_out_when_asked(tmp_path: Path, file: str | None) -> None:
    base: dict[str, Any] = {
        "budgets": [3],
        "group_ids": ["g", "h"],
        "worker_ids": ["a", "b", "c"],
        "groups": ["g", "h", "g"],
    }
    columns: dict[str, Any] = {
        "scores": [1, 2, "0.5"],
        "costs": [1, 2, 3],
        "bids": [2, 2, 4],
        "coverage": [[1], [2], [3]],
    }
    write_market(build(**base, **columns), tmp_path / "m.market.json", workers_file=file)
    for path in tmp_path.iterdir():
        if path.suffix != ".parquet":
            path.write_text(path.read_text().replace('"score": 2', '"score": 0.0').replace("b,h,2,", "b,h,0.0,"))
        else:
            table = pq.read_table(path)
            pq.write_table(table.set_column(2, "score", pa.array(["1", "0e5", "0.5"])), path)
    path = tmp_path / "m.market.json"
    with pytest.raises(InputError, match=r"field 'score': must be > 0, got zero.*--drop-zero"):
        read_market(path)
    wanted = build(**base, **columns).subset([0, 2])
    assert read_market(path, drop_zero=True) == wanted
    zero = {"scores": np.array([1, 0, 0.5])}
    assert build(**base, **columns | zero, drop_zero=True) == wanted
    with pytest.raises(InputError, match="expected 3 values, got 2"):
        build(**base, **columns | zero | {"costs": [1, 2]}, drop_zero=True)


# ---------------------------------------------------------------------- round trips


@pytest.mark.parametrize("file", [None, "w.csv", "w.parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, file: str | None) -> None:
    names = ["x" * 200_000, 'quote"d, and comma', " leading", "名前", "👩\u200d🔬", "a\u2028b"]
    market = Market.build(
        scores=["1/3", "0.1", 7, 10**40, "1e-300", 2],
        costs=[0, "1/7", 2, 3, 4, 5],
        bids=[1, "1/7", 2, 3, 4, 6],
        groups=names[::-1],
        worker_ids=names,
        budgets=["1/9"],
        requester_ids=["r, 1"],
        coverage=np.arange(6 * 70_000).reshape(6, 70_000) if file != "w.csv" else [[1, "1/3"]] * 6,
    )
    write_market(market, tmp_path / "m.market.json", workers_file=file)
    assert read_market(tmp_path / "m.market.json") == market


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 4, 1 << 14])
def test_rows_of_quoted_files_are_read_in_blocks(
    rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", rows_at_once)
    path = tmp_path / "workers.csv"
    path.write_text('id,group,score\n"a",g,1\n\nb,"g,h",2\nc,,"3"\n')
    assert tables.read_csv(path) == {"id": ["a", "b", "c"], "group": ["g", "g,h", None], "score": ["1", "2", "3"]}
    path.write_text('id,group,score\n"a",g,1\n\nb,g\n')
    with pytest.raises(InputError, match="line 4: expected 3 fields, got 2"):
        tables.read_csv(path)


@pytest.mark.parametrize("kind", ["int8", "uint16", "int64", "uint64", "float16", "float32", "float64"])
def test_numbers_of_parquet_files_in_pieces(kind: str, tmp_path: Path) -> None:
    """Row groups are chunks of a column, and a chunk may begin anywhere in its buffer."""
    wanted = np.array([3, 1, 4, 1, 5], dtype=kind)
    table = pa.table({"id": list("abcde"), "group": ["g"] * 5, "score": wanted})
    pq.write_table(table, tmp_path / "workers.parquet", row_group_size=2)
    found = tables.read_parquet(tmp_path / "workers.parquet")["score"]
    assert found.dtype == wanted.dtype
    assert found.tolist() == wanted.tolist()
    pieces = [pa.array(wanted[:2]), pa.array(wanted).slice(2, 3)]
    assert np.concatenate([tables.arrow_numbers(piece) for piece in pieces]).tolist() == wanted.tolist()
    pq.write_table(table.slice(0, 0), tmp_path / "nobody.parquet")
    assert len(tables.read_parquet(tmp_path / "nobody.parquet")["score"]) == 0


@pytest.mark.parametrize("kind", ["csv", "parquet", "large"])
def test_names_in_a_buffer_are_read_as_names_one_by_one_are(kind: str, tmp_path: Path) -> None:
    def read(ids: list[Any], groups: list[Any], scores: list[Any]) -> Market:
        columns = {"id": ids, "group": groups, "score": scores, "cost": scores}
        if kind == "csv":
            lines = [",".join("" if x is None else x for x in row) for row in zip(*columns.values(), strict=True)]
            return read_market(beside(tmp_path, "w.csv", "\n".join(["id,group,score,cost", *lines, ""])))
        text = pa.string() if kind == "parquet" else pa.large_string()
        arrays = {name: pa.chunked_array([values[:2], values[2:]], type=text) for name, values in columns.items()}
        return read_market(beside(tmp_path, "w.parquet", parquet(**arrays)))

    for long in ("", "x" * 61, "x" * 62, "é"):
        ids, groups = [f"{long}w{i % 7}{i // 7}" for i in range(40)], [f"{long}g{i % 3}" for i in range(40)]
        scores = ["12"] * 20 + ["0.5"] * 20
        market = read(ids, groups, scores)
        assert list(market.worker_ids) == ids
        assert [market.group_ids[at] for at in market.group_of.tolist()] == groups
        assert [str(market.score(i)) for i in (0, 39)] == ["12", "1/2"]
        for changed, message in (
            (([*ids[:-1], ids[3]], groups, scores), r"workers\[39\], field 'id': duplicate id"),
            (([*ids[:-1], None], groups, scores), r"workers\[39\], field 'id': missing"),
            (([*ids[:-1], " "], groups, scores), r"workers\[39\], field 'id': missing"),
            (([*ids[:-1], f"{ids[0]} "], groups, scores), "differ only by blanks"),
            ((ids, [*groups[:-1], None], scores), r"workers\[39\], field 'group': missing"),
            ((ids, [*groups[:-1], f"{groups[0]} "], scores), "differ only by blanks"),
            ((ids, groups, [*scores[:-1], "1/"]), r"workers\[39\].*, field 'score': expected a number"),
        ):
            with pytest.raises(InputError, match=message):
                read(*changed)
