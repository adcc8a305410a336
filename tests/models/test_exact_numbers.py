"""Numbers are exact from the literal on, on the vectorised path and on the careful one alike."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from fedmech import InputError
from fedmech.models import exact
from fedmech.models.exact import (
    INT64_SAFE,
    exact_sum,
    format_exact,
    integer_array,
    integer_columns,
    linear_combination,
    parse_integer,
    parse_number,
    python_integers,
    rescale,
    rounded,
    scale_to_integers,
)
from fedmech.models.procurement.file import number_literal
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (3, Fraction(3)),
        ("0.1", Fraction(1, 10)),
        (0.1, Fraction(1, 10)),
        (np.float32(0.1), Fraction(1, 10)),
        (np.int64(7), Fraction(7)),
        (Decimal("2.50"), Fraction(5, 2)),
        ("22/7", Fraction(22, 7)),
        ("-1/3", Fraction(-1, 3)),
        ("1e-3", Fraction(1, 1000)),
        ("2.5E+2", Fraction(250)),
        (" 4 ", Fraction(4)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        (1e300, Fraction(10) ** 300),
    ],
)
def test_reads_exactly(given: object, value: Fraction) -> None:
    assert parse_number(given) == value


@pytest.mark.parametrize(
    "bad",
    ["nan", "inf", "-Infinity", float("nan"), float("inf"), np.float64("nan"), "", ".", "1/0", "1.5/2", "0x10", "1_000",
     "1e999999999", "9" * 2000, True, None, [1], {"a": 1}, "١", "1 2", 1j],
)  # fmt: skip
def test_refuses_what_is_no_finite_number(bad: object) -> None:
    with pytest.raises(InputError):
        parse_number(bad)


def test_whole_numbers() -> None:
    assert parse_integer("3.0") == 3
    with pytest.raises(InputError, match="whole number"):
        parse_integer("2.5")


# Plain notation and, for the smallest, scientific notation too.
decimals = st.builds(lambda k, d: str(Decimal(k).scaleb(-d)), st.integers(0, 10**15), st.integers(0, 9))


@given(st.lists(decimals, min_size=1, max_size=4))
def test_columns_of_decimals_agree_with_the_careful_path(texts: list[str]) -> None:
    # 256 rows and more take the vectorised path.
    column = (texts * 300)[:300]
    integers, denominator = scale_to_integers(column)
    assert [Fraction(int(i), denominator) for i in integers[: len(texts)]] == [Fraction(text) for text in texts]


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=4))
def test_columns_of_floats_mean_their_shortest_literal(floats: list[float]) -> None:
    column = np.array((floats * 300)[:300])
    integers, denominator = scale_to_integers(column)
    assert [Fraction(int(i), denominator) for i in integers[: len(floats)]] == [Fraction(repr(x)) for x in floats]


@pytest.mark.parametrize("odd", ["-1", "1/3", "1e2", "", ".", "1.2.3", "x"])
def test_one_odd_entry_leaves_the_fast_path(odd: str) -> None:
    column = ["0.25"] * 400 + [odd]
    try:
        expected = parse_number(odd)
    except InputError:
        with pytest.raises(InputError):
            scale_to_integers(column)
    else:
        integers, denominator = scale_to_integers(column)
        assert Fraction(int(integers[-1]), denominator) == expected
        assert Fraction(int(integers[0]), denominator) == Fraction(1, 4)


def test_large_values_become_python_integers() -> None:
    assert integer_array([2**61, 1]).dtype == np.int64
    assert integer_array([2**61, 2**61]).dtype == object
    assert integer_array(np.array([2**62, 2**62])).dtype == object
    big = np.array([2**62 - 1] * 50 + [-(2**62)] * 3, dtype=np.int64)
    assert exact_sum(big) == 50 * (2**62 - 1) - 3 * 2**62
    scaled = rescale(np.array([2**60, 5]), 1, 1000)
    assert scaled.dtype == object
    assert scaled.tolist() == [2**60 * 1000, 5000]


def test_columns_that_meet_are_of_one_type() -> None:
    small, large = np.array([1, 2]), [2**61, 2**61]
    assert [column.dtype for column in integer_columns(small, [2**61, 2**61 - 4])] == [np.int64, np.int64]
    for columns in ((small, large), (large, small), (small.astype(object), large, small)):
        packed = integer_columns(*columns)
        assert {column.dtype for column in packed} == {np.dtype(object)}
        assert [column.tolist() for column in packed] == [list(column) for column in columns]
        # Python integers all through: nothing of numpy is left that could wrap.
        assert {type(entry) for column in packed for entry in column} == {int}
    assert [column.dtype for column in integer_columns(small.astype(object), small)] == [np.int64, np.int64]


def test_packing_keeps_the_shape_and_what_is_packed() -> None:
    table = np.arange(6).reshape(2, 3)
    assert integer_array(table) is table
    assert integer_array(table.astype(object)).dtype == np.int64
    wide = integer_array(table * 2**60)
    assert wide.dtype == object
    assert wide.shape == (2, 3)
    assert exact_sum(wide) == 15 * 2**60
    assert integer_array(wide) is wide
    assert integer_array(np.zeros((0, 3))).shape == (0, 3)
    assert integer_array(np.array([2**63, 1], dtype=np.uint64)).tolist() == [2**63, 1]
    with pytest.raises(TypeError, match="float64"):
        integer_array(np.array([1.0]))


@given(st.lists(st.tuples(st.integers(-(2**66), 2**66), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=4))
def test_linear_combinations_are_exact(terms: list[tuple[int, int]]) -> None:
    columns = [np.array([entry, 0, -entry // 3], dtype=np.int64) for _, entry in terms]
    combined = linear_combination(*zip((factor for factor, _ in terms), columns, strict=True))
    exact = [sum(f * int(c[i]) for (f, _), c in zip(terms, columns, strict=True)) for i in range(3)]
    assert combined.tolist() == exact
    reach = sum(abs(f) * max(abs(int(x)) for x in c) for (f, _), c in zip(terms, columns, strict=True))
    assert (combined.dtype == np.int64) == (4 * reach < 2**62)


def test_linear_combinations_at_the_limit() -> None:
    one = np.array([1, 0])
    assert linear_combination((2**60 - 1, one)).dtype == np.int64
    assert linear_combination((2**60, one)).dtype == object
    assert linear_combination((2**59, one), (-(2**59), one)).dtype == object
    assert linear_combination((1, one), (1, one.astype(object))).dtype == object
    # A factor of any size at nothing but zeros, or at nothing.
    assert linear_combination((10**30, 0 * one), (3, one)).tolist() == [3, 0]
    assert linear_combination((10**30, one[:0])).tolist() == []


def test_rounded_integers_of_any_size() -> None:
    floats, shift = rounded(np.array([3, -5]))
    assert (floats.tolist(), shift) == ([3.0, -5.0], 0)
    floats, shift = rounded(python_integers(np.array([3])) << 398)
    assert (floats.tolist(), shift) == ([3.0 * 2.0**398], 0)
    floats, shift = rounded(np.array([3 << 1200, 1, -(1 << 1201)], dtype=object))
    assert (floats * 2.0**-400).tolist() == [0.75, 0.0, -0.5]
    assert shift == 802
    assert rounded(np.zeros(0, dtype=object))[1] == 0


def test_common_denominator_has_a_limit() -> None:
    with pytest.raises(InputError, match="common denominator"):
        scale_to_integers([f"1/{10**300 + k}" for k in range(1, 60)])


@given(st.fractions(), st.integers(0, 30))
def test_literals_read_back(value: Fraction, places: int) -> None:
    for number in (value, value.numerator / Fraction(10) ** places):
        assert parse_number(number_literal(number).strip('"')) == number


def test_columns_of_short_decimals_take_the_fast_path() -> None:
    """Else the tests that hold it to the careful one would compare that with itself."""
    texts = ["0.25", "17", "3.", ".5", "123456789.123456"]
    for column in (texts, [float(text) for text in texts], np.array([float(text) for text in texts])):
        found = exact._scale_decimals(column)
        assert found is not None
        integers, denominator = found
        assert [Fraction(int(i), denominator) for i in integers] == [Fraction(text.rstrip(".")) for text in texts]
    for column in ([], [1, 2], ["1", 2.0], [float("nan")], [1e15], ["1\0"], ["1" * 19], ["1.1.1"], ["."], [""], ["-1"]):
        assert exact._scale_decimals(column) is None


@pytest.mark.parametrize(
    "column", [[3, -5], [INT64_SAFE // 3 - 1, 0], [INT64_SAFE // 3 + 1, 0], [10**30, -1], [10**400]]
)
def test_rescaled_columns_have_the_same_values(column: list[int]) -> None:
    for denominator, target in (
        (1, 1),
        (1, 2),
        (3, 6),
        (1, 3),
        (1, 2**20),
        (2, 6),
        (6, 6),
        (5, 5 * INT64_SAFE),
        (7, 7 * 10**30),
    ):
        found = rescale(integer_array(column), denominator, target)
        assert [Fraction(int(x), target) for x in found] == [Fraction(x, denominator) for x in column]


def test_rescaled_columns_keep_to_the_rule_of_columns() -> None:
    for column, kind in (
        ([2**61], object),
        ([2**61 - 1], np.int64),
        ([2**60, 2**60], object),
        ([2**60, 2**60 - 1], np.int64),
    ):
        assert rescale(np.array(column), 1, 2).dtype == kind


def test_columns_stay_below_the_limit_of_int64() -> None:
    for column, kind in (
        ([INT64_SAFE - 1], np.int64),
        ([INT64_SAFE], object),
        ([-INT64_SAFE], object),
        ([INT64_SAFE // 2 - 1] * 2, np.int64),
        ([INT64_SAFE // 2] * 2, object),
    ):
        for given_as in (np.int64, object):
            assert integer_array(np.array(column, dtype=given_as)).dtype == kind, (column, given_as)


def test_literals_at_their_limits() -> None:
    assert parse_number("1e400") == 10**400 == 1 / parse_number("1e-400")
    for text in ("1e401", "1e-401"):
        with pytest.raises(InputError, match="exponent beyond 400"):
            parse_number(text)
    # What is refused is quoted, up to sixty characters of it.
    for size, shown in ((58, "'" + "x" * 58 + "'"), (59, "'" + "x" * 56 + "...")):
        with pytest.raises(InputError) as caught:
            parse_number("x" * size)
        assert str(caught.value).endswith(shown)


def test_the_longest_common_denominator() -> None:
    assert scale_to_integers([Fraction(1, 2**8191)])[1] == 2**8191
    with pytest.raises(InputError, match=r"below 2\*\*8192"):
        scale_to_integers([Fraction(1, 2**8192)])


def test_exact_numbers_are_written_in_lowest_terms() -> None:
    assert [format_exact(x) for x in (3, -3, 0, Fraction(6, 4), Fraction(-1, 10**30))] == [
        "3",
        "-3",
        "0",
        "3/2",
        f"-1/{10**30}",
    ]


def test_columns_of_integers_are_taken_as_they_are() -> None:
    column = np.array([3, 0, 7], dtype=np.int32)
    integers, denominator = scale_to_integers(column)
    assert (integers.tolist(), denominator) == ([3, 0, 7], 1)
    integers[0] = 5
    assert column[0] == 3


@pytest.mark.parametrize("size", [14, 15, 16, 17, 18])
@pytest.mark.parametrize("copies", [255, 256, 257])
def test_decimals_beside_short_ones(size: int, copies: int) -> None:
    """``8.009999999999999`` and ``8.01`` are one double: of sixteen digits a double does not tell which decimal was written."""
    for k in range(800, 1000, 7):
        short = Fraction(k, 100)
        for beside in (-1, 0, 1):
            value = short + Fraction(beside, 10 ** (size - 2))
            digits = f"{int(value * 10 ** (size - 2))}"
            text = f"{digits[0]}.{digits[1:]}"
            assert len(text) == size
            integers, denominator = scale_to_integers([text] * copies)
            assert Fraction(int(integers[0]), denominator) == value


@pytest.mark.parametrize(
    "column", [["1", ":"], ["10", "1:"], ["1", "/"], ["1", "."], ["1", ""], ["", "1"], ["5", "1.", "."], ["١", "1"]]
)
def test_texts_that_are_left_to_the_exact_path(column: list[str]) -> None:
    """Signs on both sides of the digits in the table of characters, points alone, and nothing, whatever stands beside."""
    assert exact._scale_decimals(column) is None


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_floats_that_are_no_numbers(odd: float) -> None:
    for column in ([1.0, odd], [odd, 1.0]):
        assert exact._scale_decimals(column) is None
        with pytest.raises(InputError, match="finite"):
            scale_to_integers(np.array(column * 200))


def test_integers_of_any_length_are_written() -> None:
    """Python turns no integer of more than 4300 digits into text."""
    for digits in (1, 3611, 3612, 3999, 4000, 4001, 4300, 4301, 8000, 8001, 12_345):
        for number in (10**digits, 10**digits - 1, 10**digits + 7, 12345 * 10**digits + 678):
            for value in (number, -number):
                text = format_exact(value)
                # Read in parts of four hundred digits.
                sign, plain = (-1, text[1:]) if text.startswith("-") else (1, text)
                assert plain.isdigit()
                assert plain[0] != "0"
                back = 0
                for start in range(0, len(plain), 400):
                    part = plain[start : start + 400]
                    back = back * 10 ** len(part) + int(part)
                assert sign * back == value
    assert format_exact(Fraction(1, 10**5000 + 1)) == "1/1" + "0" * 4999 + "1"
    assert format_exact(-1) == "-1"


def test_sums_at_the_limit_of_a_word() -> None:
    """The largest entry counts, on either side of zero; a sum of nothing is zero."""
    for size in (1, 2, 3, 8, 9):
        for limit in (INT64_SAFE // size, 2**63 - 1):
            for off in (-1, 0, 1):
                for sign in (1, -1):
                    entry = max(-(2**63), min(2**63 - 1, sign * (limit + off)))
                    column = np.full(size, entry, dtype=np.int64)
                    assert exact_sum(column) == size * entry
                    assert exact_sum(column.astype(object)) == size * entry
                    assert integer_array(column).dtype == (np.int64 if size * abs(entry) < INT64_SAFE else object)
    assert exact_sum(np.zeros(0, dtype=np.int64)) == exact_sum(np.zeros(0, dtype=object)) == 0
    # In the sum of these the halves of a word have to be put together.
    assert exact_sum(np.array([2**62, 2**62, -(2**62), 5])) == 2**62 + 5


def test_the_largest_entry_may_be_below_zero() -> None:
    for column in ([-(2**60), 1], [1, -(2**60)], [-(2**60), -3]):
        combined = linear_combination((1, np.array(column)), (8, np.array([0, 1])))
        assert combined.dtype == object
        assert combined.tolist() == [column[0], column[1] + 8]
    assert rounded(np.array([-(1 << 1201), 1], dtype=object))[1] == 802


def test_texts_as_long_as_a_literal_may_be() -> None:
    assert parse_number("1" * 1000) == int("1" * 1000)
    assert parse_number("0." + "1" * 998).numerator == int("1" * 998)
    for text in ("1" * 1001, "0." + "1" * 999):
        with pytest.raises(InputError, match="1000 characters"):
            parse_number(text)


def test_fractions_of_as_many_bits_as_there_may_be() -> None:
    """Numerator and denominator each for itself."""
    for value in (Fraction(2**8192 - 1), Fraction(1, 2**8192 - 1)):
        assert parse_number(value) == value
    for value in (2**8192, Fraction(2**8192, 3), Fraction(3, 2**8192)):
        with pytest.raises(InputError, match=r"below 2\*\*8192"):
            parse_number(value)


@pytest.mark.parametrize("text", ["nan", "NaN", "+inf", "-Infinity", "infinity", "x", "1e", "--1"])
def test_what_is_meant_by_a_word_for_no_number(text: str) -> None:
    named = text.lower().lstrip("+-") in ("nan", "inf", "infinity")
    with pytest.raises(InputError, match="expected a finite number" if named else "expected a number"):
        parse_number(text)


def test_columns_of_every_kind_of_container() -> None:
    """A generator, a set and an array of objects are read one by one, as a list is."""
    for values in (
        (str(k) for k in range(300)),
        {0.5: 1, 2: 1}.keys(),
        np.array([1, "1/3", 0.25], dtype=object),
        (1, 2),
    ):
        listed = [*values]
        found, denominator = scale_to_integers(iter(listed))
        assert [Fraction(int(x), denominator) for x in found] == [parse_number(x) for x in listed]
    found, denominator = scale_to_integers(np.array([1, "1/3", 0.25], dtype=object))
    assert (found.tolist(), denominator) == ([12, 4, 3], 12)
    # Nothing but whole numbers has the denominator 1.
    assert scale_to_integers(["3", "4"])[1] == scale_to_integers([])[1] == 1


def test_places_of_decimals_on_the_fast_path() -> None:
    for places in range(20):
        value = Fraction(1, 10**places)
        for column in (
            [float(value)] * 300,
            [f"{1:0{places + 1}d}"[:1] + "." + f"{1:0{places}d}"] * 300 if places else ["1"] * 300,
        ):
            integers, denominator = scale_to_integers(column)
            assert Fraction(int(integers[0]), denominator) == parse_number(column[0])
            # A float of more places may be another decimal; a text of 18 digits is one number.
            assert (exact._scale_decimals(column) is not None) == (places < (18 if isinstance(column[0], str) else 10))
    assert exact._scale_decimals([0.25] * 300)[1] == 4  # type: ignore[index]


@pytest.mark.parametrize("unit", [1, 2**70], ids=["int64", "objects"])
@pytest.mark.parametrize("length", [0, 1, 1023, 1024, 1025, 2050])
def test_common_divisors_of_columns_of_any_length(unit: int, length: int) -> None:
    for first, last in itertools.product((0, 2, 12), (0, 6, 4, 5)):
        values = [first * unit] * (length - 1) + [last * unit] * min(length, 1)
        column = np.array(values, dtype=object if unit > 1 else np.int64)
        assert exact.common_divisor(column) == math.gcd(*values)
        assert exact.common_divisor(column[::-1]) == math.gcd(*values)
        assert exact.common_divisor(0 * column) == 0
