"""The registry: which method can solve which problem, how far, and whether it is installed.

A method is a function ``(market, control) -> Found`` under a ``(problem, name)``. Availability is probed without importing
anything; a test fails when a method is registered without being in the agreement tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from ..models.input_error import InputError
from ..models.procurement.market import Market
from .control import Control
from .solution import Found

__all__ = ["PROBLEMS", "Method", "MethodFunction", "check_problem", "find_method", "methods", "register"]

PROBLEMS = ("orp", "opt", "opt-frac", "opt-sep", "cover")
"""The problems on a procurement market, by their names on the command line."""

MethodFunction = Callable[[Market, Control], Found]


@dataclass(frozen=True)
class Method:
    """One entry of the registry.

    Attributes
    ----------
    problem, name : str
        The key.
    solve : callable
        ``(market, control) -> Found``.
    summary : str
        One line for ``fedmech methods``.
    seats : bool
        Whether seat limits that bind are supported.
    exactness : str
        The most its answers may rest on: ``checked`` proofs, ``enumerated`` points, or the ``solver`` HiGHS.
    max_workers : int or None
        The size above which the method refuses (it enumerates), if any.
    requires : tuple of str
        Import names of optional packages.
    reference : bool
        Whether the method is there to be read and to cross-check, not to be fast.
    """

    problem: str
    name: str
    solve: MethodFunction
    summary: str
    seats: bool = True
    exactness: str = "checked"
    max_workers: int | None = None
    requires: tuple[str, ...] = ()
    reference: bool = False

    @property
    def available(self) -> bool:
        """Whether every package it needs is installed; nothing is imported to find out."""
        return all(find_spec(package) is not None for package in self.requires)

    def refusal(self, market: Market) -> str | None:
        """Why the method cannot take this market, or None if it can."""
        if not self.available:
            return f"needs {', '.join(self.requires)}, not installed"
        if self.max_workers is not None and market.n > self.max_workers:
            return f"takes at most {self.max_workers} workers, this market has {market.n}"
        if not self.seats and market.seats_bind:
            return "cannot handle seat limits that bind"
        return None


_METHODS: dict[tuple[str, str], Method] = {}


def register(
    problem: str,
    name: str,
    *,
    summary: str,
    seats: bool = True,
    exactness: str = "checked",
    max_workers: int | None = None,
    requires: tuple[str, ...] = (),
    reference: bool = False,
) -> Callable[[MethodFunction], MethodFunction]:
    """Register a method for a problem; used as a decorator. Parameters as in :class:`Method`."""

    def add(function: MethodFunction) -> MethodFunction:
        if problem not in PROBLEMS:
            raise ValueError(f"unknown problem {problem!r}")
        if (problem, name) in _METHODS:
            raise ValueError(f"method {name!r} for {problem!r} is registered twice")
        _METHODS[problem, name] = Method(
            problem, name, function, summary, seats, exactness, max_workers, requires, reference
        )
        return function

    return add


def methods(problem: str | None = None) -> list[Method]:
    """List the registered methods, in the order of the problems and then of their names."""
    # Registers every method that ships with the package; deferred, for those modules import this one.
    import_module(f"{__package__}.all_methods")
    found = [method for method in _METHODS.values() if problem is None or method.problem == problem]
    return sorted(found, key=lambda method: (PROBLEMS.index(method.problem), method.name))


def check_problem(problem: str) -> None:
    """Refuse a problem that does not exist.

    Raises
    ------
    InputError
        Listing those there are.
    """
    if problem not in PROBLEMS:
        raise InputError(f"unknown problem {problem!r}; there are {', '.join(PROBLEMS)}", field="problem")


def find_method(problem: str, name: str) -> Method:
    """Look a method up by problem and name.

    Raises
    ------
    InputError
        If there is no such problem or method; the message lists those there are.
    """
    check_problem(problem)
    known = {method.name: method for method in methods(problem)}
    if name not in known:
        raise InputError(f"unknown method {name!r} for {problem}; there are {', '.join(known)}", field="method")
    return known[name]
