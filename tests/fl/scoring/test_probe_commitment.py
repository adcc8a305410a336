"""The probe set and the audit schedule: committed, revealed, verified; anything else is refused."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedmech.fl.data.load import load_dataset
from fedmech.fl.scoring.audit import AuditSchedule, open_schedule
from fedmech.fl.scoring.commitment import (
    commit,
    derive,
    fresh_secret,
    random_order,
)
from fedmech.fl.scoring.probe import (
    ProbeSet,
    draw_probe,
    open_probe,
    probe_of,
)
from fedmech.models.input_error import InputError

SECRET = 0x3F5C_0D4E_91A7_2B68_0F1E_2D3C_4B5A_6978


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("digits", seed=3)


@pytest.fixture(scope="module")
def probe(dataset):
    return draw_probe(dataset, 61, SECRET)


def chunk(data: bytes) -> bytes:
    return struct.pack(">Q", len(data)) + data


def test_commitment_is_what_the_page_says(dataset, probe):
    """Written down a second time with struct, from the data set and not from the probe set's own arrays."""
    record = chunk(b"fedmech-probe/1") + chunk(probe.nonce) + chunk(b"digits")
    indices = sorted(probe.indices.tolist())
    record += chunk(b"<i8(61,)") + chunk(b"".join(struct.pack("<q", i) for i in indices))
    pixels = [float(p) for i in indices for p in dataset.train_inputs[i].ravel()]
    record += chunk(b"<f4(61, 1, 8, 8)") + chunk(struct.pack(f"<{len(pixels)}f", *pixels))
    record += chunk(b"<i8(61,)") + chunk(b"".join(struct.pack("<q", int(dataset.train_labels[i])) for i in indices))
    assert probe.commitment == hashlib.sha256(record).hexdigest()


def test_fields_cannot_run_into_each_other():
    assert commit("p", "ab", "c") != commit("p", "a", "bc")
    assert commit("p", 12) != commit("p", 1, 2)
    two = np.arange(6.0)
    assert commit("p", two.reshape(2, 3)) != commit("p", two.reshape(3, 2))
    assert commit("p", two.astype(">f8")) == commit("p", two.astype("<f8"))


def test_probe_is_held_out_before_the_workers(dataset, probe):
    left = probe.without(len(dataset.train_labels))
    assert np.array_equal(np.sort(np.concatenate([left, probe.indices])), np.arange(len(dataset.train_labels)))
    assert np.array_equal(probe.inputs, dataset.train_inputs[probe.indices])
    assert len(probe) == 61
    assert (np.diff(probe.indices) > 0).all()


def test_draw_follows_from_the_seed_alone(dataset, probe):
    np.random.seed(1)  # noqa: NPY002
    again = draw_probe(dataset, 61, SECRET)
    assert again.commitment == probe.commitment
    assert draw_probe(dataset, 61, SECRET + 1).commitment != probe.commitment
    assert draw_probe(dataset, 61, fresh_secret()).commitment != probe.commitment


def test_the_nonce_hides(dataset, probe):
    """The same images under another nonce have another hash: guessing images does not confirm them."""
    other = replace(probe, nonce=bytes(32))
    assert np.array_equal(other.inputs, probe.inputs)
    assert other.commitment != probe.commitment


def test_every_image_can_be_drawn(dataset):
    seen = np.concatenate([draw_probe(dataset, 400, seed).indices for seed in range(25)])
    counts = np.bincount(seen, minlength=len(dataset.train_labels))
    assert counts.min() >= 1
    # Binomial(25, 400 / 1297): 5.4 standard deviations up is 20.
    assert counts.max() <= 20


def test_draw_respects_exclusions_and_classes(dataset, probe):
    other = draw_probe(dataset, 80, 5, exclude=probe.indices, labels=[2, 7])
    assert not set(other.indices) & set(probe.indices)
    assert set(other.labels.tolist()) == {2, 7}


def test_reveal_round_trip(dataset, probe):
    opening = json.loads(json.dumps(probe.opening()))
    opened = open_probe(opening, dataset, probe.commitment)
    assert opened.commitment == probe.commitment
    assert np.array_equal(opened.inputs, probe.inputs)


def tampered(opening):
    indices = opening["indices"]
    absent = next(i for i in range(10**6) if i not in indices)
    yield "another image", {**opening, "indices": sorted([*indices[1:], absent])}
    yield "one image less", {**opening, "indices": indices[1:]}
    yield "one image more", {**opening, "indices": sorted([*indices, absent])}
    yield "a repeated image", {**opening, "indices": [indices[0], *indices]}
    yield "a negative index", {**opening, "indices": [-1, *indices]}
    yield "an index outside", {**opening, "indices": [*indices, 10**30]}
    yield "no image", {**opening, "indices": []}
    yield "floats", {**opening, "indices": [float(i) for i in indices]}
    yield "booleans", {**opening, "indices": [True, *indices]}
    yield "another nonce", {**opening, "nonce": "00" * 32}
    yield "a short nonce", {**opening, "nonce": opening["nonce"][:-2]}
    yield "no hexadecimal", {**opening, "nonce": "zz" * 32}
    yield "another data set", {**opening, "dataset": "mnist"}
    yield "another format", {**opening, "format": "fedmech-probe-opening/2"}
    yield "nothing", {}


def test_wrong_reveals_are_refused(dataset, probe):
    accepted = []
    for name, document in tampered(probe.opening()):
        try:
            open_probe(document, dataset, probe.commitment)
        except InputError:
            continue
        accepted.append(name)
    assert accepted == []


