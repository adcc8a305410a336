"""The registry of mechanisms: which rules there are, for which of the two markets, and what each is believed to guarantee.

A mechanism is a function ``(market, **options)``; registering it puts it on the command line and into the tests. What it cannot run
on, it says through ``applies``; what it is believed to guarantee, through ``claims``, and the tests hold it to that. What it returns
is a matter of its market: :mod:`fedmech.fl.mechanisms.interface`, :mod:`fedmech.fl.sharing.interface`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from numbers import Rational
from typing import Any, Literal, get_args

from ..models.exact import parse_integer, parse_number
from ..models.input_error import InputError
from ..models.names import nearest_name, read_name
from ..models.seeds import read_seed
from .loading import find_attribute, in_one_line, load_module

__all__ = [
    "CLAIMS",
    "NAMELESS",
    "Mechanism",
    "Option",
    "as_mechanism",
    "call",
    "find_mechanism",
    "mechanism",
    "mechanisms",
    "prepared",
]

Wing = Literal["procurement", "sharing"]
"""The two markets."""

NAMELESS = "the mechanism"
"""What a mechanism is called in messages until whoever runs it says its name."""


def wing_of(market: Any) -> Wing:
    """Which of the two markets this is."""
    from ..models.sharing.market import MotsMarket

    return "sharing" if isinstance(market, MotsMarket) else "procurement"


def _bidders(market: Any) -> tuple[int, str]:
    """How many a vector is about, and what they are called."""
    return (market.type_count, "types") if wing_of(market) == "sharing" else (market.n, "workers")


@dataclass(frozen=True)
class Option:
    """One option of a mechanism, with what is needed to read it exactly from the command line.

    Attributes
    ----------
    name : str
        Keyword of the mechanism's function.
    kind : {'number', 'integer', 'seed', 'vector'}
        ``vector`` is one number per worker (or type), separated by commas on the command line; a single number stands for all.
    help : str
        One line.
    required : bool
        Whether the mechanism cannot run without it.
    """

    name: str
    kind: Literal["number", "integer", "seed", "vector"]
    help: str
    required: bool = False

    def read(self, market: Any, value: Any) -> Fraction | int | list[Fraction]:
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
        n, who = _bidders(market)
        if len(numbers) == 1:
            numbers *= n
        if len(numbers) != n:
            message = f"expected one number, or one for each of {n} {who}, got {len(numbers)}"
            raise InputError(message, field=f"option {self.name}")
        return numbers


MechanismFunction = Callable[..., Any]
Applies = Callable[[Any], str | None]
Claim = Literal["truthful", "rational", "budget", "separate-budgets"]
"""What a mechanism of a procurement market can be believed to guarantee: truthful bidding is dominant, no winner is paid less than its bid, payments
stay within the pooled budget, and every requester's payments stay within its own."""

CLAIMS: tuple[str, ...] = get_args(Claim)


@dataclass(frozen=True)
class Mechanism:
    """One entry of the registry, or a callable of somebody's own.

    Attributes
    ----------
    name : str
    run : callable
        ``(market, **options)``; options have the exact types that :meth:`Option.read` returns.
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
    market : {'procurement', 'sharing'} or None
        What it runs on; None for a callable that nobody has said it of.
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
    market: Wing | None = "procurement"

    def refusal(self, market: Any, options: Mapping[str, Any] | None = None) -> str | None:
        """Say why the mechanism cannot run on this market with these options, or None if it can."""
        if self.market not in (None, wing_of(market)):
            return f"is a mechanism of {self.market} markets, and this is a {wing_of(market)} market"
        for option in self.options:
            if option.required and option.name not in (options or {}):
                return f"needs the option {option.name}: {option.help}"
        return None if self.applies is None else self.applies(market)

    def read_options(self, market: Any, options: Mapping[str, Any]) -> dict[str, Any]:
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
    market: Wing = "procurement",
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
    market : {'procurement', 'sharing'}
        What it runs on.

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
            market=market,
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


def mechanisms(market: Wing | None = None) -> list[Mechanism]:
    """List the registered mechanisms by name, or those of one market only."""
    # Registers every mechanism that ships with the package; deferred, for those modules import this one.
    import_module(f"{__package__}.mechanisms.all_mechanisms")
    import_module(f"{__package__}.sharing.all_mechanisms")
    return [_MECHANISMS[name] for name in sorted(_MECHANISMS) if market in (None, _MECHANISMS[name].market)]


def find_mechanism(name: str) -> Mechanism:
    """Look a mechanism up by name.

    Raises
    ------
    InputError
        If there is none of that name; the message lists those there are.
    """
    known = {entry.name: entry for entry in mechanisms()}
    if name not in known:
        near = nearest_name(name, known)
        raise InputError(f"unknown mechanism {name!r}{near}; there are {', '.join(known)}", field="mechanism")
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
        written or _title(rule), rule, _first_line(rule), options=options_of(rule), registered=False, market=None
    )


def prepared(
    market: Any, rule: str | MechanismFunction | Mechanism, options: Mapping[str, Any]
) -> tuple[Mechanism, dict[str, Any]]:
    """Find a mechanism and read its options.

    Raises
    ------
    InputError
        For an unknown mechanism or option, or a market it cannot run on.
    """
    entry = as_mechanism(rule)
    exact = entry.read_options(market, options)
    refused = entry.refusal(market, exact)
    if refused is not None:
        raise InputError(f"{entry.name}: {refused}", field="mechanism")
    return entry, exact


def call(entry: Mechanism, market: Any, options: Mapping[str, Any]) -> Any:
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
        raise InputError(f"{entry.name} failed{_at(market)}: {in_one_line(error)}", field="mechanism") from error


def _at(market: Any) -> str:
    """At which bids a mechanism failed."""
    if wing_of(market) == "sharing":
        return ""
    bids = ", ".join(str(market.bid(i)) for i in range(min(market.n, SHOWN_BIDS)))
    return f" at bids {bids}" + (", ..." if market.n > SHOWN_BIDS else "")
