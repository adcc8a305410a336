"""Finding one's way: pages of problems, examples of every command, completion in a real shell, figures of files."""

from __future__ import annotations

import itertools
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import fedmech as fm
import numpy as np
import pytest
import typer
from fedmech.cli import COMMANDS, GROUPS, app
from fedmech.commands.examples import EXAMPLES
from fedmech.models.data import digits_market_path, prototype_market_path
from fedmech.models.problems import SYMBOLS, problems
from fedmech.models.procurement.formulations import FORMULATIONS
from fedmech.solvers.registry import PROBLEMS, methods
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from typer.testing import CliRunner


def fedmech(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "80"})


def test_every_problem_has_a_page() -> None:
    assert {entry.name for entry in problems()} == {*PROBLEMS, "social-state"} == {*FORMULATIONS, "social-state"}
    listed = json.loads(fedmech("problems", "--json").stdout)["problems"]
    assert [entry["name"] for entry in listed] == [entry.name for entry in problems()]
    for entry in listed:
        assert entry["methods"] == [method.name for method in methods(entry["name"])]
    assert "did you mean" in fedmech("problems", "opt-separate").output or fedmech("problems", "zzz").exit_code == 2


@pytest.mark.parametrize("entry", problems(), ids=lambda entry: entry.name)
def test_the_page_of_a_problem(entry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    covered = fm.Market.build(scores=[1, 2], costs=[1, 1], groups=["a", "a"], budgets=[1], coverage=[[1, 0], [0, 2]])
    fm.write_market(covered, tmp_path / "coverage.market.json")
    shown = fedmech("problems", entry.name)
    assert shown.exit_code == 0
    seen = " ".join(shown.output.split())
    for text in (entry.asks, entry.source, entry.remark, *(line for line, _ in entry.formula)):
        assert " ".join(text.split()) in seen
    assert entry.example in seen
    program, *rest = shlex.split(entry.example)
    assert program == "fedmech"
    assert fedmech(*rest, "--json", "--summary").exit_code in (0, 4)
    assert {*entry.symbols} <= {*SYMBOLS}
    # What stands on the right of a formula is explained, and its LaTeX opens and closes what it has.
    for letter in ("v_i", "c_i", "tau_lj", "s_j", "B_j", "q_ir"):
        used = any(letter in line for line, _ in entry.formula)
        assert used == any(letter in letters.split(", ") for letters in entry.symbols) or letter == "B_j"
    assert entry.latex.count("{") == entry.latex.count("}")
    assert entry.latex.startswith(r"\begin{aligned}")
    assert entry.latex.endswith(r"\end{aligned}")
    for line in entry.latex.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}").split(r"\\"):
        for side in line.split("&"):
            plain = side.replace(r"\textstyle", "").replace(r"\mathrm{s.t.}", "").replace(r"\quad", " ").strip()
            if plain:
                MathTextParser("path").parse(f"${plain}$")


def test_the_list_of_commands_fits_a_screen_and_is_grouped() -> None:
    shown = fedmech("--help")
    lines = shown.output.splitlines()
    assert shown.exit_code == 0
    assert len(lines) < 56
    assert all(len(line) <= 80 for line in lines)
    titles = {next(at for at, line in enumerate(lines) if f" {title} " in line): title for title in GROUPS}
    assert [titles[at] for at in sorted(titles)] == [*GROUPS]
    starts = [*sorted(titles), len(lines)]
    for start, end in itertools.pairwise(starts):
        told = [line.strip("│ ").split(maxsplit=1) for line in lines[start + 1 : end] if line.startswith("│")]
        # One line a command: nothing is broken.
        assert told == [[name, short] for name, (_, short) in GROUPS[titles[start]].items()]
    assert fedmech().exit_code == 2


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("mechanisms", "driftpay-c"), "driftpay-co"),
        (("run", "--mechanism", "driftpay-c"), "driftpay-co"),
        (("claims", "D-6.22"), "D-6.2"),
        (("derive", "treshold"), "threshold"),
        (("plot", "swan-costs"), "swan-cost"),
        (("experiments", "procurment"), "procurement"),
        (("problems", "opt-fraction"), "opt-frac"),
    ],
)
def test_who_misspells_a_name_is_told_which_was_meant(words: tuple[str, ...], meant: str) -> None:
    refused = fedmech(*words)
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert f"did you mean '{meant}" in refused.output


def test_every_command_has_examples_that_its_parser_takes() -> None:
    command: Any = typer.main.get_command(app)
    assert {*EXAMPLES} == {*COMMANDS} == {*command.commands}
    for name, examples in EXAMPLES.items():
        shown = " ".join(fedmech(name, "--help").output.split())
        for text in examples:
            assert text in shown
            program, given, *rest = shlex.split(text.partition(" >> ")[0])
            assert (program, given) == ("fedmech", name)
            # Reads the words, and runs nothing.
            command.commands[name].make_context(name, rest)


