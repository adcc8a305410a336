"""``fedmech judge`` on sharing markets, in real processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import fedmech as fm
import pytest
from command_line import MAIN, fedmech
from fedmech.models.data import prototype_market_path
from mots_strategies import small_market as build


def call(*words: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    return fedmech(*words, code=f"{lines}\n{MAIN}")


def test_the_command() -> None:
    path = str(prototype_market_path())
    done = call("judge", path, "--state", "small=2, large=1", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["aligned"] is False
    assert document["aligned_with_requirement"] is None
    assert document["regions"] == {"small": "IV", "medium": "IV", "large": "II"}
    assert document["given"]["regions"] == {"small": "II", "medium": "II", "large": "II"}
    assert document["thresholds"]["small"]["phi_exact"] == "-19/1800"
    assert document["thresholds"]["small"]["switching_count"] == 3
    assert document["conditions"] == {
        "16": False,
        "17": False,
        "increasing_marginal_utility": True,
        "convex_utility": True,
    }
    assert document["conditions_fail_at"]["16"] == {
        "coalition": {"small": 10, "medium": 0, "large": 0}, "joined_by": "large",
    }  # fmt: skip
    assert document["changes"]["requirement_below"]["max_error_exact"] == "196/375"
    assert [row["cost_exact"] for row in document["changes"]["costs"] if row["type"] == "medium"] == ["375/343"]
    assert document["equilibria"]["unique"] is True
    rows = {row["claim"]: row for row in document["applies"]}
    assert rows["S-T3-BALANCE"]["attained_exact"] == "0"
    assert rows["S-P3"]["slack_exact"] == "14834/1519"
    text = call("judge", path, "--state", "small=2", "--state", "large=1")
    assert text.returncode == 0
    for words in ("do not coincide", "Types at the state given", "1.093294", "0.5226667"):
        assert words in text.stdout


def test_a_requirement_that_cannot_be_met(tmp_path: Path) -> None:
    path = tmp_path / "x.mots.json"
    fm.write_mots(build(max_error="1/1000"), path)
    done = call("judge", str(path), "--json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["aligned"] is False
    assert document["aligned_with_requirement"] is None
    assert document["status"] == "infeasible"
    assert "no state meets max_error" in done.stderr
    assert call("judge", str(path)).returncode == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--state", "small"), "expected TYPE=COUNT"),
        (("--state", "tiny=1"), "no type is called 'tiny'"),
        (("--state", "small=1,small=1"), "given twice"),
        (("--state", "small=1.5"), "small"),
        (("--state", "small=99"), "not a state"),
        (("--state", "small=0"), "no coalition"),
        (("--mechanism", "singer"), "procurement"),
        (("--seed", "1"), "procurement"),
    ],
)
def test_bad_input(words: tuple[str, ...], message: str) -> None:
    done = call("judge", str(prototype_market_path()), *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_state_is_of_sharing_markets_only() -> None:
    done = call("judge", "--state", "small=1")
    assert done.returncode == 2
    assert "no states" in done.stderr


def test_no_time_at_all() -> None:
    done = call("judge", str(prototype_market_path()), "--time-limit", "0", "--json")
    assert done.returncode == 4
    document = json.loads(done.stdout)
    assert document["complete"] is False
    assert document["alignment"]["free"]["best"]["state"] is not None
    assert document["alignment"]["free"]["best"]["bound"] >= document["alignment"]["free"]["best"]["welfare"]


def test_a_false_ledger_is_told() -> None:
    """Theorem 2's regions misnamed, and the single-peaked payments made flat: exit code 1, and both claims are named."""
    lines = (
        "from fedmech.verification.judge import views, best_state\n"
        "plain = views.region\nviews.region = lambda *a: {'I': 'III', 'II': 'IV', 'III': 'I', 'IV': 'II'}[plain(*a)]\n"
        "best_state.SinglePeaked.share = lambda self, state: self.shared / self.market.population if any(state) else 0"
    )
    done = call("judge", str(prototype_market_path()), "--json", lines=lines)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["contradicted"] == ["F-T3-UNIQUE", "S-T2"]
    assert done.stderr.count("the ledger is wrong") == 3
