"""Change one thing at a time in a file of the trusted kernel and see whether the tests notice.

``python tests/mutation/mutate.py solvers/proofs/walk.py [--share 0.2] [--seconds 120]`` prints the mutants that no test noticed. The package
is copied to a temporary folder first: nothing is changed in place. Which tests belong to which file is said in `TESTS`. A mutant that
makes the tests run longer than allowed counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = [f"tests/solvers/proofs/test_{name}.py" for name in ("tree_campaign", "attacks", "tree")]
DOCUMENT = ["tests/solvers/proofs/test_document.py"]
TESTS = {
    "solvers/proofs/document.py": DOCUMENT,
    "solvers/proofs/point.py": DOCUMENT,
    "solvers/proofs/outcome.py": ["tests/solvers/proofs/test_outcome.py"],
    "solvers/proofs/fractional.py": ["tests/solvers/proofs/test_fractional.py", "tests/solvers/proofs/test_attacks.py"],
    "solvers/proofs": TREE,
    "solvers/feasibility.py": ["tests/solvers/test_feasibility.py"],
    "models/exact.py": ["tests/models/test_exact_numbers.py"],
}

COMPARISONS = {
    ast.Lt: [ast.LtE], ast.LtE: [ast.Lt], ast.Gt: [ast.GtE], ast.GtE: [ast.Gt],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what a node may become, with a word for it."""
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            for other in COMPARISONS.get(type(operator), []):
                changed = copy.deepcopy(node)
                changed.ops[at] = other()
                yield f"{type(operator).__name__} to {other.__name__}", changed
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        changed = copy.deepcopy(node)
        changed.op = ARITHMETIC[type(node.op)]()
        yield f"{type(node.op).__name__} to {type(changed.op).__name__}", changed
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        for other in (node.value + 1, node.value - 1):
            yield f"{node.value} to {other}", ast.Constant(other)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield f"{node.value} to {not node.value}", ast.Constant(not node.value)
    elif isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{type(node.op).__name__} to {type(changed.op).__name__}", changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield f"without {type(node.op).__name__}", node.operand
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield f"{node.id} to {NAMES[node.id]}", ast.Name(NAMES[node.id], node.ctx)
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        changed = copy.deepcopy(node)
        changed.attr = NAMES[node.attr]
        yield f"{node.attr} to {NAMES[node.attr]}", changed
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        changed = copy.deepcopy(node)
        changed.test = ast.UnaryOp(ast.Not(), node.test)
        yield "condition negated", changed
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "call left out", ast.Pass()


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, what was changed, source) of every mutant; annotations and docstrings are left alone."""
    tree = ast.parse(source)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            children = enumerate(value) if isinstance(value, list) else [(None, value)]
            for at, child in children:
                if not isinstance(child, ast.AST):
                    continue
                for what, other in changes(child):
                    put(parent, name, at, ast.fix_missing_locations(ast.copy_location(other, child)))
                    yield getattr(child, "lineno", 0), what, ast.unparse(tree)
                    put(parent, name, at, child)


def put(parent: ast.AST, name: str, at: int | None, child: ast.AST) -> None:
    if at is None:
        setattr(parent, name, child)
    else:
        getattr(parent, name)[at] = child


def noticed(home: Path, tests: list[str], seconds: float) -> bool:
    """Run the tests in a child of this process, which has loaded what is slow to load; whether one fails."""
    child = os.fork()
    if child == 0:
        os.setsid()
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        import pytest

        sys.path.insert(0, str(home))
        os.environ["PYTHONPATH"] = str(home)
        os.chdir(home / "fedmech")
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status != 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="within the repository")
    parser.add_argument("--share", type=float, default=1.0, help="of all mutants, chosen by --seed")
    parser.add_argument("--seconds", type=float, default=300.0, help="a mutant may take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="+", help="instead of those that belong to the file")
    given = parser.parse_args()
    import numpy  # noqa: F401
    import pytest  # noqa: F401

    tests = given.tests or next(tests for name, tests in TESTS.items() if given.file.startswith(name))
    source = (ROOT / given.file).read_text()
    chosen = [mutant for mutant in mutants(source) if random.Random(f"{given.seed} {mutant[2]}").random() < given.share]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(ROOT, home / "fedmech", ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache"))
        target = home / "fedmech" / given.file
        sys.dont_write_bytecode = True
        if noticed(home, tests, given.seconds):
            print("the tests fail, or take too long, without any change")
            return 1
        survivors = 0
        for line, what, text in chosen:
            target.write_text(text)
            if not noticed(home, tests, given.seconds):
                survivors += 1
                print(f"{given.file}:{line}: {what}", flush=True)
    print(f"{given.file}: {len(chosen)} mutants, {survivors} not noticed", flush=True)
    return int(survivors > 0)


if __name__ == "__main__":
    raise SystemExit(main())
