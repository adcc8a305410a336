"""What a mechanism is: bids in; allocation, payments and reasons out.

A mechanism reads ``market.bids`` and never ``market.costs``: costs are private. It is a function ``(market, **options)`` that
returns an :class:`Outcome`; registering it puts it on the command line and into the tests. What it cannot run on, it says
through ``applies``; what it is believed to guarantee, it says through ``claims``, and the tests hold it to that.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib import import_module
from numbers import Rational
from typing import Any, Literal, get_args

from ...models.exact import parse_integer, parse_number
from ...models.input_error import InputError
from ...models.names import nearest_name, read_name
from ...models.procurement.market import Market
from ...models.seeds import read_seed
from .loading import find_attribute, in_one_line, load_module
from .outcome import NAMELESS, Outcome, build_scaled_outcome, outcome, recheck

__all__ = [
    "CLAIMS",
    "Mechanism",
    "Option",
    "Outcome",
    "as_mechanism",
    "build_scaled_outcome",
    "call",
    "find_mechanism",
    "mechanism",
    "mechanisms",
    "outcome",
    "run_mechanism",
]


@dataclass(frozen=True)
class Option:
    """One option of a mechanism, with what is needed to read it exactly from the command line.

    Attributes
    ----------
    name : str
        Keyword of the mechanism's function.
    kind : {'number', 'integer', 'seed', 'vector'}
        ``vector`` is one number per worker, separated by commas on the command line; a single number stands for all.
    help : str
        One line.
    required : bool
        Whether the mechanism cannot run without it.
    """

    name: str
    kind: Literal["number", "integer", "seed", "vector"]
    help: str
    required: bool = False

    def read(self, market: Market, value: Any) -> Fraction | int | list[Fraction]:
        """Read a value exactly.

        Raises
        ------
        InputError
            If it is not of the option's kind.
        """
        try:
            if self.kind == "seed":
                return read_seed(value, f"option {self.name}")
            if self.kind == "integer":
                return parse_integer(value)
            if self.kind == "number":
                return parse_number(value)
            if isinstance(value, str):
                value = value.split(",")
            elif not isinstance(value, Iterable):
                value = [value]
            numbers = [parse_number(item) for item in value]
        except InputError as error:
            raise InputError(error.message, field=f"option {self.name}") from None
        if len(numbers) == 1:
            numbers *= market.n
        if len(numbers) != market.n:
            message = f"expected one number, or one for each of {market.n} workers, got {len(numbers)}"
            raise InputError(message, field=f"option {self.name}")
        return numbers


MechanismFunction = Callable[..., Outcome]
Applies = Callable[[Market], str | None]
Claim = Literal["truthful", "rational", "budget", "separate-budgets"]
"""What a mechanism can be believed to guarantee: truthful bidding is dominant, no winner is paid less than its bid, payments
stay within the pooled budget, and every requester's payments stay within its own."""

CLAIMS: tuple[str, ...] = get_args(Claim)


@dataclass(frozen=True)
class Mechanism:
    """One entry of the registry, or a callable of somebody's own.

    Attributes
    ----------
    name : str
    run : callable
        ``(market, **options) -> Outcome``; options have the exact types that :meth:`Option.read` returns.
    summary, source : str
        One line each: what it does; paper and section, and whether the rule is stated there or reconstructed.
    claims : frozenset of str
        What it is believed to guarantee on every market it applies to.
    options : tuple of Option
    applies : callable or None
        Says why the mechanism cannot run on a market, or None.
    shipped : bool
        Whether it comes with this package: what others wrote may fail in any way there is.
    registered : bool
        Whether it is known by name. A callable that is not gets its options as they are, but for texts of the command line.
    """

    name: str
    run: MechanismFunction
    summary: str = ""
    source: str = ""
    claims: frozenset[str] = frozenset()
    options: tuple[Option, ...] = ()
    applies: Applies | None = None
    shipped: bool = False
    registered: bool = True

    def refusal(self, market: Market, options: Mapping[str, Any] | None = None) -> str | None:
        """Say why the mechanism cannot run on this market with these options, or None if it can."""
        for option in self.options:
            if option.required and option.name not in (options or {}):
                return f"needs the option {option.name}: {option.help}"
        return None if self.applies is None else self.applies(market)

    def read_options(self, market: Market, options: Mapping[str, Any]) -> dict[str, Any]:
        """Read options, given as text or as numbers, exactly.

        Raises
        ------
        InputError
            For an option that the mechanism does not have, or a value of the wrong kind.
        """
        known = {option.name: option for option in self.options}
        if not self.registered:
            return {
                name: known[name].read(market, value) if isinstance(value, str) and name in known else value
                for name, value in options.items()
            }
        for name in options:
            if name not in known:
                there = ", ".join(known) or "none"
                raise InputError(f"{self.name} has no option {name!r}; there are {there}", field="option")
        return {name: known[name].read(market, value) for name, value in options.items()}


