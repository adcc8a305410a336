"""The public verbs: either market, any mechanism, any proof; every public name stands once and loads."""

from __future__ import annotations

import ast
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import fedmech as fm
import pytest
from fedmech.models.data import prototype_market_path

ROOT = Path(fm.__file__).parent
MARKET = fm.Market.build(scores=["0.5", 3], costs=[1, 2], budgets=[3])


def test_the_stub_and_the_package_say_the_same() -> None:
    tree = ast.parse((ROOT / "__init__.pyi").read_text())
    (listed,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert sorted(listed) == sorted(fm.__all__)
    for name in fm.__all__:
        assert getattr(fm, name) is not None


def test_read_knows_both_markets(tmp_path: Path) -> None:
    fm.write_market(MARKET, tmp_path / "m.json")
    assert fm.read(tmp_path / "m.json") == MARKET
    assert isinstance(fm.read(prototype_market_path()), fm.SharingMarket)
    (tmp_path / "x.json").write_text('{"format": "other/1"}')
    with pytest.raises(fm.InputError, match="expected the format"):
        fm.read(tmp_path / "x.json")


def test_no_optimum_of_a_sharing_market_in_silence() -> None:
    sharing = cast(Any, fm.read(prototype_market_path()))
    assert fm.solve(sharing, allow_suboptimal=False).status == "optimal"
    with pytest.raises(fm.NotOptimalError, match=r"social-state by .*allow_suboptimal=True") as error:
        fm.solve(sharing, time_limit=0)
    assert error.value.solution.market is sharing
    assert fm.solve(sharing, time_limit=0, allow_suboptimal=True).status == "feasible"
    assert fm.solve(cast(Any, sharing.with_max_error("1/10000000"))).status == "infeasible"


def test_solve_takes_both_markets() -> None:
    assert fm.solve(MARKET).value == Fraction(7, 2)
    assert fm.solve(MARKET, "orp").problem == "orp"
    sharing = fm.read(prototype_market_path())
    assert fm.solve(cast(Any, sharing)).status == "optimal"
    for market, problem in ((MARKET, "social-state"), (sharing, "opt")):
        with pytest.raises(fm.InputError, match=r"is (a|the) problem of"):
            fm.solve(cast(Any, market), cast(Any, problem))


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-frac", "opt-sep", "cover"])
def test_a_proof_can_be_checked_again_and_against_other_markets(problem: Any) -> None:
    market = fm.Market.build(scores=["0.5", 3], costs=[1, 2], budgets=[2, 1], coverage=[["0.5", 1], [0, 2]])
    best = fm.solve(market, problem)
    assert best.exactness == "checked"
    assert best.proof is not None
    assert fm.check(best.proof, market) == best.value
    richer = fm.Market.build(scores=[5, 30], costs=[1, 2], budgets=[2, 1], coverage=[[5, 10], [0, 20]])
    with pytest.raises(fm.ProofError):
        fm.check(best.proof, richer)


def test_run_takes_any_callable() -> None:
    def mine(market: fm.Market) -> fm.Outcome:
        return fm.run(market, "driftpay-co")

    def cheat(market: fm.Market) -> fm.Outcome:
        return replace(fm.run(market, "driftpay-co"), score=Fraction(99))

    assert fm.run(MARKET, mine).score == fm.run(MARKET, "driftpay-co").score
    with pytest.raises(fm.CheckError, match="not the score of its winners"):
        fm.run(MARKET, cheat)
    with pytest.raises(fm.InputError, match="returned int, not an Outcome"):
        fm.run(MARKET, cast(Any, lambda market: 3))


def test_experiments_by_name() -> None:
    rows = fm.simulate("network-effects", "repetitions=2", "seed=1")
    assert rows
    with pytest.raises(fm.InputError, match="repetition"):
        fm.simulate("network-effects", "repetition=2")


@pytest.mark.usefixtures("nothing_stays_registered")
def test_the_verbs_as_they_are_written_down(tmp_path: Path) -> None:
    """A procurement market and a sharing market, a mechanism of one's own, every verb and every result: ids, Fractions, frames."""

    @fm.mechanism("written-down", claims=("truthful", "budget"))
    def mine(market):
        return fm.extend.outcome(market, {"anna": "north"}, {"anna": Fraction(2)}, price=Fraction(1, 2))

    market = fm.Market.build(
        scores=[4, "0.5"], costs=[1, 2], budgets=[3], worker_ids=["anna", "ben"], requester_ids=["north"]
    )
    fm.write_market(market, tmp_path / "m.market.json")
    market = fm.read(tmp_path / "m.market.json")
    assert isinstance(market, fm.Market)
    best = fm.solve(market, "opt")
    assert (best.value, best.hired, len(best.frame())) == (Fraction(9, 2), ["anna", "ben"], 2)
    assert best.proof is not None
    assert fm.check(best.proof, market) == best.value
    out = fm.run(market, "driftpay-co")
    assert out.payments == {name: Fraction(out.price or 0) * market.score(i) for i, name in enumerate(out.winners)}
    assert fm.run(market, mine).payments == fm.run(market, "written-down").payments == {"anna": 2}
    table = fm.compare([market, market], ["driftpay-co", mine], problems=["opt"])
    assert len(table.frame()) == 6
    assert "written-down" in table.to_latex()
    assert fm.audit(market, mine).mechanism == "written-down"
    assert "F-T3-UNIQUE" in fm.claims()
    sharing = fm.read(prototype_market_path())
    state = fm.solve(cast(Any, sharing))
    for shown in (market, best, out, table, sharing, state, fm.swan(cast(Any, sharing)), fm.claims()):
        assert shown._repr_html_().startswith("<div>")
        assert all(len(line) <= 80 for line in str(shown).split("\n"))
        assert len(shown.frame()) > 0
