"""OPB models and pseudo-Boolean proofs (version 2.0) replayed in Python integers; nothing is taken from the writer.

A constraint is a mapping from literals to positive coefficients, no variable in both signs, and a degree. Rules: ``f``, ``soli``,
``pol`` with ``*``, ``+`` and ``d``, ``rup``, ``red`` for a variable that nothing else knows, ``del id``, ``output NONE`` and
``conclusion BOUNDS``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NotVerified", "replay_opb"]


class NotVerified(Exception):
    """The proof proves nothing; says where."""


def need(condition: bool, what: str) -> None:
    if not condition:
        raise NotVerified(what)


def opposite(literal: str) -> str:
    return literal[1:] if literal.startswith("~") else f"~{literal}"


@dataclass(frozen=True)
class AtLeast:
    """``sum coefficient * literal >= degree``."""

    terms: dict[str, int]
    degree: int

    @classmethod
    def of(cls, terms: list[tuple[int, str]], degree: int) -> AtLeast:
        """Bring any linear form into the normal one."""
        net: dict[str, int] = {}
        for a, literal in terms:
            name = literal.removeprefix("~")
            if literal.startswith("~"):
                degree -= a
                a = -a
            net[name] = net.get(name, 0) + a
        degree += sum(-a for a in net.values() if a < 0)
        return cls({name if a > 0 else f"~{name}": abs(a) for name, a in net.items() if a}, degree)

    def list(self) -> list[tuple[int, str]]:
        return [(a, literal) for literal, a in self.terms.items()]

    def times(self, factor: int) -> AtLeast:
        need(factor > 0, "a factor that is not positive")
        return AtLeast({literal: a * factor for literal, a in self.terms.items()}, self.degree * factor)

    def plus(self, other: AtLeast) -> AtLeast:
        return AtLeast.of(self.list() + other.list(), self.degree + other.degree)

    def divided(self, by: int) -> AtLeast:
        need(by > 0, "a divisor that is not positive")
        return AtLeast({literal: -(-a // by) for literal, a in self.terms.items()}, -(-self.degree // by))

    def denied(self) -> AtLeast:
        return AtLeast.of([(-a, literal) for a, literal in self.list()], 1 - self.degree)

    def slack(self, true: set[str]) -> int:
        """What can still be reached beyond the degree."""
        return sum(a for literal, a in self.terms.items() if opposite(literal) not in true) - self.degree


def read_constraint(words: list[str]) -> AtLeast:
    """Read ``3 x1 -2 ~x2 >= 4``."""
    at = words.index(">=")
    need(at % 2 == 0 and len(words) == at + 2, "not a constraint")
    return AtLeast.of([(int(words[i]), words[i + 1]) for i in range(0, at, 2)], int(words[at + 1]))


def replay_opb(model: str, proof: str) -> int:
    """Return the optimum of ``min`` that a proof proves, or raise."""
    try:
        return _Replay(model).run(proof)
    except (ValueError, IndexError, KeyError) as error:
        raise NotVerified(f"cannot be read: {error!r}") from None


class _Replay:
    def __init__(self, model: str):
        lines = [line.split() for line in model.splitlines() if not line.startswith("*")]
        need(all(line[-1] == ";" for line in lines), "a line without its end")
        need(lines[0][0] == "min:", "no objective")
        goal = lines[0][1:-1]
        self.objective = [(int(goal[i]), goal[i + 1]) for i in range(0, len(goal), 2)]
        self.model = [read_constraint(line[:-1]) for line in lines[1:]]
        self.known = dict(enumerate(self.model, start=1))
        self.last = len(self.known)
        self.best: int | None = None

    def run(self, proof: str) -> int:
        lines = [line.split() for line in proof.splitlines()]
        need(lines[0] == ["pseudo-Boolean", "proof", "version", "2.0"], "version")
        need(lines[-1] == ["end", "pseudo-Boolean", "proof"], "no end")
        need(lines[-3] == ["output", "NONE"], "no output line")
        for rule, *words in lines[1:-3]:
            {"f": self.formula, "soli": self.solution, "pol": self.sum, "rup": self.propagated, "red": self.fresh,
             "del": self.delete}[rule](words)  # fmt: skip
        conclusion, kind, low, colon, number, high = lines[-2]
        need((conclusion, kind, colon) == ("conclusion", "BOUNDS", ":"), "no conclusion")
        need(int(low) == int(high) == self.best, "the conclusion is not what was logged")
        need(self.known[int(number)].slack(set()) < 0, "no contradiction")
        return int(low)

    def add(self, constraint: AtLeast) -> None:
        self.last += 1
        self.known[self.last] = constraint

    def formula(self, words: list[str]) -> None:
        need([str(len(self.model))] == words, "another number of constraints")

    def solution(self, words: list[str]) -> None:
        true = set(words)
        names = {literal.removeprefix("~") for row in self.model for literal in row.terms}
        names |= {name for _, name in self.objective}
        need(not any(opposite(literal) in true for literal in true), "a variable is both")
        need(all(name in true or f"~{name}" in true for name in names), "a variable is left out")
        need(all(row.slack(true) >= 0 for row in self.model), "the solution breaks a constraint")
        self.best = sum(a for a, name in self.objective if name in true)
        self.add(AtLeast.of([(-a, name) for a, name in self.objective], 1 - self.best))

    def sum(self, words: list[str]) -> None:
        stack: list[AtLeast | int] = []
        for word in words:
            if word == "+":
                second, first = self.constraint(stack.pop()), self.constraint(stack.pop())
                stack.append(first.plus(second))
            elif word in ("*", "d"):
                number, first = stack.pop(), self.constraint(stack.pop())
                assert isinstance(number, int)
                stack.append(first.times(number) if word == "*" else first.divided(number))
            else:
                stack.append(int(word))
        need(len(stack) == 1, "a sum that is not one constraint")
        self.add(self.constraint(stack[0]))

    def constraint(self, given: AtLeast | int) -> AtLeast:
        return self.known[given] if isinstance(given, int) else given

    def propagated(self, words: list[str]) -> None:
        need(words[-1] == ";", "a line without its end")
        wanted = read_constraint(words[:-1])
        need(self.conflict(wanted.denied()), "does not follow by propagation")
        self.add(wanted)

    def conflict(self, assumed: AtLeast) -> bool:
        """Whether unit propagation ends in a contradiction."""
        true: set[str] = set()
        rows, changed = [assumed, *self.known.values()], True
        while changed:
            changed = False
            for row in rows:
                slack = row.slack(true)
                if slack < 0:
                    return True
                for literal, a in row.terms.items():
                    if a > slack and literal not in true and opposite(literal) not in true:
                        true.add(literal)
                        changed = True
        return False

    def fresh(self, words: list[str]) -> None:
        """``red``, where the witness sets one variable that so far stands in nothing, or in this one's other half alone."""
        end = words.index(";")
        wanted = read_constraint(words[:end])
        name, arrow, value = words[end + 1 :]
        need(arrow == "->" and value in ("0", "1"), "not a witness")
        literal = name if value == "1" else f"~{name}"
        need(wanted.terms.get(literal, 0) >= wanted.degree, "the witness does not do")
        need(all(name != known for _, known in self.objective), "the variable is known")
        others = [row for row in self.known.values() if name in row.terms or f"~{name}" in row.terms]
        denied = wanted.denied()
        for row in others:
            # The other half has to hold with the witness wherever this one does not: without the variable it is weaker than its denial.
            rest = AtLeast({x: a for x, a in row.terms.items() if x != opposite(literal)}, row.degree)
            need(literal not in row.terms, "the variable is known")
            weakened = AtLeast(
                {x: a for x, a in denied.terms.items() if x != opposite(literal)},
                denied.degree - denied.terms.get(opposite(literal), 0),
            )
            need(rest.terms == weakened.terms and rest.degree <= weakened.degree, "the two halves leave something out")
        self.add(wanted)

    def delete(self, words: list[str]) -> None:
        need(words[0] == "id", "only numbers can be deleted")
        for word in words[1:]:
            need(int(word) > len(self.model), "a constraint of the model is never deleted")
            del self.known[int(word)]
