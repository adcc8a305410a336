"""Mechanisms of somebody's own: any callable, by name, file or module, with the verbs that the shipped ones have."""

from __future__ import annotations

import functools
import operator
import sys
import warnings
from collections.abc import Iterator
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import fedmech as fm
import numpy as np
import pytest
from fedmech.fl.registry import as_mechanism, options_of

MARKET = fm.Market.build(
    scores=[3, 2, "0.5", 4],
    costs=["1.25", "0.5", 1, 2],
    budgets=[3, 2],
    groups=["a", "a", "b", "b"],
    worker_ids=["anna", "ben", "carl", "dora"],
    requester_ids=["north", "south"],
    caps=[[1, 1], [1, 0]],
)


pytestmark = pytest.mark.usefixtures("nothing_stays_registered")


def cheapest(market: fm.Market) -> fm.Outcome:
    """Hire the cheapest worker, paid as bid.

    More words that nobody needs.
    """
    first = min(range(market.n), key=market.bid)
    return fm.extend.outcome(market, [first], {first: market.bid(first)})


def test_a_name_is_all_the_decorator_needs() -> None:
    mine = fm.mechanism("mine", claims=("budget", "rational"))(cheapest)
    assert mine is cheapest
    entry = as_mechanism("mine")
    assert entry.summary == "Hire the cheapest worker, paid as bid."
    assert (entry.claims, entry.source, entry.shipped) == ({"budget", "rational"}, "", False)
    assert as_mechanism(cheapest) is entry
    assert "mine" in [known.name for known in fm.mechanisms()]
    found = fm.run(MARKET, "mine")
    assert (found.mechanism, found.winners, found.payments) == ("mine", ["ben"], {"ben": F(1, 2)})
    assert fm.audit(MARKET, "mine").mechanism == fm.audit(MARKET, mine).mechanism == "mine"
    assert fm.audit(MARKET, "mine").failed() == ("dsic",)


def test_functions_without_a_module_and_objects_that_can_be_called() -> None:
    names: dict[str, Any] = {"fm": fm}
    exec("@fm.mechanism('text')\ndef text(market):\n    return fm.extend.outcome(market, [], {})\n", names)
    assert names["text"].__module__ in (None, "builtins")
    assert fm.run(MARKET, "text").winners == []
    fm.mechanism("partial")(functools.partial(cheapest))
    assert fm.run(MARKET, "partial").winners == ["ben"]


def test_registering_again_is_a_cell_run_again_and_a_taken_name_is_refused() -> None:
    fm.mechanism("mine")(cheapest)
    fm.mechanism("mine", claims=("budget",))(cheapest)
    assert as_mechanism("mine").claims == {"budget"}
    for name in ("mine", "vcg"):
        with pytest.raises(fm.InputError, match=f"called '{name}' is registered already"):
            fm.mechanism(name)(lambda market: cheapest(market))
    assert as_mechanism("vcg").shipped


@pytest.mark.parametrize(
    ("name", "claims", "says"),
    [
        ("mine", ("truthfull",), "unknown claim 'truthfull'; did you mean 'truthful'"),
        ("mine", ("x",), "there are truthful, rational, budget, separate-budgets"),
        ("mine", "budgets", "unknown claim 'budgets'"),
        ("", (), "missing"),
        (" mine", (), "no name for a mechanism"),
        ("a:b", (), "no name for a mechanism"),
        ("a\nb", (), "control character"),
        (cheapest, (), "needs a name"),
    ],
)
def test_what_is_no_name_and_no_claim(name: Any, claims: Any, says: str) -> None:
    with pytest.raises(fm.InputError, match=says) as refused:
        fm.mechanism(name, claims=claims)
    assert "\n" not in str(refused.value)


def test_options_are_read_off_the_parameters() -> None:
    def many(market: Any, share: Any, rounds: int = 3, eta=F(1, 2), seed: int = 0, mode="fast", flag=False, **rest):
        pass

    found = {option.name: (option.kind, option.required) for option in options_of(many)}
    assert found == {
        "share": ("number", True),
        "rounds": ("integer", False),
        "eta": ("number", False),
        "seed": ("seed", False),
    }

    @fm.mechanism("tenth")
    def tenth(market: fm.Market, share: F) -> fm.Outcome:
        assert type(share) is F
        return fm.extend.outcome(market, [], {}, price=share)

    assert fm.run(MARKET, "tenth", share="0.1").price == fm.run(MARKET, "tenth", share=0.1).price == F(1, 10)
    for given, says in (({}, "needs the option share"), ({"shares": 1}, "no option 'shares'")):
        with pytest.raises(fm.InputError, match=says):
            fm.run(MARKET, "tenth", **given)


