"""A derivation as a VIPR certificate, version 1.1: what Cheung, Gleixner and Steffy, "Verifying integer programming results" (2017) define.

The program stands in VAR to CON, its bounds first; the point in SOL; RTP asks for the range from the point's value to the bound. DER:
where one combination is enough, it is rounded to the bound. Else ``objective >= goal`` is assumed, and so is every side of every
split; each leaf is a combination that ends in ``0 <= -1``; two sides are joined into one by ``uns``, and at the end the assumption
and its opposite, which is the bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from .branching import Combination, Split, goal_of
from .program import IntegerProgram

__all__ = ["vipr_text"]


def vipr_text(
    program: IntegerProgram, point: np.ndarray, value: int, bound: int, tree: Combination | Split
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
    lines = _Derivation(program, bound).lines(tree)
    yield f"DER {len(lines)}\n"
    for line in lines:
        yield line + "\n"


Way = dict[tuple[int | None, str], int]
"""Assumptions on the way to a node: of a column, or of the number hired (None), at most ("L") or at least ("G")."""


class _Derivation:
    def __init__(self, program: IntegerProgram, bound: int):
        self.program, self.bound = program, bound
        self.written: list[str] = []
        self.first = 2 * len(program.upper) + len(program.rows)
        self.rows: list[tuple[int, int]] = []
        """For each row the constraint that limits it as far as can be reached, and how often that makes the row."""

    def lines(self, tree: Combination | Split) -> list[str]:
        program, step = self.program, self.program.step
        for at, row in enumerate(program.rows):
            number, unit = self.first - len(program.rows) + at, row.unit
            if row.rounded != row.limit:
                entries = [(j, a // unit) for j, a in zip(row.columns.tolist(), row.coefficients.tolist(), strict=True)]
                number = self._add(f"L {row.limit // unit} {_sparse(entries)} {{ rnd 1 {number} 1/{unit} }}")
            else:
                unit = 1
            self.rows.append((number, unit))
        worth = "OBJ" if step == 1 else _sparse([(j, c // step) for j, c in _nonzero(program.objective)])
        most = self.bound // step
        if isinstance(tree, Combination):
            combination = _sparse(self._combination(tree, {}, []), over=tree.scale * step)
            last = self._add(f"L {most} {worth} {{ rnd {combination} }}")
        else:
            better = self._add(f"G {goal_of(program, self.bound) // step} {worth} {{ asm }}")
            none = self._add(f"L {most} {worth} {{ asm }}")
            false = self._tree(tree, better)
            last = self._add(f"L {most} {worth} {{ uns {false} {better} {none} {none} }}")
        if step != 1:
            self._add(f"L {self.bound} OBJ {{ lin 1 {last} {step} }}")
        return self.written

    def _add(self, line: str) -> int:
        self.written.append(f"d {line} -1")
        return self.first + len(self.written) - 1

    def _tree(self, tree: Combination | Split, better: int) -> int:
        """Write a tree, children before parents; return the falsehood it ends in."""
        tasks: list[tuple[Combination | Split | None, Way, tuple[int, int]]] = [(tree, {}, (0, 0))]
        false: list[int] = []
        shared = self._shared(tree, better)
        while tasks:
            node, path, assumed = tasks.pop()
            if node is None:
                second, first = false.pop(), false.pop()
                false.append(self._add(f"L -1 0 {{ uns {first} {assumed[0]} {second} {assumed[1]} }}"))
            elif isinstance(node, Combination) and node in shared:
                number, margins = shared[node]
                bounds = [(path.get((j, "L" if q > 0 else "G"), 2 * j + int(q > 0)), q) for j, q in margins]
                false.append(self._add(f"L -1 0 {{ lin {_sparse([(number, 1), *bounds])} }}"))
            elif isinstance(node, Combination):
                wanted = [(better, -node.scale * self.program.step)] if node.scale else []
                false.append(self._add(f"L -1 0 {{ lin {_sparse(self._combination(node, path, wanted))} }}"))
            else:
                terms = [(node.column, 1)] if node.column is not None else [(j, 1) for j in self.program.hired.tolist()]
                low = self._add(f"L {node.value} {_sparse(terms)} {{ asm }}")
                high = self._add(f"G {node.value + 1} {_sparse(terms)} {{ asm }}")
                tasks.append((None, {}, (low, high)))
                tasks.append((node.above, {**path, (node.column, "G"): high}, (0, 0)))
                tasks.append((node.below, {**path, (node.column, "L"): low}, (0, 0)))
        return false[0]

    def _shared(self, tree: Combination | Split, better: int) -> dict[Combination, tuple[int, list[tuple[int, int]]]]:
        """Write what several leaves share once: their combination, in which all columns that are split nowhere are at their bounds.

        Returns the line of each, and the columns that are left with what they add.
        """
        times: dict[Combination, int] = {}
        split: set[int] = set()
        waiting: list[Combination | Split | None] = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Combination):
                times[node] = times.get(node, 0) + 1
            elif node is not None:
                split |= set() if node.column is None else {node.column}
                waiting += [node.below, node.above]
        found: dict[Combination, tuple[int, list[tuple[int, int]]]] = {}
        # What one leaf needs is written there; to share a line pays from two leaves on.
        for leaf, uses in times.items():
            if uses > 1 and leaf.scale and not leaf.most and not leaf.least:
                margins = _nonzero(leaf.margins(self.program))
                left = [(j, q) for j, q in margins if j in split]
                decided = {2 * j + int(q > 0) for j, q in left}
                wanted = self._combination(leaf, {}, [(better, -leaf.scale * self.program.step)])
                parts = [(number, price) for number, price in wanted if number not in decided]
                side = sum(price * row.rounded for price, row in zip(leaf.prices, self.program.rows, strict=True))
                side += sum(max(0, q) * self.program.upper[j] for j, q in margins if j not in split)
                side -= leaf.scale * goal_of(self.program, self.bound)
                form = _sparse([(j, -q) for j, q in left])
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
                side = int(sense == "L")
                for j in program.hired.tolist():
                    found[2 * j + side] = found.get(2 * j + side, 0) + price
        for j, margin in _nonzero(leaf.margins(program)):
            sense = "L" if margin > 0 else "G"
            number = path.get((j, sense), 2 * j + int(margin > 0))
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
