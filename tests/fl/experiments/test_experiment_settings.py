"""Experiments are registered, configured and run: every field is checked, the same settings are the same point."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fedmech import InputError, MotsMarket
from fedmech.fl.experiments.engine.configuration import read_configuration, shipped_configurations
from fedmech.fl.experiments.engine.registry import Experiment, experiments, find_experiment
from fedmech.fl.experiments.papers.network_effects import NetworkEffects
from fedmech.fl.settings import (
    field_rules,
    read_settings,
    read_text,
    setting,
    settings_document,
)
from hypothesis import given
from hypothesis import strategies as st

HEAD = 'format = "fedmech-experiment/1"\nexperiment = "network-effects"\n'


@dataclass(frozen=True)
class Every:
    whole: int = setting(3, min=0, max=9)
    share: float = setting(1, min=0.0, max=1.0)
    name: str = setting("a", choices=("a", "b"))
    switch: bool = False
    sizes: tuple[int, ...] = setting((1, 2), min=1)
    rates: tuple[float, ...] = ()
    folder: str | None = None
    few: tuple[str, ...] | None = None
    seed: int = 0


def test_defaults_are_read_like_values() -> None:
    settings = read_settings(Every, {})
    assert settings == Every()
    assert type(settings.share) is float


@given(
    whole=st.integers(0, 9),
    share=st.floats(0, 1) | st.integers(0, 1),
    switch=st.booleans(),
    sizes=st.lists(st.integers(1, 2**63 - 1)),
    rates=st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)),
    folder=st.none() | st.text(),
    few=st.none() | st.lists(st.sampled_from(["x", "y z"])),
)
def test_settings_survive_a_file(**values: Any) -> None:
    settings = read_settings(Every, values)
    assert read_settings(Every, json.loads(json.dumps(settings_document(settings)))) == settings
    assert list(settings.rates) == values["rates"]
    assert all(type(rate) is float for rate in settings.rates)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("whole", 3.0, "expected an integer, got 3.0"),
        ("whole", True, "expected an integer, got True"),
        ("whole", "3", "expected an integer"),
        ("whole", None, "expected an integer"),
        ("whole", 10, "must be at most 9"),
        ("whole", -1, "must be at least 0"),
        ("share", -0.5, "must be at least 0.0"),
        ("share", float("nan"), "must be finite"),
        ("share", 10**400, "too large"),
        ("name", "c", "must be one of a, b"),
        ("switch", 1, "expected true or false"),
        ("sizes", 3, "expected a list, each item an integer"),
        ("sizes", [1, 0], "must be at least 1"),
        ("sizes", [2**63], "must fit into 64 bits"),
        ("sizes", [1, "2"], "each item an integer"),
        ("rates", [float("inf")], "must be finite"),
        ("folder", 3, "expected a text or none"),
        ("hole", 3, "unknown setting 'hole'; did you mean 'whole'?"),
        ("zzz", 3, "there are few, folder"),
    ],
)
def test_wrong_values_are_refused_by_field(name: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(Every, {name: value})
    assert caught.value.field == name
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("whole", " 7 ", 7),
        ("share", "1e-1", 0.1),
        ("share", "1", 1.0),
        ("name", "b", "b"),
        ("switch", "True", True),
        ("sizes", "3, 4,5", (3, 4, 5)),
        ("sizes", "[3]", (3,)),
        ("sizes", "", ()),
        ("rates", "1,0.5", (1.0, 0.5)),
        ("folder", "none", None),
        ("folder", "/data", "/data"),
        ("few", "none", None),
        ("few", "x,y", ("x", "y")),
    ],
)
def test_text_of_the_command_line(name: str, text: str, value: Any) -> None:
    assert read_text(field_rules(Every)[name], text) == value


@pytest.mark.parametrize(("name", "text"), [("whole", "3.0"), ("whole", "x"), ("switch", "yes"), ("sizes", "1,a")])
def test_text_that_is_refused(name: str, text: str) -> None:
    with pytest.raises(InputError):
        read_text(field_rules(Every)[name], text)


def test_unfit_dataclasses_are_defects() -> None:
    @dataclass
    class Thawed:
        seed: int = 0

    @dataclass(frozen=True)
    class Seedless:
        x: int = 0

    @dataclass(frozen=True)
    class Nested:
        x: dict[str, int] = field(default_factory=dict)
        seed: int = 0

    @dataclass(frozen=True)
    class Misspelt:
        x: int = field(default=0, metadata={"minimum": 0})
        seed: int = 0

    for unfit in (Thawed, Seedless, Nested, Misspelt):
        with pytest.raises(TypeError):
            field_rules(unfit)


@pytest.mark.parametrize("entry", experiments(), ids=lambda entry: entry.name)
def test_every_experiment_keeps_the_convention(entry: Experiment) -> None:
    assert entry.read({}) == entry.settings()
    assert entry.summary
    assert entry.source
    assert entry.digest(entry.settings()) != entry.digest(replace(entry.settings(), seed=97))


@pytest.mark.parametrize("name", shipped_configurations())
def test_shipped_configurations_are_sound(name: str) -> None:
    configuration = read_configuration(name)
    points = configuration.points()
    assert len(points) == configuration.size == len({configuration.experiment.digest(point) for point in points})
    configuration.point()


def test_every_experiment_ships_a_configuration() -> None:
    shipped = {read_configuration(name).experiment.name for name in shipped_configurations()}
    assert shipped == {entry.name for entry in experiments()}


def test_digest_names_the_settings_and_nothing_else() -> None:
    entry = find_experiment("network-effects")
    base = entry.digest(NetworkEffects())
    assert entry.digest(NetworkEffects(client_variance=0)) == base == entry.digest(entry.read({"client_variance": 0}))
    assert entry.digest(NetworkEffects(client_variance=-0.0)) == base
    others = [NetworkEffects(seed=1), NetworkEffects(counts=(10, 5, 4)), NetworkEffects(client_variance=1e-300)]
    assert len({base, *map(entry.digest, others)}) == 4
    assert replace(entry, version=2).digest(NetworkEffects()) != base
    assert replace(entry, name="other").digest(NetworkEffects()) != base


def test_grid_is_the_product_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(HEAD + "[settings]\ndimension = 3\n[sweep]\nclient_variance = [0.5, 0, 0.0]\nseed = [2, 1]\n")
    configuration = read_configuration(path)
    points = configuration.points()
    assert configuration.size == 6
    assert [(p.dimension, p.client_variance, p.seed) for p in points] == [
        (3, 0.5, 2),
        (3, 0.5, 1),
        (3, 0, 2),
        (3, 0, 1),
    ]
    assert configuration.point() == NetworkEffects(dimension=3)
    same = {"format": "fedmech-experiment/1", "experiment": "network-effects", "settings": {"dimension": 3}}
    (tmp_path / "x.json").write_text(json.dumps({**same, "sweep": {"client_variance": [0.5, 0], "seed": [2, 1]}}))
    assert read_configuration(tmp_path / "x.json").points() == points
    changed = configuration.with_changes(["seed=7", "sizes=60,70,80"])
    assert changed.points() == [replace(p, seed=7, sizes=(60, 70, 80)) for p in points[::2]]


def test_several_values_of_a_field_that_takes_one_are_swept(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(HEAD + "[settings]\nseed = 3\n[sweep]\nclient_variance = [0.5, 0]\n")
    given = read_configuration(tmp_path / "x.toml")
    changed = given.with_changes(["seed=0, 1", "dimension=3,5", "sizes=60,70,80"], grid=True)
    assert changed.sweep == {"client_variance": (0.5, 0), "seed": (0, 1), "dimension": (3, 5)}
    assert changed.points() == [
        NetworkEffects(client_variance=variance, seed=seed, dimension=dimension, sizes=(60, 70, 80))
        for variance in (0.5, 0)
        for seed in (0, 1)
        for dimension in (3, 5)
    ]
    # A field that is swept may be set, and one that is set may be swept.
    assert given.with_changes(["client_variance=1"], grid=True).points() == [NetworkEffects(client_variance=1, seed=3)]
    for text, message in (("seed=0,", "seed"), ("seed=0,x", "seed"), ("seed=0,1", "seed")):
        with pytest.raises(InputError, match=message):
            given.with_changes([text], grid=text != "seed=0,1")
    with pytest.raises(InputError, match="given twice"):
        given.with_changes(["seed=0,1", "seed=2"], grid=True)


def test_a_comma_is_part_of_a_text() -> None:
    given = read_configuration("care")
    assert given.with_changes(["folder=a,b"], grid=True).settings["folder"] == "a,b"
    swept = given.with_changes(["model=mlp,cnn"], grid=True).sweep
    assert swept["model"] == ("mlp", "cnn")
    # Of a text that is any registered name too, a comma is no part: several are swept.
    rules = read_configuration("driftpay-scoring").with_changes(["scoring=drift, random", "folder=a,b"], grid=True)
    assert (rules.sweep["scoring"], rules.settings["folder"]) == (("drift", "random"), "a,b")
    assert {point.scoring for point in rules.points()} == {"drift", "random"}


def test_an_experiments_name_stands_for_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = read_configuration("network-effects")
    assert configuration.size == 9
    monkeypatch.setattr("fedmech.fl.experiments.engine.configuration.shipped_configurations", dict)
    assert read_configuration("network-effects").points() == [NetworkEffects()]


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("format = 3", "format", "expected 'fedmech-experiment/1'"),
        ('format = "fedmech-experiment/1"', "experiment", "expected the name"),
        (HEAD.replace("network", "netwrok"), "experiment", "did you mean 'network-effects'"),
        (HEAD + "[setting]\nseed = 1", "setting", "did you mean 'settings'"),
        (HEAD + "[settings]\nsed = 1", "settings.sed", "did you mean 'seed'"),
        (HEAD + "[settings]\nseed = 1.5", "settings.seed", "expected an integer, got 1.5"),
        (HEAD + "[settings]\nseed = 2020-01-01", "settings.seed", "expected an integer"),
        (HEAD + "[settings]\nclient_variance = nan", "settings.client_variance", "must be finite"),
        (HEAD + "[settings]\nclient_variance = -1", "settings.client_variance", "must be at least"),
        (HEAD + "[sweep]\nseed = 3", "sweep.seed", "expected a list"),
        (HEAD + "[sweep]\nseed = []", "sweep.seed", "at least one"),
        (HEAD + "[sweep]\nseed = [1, 2.5]", "sweep.seed", "expected an integer, got 2.5"),
        (HEAD + "[sweep]\nsizes = [50, 120]", "sweep.sizes", "expected a list, each item"),
        (HEAD + "[settings]\nseed = 1\n[sweep]\nseed = [1]", "sweep.seed", "both set and swept"),
        (HEAD + "[settings]\ncounts = [1]", "counts", "expected 3 counts"),
        (HEAD + "[settings]\nsizes = [13, 50, 50]", "sizes", "more than dimension + 3"),
        ("format = ", None, "not TOML"),
        ("x = " + "[" * 100_000, None, "not TOML"),
        ("\ud800", None, "UTF-8"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_by_file_and_field(
    text: str, field: str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError) as caught:
        read_configuration(path).points()
    assert caught.value.field == field
    assert caught.value.file == str(path)
    assert message in str(caught.value)


def test_files_that_are_not_there() -> None:
    for name, message in (("no.toml", "cannot read"), ("no.json", "cannot read"), ("netwrk-effects", "did you mean")):
        with pytest.raises(InputError, match=message):
            read_configuration(name)


@pytest.mark.thorough
def test_closed_form_is_the_markets_error_and_monte_carlo_agrees() -> None:
    entry = find_experiment("network-effects")
    settings = NetworkEffects(
        sizes=(31, 47), counts=(4, 3), dimension=5, data_variance=1.3, client_variance=0.07, repetitions=400, seed=5
    )
    rows = entry.run(settings)
    assert [(row["joined"], row["participants"]) for row in rows] == [(k, k + 3) for k in range(5)]
    market = MotsMarket.build(
        dimension=5,
        data_variance="1.3",
        client_variance="0.07",
        sizes=settings.sizes,
        counts=settings.counts,
        costs=(0, 0),
        utility={"family": "linear", "a": 9, "s": 1},
    )
    for row in rows:
        assert row["stated"] == pytest.approx(float(market.error((row["joined"], 3))), rel=1e-12)
        # The finite-sample form is exact for this market: five standard errors are all that chance explains.
        assert abs(row["simulated"] - row["corrected"]) < 5 * row["standard_error"]
    assert entry.run(settings) == rows
    assert entry.run(replace(settings, seed=6)) != rows
