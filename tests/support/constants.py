"""Which constants of a room are numbers, and which of them some test exchanges or reads, so that none is left without tests around it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop | ast.Tuple | ast.Load
EXACT = ("Fraction", "Decimal")


def constants_of(room: str) -> list[str]:
    """``folder.file.NAME`` for each constant of a room that is a number or lists numbers."""
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        home = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(name)], value=value)
                    | ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value)
                ) if name.isupper() and is_number(value):
                    found.append(f"{home}.{name}")
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=value) if is_number(value):
                    found += [f"{home}.{one.id}" for one in names if isinstance(one, ast.Name) and one.id.isupper()]
    return found


def is_number(value: ast.expr) -> bool:
    """Whether it is written as numbers and nothing else."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in EXACT:
        return all(map(is_number, value.args))
    kinds = {type(part.value) for part in ast.walk(value) if isinstance(part, ast.Constant)}
    return bool(kinds) and kinds <= {int, float} and all(isinstance(part, PARTS) for part in ast.walk(value))


@cache
def named_by_tests() -> frozenset[str]:
    """Every ``room.folder.file.NAME`` that tests import, read, or name beside its module, as where it is exchanged."""
    return frozenset(name for path in (ROOT / "tests").rglob("*.py") for name in names_in(path))


def names_in(path: Path) -> Iterator[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    homes = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fedmech"):
            for one in node.names:
                homes[one.asname or one.name] = f"{node.module}.{one.name}".removeprefix("fedmech.")
    yield from homes.values()
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(home), attr=name) if home in homes:
                yield f"{homes[home]}.{name}"
            case ast.Tuple(elts=[*parts]) | ast.Call(args=[*parts]):
                for one, other in itertools.pairwise(parts):
                    match one, other:
                        case ast.Name(home), ast.Constant(str(name)) if home in homes:
                            yield f"{homes[home]}.{name}"
            case ast.Constant(str(text)) if text.startswith("fedmech."):
                yield text.removeprefix("fedmech.")


def left_over(room: str, no_size: Set[str]) -> list[str]:
    """Constants of a room that no test names, and those said to be of no size that a test names or that there are not."""
    known, named = constants_of(room), named_by_tests()
    without = {f"{room}.{name}" for name in no_size}
    return [name for name in known if (name in named) == (name in without)] + sorted(without - {*known})
