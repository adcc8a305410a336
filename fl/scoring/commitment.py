"""Commitments by SHA-256, and random draws that anyone who holds the revealed seed makes again.

A commitment is the SHA-256 of a byte string that can be read in one way only: every field is preceded by its length in eight
bytes, big-endian. A text is its UTF-8, an integer its decimal text, an array its dtype and shape as text (one field) and its
elements in C order, little-endian (the next field).

A draw from a seed uses nothing but uniform doubles of PCG64, whose stream numpy guarantees, so an auditor with another version
of numpy draws the same. Seeds for different purposes are derived from one secret by SHA-256: knowing one derived seed tells
nothing about the secret or about the others. A secret hides something only if it cannot be guessed: take it from
:func:`fresh_secret`, not 0 or 2026.

Source: DriftPay, sections 3 ("an auditable hashing of D_0") and 7d ("a verifiable random seed"); the encoding is a choice made
here.
"""

from __future__ import annotations

import hashlib
import secrets

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError

__all__ = ["commit", "derive", "fresh_secret", "random_order"]

Field = str | int | bytes | np.ndarray


def _encode(field: Field) -> bytes:
    if isinstance(field, np.ndarray):
        little = np.ascontiguousarray(field, dtype=field.dtype.newbyteorder("<"))
        return _encode(f"{little.dtype.str}{field.shape}") + _encode(little.tobytes())
    data = field if isinstance(field, bytes) else str(field).encode()
    return len(data).to_bytes(8, "big") + data


def commit(purpose: str, *fields: Field) -> str:
    """Return the SHA-256 of a purpose and fields, encoded as the module says.

    Parameters
    ----------
    purpose : str
        Separates commitments of different kinds, e.g. ``"fedmech-probe/1"``.
    *fields : str, int, bytes or ndarray

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(b"".join(map(_encode, (purpose, *fields)))).hexdigest()


def derive(purpose: str, secret: int, *numbers: int) -> int:
    """Derive an integer of 256 bits from a secret, for one purpose.

    Raises
    ------
    InputError
        If the secret is negative.
    """
    if secret < 0:
        raise InputError(f"must not be negative, got {secret}", field="seed")
    return int(commit(purpose, secret, *numbers), 16)


def fresh_secret() -> int:
    """Return a secret of 256 random bits from the operating system."""
    return secrets.randbits(256)


def random_order(count: int, seed: int) -> NDArray[np.int64]:
    """Return a random order of ``0..count - 1``, the same on every machine: the order of `count` uniform doubles.

    Parameters
    ----------
    count : int
    seed : int
        Not negative, of any size.

    Returns
    -------
    ndarray of int64, shape (count,)
    """
    return np.argsort(np.random.Generator(np.random.PCG64(seed)).random(count), kind="stable").astype(np.int64)