def complete(script: Path, line: str) -> list[str]:
    """What bash offers for a line whose last word is to be completed."""
    words = line.split(" ")
    quoted = " ".join(shlex.quote(word) for word in words)
    code = f'source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _fedmech; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True, check=True, cwd=script.parent)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_names_and_files(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(fedmech("completion", "bash").stdout)
    assert complete(script, "fedmech ") == [*COMMANDS]
    assert complete(script, "fedmech che") == ["check", "check-allocation"]
    assert complete(script, "fedmech solve --prob") == ["--problem"]
    assert {*complete(script, "fedmech solve --problem ")} == {entry.name for entry in problems()}
    assert complete(script, "fedmech run m.json --mechanism driftpay-c") == ["driftpay-co"]
    assert complete(script, "fedmech derive ") == ["threshold", "merge", "regions", "peak"]
    assert complete(script, "fedmech solve compl") == ["completion.bash"]
    for command in COMMANDS:
        assert "--help" in complete(script, f"fedmech {command} --h")
    zsh = fedmech("completion", "zsh").stdout
    assert zsh.endswith(script.read_text())
    assert zsh.startswith("autoload")
    fish = fedmech("completion", "fish").stdout.splitlines()
    assert any(line.endswith("-l problem -x -a 'opt orp opt-frac opt-sep cover social-state'") for line in fish)
    assert fedmech("completion", "csh").exit_code == 2


def test_a_market_is_drawn_and_other_files_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "f.svg"
    for words in (("hired",), ("hired", digits_market_path()), (digits_market_path(),)):
        assert fedmech("plot", *words, "--out", out, "--force").exit_code == 0
        assert "</svg>" in out.read_text()
    small = tmp_path / "m.market.json"
    fm.write_market(fm.Market.build(scores=[1, 2], costs=[1, 0], groups=["$a$", "b"], budgets=[1, 1]), small)
    assert fedmech("plot", "comparison", small, "--out", out, "--force").exit_code == 0
    for words, says in (
        (("swan-regions", prototype_market_path()), "takes none"),
        ((prototype_market_path(),), "name one of"),
        ((small, small), "one file is drawn at a time"),
        ((small, "--metric", "error"), "are for results"),
        (("hired", prototype_market_path()), "name one of"),
        (("swan-cost", small), "format"),
        ((tmp_path / "none",), "unknown figure"),
        ((small, "--out", small.with_suffix(".svg"), "--force", "--by", "x"), "are for results"),
    ):
        refused = (
            fedmech("plot", *words, "--out", tmp_path / "g.svg") if "--out" not in words else fedmech("plot", *words)
        )
        assert refused.exit_code == 2, words
        assert says in refused.output
    assert not (tmp_path / "g.svg").exists()


def test_the_figure_of_an_optimum_has_everybody_once() -> None:
    market = fm.Market.build(
        scores=[4, 3, 2, 1, 5], costs=[1, 1, 1, 1, 0], groups=[*"abbac"], budgets=[2], caps={("b", "r1"): 1}
    )
    best = fm.solve(market)
    ax = fm.plot(best)
    drawn = {marks.get_label(): np.asarray(marks.get_offsets()) for marks in ax.collections}
    assert {*drawn} == {"not hired", "hired", "hired, free"}
    assert sum(map(len, drawn.values())) == market.n
    assert sorted(drawn["hired"][:, 0].tolist()) == sorted(
        float(market.score(i) / market.cost(i)) for i in range(4) if market.worker_ids[i] in best.hired
    )
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b", "c"]
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() == 3.5
    assert fm.plot(fm.compare(market, ["driftpay-co"])).get_xlabel() == "score / OPT"
    with pytest.raises(fm.InputError, match="cannot draw int"):
        fm.plot(3)  # type: ignore[arg-type]
    for problem in ("orp", "opt-frac"):
        with pytest.raises(fm.InputError, match="OPT"):
            fm.plot(fm.solve(market, problem))


@pytest.mark.parametrize("groups", [36, 37])
def test_groups_are_named_while_they_can_be_read(groups: int) -> None:
    market = fm.Market.build(scores=[1] * groups, costs=[1] * groups, groups=range(groups), budgets=[3])
    ax = fm.plot(fm.solve(market))
    assert (len(ax.get_yticks()) == groups) == (groups == 36)


@pytest.mark.parametrize(
    ("costs", "scale"), [([1, 50], "linear"), ([1, 51], "log"), ([10**400, 1], "log"), ([0, 0], "linear")]
)
def test_ratios_far_apart_are_drawn_on_a_logarithmic_axis(costs: list[int], scale: str) -> None:
    ax = fm.plot(fm.solve(fm.Market.build(scores=[1, 1], costs=costs, groups=[*"ab"], budgets=[1])))
    assert ax.get_xscale() == scale
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