def test_a_callable_gets_its_options_as_they_are() -> None:
    def picky(market: fm.Market, ids: list[str], share: Any = F(1)) -> fm.Outcome:
        assert ids == ["ben"]
        return made(market, ids, dict.fromkeys(ids, share))

    assert fm.run(MARKET, picky, ids=["ben"], share=F(2)).payments == {"ben": 2}
    assert fm.run(MARKET, functools.partial(picky, ids=["ben"])).mechanism == "picky"
    with pytest.raises(fm.InputError, match=r"picky failed at bids 5/4, 1/2, 1, 2: TypeError: .*'idz'"):
        fm.run(MARKET, picky, ids=["ben"], idz=[])
    with pytest.raises(fm.InputError, match="int cannot be called"):
        fm.run(MARKET, 3)  # type: ignore[arg-type]


def test_winners_by_id_by_position_and_by_requester() -> None:
    outcome = fm.extend.outcome
    to = outcome(MARKET, {"anna": "south", 3: None}, {"anna": 2, "dora": F(5, 2)}, price=F(1, 2))
    assert to.winners == ["anna", "dora"]
    assert to.requesters == {"anna": "south", "dora": "north"}
    assert (to.score, to.price, to.total_payment) == (7, F(1, 2), F(9, 2))
    # Whoever is sent somewhere goes where the others leave room: group a has one place at each requester.
    assert outcome(MARKET, {"anna": "north", "ben": None}, {}).requesters == {"anna": "north", "ben": "south"}
    assert outcome(MARKET, {"anna": 1, "ben": None}, {}).requesters == {"anna": "south", "ben": "north"}
    assert outcome(MARKET, np.array([1, 0]), {}).winners == ["anna", "ben"]
    # A loser that is paid is shown as well.
    paid = outcome(MARKET, ["anna"], {"ben": 1})
    assert paid.payments == {"anna": 0, "ben": 1}
    assert paid.promises == {"rational": False, "budget": True, "separate-budgets": True, "caps": True}


def test_who_finds_no_place_breaks_a_cap_and_is_found_out() -> None:
    def everybody(market: fm.Market) -> fm.Outcome:
        return fm.extend.outcome(market, range(market.n), {})

    with pytest.raises(fm.CheckError, match="everybody: cap of group"):
        fm.run(MARKET, everybody)
    assert fm.audit(MARKET, everybody, properties=["caps"]).failed() == ("caps",)
    nobody_buys = fm.Market.build(scores=[1], costs=[1], budgets=[])
    with pytest.raises(fm.InputError, match="no requester"):
        fm.run(nobody_buys, everybody)


made: Any = fm.extend.outcome
"""Also with what its types do not allow."""

SCALED = MARKET.scaled.money_denominator


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (lambda m: None, "mine returned None, not an Outcome"),
        (lambda m: [1, 2], "mine returned list, not an Outcome: fedmech.extend.outcome"),
        (lambda m: {"anna": 1}, "not an Outcome"),
        (
            lambda m: made(m, ["anna"], {"anna": 1.5}),
            "worker 'anna'.*: mine returned 1.5, which is not exact",
        ),
        (lambda m: made(m, ["anna"], {"anna": "2"}), "not exact"),
        (lambda m: made(m, ["anna"], {"anna": None}), "not exact"),
        (lambda m: made(m, ["anna", "anna"], {}), "mine hires 'anna' twice"),
        (lambda m: made(m, ["anna", 0], {}), "hires 'anna' twice"),
        (lambda m: made(m, ["anna"], {"anna": 1, 0: 2}), "pays 'anna' twice"),
        (lambda m: made(m, ["Anna"], {}), "hires 'Anna'; did you mean 'anna'"),
        (lambda m: made(m, ["zoe"], {}), "hires 'zoe', where the workers are 0 to 3, or 'anna' to 'dora'"),
        (lambda m: made(m, [4], {}), "hires 4, where"),
        (lambda m: made(m, [True], {}), "hires True, where"),
        (lambda m: made(m, [0.0], {}), "hires 0.0, where"),
        (lambda m: made(m, [None], {}), "hires None, where"),
        (lambda m: made(m, {"anna": "nort"}, {}), "names 'nort'; did you mean 'north'"),
        (lambda m: made(m, {"anna": 2}, {}), "names 2, where the requesters are"),
        (lambda m: made(m, "anna", {}), "returned 'anna' for its winners"),
        (lambda m: made(m, None, {}), "returned None for its winners"),
        (lambda m: made(m, ["anna"], [1]), r"returned \[1\] for its payments"),
        (lambda m: made(m, ["anna"], 3), "returned 3 for its payments"),
        (lambda m: made(m, [], {}, price=0.5), "returned 0.5, which is not exact"),
        (
            lambda m: 1 / 0,
            r"mine failed at bids .*: ZeroDivisionError: division by zero \(test_own_mechanisms.py, line",
        ),
        (lambda m: sys.exit("a\nb"), "SystemExit: a b"),
        (lambda m: "x" * 500, "returned str, not an Outcome"),
    ],
)
def test_what_a_mechanism_must_not_return_is_said_in_one_line(returned: Any, says: str) -> None:
    def mine(market: fm.Market) -> Any:
        return returned(market)

    for verb in (fm.run, fm.audit):
        with pytest.raises(fm.InputError, match=says) as refused:
            verb(MARKET, mine)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 300


