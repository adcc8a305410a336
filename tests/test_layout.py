"""The layout is the architecture: packages listed, imports one way, nothing heavy on import, no file too long."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import fedmech
import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("models", "solvers", "fl", "verification", "reports", "commands")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_packages_in_pyproject_are_the_tree() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {".".join(("fedmech", *path.parent.relative_to(ROOT).parts)) for path in SOURCES}
    assert sorted(listed) == sorted({"fedmech", *found})
    for package in found:
        assert (ROOT / Path(*package.split(".")[1:]) / "__init__.py").exists(), package


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All there is in a file of code: it is parsed and walked through once."""
    return list(ast.walk(ast.parse(path.read_text())))


def imported_rooms(path: Path) -> set[str]:
    """The rooms a file imports from, wherever in the file the import stands."""
    depth = len(path.relative_to(ROOT).parts)
    rooms = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            # The root package itself: the room is the first name.
            rooms |= {(node.module or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("fedmech"):
            rooms.add("absolute import of fedmech")
        elif isinstance(node, ast.Import):
            rooms |= {"absolute import of fedmech" for alias in node.names if alias.name.split(".")[0] == "fedmech"}
    return rooms & {*ROOMS, "cli", "absolute import of fedmech"}


def test_imports_point_one_way() -> None:
    for path in SOURCES:
        room = path.relative_to(ROOT).parts[0]
        assert imported_rooms(path) <= set(ROOMS[: ROOMS.index(room) + 1]), path


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file imports, wherever in it; what only type checkers read does not count."""
    unread = {
        id(inner)
        for node in nodes(path)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    here = path.relative_to(ROOT).parts[:-1]
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in unread:
            base = (*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                whole = ".".join((*base, alias.name))
                found.add(whole if whole in known else ".".join(base))
    return found & known


@cache
def graph() -> dict[str, set[str]]:
    known = {module_name(path) for path in SOURCES}
    return {module_name(path): imported_modules(path, known) for path in SOURCES}


def test_modules_import_each_other_in_no_circle() -> None:
    arrows = graph()
    reached: dict[str, set[str]] = {}
    for start in arrows:
        seen, stack = set(), list(arrows[start])
        while stack:
            module = stack.pop()
            if module not in seen:
                seen.add(module)
                stack += arrows[module]
        reached[start] = seen
    assert {module for module, found in reached.items() if module in found} == set()


SHARING = (
    *("models.sharing", "solvers.sharing", "fl.sharing", "verification.claims.swan", "solvers.proofs.social"),
    *(
        "verification.judge.sharing",
        "verification.judge.alignment",
        "verification.judge.best_state",
        "verification.judge.views",
    ),
)
PROCUREMENT = (
    *(
        "models.procurement",
        "solvers.placement",
        "solvers.pooled",
        "solvers.seated",
        "solvers.separate",
        "solvers.coverage",
    ),
    *(
        "solvers.explain",
        "solvers.certify",
        "solvers.interchange",
        "fl.mechanisms",
        "fl.rounds",
        "verification.claims.driftpay",
        "verification.claims.care",
        "verification.guarantees",
        "verification.judge.bench",
        "verification.judge.procurement",
    ),
)


def test_the_two_wings_do_not_know_each_other() -> None:
    sideways = {
        (module, other)
        for module, found in graph().items()
        for other in found
        if (module.startswith(SHARING) and other.startswith(PROCUREMENT))
        or (module.startswith(PROCUREMENT) and other.startswith(SHARING))
    }
    assert sideways == set()


def test_proofs_know_the_models_and_nothing_else() -> None:
    for module, found in graph().items():
        if module.startswith("solvers.proofs"):
            assert all(other.startswith(("models", "solvers.proofs")) for other in found), (module, found)


def test_the_checker_of_imports_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "models").mkdir()
    bad = tmp_path / "models" / "bad.py"
    bad.write_text("def f():\n    from ..solvers.solve import solve\n")
    assert imported_rooms(bad) == {"solvers"}


def test_importing_fedmech_is_cheap() -> None:
    heavy = ("torch", "cvxpy", "pandas", "matplotlib", "numba", "highspy", "pyomo", "sympy", "scipy", "numpy")
    code = f"import sys, fedmech, fedmech.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_load() -> None:
    for name in fedmech.__all__:
        assert getattr(fedmech, name) is not None
    assert callable(fedmech.solve)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fedmech.nonsense  # pyright: ignore[reportAttributeAccessIssue]


def test_no_file_is_too_long() -> None:
    for path in SOURCES:
        assert len(path.read_text().splitlines()) <= 520, path


def long_functions(path: Path, most: int = 100) -> list[str]:
    """The functions of a file of code, methods included, with more lines than fit on two pages of a screen."""
    functions = (node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [node.name for node in functions if node.end_lineno and node.end_lineno - node.lineno >= most]


def test_no_function_is_too_long() -> None:
    for path in SOURCES:
        assert long_functions(path) == [], path


def test_the_checker_of_functions_can_fail(tmp_path: Path) -> None:
    file = tmp_path / "long.py"
    file.write_text(
        "class C:\n    def f(self):\n" + "        pass\n" * 99 + "    def g(self):\n" + "        pass\n" * 100
    )
    assert long_functions(file) == ["g"]


WRITTEN_TWICE = ("solvers.proofs.reference", "solvers.proofs.arrays", "solvers.proofs.walk")
"""The two checkers of trees, written apart, and what they share: a notion has the same name in both."""


def class_names() -> dict[str, list[str]]:
    """The modules of the solvers that have a class of a name."""
    found: dict[str, list[str]] = {}
    for path in SOURCES:
        if path.is_relative_to(ROOT / "solvers"):
            for node in nodes(path):
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name.lstrip("_"), []).append(module_name(path))
    return found


def test_no_two_classes_of_the_solvers_have_one_name() -> None:
    """A reader who meets a name in a message or a traceback finds one class; only a notion that is written twice on purpose has two."""
    for name, modules in class_names().items():
        if not all(module.startswith(WRITTEN_TWICE) for module in modules):
            assert len(modules) == 1, (name, modules)


FOLDERS = sorted({path.parent for path in (ROOT / "solvers").rglob("*.py")} - {ROOT / "solvers"})
TABLE = re.compile(r"^=+  =.*\n(?:.+\n)+?=+  =.*$", re.MULTILINE)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_folder_of_solvers_begins_with_a_page(folder: Path) -> None:
    """The algorithm in numbered steps, and symbols by their names: every file and name on the page exists."""
    page = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    steps = [int(number) for number in re.findall(r"^(\d+)\. ", page, re.MULTILINE)]
    assert len(page.splitlines()) >= 15
    assert len(steps) >= 3
    assert steps == list(range(1, len(steps) + 1))
    for name in re.findall(r"(?<![`:])`([\w.]+)`(?!`)", page):
        assert stands(folder, name.split(".")), name
    for row in TABLE.findall(page):
        for name in re.findall(r"``([A-Za-z_]\w+(?:\.\w+)*)(?:\(\w+\))?``", row):
            assert stands(folder, name.split(".")), name


def stands(folder: Path, name: list[str]) -> bool:
    """Whether a dotted name begins with a file of a folder that has the rest, or each part is a word of the solvers' code."""
    first, *rest = name
    if (folder / f"{first}.py").exists():
        words = set(re.findall(r"\w+", (folder / f"{first}.py").read_text()))
        return words.issuperset(rest)
    return solver_words().issuperset(name)


@cache
def solver_words() -> set[str]:
    code = [path for path in SOURCES if path.is_relative_to(ROOT / "solvers") and path.name != "__init__.py"]
    words = {part for path in code for part in path.relative_to(ROOT).with_suffix("").parts}
    return words.union(*(re.findall(r"\w+", path.read_text()) for path in code))


def test_the_checker_of_pages_can_fail() -> None:
    assert stands(ROOT / "solvers" / "pooled", ["solve", "solve_pooled"])
    assert not stands(ROOT / "solvers" / "pooled", ["solve", "no_such_function"])
    assert not stands(ROOT / "solvers" / "pooled", ["no_such_file"])


def test_tests_import_private_names_of_their_own_room_alone() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        room = ("fedmech", *path.relative_to(ROOT / "tests").parts[:-1])
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and any(alias.name.startswith("_") for alias in node.names):
                assert tuple((node.module or "").split("."))[: len(room)] == room, (path, node.module)
