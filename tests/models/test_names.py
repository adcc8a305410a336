"""Names: what is one, what is refused, and which pairs nobody could tell apart."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest
from fedmech import InputError
from fedmech.models.files import NumberText
from fedmech.models.names import LONGEST_NAME, name_key, nearest_name, read_name, read_names, refuse_alike
from hypothesis import example, given
from hypothesis import strategies as st

ODD = st.text(
    alphabet=st.one_of(st.sampled_from(" \u00a0\u200b\u2028\t\n\x1b\x7fae\u0301\u00e9\u2800\ufe0f"), st.characters())
)


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("nan"),
        np.float64("nan"),
        pd.NA,
        pd.NaT,
        np.datetime64("NaT"),
        "",
        " ",
        "\u00a0\u3000",
        "\u200b",
        "\u2800",
    ],
)
def test_missing_names_are_missing(value: object) -> None:
    with pytest.raises(InputError, match="missing"):
        read_name(value, "workers[3]", "group")


@pytest.mark.parametrize(
    "value", [True, False, np.True_, 1.0, np.float64(2), 1e20, b"a", ["g"], ("g",), {"a": 1}, NumberText("1.5")]
)
def test_what_is_no_text_is_no_name(value: object) -> None:
    with pytest.raises(InputError, match="expected a name"):
        read_name(value)


@pytest.mark.parametrize(
    "name", ["a\x00", "\x1b[31mred", "a\rb", "a\nb", "a\tb", "\x7f", "a\x85b", "\ud800x", "x\udfff"]
)
def test_control_characters_and_lone_surrogates_are_refused_and_not_printed(name: str) -> None:
    with pytest.raises(InputError, match=r"control character|lone surrogate") as caught:
        read_name(name, "workers[0]", "id")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "value", ["a", "A b", "Zürich", "名前", "👩\u200d🔬", 3, np.int64(3), np.str_("x"), "x" * 200_000]
)
def test_names_stay_as_they_are(value: object) -> None:
    assert read_name(value) == str(value)


def test_the_longest_name() -> None:
    assert len(read_name("x" * LONGEST_NAME)) == LONGEST_NAME
    with pytest.raises(InputError, match="more than"):
        read_name("x" * (LONGEST_NAME + 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("phone", "phone "),
        ("phone", "\tphone"),
        ("a b", "a  b"),
        ("a b", "a\u00a0b"),
        ("a b", "a\u2009b"),
        ("\u00e9", "e\u0301"),
        ("ab", "a\u200bb"),
        ("ab", "a\u00adb"),
        ("ab", "ab\ufe0f"),
        ("ab", "\u2066ab\u2069"),
        ("\u00e9", "e\u200d\u0301"),
    ],
)
def test_names_that_look_alike_are_refused_together(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)
    with pytest.raises(InputError, match="differ only by"):
        refuse_alike(["x", one, "y", other], "workers", "group")
    assert "differs only by" in nearest_name(other, ["x", one])


def test_names_that_differ_are_two() -> None:
    refuse_alike(["a", "A", "ab", "a b", "a_b", "\u00e9", "e", "2", "\u00b2"], "workers", "group")
    refuse_alike([], "workers", "group")
    refuse_alike(["a", "a", "b"], "workers", "group")


@given(st.lists(ODD, max_size=6))
def test_the_column_at_once_says_what_name_by_name_says(values: list[str]) -> None:
    def one_by_one() -> list[str]:
        names = []
        for name in values:
            visible = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) != "Cf")
            if any(unicodedata.category(c) in ("Cc", "Cs") for c in name) or not visible.strip() or not name_key(name):
                raise InputError("refused")
            names.append(name)
        keys: dict[str, str] = {}
        if any(keys.setdefault(name_key(name), name) != name for name in names):
            raise InputError("alike")
        return names

    try:
        wanted: list[str] | None = one_by_one()
    except InputError:
        wanted = None
    try:
        found: list[str] | None = read_names(values, "workers", "id")
        refuse_alike(found, "workers", "id")
    except InputError:
        found = None
    assert found == wanted


@given(ODD)
@example("\u2800 a")
def test_keys_are_stable(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_key(f" {name}\u200b ") == name_key(name)


def test_a_near_name_is_offered() -> None:
    assert nearest_name("hosptial", ["hospital", "phone"]) == "; did you mean 'hospital'?"
    assert nearest_name("xyz", ["hospital", "phone"]) == ""
