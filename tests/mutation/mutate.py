"""Change one thing at a time in a file of the trusted kernel and see whether the tests notice.

``python tests/mutation/mutate.py solvers/proofs/walk.py [--share 0.2 --seed 1] [--within NAME] [--slow]`` prints the mutants that no test
noticed. The package is copied to a temporary folder first: nothing is changed in place. Which tests belong to which file is said in
`TESTS`. A mutant that makes the tests run longer than allowed counts as noticed, and is said to be.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import contextlib
import copy
import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

import pytest

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
    [*(f"{PROOFS}social{name}.py" for name in ("_values", "_surface", "_terms", "")), CLOCK],
)
FOLDER = [f"{PROOFS}folder_leaves.py", "tests/solvers/streamed/test_streamed.py"]
TESTS = {
    "solvers/proofs/document.py": DOCUMENT,
    "solvers/proofs/cheapest.py": [f"{PROOFS}cheapest.py"],
    "solvers/proofs/point.py": [f"{PROOFS}point.py", *DOCUMENT],
    "solvers/proofs/outcome.py": [f"{PROOFS}outcome.py"],
    "solvers/proofs/fractional.py": [f"{PROOFS}fractional.py", *ATTACKS, CLOCK],
    "solvers/proofs/blocks.py": [f"{PROOFS}block_proofs.py", "tests/solvers/separate/test_blocks.py"],
    "solvers/proofs/streamed.py": FOLDER,
    "solvers/proofs/folder_document.py": FOLDER,
    "solvers/proofs/kinds.py": [f"{PROOFS}kinds_proofs.py", CLOCK],
    "solvers/proofs/dynamic.py": [f"{PROOFS}dynamic_terms.py", f"{PROOFS}dynamic.py", CLOCK],
    "solvers/proofs/staircase.py": [f"{PROOFS}staircase.py"],
    "solvers/proofs/subadditive.py": [f"{PROOFS}subadditive.py"],
    "solvers/proofs/lattice.py": [f"{PROOFS}lattice.py"],
    "solvers/proofs/packing.py": [f"{PROOFS}purse_sets.py", *PACKING],
    "solvers/proofs/purse_sets.py": [f"{PROOFS}purse_sets.py", *PACKING],
    "solvers/proofs/disjoint_sets.py": [f"{PROOFS}disjoint_sets.py", *PACKING],
    "solvers/proofs/social_document.py": [f"{PROOFS}social_document.py"],
    "solvers/proofs/social.py": SOCIAL,
    "solvers/proofs/listed_states.py": [f"{PROOFS}listed_states.py", *SOCIAL],
    "solvers/proofs/enclosure.py": [f"{PROOFS}enclosure.py"],
    "solvers/proofs/nodes.py": [*ATTACKS, *TREE],
    "solvers/proofs/proof.py": [f"{PROOFS}document_fields.py::test_what_is_written_of_a_proof", *ATTACKS, *TREE],
    "solvers/proofs/tree.py": [*ATTACKS, *TREE],
    "solvers/proofs/reference/search.py": [f"{PROOFS}searches.py", *TREE],
    "solvers/proofs/reference/narrow.py": [f"{PROOFS}narrowing.py", *TREE],
    "solvers/proofs/arrays/narrow.py": [f"{PROOFS}narrowing.py", *TREE],
    "solvers/proofs/arrays/search.py": [f"{PROOFS}searches.py", *TREE],
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


class Mutant(NamedTuple):
    """One change: where it stands, what it is, how the line reads before and after, and the whole text."""

    line: int
    what: str
    before: str
    after: str
    text: str
    lines: range
    """Of the statement that was changed, or of its head."""


def mutants(source: str, within: str | None = None) -> Iterator[Mutant]:
    """Yield every mutant; annotations, docstrings, ``strict`` and ``frozen`` are left alone."""
    tree = ast.parse(source)
    plain = ast.unparse(tree).splitlines()
    homes = [node for node in ast.walk(tree) if within is None or getattr(node, "name", None) == within]
    hints = {id(inner) for node in ast.walk(tree) for hint in hints_of(node) for inner in ast.walk(hint)}
    spans = spans_of(tree)
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
                    text = ast.unparse(tree)
                    put(parent, name, at, child)
                    before, after = difference(plain, text.splitlines())
                    line = getattr(child, "lineno", 0)
                    yield Mutant(line, what, before, after, text, spans.get(line, range(line, line + 1)))


def spans_of(tree: ast.AST) -> dict[int, range]:
    """Return, for each line, the lines of the innermost statement there; of one with a body, those of its head."""
    spans = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body and body[0].lineno > node.lineno else node.end_lineno or node.lineno
            spans |= dict.fromkeys(range(node.lineno, last + 1), range(node.lineno, last + 1))
    return spans


def difference(plain: list[str], changed: list[str]) -> tuple[str, str]:
    """Return what two texts say where they differ, each on one line."""
    first = next((at for at, (a, b) in enumerate(zip(plain, changed, strict=False)) if a != b), 0)
    last = next((at for at, (a, b) in enumerate(zip(plain[::-1], changed[::-1], strict=False)) if a != b), 0)
    return tuple(" ".join(line.strip() for line in text[first : len(text) - last]) for text in (plain, changed))  # type: ignore[return-value]


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


class Looking:
    """Tells which tests run which statements of a file, by their first lines, and how long they take."""

    def __init__(self) -> None:
        self.lines: dict[str, set[int]] = {}
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        start = time.process_time()
        seen = self.lines[item.nodeid] = set[int]()
        setattr(builtins, SEEN, seen.add)
        try:
            return (yield)
        finally:
            setattr(builtins, SEEN, int)
            self.seconds[item.nodeid] = time.process_time() - start


CAMPAIGNS: list[str] = ["-m", "not slow"]
"""Thorough tests too; ``--slow`` behind it, if the long campaigns are asked for."""

SEEN = "__statement_seen__"
"""What the text that is looked at calls with the line of every statement; tracing would slow down everything else too."""


def marked(source: str) -> str:
    """Return a text that says which of its statements are run."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if not isinstance(block, list) or not block or not isinstance(block[0], ast.stmt):
                continue
            kept = 1 if isinstance(block[0], ast.Expr) and isinstance(block[0].value, ast.Constant) else 0
            block[kept:] = [part for statement in block[kept:] for part in (*mark(statement), statement)]
    # Processes that tests start know nothing of the marks.
    known = ast.parse(f"__import__('builtins').__dict__.setdefault({SEEN!r}, int)").body
    first = next(
        at for at, node in enumerate(tree.body) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )
    tree.body[first:first] = known
    return ast.unparse(ast.fix_missing_locations(tree))


