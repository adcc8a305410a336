"""Market files: what is written reads back exactly, what is wrong is refused in one line with file, row and field."""

from __future__ import annotations

import json
import os
import shutil
import stat
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from campaign import some
from fedmech import (
    InputError,
    Market,
    digits_market_path,
    generate_market,
    read_market,
    write_market,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import markets

GOOD = {
    "format": "fedmech-market/1",
    "workers": [
        {"id": "w1", "group": "g1", "score": 0.82, "cost": 3.5},
        {"id": "w2", "group": "g2", "score": "1/3", "cost": 2, "bid": 2.25},
    ],
    "requesters": [{"id": "r1", "budget": 10, "seats": 5}, {"id": "r2", "budget": "7/2"}],
    "caps": [{"group": "g1", "requester": "r1", "cap": 2}],
    "default_cap": None,
}


def write(folder: Path, document: object, name: str = "x.market.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def changed(edit: str) -> str:
    """The good document as text, with one replacement ``old -> new``."""
    old, new = edit.split(" -> ")
    text = json.dumps(GOOD)
    assert old in text, old
    return text.replace(old, new, 1)


def test_reads_what_the_format_says(tmp_path: Path) -> None:
    market = read_market(write(tmp_path, GOOD))
    assert list(market.worker_ids) == ["w1", "w2"]
    assert market.score(0) == Fraction(82, 100)
    assert market.score(1) == Fraction(1, 3)
    assert market.bid(0) == market.cost(0) == Fraction(7, 2)
    assert market.bid(1) == Fraction(9, 4)
    assert market.cap_limits.tolist() == [[2, -1], [-1, -1]]
    assert market.seat_limits.tolist() == [5, -1]


@pytest.mark.parametrize("workers_file", [None, "workers.csv", "workers.parquet"])
@settings(max_examples=some(80), deadline=None)
@given(market=markets(coverage=True), with_coverage=st.booleans())
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, workers_file: str | None, market: Market, with_coverage: bool
) -> None:
    if not with_coverage:
        market = market.with_scaled(coverage=None, coverage_denominator=1)
    path = tmp_path_factory.mktemp("round") / "x.market.json"
    write_market(market, path, workers_file=workers_file)
    again = read_market(path)
    assert list(again.worker_ids) == list(market.worker_ids)
    for name in ("score", "cost", "bid"):
        assert [getattr(again, name)(i) for i in range(market.n)] == [getattr(market, name)(i) for i in range(market.n)]
    assert [again.budget(j) for j in range(market.m)] == [market.budget(j) for j in range(market.m)]
    assert (again.cap_limits == market.cap_limits).all()
    assert (again.seat_limits == market.seat_limits).all()
    assert (again.group_of == market.group_of).all()
    if with_coverage:
        assert market.scaled.coverage is not None
        assert again.scaled.coverage is not None
        scale = again.scaled.coverage_denominator, market.scaled.coverage_denominator
        assert (again.scaled.coverage * scale[1] == market.scaled.coverage * scale[0]).all()


def test_bids_without_costs(tmp_path: Path) -> None:
    document = json.loads(json.dumps(GOOD))
    for worker in document["workers"]:
        worker["bid"] = worker.pop("cost")
    market = read_market(write(tmp_path, document))
    assert market.scaled.costs is None
    with pytest.raises(InputError, match="needs costs"):
        _ = market.scaled.needed_costs


def test_large_csv_takes_the_fast_path_to_the_same_numbers(tmp_path: Path) -> None:
    market = generate_market("a", 2000, top=10**6, seed=5)
    write_market(market, tmp_path / "x.market.json", workers_file="w.csv")
    assert read_market(tmp_path / "x.market.json").scaled.scores.tolist() == market.scaled.scores.tolist()


DEEP = "[" * (5 * 2**20) + "]" * (5 * 2**20)

BAD_DOCUMENTS = {
    "NaN": (changed('"score": 0.82 -> "score": NaN'), r"workers\[0\] \(id 'w1'\), field 'score': expected a finite number"),
    "infinity": (changed('"cost": 3.5 -> "cost": Infinity'), "field 'cost': expected a finite number"),
    "negative cost": (changed('"cost": 3.5 -> "cost": -3.5'), r"workers\[0\] \(id 'w1'\), field 'cost': must be >= 0"),
    "score 0": (changed('"score": 0.82 -> "score": 0'), r"field 'score': must be > 0"),
    "negative score": (changed('"score": 0.82 -> "score": "-1/2"'), "must be > 0"),
    "negative bid": (changed('"bid": 2.25 -> "bid": -1'), r"workers\[1\] \(id 'w2'\), field 'bid'"),
    "negative budget": (changed('"budget": 10 -> "budget": -10'), r"requesters\[0\] \(id 'r1'\), field 'budget'"),
    "duplicate worker": (changed('"w2" -> "w1"'), r"workers\[1\], field 'id': duplicate id 'w1'"),
    "duplicate requester": (changed('"id": "r2" -> "id": "r1"'), "duplicate id 'r1'"),
    "unknown group": (changed('[{"group": "g1" -> [{"group": "g9"'), r"caps\[0\], field 'group': unknown group 'g9'"),
    "unknown requester": (changed('"requester": "r1" -> "requester": "r9"'), "unknown requester 'r9'"),
    "fractional cap": (changed('"cap": 2 -> "cap": 2.5'), r"caps\[0\], field 'cap': expected a whole number"),
    "negative cap": (changed('"cap": 2 -> "cap": -1'), "field 'cap': must be >= 0"),
    "second cap": (changed('"cap": 2} -> "cap": 2}, {"group": "g1", "requester": "r1", "cap": 1}'), r"caps\[1\]"),
    "fractional seats": (changed('"seats": 5 -> "seats": 0.5'), "field 'seats': expected a whole number"),
    "fractional default cap": (changed('"default_cap": null -> "default_cap": 1.5'), "default_cap"),
    "missing score": (changed('"score": 0.82, -> '), r"workers\[0\] \(id 'w1'\), field 'score': missing"),
    "missing id": (changed('"id": "w1", -> '), r"workers\[0\], field 'id': missing"),
    "missing group": (changed('"group": "g1", "score" -> "score"'), "field 'group': missing"),
    "missing cost and bid": (changed(', "cost": 3.5 -> '), r"workers\[0\] \(id 'w1'\), field 'cost'"),
    "missing budget": (changed('"budget": 10, -> '), "field 'budget': missing"),
    "missing workers": (changed('"workers" -> "worker"'), "field 'worker': unknown field; did you mean 'workers'"),
    "misspelt field": (changed('"seats": 5 -> "seat": 5'), "field 'seat': unknown field; did you mean 'seats'"),
    "wrong format": (changed("fedmech-market/1 -> fedmech-market/9"), "field 'format'"),
    "repeated key": (changed('"score": 0.82 -> "score": 0.82, "score": 0.9'), "field 'score': given twice"),
    "number as text": (changed('"score": 0.82 -> "score": "high"'), "expected a number, got 'high'"),
    "true as number": (changed('"score": 0.82 -> "score": true'), "expected a number"),
    "list as number": (changed('"score": 0.82 -> "score": [1]'), "expected a number"),
    "object as id": (changed('"id": "w1" -> "id": {}'), "expected a name"),
    "division by zero": (changed('"1/3" -> "1/0"'), "division by zero"),
    "huge exponent": (changed('"score": 0.82 -> "score": 1e999999999'), "exponent"),
    "uneven coverage": (
        changed('"cost": 3.5} -> "cost": 3.5, "coverage": [1, 2]}').replace('"bid": 2.25', '"bid": 2.25, "coverage": [1]'),
        "field 'coverage'",
    ),
    "coverage for some": (changed('"cost": 3.5} -> "cost": 3.5, "coverage": [1, 2]}'), "missing, while other workers have it"),
    "truncated JSON": (json.dumps(GOOD)[:-20], "not JSON"),
    "empty file": ("", "not JSON"),
    "a list": ("[]", "expected an object, got list"),
    "workers no list": (changed('"workers": [ -> "workers": {"x": [').replace('], "requesters"', ']}, "requesters"'), "expected a list"),
    "worker no object": ('{"format": "fedmech-market/1", "workers": [3], "requesters": []}', r"workers\[0\]: expected an object"),
    "10 MB of nesting": (DEEP, "nested too deeply"),
    "integer of 5000 digits": (changed('"score": 0.82 -> "score": ' + "9" * 5000), "not JSON|characters"),
    "workers elsewhere": ('{"format": "fedmech-market/1", "workers": "../w.csv", "requesters": []}', "same folder"),
    "workers missing": ('{"format": "fedmech-market/1", "workers": "w.csv", "requesters": []}', "cannot read"),
    "workers in a workbook": ('{"format": "fedmech-market/1", "workers": "w.xlsx", "requesters": []}', "expected a .csv or .parquet"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
def test_bad_documents_are_refused_in_one_line(case: str, tmp_path: Path) -> None:
    document, message = BAD_DOCUMENTS[case]
    path = write(tmp_path, document)
    with pytest.raises(InputError, match=message) as caught:
        read_market(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 700
    assert path.parent.name in text


BAD_CSV = {
    "missing column": ("id,group,cost\nw1,g1,2\n", "header, field 'score': missing column"),
    "unknown column": ("id,group,score,costs\nw1,g1,2,1\n", "did you mean 'cost'"),
    "short row": ("id,group,score,cost\nw1,g1,2\n", "line 2: expected 4 fields, got 3"),
    "empty score": ("id,group,score,cost\nw1,g1,,2\n", r"workers\[0\], field 'score': missing"),
    "NaN": ("id,group,score,cost\nw1,g1,nan,2\n", r"workers\[0\] \(id 'w1'\), field 'score': expected a finite number"),
    "two columns alike": ("id,group,score,score\nw1,g1,2,2\n", "two columns of the same name"),
    "open quote": ('id,group,score,cost\n"w1,g1,2,2\n', "not CSV"),
    "empty": ("", "missing column"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_tables_are_refused(case: str, tmp_path: Path) -> None:
    text, message = BAD_CSV[case]
    (tmp_path / "w.csv").write_text(text)
    path = write(tmp_path, {"format": "fedmech-market/1", "workers": "w.csv", "requesters": [{"id": "r", "budget": 1}]})
    with pytest.raises(InputError, match=message) as caught:
        read_market(path)
    assert "w.csv" in str(caught.value)


def test_not_a_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "w.parquet").write_bytes(b"PAR1 but not really")
    path = write(tmp_path, {"format": "fedmech-market/1", "workers": "w.parquet", "requesters": []})
    with pytest.raises(InputError, match="not Parquet"):
        read_market(path)


def test_a_directory_a_missing_file_and_bytes(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"a folder with no \*\.market\.json inside, and no .*\.market\.json beside it"
    ):
        read_market(tmp_path)
    with pytest.raises(InputError, match="cannot read: No such file"):
        read_market(tmp_path / "nothing.market.json")
    (tmp_path / "b.market.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(InputError, match="UTF-8"):
        read_market(tmp_path / "b.market.json")
    with pytest.raises(InputError, match="cannot read"):
        read_market("a\0b")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, GOOD)

    def refuse(*args: object, **kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    # The superuser may read everything, so the refusal is put in by hand.
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match=r"x\.market\.json: cannot read: Permission denied"):
        read_market(path)


def test_files_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.market.json"
    shutil.copy(digits_market_path(), path)
    before = path.read_bytes()

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="No space left"):
        write_market(generate_market("a", 5), path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["x.market.json"]


def test_written_files_have_ordinary_permissions(tmp_path: Path) -> None:
    write_market(generate_market("a", 5), tmp_path / "x.market.json")
    (tmp_path / "plain").write_text("")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("x.market.json", "plain")}
    assert len(modes) == 1


@pytest.mark.parametrize("scores", [[3, 2], [3, "1/2"], [3, 2**70], ["0.25", 2]])
@pytest.mark.parametrize("bids", [None, [1, 2], [1, 5], ["1/3", 2]])
def test_whole_numbers_are_written_to_parquet_as_numbers(
    scores: list[Any], bids: list[Any] | None, tmp_path: Path
) -> None:
    market = Market.build(scores=scores, costs=[1, 2], bids=bids, budgets=[2])
    for name in ("w.parquet", "w.csv"):
        write_market(market, tmp_path / "m.market.json", workers_file=name)
        again = read_market(tmp_path / "m.market.json")
        assert [*again.scores] == [*market.scores]
        assert [*again.bids] == [*market.bids]
        assert [*(again.costs or ())] == [1, 2]
    schema = pq.read_schema(tmp_path / "w.parquet")
    assert str(schema.field("score").type) == ("int64" if scores == [3, 2] else "string")
    assert ("bid" in schema.names) == (bids is not None and bids != [1, 2])
