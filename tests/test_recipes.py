"""The recipes of CONTRIBUTING.md, followed literally in a copy of the package."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import fedmech
import pytest

PACKAGE = Path(fedmech.__file__).parent
TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
PARTS = ("models", "solvers", "fl", "verification", "commands")


def recipe(title: str) -> str:
    (found,) = re.findall(rf"^## Worked example: add {title}\n(.*?)(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
    return found


class Checkout:
    """A copy of the package to which a recipe's file was added."""

    def __init__(self, root: Path, title: str) -> None:
        self.root, self.package = root, root / "fedmech"
        self.package.mkdir()
        for part in PARTS:
            # With what was compiled: the copy has the times of the files, so nothing is compiled again.
            shutil.copytree(PACKAGE / part, self.package / part)
        for file in [*PACKAGE.glob("*.py"), *PACKAGE.glob("*.pyi")]:
            shutil.copy(file, self.package)
        # The first code of a recipe goes where the text before it says.
        before, block = re.split(r"```(?:python)?\n", recipe(title))[:2]
        file = re.findall(r"(?:One file|In)\b[^`]*`([\w/]+\.py)`", before)[-1]
        path = self.package / file
        if path.exists():
            self.insert(file, path.read_text(encoding="utf-8"), path.read_text(encoding="utf-8") + "\n\n" + block)
        else:
            path.write_text(block, encoding="utf-8")

    def insert(self, file: str, before: str, after: str) -> None:
        path = self.package / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, after), encoding="utf-8")

    def run(self, *arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=self.root,
            env=environment,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fedmech(self, *arguments: str) -> str:
        return self.run("-m", "fedmech", *arguments)


def test_a_method(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "a method")
    copy.insert("solvers/all_methods.py", "from . import brute_force\n", "from . import brute_force, density\n")
    assert "density" in copy.fedmech("methods")
    script = (
        "from fedmech import Market, solve\n"
        "found = solve(Market.build(scores=[3, 3, 2], costs=[1, 2, 4], budgets=[4]), 'opt', 'density', allow_suboptimal=True)\n"
        "print(found.value, found.bound)\n"
    )
    value, bound = copy.run("-c", script).split()
    assert int(value) == 6 <= int(bound) <= 7


def test_a_kind_of_proof(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "a kind of proof")
    copy.insert("solvers/proofs/proof.py", '    "tree": "tree",\n', '    "tree": "tree",\n    "total": "total",\n')
    script = (
        "from fedmech import Market\n"
        "from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound\n"
        "market = Market.build(scores=[3, 2], costs=[1, 1], budgets=[1])\n"
        "check_bound(Proof('opt', 'total', 5), market)\n"
        "try:\n"
        "    check_bound(Proof('opt', 'total', 4), market)\n"
        "except ProofError as error:\n"
        "    print(error)\n"
    )
    assert copy.run("-c", script) == "the workers are worth more together\n"


def test_a_problem(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "a problem")
    _, feasible, pairs = re.findall(r"^```python\n(.*?)^```", recipe("a problem"), re.MULTILINE | re.DOTALL)
    (copy.package / "solvers/opt_two.py").write_text(pairs, encoding="utf-8")
    file = "models/procurement/formulations.py"
    copy.insert(file, '    "opt": opt_model,\n', '    "opt": opt_model,\n    "opt-two": opt_two_model,\n')
    copy.insert(file, "from .orp import", "from .opt_two import opt_two_model\nfrom .orp import")
    copy.insert("solvers/registry.py", '"opt-sep", "cover")', '"opt-sep", "cover", "opt-two")')
    copy.insert("solvers/registry.py", '    "cover": (', '    "opt-two": ("pairs",),\n    "cover": (')
    copy.insert("solvers/all_methods.py", "import brute_force\n", "import brute_force, opt_two\n")
    placed = "    placed = np.flatnonzero(assignment >= 0)\n"
    copy.insert("solvers/feasibility.py", placed, placed + indent(feasible, "    "))
    copy.insert("solvers/highs/pyomo_method.py", '"opt-sep", "cover")', '"opt-sep", "cover", "opt-two")')
    (line,) = re.findall(r'`("opt-two": market[^`]*)`', recipe("a problem"))
    before = '        "opt": market.scaled.costs,\n'
    copy.insert("solvers/proofs/tree.py", before, f"{before}        {line},\n")
    script = (
        "from fedmech import Market, solve\n"
        "market = Market.build(scores=[3, 3, 2, '1/2'], costs=[1, 2, 1, 0], budgets=[9], caps=[[3]])\n"
        "for method in ('auto', 'pyomo-highs'):\n"
        "    found = solve(market, 'opt-two', method)\n"
        "    print(found.method, found.value, found.exactness, len(found.hired))\n"
        "found = solve(market, 'opt-two', time_limit=0, allow_suboptimal=True)\n"
        "print(found.status, found.exactness, found.bound >= 6)\n"
    )
    assert copy.run("-c", script).splitlines() == [
        "pairs 6 enumerated 2",
        "pyomo-highs 6 solver 2",
        "feasible checked True",
    ]


def test_a_mechanism(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "a mechanism")
    copy.insert("fl/mechanisms/all_mechanisms.py", "    drop_top,\n", "    drop_top,\n    first_acceptor,\n")
    market = {"scores": [1, 2, 3], "costs": [4, 2, 1], "budgets": [3]}
    script = f"from fedmech import Market, write_market\nwrite_market(Market.build(**{market}), 'm.market.json')\n"
    copy.run("-c", script)
    (command,) = re.findall(r"`fedmech (run --mechanism first-acceptor [^`]*)`", recipe("a mechanism"))
    outcome = json.loads(copy.fedmech(*command.split(), "m.market.json", "--json"))
    assert [worker["payment"] for worker in outcome["winners"]] == [2.5]


def test_a_mechanism_outside_the_package(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "a mechanism")
    (block,) = re.findall(r"^```python\n(import fedmech.*?)^```", recipe("a mechanism"), re.MULTILINE | re.DOTALL)
    (tmp_path / "mine.py").write_text(block, encoding="utf-8")
    (command,) = re.findall(r"`fedmech (run --mechanism mine.py:mine [^`]*)`", recipe("a mechanism"))
    assert len(json.loads(copy.fedmech(*command.split(), "--json"))["winners"]) == 1


def test_a_claim(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "a claim")
    (name,) = re.findall(r"`fedmech verify ([\w-]+)` judges", recipe("a claim"))
    (entry,) = json.loads(copy.fedmech("verify", name, "--json"))["claims"]
    assert (entry["verdict"], entry["rechecked"], len(entry["witness"]["workers"])) == ("proved", True, 1)


@pytest.mark.thorough
def test_an_experiment(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "an experiment")
    copy.insert("fl/experiments/all_experiments.py", "    contribution,\n", "    contribution,\n    dimensions,\n")
    (copy.package / "fl/experiments/configs/dimensions.toml").write_text(
        'format = "fedmech-experiment/1"\nexperiment = "dimensions"\n\n[settings]\nsize = 40\n', encoding="utf-8"
    )
    (command,) = re.findall(r"`fedmech (simulate dimensions [^`]*)`", recipe("an experiment"))
    rows = json.loads(copy.fedmech(*command.split(), "--json"))["rows"]
    assert [row["dimension"] for row in rows] == [2, 5, 10]
    for row in rows:
        assert abs(row["simulated"] - row["expected"]) <= 5 * row["standard_error"]
    assert json.loads(copy.fedmech("sweep", "dimensions", "--out", "r", "--jobs", "1", "--json"))["added"] == 1


@pytest.mark.thorough
def test_a_scoring_rule(tmp_path: Path) -> None:
    copy = Checkout(tmp_path, "a scoring rule")
    assert "steady" in copy.run(
        "-c",
        "from fedmech.fl.rounds.scoring_rules import scoring_rules; print([rule.name for rule in scoring_rules()])",
    )


def test_what_the_recipes_import_is_public() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    imported = {
        alias.name
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    # What the example of an experiment measures is its own affair.
    assert imported - {"corrected_error", "simulate"} <= {*fedmech.extend.__all__}
    assert len(imported) > 12


@pytest.mark.parametrize("title", re.findall(r"^## Worked example: add (.*)$", TEXT, re.MULTILINE))
def test_every_file_that_a_recipe_names_exists(title: str) -> None:
    new = {"solvers/density.py", "solvers/proofs/total.py", "models/procurement/opt_two.py", "solvers/opt_two.py"}
    new |= {
        "verification/claims/findings/paid_as_bid.py",
        "fl/mechanisms/first_acceptor.py",
        "fl/experiments/papers/dimensions.py",
        "configs/dimensions.toml",
    }
    for name in (
        set(re.findall(r"`((?:models|solvers|fl|verification|commands|tests)/[\w/]+(?:\.py)?)`", recipe(title))) - new
    ):
        assert (PACKAGE / name).exists() or (Path(__file__).parents[1] / name).exists(), name
