"""The model trading and sharing market: types of clients, how errors arise, what a model is worth.

Source: SWAN section III.  The error (3) and the welfare (7) are reconstructed where the public text lost the formula;
the error agrees with the authors' earlier paper (its reference [28]) and is re-derived in :mod:`.error_model`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from ..arrays import as_sequence
from ..display import Framed, Page
from ..exact import format_exact, parse_integer, parse_number
from ..files import read_json, write_whole
from ..input_error import InputError
from ..names import read_name, refuse_alike, refuse_unknown
from .market_text import type_columns, types_page
from .utility import Utility

FORMAT = "fedmech-mots/1"
_FIELDS = {"format", "dimension", "data_variance", "client_variance", "types", "utility", "max_error", "description"}
_MAX_COUNT = 2**40
_MAX_POPULATION = 2**50


@dataclass(frozen=True)
class ClientType:
    """Clients with the same data size and participation cost.

    Attributes
    ----------
    id : str
        Name.
    size : int
        Data samples ``D_i`` of each client, positive.
    count : int
        How many clients there are, ``N_i``.
    cost : Fraction
        Participation cost ``c_i`` of each, in units of utility.
    """

    id: str
    size: int
    count: int
    cost: Fraction


State = tuple[int, ...]
"""Participants of each type, ``k_1 .. k_I``; everybody else buys the model (Lemma 1)."""


@dataclass(frozen=True, repr=False)
class MotsMarket(Framed):
    """One MoTS market, exact and immutable; use :meth:`build`, :meth:`from_document` or :func:`read_mots`.

    Attributes
    ----------
    dimension : int
        Feature dimension ``d``.
    data_variance : Fraction
        Label-noise variance (the paper's gamma squared).
    client_variance : Fraction
        Variance between the clients' true models (the paper's sigma squared).
    types : tuple of ClientType
        In the order of the file; the paper sorts them by size, nothing here needs that.
    utility : Utility
        Worth of a model of a given error to each client.
    max_error : Fraction or None
        The application's requirement on the error, if any.
    """

    dimension: int
    data_variance: Fraction
    client_variance: Fraction
    types: tuple[ClientType, ...]
    utility: Utility
    max_error: Fraction | None = None

    @classmethod
    def build(
        cls,
        *,
        sizes: Iterable[Any],
        counts: Iterable[Any],
        costs: Iterable[Any],
        utility: Mapping[str, Any],
        dimension: Any = 1,
        data_variance: Any = 1,
        client_variance: Any = 0,
        max_error: Any = None,
        ids: Iterable[Any] | None = None,
    ) -> MotsMarket:
        """Make a market from sequences with one entry a type.

        Raises
        ------
        InputError
            For anything :meth:`from_document` refuses.
        """
        given: dict[str, Any] = {"id": ids, "size": sizes, "count": counts, "cost": costs}
        columns = {name: as_sequence(values, name, "types") for name, values in given.items() if values is not None}
        if len(set(map(len, columns.values()))) != 1:
            raise InputError("sizes, counts and costs must have one entry a type each", field="types")
        types = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return cls.from_document(
            {
                "format": FORMAT,
                "dimension": dimension,
                "data_variance": data_variance,
                "client_variance": client_variance,
                "types": types,
                "utility": utility,
                "max_error": max_error,
            }
        )

    @classmethod
    def from_document(cls, document: Any) -> MotsMarket:
        """Make a market from the contents of a ``*.mots.json`` file.

        Raises
        ------
        InputError
            Names the row and the field that cannot be accepted.
        """
        if not isinstance(document, Mapping):
            raise InputError("a MoTS market must be a JSON object")
        if document.get("format") != FORMAT:
            raise InputError(f"expected {FORMAT!r}, got {str(document.get('format'))[:60]!r}", field="format")
        refuse_unknown(document, _FIELDS, None)
        dimension = _integer(document.get("dimension", 1), "dimension", least=1)
        data_variance = _number(document.get("data_variance"), "data_variance")
        client_variance = _number(document.get("client_variance"), "client_variance")
        rows = document.get("types")
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
            raise InputError("expected a non-empty list", field="types")
        types = tuple(_type(row, index) for index, row in enumerate(rows))
        seen: set[str] = set()
        for index, entry in enumerate(types):
            if entry.id in seen:
                raise InputError(f"duplicate id {ascii(entry.id)[:80]}", row=f"types[{index}]", field="id")
            seen.add(entry.id)
        refuse_alike(seen, "types", "id")
        if not any(entry.count for entry in types):
            raise InputError("a market needs at least one client", field="types")
        limit = document.get("max_error")
        max_error = None if limit is None else _number(limit, "max_error")
        if sum(entry.count for entry in types) > _MAX_POPULATION:
            raise InputError(f"more than {_MAX_POPULATION} clients", field="types")
        utility = Utility.read(document.get("utility"), client_variance, data_variance)
        return cls(dimension, data_variance, client_variance, types, utility, max_error)

    def to_document(self) -> dict[str, Any]:
        """The market as the contents of a ``*.mots.json`` file; reading it back gives the same market."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "dimension": self.dimension,
            "data_variance": _plain(self.data_variance),
            "client_variance": _plain(self.client_variance),
            "types": [
                {"id": entry.id, "size": entry.size, "count": entry.count, "cost": _plain(entry.cost)}
                for entry in self.types
            ],
            "utility": {key: _plain(value) for key, value in self.utility.specification.items()},
        }
        if self.max_error is not None:
            document["max_error"] = _plain(self.max_error)
        return document

    def columns(self) -> dict[str, list[Any]]:
        """Return the types column by column: id, size, count, cost."""
        return type_columns(self)

    def page(self) -> Page:
        """Return the market on one screen."""
        return types_page(self)

    def __repr__(self) -> str:
        return f"SharingMarket({self.type_count} types, {self.population:,} clients)"

    def with_max_error(self, max_error: Fraction | int | None) -> MotsMarket:
        """The same market under another requirement."""
        return replace(self, max_error=None if max_error is None else parse_number(max_error))

    @property
    def type_count(self) -> int:
        """The number of types."""
        return len(self.types)

    @cached_property
    def counts(self) -> State:
        """Population of each type."""
        return tuple(entry.count for entry in self.types)

    @cached_property
    def population(self) -> int:
        """All clients, ``N``."""
        return sum(self.counts)

    @cached_property
    def noise(self) -> Fraction:
        """``d * data_variance``, the weight of the data term of the error."""
        return self.dimension * self.data_variance

    @cached_property
    def heterogeneity(self) -> Fraction | None:
        """The ratio ``client_variance / (d * data_variance)``; ``None`` where the data variance is zero."""
        return self.client_variance / self.noise if self.noise else None

    def is_low(self, index: int) -> bool:
        """Whether type ``index`` has low heterogeneity, ``client_variance <= d * data_variance / D_i``."""
        return self.client_variance * self.types[index].size <= self.noise

    def check_state(self, state: Iterable[int]) -> State:
        """The state as a tuple of integers.

        Raises
        ------
        ValueError
            If it has the wrong length or an entry outside ``0 .. N_i``.
        """
        checked = tuple(int(k) for k in state)
        if len(checked) != self.type_count or any(not 0 <= k <= n for k, n in zip(checked, self.counts, strict=True)):
            raise ValueError(f"{checked} is not a state of a market with counts {self.counts}")
        return checked

    def error(self, state: Iterable[int]) -> Fraction:
        """Generalisation error, eq. (3), of the model that the state's participants train.

        Raises
        ------
        ValueError
            If nobody participates: there is no model then.
        """
        state = self.check_state(state)
        K = sum(state)
        if K == 0:
            raise ValueError("without participants there is no model")
        harmonic = sum((Fraction(k, entry.size) for k, entry in zip(state, self.types, strict=True)), Fraction(0))
        return self.noise * harmonic / K**2 + self.client_variance * Fraction(K - 1, K)

    def cost(self, state: Iterable[int]) -> Fraction:
        """Participation cost of the state, ``sum c_i k_i``."""
        return sum((k * entry.cost for k, entry in zip(state, self.types, strict=True)), Fraction(0))

    def meets_requirement(self, state: Iterable[int]) -> bool:
        """Whether the state trains a model whose error is within ``max_error``."""
        state = self.check_state(state)
        return any(state) and (self.max_error is None or self.error(state) <= self.max_error)

    def welfare(self, state: Iterable[int], buyers: int | None = None) -> Fraction:
        """Social welfare, eq. (7), of a state under a rational utility; 0 where there is no model.

        Parameters
        ----------
        state : iterable of int
            Participants of each type.
        buyers : int, optional
            How many clients buy the model; all that do not participate, if not given.
        """
        state = self.check_state(state)
        K = sum(state)
        if K == 0:
            return Fraction(0)
        served = self.population if buyers is None else K + buyers
        return served * self.utility.exact(self.error(state)) - self.cost(state)

    @cached_property
    def error_range(self) -> tuple[Fraction, Fraction]:
        """An interval that contains the error of every state; its ends need not be reached.

        The error is bilinear in ``1/K`` and the mean of ``1/D``, so its extremes over their ranges are at corners.
        """
        inverse = [Fraction(1, entry.size) for entry in self.types if entry.count]
        corners = [
            self.client_variance + (self.noise * x - self.client_variance) / K
            for x in (min(inverse), max(inverse))
            for K in (1, self.population)
        ]
        return min(corners), max(corners)


