"""A derivation as an OPB model and a pseudo-Boolean proof, version 2.0, as VeriPB reads it.

Model: columns with an upper bound of 1 are variables, the others are sums of bits, ``y0_1b2`` stands for ``4``; rows as ``>=``, then
the bounds of such sums; ``min:`` the objective's negative.

Proof: the point is logged, which asks for a better one from there on; a *falsum* follows. A leaf is a cutting planes sum (``pol``) of
what asks for a better point, of rows, and of what was decided about sums; under the decisions on its way it cannot hold, which
unit propagation sees, so the clause that denies these decisions is added by ``rup``. Clauses of two sides give that of their parent in
the same way. The number hired, and sums of bits, are split by a fresh variable that stands for one side (two ``red`` lines).

Where the root leaves few columns open, its sum comes first, in which unit propagation sees where the others are. For each row that
the tree needs a fresh variable says that the row holds in the open columns alone: if it did not, the row itself could not. Then
nothing is left of the sum, and leaves are as long as the open columns are many.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np

from ...models.exact import IntArray
from .branching import Derivation, Split, leaves_of
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
        """For each row the constraint that limits it as far as can be reached, 0 where none is needed, and how often it makes the row."""
        self.fresh = 0
        self.at = list(range(len(self.program.upper)))
        """For each column of the program the one of the model."""

    def lines(self) -> Iterator[str]:
        """Yield the lines that end in a contradiction."""
        yield from self._rounded(self.better, 1, [(at + 1, 1) for at in range(len(self.program.rows))])
        if self.derivation.reduction is not None:
            yield from self._reduce(self.derivation.reduction)
        yield from self._tree(self.derivation.tree)

    def _rounded(self, better: int, known: int, rows: list[tuple[int, int]]) -> Iterator[str]:
        """Divide what asks for something better, and rows that cannot reach their limits, as far as that is not done yet."""
        self.better, self.rows = better, []
        if better and self.program.step > known:
            yield self._next(f"pol {better} {self.program.step // known} d")
            self.better = self.last
        for (number, unit), row in zip(rows, self.program.rows, strict=True):
            if number and row.rounded != row.limit:
                yield self._next(f"pol {number} {row.unit // unit} d")
                self.rows.append((self.last, row.unit))
            else:
                self.rows.append((number, unit))

    def _reduce(self, reduction: Reduction) -> Iterator[str]:
        """Write the rows that the tree needs, in the open columns alone."""
        outer, inner, leaves = self.program, reduction.inner, leaves_of(self.derivation.tree)
        yield self._next(f"pol {self._sum(reduction.combination, {})}")
        done, full = [self.last], dict[int, int]()
        for j in outer.wide:
            if reduction.high[j] and j in self.model.caps:
                # The bits could be more than the upper bound; that they are no less is what the sum without it says.
                yield self._next(f"pol {self._sum(reduction.combination, {}, uncapped=j)}")
                yield self._next(f"rup {_form(self.model.terms([j], [1]))} >= {outer.upper[j]} ;")
                done += [self.last - 1, self.last]
                full[j] = self.last
        better, rows = 0, [(0, 1)] * len(inner.rows)
        if any(leaf.scale for leaf in leaves):
            columns, worth = np.arange(len(outer.upper)), outer.objective // outer.step
            least = reduction.wanted // outer.step
            better = yield from self._without(reduction, full, self.better, columns, worth, least, done)
        for at, k in enumerate(reduction.rows):
            if any(leaf.prices[at] for leaf in leaves):
                row, (number, unit) = outer.rows[k], self.rows[k]
                signs, least = -(row.coefficients // unit), -(inner.rows[at].limit // unit)
                left = yield from self._without(reduction, full, number, row.columns, signs, least, done)
                rows[at] = (left, unit)
        # Nothing that stands for a column that stays is left: else all of them would be propagated again with every leaf.
        yield f"del id {' '.join(map(str, done))}"
        self.program, self.at = inner, reduction.columns.tolist()
        yield from self._rounded(better, outer.step, rows)

    def _without(
        self,
        reduction: Reduction,
        full: dict[int, int],
        number: int,
        columns: np.ndarray,
        signs: IntArray,
        least: int,
        done: list[int],
    ) -> Generator[str, None, int]:
        """Write a constraint, at least something, in the open columns alone, and return its number, 0 if it says nothing.

        A fresh variable says whether it holds. Added to its denial, the constraint is one of columns that stay, and is broken.
        `done` is told what is not needed any longer.
        """
        left = ~reduction.stay[columns]
        terms, least = _positive(self.model.terms(columns[left].tolist(), signs[left].tolist()), least)
        wanted = {number: 1}
        for j, a in zip(columns[~left].tolist(), signs[~left].tolist(), strict=True):
            bound = 0 if not reduction.high[j] else self.model.caps.get(j, 0) if a > 0 else full.get(j, 0)
            if a and bound:
                wanted[bound] = abs(a)
        if least <= 0:
            return 0
        if least > sum(a for a, _ in terms):
            yield self._next(f"pol {_added(wanted)}")
            yield self._next("rup >= 1 ;")
            done.append(self.last - 1)
            return self.last
        name, lines = self._halves(terms, least)
        yield from lines
        below, above = self.last - 1, self.last
        yield self._next(f"pol {_added({below: 1, **wanted})}")
        yield self._next(f"rup 1 {name} >= 1 ;")
        done += [below, above, self.last - 1, self.last]
        yield self._next(f"pol {_added({above: 1, self.last: least})}")
        return self.last

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
                columns = [self.at[j] for j in (self.program.hired.tolist() if node.column is None else [node.column])]
                name, lines = self._halves(self.model.terms(columns, [1] * len(columns)), node.value + 1)
                yield from lines
                low, high = self.last - 1, self.last
                tasks.append((None, {}, way, (low, high)))
                tasks.append((node.above, {**held, (node.column, "G"): high}, (*way, name), ()))
                tasks.append((node.below, {**held, (node.column, "L"): low}, (*way, f"~{name}"), ()))

    def _halves(self, terms: Terms, least: int) -> tuple[str, list[str]]:
        """Return a fresh variable that is true where positive terms are at least something, and the lines that make it so."""
        most = sum(a for a, _ in terms)
        name = f"above{self.fresh}"
        self.fresh += 1
        below = _form([*((a, _opposite(x)) for a, x in terms), (most - least + 1, name)])
        above = _form([*terms, (least, f"~{name}")])
        first = self._next(f"red {below} >= {most - least + 1} ; {name} -> 1")
        second = self._next(f"red {above} >= {least} ; {name} -> 0")
        return name, [first, second]

    def _sum(self, leaf: Combination, held: Held, uncapped: int | None = None) -> str:
        """Write the sum of constraints that a leaf is."""
        program, wanted = self.program, dict[int, int]()
        prices = [price if number else 0 for price, (number, _) in zip(leaf.prices, self.rows, strict=True)]
        leaf = Combination(leaf.scale if self.better else 0, tuple(prices), leaf.most, leaf.least)
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
        for j in program.wide:
            margin, cap = int(margins[j]), self.model.caps.get(self.at[j], 0)
            number = held.get((j, "L" if margin > 0 else "G"), cap if margin > 0 else 0)
            if margin and number and j != uncapped:
                wanted[number] = wanted.get(number, 0) + abs(margin)
        return _added(wanted)

    @staticmethod
    def _denial(way: tuple[str, ...]) -> str:
        clause = " ".join(f"1 {_opposite(literal)}" for literal in way)
        return f"rup {clause} >= 1 ;"


def _added(times: dict[int, int]) -> str:
    """Write a sum of constraints, each as often as is said."""
    words = [f"{number} {factor} *" for number, factor in times.items()]
    return " + ".join([" ".join(words[:2]), *words[2:]]) + (" +" if len(words) > 1 else "")


def _opposite(literal: str) -> str:
    return literal[1:] if literal.startswith("~") else f"~{literal}"


def _positive(terms: Terms, least: int) -> tuple[Terms, int]:
    """Return a form that is at least something with no coefficient below 0."""
    less = sum(-a for a, _ in terms if a < 0)
    return [(a, x) if a > 0 else (-a, _opposite(x)) for a, x in terms if a], least + less


def _form(terms: Terms) -> str:
    return " ".join(f"{a} {name}" for a, name in terms)
