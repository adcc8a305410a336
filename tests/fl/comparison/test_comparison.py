"""Mechanisms beside the optima: one orientation, exact figures, intervals where nothing is proved, any markets and mechanisms."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction as F
from itertools import product
from pathlib import Path
from typing import Any

import fedmech as fm
import numpy as np
import pytest
from drawing import Numbers, made_by, seeded
from fedmech.fl import progress
from fedmech.fl.comparison import compare as module
from fedmech.fl.comparison.figure import LONGEST_LABEL
from fedmech.fl.comparison.row import Interval, Row
from fedmech.fl.comparison.table import in_short
from hypothesis import given, settings

MARKET = fm.Market.build(
    scores=[3, 2, "0.5", 4],
    costs=["1.25", "0.5", 1, 2],
    budgets=[3, 2],
    groups=["a", "a", "b", "b"],
    caps=[[1, 1], [1, 0]],
)


def first_as_bid(market: fm.Market) -> fm.Outcome:
    """A score of 3 on MARKET, where 9 is the best there is."""
    return fm.extend.outcome(market, [0], {0: market.bid(0)})


def random_market(draw: Numbers) -> fm.Market:
    n, m = draw.randint(1, 5), draw.randint(1, 2)
    return fm.Market.build(
        scores=[F(draw.randint(1, 12), draw.randint(1, 3)) for _ in range(n)],
        costs=[F(draw.randint(0, 9), draw.randint(1, 4)) for _ in range(n)],
        budgets=[draw.randint(0, 6) for _ in range(m)],
        groups=[draw.choice("ab") for _ in range(n)],
        default_cap=draw.choice([None, 1, 2]),
    )


def best_score(market: fm.Market, *, separate: bool) -> F:
    """Every assignment there is, in Fractions."""
    best = F(0)
    for placed in product(range(-1, market.m), repeat=market.n):
        spent = [sum(market.cost(i) for i in range(market.n) if placed[i] == j) for j in range(market.m)]
        within = all(spent[j] <= market.budget(j) for j in range(market.m)) if separate else True
        total = sum((market.budget(j) for j in range(market.m)), F(0))
        counts: dict[tuple[int, int], int] = {}
        for i, j in enumerate(placed):
            counts[int(market.group_of[i]), j] = counts.get((int(market.group_of[i]), j), 0) + 1
        capped = all(j < 0 or count <= market.caps[l, j] for (l, j), count in counts.items())
        if within and capped and sum(spent) <= total:
            best = max(best, sum((market.score(i) for i in range(market.n) if placed[i] >= 0), F(0)))
    return best


@settings(max_examples=25)
@given(market=made_by(random_market))
def test_figures_are_those_of_enumeration(market: fm.Market) -> None:
    table = fm.compare(market, ["driftpay-co", "care-no", "lowest-bid", "vcg"], ["opt", "opt-sep"])
    optima = {"opt": best_score(market, separate=False), "opt-sep": best_score(market, separate=True)}
    assert [row.score for row in table.rows[:2]] == [*optima.values()]
    assert table.proved
    for row in table.rows[2:]:
        outcome = fm.run(market, row.name)
        spent = sum(outcome.payments.values(), F(0))
        budget = sum((market.budget(j) for j in range(market.m)), F(0))
        assert (row.score, row.spend, row.price, row.workers) == (
            outcome.score,
            spent,
            outcome.price,
            len(outcome.winners),
        )
        own = [
            sum((outcome.payments[i] for i, r in outcome.requesters.items() if r == name), F(0)) <= market.budget(j)
            for j, name in enumerate(market.requester_ids)
        ]
        assert row.promises == {
            "rational": all(
                outcome.payments[market.worker_ids[int(i)]] >= market.bid(int(i)) for i in outcome.winner_indices
            ),
            "budget": spent <= budget,
            "separate-budgets": all(own) and spent <= budget,
            "caps": True,
        }
        if optima["opt"] == 0:
            assert table.ratio(row) is None
            continue
        assert row.score is not None
        exact = row.score / optima["opt"]
        assert table.ratio(row) == Interval(exact, exact)
        assert exact <= 1 or not row.promises["budget"]
        if row.promises["separate-budgets"] and optima["opt-sep"]:
            assert row.ratios["opt-sep"].exact == row.score / optima["opt-sep"] <= 1


def test_an_optimum_that_is_not_proved_is_an_interval_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    proved = fm.solve(MARKET)
    assert proved.value == 9
    loose = replace(proved, status="feasible", stopped="time-limit", value=F(5), bound=F(10), exactness="checked")
    monkeypatch.setattr(module, "solve", lambda *args, **rest: loose)
    table = fm.compare([MARKET, MARKET], [first_as_bid, "lowest-bid"])
    row = table.rows[1]
    assert row.score == 3
    assert table.ratio(row) == Interval(F(3, 10), F(3, 5))
    frame = table.frame()
    assert frame["ratio"][1] is None
    assert (frame["ratio_low"][1], frame["ratio_high"][1]) == (F(3, 10), F(3, 5))
    assert table.summary()[0].mean == Interval(F(3, 10), F(3, 5))
    assert not table.proved
    for text in (str(table), table._repr_html_()):
        assert "0.3 to 0.6" in text
        assert "NOT PROVED on 2" in text
        assert "proved on 0 of 2 markets" in text
    alone = fm.compare(MARKET, [first_as_bid])
    for text in (str(alone), alone._repr_html_(), alone.to_latex()):
        assert "5 to 10" in text
        assert "0.3 to 0.6" in text
    assert "OPT: NOT PROVED: between 5 and 10" in str(alone)
    # A mechanism that beats the best point found says more of the optimum than the search: the ratio is at most 1.
    weak = replace(loose, value=F(1))
    monkeypatch.setattr(module, "solve", lambda *args, **rest: weak)
    better = fm.compare(MARKET, [first_as_bid])
    assert better.ratio(better.rows[1]) == Interval(F(3, 10), F(1))


@pytest.mark.parametrize(
    ("exactness", "says"), [("solver", "claimed by HiGHS on 2"), ("unchecked", "not checked on 2")]
)
def test_what_only_a_solver_claims_is_not_called_proved(
    monkeypatch: pytest.MonkeyPatch, exactness: Any, says: str
) -> None:
    claimed = replace(fm.solve(MARKET), exactness=exactness)
    monkeypatch.setattr(module, "solve", lambda *args, **rest: claimed)
    table = fm.compare([MARKET, MARKET], ["driftpay-co"])
    assert "proved on 0 of 2" in str(table)
    assert says in str(table)
    assert not table.rows[0].proved
    assert (table.complete, table.proved) == (True, False)
    assert not claimed.proved
    assert (fm.report(claimed).complete, fm.report(claimed).proved) == (True, False)
    assert (fm.report(table).complete, fm.report(table).proved) == (True, False)
    assert "OPT: proved" not in str(fm.compare(MARKET, ["driftpay-co"]))


def test_many_markets_give_mean_spread_and_worst() -> None:
    draw = seeded(3)
    markets = {f"m{k}": random_market(draw) for k in range(8)}
    table = fm.compare(markets, ["driftpay-co", "vcg"])
    (first, second) = table.summary()
    rows = [row for row in table.rows if row.name == "driftpay-co"]
    ratios = {row.market: row.ratios["opt"].exact for row in rows if row.ratios}
    assert first.count == len(ratios) >= 4
    values = [value for value in ratios.values() if value is not None]
    assert first.mean is not None
    assert first.mean.exact == sum(values, F(0)) / len(values)
    assert first.worst is not None
    assert first.worst.exact == min(values)
    assert first.worst_market is not None
    assert ratios[first.worst_market] == min(values)
    assert first.spread == pytest.approx(float(np.std([float(v) for v in values], ddof=1)))
    assert second.broken["budget"] == sum(not row.promises["budget"] for row in table.rows if row.name == "vcg") > 0
    assert "OVER BUDGET somewhere" in str(table)
    assert len(table.frame()) == 8 * 3
    assert len([*csv.DictReader(io.StringIO(table.to_csv()))]) == 8 * 3
    alone = fm.compare([markets["m0"], markets["m0"]], ["driftpay-co"]).summary()[0]
    assert alone.spread in (0.0, None)


def test_markets_come_in_any_shape(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    one, two = tmp_path / "one" / "m.market.json", tmp_path / "two" / "m.market.json"
    fm.write_market(MARKET, one)
    fm.write_market(MARKET.with_budgets([0, 0]), two)
    for markets, names in (
        (MARKET, ["1"]),
        (str(one), ["m"]),
        ([MARKET, one], ["1", "m"]),
        ((market for market in (MARKET, MARKET)), ["1", "2"]),
        ({"a": one, "b": MARKET}, ["a", "b"]),
        ([one, two], [str(one), str(two)]),
    ):
        assert fm.compare(markets, "driftpay-co").markets == names
    # Nothing can be bought: there is no ratio to an optimum of 0, and none is made up.
    poor = fm.compare(two, "driftpay-co")
    assert poor.ratio(poor.rows[1]) is None
    assert poor.frame()["ratio"][1] is None


@pytest.mark.parametrize(
    ("markets", "mechanisms", "rest", "says"),
    [
        ([], None, {}, "no market to compare"),
        (3, None, {}, "expected a procurement market or its file, got int"),
        ([MARKET, None], None, {}, "got NoneType"),
        ({"a": MARKET}, [], {}, "no mechanism to compare"),
        (MARKET, "drifpay", {}, "unknown mechanism 'drifpay'"),
        (MARKET, ["vcg", "vcg"], {}, "two mechanisms are called 'vcg'"),
        (MARKET, 3, {}, "expected mechanisms, got int"),
        (MARKET, ["vcg", 3], {}, "int cannot be called"),
        (MARKET, "vcg", {"problems": []}, "name one problem"),
        (MARKET, "vcg", {"problems": ["opt", "opt"]}, "each once"),
        (MARKET, "vcg", {"problems": "optt"}, "optt"),
        (MARKET, "vcg", {"problems": "cover"}, "compared by score"),
        (MARKET, "vcg", {"options": {"vgc": {}}}, "options for 'vgc', which is not compared; did you mean 'vcg'"),
        (MARKET, "vcg", {"options": {"vcg": {"prise": 1}}}, "no option 'prise'"),
        (["/nonesuch.market.json"], "vcg", {}, "No such file|cannot read"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(
    markets: Any, mechanisms: Any, rest: dict[str, Any], says: str
) -> None:
    with pytest.raises(fm.InputError, match=says) as refused:
        fm.compare(markets, mechanisms, **rest)
    assert "\n" not in str(refused.value)


def test_mechanisms_of_ones_own() -> None:
    def greedy(market: fm.Market) -> fm.Outcome:
        return fm.extend.outcome(market, range(market.n), {})

    def floats(market: fm.Market) -> fm.Outcome:
        return fm.extend.outcome(market, [0], {0: 0.5})  # type: ignore[dict-item]

    table = fm.compare(MARKET, ["driftpay-co", first_as_bid, greedy])
    assert [row.name for row in table.rows] == ["OPT", "driftpay-co", "first_as_bid", "greedy"]
    assert (table.rows[2].truthful, table.rows[2].ratios["opt"].exact) == (None, F(1, 3))
    assert "truthfulness not claimed\nfirst_as_bid" in str(table)
    assert table.rows[3].promises == {"caps": False}
    assert "greedy: cap of group" in str(table)
    assert fm.compare(MARKET, {"by me": first_as_bid}).rows[1].name == "by me"
    with pytest.raises(fm.InputError, match=r"on market 1: .*floats returned 0\.5"):
        fm.compare([MARKET, MARKET], [floats])


def test_bids_stand_for_costs_where_there_are_none() -> None:
    market = fm.Market.build(scores=[3, 2], bids=[2, 1], budgets=[2])
    table = fm.compare(market, "driftpay-co", ["opt", "orp"])
    assert [row.name for row in table.rows] == ["OPT at bids", "ORP at bids", "driftpay-co"]
    assert "take bids for costs" in str(table)


def test_seeds_and_options_reach_the_mechanisms_that_take_them() -> None:
    by_seed = fm.compare(MARKET, ["random-feasible", "reputation"], seed=4, options={"reputation": {"reputations": 1}})
    again = fm.run(MARKET, "random-feasible", seed=4)
    assert by_seed.rows[1].score == again.score
    assert by_seed.rows[2].refused is None
    assert fm.compare(MARKET, ["reputation"]).rows[1].refused == "needs the option reputations: one number per worker"


def test_time_that_is_up_is_said_and_interrupts_keep_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    table = fm.compare([MARKET, MARKET], ["driftpay-co"], time_limit=0)
    assert table.cut_short == "time is up"
    assert "Not run: driftpay-co: time is up." in str(table)
    assert not table.proved

    def ctrl_c(market: fm.Market) -> fm.Outcome:
        raise KeyboardInterrupt

    kept = fm.compare(MARKET, ["driftpay-co", ctrl_c])
    assert (kept.rows[1].score, kept.rows[2].refused, kept.cut_short) == (9, "interrupted", "interrupted")

    def interrupted(*args: Any, **rest: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "solve", interrupted)
    nothing = fm.compare(MARKET, ["driftpay-co"], ["opt", "opt-frac"])
    assert [row.refused for row in nothing.rows] == ["interrupted"] * 3


HOSTILE = ["<script>alert(1)</script>", r"\input{x} & 50% $_#^~{}", "宽" * 30, "a\u202eb", "[1] *"]


def test_hostile_names_are_escaped_in_every_form() -> None:
    mechanisms = {name: lambda market: fm.extend.outcome(market, [0], {0: market.bid(0)}) for name in HOSTILE}
    for markets in (MARKET, dict.fromkeys(HOSTILE, MARKET)):
        table = fm.compare(markets, mechanisms)
        page = table._repr_html_()
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "\u202e" not in page + str(table) + table.to_latex()
        latex = table.to_latex()
        line = next(line for line in latex.split("\n") if "input" in line)
        assert line.startswith(r"\textbackslash{}input\{x\} \& 50\% \$\_\#\textasciicircum{}\textasciitilde{}\{\} & ")
        assert "\n{[}1] {*} & " in latex
        assert all(line == line.rstrip() for line in str(table).split("\n"))


def test_the_figure_shows_ratios_and_what_is_over_budget() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    table = fm.compare(MARKET, ["driftpay-co", "vcg"])
    axes = table.plot()
    assert axes.figure.get_figwidth() == 3.5  # type: ignore[union-attr]
    assert axes.get_xlabel() == "score / OPT"
    bars: Any = axes.patches
    assert [bar.get_width() for bar in bars] == [float(table.rows[k].ratios["opt"].low) for k in (1, 2)]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "driftpay-co"
    assert labels[1] == ("vcg" if table.rows[2].promises["budget"] else "vcg (over budget)")
    _, given = pyplot.subplots()
    many = fm.compare([MARKET, MARKET], {"$x^": "driftpay-co", "driftpay-co": "driftpay-co"})
    assert many.plot(given) is given
    given.figure.canvas.draw()
    pyplot.close("all")


@pytest.mark.parametrize("length", [LONGEST_LABEL - 1, LONGEST_LABEL, LONGEST_LABEL + 1])
def test_labels_longer_than_a_column_allows_are_cut(length: int) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    axes = fm.compare(MARKET, {"a" * length: "driftpay-co"}).plot()
    (label,) = [text.get_text() for text in axes.get_yticklabels()]
    assert label == ("a" * length if length <= LONGEST_LABEL else "a" * (LONGEST_LABEL - 1) + "…")
    pyplot.close("all")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (F(0), "0"),
        (F(1, 3), "0.33333"),
        (F(35175223, 10**6), "35.1752"),
        (F(229603, 1000), "229.603"),
        (F(999999), "999,999"),
        (F(1234567), "1,234,567"),
        (F(12345678, 10), "1,234,568"),
        (F(-5, 2), "-2.5"),
        (F(10**15 - 1), "999,999,999,999,999"),
        (F(10**15), "1.000000…e15"),
        (None, "-"),
    ],
)
def test_numbers_of_papers(value: F | None, shown: str) -> None:
    assert in_short(value) == shown


def test_a_row_of_no_outcome_has_no_faults() -> None:
    assert Row("m", "x", "mechanism", refused="no").faults == []
    assert Row("m", "x", "mechanism", promises={"budget": False, "rational": False, "caps": True}).faults == [
        "over budget",
        "paid below bid",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_said_to_terminals_and_obeys_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        fm.compare({"a\x1b[2J": MARKET, "b": MARKET}, ["driftpay-co"])
        said = stream.getvalue()
        assert bool(said) == stream.isatty()
        assert "\x1b" not in said
        if stream.isatty():
            assert "market 1 of 2 (a\\x1b[2J): OPT" in said
            assert "market 2 of 2 (b): driftpay-co, about 0 s left" in said
            # What is left on the line at the end is nothing.
            assert said.endswith("\r")
            assert not said.split("\r")[-2].strip()
    told: list[str] = []
    fm.compare([MARKET, MARKET], ["driftpay-co"], report=told.append)
    assert told[0] == "market 1 of 2 (1): OPT"
    assert "" not in told
