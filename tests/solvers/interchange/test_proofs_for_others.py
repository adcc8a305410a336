"""VIPR certificates and OPB proofs of optima: accepted by replayers that know nothing of the writer, refused once forged."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from campaign import seeds, thorough
from drawing import seeded
from fedmech import InputError, Market, solve, write_proof
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.feasibility import objective_value, violation
from fedmech.solvers.interchange import branching, combination, multipliers
from fedmech.solvers.interchange.branching import NoDerivationError
from fedmech.solvers.interchange.multipliers import thresholds_of
from fedmech.solvers.interchange.program import literal_program, point_of
from proof_markets import PROBLEMS, random_market, tiny_market
from replay_opb import NotVerified as NotVerifiedOpb
from replay_opb import replay_opb
from replay_vipr import NotVerified, replay_vipr

KINDS = [(problem, seats) for problem in PROBLEMS for seats in (False, True)]


def units(market: Market, problem: str) -> int:
    return market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator


def written(market: Market, problem: str, folder: Path) -> tuple[str, str, str, int]:
    """The certificate, the model, the proof, and the optimum in integer units."""
    solution = solve(market, problem)
    assert solution.value is not None
    (vipr,) = write_proof(solution, folder / "a.vipr")
    model, proof = write_proof(solution, folder / "a.opb")
    assert (vipr, model, proof) == (folder / "a.vipr", folder / "a.opb", folder / "a.pbp")
    value = solution.value * units(market, problem)
    assert value.denominator == 1
    return vipr.read_text(), model.read_text(), proof.read_text(), int(value)


def accepted(market: Market, problem: str, folder: Path) -> tuple[str, str, str]:
    vipr, model, proof, value = written(market, problem, folder)
    assert replay_vipr(vipr) == (value, value)
    assert replay_opb(model, proof) == -value
    return vipr, model, proof


@pytest.mark.parametrize(("problem", "seats"), thorough(KINDS, ("opt-sep", False).__eq__))
def test_every_optimum_is_accepted(problem: str, seats: bool, tmp_path: Path) -> None:
    for seed in seeds(60):
        accepted(random_market(seeded(seed), seats), problem, tmp_path)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_numbers_beyond_64_bits(problem: str, tmp_path: Path) -> None:
    for seed in seeds(24):
        accepted(tiny_market(seeded(seed), 10**30 + 57), problem, tmp_path)


def branching_market(seed: int = 2) -> Market:
    """Thirty uncorrelated workers, which neither one combination nor propagation closes."""
    rng = np.random.default_rng(seed)
    return Market.build(
        scores=rng.integers(20, 60, 30).tolist(),
        costs=rng.integers(20, 60, 30).tolist(),
        groups=[0] * 15 + [1] * 15,
        group_ids=[0, 1],
        budgets=[100, 223],
        caps=[[3, 30], [2, 2]],
    )


def correlated_market() -> Market:
    """Closed once it is known how many are hired."""
    costs = (2 * np.random.default_rng(2).integers(20, 60, 30)).tolist()
    return Market.build(
        scores=[c + 11 for c in costs], costs=costs, groups=[0] * 30, group_ids=[0], budgets=[101, 222], caps=[[30, 30]]
    )


def test_trees_by_column_and_by_the_number_hired(tmp_path: Path) -> None:
    vipr, _, proof = accepted(correlated_market(), "opt", tmp_path)
    assert vipr.count(" uns ") == 2
    assert proof.count("\nred ") == 2
    vipr, _, proof = accepted(branching_market(), "opt", tmp_path)
    assert vipr.count(" uns ") > 2
    assert "\nrup 1 " in proof
    # What several leaves have in common is written once, before them.
    vipr, _, _ = accepted(branching_market(23), "opt", tmp_path)
    assert re.search(r"^d L -?\d+ [1-9]\d* .*\{ lin", vipr, re.MULTILINE)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_program_admits_what_the_market_does(problem: str) -> None:
    for seed in seeds(16):
        market = tiny_market(seeded(seed))
        program = literal_program(market, problem)
        for choice in itertools.product(range(-1, market.m), repeat=market.n):
            assignment = np.array(choice, dtype=np.int64)
            point = point_of(market, problem, assignment)
            fits = all(
                sum(int(a) * int(point[j]) for j, a in zip(row.columns, row.coefficients, strict=True)) <= row.limit
                for row in program.rows
            ) and all(0 <= x <= upper for x, upper in zip(point.tolist(), program.upper, strict=True))
            assert fits == (violation(market, problem, assignment) is None)
            assert program.value(point) == objective_value(market, problem, assignment) * units(market, problem)


@pytest.mark.parametrize("problem", ["orp", "opt"])
def test_what_our_multipliers_close_needs_no_relaxation(
    problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = list(range(1, 13))
    market = Market.build(
        scores=[100 - c for c in costs], costs=costs, groups=[0] * 12, group_ids=[0], budgets=[21], caps=[[12]]
    )
    solution = solve(market, problem)
    assert thresholds_of(solution.proof) == []

    def no_relaxation(*_: Any) -> None:
        raise AssertionError("a relaxation was asked")

    monkeypatch.setattr(branching, "Linear", no_relaxation)
    accepted(market, problem, tmp_path)


def changed(text: str, pattern: str, by: str) -> str:
    found, times = re.subn(pattern, by, text, count=1, flags=re.MULTILINE)
    assert times == 1, pattern
    return found


def without_line(text: str, at: int, counted: bool) -> str:
    lines = text.splitlines()
    if counted:
        der = next(i for i, line in enumerate(lines) if line.startswith("DER "))
        lines[der] = f"DER {int(lines[der].split()[1]) - 1}"
        at += der + 1
    del lines[at]
    return "\n".join(lines) + "\n"


def test_forged_vipr_certificates_are_refused(tmp_path: Path) -> None:
    vipr, _, _, value = written(branching_market(), "opt", tmp_path)
    forged = [
        # A bound one less, alone and with its last line.
        changed(vipr, rf"^RTP range {value} {value}$", f"RTP range {value - 1} {value - 1}"),
        changed(vipr, rf"^RTP range {value} {value}$", f"RTP range {value + 1} {value + 1}"),
        # A point that is none: one more is hired, or the last is not.
        changed(vipr, r"^p (\d+) ", r"p 1 0 1 \n") if "\np 1 0 1 \n" not in vipr else vipr[:-9],
        # Another derived side, another multiplier, another sense.
        changed(vipr, r"^d L -1 0 \{ lin", "d L -1 1 0 1 { lin"),
        changed(vipr, r"^(d L -1 0 \{ lin \d+ \d+) -?\d+", r"\1 7/3"),
        changed(vipr, r"^d G (\d+)(.*asm)", r"d L \1\2"),
        # A side that leaves a gap, and a bound that is only assumed.
        changed(vipr, r"^d L (-?\d+) (1 \d+ 1 \{ asm)", r"d L -1 \2"),
        changed(vipr, r"^d L (\d+) (.*)\{ uns .*\}", r"d L \1 \2{ asm }"),
    ]
    lines = vipr.split("DER ")[1].count("\n") - 1
    forged += [without_line(vipr, at, True) for at in range(lines)]
    for at, text in enumerate(forged):
        with pytest.raises(NotVerified):
            pytest.fail(f"forgery {at} proves {replay_vipr(text)}")


def test_a_rounding_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    market = generate_market("a", 20, seed=2)
    vipr, _, _, value = written(market, "orp", tmp_path)
    last = vipr.strip().splitlines()[-1]
    assert "{ rnd" in vipr
    assert last.startswith("d L ")
    for text in (
        vipr.replace(f"RTP range {value} {value}", f"RTP range {value - 1} {value - 1}").replace(
            f"d L {value} OBJ", f"d L {value - 1} OBJ"
        ),
        # Columns that need not be whole.
        changed(vipr, r"^INT \d+\n0\n", "INT 0\n"),
    ):
        with pytest.raises(NotVerified):
            replay_vipr(text)


def test_forged_opb_proofs_are_refused(tmp_path: Path) -> None:
    _, model, proof, value = written(branching_market(), "opt", tmp_path)
    hired = re.search(r"^soli .*?(?<!~)\b(x\d+)", proof, re.MULTILINE)
    assert hired is not None
    forged = [
        changed(proof, rf"BOUNDS {-value} : (\d+) {-value}", rf"BOUNDS {-value + 1} : \1 {-value + 1}"),
        changed(proof, rf"BOUNDS {-value} : (\d+) {-value}", rf"BOUNDS {-value} : 1 {-value}"),
        changed(proof, rf"(?<!~)\b{hired[1]}\b", f"~{hired[1]}"),
        changed(proof, r"^f \d+$", "f 1"),
        changed(proof, r"^(pol \d+) [1-9]\d* \*", r"\1 0 *"),
        changed(proof, r"^(pol \d+) [1-9]\d* \*", r"\1 1 *"),
        # A clause that denies less than it should, and a leaf that is none.
        changed(proof, r"^rup 1 \S+ ", "rup "),
        changed(proof, r"^pol .*$", "pol 1"),
    ]
    lines = proof.splitlines()
    forged += [
        without_line(proof, at, False)
        for at, line in enumerate(lines)
        if line.startswith(("soli", "rup", "output", "end"))
    ]
    for at, text in enumerate(forged):
        with pytest.raises(NotVerifiedOpb):
            pytest.fail(f"forgery {at} proves {replay_opb(model, text)}")
    # A model in which one of the hired is worth more: the proof is none of it.
    with pytest.raises(NotVerifiedOpb):
        replay_opb(changed(model, rf"-(\d+) {hired[1]} ", rf"-9\1 {hired[1]} "), proof)


def test_fresh_variables_are_fresh(tmp_path: Path) -> None:
    """What a proof adds by ``red`` says nothing of the model."""
    model, proof = written(correlated_market(), "opt", tmp_path)[1:3]
    assert "\nred " in proof
    for text in (
        changed(proof, r"^red (.*) above0 >= (\d+) ; above0 -> 1$", r"red \1 above0 >= \2 ; above0 -> 0"),
        changed(proof, r"^red (.*) >= (\d+) ; above0 -> 1$", r"red 1 ~x0 >= 1 ; x0 -> 0"),
        changed(proof, r"^red (.*) >= (\d+) ; above0 -> 0$", r"red 99 ~above0 99 x0 >= 99 ; above0 -> 0"),
    ):
        with pytest.raises(NotVerifiedOpb):
            replay_opb(model, text)


def test_what_is_no_optimum_of_whole_numbers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market = branching_market()
    with pytest.raises(InputError, match="no problem of whole numbers"):
        write_proof(solve(market, "opt-frac"), tmp_path / "a.vipr")
    with pytest.raises(InputError, match="written as vipr or opb"):
        write_proof(solve(market, "opt"), tmp_path / "a.json")
    with pytest.raises(InputError, match="only a proved optimum"):
        write_proof(replace(solve(market, "opt"), status="feasible"), tmp_path / "a.vipr")
    monkeypatch.setattr(branching, "MOST_NODES", 2)
    with pytest.raises(NoDerivationError, match="more than 2 nodes"):
        write_proof(solve(market, "opt"), tmp_path / "a.vipr")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("module", "name", "values"),
    [
        (branching, "MOST_KEPT", (1, 2, 8)),
        pytest.param(branching, "FEW_CANDIDATES", (1, 2, 4, 30), marks=pytest.mark.thorough),
        pytest.param(
            combination,
            "PRECISIONS",
            ((0, 1, 2, 3), (60, 70, 80, 90), (0, 4, 8, 12, 16, 24, 32, 48, 64, 96)),
            marks=pytest.mark.thorough,
        ),
        (branching, "WHOLE", (1e-9, 1e-6, 0.1)),
        (multipliers, "MOST_HINTS", (0, 1, 8)),
    ],
)
def test_effort_changes_trees_and_no_verdict(
    module: ModuleType, name: str, values: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is tried first, a certificate that is written is accepted."""
    for value in values:
        monkeypatch.setattr(module, name, value)
        for market in (correlated_market(), branching_market(23), random_market(seeded(4), True)):
            for problem in ("opt", "opt-sep") if market.n < 20 else ("opt",):
                try:
                    accepted(market, problem, tmp_path)
                except NoDerivationError:
                    assert (name, value) in (("PRECISIONS", (0, 1, 2, 3)), ("WHOLE", 0.1))
