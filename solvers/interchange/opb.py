"""A derivation as an OPB model and a pseudo-Boolean proof, version 2.0, as VeriPB reads it.

Model: columns with an upper bound of 1 are variables, the others are sums of bits, ``y0_1b2`` stands for ``4``; rows as ``>=``, then
the bounds of such sums; ``min:`` the objective's negative.

Proof: the point is logged, which asks for a better one from there on; a *falsum* follows. A leaf is a cutting planes sum (``pol``) of
what asks for a better point, of rows, and of what was decided about sums; under the decisions on its way it cannot hold, which
unit propagation sees, so the clause that denies these decisions is added by ``rup``. Clauses of two sides give that of their parent in
the same way. The number hired, and sums of bits, are split by a fresh variable that stands for one side (two ``red`` lines).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .branching import Combination, Split
from .program import IntegerProgram

__all__ = ["opb_text", "pbp_text"]

Terms = list[tuple[int, str]]
"""Coefficients and literals."""


Held = dict[tuple[int | None, str], int]
"""Constraints that hold on one side of a split: of a column, or of the number hired (None), at most ("L") or at least ("G")."""


class _BitModel:
    """The program over bits, and where its constraints stand."""

    def __init__(self, program: IntegerProgram):
        self.program = program
        self.bits: list[list[str]] = [
            [name] if upper == 1 else [f"{name}b{b}" for b in range(upper.bit_length())]
            for name, upper in zip(program.names, program.upper, strict=True)
        ]
        self.caps: dict[int, int] = {}
        """Constraint that holds the upper bound of a sum of bits, where the bits alone do not."""
        for j, upper in enumerate(program.upper):
            if upper & (upper + 1):
                self.caps[j] = len(program.rows) + len(self.caps) + 1
        self.size = len(program.rows) + len(self.caps)

    def terms(self, columns: list[int], coefficients: list[int]) -> Terms:
        """Return a linear form over bits."""
        return [
            (a << b, name) for j, a in zip(columns, coefficients, strict=True) for b, name in enumerate(self.bits[j])
        ]

    def constraints(self) -> Iterator[tuple[Terms, int]]:
        """Yield all constraints, as forms that are at least something."""
        for row in self.program.rows:
            yield self.terms(row.columns.tolist(), (-row.coefficients).tolist()), -row.limit
        for j in self.caps:
            yield self.terms([j], [-1]), -self.program.upper[j]


def opb_text(program: IntegerProgram) -> Iterator[str]:
    """Yield the model in pieces."""
    model = _BitModel(program)
    worth = np.flatnonzero(program.objective)
    yield f"* #variable= {sum(map(len, model.bits))} #constraint= {model.size}\n"
    yield f"min: {_form(model.terms(worth.tolist(), (-program.objective[worth]).tolist()))} ;\n"
    for terms, least in model.constraints():
        yield f"{_form(terms)} >= {least} ;\n"


def pbp_text(program: IntegerProgram, point: np.ndarray, bound: int, tree: Combination | Split) -> Iterator[str]:
    """Yield the proof that a point, which is worth `bound`, is best."""
    model = _BitModel(program)
    chosen = [
        name if int(value) >> b & 1 else f"~{name}"
        for value, names in zip(point.tolist(), model.bits, strict=True)
        for b, name in enumerate(names)
    ]
    yield f"pseudo-Boolean proof version 2.0\nf {model.size}\nsoli {' '.join(chosen)}\n"
    proof = _Lines(model)
    for line in proof.lines(tree):
        yield line + "\n"
    yield f"output NONE\nconclusion BOUNDS {-bound} : {proof.last} {-bound}\nend pseudo-Boolean proof\n"


class _Lines:
    """The lines of a proof, and the number of the last constraint."""

    def __init__(self, model: _BitModel):
        self.model, self.program = model, model.program
        self.better = self.last = model.size + 1
        self.rows: list[tuple[int, int]] = []
        self.fresh = 0

    def lines(self, tree: Combination | Split) -> Iterator[str]:
        """Yield the lines that end in a contradiction."""
        if self.program.step > 1:
            yield self._next(f"pol {self.better} {self.program.step} d")
            self.better = self.last
        for at, row in enumerate(self.program.rows):
            if row.rounded != row.limit:
                yield self._next(f"pol {at + 1} {row.unit} d")
                self.rows.append((self.last, row.unit))
            else:
                self.rows.append((at + 1, 1))
        yield from self._tree(tree)

    def _next(self, line: str) -> str:
        self.last += 1
        return line

    def _tree(self, tree: Combination | Split) -> Iterator[str]:
        """Children before parents; a node leaves one clause behind, which denies the decisions on its way."""
        tasks: list[tuple[Combination | Split | None, Held, tuple[str, ...], tuple[int, ...]]] = [(tree, {}, (), ())]
        clauses: list[int] = []
        while tasks:
            node, held, way, done = tasks.pop()
            if node is None:
                second, first = clauses.pop(), clauses.pop()
                yield self._next(self._denial(way))
                yield f"del id {' '.join(map(str, (first, second, *done)))}"
                clauses.append(self.last)
            elif isinstance(node, Combination):
                yield self._next(f"pol {self._sum(node, held)}")
                yield self._next(self._denial(way))
                yield f"del id {self.last - 1}"
                clauses.append(self.last)
            elif node.column is not None and self.program.upper[node.column] == 1:
                name = self.program.names[node.column]
                tasks.append((None, {}, way, ()))
                tasks.append((node.above, held, (*way, name), ()))
                tasks.append((node.below, held, (*way, f"~{name}"), ()))
            else:
                name, lines = self._halves(node)
                yield from lines
                low, high = self.last - 1, self.last
                tasks.append((None, {}, way, (low, high)))
                tasks.append((node.above, {**held, (node.column, "G"): high}, (*way, name), ()))
                tasks.append((node.below, {**held, (node.column, "L"): low}, (*way, f"~{name}"), ()))

    def _halves(self, node: Split) -> tuple[str, list[str]]:
        """Return a fresh variable that is true where a sum is more than the split's value, and the lines that make it so."""
        columns = self.program.hired.tolist() if node.column is None else [node.column]
        terms, least = self.model.terms(columns, [1] * len(columns)), node.value + 1
        most = sum(a for a, _ in terms)
        name = f"above{self.fresh}"
        self.fresh += 1
        below = _form([*((a, f"~{x}") for a, x in terms), (most - node.value, name)])
        above = _form([*terms, (least, f"~{name}")])
        first = self._next(f"red {below} >= {most - node.value} ; {name} -> 1")
        second = self._next(f"red {above} >= {least} ; {name} -> 0")
        return name, [first, second]

    def _sum(self, leaf: Combination, held: Held) -> str:
        """Write the sum of constraints that a leaf is."""
        program, wanted = self.program, dict[int, int]()
        if leaf.scale:
            wanted[self.better] = leaf.scale * program.step
        for price, (number, unit) in zip(leaf.prices, self.rows, strict=True):
            if price:
                wanted[number] = price * unit
        for sense, price in (("L", leaf.most), ("G", leaf.least)):
            # Without a decision, the number hired lies within 0 and all: the variables see to that themselves.
            if price and (None, sense) in held:
                wanted[held[None, sense]] = price
        margins = leaf.margins(program)
        for j, upper in enumerate(program.upper):
            margin = 0 if upper == 1 else int(margins[j])
            number = held.get((j, "L" if margin > 0 else "G"), self.model.caps.get(j, 0) if margin > 0 else 0)
            if margin and number:
                wanted[number] = wanted.get(number, 0) + abs(margin)
        words = [f"{number} {times} *" for number, times in wanted.items()]
        return " + ".join([" ".join(words[:2]), *words[2:]]) + (" +" if len(words) > 1 else "")

    @staticmethod
    def _denial(way: tuple[str, ...]) -> str:
        clause = " ".join(f"1 {literal[1:] if literal.startswith('~') else f'~{literal}'}" for literal in way)
        return f"rup {clause} >= 1 ;"


def _form(terms: Terms) -> str:
    return " ".join(f"{a} {name}" for a, name in terms)