def test_integers_in_the_place_of_money_are_noticed() -> None:
    def scaled(market: fm.Market) -> fm.Outcome:
        return fm.extend.outcome(market, [0, 3], {i: market.bid(i) * market.scaled.money_denominator for i in (0, 3)})

    assert SCALED == 4
    with pytest.warns(UserWarning, match="scaled: every winner is paid 4 times its bid"):
        found = fm.run(MARKET, scaled)
    assert "every winner is paid 4 times its bid" in str(found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fm.run(MARKET, cheapest)
        fm.run(fm.Market.build(scores=[1, 1], costs=[5, 5], budgets=[10]), lambda m: made(m, [0], {0: 20}))


FILE = '''
import fedmech as fm
from helping_hand import first

@fm.mechanism("by-hand", claims=("budget",))
def mine(market):
    """From a file."""
    return first(market)

def other(market, share=1):
    return fm.extend.outcome(market, [], {}, price=share)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "helping_hand.py").write_text(
        "import fedmech as fm\ndef first(market):\n    return fm.extend.outcome(market, [0], {0: market.bid(0)})\n"
    )
    yield tmp_path
    sys.modules.pop("helping_hand", None)


def test_a_mechanism_in_a_file(folder: Path) -> None:
    file = str(folder / "mine.py")
    for name in (f"{file}:mine", f"{file}:by-hand", file):
        entry = as_mechanism(name)
        assert (entry.name, entry.claims) == ("by-hand", {"budget"})
        assert fm.run(MARKET, name).winners == ["anna"]
    assert fm.run(MARKET, "by-hand").winners == ["anna"]
    assert fm.run(MARKET, f"{file}:other", share="1/2").price == F(1, 2)
    (folder / "mine.py").write_text(FILE.replace("from a file", "again").replace("[], {}", "[1], {}"))
    assert fm.run(MARKET, f"{file}:other").winners == ["ben"]


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("x = 1\n1 / 0\n", "mine.py:mine", r"ZeroDivisionError: division by zero \(mine.py, line 2\)"),
        ("def mine(:\n", "mine.py:mine", r"SyntaxError: .*\(mine.py, line 1\)"),
        ("raise SystemExit(3)\n", "mine.py:mine", "SystemExit: 3"),
        ("def mime(market): pass\n", "mine.py:mine", "there is no 'mine' in it; did you mean 'mime'"),
        ("mine = 3\n", "mine.py:mine", "int cannot be called"),
        ("def mine(market): pass\n", "mine.py", "say which callable of .* it registers no mechanism"),
        ("def mine(market): pass\n", "yours.py:mine", "cannot read: No such file"),
        ("", "nonesuch_at_all:mine", "ModuleNotFoundError: No module named 'nonesuch_at_all'"),
        ("", ":mine", "cannot load ':mine'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(fm.InputError, match=says) as refused:
        fm.run(MARKET, name)
    assert "\n" not in str(refused.value)


def test_everything_the_recipes_need_is_public() -> None:
    for name in fm.extend.__all__:
        assert getattr(fm.extend, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        operator.attrgetter("nonesuch")(fm.extend)


def test_an_audit_reads_well_and_takes_ids() -> None:
    fm.mechanism("<script>")(cheapest)
    found = fm.audit(MARKET, cheapest, workers=["ben"])
    assert (found.workers, found.failed()) == (1, ("dsic",))
    assert [*found.frame()["worker"]] == ["ben"]
    gains: Any = found.frame()["gain"]
    assert gains[0] == found.violations[0].gain
    assert "VIOLATED" in str(found)
    assert all(len(line) <= 80 and line == line.rstrip() for line in str(found).split("\n"))
    assert "<script" not in found._repr_html_()
    assert repr(found) == "Audit(<script>: dsic violated)"
    with pytest.raises(fm.InputError, match="no worker is called 'bem'; did you mean 'ben'"):
        fm.audit(MARKET, cheapest, workers=["bem"])
    somebody: Any = [0, np.int64(3)]
    assert fm.audit(MARKET, cheapest, workers=somebody).workers == 2
    nobodies: list[Any] = [4, -1, True, 0.0, None]
    for nobody in nobodies:
        with pytest.raises(fm.InputError, match=f"no worker is called {nobody}"):
            fm.audit(MARKET, cheapest, workers=[nobody])
