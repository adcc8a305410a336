"""Numbers and rows read at array speed are what the readers of one text at a time make of them."""

from __future__ import annotations

import csv
import io
import math
from fractions import Fraction

import pytest
from fedmech.models import text_columns
from fedmech.models.exact import parse_number, scale_to_integers
from fedmech.models.input_error import InputError
from fedmech.models.text_columns import MOST_DIGITS, MOST_WORDS, TextColumn, split_lines
from hypothesis import example, given
from hypothesis import strategies as st

PLAIN = st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,12})?", fullmatch=True)
ANY = st.text(st.sampled_from("0123456789.-+e/ \n\0,xé٣"), max_size=21)


def read_one_by_one(texts: list[str]) -> list[Fraction] | None:
    try:
        return [parse_number(text) for text in texts]
    except InputError:
        return None


@given(texts=st.lists(st.one_of(PLAIN, ANY), min_size=1, max_size=6))
@example(texts=["9" * MOST_DIGITS])
@example(texts=["9" * MOST_DIGITS + "9"])
@example(texts=["9" * (MOST_DIGITS - 1) + ".9"])
@example(texts=["9" * MOST_DIGITS + ".9"])
@example(texts=["9" * (MOST_DIGITS - 2), "0.25"])
@example(texts=["9" * (MOST_DIGITS - 1), "0.25"])
@example(texts=["1.", "2"])
@example(texts=[".5", "2"])
@example(texts=["1.2.3"])
@example(texts=["0.0", "0"])
def test_decimals_are_what_the_exact_reader_reads(texts: list[str]) -> None:
    column = TextColumn.of(texts)
    if column is None:
        assert any(not text or "\n" in text for text in texts)
        return
    assert column.tolist() == texts == list(column)
    found = column.decimals()
    if found is None:
        return
    integers, denominator = found
    assert [Fraction(value, denominator) for value in integers.tolist()] == read_one_by_one(texts)


@given(texts=st.lists(PLAIN, min_size=1, max_size=6))
def test_short_plain_decimals_are_read_at_once(texts: list[str]) -> None:
    column = TextColumn.of(texts)
    assert column is not None
    whole, places = max(len(text.split(".")[0]) for text in texts), max(len(text.partition(".")[2]) for text in texts)
    assert (column.decimals() is not None) == (whole + places <= MOST_DIGITS)


@pytest.mark.parametrize("count", [255, 256, 257])
@pytest.mark.parametrize("last", ["0.5", "1/3", "-2", "1e3", " 4", "9" * 19, "0.1234567890123456789"])
def test_a_column_is_the_same_from_either_side_of_the_fast_path(count: int, last: str) -> None:
    texts = [f"{i}.{i % 10}" for i in range(count - 1)] + [last]
    column = TextColumn.of(texts)
    assert column is not None
    for values in (texts, column):
        integers, denominator = scale_to_integers(values)
        assert [Fraction(int(value), denominator) for value in integers] == [parse_number(text) for text in texts]
        assert denominator == math.lcm(*(parse_number(text).denominator for text in texts))


@pytest.mark.parametrize("texts", [["1", "x"], ["1", "٣"], ["1", "\0"]])
def test_what_is_no_number_is_refused_with_its_row(texts: list[str]) -> None:
    column = TextColumn.of(texts * 200)
    assert column is not None
    with pytest.raises(InputError) as error:
        scale_to_integers(column)
    assert error.value.row == "1"


CELLS = st.text(st.sampled_from('ab1é".,\n\r\0 '), max_size=4)


@given(text=st.lists(st.lists(CELLS, min_size=1, max_size=3).map(",".join), max_size=5).map("\n".join))
@example(text="id,score\r\nw,1\r\nv,2\r\n")
@example(text="id,score\nw,1\n\nv,2")
@example(text="id,score")
@example(text="id,score\n")
def test_lines_are_split_as_the_csv_module_splits_them(text: str) -> None:
    split = split_lines(text)
    if split is None:
        return
    header, columns = split
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert rows[0] == header
    assert [list(row) for row in zip(*columns, strict=True)] == [[field or None for field in row] for row in rows[1:]]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_plain_files_are_split(newline: str, end: str) -> None:
    split = split_lines(newline.join(["id,group,score", "w,é,1", "v,,2"]) + end.replace("\n", newline))
    assert split is not None
    header, columns = split
    assert header == ["id", "group", "score"]
    assert [list(column) for column in columns] == [["w", "v"], ["é", None], ["1", "2"]]
    assert columns[0][-1:] == ["v"]
    assert columns[2][-1] == "2"
    with pytest.raises(IndexError):
        columns[0][2]


# ---------------------------------------------------------------------- texts compared as words

NAMES = st.text(st.sampled_from("ab~!\x7f \0é\x1f"), min_size=1, max_size=18)


def factorised(texts: list[str]) -> tuple[list[str], list[int]]:
    places = {text: position for position, text in enumerate(dict.fromkeys(texts))}
    return list(places), [places[text] for text in texts]


def usual(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and len(text) <= 8 * MOST_WORDS


@given(texts=st.lists(st.one_of(NAMES, st.text(st.sampled_from("ab"), min_size=1, max_size=3)), min_size=1, max_size=8))
@example(texts=["~", "!" * 8, "!" * 9, "a" * 16])
@example(texts=["a" * 8 * MOST_WORDS, "a" * 8 * MOST_WORDS])
@example(texts=["a" * 8 * MOST_WORDS + "b", "a"])
@example(texts=["a", "a\0", "aaaaaaaa"])
def test_words_tell_texts_apart(texts: list[str]) -> None:
    column = TextColumn.of(texts)
    assert column is not None
    found = column.distinct()
    if not all(map(usual, texts)) or len(column.data) < 8:
        assert column.words() is None is found
        assert not column.all_differ()
        return
    assert column.all_differ() == (len(set(texts)) == len(texts))
    assert found is not None
    assert (found[0], found[1].tolist()) == factorised(texts)


def test_many_texts_are_told_apart_and_doubts_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (1, 9, 8 * MOST_WORDS):
        texts = [f"{i * i % 1009:0{width}}" for i in range(3000)]
        column = TextColumn.of(texts)
        assert column is not None
        assert not column.all_differ()
        found = column.distinct()
        assert found is not None
        assert (found[0], found[1].tolist()) == factorised(texts)
    several = TextColumn.of([f"{i:016}" for i in range(40)])
    assert several is not None
    assert several.all_differ()
    monkeypatch.setattr(text_columns, "_mixed", lambda words: words[0])
    # The first eight bytes are all the same.
    assert not several.all_differ()
    assert several.distinct() is None


@given(numbers=st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=6))
@example(numbers=[99_999_999, 10_000_000, 0, 7])
@example(numbers=[99_999_999, 100_000_000])
def test_whole_numbers_are_read_by_the_word(numbers: list[int]) -> None:
    for texts in ([str(x) for x in numbers], [f"0{x}" for x in numbers], [f"{x}." for x in numbers]):
        column = TextColumn.of(texts)
        assert column is not None
        found = column.decimals()
        assert found is not None
        assert (found[0].tolist(), found[1]) == (numbers, 1)
