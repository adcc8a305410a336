"""A derivation as a VIPR certificate, version 1.1: what Cheung, Gleixner and Steffy, "Verifying integer programming results" (2017) define.

The program stands in VAR to CON, its bounds first; the point in SOL; RTP asks for the range from the point's value to the bound. DER:
where one combination is enough, it is rounded to the bound. Else ``objective >= goal`` is assumed, and so is every side of every
split; each leaf is a combination that ends in ``0 <= -1``; two sides are joined into one by ``uns``, and at the end the assumption
and its opposite, which is the bound. Where the root leaves few columns open, one rounded combination says where the others stay, and
the rows that the tree needs are written once more, in the open columns alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from ...models.exact import INT64_SAFE, IntArray
from .branching import Derivation, Split, leaves_of, nodes_of
from .combination import Combination
from .program import IntegerProgram, Row
from .reduction import Reduction

__all__ = ["vipr_text"]


def vipr_text(
    program: IntegerProgram, point: np.ndarray, value: int, bound: int, derivation: Derivation
) -> Iterator[str]:
    """Yield the certificate in pieces."""
    columns = len(program.upper)
    yield f"VER 1.1\nVAR {columns}\n" + "\n".join(program.names) + "\n"
    yield f"INT {columns}\n" + "\n".join(map(str, range(columns))) + "\n"
    yield "OBJ max\n" + _sparse(_nonzero(program.objective)) + "\n"
    yield f"CON {2 * columns + len(program.rows)} {2 * columns}\n"
    for j, upper in enumerate(program.upper):
        yield f"l G 0 1 {j} 1\nu L {upper} 1 {j} 1\n"
    for at, row in enumerate(program.rows):
        entries = zip(row.columns.tolist(), row.coefficients.tolist(), strict=True)
        yield f"r{at} L {row.limit} {_sparse(list(entries))}\n"
    yield f"RTP range {value} {bound}\nSOL 1\np {_sparse(_nonzero(point))}\n"
    lines = _DerivedLines(program, bound, derivation).lines()
    yield f"DER {len(lines)}\n"
    for line in lines:
        yield line + "\n"


Way = dict[tuple[int | None, str], int]
"""Assumptions on the way to a node: of a column, or of the number hired (None), at most ("L") or at least ("G")."""


Staying = tuple[int, np.ndarray]
"""The constraint that the deviations of columns add up to 0, and of which."""


class _DerivedLines:
    def __init__(self, outer: IntegerProgram, bound: int, derivation: Derivation):
        self.outer, self.bound, self.derivation = outer, bound, derivation
        self.program, self.goal = outer, derivation.goal
        self.written: list[str] = []
        self.first = 2 * len(outer.upper) + len(outer.rows)
        self.rows: list[tuple[int, int]] = []
        """For each row the constraint that limits it as far as can be reached, and how often that makes the row."""
        self.better = (0, 1)
        """The constraint that asks for something better, and how often that makes ``-objective <= -goal``."""
        self.at = list(range(len(outer.upper)))
        """For each column of the program the one of the certificate."""
        self.stay: Staying = (0, np.zeros(0, dtype=bool))
        self.fewer: Staying | None = None
        self.lowered = np.zeros(len(outer.upper), dtype=bool)
        """Which columns lower a row."""
        for row in outer.rows:
            self.lowered[row.columns[row.coefficients < 0]] = True

    def lines(self) -> list[str]:
        outer, step, tree = self.outer, self.outer.step, self.derivation.tree
        for k, row in enumerate(outer.rows):
            number = self.first - len(outer.rows) + k
            self.rows.append((number, 1) if row.rounded == row.limit else self._limited(row, [(number, 1)]))
        worth = "OBJ" if step == 1 else _sparse([(j, c // step) for j, c in _nonzero(outer.objective)])
        most = self.bound // step
        if isinstance(tree, Combination) and self.derivation.reduction is None:
            parts = self._combination(tree, {}, [])
            # A sum of nothing has no direction in which it could be rounded.
            how = "rnd" if parts else "lin"
            last = self._add(f"L {most} {worth} {{ {how} {_sparse(parts, over=tree.scale * step)} }}")
        else:
            better = self._add(f"G {most + 1} {worth} {{ asm }}")
            none = self._add(f"L {most} {worth} {{ asm }}")
            self.better = (better, -step)
            if self.derivation.reduction is not None:
                self._reduce(self.derivation.reduction)
            false = self._tree(tree)
            last = self._add(f"L {most} {worth} {{ uns {false} {better} {none} {none} }}")
        if step != 1:
            self._add(f"L {self.bound} OBJ {{ lin 1 {last} {step} }}")
        return self.written

    def _reduce(self, reduction: Reduction) -> None:
        """Write where the columns stay that are not open, and what the tree needs in the open ones alone."""
        outer, whole, combination = self.outer, reduction.gap + 1, reduction.combination
        parts = dict(self._combination(combination, {}, self._wanted(combination)))
        stay = _nonzero(reduction.low.astype(np.int64) - reduction.high)
        for j, sign in stay:
            parts[2 * j + int(sign < 0)] += sign * whole
        side = sum(-outer.upper[j] for j, sign in stay if sign < 0)
        combined = _sparse([part for part in parts.items() if part[1]], over=whole)
        self.stay = (self._add(f"L {side} {_sparse(stay)} {{ rnd {combined} }}"), reduction.stay)
        leaves, inner = leaves_of(self.derivation.tree), reduction.inner
        rows = [(0, 0)] * len(inner.rows)
        for at, k in enumerate(reduction.rows):
            if any(leaf.prices[at] for leaf in leaves):
                parts = self._without(reduction, self.rows[k], outer.rows[k].columns, outer.rows[k].coefficients)
                rows[at] = self._limited(inner.rows[at], parts, reduction.columns)
        if any(leaf.scale for leaf in leaves):
            number, unit = self.better
            parts = self._without(reduction, (number, unit), np.arange(len(outer.upper)), -outer.objective)
            asked = Row(np.arange(len(inner.upper)), -inner.objective, -reduction.wanted)
            self.better = self._limited(asked, parts, reduction.columns)
        self.program, self.goal, self.rows = inner, reduction.inner_goal, rows
        self.at = reduction.columns.tolist()

    def _limited(self, row: Row, parts: list[tuple[int, int]], columns: np.ndarray | None = None) -> tuple[int, int]:
        """Write a row that constraints add up to, as far as its limit can be reached; return its number, and how often it makes the row."""
        unit, rule = (1, "lin") if row.rounded == row.limit else (row.unit, "rnd")
        at = row.columns if columns is None else columns[row.columns]
        entries = [(j, a // unit) for j, a in zip(at.tolist(), row.coefficients.tolist(), strict=True) if a]
        return self._add(f"L {row.limit // unit} {_sparse(entries)} {{ {rule} {_sparse(parts, over=unit)} }}"), unit

    def _without(
        self, reduction: Reduction, constraint: tuple[int, int], columns: np.ndarray, coefficients: IntArray
    ) -> list[tuple[int, int]]:
        """Return what adds up to a constraint, at most something, without the columns that stay.

        Those at 0 leave a sum by ``x >= 0`` where they raise it, those at their upper bound where they lower it; the others once
        enough of the sum that says where all stay is added.
        """
        outer, low, high = self.outer, reduction.low, reduction.high
        left = np.zeros(len(outer.upper), dtype=object if 2 * outer.largest >= INT64_SAFE else np.int64)
        left[columns] = coefficients
        needed = max(0, *(int(x.max(initial=0)) for x in (left[high], -left[low])))
        parts = dict([constraint])
        if needed:
            number, among = self._staying(reduction, left < 0)
            parts[number] = needed
            left[among & low] += needed
            left[among & high] -= needed
        parts |= {2 * j + int(high[j]): -q for j, q in _nonzero(np.where(reduction.stay, left, 0))}
        return list(parts.items())

    def _staying(self, reduction: Reduction, lowered: np.ndarray) -> Staying:
        """Return the sum that says where columns stay, and of which, so that those at 0 that lower a sum are among them.

        Of the many that stay at 0, hardly any lowers a row of the program: what rows need is a shorter sum than that of all.
        """
        idle = reduction.low & ~self.lowered
        if not idle.any() or (lowered & idle).any():
            return self.stay
        if self.fewer is None:
            among = reduction.stay & ~idle
            parts = [(self.stay[0], 1), *((2 * j, -1) for j in np.flatnonzero(idle).tolist())]
            terms = _nonzero(np.where(among, reduction.low.astype(np.int64) - reduction.high, 0))
            side = sum(-self.outer.upper[j] for j, sign in terms if sign < 0)
            self.fewer = (self._add(f"L {side} {_sparse(terms)} {{ lin {_sparse(parts)} }}"), among)
        return self.fewer

    def _add(self, line: str) -> int:
        self.written.append(f"d {line} -1")
        return self.first + len(self.written) - 1

    def _tree(self, tree: Combination | Split) -> int:
        """Write a tree, children before parents; return the falsehood it ends in."""
        tasks: list[tuple[Combination | Split | None, Way, tuple[int, int]]] = [(tree, {}, (0, 0))]
        false: list[int] = []
        shared = self._shared(tree)
        while tasks:
            node, path, assumed = tasks.pop()
            if node is None:
                second, first = false.pop(), false.pop()
                false.append(self._add(f"L -1 0 {{ uns {first} {assumed[0]} {second} {assumed[1]} }}"))
            elif isinstance(node, Combination) and node in shared:
                number, margins = shared[node]
                bounds = [(self._bound(path, j, q), q) for j, q in margins]
                false.append(self._add(f"L -1 0 {{ lin {_sparse([(number, 1), *bounds])} }}"))
            elif isinstance(node, Combination):
                combined = _sparse(self._combination(node, path, self._wanted(node)))
                false.append(self._add(f"L -1 0 {{ lin {combined} }}"))
            else:
                columns = self.program.hired.tolist() if node.column is None else [node.column]
                terms = [(self.at[j], 1) for j in columns]
                low = self._add(f"L {node.value} {_sparse(terms)} {{ asm }}")
                high = self._add(f"G {node.value + 1} {_sparse(terms)} {{ asm }}")
                tasks.append((None, {}, (low, high)))
                tasks.append((node.above, {**path, (node.column, "G"): high}, (0, 0)))
                tasks.append((node.below, {**path, (node.column, "L"): low}, (0, 0)))
        return false[0]

    def _bound(self, path: Way, column: int, margin: int) -> int:
        """Return the constraint that takes up what a column adds."""
        return path.get((column, "L" if margin > 0 else "G"), 2 * self.at[column] + int(margin > 0))

    def _wanted(self, leaf: Combination) -> list[tuple[int, int]]:
        """Return how often a leaf takes what asks for something better."""
        number, unit = self.better
        return [(number, leaf.scale * unit)] if leaf.scale else []

    def _shared(self, tree: Combination | Split) -> dict[Combination, tuple[int, list[tuple[int, int]]]]:
        """Write what several leaves share once: their combination, in which all columns that are split nowhere are at their bounds.

        Returns the line of each, and the columns that are left with what they add.
        """
        times = Counter(leaves_of(tree))
        split = {node.column for node in nodes_of(tree) if isinstance(node, Split)}
        found: dict[Combination, tuple[int, list[tuple[int, int]]]] = {}
        # What one leaf needs is written there; to share a line pays from two leaves on.
        for leaf, uses in times.items():
            if uses > 1 and leaf.scale and not leaf.most and not leaf.least:
                margins = _nonzero(leaf.margins(self.program))
                left = [(j, q) for j, q in margins if j in split]
                decided = {self._bound({}, j, q) for j, q in left}
                combined = self._combination(leaf, {}, self._wanted(leaf))
                parts = [(number, price) for number, price in combined if number not in decided]
                side = sum(price * row.rounded for price, row in zip(leaf.prices, self.program.rows, strict=True))
                side += sum(max(0, q) * self.program.upper[j] for j, q in margins if j not in split)
                side -= leaf.scale * self.goal
                form = _sparse([(self.at[j], -q) for j, q in left])
                found[leaf] = (self._add(f"L {side} {form} {{ lin {_sparse(parts)} }}"), left)
        return found

    def _combination(self, leaf: Combination, path: Way, more: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return which constraints a leaf adds up, and how often each."""
        program, found = self.program, dict(more)
        for price, (number, unit) in zip(leaf.prices, self.rows, strict=True):
            if price:
                found[number] = price * unit
        for sense, price in (("L", leaf.most), ("G", -leaf.least)):
            if price and (None, sense) in path:
                found[path[None, sense]] = price
            elif price:
                # The number hired lies within 0 and all anyway: so say the bounds of the columns.
                for j in program.hired.tolist():
                    number = 2 * self.at[j] + int(sense == "L")
                    found[number] = found.get(number, 0) + price
        for j, margin in _nonzero(leaf.margins(program)):
            number = self._bound(path, j, margin)
            found[number] = found.get(number, 0) + margin
        return list(found.items())


def _nonzero(values: np.ndarray) -> list[tuple[int, int]]:
    at = np.flatnonzero(values)
    return list(zip(at.tolist(), values[at].tolist(), strict=True))


def _sparse(entries: Iterable[tuple[int, int]], over: int = 1) -> str:
    """Write how many there are, then index and number of each, over a common denominator."""
    words = [f"{at} {number}" if over == 1 else f"{at} {_over(number, over)}" for at, number in entries]
    return " ".join([str(len(words)), *words])


def _over(number: int, over: int) -> str:
    return str(Fraction(number, over))
