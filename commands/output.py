"""The one writer to standard output.

While a command runs, file descriptor 1 leads to standard error: whatever a library prints there, from Python or from C, cannot get
between the lines of an answer. The answer itself goes through :func:`write` to where standard output was.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..models.display import visible

__all__ = ["OutputError", "at_terminal", "flushed", "output_error", "say", "standard_output_kept", "write"]

_PLAIN = str.maketrans({"─": "-", "…": "~", "×": "x", "≤": "<=", "≥": ">="})
"""What stands for a character of our own tables where the encoding of standard output has none for it."""

_kept: int | None = None
"""A duplicate of the standard output the process was started with, while file descriptor 1 is led elsewhere."""


class OutputError(Exception):
    """Standard output cannot take the answer; empty if its reader has simply gone away."""


@contextmanager
def standard_output_kept() -> Iterator[None]:
    """Lead file descriptor 1 to standard error for a while, and keep the real one for :func:`write`."""
    global _kept
    try:
        # Above the standard three: where standard error is closed, a plain duplicate would take its number.
        real = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError:
        # Closed by whoever started the process: `write` will say so if there is anything to write.
        yield
        return
    try:
        _flush()
        try:
            os.dup2(2, 1)
        except OSError:
            _point_at_nothing()
        _kept = real
        yield
    finally:
        _kept = None
        _flush()
        os.dup2(real, 1)
        os.close(real)


def _point_at_nothing() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass


def write(text: str, *, utf8: bool = False) -> None:
    """Write an answer to standard output.

    Parameters
    ----------
    text : str
    utf8 : bool
        Whatever the encoding of standard output is (JSON is UTF-8). Else characters that it lacks are replaced.

    Raises
    ------
    OutputError
        If standard output is closed, full or gone.
    """
    stream = sys.stdout
    if stream is not None and not _is_descriptor_one(stream):
        # A caller has put something of its own in the place of standard output.
        stream.write(text)
        stream.flush()
        return
    encoding = "utf-8" if utf8 else getattr(stream, "encoding", None) or "utf-8"
    try:
        data = text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        data = text.translate(_PLAIN).encode(encoding, errors="backslashreplace")
    try:
        _write_all(1 if _kept is None else _kept, data)
    except OSError as error:
        raise output_error(error) from None


def at_terminal() -> bool:
    """Whether the answer goes to a terminal: where standard output was before it was led elsewhere."""
    stream = sys.stdout
    if stream is not None and not _is_descriptor_one(stream):
        return bool(getattr(stream, "isatty", bool)())
    try:
        return os.isatty(1 if _kept is None else _kept)
    except OSError:
        return False


def output_error(error: OSError) -> OutputError:
    """Say what is wrong with standard output; nothing if its reader has gone away."""
    gone = error.errno in (errno.EPIPE, errno.ESHUTDOWN)
    return OutputError("" if gone else f"cannot write to standard output: {error.strerror}")


def flushed() -> bool:
    """Flush standard output before the interpreter does; where that fails, what is left is dropped without a word."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as error:
        _point_at_nothing()
        return isinstance(error, OSError) and error.errno == errno.EPIPE
    return True


def _is_descriptor_one(stream: object) -> bool:
    try:
        return stream.fileno() == 1  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError, io.UnsupportedOperation):
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def say(message: str) -> None:
    """Say something on standard error, if anybody can hear it."""
    stream = sys.stderr
    if stream is None:
        return
    text = visible(message) + "\n"
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        stream.write(text.encode("ascii", errors="backslashreplace").decode())
    except (OSError, ValueError):
        pass