def mark(statement: ast.stmt) -> list[ast.stmt]:
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return []
    return [ast.Expr(ast.Call(ast.Name(SEEN, ast.Load()), [ast.Constant(statement.lineno)], []))]


class Chosen:
    """Runs some tests in the order given, and writes down which one fails; with `work`, hands them over to it once collected."""

    def __init__(self, order: list[str], failed: Path, work: Callable[[list[pytest.Item]], None] | None = None) -> None:
        self.order, self.failed, self.work = {name: at for at, name in enumerate(order)}, failed, work

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.write_text(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if self.work is None:
            return None
        self.work(session.items)
        return True


def run_collected(items: list[pytest.Item], order: list[str], seconds: dict[str, float], failed: Path) -> int:
    """Run tests that have been collected until one fails; one that needs much more of the processor than without a change ends all."""
    named = {item.nodeid: item for item in items}
    for name, following in zip(order, [*order[1:], ""], strict=True):
        signal.setitimer(signal.ITIMER_PROF, 0.5 + 4 * seconds[name])
        named[name].config.hook.pytest_runtest_protocol(item=named[name], nextitem=named.get(following))
        if failed.read_text():
            return 1
    return 0


def in_child(work: Callable[[], int], seconds: float) -> str | None:
    """Do work in a silent child of this process, which has loaded what is slow to load; how it was seen that it failed."""
    child = os.fork()
    if child == 0:
        os.setsid()
        with silent():
            try:
                status = work()
            except BaseException:
                status = 1
        os._exit(status)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return (
                "too long"
                if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
                else "failed"
                if status
                else None
            )
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "too long"


@contextlib.contextmanager
def silent() -> Iterator[None]:
    kept, silence = [os.dup(stream) for stream in range(3)], os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    yield
    for stream in range(3):
        os.dup2(kept[stream], stream)


def run_tests(tests: list[str], *plugins: object, options: tuple[str, ...] = ()) -> int:
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *CAMPAIGNS, *options, *tests], plugins=list(plugins)))


def loaded_functions(target: Path) -> list[FunctionType]:
    """Return the functions and methods of a file that are loaded."""
    every = (thing for thing in gc.get_objects() if isinstance(thing, FunctionType))
    return [function for function in every if function.__code__.co_filename == str(target)]


def exchange(loaded: list[FunctionType], old: CodeType, after: str) -> bool:
    """Put the changed code into the functions that are loaded; False where something outside of functions has changed."""
    new = compile(after, old.co_filename, "exec", dont_inherit=True)
    codes = {code.co_qualname: code for code in functions(new)}
    if len(codes) < sum(1 for _ in functions(new)) or shell(old) != shell(new):
        return False
    pairs = [(code, codes[code.co_qualname]) for code in functions(old)]
    changed = {code.co_qualname: other for code, other in pairs if code != other}
    found = set()
    for function in loaded:
        name = function.__code__.co_qualname
        if name in changed:
            function.__code__ = changed[name]
            found.add(name)
    return found == set(changed)


def functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of functions and methods; what is inside of them is theirs."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if "__qualname__" in inner.co_names and "__module__" in inner.co_names:
                yield from functions(inner)
            else:
                yield inner


def shell(code: CodeType) -> tuple:
    """Return what of a module or class is no function's code."""
    consts = [
        (shell(inner) if "__qualname__" in inner.co_names else inner.co_qualname)
        if isinstance(inner, CodeType)
        else (type(inner), inner)
        for inner in code.co_consts
    ]
    return code.co_code, code.co_names, consts  # type: ignore[return-value]