def read_mots(path: str | Path) -> MotsMarket:
    """Read a ``*.mots.json`` file.

    Raises
    ------
    InputError
        With the file, row and field, for anything that cannot be accepted.
    """
    document = read_json(path)
    try:
        return MotsMarket.from_document(document)
    except InputError as error:
        raise error.in_file(path) from None


def write_mots(market: MotsMarket, path: str | Path) -> None:
    """Write a market as a ``*.mots.json`` file."""
    write_whole(path, json.dumps(market.to_document(), indent=1) + "\n")


def _type(row: Any, index: int) -> ClientType:
    where = f"types[{index}]"
    if not isinstance(row, Mapping):
        raise InputError("expected an object", row=where)
    refuse_unknown(row, ("id", "size", "count", "cost"), where)
    name = read_name(row.get("id", f"t{index + 1}"), where, "id")
    try:
        return ClientType(
            name,
            _integer(row.get("size"), "size", least=1),
            _integer(row.get("count"), "count", least=0),
            _number(row.get("cost"), "cost"),
        )
    except InputError as error:
        raise InputError(error.message, row=f"{where} (id {ascii(name)[:80]})", field=error.field) from None


def _integer(value: Any, field: str, *, least: int) -> int:
    if value is None:
        raise InputError("missing", field=field)
    try:
        number = parse_integer(value)
    except InputError as error:
        raise InputError(error.message, field=field) from None
    if not least <= number <= _MAX_COUNT:
        raise InputError(f"must be between {least} and {_MAX_COUNT}, got {number}", field=field)
    return number


def _number(value: Any, field: str) -> Fraction:
    if value is None:
        raise InputError("missing", field=field)
    try:
        number = parse_number(value)
    except InputError as error:
        raise InputError(error.message, field=field) from None
    if number < 0:
        raise InputError(f"must not be negative, got {format_exact(number)}", field=field)
    return number


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else format_exact(value)
    return value