def test_a_reveal_from_altered_data_is_refused(dataset, probe):
    images = dataset.train_inputs.copy()
    images[probe.indices[7], 0, 3, 3] += 1 / 16
    with pytest.raises(InputError, match="was committed"):
        open_probe(probe.opening(), replace(dataset, train_inputs=images), probe.commitment)
    labels = dataset.train_labels.copy()
    labels[probe.indices[0]] = (labels[probe.indices[0]] + 1) % 10
    with pytest.raises(InputError, match="was committed"):
        open_probe(probe.opening(), replace(dataset, train_labels=labels), probe.commitment)


@pytest.mark.parametrize("size", [0, -1, 1298])
def test_impossible_sizes(dataset, size):
    with pytest.raises(InputError, match="between 1 and 1297"):
        draw_probe(dataset, size, 0)


def test_impossible_draws(dataset):
    with pytest.raises(InputError, match="negative"):
        draw_probe(dataset, 5, -1)
    with pytest.raises(InputError, match="between 1 and 0"):
        draw_probe(dataset, 5, 0, labels=[11])
    with pytest.raises(InputError, match="32 bytes"):
        probe_of(dataset, [1], b"short")


def test_a_changed_probe_set_shows(dataset):
    probe = draw_probe(dataset, 5, 1)
    before = probe.commitment
    probe.labels[0] += 1
    assert probe.commitment != before
    probe.labels[0] -= 1
    assert probe.commitment == before
    assert isinstance(probe, ProbeSet)


# The audit schedule.


@pytest.fixture(scope="module")
def schedule(dataset, probe):
    reserve = draw_probe(dataset, 100, derive("reserve", SECRET), exclude=probe.indices)
    return AuditSchedule(reserve=reserve, size=30, every=4, seed=SECRET, workers_percent=35)


def test_anyone_with_the_seed_derives_the_schedule_again(dataset, schedule):
    opening = json.loads(json.dumps(schedule.opening()))
    opened = open_schedule(opening, dataset, schedule.commitment)
    for number in range(1, 60):
        assert opened.audited(number) == (number % 4 == 0) == schedule.audited(number)
        if number % 4 == 0:
            assert opened.probe(number).commitment == schedule.probe(number).commitment
            assert np.array_equal(opened.workers(number, 17), schedule.workers(number, 17))


def test_audits_are_fresh_until_the_reserve_is_used_up(schedule, probe):
    drawn = [set(schedule.probe(4 * (k + 1)).indices.tolist()) for k in range(9)]
    for epoch in range(3):
        first, second, third = drawn[3 * epoch : 3 * epoch + 3]
        assert not first & second
        assert not (first | second) & third
    assert len({frozenset(part) for part in drawn}) == 9
    assert all(len(part) == 30 and part <= set(schedule.reserve.indices.tolist()) for part in drawn)
    assert not set().union(*drawn) & set(probe.indices.tolist())


def test_audits_draw_a_share_of_the_workers(schedule):
    seen = [schedule.workers(4 * (k + 1), 20) for k in range(40)]
    assert {len(part) for part in seen} == {7}
    assert set(np.concatenate(seen).tolist()) == set(range(20))
    assert len(schedule.workers(4, 1)) == 1
    assert len(schedule.workers(4, 0)) == 0


def test_audits_and_commitment_keep_the_seed_secret(schedule):
    assert str(SECRET) not in repr(schedule)
    for number in (4, 8):
        assert schedule.probe(number).nonce != schedule.reserve.nonce
    other = replace(schedule, seed=SECRET + 1)
    assert other.commitment != schedule.commitment
    assert set(other.probe(4).indices) != set(schedule.probe(4).indices)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", str(SECRET + 1)),
        ("seed", "-5"),
        ("seed", "0x10"),
        ("seed", "9" * 5000),
        ("size", 29),
        ("size", 101),
        ("size", True),
        ("every", 5),
        ("every", 0),
        ("workers_percent", 36),
        ("workers_percent", 0),
        ("reserve", {}),
        ("reserve_commitment", "0" * 64),
        ("format", "other"),
    ],
)
def test_wrong_schedules_are_refused(dataset, schedule, field, value):
    with pytest.raises(InputError):
        open_schedule({**schedule.opening(), field: value}, dataset, schedule.commitment)


def test_another_reserve_is_refused_even_if_it_verifies_itself(dataset, schedule):
    other = replace(schedule, reserve=draw_probe(dataset, 100, 1))
    with pytest.raises(InputError, match="was committed"):
        open_schedule(other.opening(), dataset, schedule.commitment)


@pytest.mark.parametrize("number", [0, -4, 3, 5])
def test_rounds_between_audits(schedule, number):
    assert not schedule.audited(number)
    with pytest.raises(InputError, match="not audited"):
        schedule.probe(number)
    with pytest.raises(InputError, match="not audited"):
        schedule.workers(number, 3)


def test_random_order_is_a_permutation_whatever_the_seed():
    for seed in (0, 1, 2**255 + 1):
        assert np.array_equal(np.sort(random_order(50, seed)), np.arange(50))
    assert random_order(0, 1).shape == (0,)
    with pytest.raises(InputError, match="negative"):
        derive("x", -1)


def test_the_guide_commits_and_reveals() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "flower.md").read_text(encoding="utf-8")
    code = guide.split("<!-- commitment -->\n```python\n")[1].split("\n```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    assert len(names["schedule"].workers(3, n=10)) == 4
    with pytest.raises(InputError, match="was committed"):
        names["open_probe"](names["openings"][0], names["theirs"], names["published"][1])
