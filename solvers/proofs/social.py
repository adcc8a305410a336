"""Checker of proofs about social states (SWAN, Problem 2; and (23), where only the participants have the model).

A state has ``K`` participants, whose inverse data sizes add up to ``T`` and whose costs add up to ``C``. Its welfare is
``served U(eps(K, T)) - C`` with ``eps = noise T / K^2 + client_variance (1 - 1/K)``; ``served`` is everybody, or ``K``.

*Planes.* For any two prices ``mu`` and ``nu``, summing over the clients shows ``C >= g + nu K - mu T`` with
``g = sum_i N_i min(0, c_i + mu / D_i - nu)``. So the welfare of a state is at most ``F(K, T) = served U - (g + nu K - mu T)``.

*Cells.* The proof cuts ``1 <= K <= N``, ``K / D_max <= T <= K / D_min`` into cells: numbers ``K1 .. K2`` of participants, and ``T``
between two straight lines in ``K``. Body:

``audience``
    ``everyone`` or ``participants``.
``bends``, ``curvature``
    Where the range of errors is cut, and for each piece the sign that ``U''`` has on it: 1, -1, or 0 for not known.
``cells``
    The cuts and leaves, each part before the next: ``["K", m]`` cuts a cell into ``K <= m`` and ``K > m``,
    ``["T", alpha, beta]`` into ``T <= alpha + beta K`` and ``T >= alpha + beta K``; ``["plane", mu, nu]`` claims that ``F`` is at most the
    bound on the cell; ``["list", mu, nu]`` that no state in a cell with one ``K`` is worth more, since all that lose less
    against the plane than there is room can be listed.

A body ``{"infeasible": true}`` claims that no state meets the requirement at all.

How ``F`` is bounded on a cell: ``T`` first (it rises, it falls, it is convex and so largest at a side, or its slope is bounded), then
the same for ``K`` along the side. Intervals have 40 digits; what they cannot decide is tried with more, and exactly for
rational utilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from ...models.sharing.expression import is_rational
from ...models.sharing.market import MotsMarket
from ...models.sharing.measured_market import MeasuredMarket
from .enclosure import EXACT, Interval, Rounding, Unbounded, series
from .listed_states import Listing
from .proof import Proof, ProofError, Pulse

__all__ = ["check_bound"]

DIGITS = (40, 120, 400, 1_200)
"""Precisions tried in turn; measured: the first decides nearly every cell, and twice as many digits cost a tenth more."""
MOST_STATES = 2_000_000
"""States that all ``list`` leaves of a proof may look at together, some 20 microseconds each."""
MOST_DIGITS = 10_000
"""A room of more digits than this is no room in which states could be listed."""
SIGN_PIECES = 20_000
FINEST_PIECE = 2**60
"""Into how many pieces a range of errors may be cut while the sign of ``U''`` on it is verified, and the part that a piece may be of it."""


class Line(NamedTuple):
    """``T = alpha + beta K``."""

    alpha: Fraction
    beta: Fraction

    def at(self, K: int) -> Fraction:
        return self.alpha + self.beta * K


class Cell(NamedTuple):
    """``K1 <= K <= K2`` participants with ``T`` between two lines."""

    K1: int
    K2: int
    lower: Line
    upper: Line


class Plane(NamedTuple):
    """``C >= g + nu K - mu T``."""

    mu: Fraction
    nu: Fraction
    g: Fraction


def check_bound(proof: Proof, instance: MotsMarket, pulse: Pulse) -> None:
    """Accept the proof of a bound on the welfare of social states, or raise :class:`ProofError`."""
    if isinstance(instance, MeasuredMarket):
        raise ProofError("errors are measured: eq. (3), on which these proofs rest, does not hold")
    if not isinstance(instance, MotsMarket) or proof.problem != "social-state":
        raise ProofError("a proof about social states is one about a sharing market")
    body = proof.body
    types = Types(instance)
    if body.get("infeasible"):
        if instance.max_error is None or types.extreme_error(least=True) <= instance.max_error:
            raise ProofError("some state meets the requirement")
        return
    audience = body.get("audience")
    if audience not in ("everyone", "participants"):
        raise ProofError(f"unknown audience {audience!r}")
    claim = _number(proof.bound, "bound")
    check = Check(types, audience == "everyone", claim, _shape(body, instance, types, pulse), pulse)
    for cell, leaf in leaves(types, body.get("cells")):
        pulse()
        check.leaf(cell, leaf)


class Types:
    """The market's types with clients, read once: integers ``q_i`` over ``Q``, ``1/D_i = q_i / Q``, and ``c_i`` over ``unit``."""

    def __init__(self, market: MotsMarket):
        self.market = market
        types = [entry for entry in market.types if entry.count]
        self.counts = [entry.count for entry in types]
        self.population = sum(self.counts)
        self.Q = math.lcm(*(entry.size for entry in types))
        self.unit = math.lcm(*(entry.cost.denominator for entry in types))
        self.q = [self.Q // entry.size for entry in types]
        self.c = [int(entry.cost * self.unit) for entry in types]
        self.noise = market.dimension * market.data_variance
        self.client = market.client_variance
        self.limit = market.max_error
        # Sums of K inverse sizes are K q_1 plus a multiple of this.
        self.grid = math.gcd(*(q - self.q[0] for q in self.q))

    def error(self, K: int, T: Fraction) -> Fraction:
        """Eq. (3)."""
        return self.client + (self.noise * T / K - self.client) / K

    def extreme_error(self, *, least: bool) -> Fraction:
        """The least or the greatest error of any state.

        For each ``K`` it has the largest (the smallest) sizes. Along one of these types, of which ``q`` is no less (no more) than those of
        the types before it, the error is ``client + a/K + b/K^2`` with ``b <= 0`` (``b >= 0``): least (greatest) at an end.
        """
        order = sorted(range(len(self.q)), key=lambda i: self.q[i], reverse=not least)
        found: list[Fraction] = []
        K, T = 0, Fraction(0)
        for i in order:
            n, q = self.counts[i], Fraction(self.q[i], self.Q)
            found += [self.error(m, T + q * (m - K)) for m in (K + 1, K + n)]
            K, T = K + n, T + q * n
        return min(found) if least else max(found)

    def requirement(self, K1: int, K2: int) -> Line | None:
        """A line above the largest ``T`` that meets the requirement, ``T <= r2 K^2 + r1 K``: the chord, or the middle's tangent."""
        if self.limit is None or not self.noise:
            return None
        r2, r1 = (self.limit - self.client) / self.noise, self.client / self.noise
        square = Fraction(K1 * K2) if r2 >= 0 else Fraction((K1 + K2) ** 2, 4)
        return Line(-r2 * square, r2 * (K1 + K2) + r1)

    def reduced_costs(self, mu: Fraction, nu: Fraction) -> tuple[list[int], int]:
        """``c_i + mu / D_i - nu``, as integers over one denominator."""
        mu, nu = mu * self.unit / self.Q, nu * self.unit
        scale = math.lcm(mu.denominator, nu.denominator)
        a, b = int(mu * scale), int(nu * scale)
        return [scale * c + a * q - b for c, q in zip(self.c, self.q, strict=True)], scale * self.unit

    def plane(self, mu: Fraction, nu: Fraction) -> Plane:
        """The plane of two prices, below the cost of every state."""
        reduced, scale = self.reduced_costs(mu, nu)
        return Plane(mu, nu, Fraction(sum(n * r for n, r in zip(self.counts, reduced, strict=True) if r < 0), scale))


def leaves(types: Types, cells: Any) -> Iterator[tuple[Cell, tuple[str, Fraction, Fraction]]]:
    """The cells that the cuts leave, with what is claimed of each; together they hold every state."""
    if not isinstance(cells, Sequence) or isinstance(cells, str):
        raise ProofError("the cells are no list")
    zero = Fraction(0)
    least, most = Fraction(min(types.q), types.Q), Fraction(max(types.q), types.Q)
    waiting = [Cell(1, types.population, Line(zero, least), Line(zero, most))]
    for entry in cells:
        if not waiting:
            raise ProofError("more cells than the cuts leave")
        cell = waiting.pop()
        match entry:
            case ["K", int(m)] if cell.K1 <= m < cell.K2:
                waiting += [cell._replace(K1=m + 1), cell._replace(K2=m)]
            case ["T", alpha, beta]:
                cut = Line(_number(alpha, "T"), _number(beta, "T"))
                waiting += [cell._replace(lower=cut), cell._replace(upper=cut)]
            case ["plane" | "list" as kind, mu, nu]:
                yield cell, (kind, _number(mu, "mu"), _number(nu, "nu"))
            case _:
                raise ProofError(f"{entry!r} is no cut and no leaf of K = {cell.K1} .. {cell.K2}")
    if waiting:
        raise ProofError(f"{len(waiting)} cells are left open")


class Shape:
    """What is known of the utility on the errors that states have; beyond them it goes on as a straight line.

    Going on straight makes no difference to any state, and lets ``F`` be bounded on cells that reach beyond all states.

    Parameters
    ----------
    tree : Node
        The utility.
    bends : list of Fraction
        The least relevant error, where the range is cut, the greatest.
    curvature : list of int
        The sign of ``U''`` on each piece; 0 where it is not known.
    """

    def __init__(self, tree: Any, bends: list[Fraction], curvature: list[int], rounding: Rounding):
        self.tree, self.rounding, self.curvature = tree, rounding, curvature
        self.bends = [rounding.number(bend) for bend in bends]
        self.low, self.high = self.bends[0].low, self.bends[-1].high
        self.jet: Callable[[Any], list[Interval]] = lru_cache(maxsize=None)(self._jet)

    def _jet(self, end: Any) -> list[Interval]:
        return series(self.tree, Interval(self.rounding, end, end), 1)

    def clipped(self, errors: Interval) -> Interval:
        """The part of an interval that lies within the range of errors; one end of the range if there is none."""
        low, high = min(max(errors.low, self.low), self.high), max(min(errors.high, self.high), self.low)
        return Interval(self.rounding, low, high)

    def value(self, error: Interval) -> Interval:
        """``U``."""
        inside = self.clipped(error)
        value = series(self.tree, inside, 0)[0]
        if error.low >= self.low and error.high <= self.high:
            return value
        return value + self.slope(inside) * (error - inside)

    def slope(self, errors: Interval) -> Interval:
        """All values of ``U'``; it is monotone on pieces of known curvature, so their ends suffice."""
        inside = self.clipped(errors)
        result = self.jet(inside.low)[1].hull(self.jet(inside.high)[1])
        for (first, last), sign in zip(pairwise(self.bends), self.curvature, strict=True):
            if last.high < inside.low or first.low > inside.high:
                continue
            if sign:
                for end in (first, last):
                    if inside.low <= end.high and end.low <= inside.high:
                        result = result.hull(series(self.tree, self.clipped(end), 1)[1])
            else:
                part = Interval(self.rounding, max(first.low, inside.low), min(last.high, inside.high))
                result = result.hull(series(self.tree, part, 1)[1])
        return result

    def convex(self, errors: Interval) -> bool:
        """Whether ``U'' >= 0`` wherever it is defined on an interval."""
        inside = self.clipped(errors)
        return all(
            sign > 0 or last.high < inside.low or first.low > inside.high
            for (first, last), sign in zip(pairwise(self.bends), self.curvature, strict=True)
        )


def _shape(body: Mapping[str, Any], market: MotsMarket, types: Types, pulse: Pulse) -> Callable[[Rounding], Shape]:
    """The utility's shape as the proof gives it, each sign verified; made anew for every precision."""
    least = types.extreme_error(least=True)
    greatest = types.extreme_error(least=False)
    if types.limit is not None:
        if types.limit < least:
            raise ProofError("no state meets the requirement: a bound is no claim about anything")
        greatest = min(greatest, types.limit)
    inner, curvature = body.get("bends"), body.get("curvature")
    if not isinstance(inner, Sequence) or not isinstance(curvature, Sequence) or len(curvature) != len(inner) + 1:
        raise ProofError("bends and curvature are no lists of matching length")
    bends = [least, *(_number(bend, "bends") for bend in inner), greatest]
    signs = list(curvature)
    if any(sign not in (-1, 0, 1) or isinstance(sign, bool) for sign in signs) or sorted(bends) != bends:
        raise ProofError("bends must rise and curvatures be -1, 0 or 1")
    for (first, last), sign in zip(pairwise(bends), signs, strict=True):
        if sign:
            _verify_sign(market.utility.tree, first, last, sign, pulse)
    return lambda rounding: Shape(market.utility.tree, bends, signs, rounding)


def _verify_sign(tree: Any, low: Fraction, high: Fraction, sign: int, pulse: Pulse) -> None:
    """Check that ``sign U'' >= 0`` between two errors, on pieces that are halved until it shows."""
    rounding = Rounding(DIGITS[0])
    waiting = [(low, high)]
    for _ in range(SIGN_PIECES):
        if not waiting:
            return
        pulse()
        a, b = waiting.pop()
        try:
            second = series(tree, Interval(rounding, rounding.number(a).low, rounding.number(b).high), 2)[2]
        except Unbounded:
            second = None
        if second is not None and (second.low >= 0 if sign > 0 else second.high <= 0):
            continue
        if second is not None and (second.high < 0 if sign > 0 else second.low > 0):
            break
        if (b - a) * FINEST_PIECE <= high - low:
            break
        waiting += [((a + b) / 2, b), (a, (a + b) / 2)]
    raise ProofError(f"U'' does not show the sign {sign} between {low} and {high}")


class Surface:
    """``F`` over ``K`` and ``T``, enclosed at one precision."""

    def __init__(self, types: Types, everyone: bool, shape: Shape):
        self.types, self.everyone, self.shape = types, everyone, shape
        self.rounding = shape.rounding
        number = self.rounding.number
        self.noise, self.client = number(types.noise), number(types.client)
        self.population, self.zero, self.two = number(types.population), number(0), number(2)

    def served(self, K: Interval) -> Interval:
        """How many have the model."""
        return self.population if self.everyone else K

    def errors(self, z: Interval, K: Interval) -> Interval:
        """Eq. (3) for mean inverse sizes ``z = T / K``: each of the two enters once, so nothing is overestimated."""
        return self.client + (self.noise * z - self.client) / K

    def point(self, K: int, T: Fraction, cost: Fraction) -> Interval:
        """``served U(eps(K, T)) - cost``."""
        number = self.rounding.number
        size = number(K)
        return self.served(size) * self.shape.value(self.errors(number(T) / size, size)) - number(cost)

    def corner(self, K: int, line: Line, plane: Plane) -> Interval:
        """``F`` at one end of a line."""
        T = line.at(K)
        return self.point(K, T, plane.g + plane.nu * K - plane.mu * T)

    def along(self, K1: int, K2: int, line: Line, plane: Plane) -> Any:
        """An upper bound on ``F`` along a line, from its ends and its slope in ``K``."""
        if K1 == K2:
            return self.corner(K1, line, plane).high
        number, r = self.rounding.number, self.rounding
        K = Interval(r, number(K1).low, number(K2).high)
        alpha, beta = number(line.alpha), number(line.beta)
        errors = self.errors(beta + alpha / K, K)
        # d eps / dK = -(noise beta - client_variance + 2 noise alpha / K) / K^2
        turn = self.zero - (self.noise * beta - self.client + self.two * self.noise * alpha / K) / K.power(2)
        rate = self.shape.slope(errors)
        slope = self.served(K) * rate * turn + number(plane.mu * line.beta - plane.nu)
        if not self.everyone:
            slope = slope + self._values(errors, rate)
        length = number(K2 - K1)
        bounds = []
        if slope.low < 0:
            rise = max(slope.high, self.zero.high)
            bounds.append((self.corner(K1, line, plane) + Interval(r, rise, rise) * length).high)
        if slope.high > 0:
            fall = max((self.zero - slope).high, self.zero.high)
            bounds.append((self.corner(K2, line, plane) + Interval(r, fall, fall) * length).high)
        return min(bounds) if bounds else self.corner(K1, line, plane).high

    def _values(self, errors: Interval, rate: Interval) -> Interval:
        """All values of ``U`` on an interval of errors, given those of its slope."""
        r = self.rounding
        first = self.shape.value(Interval(r, errors.low, errors.low))
        width = Interval(r, errors.high, errors.high) - Interval(r, errors.low, errors.low)
        return first.hull(first + rate * width)

    def over(self, cell: Cell, plane: Plane) -> Any:
        """An upper bound on ``F`` over a cell; None if nothing in the cell meets the requirement."""
        K1, K2, lower, upper = narrowed(cell, self.types)
        ends = [(K, lower.at(K), upper.at(K)) for K in {K1, K2}]
        if all(high < low for _, low, high in ends) or self._unreachable(K1):
            return None
        if K1 == K2 and lower.at(K1) == upper.at(K1):
            return self.corner(K1, lower, plane).high
        number, r = self.rounding.number, self.rounding
        K = Interval(r, number(K1).low, number(K2).high)
        means = [number(T) / number(size) for size, *both in ends for T in both]
        z = Interval(r, min(mean.low for mean in means), max(mean.high for mean in means))
        errors = self.errors(z, K)
        slope = number(plane.mu)
        if self.types.noise:
            slope = slope + self.served(K) * self.shape.slope(errors) * self.noise / K.power(2)
        # Where F rises or falls in T all over the cell, one edge has its best; each number is rounded to the unsafe side.
        if slope.high <= 0:
            return self.along(K1, K2, lower, plane)
        if slope.low >= 0:
            return self.along(K1, K2, upper, plane)
        at_lower, at_upper = self.along(K1, K2, lower, plane), self.along(K1, K2, upper, plane)
        if self.shape.convex(errors):
            return max(at_lower, at_upper)
        # Else no point is farther from an edge than the cell is wide, and F rises no faster than its largest slope.
        width, down = number(max(high - low for _, low, high in ends)).high, self.zero - slope
        add, times = r.up.add, r.up.multiply
        return min(add(at_lower, times(slope.high, width)), add(at_upper, times(down.high, width)))

    def _unreachable(self, K1: int) -> bool:
        """Whether the requirement excludes so many participants and more where the error does not depend on ``T``."""
        types = self.types
        if types.limit is None or types.noise:
            return False
        # eps = client_variance (1 - 1/K) rises with K.
        return types.error(K1, Fraction(0)) > types.limit


def narrowed(cell: Cell, types: Types) -> Cell:
    """A cell without what the requirement excludes and, at one ``K``, without values of ``T`` that no state has."""
    K1, K2, lower, upper = cell
    limit = types.requirement(K1, K2)
    if limit is not None and limit.at(K1) <= upper.at(K1) and limit.at(K2) <= upper.at(K2):
        upper = limit
    if K1 == K2 and types.grid:
        first = K1 * types.q[0]
        low = first + types.grid * math.ceil((lower.at(K1) * types.Q - first) / types.grid)
        high = first + types.grid * math.floor((upper.at(K1) * types.Q - first) / types.grid)
        lower, upper = (Line(Fraction(T, types.Q), Fraction(0)) for T in (low, high))
    return Cell(K1, K2, lower, upper)


@dataclass
class Check:
    """A claimed bound, compared with what the leaves of a proof show."""

    types: Types
    everyone: bool
    claim: Fraction
    shape: Callable[[Rounding], Shape]
    pulse: Pulse
    listed: int = 0

    @cached_property
    def surfaces(self) -> list[Callable[[], Surface]]:
        """``F`` at rising precision, made when first needed; last without rounding, where the utility is rational."""
        roundings = [Rounding(digits) for digits in DIGITS]
        if is_rational(self.types.market.utility.tree):
            roundings = [roundings[0], EXACT]

        def maker(rounding: Rounding) -> Callable[[], Surface]:
            return lru_cache(maxsize=None)(lambda: Surface(self.types, self.everyone, self.shape(rounding)))

        return [maker(rounding) for rounding in roundings]

    def least_claim(self, rounding: Rounding) -> Any:
        """The claimed bound, rounded down."""
        return rounding.number(self.claim).low

    def at_most(self, bound: Callable[[Surface], Any]) -> bool:
        """Whether an upper bound that is computed from ``F`` is within the claim, at one of the precisions."""
        for surface in self.surfaces:
            try:
                value = bound(surface())
            except Unbounded:
                continue
            if value is None or value <= self.least_claim(surface().rounding):
                return True
        return False

    def leaf(self, cell: Cell, claim: tuple[str, Fraction, Fraction]) -> None:
        """Accept a leaf, or raise :class:`ProofError`."""
        kind, mu, nu = claim
        plane = self.types.plane(mu, nu)
        accepted = self.at_most(lambda surface: surface.over(cell, plane))
        if not accepted and kind == "list" and cell.K1 == cell.K2:
            accepted = self._all_listed(narrowed(cell, self.types), plane)
        if not accepted:
            raise ProofError(
                f"the cell with K = {cell.K1} .. {cell.K2} may hold a state that is worth more than the bound"
            )

    def _all_listed(self, cell: Cell, plane: Plane) -> bool:
        """Whether none of the states that lose little enough against the plane is worth more than the claim."""
        surface = self.surfaces[0]()
        types, K = self.types, cell.K1
        try:
            top = surface.over(cell, plane)
        except Unbounded:
            return False
        number = surface.rounding.number
        low, high = cell.lower.at(K), cell.upper.at(K)
        z = (number(low) / number(K)).hull(number(high) / number(K))
        convex = surface.shape.convex(surface.errors(z, number(K)))
        reduced, scale = types.reduced_costs(plane.mu, plane.nu)
        room = (Interval(surface.rounding, top, top) - number(self.claim)) * number(scale)
        if room.high.adjusted() > MOST_DIGITS:
            return False
        reach = math.floor(room.high)
        least, most = math.ceil(low * types.Q), math.floor(high * types.Q)
        listing = Listing(types, reduced, reach, K, least, most, self.pulse)
        for T, cost in listing.states(ends_only=convex):
            self.listed += 1
            if self.listed > MOST_STATES:
                raise ProofError(f"more than {MOST_STATES} states to look at")
            if self.listed % 256 == 0:
                self.pulse()
            inverse, total = Fraction(T, types.Q), Fraction(cost, types.unit)
            if not self.at_most(lambda s, T=inverse, C=total: s.point(K, T, C).high):
                return False
        return True


def _number(value: Any, field: str) -> Fraction:
    """A number of a proof: in memory exact already, in a file an integer or ``"p/q"``."""
    if isinstance(value, Fraction) or (isinstance(value, int) and not isinstance(value, bool)):
        return Fraction(value)
    try:
        if isinstance(value, str) and value.isascii():
            return Fraction(value)
    except (ValueError, ZeroDivisionError):
        pass
    raise ProofError(f'{field}: expected an integer or "p/q", got {str(value)[:40]!r}')
