"""Texts without end, too large, in another encoding or nested too deeply end in one line, soon and within memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fedmech import InputError, Market, read_market
from fedmech.models import files
from fedmech.models.files import NumberText, read_json, read_text
from fedmech.models.procurement import columns


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null", "/proc/self/mem", "/"])
def test_devices_are_no_markets(device: str, tmp_path: Path) -> None:
    line = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); from fedmech.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", line, "solve", device], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1
    (tmp_path / "w.csv").symlink_to(device)
    market = tmp_path / "m.market.json"
    market.write_text('{"format": "fedmech-market/1", "workers": "w.csv", "requesters": []}')
    with pytest.raises(InputError):
        read_market(market)


def test_the_largest_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbf" + "né".encode())
    monkeypatch.setattr(files, "MOST_TEXT", 6)
    assert read_text(path) == "né"
    monkeypatch.setattr(files, "MOST_TEXT", 5)
    with pytest.raises(InputError, match="more than 5 bytes"):
        read_text(path)


def test_a_character_across_two_chunks(tmp_path: Path) -> None:
    text = "x" * ((1 << 22) - 1) + "é" * 10
    (tmp_path / "x").write_text(text, encoding="utf-8")
    assert read_text(tmp_path / "x") == text
    (tmp_path / "x").write_bytes(text.encode()[:-1])
    with pytest.raises(InputError, match="UTF-8"):
        read_text(tmp_path / "x")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_deep_nesting(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match=r"nested too deeply|not JSON"):
        read_json(tmp_path / "x")


def test_repeated_keys_are_found_at_once(tmp_path: Path) -> None:
    pairs = [f'"k{i}": {i}' for i in range(100_000)]
    (tmp_path / "x").write_text("{" + ", ".join([*pairs, '"k99999": 1']) + "}")
    with pytest.raises(InputError, match="field 'k99999': given twice"):
        read_json(tmp_path / "x")


def test_decimals_keep_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"a": 0.10, "b": NaN, "c": 3, "d": "0.1"}')
    found = read_json(tmp_path / "x")
    assert found == {"a": "0.10", "b": "NaN", "c": 3, "d": "0.1"}
    assert [type(value) for value in found.values()] == [NumberText, NumberText, int, str]


@pytest.mark.parametrize("name", [1.5, 1e20, float("nan"), True, None, [], {}, ""])
@pytest.mark.parametrize("field", ["id", "group"])
def test_names_in_json_are_texts_or_whole_numbers(tmp_path: Path, field: str, name: object) -> None:
    worker = {"id": "a", "group": "g", "score": 1, "cost": 1} | {field: name}
    document = {"format": "fedmech-market/1", "workers": [worker], "requesters": [{"id": "r", "budget": 1}]}
    (tmp_path / "m.market.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=f"field '{field}'"):
        read_market(tmp_path / "m.market.json")
    worker[field] = 7
    (tmp_path / "m.market.json").write_text(json.dumps(document))
    assert read_market(tmp_path / "m.market.json").n == 1


def test_more_caps_than_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = {"scores": [1], "costs": [1], "groups": ["g0"]}
    with pytest.raises(InputError, match="30,000 groups x 30,000 requesters"):
        Market.build(**workers, group_ids=[f"g{i}" for i in range(30_000)], budgets=[1] * 30_000)
    monkeypatch.setattr(columns, "MOST_CELLS", 6)
    assert Market.build(**workers, group_ids=["g0", "g1"], budgets=[1] * 3).caps.size == 6
    with pytest.raises(InputError, match="are more than 6 caps"):
        Market.build(**workers, group_ids=["g0", "g1"], budgets=[1] * 4)
