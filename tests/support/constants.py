"""Which whole-number constants a room has, read from its source, so that none is left without a test on both sides of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def constants_of(room: str) -> list[str]:
    """``file.NAME`` for each constant of a folder that is one whole number."""
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign(targets=[ast.Name(name)], value=value) if name.isupper():
                    leaves = [leaf.value for leaf in ast.walk(value) if isinstance(leaf, ast.Constant)]
                    kinds = ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop
                    if {*map(type, leaves)} == {int} and all(isinstance(part, kinds) for part in ast.walk(value)):
                        found.append(f"{path.stem}.{name}")
    return found


def left_over(room: str, here: Set[str], elsewhere: Mapping[str, str], no_size: Mapping[str, str]) -> list[str]:
    """Constants of a room that no test is said to look at, and what is said of constants that there are not or of tests that do not name them."""
    known = constants_of(room)
    wrong = [name for name in known if name not in {*here, *elsewhere, *no_size}]
    wrong += sorted({*here, *elsewhere, *no_size} - {*known})
    for name, test in elsewhere.items():
        if name.split(".")[-1] not in (ROOT / test).read_text(encoding="utf-8"):
            wrong.append(f"{test} does not name {name}")
    return wrong
