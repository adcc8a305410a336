"""Files of other projects: elections of Pabulib, knapsacks of Pisinger and of Jooken, plain ones."""

import json
from fractions import Fraction as F
from pathlib import Path

import fedmech as fm
import pytest
from command_line import fedmech
from fedmech.models.input_error import InputError
from fedmech.models.procurement.formats import read_any_market

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"
ELECTION = (CORPUS / "pabulib" / "right.pb").read_text()


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_an_election_is_solved_to_its_best_projects():
    market = fm.read(CORPUS / "pabulib" / "right.pb")
    assert list(market.worker_ids) == ["1", "2", "3"]
    assert (market.scores, market.costs, market.budgets) == ([4, 3, 5], [600, 400, 500], [1000])
    best = fm.solve(market, "opt")
    assert (best.status, best.exactness, best.value) == ("optimal", "checked", 8)
    assert sorted(best.hired) == ["2", "3"]


def test_ballots_are_added_where_projects_have_no_votes_and_decimal_commas_are_read():
    market = fm.read(CORPUS / "pabulib" / "ballots.pb")
    assert market.scores == [3, 5]
    assert market.costs == [600, F(601, 2)]
    assert market.budgets == [F(1801, 2)]


def test_approvals_are_counted(tmp_path):
    text = ELECTION.replace("project_id;cost;votes;name", "project_id;cost;selected;name")
    market = fm.read(written(tmp_path, "x.pb", text), drop_zero=True)
    assert dict(zip(market.worker_ids, market.scores, strict=True)) == {"1": 1, "2": 1, "3": 1}


def test_scores_come_before_votes(tmp_path):
    text = ELECTION.replace("project_id;cost;votes;name", "project_id;cost;score;name").replace(
        "1;600;4;", "1;600;4.5;"
    )
    assert fm.read(written(tmp_path, "x.pb", text)).scores == [F(9, 2), 3, 5]


def test_projects_without_votes_are_left_out_when_asked(tmp_path):
    path = written(tmp_path, "x.pb", ELECTION.replace("2;400;3;", "2;400;0;"))
    with pytest.raises(InputError, match="score"):
        fm.read(path)
    assert list(fm.read(path, drop_zero=True).worker_ids) == ["1", "3"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("budget;1000\n", ""), "budget"),
        (("budget;1000", "budget;lots"), "budget"),
        (("1;600;4", "1;;4"), "line 8, field 'cost'"),
        (("1;600;4", "1;-600;4"), "cost"),
        (("2;400;3", "1;400;3"), "'1'"),
        (("PROJECTS\n", ""), "line 6"),
        (("PROJECTS\n", "PROJECTS\nPROJECTS\n"), "twice"),
        (("META\n", "noise\nMETA\n"), "line 1"),
        (("2;400;3;A bridge", "2;400;3;A bridge;1;2"), "line 9"),
        (("2;400;3;A bridge", "2;400;NaN;A bridge"), "votes"),
    ],
)
def test_what_is_no_election_is_refused_with_its_line(tmp_path, change, says):
    path = written(tmp_path, "x.pb", ELECTION.replace(change[0], change[1], 1))
    with pytest.raises(InputError) as refused:
        fm.read(path)
    assert says in str(refused.value)
    assert "x.pb" in str(refused.value)


def test_a_vote_for_no_project_and_a_ranking_are_refused(tmp_path):
    text = ELECTION.replace(";votes;", ";selected;")
    with pytest.raises(InputError, match="'9'"):
        fm.read(written(tmp_path, "x.pb", text.replace("1;34;1,3", "1;34;1,9")))
    with pytest.raises(InputError, match="rankings"):
        fm.read(written(tmp_path, "x.pb", text.replace("approval", "ordinal")))


@pytest.mark.parametrize("name", ["jooken.in", "plain.txt", "pisinger.csv#knapPI_1_3_10_1"])
def test_three_ways_to_write_one_knapsack(name):
    market = fm.read(f"{CORPUS / 'knapsack'}/{name}")
    assert (market.scores, market.costs, market.total_budget) == ([9, 8, 7], [7, 4, 6], 10)
    assert fm.solve(market, "opt").value == 15


def test_the_second_of_two_knapsacks_in_a_file():
    market = fm.read(f"{CORPUS / 'knapsack'}/pisinger.csv#knapPI_1_2_10_2")
    assert (market.scores, market.costs, market.total_budget) == ([4, 3], [5, 4], 5)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.txt", "", "empty"),
        ("x.txt", "2 10\n1 2\n", "2 items are announced and 1 are there"),
        ("x.txt", "1 10\n1 two\n", "line 2"),
        ("x.txt", "1 10\n-1 2\n", "score"),
        ("x.in", "1\n1 5 5\n10 10\n", "capacity"),
        ("x.csv", "knapPI\nn 1\n1,2,3,0\n", "field 'c'"),
        ("x.csv", "score,cost\n1,2\n", "table of workers"),
        ("x.txt", "1 2 3 4\n", "line 1"),
        ("x.in", "1e1000000\n1 1 1\n1\n", "number of items"),
    ],
)
def test_what_is_no_knapsack_is_refused(tmp_path, name, text, says):
    with pytest.raises(InputError) as refused:
        read_any_market(written(tmp_path, name, text))
    assert says in str(refused.value)
    assert name in str(refused.value)


def test_one_of_many_has_to_be_named():
    with pytest.raises(InputError, match="pick one as FILE#NAME"):
        fm.read(CORPUS / "knapsack" / "pisinger.csv")
    with pytest.raises(InputError, match="no knapsack named"):
        fm.read(f"{CORPUS / 'knapsack'}/pisinger.csv#nothing")
    with pytest.raises(InputError, match="cannot be picked"):
        fm.read(f"{CORPUS / 'knapsack'}/plain.txt#it")


def test_the_command_line_takes_them():
    for path, value in ((CORPUS / "pabulib" / "right.pb", 8), (CORPUS / "knapsack" / "jooken.in", 15)):
        answer = json.loads(fedmech("solve", path, "--json").stdout)
        assert (answer["objective"], answer["exactness"]) == (value, "checked")
