"""The registry: which method can solve which problem, how far, and whether it is installed.

A method is a function ``(market, control) -> Found`` under a ``(problem, name)``, for a procurement market or, where the problem is
the social state, for a sharing market. Availability is probed without importing anything; a test fails when a method is registered
without being in the agreement tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..models.input_error import InputError
from .solution import Found

__all__ = [
    "PROBLEMS",
    "SOCIAL_STATE",
    "Method",
    "MethodFunction",
    "available_methods",
    "check_problem",
    "choose_method",
    "find_method",
    "methods",
    "register",
]

PROBLEMS = ("orp", "opt", "opt-frac", "opt-sep", "cover")
"""The problems on a procurement market, by their names on the command line."""

SOCIAL_STATE = "social-state"
"""The problem on a sharing market."""

PREFERENCES: dict[str, tuple[str, ...]] = {
    "orp": ("matroid",),
    "opt": ("pooled", "polymatroid"),
    "opt-frac": ("parametric",),
    "opt-sep": ("loss-search",),
    "cover": ("facility",),
    SOCIAL_STATE: ("frontier", "enumeration"),
}
"""What ``auto`` tries, best first; the first that can take the market runs, and the answer names it."""

MethodFunction = Callable[..., Found]


@dataclass(frozen=True)
class Method:
    """One entry of the registry.

    Attributes
    ----------
    problem, name : str
        The key.
    solve : callable
        ``(market, control) -> Found``; those for social states may also be told the ``audience``.
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
    applies : callable or None
        Says what else keeps the method from a market, or None.
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
    applies: Callable[[Any], str | None] | None = None

    @property
    def available(self) -> bool:
        """Whether every package it needs is installed; nothing is imported to find out."""
        return all(find_spec(package) is not None for package in self.requires)

    def refusal(self, market: Any) -> str | None:
        """Why the method cannot take this market, or None if it can."""
        if not self.available:
            return f"needs {', '.join(self.requires)}, not installed"
        if self.max_workers is not None and market.n > self.max_workers:
            return f"takes at most {self.max_workers} workers, this market has {market.n}"
        if not self.seats and market.seats_bind:
            return "cannot handle seat limits that bind"
        return None if self.applies is None else self.applies(market)


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
    applies: Callable[[Any], str | None] | None = None,
) -> Callable[[MethodFunction], MethodFunction]:
    """Register a method for a problem; used as a decorator. Parameters as in :class:`Method`."""

    def add(function: MethodFunction) -> MethodFunction:
        if problem not in PREFERENCES:
            raise ValueError(f"unknown problem {problem!r}")
        if (problem, name) in _METHODS:
            raise ValueError(f"method {name!r} for {problem!r} is registered twice")
        _METHODS[problem, name] = Method(
            problem, name, function, summary, seats, exactness, max_workers, requires, reference, applies
        )
        return function

    return add


def methods(problem: str | None = None) -> list[Method]:
    """List the registered methods, in the order of the problems and then of their names."""
    # Registers every method that ships with the package; deferred, for those modules import this one.
    import_module(f"{__package__}.all_methods")
    found = [method for method in _METHODS.values() if problem is None or method.problem == problem]
    order = list(PREFERENCES)
    return sorted(found, key=lambda method: (order.index(method.problem), method.name))


def check_problem(problem: str, among: Iterable[str] = PROBLEMS) -> None:
    """Refuse a problem that does not exist, or not on a market of this kind.

    Raises
    ------
    InputError
        Listing those there are.
    """
    if problem not in among:
        raise InputError(f"unknown problem {problem!r}; there are {', '.join(among)}", field="problem")


def find_method(problem: str, name: str) -> Method:
    """Look a method up by problem and name.

    Raises
    ------
    InputError
        If there is no such problem or method; the message lists those there are.
    """
    check_problem(problem, PREFERENCES)
    known = {method.name: method for method in methods(problem)}
    if name not in known:
        raise InputError(f"unknown method {name!r} for {problem}; there are {', '.join(known)}", field="method")
    return known[name]


def choose_method(market: Any, problem: str, method: str = "auto") -> Method:
    """Resolve a method's name for a market.

    Raises
    ------
    InputError
        If the method does not exist or cannot take this market; solvers are never swapped silently.
    """
    if method != "auto":
        chosen = find_method(problem, method)
        refusal = chosen.refusal(market)
        if refusal is not None:
            raise InputError(f"method {method!r} for {problem}: {refusal}", field="method")
        return chosen
    refusal = None
    check_problem(problem, PREFERENCES)
    for name in PREFERENCES[problem]:
        chosen = find_method(problem, name)
        refusal = chosen.refusal(market)
        if refusal is None:
            return chosen
    raise InputError(f"no installed method for {problem} can take this market: {refusal}", field="method")


def available_methods(market: Any, problem: str) -> list[Method]:
    """List the methods that can take this market, for cross-checks."""
    return [method for method in methods(problem) if method.refusal(market) is None]
