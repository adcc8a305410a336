"""A derivation as an OPB model and a pseudo-Boolean proof, version 2.0, as VeriPB reads it.

Model: columns with an upper bound of 1 are variables, the others are sums of bits, ``y0_1b2`` stands for ``4``; rows as ``>=``, then
the bounds of such sums; ``min:`` the objective's negative.

Proof: the point is logged, which asks for a better one from there on; a *falsum* follows. A leaf is a cutting planes sum (``pol``) of
what asks for a better point, of rows, and of what was decided about sums; under the decisions on its way it cannot hold, which
unit propagation sees, so the clause that denies these decisions is added by ``rup``. Clauses of two sides give that of their parent in
the same way. The number hired, and sums of bits, are split by a fresh variable that stands for one side (two ``red`` lines).

Where the root leaves few columns open, its sum comes first and stays: unit propagation sees in it where the others are, so that a
leaf of the tree may leave them out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .branching import Derivation, Split
from .combination import Combination
from .program import IntegerProgram
from .reduction import Reduction

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


def pbp_text(program: IntegerProgram, point: np.ndarray, bound: int, derivation: Derivation) -> Iterator[str]:
    """Yield the proof that a point, which is worth `bound`, is best."""
    model = _BitModel(program)
    chosen = [
        name if int(value) >> b & 1 else f"~{name}"
        for value, names in zip(point.tolist(), model.bits, strict=True)
        for b, name in enumerate(names)
    ]
    yield f"pseudo-Boolean proof version 2.0\nf {model.size}\nsoli {' '.join(chosen)}\n"
    proof = _Lines(model, derivation)
    for line in proof.lines():
        yield line + "\n"
    yield f"output NONE\nconclusion BOUNDS {-bound} : {proof.last} {-bound}\nend pseudo-Boolean proof\n"


class _Lines:
    """The lines of a proof, and the number of the last constraint."""

    def __init__(self, model: _BitModel, derivation: Derivation):
        self.model, self.program, self.derivation = model, model.program, derivation
        self.better = self.last = model.size + 1
        self.rows: list[tuple[int, int]] = []
        self.fresh = 0
        self.hired = self.program.hired.tolist()
        self.at = list(range(len(self.program.upper)))
        """For each column of the tree the one of the program."""
        self.reduction: Reduction | None = None
        self.stay: dict[int, int] = {}
        """For sums of bits that stay where they are what says that they are no less; 0 if propagation knows."""
        self.high: set[int] = set()
        """Those of them that stay at their upper bound."""
        self.wide: dict[int, list[tuple[int, int]]] = {j: [] for j in self.program.wide}
        """For each sum of bits the rows that it stands in, and its coefficients."""
        for k, row in enumerate(self.program.rows):
            for at in np.flatnonzero(~self.program.single[row.columns]).tolist():
                self.wide[int(row.columns[at])].append((k, int(row.coefficients[at])))

    def lines(self) -> Iterator[str]:
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
        reduction = self.derivation.reduction
        if reduction is not None:
            yield from self._reduce(reduction)
        yield from self._tree(self.derivation.tree)

    def _reduce(self, reduction: Reduction) -> Iterator[str]:
        """Write the sum that says where the columns stay that are not open.

        Of a sum of bits that could be more than its upper bound, the one that has been cut off says only that it is at least that.
        """
        yield self._next(f"pol {self._sum(reduction.combination, {})}")
        stay = {j: 0 for j in self.program.wide if reduction.stay[j]}
        for j in self.program.wide:
            if reduction.high[j] and j in self.model.caps:
                yield self._next(f"pol {self._sum(reduction.combination, {}, uncapped=j)}")
                yield self._next(f"rup {_form(self.model.terms([j], [1]))} >= {self.program.upper[j]} ;")
                yield f"del id {self.last - 1}"
                stay[j] = self.last
        self.reduction, self.stay, self.high = reduction, stay, {j for j in stay if reduction.high[j]}
        self.at = reduction.columns.tolist()
        self.hired = [self.at[j] for j in reduction.inner.hired.tolist()]

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
            elif node.column is not None and self.program.upper[self.at[node.column]] == 1:
                name = self.program.names[self.at[node.column]]
                tasks.append((None, {}, way, ()))
                tasks.append((node.above, held, (*way, name), ()))
                tasks.append((node.below, held, (*way, f"~{name}"), ()))
            else:
                name, lines = self._halves(node)
                yield from lines
                column, low, high = None if node.column is None else self.at[node.column], self.last - 1, self.last
                tasks.append((None, {}, way, (low, high)))
                tasks.append((node.above, {**held, (column, "G"): high}, (*way, name), ()))
                tasks.append((node.below, {**held, (column, "L"): low}, (*way, f"~{name}"), ()))

    def _halves(self, node: Split) -> tuple[str, list[str]]:
        """Return a fresh variable that is true where a sum is more than the split's value, and the lines that make it so."""
        columns = self.hired if node.column is None else [self.at[node.column]]
        terms, least = self.model.terms(columns, [1] * len(columns)), node.value + 1
        most = sum(a for a, _ in terms)
        name = f"above{self.fresh}"
        self.fresh += 1
        below = _form([*((a, f"~{x}") for a, x in terms), (most - node.value, name)])
        above = _form([*terms, (least, f"~{name}")])
        first = self._next(f"red {below} >= {most - node.value} ; {name} -> 1")
        second = self._next(f"red {above} >= {least} ; {name} -> 0")
        return name, [first, second]

    def _sum(self, leaf: Combination, held: Held, uncapped: int | None = None) -> str:
        """Write the sum of constraints that a leaf is."""
        program, wanted = self.program, dict[int, int]()
        prices = leaf.prices if self.reduction is None else self.reduction.extended(leaf).prices
        if leaf.scale:
            wanted[self.better] = leaf.scale * program.step
        for price, (number, unit) in zip(prices, self.rows, strict=True):
            if price:
                wanted[number] = price * unit
        for sense, price in (("L", leaf.most), ("G", leaf.least)):
            # Without a decision, the number hired lies within 0 and all: the variables see to that themselves.
            if price and (None, sense) in held:
                wanted[held[None, sense]] = price
        for j, rows in self.wide.items():
            margin = leaf.scale * int(program.objective[j]) - sum(prices[k] * a for k, a in rows)
            number = held.get((j, "L" if margin > 0 else "G"), self.model.caps.get(j, 0) if margin > 0 else 0)
            if j in self.stay and (margin < 0 or j not in self.high):
                # At 0 no bit adds anything; at the upper bound its own constraint says that the bits add enough.
                number = self.stay[j]
            if margin and number and j != uncapped:
                wanted[number] = wanted.get(number, 0) + abs(margin)
        words = [f"{number} {times} *" for number, times in wanted.items()]
        return " + ".join([" ".join(words[:2]), *words[2:]]) + (" +" if len(words) > 1 else "")

    @staticmethod
    def _denial(way: tuple[str, ...]) -> str:
        clause = " ".join(f"1 {literal[1:] if literal.startswith('~') else f'~{literal}'}" for literal in way)
        return f"rup {clause} >= 1 ;"


def _form(terms: Terms) -> str:
    return " ".join(f"{a} {name}" for a, name in terms)
