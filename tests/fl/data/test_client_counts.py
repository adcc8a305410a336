"""Tables of counts: read with every error placed, thinned in proportion, imposed on another data set."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from fedmech.fl.data.client_counts import ClientCounts, read_client_counts
from fedmech.fl.data.partitions import class_counts, fit_counts
from fedmech.models.input_error import InputError
from hypothesis import given
from hypothesis import strategies as st

TABLE = 'speaker,yes,no,"one, two"\na1,3,0,2\n\nb2, 7 ,1,0\nc3,0,0,0\n'


@pytest.fixture
def table(tmp_path: Path) -> ClientCounts:
    (tmp_path / "counts.csv").write_text("\ufeff" + TABLE, encoding="utf-8")
    return read_client_counts(tmp_path / "counts.csv")


def test_a_table_is_read(table: ClientCounts) -> None:
    assert table.clients == ("a1", "b2", "c3")
    assert table.classes == ("yes", "no", "one, two")
    assert table.counts.tolist() == [[3, 0, 2], [7, 1, 0], [0, 0, 0]]
    assert table.counts.dtype == np.int64
    assert table.sizes.tolist() == [5, 8, 0]


def test_parts_of_a_table(table: ClientCounts) -> None:
    part = table.choose(["c3", "a1"], ["one, two", "yes"])
    assert (part.clients, part.classes, part.counts.tolist()) == (("c3", "a1"), ("one, two", "yes"), [[0, 0], [2, 3]])
    drawn = {table.draw(2, np.random.default_rng(seed)).clients for seed in range(40)}
    assert drawn == {("a1", "b2"), ("a1", "c3"), ("b2", "c3")}
    assert table.draw(3, np.random.default_rng(0)).counts.tolist() == table.counts.tolist()
    for call, message in (
        (lambda: table.choose(["d4"]), "no client 'd4'"),
        (lambda: table.choose(classes=["yes", "yes"]), "class 'yes' is given twice"),
        (lambda: table.draw(4, np.random.default_rng(0)), "4 clients of 3"),
        (lambda: table.draw(0, np.random.default_rng(0)), "0 clients of 3"),
    ):
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header: must name the clients' column and at least one class"),
        (b"speaker\na1\n", "header: must name the clients' column and at least one class"),
        (b"speaker,yes,yes\n", "header, field 'yes': given twice"),
        (b"speaker,yes, \n", "header: column 3 has no name"),
        (b"speaker,yes\n", "no client"),
        (b"speaker,yes\na1,3\na1,4\n", "line 3, field 'speaker': client 'a1' is given twice"),
        (b"speaker,yes\n,3\n", "line 2, field 'speaker': a client without a name"),
        (b"speaker,yes,no\na1,3\n", "line 2: 2 entries, where the header has 3"),
        (b"speaker,yes\na1,3,4\n", "line 2: 3 entries, where the header has 2"),
        (b"speaker,yes\na1,3\nb2,-1\n", "line 3, field 'yes': '-1' is not a count"),
        (b"speaker,yes\na1,1.5\n", "line 2, field 'yes': '1.5' is not a count"),
        (b"speaker,yes\na1,\n", "line 2, field 'yes': '' is not a count"),
        (b"speaker,yes\na1,1_0\n", "'1_0' is not a count"),
        ("speaker,yes\na1,٣\n".encode(), "'٣' is not a count"),
        (b"speaker,yes\na1,10000000001\n", "'10000000001' is not a count"),
        (b"speaker,yes\na1," + b"9" * 5_000 + b"\n", "is not a count"),
        (b'speaker,yes\na1,"3\n', "not a CSV file: unexpected end of data"),
        (b"speaker,yes\n\xff\xfe,3\n", "not a text file in UTF-8"),
        (b"speaker,yes\n" + b"x" * 200_000 + b",3\n", "not a CSV file"),
    ],
)
def test_what_is_wrong_is_placed(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_client_counts(path)
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match=f"^{path}: cannot read"):
            read_client_counts(path)


@given(st.lists(st.lists(st.integers(0, 10**10), min_size=3, max_size=3), min_size=1, max_size=5))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, counts: list[list[int]]) -> None:
    path = tmp_path_factory.mktemp("counts") / "counts.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["client", "x", "y", "z"], *[[f"c{i}", *row] for i, row in enumerate(counts)]])
    assert read_client_counts(path).counts.tolist() == counts


@given(st.data())
def test_a_thinned_table_fits_in_proportion(data: st.DataObject) -> None:
    row = st.lists(st.integers(0, 9), min_size=3, max_size=3)
    counts = np.array(data.draw(st.lists(row, min_size=1, max_size=6)))
    supply = data.draw(st.lists(st.integers(0, 25), min_size=3, max_size=3))
    labels = np.repeat(np.arange(3), supply)
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    wanted = counts.sum(axis=0).tolist()
    missing = [c for c in range(3) if wanted[c] and not supply[c]]
    if missing:
        with pytest.raises(InputError, match=f"class {missing[0]}: .* there are none"):
            fit_counts(labels, counts, draw)
        return
    fitted = fit_counts(labels, counts, draw)
    if all(want <= have for want, have in zip(wanted, supply, strict=True)):
        assert fitted.tolist() == counts.tolist()
    else:
        tightest = min((c for c in range(3) if wanted[c]), key=lambda c: supply[c] / wanted[c])
        kept = [want * supply[tightest] // wanted[tightest] for want in wanted]
        assert fitted.sum(axis=0).tolist() == kept
        assert (fitted <= counts).all()
    parts = class_counts(labels, fitted, draw)
    assert [np.bincount(labels[part], minlength=3).tolist() for part in parts] == fitted.tolist()


def test_thinning_keeps_the_expected_label_mix() -> None:
    counts = np.array([[8, 0, 2], [4, 12, 4], [0, 4, 6]])
    labels = np.repeat(np.arange(3), [3, 60, 60])
    draws = np.array([fit_counts(labels, counts, np.random.default_rng(seed)) for seed in range(4_000)])
    # 3 of 12 of the first class are there, so a quarter of each.
    error = np.maximum(draws.std(axis=0, ddof=1), 1e-12) / np.sqrt(len(draws))
    assert (abs(draws.mean(axis=0) - counts / 4) <= 5 * error).all()
