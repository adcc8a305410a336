"""Files: JSON with its numbers kept as written, and writing whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .input_error import InputError

__all__ = ["NumberText", "PathLike", "make_folder", "read_json", "replace_file", "write_whole"]

PathLike = str | os.PathLike[str]


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
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", file=str(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read: {reason}", file=str(path)) from None
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

    Raises
    ------
    OSError
        If it cannot be written; an existing file is left as it was.
    """
    target = Path(path)
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; give it the permissions a plain open() would.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(draft, 0o666 & ~umask)
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise


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
