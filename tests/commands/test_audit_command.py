"""``fedmech audit``: exit codes, JSON, witnesses, and mechanisms of one's own."""

import json
from fractions import Fraction as F

import pytest
from fedmech.cli import app
from fedmech.models.procurement.file import read_market
from fedmech.verification.audit import PROPERTIES
from fedmech.verification.search.boxes import market_document
from typer.testing import CliRunner

run = CliRunner().invoke


@pytest.fixture
def market(tmp_path):
    path = tmp_path / "small.market.json"
    path.write_text(
        json.dumps(market_document([2, 1, 3], [1, 2, 3], [4, 2], groups=[0, 0, 1], caps=[[1, 1], [None, 0]]))
    )
    return str(path)


def test_a_sound_mechanism(market):
    done = run(app, ["audit", market, "--json"])
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert answer["holds"]
    assert answer["coverage"] == "exhaustive"
    assert set(answer["properties"].values()) == {"holds"}
    assert answer["workers"] == 3
    assert "holds" in run(app, ["audit", market, "--mechanism", "driftpay-no"]).stdout


def test_a_broken_mechanism_and_its_witness(market, tmp_path):
    witness = tmp_path / "witness.market.json"
    name = "fedmech.verification.broken:first_price"
    done = run(app, ["audit", market, "--mechanism", name, "--witness", str(witness), "--json"])
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert answer["properties"]["dsic"] == "violated"
    found = next(found for found in answer["violations"] if found["property"] == "dsic")
    # The lie is worth what it says: run it.
    from fedmech.verification.broken import first_price

    lying = read_market(witness)
    i = list(lying.worker_ids).index(found["worker"])
    assert F(found["cost_exact"]) == lying.cost(i)
    honest = first_price(lying.with_bids([lying.cost(k) for k in range(lying.n)]))
    outcome = first_price(lying)
    gain = (outcome.payment(i) - lying.cost(i)) * int(outcome.assignment[i] >= 0)
    gain -= (honest.payment(i) - lying.cost(i)) * int(honest.assignment[i] >= 0)
    assert gain == F(found["gain_exact"]) > 0


def test_a_mechanism_of_ones_own(market, tmp_path, monkeypatch):
    (tmp_path / "my_rule.py").write_text(
        "from fedmech.fl.mechanisms.driftpay import driftpay_co\n"
        "def same(market):\n    return driftpay_co(market)\n"
        "def fails(market):\n    raise ArithmeticError('no')\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    assert run(app, ["audit", market, "--mechanism", "my_rule:same"]).exit_code == 0
    for name, says in (("fails", "ArithmeticError"), ("number", "cannot be called"), ("missing", "cannot load")):
        done = run(app, ["audit", market, "--mechanism", f"my_rule:{name}"])
        assert done.exit_code == 2
        assert says in done.output


def test_asking_for_less(market):
    done = run(app, ["audit", market, "--property", "ir", "--property", "caps", "--worker", "w2", "--json"])
    assert json.loads(done.stdout)["properties"] == {"caps": "holds", "ir": "holds"}
    assert json.loads(done.stdout)["workers"] == 1
    late = run(app, ["audit", market, "--time-limit", "0", "--json"])
    assert late.exit_code == 4
    assert json.loads(late.stdout)["holds"] is None
    assert set(json.loads(late.stdout)["properties"].values()) == {"undecided"}
    assert run(app, ["audit", market, "--worker", "w9"]).exit_code == 2
    assert run(app, ["audit", market, "--property", "fair"]).exit_code == 2
    assert run(app, ["audit", market, "--mechanism", "nonsense"]).exit_code == 2


def test_separate_budgets_only_where_promised(market):
    pooled = json.loads(run(app, ["audit", market, "--json"]).stdout)["properties"]
    separate = json.loads(run(app, ["audit", market, "--mechanism", "pea", "--json"]).stdout)["properties"]
    assert "separate-budgets" not in pooled
    assert set(separate) == set(PROPERTIES)