SHOWN_BIDS = 12
"""Bids of a message: the reason stands behind them."""

_MECHANISMS: dict[str, Mechanism] = {}


def mechanism(
    name: str,
    *,
    summary: str | None = None,
    source: str = "",
    claims: Iterable[Claim] = (),
    options: Iterable[Option] | None = None,
    applies: Applies | None = None,
) -> Callable[[MechanismFunction], MechanismFunction]:
    """Register a mechanism, as a decorator: from then on `run`, `compare` and `audit` know it by its name.

    Parameters
    ----------
    name : str
    summary : str, optional
        The first line of the function's docstring if left out.
    source : str
        Paper and section; stated or reconstructed.
    claims : iterable of {'truthful', 'rational', 'budget', 'separate-budgets'}
    options : iterable of Option, optional
        Those that the function's parameters tell if left out: numbers, whole numbers where a parameter is an ``int``, and ``seed``.
    applies : callable, optional
        Says why the mechanism cannot run on a market, or None.

    Raises
    ------
    InputError
        For an unknown claim, a name that is no name, or one that another function has.
    """
    promised = [claims] if isinstance(claims, str) else list(claims)
    for claim in promised:
        if claim not in CLAIMS:
            message = f"unknown claim {claim!r}{nearest_name(str(claim), CLAIMS) or '; there are ' + ', '.join(CLAIMS)}"
            raise InputError(message, field="claims")
    if not isinstance(name, str):
        raise InputError(f"@mechanism needs a name, as in @mechanism('mine'), got {_title(name)}", field="mechanism")
    if read_name(name, field="mechanism") != name.strip() or ":" in name or name.endswith(".py"):
        message = f"{name!r} is no name for a mechanism: no colon, no blanks around it, and no '.py' at its end"
        raise InputError(message, field="mechanism")

    def add(function: MechanismFunction) -> MechanismFunction:
        shipped = _place(function)[0].startswith(f"{__package__}.")
        if not shipped:
            # So that a name that is taken is refused here, and not where all of them are listed.
            mechanisms()
        before = _MECHANISMS.get(name)
        if before is not None and (before.shipped or _place(before.run) != _place(function)):
            raise InputError(f"a mechanism called {name!r} is registered already", field="mechanism")
        # The same function a second time is a cell that was run again.
        _MECHANISMS[name] = Mechanism(
            name,
            function,
            _first_line(function) if summary is None else summary,
            source,
            frozenset(promised),
            options_of(function) if options is None else tuple(options),
            applies,
            shipped,
        )
        return function

    return add


def _place(function: Any) -> tuple[str, str]:
    """Where a function was written; what was executed from a text alone has no module."""
    return getattr(function, "__module__", None) or "", getattr(function, "__qualname__", None) or _title(function)


def _first_line(function: Any) -> str:
    return next(iter((inspect.getdoc(function) or "").strip().split("\n")), "")


def _title(function: Any) -> str:
    """What a callable is called: its own name, that of what it wraps, or that of its class."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))


def options_of(function: Callable[..., Any]) -> tuple[Option, ...]:
    """Read off a function's parameters which options it takes; parameters whose default is no number are none."""
    try:
        parameters = [*inspect.signature(function).parameters.values()][1:]
    except (TypeError, ValueError):
        return ()
    found = []
    for parameter in parameters:
        bare = parameter.default is parameter.empty
        number = isinstance(parameter.default, Rational) and not isinstance(parameter.default, bool)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or not (bare or number):
            continue
        whole = parameter.annotation in (int, "int")
        kind = "seed" if parameter.name == "seed" else "integer" if whole else "number"
        found.append(Option(parameter.name, kind, f"{kind} of {_title(function)}", bare))
    return tuple(found)


