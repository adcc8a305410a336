"""Markets held to the ledger, against brute force written here: every assignment tried, every rule and every factor once more in Fractions."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
from collections import Counter
from dataclasses import replace
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import fedmech as fm
import pytest
from brute_procurement import Brute
from campaign import some, thorough
from command_line import MAIN, fedmech
from drawing import Numbers, generators, seeded
from fedmech.fl.mechanisms.interface import find_mechanism
from fedmech.verification import guarantees
from fedmech.verification.judge import procurement
from fedmech.verification.judge.ruling import PAYMENTS, Between, Premise, Ruling, at_most
from hypothesis import given, settings


def draw_document(draw: Numbers) -> dict[str, Any]:
    n, m = draw.choice([0, 1, 2, 3, 3, 4, 4, 5]), draw.choice([1, 1, 2, 2, 3])
    if n == 5:
        m = min(m, 2)
    groups, equal = [f"g{g}" for g in range(draw.randint(1, 3))], draw.random() < 0.4
    cheap = draw.random() < 0.6
    workers = []
    for i in range(n):
        cost = F(draw.randint(0, 4 if cheap else 9), draw.choice([1, 1, 2]))
        score = F(2, 3) if equal else F(draw.choice([1, 1, 2, 3, 5, 30, 200]), draw.choice([1, 1, 3]))
        row = {"id": f"w{i}", "group": draw.choice(groups), "score": str(score), "cost": str(cost)}
        workers.append(row)
    if workers and draw.random() < 0.1:
        workers[0]["bid"] = str(F(workers[0]["cost"]) + 1)
    budgets = [draw.choice([0, 1, 2, 4, 6, 9, 9, 20]) for _ in range(m)]
    requesters: list[dict[str, Any]] = [{"id": f"r{j}", "budget": budget} for j, budget in enumerate(budgets)]
    if draw.random() < 0.3:
        requesters[0]["seats"] = draw.randint(0, 2)
    used = sorted({row["group"] for row in workers})
    pairs = itertools.product(used, [row["id"] for row in requesters])
    caps = [{"group": g, "requester": r, "cap": draw.randint(0, 2)} for g, r in pairs if draw.random() < 0.35]
    return {"format": "fedmech-market/1", "workers": workers, "requesters": requesters, "caps": caps}


def read(document: dict[str, Any], folder: Path) -> fm.Market:
    path = folder / "x.market.json"
    path.write_text(json.dumps(document))
    return fm.read_market(path)


def expected(brute: Brute, seen: dict[str, list[F]]) -> dict[tuple[str, str], tuple[bool, F, F, F]]:
    """By claim and mechanism: whether it applies, the optimum, what is procured, the factor."""
    truthful = brute.b == brute.c
    within = all(c <= brute.B for c in brute.c)
    each = all(c <= budget for c in brute.c for budget in brute.budgets)
    equal = len(set(brute.v)) <= 1
    low, high = (min(brute.v), max(brute.v)) if brute.n else (F(1), F(1))
    opt, sep = brute.opt(), brute.opt_sep()
    top = max(brute.c, default=F(0))
    beta = top / brute.B if brute.B else F(0)
    small = top < brute.B or top == 0
    alg, found = brute.worth(brute.driftpay(brute.v)), {}
    everybody = frozenset(range(brute.n)) in brute.places
    for name in ("driftpay-co", "singer") if everybody else ("driftpay-co",):
        found["D-6.2", name] = (truthful and brute.first_affordable(), opt, alg, 2 + high / low)
        found["F-6.2-EQUAL", name] = (truthful and equal and within, opt, alg, F(2))
        found["F-6.2-SMALL", name] = (truthful and small, opt, alg, 2 + beta / (1 - beta) if small else F(0))
        hired = F(len(brute.driftpay(brute.v)))
        found["D-6.2-SOME", name] = (truthful and brute.first_affordable(), F(opt > 0), hired, F(1))
    found["D-DROPTOP", "drop-top"] = (truthful, opt, brute.drop_top(), F(4))
    for name, estimates in seen.items():
        eta = max((abs(u - v) / v for u, v in zip(estimates, brute.v, strict=True)), default=F(0))
        noisy = brute.worth(brute.driftpay(estimates))
        applies = truthful and within and eta < 1
        loss = (1 + eta) / (1 - eta) if eta < 1 else F(0)
        found["D-8-NOISE-OPT", name] = (applies, opt, noisy, loss * (2 + high / low))
        found["D-6-NOISE", name] = (applies, alg, noisy, loss * (1 + high / low))
    pea, factor = brute.pea(list(range(brute.n))), F(2 * brute.theta() + 1)
    care = truthful and each and brute.seats_open()
    filled = care and equal and pea is not None
    found["F-PEA-EMPTY", "pea"] = (filled, sep, pea or F(0), factor)
    alike = len(set(brute.groups)) <= 1 or brute.m == 1
    found["C-PEA", "pea"] = (filled and alike, sep, pea or F(0), factor)
    drawn = [brute.pea(bucket) for bucket in brute.buckets()] if brute.n else []
    mean = sum((score or F(0) for score in drawn), F(0)) / max(1, len(drawn))
    priced = care and all(score is not None for score in drawn)
    found["C-NO", "care-no"] = (priced, sep, mean, factor * 10 * max(1, len(drawn)))
    return found


@pytest.mark.parametrize("markets", thorough([60, 500], (500).__eq__))
def test_random_markets_against_brute_force(markets: int, tmp_path: Path) -> None:
    draw, count = seeded(7), Counter()
    for _ in range(some(markets)):
        document = draw_document(draw)
        market, brute = read(document, tmp_path), Brute(document)
        judged = fm.judge(market)
        estimates = {
            name: fm.run(market, name).details[key]
            for name, key in (("driftpay-noisy", "estimates"), ("driftpay-lcb", "bounds"))
        }
        rows = {(row.claim, row.subject): row for row in judged.rulings if row.measure not in PAYMENTS.values()}
        for (claim, name), (applies, optimum, procured, factor) in expected(brute, estimates).items():
            row = rows[claim, name]
            assert row.applies is applies, (claim, name, document)
            count[claim, applies] += 1
            for premise in row.premises:
                count[claim, premise.says, premise.holds] += 1
            if not applies:
                assert row.guarantee is row.attained is row.holds is None
                continue
            assert (row.guarantee, row.holds) == (factor, True), (claim, name, document)
            if procured == 0:
                assert row.attained is row.slack is None
                assert optimum == 0
                continue
            assert row.attained == Between.exactly(optimum / procured), (claim, name, document)
            assert row.slack == factor - optimum / procured >= 0
        assert not judged.contradictions
        assert judged.complete
        check_payments(judged, brute, market)
    for claim in {claim for claim, _ in expected(brute, estimates)} if markets == 500 else ():
        assert min(count[claim, True], count[claim, False]) >= some(16), claim


def check_payments(judged: procurement.ProcurementJudgement, brute: Brute, market: fm.Market) -> None:
    """Promises about payments, from the outcomes themselves."""
    for row in judged.rulings:
        if row.measure not in PAYMENTS.values():
            continue
        outcome = fm.run(market, row.subject)
        paid = {int(i): outcome.payment(int(i)) for i in outcome.winner_indices}
        if row.measure == "payments / B":
            pairs = [(sum(paid.values(), F(0)), brute.B)]
        elif row.measure == "bid / payment":
            pairs = [(brute.b[i], payment) for i, payment in paid.items()]
        else:
            at = {i: int(outcome.assignment[i]) for i in paid}
            pairs = [(sum((p for i, p in paid.items() if at[i] == j), F(0)), brute.budgets[j]) for j in range(brute.m)]
        assert all(above <= below for above, below in pairs)
        shares = [above / below for above, below in pairs if below]
        assert row.holds
        assert (row.attained is None) == (not shares)
        assert row.attained is None or row.attained == Between.exactly(max(shares))


def build(**changed: Any) -> fm.Market:
    return fm.Market.build(**{"scores": [1, 1], "costs": [0, 1], "budgets": [1], **changed})


def row_of(market: fm.Market, claim: str, name: str = "driftpay-co", **options: Any) -> Ruling:
    (row,) = (r for r in fm.judge(market, [name], **options).rulings if (r.claim, r.subject) == (claim, name))
    return row


def test_a_ratio_that_is_exactly_attained_and_both_sides_of_its_premise() -> None:
    row = row_of(build(), "F-6.2-EQUAL")
    assert (row.guarantee, row.attained, row.slack, row.holds) == (2, Between.exactly(2), 0, True)
    dear = row_of(build(costs=[0, "1.0000000001"]), "F-6.2-EQUAL")
    assert (dear.applies, dear.guarantee) == (False, None)
    (premise,) = (p for p in dear.premises if not p.holds)
    assert (premise.by, premise.shows) == ("w2", "cost 10000000001/10000000000 > 1; 1 such")
    other = row_of(build(scores=[1, "1.0000000001"]), "F-6.2-EQUAL")
    assert [(p.says, p.by) for p in other.premises if not p.holds] == [("all scores are equal", "w2")]


def test_beta_is_below_one_or_all_is_free() -> None:
    assert row_of(build(budgets=[2]), "F-6.2-SMALL").guarantee == 3
    at_one = row_of(build(), "F-6.2-SMALL")
    assert [p.by for p in at_one.premises if not p.holds] == ["w2"]
    free = row_of(build(costs=[0, 0], budgets=[0]), "F-6.2-SMALL")
    assert (free.guarantee, free.attained, free.made_by["beta"]) == (2, Between.exactly(1), "w1")


@settings(max_examples=20)
@given(draw=generators)
def test_a_falling_price_against_brute_force(tmp_path: Path, draw: Numbers) -> None:
    """Workers dearer than the budget are in no set that it affords, so they change nothing."""
    rows = [(draw.randint(1, 9), draw.randint(0, 12)) for _ in range(draw.randint(1, 4))]
    workers = [{"id": f"w{i}", "group": "g", "score": str(v), "cost": str(c)} for i, (v, c) in enumerate(rows)]
    budget = draw.randint(0, 12)
    document = {"format": "fedmech-market/1", "workers": workers, "requesters": [{"id": "r", "budget": budget}]}
    document["caps"] = []
    market, brute = read(document, tmp_path), Brute(document)
    row, alg = row_of(market, "F-GRAVIN", "gravin"), fm.run(market, "gravin").score
    assert (row.applies, row.guarantee, row.holds) == (True, 3, True)
    assert row.attained == (Between.exactly(brute.opt() / alg) if alg else None)
    assert alg > 0 or brute.opt() == 0


def test_twins_on_all_levels_against_brute_force(tmp_path: Path) -> None:
    """Two kinds of worker dealt evenly to two levels; and the same market dealt unevenly, which brings no guarantee."""
    draw, held = random.Random(8), Counter()
    for _ in range(12):
        kinds = [(draw.randint(1, 4), draw.randint(0, 3), draw.randint(1, 2)) for _ in range(2)]
        rows = [(v, c, level) for v, c, each in kinds for level in (1, 2) for _ in range(each)]
        draw.shuffle(rows)
        budget = draw.randint(1, 9)
        workers = [{"id": f"w{i}", "group": "g", "score": str(v), "cost": str(c)} for i, (v, c, _) in enumerate(rows)]
        document = {"format": "fedmech-market/1", "workers": workers, "requesters": [{"id": "r", "budget": budget}]}
        document["caps"] = []
        market, brute = read(document, tmp_path), Brute(document)
        levels = [level for _, _, level in rows]
        row = row_of(market, "F-LARGE", "large-market", options={"large-market": {"levels": 2, "draws": levels}})
        top = max(brute.c)
        assert row.applies is (top < budget or top == 0)
        held[row.applies] += 1
        if row.applies:
            beta = F(top, budget)
            assert row.guarantee == F(9, 5) + beta / (1 - beta)
            alg = fm.run(market, "large-market", levels=2, draws=levels).score
            assert row.holds
            assert row.attained == (Between.exactly(brute.opt() / alg) if alg else None)
        uneven = row_of(
            market, "F-LARGE", "large-market", options={"large-market": {"levels": 2, "draws": [1] * len(rows)}}
        )
        assert (uneven.applies, uneven.premises[1].says) == (False, "every worker has as many twins on every level")
    assert min(held.values()) >= 2


def test_theorem_6_2_needs_only_the_first_of_the_order() -> None:
    """The dear worker comes last, or has no place: the theorem holds all the same; first and placed, it does not apply."""
    last = build(scores=[2, 1], costs=[1, 3], budgets=[2])
    assert row_of(last, "D-6.2").holds
    first = build(scores=[9, 1], costs=[3, 2], budgets=[2])
    (premise,) = (p for p in row_of(first, "D-6.2").premises if not p.holds)
    assert premise.by == "w1"
    best = fm.solve(first).value
    assert best is not None
    assert fm.run(first, "driftpay-co").score == 0 < best
    unplaced = build(scores=[9, 1], costs=[3, 2], budgets=[2], groups=["a", "b"], caps={("a", "r1"): 0})
    row = row_of(unplaced, "D-6.2")
    assert (row.guarantee, row.attained, row.made_by) == (11, Between.exactly(1), {"v_max": "w1", "v_min": "w2"})
    nothing = build(scores=[9, 1], costs=[3, 3], budgets=[2])
    assert (row_of(nothing, "D-6.2").holds, row_of(nothing, "D-6.2").attained) == (True, None)


def test_bids_that_are_not_costs_and_markets_of_bids_only() -> None:
    lying = build(bids=[0, 1], costs=[0, "0.5"])
    (premise,) = (p for p in row_of(lying, "D-6.2").premises if not p.holds)
    assert (premise.says, premise.by, premise.shows) == ("every bid is the cost", "w2", "cost 1/2, bid 1")
    bids_only = fm.Market.build(scores=[1, 1], bids=[0, 1], budgets=[1])
    judged = fm.judge(bids_only)
    assert judged.at_bids
    assert row_of(bids_only, "F-6.2-EQUAL").slack == 0


def test_options_reach_the_mechanism_and_the_guarantee() -> None:
    market = build(scores=[2, 4], budgets=[9])
    row = row_of(market, "D-8-NOISE-OPT", "reputation", options={"reputation": {"reputations": "3,4"}})
    assert (row.guarantee, row.made_by["eta"]) == (F(3, 2) / F(1, 2) * 4, "w1")
    blind = row_of(market, "D-8-NOISE-OPT", "reputation", options={"reputation": {"reputations": "4,4"}})
    assert [(p.by, p.shows) for p in blind.premises if not p.holds] == [("w1", "eta = 1")]
    with pytest.raises(fm.InputError, match="unknown mechanism"):
        fm.judge(market, ["nonesuch"])
    with pytest.raises(fm.InputError, match="has no option"):
        fm.judge(market, options={"singer": {"seed": 1}})
    with pytest.raises(fm.InputError, match="not judged"):
        fm.judge(market, ["singer"], options={"pea": {}})
    seeded = [fm.judge(market, ["driftpay-noisy"], seed=seed).rulings[0].guarantee for seed in (1, 2)]
    assert (
        seeded[0] == fm.judge(market, ["driftpay-noisy"], options={"driftpay-noisy": {"seed": 1}}).rulings[0].guarantee
    )
    assert seeded[0] != seeded[1]


def test_the_budget_of_the_coverage_greedy_is_promised_without_caps_only() -> None:
    coverage = [[1, 0], [1, 1]]
    rows = [r for r in fm.judge(build(coverage=coverage), ["coverage-greedy"]).rulings if r.measure == "payments / B"]
    assert [(r.claim, r.applies, r.holds) for r in rows] == [("D-7b-GREEDY", True, True)]
    capped = build(coverage=coverage, caps=[[1]])
    rows = [r for r in fm.judge(capped, ["coverage-greedy"]).rulings if r.measure == "payments / B"]
    assert [(r.applies, r.premises[0].says) for r in rows] == [(False, "all workers can be placed at once")]
    quarter = fm.judge(build(coverage=coverage), ["coverage-greedy"], options={"coverage-greedy": {"share": "1/4"}})
    assert [r.applies for r in quarter.rulings if r.measure == "payments / B"] == [False]


def test_rules_of_your_own(tmp_path: Path) -> None:
    """A callable promises nothing; one that is registered is held to what it says; a name alone brings no guarantee."""

    def singer(market: fm.Market) -> fm.Outcome:
        return fm.run(market, "random-feasible")

    judged = fm.judge(build(), [singer])
    assert judged.rulings == []
    assert judged.scores.keys() == {"singer"}
    (tmp_path / "mine.py").write_text(
        "import fedmech as fm\n@fm.mechanism('zz-generous', claims=('rational', 'budget'))\n"
        "def generous(market):\n    return fm.extend.outcome(market, [0], {0: market.budget(0) + 1})\n"
    )
    fm.write_market(build(), tmp_path / "m.market.json")
    words = ("judge", str(tmp_path / "m.market.json"), "--mechanism", f"{tmp_path / 'mine.py'}:generous", "--json")
    done = call(*words)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["contradicted"] == ["budget"]
    assert done.stderr == "zz-generous promises budget and breaks it here: payments / B is more than 1\n"


def test_it_reads_well() -> None:
    judged = fm.judge(build(), ["driftpay-co", "singer"])
    text = str(judged)
    assert "2 workers, 1 requesters, 1 groups; costs known" in text
    assert "Payments, each at most 1" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "<table>" in judged._repr_html_()
    frame: Any = judged.frame()
    assert list(frame["claim"]) == [row.claim for row in judged.rulings]
    row = frame[frame["claim"] == "F-6.2-EQUAL"].iloc[0]
    assert (row["attained"], row["slack"], row["fails"]) == (2, 0, None)
    small = frame[frame["claim"] == "F-6.2-SMALL"].iloc[0]
    assert (small["applies"], small["attained"], small["fails_by"]) == (False, None, "w2")
    assert all(type(value) is float for value in judged.frame(exact=False)["guarantee"].dropna().tolist())


@pytest.mark.parametrize(
    ("dividend", "divisor", "guarantee", "strict", "holds"),
    [
        (Between(F(2), F(2)), F(1), F(2), False, True),
        (Between(F(2), F(2)), F(1), F(2), True, False),
        (Between(F(2), F(2)), F(2), F(3), True, True),
        (Between(F(2), F(2)), F(2), F(1), True, True),
        (Between(F(2), F(3)), F(1), F(2), False, None),
        (Between(F(1), F(2)), F(1), F(2), False, True),
        (Between(F(3), F(4)), F(1), F(2), False, False),
        (Between(F(1), None), F(1), F(2), False, None),
        (Between(F(0), F(0)), F(0), F(2), True, True),
        (Between(F(1), F(1)), F(0), F(2), False, False),
    ],
)
def test_within_a_guarantee(dividend: Between, divisor: F, guarantee: F, strict: bool, holds: bool | None) -> None:
    row = at_most("X", "rule", "a / b", [], dividend, divisor, guarantee, strict=strict)
    assert row.holds is holds
    assert (row.attained is None) == (divisor == 0)
    assert (row.slack is not None) == (dividend.exact and divisor > 0)


def test_what_applies_and_what_contradicts() -> None:
    holds, fails, open_ = Premise("a", True), Premise("b", False), Premise("c", None)
    assert [Ruling("X", "s", "m", premises).applies for premises in ([], [holds], [holds, open_], [open_, fails])] == [
        True, True, None, False,
    ]  # fmt: skip
    assert Ruling("X", "s", "m", [holds], holds=False).contradicted
    assert not Ruling("X", "s", "m", [fails], holds=False).contradicted


def call(*words: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    return fedmech(*words, code=f"{lines}\n{MAIN}")


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "m.market.json"
    fm.write_market(build(scores=[1, 3], costs=[0, 2]), path)
    done = call("judge", str(path), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    rows = {(row["claim"], row["subject"]): row for row in document["applies"]}
    row = rows["D-6.2", "driftpay-co"]
    assert (row["guarantee_exact"], row["attained_exact"], row["slack_exact"], row["holds"]) == ("5", "1", "4", True)
    assert row["made_by"] == {"v_max": "w2", "v_min": "w1", "first left out": "w2"}
    assert all(row["assumptions"][at]["holds"] for at in (0, 1))
    refused = {
        row["claim"]: row["assumptions"] for row in document["does_not_apply"] if row["subject"] == "driftpay-co"
    }
    assert [part["by"] for part in refused["F-6.2-SMALL"] if not part["holds"]] == ["w2"]
    assert document["optima"]["opt"]["objective_exact"] == "1"
    assert document["complete"]
    assert document["contradicted"] == []
    text = call("judge", str(path))
    assert text.returncode == 0
    assert "D-6.2" in text.stdout
    assert "assumption that fails" in text.stdout


def test_an_optimum_that_is_not_proved_is_an_interval(tmp_path: Path) -> None:
    """Exit code 4; the guarantee can be known to hold all the same."""
    path = tmp_path / "m.market.json"
    fm.write_market(fm.generate_market("a", 40, seed=3), path)
    weaken = (
        "from dataclasses import replace\nfrom fedmech.verification.judge import bench\nplain = bench.solve\n"
        "def solve(*a, **k):\n    found = plain(*a, **k)\n"
        "    return replace(found, status='feasible', stopped='time-limit', bound=found.bound * 2)\nbench.solve = solve"
    )
    done = call("judge", str(path), "--mechanism", "driftpay-co", "--json", lines=weaken)
    assert done.returncode == 4, done.stderr
    (row,) = (row for row in json.loads(done.stdout)["applies"] if row["claim"] == "D-6.2")
    assert row["attained"] is row["attained_exact"] is row["slack"] is None
    between = row["attained_between"]
    assert 0 < F(between["low_exact"]) * 2 == F(between["high_exact"])
    assert "to" in call("judge", str(path), "--mechanism", "driftpay-co", lines=weaken).stdout


def test_a_claim_of_a_solver_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from fedmech.solvers.solve import solve as plain
    from fedmech.verification.judge import bench

    monkeypatch.setattr(bench, "solve", lambda *a, **k: replace(plain(*a, **k), exactness="solver"))
    row = row_of(build(), "D-6.2")
    assert (row.attained, row.holds) == (Between(F(2), None), None)


def test_a_false_ledger_is_told(tmp_path: Path) -> None:
    """The constant of the claim lowered below what is attained: exit code 1, and the claim is named."""
    path = tmp_path / "m.market.json"
    fm.write_market(build(), path)
    lower = (
        "from dataclasses import replace\nfrom fractions import Fraction\nfrom fedmech.verification.judge import procurement as p\n"
        "p._GUARANTEES = tuple((replace(g, factor=lambda *a: Fraction(3, 2)), *rest) for g, *rest in p._GUARANTEES)"
    )
    done = call("judge", str(path), "--mechanism", "driftpay-co", "--json", lines=lower)
    assert done.returncode == 1
    assert json.loads(done.stdout)["contradicted"] == ["D-6.2", "F-6.2-EQUAL"]
    assert done.stderr.startswith("the ledger is wrong: D-6.2 does not hold of driftpay-co here")
    assert fm.judge(fm.read_market(path)).contradictions == []


def test_a_promise_that_is_broken_is_told() -> None:
    entry = replace(find_mechanism("vcg"), claims=frozenset({"budget"}))
    market = fm.Market.build(scores=[2, 2, 3], costs=[1, 0, 2], budgets=[5])
    assert [(row.claim, row.subject) for row in fm.judge(market, [entry]).contradictions] == [("budget", "vcg")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--mechanism", "nonesuch"), "unknown mechanism"),
        (("--option", "singer=1"), "expected MECHANISM.NAME=VALUE"),
        (("--time-limit", "-1"), "time-limit"),
    ],
)
def test_bad_input(words: tuple[str, ...], message: str) -> None:
    done = call("judge", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_no_time_at_all() -> None:
    done = call("judge", "--time-limit", "0", "--json")
    assert done.returncode == 4
    assert set(json.loads(done.stdout)["refused"].values()) == {"time is up"}


def test_the_ledger_prints_what_is_judged_here() -> None:
    ledger = fm.claims()
    coverage = [[1, 0], [1, 1]]
    values = {"reputation": {"reputations": "1,1"}, "accuracy": {"accuracies": "1,1"}}
    judged = fm.judge(build(coverage=coverage, budgets=[2]), options=values)
    assert judged.refused == {}
    assert {row.claim for row in judged.rulings} <= ledger.keys() | PAYMENTS.keys()
    for name in guarantees.__all__:
        guarantee = getattr(guarantees, name)
        if isinstance(guarantee, guarantees.Guarantee) and guarantee is not guarantees.NOISE:
            assert ledger[guarantee.claim].statement == guarantee.statement
