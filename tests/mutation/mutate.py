"""Change one thing at a time in a file of the trusted kernel and see whether the tests notice.

``python tests/mutation/mutate.py solvers/proofs/walk.py [--share 0.2 --seed 1] [--within NAME]`` prints the mutants that no test
noticed. The package is copied to a temporary folder first: nothing is changed in place. Which tests belong to which file is said in
`TESTS`. A mutant that makes the tests run longer than allowed counts as noticed, and is said to be.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
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
PROOFS = "tests/solvers/proofs/test_"
TREE = [f"{PROOFS}{name}.py" for name in ("tree_cases", "tree_campaign")] + [
    f"{PROOFS}tree.py::test_{name}"
    for name in (
        "units_of_fractions",
        "no_more_places_are_offered_than_can_be_empty",
        "plenty_saves_combinations",
        "places_of_whom_the_base_hires_can_be_empty_too",
        "multipliers_beyond_a_word_of_columns_of_zeros",
        "numbers_of_every_size",
        "where_limbs_and_objects_begin",
        "numbers_that_a_search_leaves_to_the_reference",
        "a_search_that_is_too_large_is_refused",
        "what_runs_out_of_time_stops",
        "ranks_serve_where_gains_do_not_fit",
        "nested_seats_with_a_priced_count",
    )
]
ATTACKS = [
    f"{PROOFS}attacks.py::test_{name}"
    for name in (
        "numpy_integers_are_numbers_and_other_numpy_scalars_are_none",
        "the_longest_numbers_of_a_proof",
        "workers_and_counts_that_are_not_there",
        "what_a_claim_of_a_tree_may_not_say",
        "kinds_cannot_be_exchanged",
        "a_bound_off_by_one_is_refused",
    )
]
CLOCK = f"{PROOFS}clock_reading.py"
DOCUMENT, PACKING, SOCIAL = (
    [f"{PROOFS}document_fields.py", f"{PROOFS}document.py"],
    [f"{PROOFS}packing_proofs.py", CLOCK],
    [f"{PROOFS}social.py", CLOCK],
)
TESTS = {
    "solvers/proofs/document.py": DOCUMENT,
    "solvers/proofs/point.py": [f"{PROOFS}point.py", *DOCUMENT],
    "solvers/proofs/outcome.py": [f"{PROOFS}outcome.py"],
    "solvers/proofs/fractional.py": [f"{PROOFS}fractional.py", *ATTACKS, CLOCK],
    "solvers/proofs/kinds.py": [f"{PROOFS}kinds_proofs.py", CLOCK],
    "solvers/proofs/dynamic.py": [f"{PROOFS}dynamic.py"],
    "solvers/proofs/packing.py": PACKING,
    "solvers/proofs/purse_sets.py": PACKING,
    "solvers/proofs/disjoint_sets.py": [f"{PROOFS}disjoint_sets.py", *PACKING],
    "solvers/proofs/social_document.py": [f"{PROOFS}social_document.py"],
    "solvers/proofs/social.py": SOCIAL,
    "solvers/proofs/listed_states.py": [f"{PROOFS}listed_states.py", *SOCIAL],
    "solvers/proofs/enclosure.py": [f"{PROOFS}enclosure.py"],
    "solvers/proofs/nodes.py": [*ATTACKS, *TREE],
    "solvers/proofs/proof.py": [f"{PROOFS}document_fields.py::test_what_is_written_of_a_proof", *ATTACKS, *TREE],
    "solvers/proofs/tree.py": [*ATTACKS, *TREE],
    "solvers/proofs": TREE,
    "solvers/feasibility.py": ["tests/solvers/test_feasibility.py"],
    "models/exact.py": ["tests/models/test_exact_numbers.py"],
    "models/sharing/expression.py": [f"tests/models/sharing/test_{name}.py" for name in ("certified", "expression")],
}
"""For each file, or folder, the tests that are to notice; those that notice most in least time come first."""

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


def mutants(source: str, within: str | None = None) -> Iterator[tuple[int, str, str]]:
    """Yield (line, what was changed, source) of every mutant; annotations, docstrings, ``strict`` and ``frozen`` are left alone."""
    tree = ast.parse(source)
    homes = [node for node in ast.walk(tree) if within is None or getattr(node, "name", None) == within]
    hints = {id(inner) for node in ast.walk(tree) for hint in hints_of(node) for inner in ast.walk(hint)}
    for parent in ast.walk(homes[0]):
        for name, value in ast.iter_fields(parent):
            if (
                id(parent) in hints
                or name in ("annotation", "returns", "decorator_list")
                or getattr(parent, "arg", None) in ("strict", "frozen")
            ):
                continue
            children = enumerate(value) if isinstance(value, list) else [(None, value)]
            for at, child in children:
                if not isinstance(child, ast.AST):
                    continue
                for what, other in changes(child):
                    put(parent, name, at, ast.fix_missing_locations(ast.copy_location(other, child)))
                    yield getattr(child, "lineno", 0), what, ast.unparse(tree)
                    put(parent, name, at, child)


def hints_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the annotations of a function, an argument or a variable."""
    for name in ("annotation", "returns"):
        hint = getattr(node, name, None)
        if hint is not None:
            yield hint


def put(parent: ast.AST, name: str, at: int | None, child: ast.AST) -> None:
    if at is None:
        setattr(parent, name, child)
    else:
        getattr(parent, name)[at] = child


def noticed(home: Path, tests: list[str], seconds: float) -> str | None:
    """Run the tests in a child of this process, which has loaded what is slow to load; how it was seen that one fails."""
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
            return "failed" if status else None
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "too long"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="within the repository")
    parser.add_argument("--share", type=float, default=1.0, help="of all mutants, chosen by --seed")
    parser.add_argument("--within", help="a class or function of the file: nothing else is changed")
    parser.add_argument("--seconds", type=float, default=600.0, help="a mutant may take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="+", help="instead of those that belong to the file")
    given = parser.parse_args()
    for heavy in ("hypothesis", "mpmath", "numpy", "pytest"):
        importlib.import_module(heavy)

    tests = given.tests or next(tests for name, tests in TESTS.items() if given.file.startswith(name))
    source = (ROOT / given.file).read_text()
    chosen = [
        mutant
        for mutant in mutants(source, given.within)
        if random.Random(f"{given.seed} {mutant[2]}").random() < given.share
    ]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(ROOT, home / "fedmech", ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache"))
        target = home / "fedmech" / given.file
        if noticed(home, tests, given.seconds):
            print("the tests fail, or take too long, without any change")
            return 1
        survivors = 0
        for at, (line, what, text) in enumerate(chosen, start=1):
            target.write_text(text)
            # What was compiled of the mutant before is told from this one by whole seconds.
            os.utime(target, (at, at))
            how = noticed(home, tests, given.seconds)
            if how != "failed":
                survivors += how is None
                print(f"{given.file}:{line}: {what}{': too long' if how else ''}", flush=True)
    print(f"{given.file}: {len(chosen)} mutants, {survivors} not noticed", flush=True)
    return int(survivors > 0)


if __name__ == "__main__":
    raise SystemExit(main())