def mechanisms() -> list[Mechanism]:
    """List the registered mechanisms by name."""
    # Registers every mechanism that ships with the package; deferred, for those modules import this one.
    import_module(f"{__package__}.all_mechanisms")
    return [_MECHANISMS[name] for name in sorted(_MECHANISMS)]


def find_mechanism(name: str) -> Mechanism:
    """Look a mechanism up by name.

    Raises
    ------
    InputError
        If there is none of that name; the message lists those there are.
    """
    known = {entry.name: entry for entry in mechanisms()}
    if name not in known:
        raise InputError(f"unknown mechanism {name!r}; there are {', '.join(known)}", field="mechanism")
    return known[name]


def as_mechanism(rule: str | MechanismFunction | Mechanism) -> Mechanism:
    """Find a mechanism by registered name, as ``pkg.module:callable`` or ``file.py:callable``, or take a callable for one.

    What stands behind the colon may also be the name under which the file registers a mechanism; without a colon, the file has to
    register just one.

    Raises
    ------
    InputError
        If there is no such mechanism, module, file or callable.
    """
    if isinstance(rule, Mechanism):
        return rule
    written = rule if isinstance(rule, str) else None
    if isinstance(rule, str):
        if ":" not in rule and not rule.endswith(".py"):
            return find_mechanism(rule)
        mechanisms()
        module, attribute = load_module(rule)
        inside = {name: entry for name, entry in _MECHANISMS.items() if _place(entry.run)[0] == module.__name__}
        if attribute in inside:
            return inside[attribute]
        if not attribute:
            if len(inside) == 1:
                return next(iter(inside.values()))
            there = f"it registers {', '.join(inside)}" if inside else "it registers no mechanism"
            raise InputError(f"say which callable of {rule} is meant, as {rule}:NAME; {there}", field="mechanism")
        rule = find_attribute(rule, module, attribute)
    if not callable(rule):
        raise InputError(f"{_title(rule)} cannot be called, so it is no mechanism", field="mechanism")
    registered = next((entry for entry in mechanisms() if entry.run is rule), None)
    return registered or Mechanism(
        written or _title(rule), rule, _first_line(rule), options=options_of(rule), registered=False
    )


def run_mechanism(market: Market, mechanism: str | MechanismFunction | Mechanism, **options: Any) -> Outcome:
    """Run a mechanism on a market's bids and re-check its allocation exactly.

    Parameters
    ----------
    market : Market
    mechanism : str or callable
        A registered name, ``pkg.module:callable``, ``file.py:callable``, or a callable ``(market, **options) -> Outcome``.
    **options
        Its options: numbers, texts that :func:`~fedmech.models.exact.parse_number` reads, or one per worker. A callable that is not
        registered gets them as they are.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        For an unknown mechanism or option, a market it cannot run on, or a callable that fails or returns what it must not.
    CheckError
        If the allocation breaks a cap or a seat limit, or the score is not that of the winners: a defect.
    """
    entry = as_mechanism(mechanism)
    exact = entry.read_options(market, options)
    refused = entry.refusal(market, exact)
    if refused is not None:
        raise InputError(f"{entry.name}: {refused}", field="mechanism")
    started = time.perf_counter()
    found = recheck(market, entry.name, call(entry, market, exact))
    return replace(found, mechanism=entry.name, market=market, seconds=time.perf_counter() - started)


def call(entry: Mechanism, market: Market, options: Mapping[str, Any]) -> Any:
    """Run a mechanism that somebody else may have written; nothing is said yet of what it returns.

    Raises
    ------
    InputError
        If it raises anything: that is what is wrong with it, ``sys.exit()`` included; only Ctrl-C is the user's.
    """
    if entry.shipped:
        return entry.run(market, **options)
    try:
        return entry.run(market, **options)
    except InputError as error:
        if not error.message.startswith(f"{NAMELESS} "):
            raise
        message = entry.name + error.message.removeprefix(NAMELESS)
        raise InputError(message, row=error.row, field=error.field) from error
    except (Exception, SystemExit, GeneratorExit) as error:
        bids = ", ".join(str(market.bid(i)) for i in range(min(market.n, SHOWN_BIDS)))
        bids += ", ..." if market.n > SHOWN_BIDS else ""
        raise InputError(f"{entry.name} failed at bids {bids}: {in_one_line(error)}", field="mechanism") from error
