"""Columns of texts side by side in one buffer: a million numbers of a file are read without a million Python objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np

__all__ = ["TextColumn", "split_lines"]

MOST_DIGITS = 18
"""Digits of the longest number that is read at array speed: it is below 2**63 without its point."""

MOST_WORDS = 8
"""Words of 8 bytes of the longest text that is compared with others at array speed."""

_COMMA, _NEWLINE, _POINT, _ZERO, _NINE = (ord(character) for character in ",\n.09")

_FIRST_BYTES = np.array([(1 << 8 * k) - 1 for k in range(9)], dtype=np.uint64)
_ODD = np.uint64(0x9E3779B97F4A7C15)


class TextColumn(Sequence[str]):
    """Texts, none of them empty, at ``data[starts[i]:ends[i]]``.

    Parameters
    ----------
    data : bytes
        In UTF-8.
    starts, ends : ndarray of int64, shape (n,)
    """

    def __init__(self, data: bytes, starts: np.ndarray, ends: np.ndarray) -> None:
        self.data, self.starts, self.ends = data, starts, ends

    @staticmethod
    def of(texts: Sequence[str]) -> TextColumn | None:
        """Put texts side by side; None if one is empty, or has a line break."""
        data = "\n".join([*texts, ""]).encode("utf-8", "surrogatepass")
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _NEWLINE)
        starts = np.append(0, ends + 1)[:-1]
        return TextColumn(data, starts, ends) if len(ends) == len(texts) and (starts < ends).all() else None

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return TextColumn(self.data, self.starts[index], self.ends[index]).tolist()
        return self.data[self.starts[index] : self.ends[index]].decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    def words(self) -> np.ndarray | None:
        """Return the texts as words of 8 bytes, the first byte the lowest and zeros behind the last, shape (w, n).

        None if a text has more than :data:`MOST_WORDS` of them, or anything but printable ASCII without blanks.
        """
        lengths, last = self.ends - self.starts, len(self.data) - 8
        longest = int(lengths.max(initial=1))
        if longest > 8 * MOST_WORDS or last < 0:
            return None
        # Eight bytes from wherever one likes.
        anywhere = np.ndarray(last + 1, dtype="<u8", buffer=self.data, strides=(1,))
        words = np.empty((-(-longest // 8), len(self)), dtype=np.uint64)
        for k, word in enumerate(words):
            begin = self.starts + 8 * k
            base = np.minimum(begin, last)
            word[:] = anywhere[base] >> (8 * np.minimum(begin - base, 7)).astype(np.uint64)
            word &= _FIRST_BYTES[np.clip(lengths - 8 * k, 0, 8)]
        visible = words.view(np.uint8) - np.uint8(0x21) < 0x5E
        return words if np.count_nonzero(visible) == int(lengths.sum()) else None

    def all_differ(self) -> bool:
        """Whether no two are the same; False also where :meth:`words` are not to be had, or in doubt."""
        words = self.words()
        return words is not None and bool((np.diff(np.sort(_mixed(words))) > 0).all())

    def distinct(self) -> tuple[list[str], np.ndarray] | None:
        """Return the distinct texts in the order in which they come, and which of them each is; None as :meth:`words`, or in doubt."""
        words = self.words()
        if words is None:
            return None
        keys = _mixed(words)
        known = np.unique(keys[:1000])
        while True:
            at = np.searchsorted(known, keys).clip(max=max(0, len(known) - 1))
            missing = known[at] != keys
            if not missing.any():
                break
            known = np.union1d(known, keys[missing])
        first = np.empty(len(known), dtype=np.int64)
        first[at[::-1]] = np.arange(len(keys))[::-1]
        if (words[:, first[at]] != words).any():
            return None
        order = np.argsort(first)
        rank = np.empty_like(first)
        rank[order] = np.arange(len(first))
        return [self[int(position)] for position in first[order]], rank[at]

    def tolist(self) -> list[str]:
        """Return the texts as Python strings."""
        spans = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        if self.data.isascii():
            text = self.data.decode()
            return [text[start:end] for start, end in spans]
        return [self.data[start:end].decode() for start, end in spans]

    def decimals(self) -> tuple[np.ndarray, int] | None:
        """Read plain decimals, ``12``, ``0.125``, ``3.`` or ``.5``, exactly.

        Returns
        -------
        (ndarray of int64, int) or None
            Integers and the power of ten they are over; None if a text has anything but digits and a point, or if more than
            :data:`MOST_DIGITS` digits were needed.
        """
        lengths = self.ends - self.starts
        longest = int(lengths.max(initial=0))
        if longest > MOST_DIGITS + 1:
            return None
        if longest <= 8 and (words := self.words()) is not None and (whole := _whole(words[0], lengths)) is not None:
            return whole, 1
        codes = np.frombuffer(self.data, dtype=np.uint8)
        value, places = np.zeros(len(self), dtype=np.int64), np.zeros(len(self), dtype=np.int64)
        pointed = np.zeros(len(self), dtype=bool)
        for k in range(longest):
            inside = k < lengths
            code = codes[np.minimum(self.starts + k, self.ends - 1)]
            digit = inside & (code >= _ZERO) & (code <= _NINE)
            if not np.array_equal(digit, inside):
                point = inside & (code == _POINT)
                if not np.array_equal(digit | point, inside) or (point & pointed).any():
                    return None
                pointed |= point
            value = np.where(digit, 10 * value + (code.astype(np.int64) - _ZERO), value)
            places += digit & pointed
        most = int(places.max(initial=0))
        if (lengths == pointed).any():
            return None
        # Digits before the point, and those behind it once all have as many.
        if int((lengths - places - pointed).max(initial=0)) + most > MOST_DIGITS:
            return None
        return value * 10 ** (most - places), 10**most


def _mixed(words: np.ndarray) -> np.ndarray:
    """Make one word of some, the same of the same; of single words different ones stay different."""
    found = words[0]
    for word in words[1:]:
        found = (found ^ (found >> np.uint64(29))) * _ODD + word
    return found


def _whole(words: np.ndarray, lengths: np.ndarray) -> np.ndarray | None:
    """Read whole numbers of at most eight digits; None if anything else is among them."""
    if np.count_nonzero(words.view(np.uint8) - np.uint8(_ZERO) <= 9) != int(lengths.sum()):
        return None
    # Behind zeros, as many digits as a word has; then pairs of digits, of pairs, and of these become one number.
    found = words << (64 - 8 * lengths).astype(np.uint64)
    found = ((found & np.uint64(0x0F0F0F0F0F0F0F0F)) * np.uint64(2561)) >> np.uint64(8)
    found = ((found & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)
    found = ((found & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)) >> np.uint64(32)
    return found.astype(np.int64)


def split_lines(text: str) -> tuple[list[str], list[TextColumn | list[str | None]]] | None:
    """Split comma-separated lines in which no field is quoted into columns.

    Parameters
    ----------
    text : str

    Returns
    -------
    header : list of str
    columns : list
        One for each name of the header; a list with None for gaps where a field is empty.

    None is returned for anything else: a quote, a NUL, a single column, and lines of another number of fields, blank ones too.
    """
    if text.count("\r") == text.count("\r\n"):
        text = text.replace("\r\n", "\n")
    if '"' in text or "\0" in text or "\r" in text or "\n" not in text:
        return None
    data = text.encode() if text.endswith("\n") else text.encode() + b"\n"
    header = text[: text.index("\n")].split(",")
    codes = np.frombuffer(data, dtype=np.uint8)
    marks = np.flatnonzero((codes == _COMMA) | (codes == _NEWLINE))
    width = len(header)
    if width == 1 or len(marks) % width:
        return None
    ends = marks.reshape(-1, width)
    if not ((codes[ends[:, :-1]] == _COMMA).all() and (codes[ends[:, -1]] == _NEWLINE).all()):
        return None
    starts = np.append(0, marks[:-1] + 1).reshape(-1, width)
    columns: list[TextColumn | list[str | None]] = []
    for at in range(width):
        column = TextColumn(data, starts[1:, at].copy(), ends[1:, at].copy())
        full = bool((column.starts < column.ends).all())
        columns.append(column if full else [text or None for text in column.tolist()])
    return header, columns
