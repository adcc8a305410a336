"""Arrays of bytes out of a pickle, without trusting it.

A pickle is a program.  This reader lets it name nothing but what a numpy array is pickled with, and what it gets for
those names are stand-ins that note their arguments: neither numpy's nor anybody else's code is called.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError

__all__ = ["read_pickled_dict"]

Value = NDArray[np.uint8] | list[Any] | Any


def read_pickled_dict(content: bytes) -> dict[str, Value]:
    """Read a pickled dictionary of plain values and arrays of bytes, of Python 2 or 3.

    Parameters
    ----------
    content : bytes
        The pickle.

    Returns
    -------
    dict
        Keys as text; arrays of unsigned bytes are numpy arrays, other values as they were (text of Python 2 as bytes).

    Raises
    ------
    InputError
        If the pickle is damaged, names anything beyond numpy's arrays, or is not a dictionary.
    """
    # Made anew each time: a pickle can set attributes of what it names.
    stand_ins = _stand_ins()

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            try:
                return stand_ins[module, name]
            except KeyError:
                raise InputError(f"refused: the pickle names {module}.{name}, which is no part of an array") from None

        def persistent_load(self, pid: Any) -> Any:
            raise InputError("refused: the pickle names an object outside of itself")

    try:
        found = Reader(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(found, dict):
            raise InputError(f"not a dictionary but {type(found).__name__}")
        return {_text(key): _array(value) if isinstance(value, _Pickled) else value for key, value in found.items()}
    except InputError:
        raise
    except Exception as error:  # A damaged pickle ends in errors of any kind.
        raise InputError(f"not a pickle that can be read: {error}") from None


class _Pickled:
    """What is known of an array: its state."""

    state: Any = None


def _stand_ins() -> dict[tuple[str, str], Any]:
    class Array(_Pickled):
        def __setstate__(self, state: Any) -> None:
            self.state = state

    class Type:
        def __init__(self, *arguments: Any) -> None:
            self.code = arguments[0] if arguments else None

        def __setstate__(self, state: Any) -> None:
            pass

    def reconstruct(*arguments: Any) -> Array:
        return Array()

    def encode(text: str, encoding: str) -> bytes:
        # Python 3 writes bytes so in the protocols of Python 2.
        if not isinstance(text, str) or encoding != "latin1":
            raise InputError("refused: the pickle encodes other text than bytes")
        return text.encode("latin1")

    return {
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): reconstruct,
        ("numpy", "ndarray"): Array,
        ("numpy", "dtype"): Type,
        ("_codecs", "encode"): encode,
    }


def _array(pickled: _Pickled) -> NDArray[np.uint8]:
    """Build the array from its state: version, shape, type, whether columns come first, entries."""
    state = pickled.state
    if not isinstance(state, tuple) or len(state) != 5:
        raise InputError("an array without its entries")
    _, shape, kind, fortran, entries = state
    code = _text(getattr(kind, "code", None))
    if code != "u1":
        raise InputError(f"an array of type {code!r}, not of unsigned bytes ('u1')")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise InputError("an array whose shape is not a list of sizes")
    if not isinstance(entries, bytes) or len(entries) != math.prod(shape):
        raise InputError(f"an array of {' x '.join(map(str, shape))} entries with another number of them")
    return np.frombuffer(entries, np.uint8).reshape(shape, order="F" if fortran else "C")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin1")
    if not isinstance(value, str):
        raise InputError(f"{type(value).__name__} in the place of a name")
    return value
