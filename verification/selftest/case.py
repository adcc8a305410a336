"""One question of the self-test: a problem, a market document, and the setting in which it is put."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from ...models.input_error import InputError
from ..literal.procurement import LiteralMarket, literal_market
from ..literal.sharing import LiteralMots
from .constants import Size

__all__ = ["SOCIAL", "Case", "Document", "Setting", "exact", "literal"]

Document = dict[str, Any]
SOCIAL = "social-state"
_SOLVERS = __name__.rsplit(".", 3)[0] + ".solvers"


def exact(value: Any) -> Fraction:
    """Read a number of a document: integers, floats as they are written, decimal literals and ratios."""
    return Fraction(value) if isinstance(value, int) else Fraction(str(value))


def literal(value: Fraction) -> int | str:
    """Write a number into a document."""
    return value.numerator if value.denominator == 1 else str(value)


@dataclass(frozen=True)
class Setting:
    """How a question is put; nothing here may change the answer.

    Attributes
    ----------
    objects : tuple of str
        Columns of the market that are made arrays of Python integers, whatever their size.
    constants : mapping
        Sizes at which the solvers change their way, ``"pooled.solve.DIRECT": 20``, so that a small market takes the way of
        a large one.
    form : str
        How the market comes to the solvers: ``lists``, numpy ``arrays``, or through a ``file``.
    interpreted : bool
        Whether the kernels run as if numba were not installed.
    """

    objects: tuple[str, ...] = ()
    constants: Mapping[str, Size] = field(default_factory=dict)
    form: str = "lists"
    interpreted: bool = False

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Set constants and kernels, and put them back."""
        before = []

        def put(module: Any, name: str, value: Any) -> None:
            if hasattr(module, name):
                before.append((module, name, getattr(module, name)))
                setattr(module, name, value)

        for name, value in self.constants.items():
            module, constant = name.rsplit(".", 1)
            put(import_module(f"{_SOLVERS}.{module}"), constant, value)
        if self.interpreted:
            for module in [sys.modules[name] for name in sorted(sys.modules) if name.startswith(_SOLVERS)]:
                put(module, "can_compile", lambda: False)
                # What was compiled before is remembered behind a cache.
                put(module, "_compile", getattr(getattr(module, "_compile", None), "__wrapped__", None))
        try:
            yield
        finally:
            for module, name, value in reversed(before):
                setattr(module, name, value)


@dataclass(frozen=True)
class Case:
    """One question.

    Attributes
    ----------
    problem : str
        A problem on a procurement market, or ``social-state``.
    document : dict
        A ``fedmech-market/1`` or ``fedmech-mots/1`` document with its workers inside.
    setting : Setting
        How it is put.
    """

    problem: str
    document: Document
    setting: Setting = field(default_factory=Setting)

    def on(self, document: Document, problem: str | None = None) -> Case:
        """Ask the same, or another problem, of another market."""
        return Case(problem or self.problem, document, self.setting)

    def put(self, **changes: Any) -> Case:
        """Ask the same in another setting."""
        return replace(self, setting=replace(self.setting, **changes))

    @cached_property
    def literal(self) -> LiteralMarket:
        """The procurement market as plain fractions, read by code that the solvers do not use."""
        return literal_market(self.document)

    @cached_property
    def literal_mots(self) -> LiteralMots:
        """The sharing market as plain fractions, read by code that the solvers do not use."""
        return LiteralMots(self.document)

    @property
    def size(self) -> int:
        """How many workers, or clients, there are."""
        if self.problem == SOCIAL:
            return sum(row["count"] for row in self.document["types"])
        return len(self.document["workers"])

    def market(self) -> Any:
        """Build the market, as the setting says.

        Raises
        ------
        InputError
            If the document is no market.
        """
        if self.problem == SOCIAL:
            from ...models.sharing.market import MotsMarket

            return MotsMarket.from_document(self.document)
        market = (
            _through_file(self.document) if self.setting.form == "file" else _built(self.document, self.setting.form)
        )
        return market.with_scaled(
            **{
                name: column.astype(object)
                for name in self.setting.objects
                if (column := getattr(market.scaled, name)) is not None
            }
        )

    def to_json(self) -> dict[str, Any]:
        """The case as plain data; :meth:`from_json` reads it."""
        setting = {
            "objects": list(self.setting.objects),
            "constants": dict(self.setting.constants),
            "form": self.setting.form,
            "interpreted": self.setting.interpreted,
        }
        return {"problem": self.problem, "setting": setting, "document": self.document}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If it is something else.
        """
        try:
            given = dict(data["setting"])
            constants = {
                str(name): tuple(map(int, value)) if isinstance(value, list) else int(value)
                for name, value in given["constants"].items()
            }
            setting = Setting(tuple(given["objects"]), constants, str(given["form"]), bool(given["interpreted"]))
            return cls(str(data["problem"]), dict(data["document"]), setting)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"not a case of the self-test: {error!r}") from None


def _built(document: Document, form: str) -> Any:
    from ...models.procurement.market import Market

    workers, requesters = document["workers"], document["requesters"]

    def column(rows: list[dict[str, Any]], name: str) -> Any:
        values = [row.get(name) for row in rows]
        if all(value is None for value in values):
            return None
        if form == "arrays" and all(isinstance(value, int | float) and abs(value) < 2**53 for value in values):
            import numpy as np

            return np.array(values)
        return values

    return Market.build(
        scores=column(workers, "score"),
        costs=column(workers, "cost"),
        bids=column(workers, "bid"),
        groups=[row["group"] for row in workers],
        worker_ids=[row["id"] for row in workers],
        group_ids=document.get("groups"),
        coverage=column(workers, "coverage"),
        budgets=column(requesters, "budget"),
        requester_ids=[row["id"] for row in requesters],
        seats=column(requesters, "seats"),
        caps={(row["group"], row["requester"]): row["cap"] for row in document.get("caps", [])},
    )


def _through_file(document: Document) -> Any:
    from ...models.procurement.file import read_market, write_market

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "case.market.json")
        write_market(_built(document, "lists"), path)
        return read_market(path)
