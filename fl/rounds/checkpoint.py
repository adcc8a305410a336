"""The state of an experiment after each round, in one file that is written whole or not at all.

The file is a numpy archive read with ``allow_pickle=False``: arrays and text, nothing that could be executed. It names the settings
it belongs to, and is refused under others. Floats go through the shortest literal that reads back as them, so what a resumed run
continues from is, bit for bit, what an uninterrupted one would have had.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...models.files import read_bytes, write_whole
from ...models.input_error import InputError

__all__ = ["Checkpoint", "read_checkpoint", "write_checkpoint"]

FORMAT = "fedmech-checkpoint/1"
_HEADER = "header"
_ARRAY = "array."

MOST_BYTES = 4 << 30
"""Of one part; no longer one is read."""

NOT_AN_ARCHIVE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    ArithmeticError,
    EOFError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    OSError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What zipfile and numpy raise over bytes that are no archive of arrays."""


@dataclass(frozen=True)
class Checkpoint:
    """What one round leaves behind for the next.

    Attributes
    ----------
    rounds : int
        Rounds done.
    rows : list of dict
        The rows found so far: text, numbers, booleans, None.
    arrays : mapping str -> ndarray
        Models and histories; numbers or booleans.
    """

    rounds: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


def write_checkpoint(path: Path, settings: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    """Write a checkpoint, in place of the one before.

    Parameters
    ----------
    path : Path
    settings : mapping
        What the run was asked for; text, numbers, booleans and tuples of these.
    checkpoint : Checkpoint

    Raises
    ------
    InputError
        If the file cannot be written; the one before is then as it was.
    """
    header = {
        "format": FORMAT,
        "settings": _plain(settings),
        "rounds": checkpoint.rounds,
        "rows": checkpoint.rows,
    }
    buffer = io.BytesIO()
    named: dict[str, Any] = {_ARRAY + name: _unboxed(name, array) for name, array in checkpoint.arrays.items()}
    named[_HEADER] = np.frombuffer(json.dumps(header, allow_nan=False).encode(), dtype=np.uint8)
    np.savez(buffer, **named)
    write_whole(path, buffer.getvalue())


def read_checkpoint(path: Path, settings: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint of the same settings; an empty one if there is no file.

    Parameters
    ----------
    path : Path
    settings : mapping
        As for :func:`write_checkpoint`.

    Raises
    ------
    InputError
        If the file is not a checkpoint or belongs to other settings; the message names the first that differs.
    """
    if not path.exists():
        return Checkpoint()
    data = io.BytesIO(read_bytes(path))
    try:
        with zipfile.ZipFile(data) as parts:
            # What was written is not compressed; what is can be a thousand times its size.
            if any(
                part.compress_type != zipfile.ZIP_STORED or part.file_size > MOST_BYTES for part in parts.infolist()
            ):
                raise ValueError("its parts are compressed")
            if parts.testzip() is not None:
                raise ValueError("a part is damaged")
        data.seek(0)
        with np.load(data, allow_pickle=False) as archive:
            header = json.loads(archive[_HEADER].tobytes())
            arrays = {name.removeprefix(_ARRAY): archive[name] for name in archive.files if name != _HEADER}
        if header["format"] != FORMAT:
            raise InputError(f"expected {FORMAT!r}, got {str(header['format'])[:60]!r}", field="format")
        theirs, rounds, rows = dict(header["settings"]), int(header["rounds"]), list(header["rows"])
    except InputError as error:
        raise error.in_file(path) from None
    except RecursionError:
        raise InputError("not a checkpoint: nested too deeply", file=str(path)) from None
    except NOT_AN_ARCHIVE as error:
        raise InputError(f"not a checkpoint: {error}", file=str(path)) from None
    mine = _plain(settings)
    for name in sorted({*mine, *theirs}):
        if mine.get(name) != theirs.get(name):
            message = f"checkpoint of other settings: {name} was {theirs.get(name)!r}, is {mine.get(name)!r}"
            raise InputError(message, field=name, file=str(path))
    return Checkpoint(rounds, rows, arrays)


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(dict(settings), allow_nan=False))


def _unboxed(name: str, array: np.ndarray) -> np.ndarray:
    """Refuse an array of objects: numpy would pickle it."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"array {name!r} of type {array.dtype} cannot be kept in a checkpoint")
    return array
