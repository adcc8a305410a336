"""What inputs are made of: hostile values, documents with a few of them put in, and damaged bytes."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

__all__ = ["DECIMAL_TEXTS", "NAMES", "damaged", "document_text", "documents", "scalars"]

NAMES = [
    "a", "A", " a", "a ", "a\u00a0", "é", "e\u0301", "a\u200b", "\ufeffa", "", " ", "\x00", "a\nb", "\x1b[31m", "\x1b]0;x\x07", "\u202eevil",
    "\ud800", "日本", "nan", "None", "w1", "r1", "g1", "-1", "0", "x" * 300, ",", '"', "=1+1", "'", "\\", "\u2028", "ﬁ", "\U000e0041", "\u3164",
]  # fmt: skip

DECIMAL_TEXTS = [
    "0", "1", "-1", "0.1", "-0", "1e0", "1E+2", "1e-400", "1e400", "1e401", "1e999999999", "1/3", "3/0", "-1/3", "1/3/5", "0x10", "1_0", "٣", "½",
    "nan", "inf", "-inf", "Infinity", " 1 ", "1 ", "+1", "--1", ".5", "5.", ".", "e", "1e", "9" * 400, "9" * 1200, "0." + "3" * 300, "1/" + "7" * 300,
    "9223372036854775807", "9223372036854775808", "4611686018427387904", "18446744073709551616", "", "true", "1,5", "1\x005", "１",
]  # fmt: skip

_NUMBERS = [
    0, 1, -1, 2, 3, 7, 0.5, -0.5, 1e-300, 5e-324, 1e308, float("inf"), float("-inf"), float("nan"), 2**31, 2**53, 2**62, 2**63, -(2**63), 2**64,
    10**30, 10**400, -0.0, True, False, None,
]  # fmt: skip


def scalars() -> st.SearchStrategy[Any]:
    """Numbers, texts, names, booleans, None; lists and objects where none belong."""
    return st.one_of(
        st.sampled_from(_NUMBERS),
        st.sampled_from(DECIMAL_TEXTS),
        st.sampled_from(NAMES),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from([[], {}, [1], [[1]], {"a": 1}, [None], ["1", 2]]),
    )


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all parts of a document."""
    found = [path]
    if isinstance(value, dict):
        for key in value:
            found += _places(value[key], (*path, key))
    elif isinstance(value, list):
        for at in range(min(len(value), 40)):
            found += _places(value[at], (*path, at))
    return found


@st.composite
def documents(draw: st.DrawFn, seeds: list[Any], values: st.SearchStrategy[Any] | None = None) -> Any:
    """One of some documents with up to four parts replaced, removed, repeated, renamed or exchanged."""
    document = copy.deepcopy(draw(st.sampled_from(seeds)))
    values = scalars() if values is None else values
    for _ in range(draw(st.integers(0, 4))):
        places = [place for place in _places(document) if place]
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        inside = document
        for step in path:
            inside = inside[step]
        deed = draw(
            st.sampled_from(["replace", "replace", "replace", "remove", "repeat", "rename", "exchange", "step"])
        )
        if deed == "replace":
            inside[last] = copy.deepcopy(draw(values))
        elif deed == "remove":
            del inside[last]
        elif deed == "repeat" and isinstance(inside, list):
            inside.insert(last, copy.deepcopy(inside[last]))
        elif deed == "rename" and isinstance(inside, dict):
            inside[draw(st.sampled_from([*NAMES, *map(str, inside)]))] = inside.pop(last)
        elif deed == "exchange" and len(inside) > 1:
            other = draw(st.sampled_from(list(inside) if isinstance(inside, dict) else range(len(inside))))
            inside[last], inside[other] = inside[other], inside[last]
        elif deed == "step" and type(inside[last]) is int:
            inside[last] += draw(st.sampled_from([-1, 1, 2, -7, 2**40]))
    return document


def document_text(document: Any) -> str:
    """A document as JSON text, with what JSON has no words for written as Python writes it."""
    return json.dumps(document, ensure_ascii=False, default=str)


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Some bytes with a few flipped, cut out, put in, or cut off; the empty and the wholly random ones too."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 5))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        deed = draw(st.sampled_from(["flip", "flip", "set", "cut", "put", "end", "copy"]))
        if deed == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif deed == "set":
            data[at] = draw(st.sampled_from([0, 255, 127, 128, 0x30, 0x22, 0x5B, 0x7B]))
        elif deed == "cut":
            del data[at : at + draw(st.integers(1, 16))]
        elif deed == "put":
            data[at:at] = draw(
                st.binary(min_size=1, max_size=16)
                | st.sampled_from([b"\x00", b"\xff\xfe", b"[" * 50, b"9" * 50, b",,", b'"'])
            )
        elif deed == "copy":
            data[at:at] = data[at : at + draw(st.integers(1, 64))]
        else:
            del data[at:]
    return bytes(data)
