"""Settings of an experiment: a frozen dataclass of plain fields, read from a file or from text, field by field.

The convention, for whoever writes an experiment::

    @dataclass(frozen=True)
    class Settings:
        \"\"\"Settings of the experiment (numpydoc, one entry for each field).\"\"\"

        participants: int = setting(20, min=1, help="clients in the market")
        share: float = setting(0.5, min=0.0, max=1.0)
        loss: str = setting("fedavg", choices=("fedavg", "moon"))
        folder: str | None = None
        sizes: tuple[int, ...] = (50, 120, 300)
        seed: int = setting(0, min=0)

- A field is an ``int``, a ``float``, a ``str`` or a ``bool``, a ``tuple[T, ...]`` of one of these, or any of these ``| None``.
  Every field has a default; together the defaults are the small run that ends in a few minutes on two cores. One is ``seed: int``.
- ``setting(default, min=, max=, choices=, help=, word=)`` is ``dataclasses.field(default=..., metadata={...})`` with those five keys;
  ``min`` and ``max`` are inclusive, and on a tuple all of them speak of its items. ``word`` says that a text is a name without commas,
  as a registered rule's, so that a sweep takes several. A plain default is a field without limits.
- What no single field can tell (a share that does not go with a size) the dataclass refuses itself, by raising
  :class:`~fedmech.models.input_error.InputError` with ``field=`` in ``__post_init__``.
- Integers are taken for floats, never floats for integers; ``true`` is no number; NaN and infinities are refused.

Written by hand on purpose: with pydantic, 24 lines and a table of messages would stand in the place of `read_field`'s 33, for 9 MB of
a new dependency and .3 s an import; what is left here (rules, texts of the command line, names that were meant) would stay.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ..models.input_error import InputError
from ..models.seeds import LARGEST_SEED

__all__ = [
    "FieldRule",
    "check_fields",
    "field_rules",
    "read_field",
    "read_settings",
    "read_text",
    "setting",
    "settings_document",
    "unknown_name",
]

SCALARS = (int, float, str, bool)
LIMITS = ("min", "max", "choices", "help", "word")
WORDS = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
NONE = ("none", "null", "")


def setting(
    default: Any,
    *,
    min: Any = None,
    max: Any = None,
    choices: Iterable[Any] = (),
    help: str = "",
    word: bool = False,
) -> Any:
    """Make a dataclass field with limits; the parameters are explained at the top of this module."""
    metadata = {"min": min, "max": max, "choices": tuple(choices), "help": help, "word": word}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class FieldRule:
    """What one field of a settings dataclass takes.

    Attributes
    ----------
    name : str
    kind : type
        ``int``, ``float``, ``str`` or ``bool``; of the items, where `many`.
    many : bool
        Whether the field is a tuple.
    optional : bool
        Whether it may be None.
    default : Any
    min, max : number or None
        Inclusive.
    choices : tuple
        Empty if anything goes.
    help : str
    word : bool
        Whether a text has no commas: it is a name.
    """

    name: str
    kind: type
    many: bool
    optional: bool
    default: Any
    min: Any = None
    max: Any = None
    choices: tuple[Any, ...] = ()
    help: str = ""
    word: bool = False

    @property
    def lists_one(self) -> bool:
        """Whether the field takes one value and a comma is no part of it: on the command line, commas list several."""
        return not self.many and (self.kind is not str or bool(self.choices) or self.word)

    @property
    def wanted(self) -> str:
        """What the field takes, in words."""
        words = WORDS[self.kind]
        if self.many:
            words = f"a list, each item {words}"
        return f"{words} or none" if self.optional else words


@cache
def field_rules(settings: type) -> Mapping[str, FieldRule]:
    """Read the rules off a settings dataclass.

    Raises
    ------
    TypeError
        If it does not follow the convention: a defect of the experiment, not of its user.
    """
    if not dataclasses.is_dataclass(settings) or not settings.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise TypeError(f"{settings.__name__} has to be a frozen dataclass")
    hints = typing.get_type_hints(settings)
    rules = {}
    for field in dataclasses.fields(settings):
        kind, many, optional = _kind_of(hints[field.name])
        where = f"{settings.__name__}.{field.name}"
        if kind not in SCALARS:
            raise TypeError(f"{where}: {hints[field.name]} is not a plain field")
        if field.default is dataclasses.MISSING:
            raise TypeError(f"{where} needs a default (not a factory)")
        unknown = set(field.metadata) - set(LIMITS)
        if unknown:
            raise TypeError(f"{where} has unknown metadata {sorted(unknown)}; known are {', '.join(LIMITS)}")
        rules[field.name] = FieldRule(field.name, kind, many, optional, field.default, **field.metadata)
        read_field(rules[field.name], field.default)
    if "seed" not in rules or rules["seed"].kind is not int or rules["seed"].many:
        raise TypeError(f"{settings.__name__} needs a field 'seed: int'")
    return types.MappingProxyType(rules)


def _kind_of(hint: Any) -> tuple[Any, bool, bool]:
    """Take a type apart: the scalar, whether it comes in a tuple, whether it may be None."""
    optional = many = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
        optional = len(parts) < len(typing.get_args(hint))
        hint = parts[0] if len(parts) == 1 else None
    if typing.get_origin(hint) is tuple:
        items = typing.get_args(hint)
        many = True
        hint = items[0] if len(items) == 2 and items[1] is Ellipsis else None
    return hint, many, optional


def read_settings(settings: type, given: Mapping[str, Any]) -> Any:
    """Make an instance of a settings dataclass from the values of a file; what is not given keeps its default.

    Raises
    ------
    InputError
        Naming the field: one that does not exist, a value of another type or outside the limits.
    """
    rules = field_rules(settings)
    for name in given:
        if name not in rules:
            raise InputError(unknown_name("setting", name, rules), field=name)
    return settings(**{name: read_field(rule, given.get(name, rule.default)) for name, rule in rules.items()})


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Say that a name is unknown, and which known one may be meant."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
    return f"unknown {what} {name!r}; {meant}"


def read_field(rule: FieldRule, value: Any) -> Any:
    """Read one value as a file gives it (numbers, texts, booleans, lists).

    Raises
    ------
    InputError
        Naming the field.
    """
    if value is None and rule.optional:
        return None
    if rule.many:
        if not isinstance(value, list | tuple):
            raise InputError(f"expected {rule.wanted}, got {value!r}", field=rule.name)
        return tuple(_read_scalar(rule, item) for item in value)
    return _read_scalar(rule, value)


def _read_scalar(rule: FieldRule, value: Any) -> Any:
    if rule.kind is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            raise InputError("too large a number", field=rule.name) from None
    if type(value) is not rule.kind:
        raise InputError(f"expected {rule.wanted}, got {value!r}", field=rule.name)
    if rule.kind is float:
        if not math.isfinite(value):
            raise InputError(f"must be finite, got {value}", field=rule.name)
        # There is one zero, as there is one digest of a point.
        value += 0.0
    if rule.kind is int and abs(value) > LARGEST_SEED:
        raise InputError(f"must fit into 64 bits, got {str(value)[:40]}", field=rule.name)
    if rule.choices and value not in rule.choices:
        raise InputError(f"must be one of {', '.join(map(str, rule.choices))}, got {value!r}", field=rule.name)
    if rule.min is not None and value < rule.min:
        raise InputError(f"must be at least {rule.min}, got {value}", field=rule.name)
    if rule.max is not None and value > rule.max:
        raise InputError(f"must be at most {rule.max}, got {value}", field=rule.name)
    return value


def check_fields(settings: Any) -> None:
    """Check settings made in Python, field by field; for a dataclass's ``__post_init__``.

    Raises
    ------
    InputError
        Naming the field.
    """
    for name, rule in field_rules(type(settings)).items():
        read_field(rule, getattr(settings, name))


def read_text(rule: FieldRule, text: str) -> Any:
    """Read one value as the command line gives it: ``3``, ``0.5``, ``true``, ``digits``, ``none``; lists as ``1,2,3``.

    Raises
    ------
    InputError
        Naming the field.
    """
    if rule.optional and text.strip().lower() in NONE:
        return None
    if rule.many:
        items = [item for item in text.strip().strip("[]()").split(",") if item.strip()]
        return read_field(rule, [_scalar_from_text(rule, item) for item in items])
    return read_field(rule, _scalar_from_text(rule, text))


def _scalar_from_text(rule: FieldRule, text: str) -> Any:
    text = text.strip()
    if rule.kind is str:
        return text
    if rule.kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        # Files know ASCII digits alone and no underscores between them, and so does the command line.
        return rule.kind(text) if text.isascii() and "_" not in text else text
    except ValueError:
        return text


def settings_document(settings: Any) -> dict[str, Any]:
    """Return settings as a JSON object, tuples as lists; :func:`read_settings` reads it back.

    Raises
    ------
    InputError
        If settings made in Python hold what their fields do not take.
    """
    values = {name: read_field(rule, getattr(settings, name)) for name, rule in field_rules(type(settings)).items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
