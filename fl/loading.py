"""Mechanisms that lie outside the package: a module that can be imported, or a file."""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..models.input_error import InputError
from ..models.names import nearest_name

__all__ = ["find_attribute", "in_one_line", "load_module"]

_LOADED: dict[Path, tuple[tuple[int, int], ModuleType]] = {}
"""Files that were run, with the time and the size they had: one that has not changed since is not run again."""


def load_module(name: str) -> tuple[ModuleType, str]:
    """Load the module of ``pkg.module:callable``, ``file.py:callable`` or ``file.py``, and return it with what stands behind the colon.

    Raises
    ------
    InputError
        If there is no such module or file, or it raises anything when it is run.
    """
    place, _, attribute = (name, "", "") if name.endswith(".py") else name.rpartition(":")
    try:
        module = _run_file(Path(place)) if place.endswith(".py") else import_module(place)
    except InputError:
        raise
    except (Exception, SystemExit, GeneratorExit) as error:
        raise InputError(f"cannot load {name!r}: {in_one_line(error)}", field="mechanism") from error
    return module, attribute


def _run_file(path: Path) -> ModuleType:
    path = path.resolve()
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", file=str(path), field="mechanism") from None
    stamp = (status.st_mtime_ns, status.st_size)
    if path in _LOADED and _LOADED[path][0] == stamp:
        return _LOADED[path][1]
    # No other module can have this name, and the file finds those that lie beside it.
    spec = importlib.util.spec_from_file_location(f"{path.stem} ({path})", path)
    assert spec is not None
    assert spec.loader is not None
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    _LOADED[path] = stamp, module
    return module


def find_attribute(name: str, module: ModuleType, attribute: str) -> Any:
    """Follow the dots of what stands behind the colon.

    Raises
    ------
    InputError
        If the module has nothing of that name.
    """
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            there = [other for other in dir(found) if callable(getattr(found, other, None))]
            message = f"cannot load {name!r}: there is no {part!r} in it{nearest_name(part, there)}"
            raise InputError(message, field="mechanism")
        found = getattr(found, part)
    return found


def in_one_line(error: BaseException) -> str:
    """Say what was raised, and in which line of which file."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" ({Path(frame.tb_frame.f_code.co_filename).name}, line {frame.tb_lineno})" if frame is not None else ""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if said else ''}{said}{'' if isinstance(error, SyntaxError) else where}"