def forget(home: Path) -> None:
    """Drop every module that was loaded from a folder."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(home)):
            del sys.modules[name]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="within the repository")
    parser.add_argument("--share", type=float, default=1.0, help="of all mutants, chosen by --seed")
    parser.add_argument("--within", help="a class or function of the file: nothing else is changed")
    parser.add_argument("--lines", help="FIRST-LAST: nothing else is changed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="+", help="instead of those that belong to the file")
    parser.add_argument(
        "--slow", action="store_true", help="with the long campaigns, of which the tests draw a quarter"
    )
    given = parser.parse_args()
    CAMPAIGNS.extend(["--slow"] * given.slow)
    first, last = map(int, (given.lines or f"0-{sys.maxsize}").split("-"))
    tests = given.tests or next(tests for name, tests in TESTS.items() if given.file.startswith(name))
    source = (ROOT / given.file).read_text()
    known = json.loads((Path(__file__).parent / "equivalent.json").read_text()).get(given.file, {})
    everything = list(mutants(source, given.within))
    gone = set(known) - {f"{mutant.before} -> {mutant.after}" for mutant in everything}
    if gone and given.within is None:
        print(f"{given.file}: equivalent.json knows mutants that are none: {sorted(gone)}")
        return 1
    chosen = [
        mutant
        for mutant in everything
        if random.Random(f"{given.seed} {mutant.text}").random() < given.share and first <= mutant.line <= last
    ]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(ROOT, home / "fedmech", ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache"))
        target = home / "fedmech" / given.file
        # The text that mutants are made of: lines and names of what is compiled are those of a mutant.
        sys.path.insert(0, str(home))
        os.environ["PYTHONPATH"] = str(home)
        os.chdir(home / "fedmech")
        return survey(given.file, home, target, tests, chosen, known)


def survey(file: str, home: Path, target: Path, tests: list[str], chosen: list[Mutant], known: dict[str, str]) -> int:
    """Look which tests run which lines, then try the mutants."""
    report, failed, looking = home / "seen.json", home / "failed", Looking()
    original = target.read_text()

    def load(text: str, at: int) -> None:
        target.write_text(text)
        # What was compiled of the text before is told from this one by whole seconds.
        os.utime(target, (at, at))
        forget(home)

    def look() -> int:
        setattr(builtins, SEEN, int)
        load(marked(original), 0)
        status = run_tests(tests, looking)
        report.write_text(json.dumps([{name: list(lines) for name, lines in looking.lines.items()}, looking.seconds]))
        return status

    with silent():
        run_tests(tests, options=("--collect-only",))
    if in_child(look, 3600):
        print("the tests fail, or take too long, without any change")
        return 1
    target.write_text(original)
    seen, seconds = json.loads(report.read_text())
    if in_child(lambda: run_tests(tests, Chosen(sorted(seen, key=seconds.__getitem__), failed)), 3600):
        print("the tests fail in another order, without any change")
        return 1
    plain = compile(ast.unparse(ast.parse(original)), str(target), "exec", dont_inherit=True)
    counted: Counter[str] = Counter()
    noticing: Counter[str] = Counter()

    def try_all(items: list[pytest.Item]) -> None:
        loaded = [] if "numba" in original else loaded_functions(target)
        gc.freeze()
        for at, mutant in enumerate(chosen, start=1):
            if f"{mutant.before} -> {mutant.after}" in known:
                counted["equivalent"] += 1
                continue
            # Those first that notice most in least time; a line that no test is seen to run is run before all of them, or elsewhere.
            covering = [name for name in seen if not set(mutant.lines).isdisjoint(seen[name])] or [*seen]
            order = sorted(covering, key=lambda name: (seconds[name] + 0.01) / (1 + noticing[name]))

            def attempt(mutant: Mutant = mutant, order: list[str] = order, at: int = at) -> int:
                if loaded and exchange(loaded, plain, mutant.text):
                    return run_collected(items, order, seconds, failed)
                load(mutant.text, at)
                return run_tests(tests, Chosen(order, failed))

            failed.write_text("")
            how = in_child(attempt, 60 + 20 * sum(seconds[name] for name in order))
            noticing[failed.read_text()] += 1
            counted[how or "not noticed"] += 1
            if how != "failed":
                mark = ": too long" if how else ""
                print(f"{file}:{mutant.line}: {mutant.what}{mark}: {mutant.before} -> {mutant.after}", flush=True)

    run_tests(tests, Chosen([*seen], failed, try_all), options=("-s", "--no-header"))
    noticed = counted["failed"] + counted["too long"]
    if noticed + counted["equivalent"] + counted["not noticed"] < len(chosen):
        print("the tests cannot be collected")
        return 1
    counts = f"{noticed} noticed ({counted['too long']} of them by taking too long), {counted['equivalent']} equivalent"
    print(f"{file}: {len(chosen)} mutants, {counts}, {counted['not noticed']} not noticed", flush=True)
    return int(counted["not noticed"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
