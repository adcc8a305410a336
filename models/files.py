"""Files: JSON with its numbers kept as written, and writing whole or not at all."""

from __future__ import annotations

import codecs
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .input_error import InputError

__all__ = [
    "NumberText",
    "PathLike",
    "make_folder",
    "read_bytes",
    "read_json",
    "read_text",
    "refuse_overwriting",
    "replace_file",
    "write_whole",
]

PathLike = str | os.PathLike[str]


MOST_TEXT = 4 << 30
"""Bytes of the largest file that is read, text or not."""


def read_bytes(path: PathLike, most: int | None = None) -> bytes:
    """Read a file, up to a limit: a device without end has no size to ask for.

    Raises
    ------
    InputError
        If it cannot be read, or is larger than `most` (:data:`MOST_TEXT`) bytes.
    """
    most = MOST_TEXT if most is None else most
    try:
        if os.stat(path).st_size > most:
            raise InputError(f"more than {most:,} bytes", file=str(path))
        with open(path, "rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
                raise InputError("is a device", file=str(path))
            data = file.read(most + 1)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read: {getattr(error, 'strerror', None) or error}", file=str(path)) from None
    if len(data) > most:
        raise InputError(f"more than {most:,} bytes", file=str(path))
    return data


def read_text(path: PathLike) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises
    ------
    InputError
        If it cannot be read, is no text (a device without end is noticed at its first bytes), or is larger than :data:`MOST_TEXT`.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    parts: list[str] = []
    size = 0
    try:
        with open(path, "rb") as file:
            while chunk := file.read(1 << 22):
                size += len(chunk)
                if size > MOST_TEXT:
                    raise InputError(f"more than {MOST_TEXT:,} bytes", file=str(path))
                parts.append(decoder.decode(chunk))
                if len(parts) == 1 and parts[0].count("\0") > len(chunk) // 2:
                    raise InputError("not a text file", file=str(path))
        parts.append(decoder.decode(b"", final=True))
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", file=str(path)) from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read: {reason}", file=str(path)) from None
    return "".join(parts)


class NumberText(str):
    """A decimal number of a JSON document, as it was written: a text to read the number from, and no name."""


def read_json(path: PathLike, decimals: Callable[[str], Any] = NumberText) -> Any:
    """Read a JSON document, keeping decimal numbers as the strings they were written as.

    Parameters
    ----------
    path : path
    decimals : callable, optional
        Reads decimal numbers instead, for documents that are not exact.

    Raises
    ------
    InputError
        If the file cannot be read, is not JSON in UTF-8, repeats a key, or is nested too deeply.
    """
    text = read_text(path)
    try:
        return json.loads(text, parse_float=decimals, parse_constant=NumberText, object_pairs_hook=_object)
    except InputError as error:
        raise error.in_file(path) from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}", file=str(path)
        ) from None
    except RecursionError:
        raise InputError("nested too deeply", file=str(path)) from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}", file=str(path)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise InputError("given twice in one object", field=repeated[:60])
    return document


def replace_file(path: PathLike, data: bytes) -> None:
    """Put a file in place whole or not at all: written beside it under a name of its own, then renamed.

    A symbolic link is followed, the mode of a file that is replaced is kept, and what is no plain file (a device, a pipe) is
    written to and stays what it is.

    Raises
    ------
    OSError
        If it cannot be written; an existing file is left as it was.
    """
    target = Path(os.path.realpath(path))
    mode = None
    if target.exists():
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            with open(target, "wb") as device:
                device.write(data)
            return
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is None:
            # mkstemp makes the file private; give it the permissions a plain open() would.
            umask = os.umask(0)
            os.umask(umask)
            mode = 0o666 & ~umask
        os.chmod(draft, stat.S_IMODE(mode))
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise


def refuse_overwriting(path: PathLike, force: bool, inputs: Iterable[PathLike | None] = ()) -> None:
    """Refuse to write over a file that nobody said may go.

    Parameters
    ----------
    path : path
        Where something is to be written.
    force : bool
        Whether an existing file there may be replaced.
    inputs : iterable of paths
        Files that are read; none of them is ever written over.

    Raises
    ------
    InputError
    """
    target = Path(path)
    if not target.exists():
        return
    for read in inputs:
        if read is not None and Path(read).exists() and os.path.samefile(read, target):
            raise InputError("is read by this command, and an input is never written over", file=str(path))
    if not force and stat.S_ISREG(target.stat().st_mode):
        raise InputError("there is such a file already; --force replaces it", file=str(path))


def write_whole(path: PathLike, content: str | bytes) -> None:
    """Write a file whole or not at all, see :func:`replace_file`.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        replace_file(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", file=str(path)) from None


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if it is not there.

    Raises
    ------
    InputError
        If it cannot be made, e.g. because there is a file of that name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder: {error.strerror or error}", file=str(folder)) from None
