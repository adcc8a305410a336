"""Limits of what is read: devices without end, bombs, deep nesting, numbers of any length; each refused in one line."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import fedmech
from fedmech import InputError, Market, read_market
from fedmech.cli import refuse_odd_numbers
from fedmech.commands.console import LONGEST_NUMBER, number, show
from fedmech.fl.data import idx
from fedmech.fl.experiments.engine.configuration import read_configuration
from fedmech.fl.rounds.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from fedmech.models import files
from fedmech.models.exact import format_exact, parse_number
from fedmech.models.procurement import tables
from fedmech.solvers.explain.prices import LARGEST_EXPONENT, lp_prices
from fedmech.solvers.proofs.document import read_document


def test_devices_and_folders_are_no_input(tmp_path: Path) -> None:
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    for read, path in (
        (read_document, Path("/dev/zero")),
        (read_market, Path("/dev/zero")),
        (read_configuration, tmp_path / "endless.toml"),
        (files.read_bytes, Path("/dev/zero")),
        (files.read_bytes, tmp_path),
        (lambda path: read_checkpoint(path, {}), Path("/dev/zero")),
    ):
        with pytest.raises(InputError) as refused:
            read(path)
        assert str(path) in str(refused.value)


def test_files_up_to_the_limit_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read_bytes(path, 5) == b"12345"
    with pytest.raises(InputError, match="more than 4 bytes"):
        files.read_bytes(path, 4)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000])
def test_deep_nesting(text: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"nested too deeply|not JSON"):
        read_document(path)
    toml = tmp_path / "deep.toml"
    toml.write_text("a = " + "[" * 3000 + "]" * 3000)
    with pytest.raises(InputError, match="nested too deeply"):
        read_configuration(toml)


def _archive(path: Path, header: bytes, method: int, extra: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.frombuffer(header, dtype=np.uint8))
        archive.writestr("header.npy", buffer.getvalue())
        for name, data in extra.items():
            archive.writestr(name, data)


def test_a_checkpoint_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "state"
    header = json.dumps({"format": "fedmech-checkpoint/1", "settings": {}, "rounds": 1, "rows": []}).encode()
    _archive(path, header, zipfile.ZIP_STORED, {})
    assert read_checkpoint(path, {}).rounds == 1
    _archive(path, header, zipfile.ZIP_DEFLATED, {"array.x.npy": b"\0" * 10**7})
    with pytest.raises(InputError, match="its parts are compressed"):
        read_checkpoint(path, {})
    promised = (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }".ljust(117)
        + b"\n"
    )
    _archive(path, header, zipfile.ZIP_STORED, {"array.x.npy": promised})
    with pytest.raises(InputError, match="not a checkpoint"):
        read_checkpoint(path, {})
    _archive(path, b"[" * 100_000, zipfile.ZIP_STORED, {})
    with pytest.raises(InputError, match="not a checkpoint"):
        read_checkpoint(path, {})


def test_no_flipped_bit_is_taken_for_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_checkpoint(path, {"seed": 1}, Checkpoint(2, [{"value": 0.1}], {"model": np.arange(3.0)}))
    whole, right = path.read_bytes(), read_checkpoint(path, {"seed": 1})
    taken = 0
    for bit in range(0, 8 * len(whole), 37):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found = read_checkpoint(path, {"seed": 1})
        except InputError:
            continue
        # Dates and attributes of the archive's parts may differ, the content may not.
        assert (found.rounds, found.rows) == (right.rounds, right.rows)
        assert found.arrays["model"].tolist() == [0, 1, 2]
        taken += 1
    assert taken < len(whole) * 8 / 37 / 3


def test_pictures_are_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = struct.pack(">HBB3I", 0, 8, 3, 10, 28, 28) + bytes(7840)
    labels = struct.pack(">HBB1I", 0, 8, 1, 10) + bytes(10)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pictures))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    assert len(idx.read_idx(tmp_path, "own").train_labels) == 10
    monkeypatch.setattr(idx, "MOST_BYTES", len(pictures) - 1)
    with pytest.raises(InputError, match="unpacks to more than"):
        idx.read_idx(tmp_path, "own")


@pytest.mark.parametrize("limit", ["MOST_PARQUET_VALUES", "MOST_PARQUET_BYTES"])
def test_equal_values_of_a_parquet_file_are_counted(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 2_000
    same = pa.array(["x" * 1_000] * rows).dictionary_encode()
    table = pa.table({"id": [str(i) for i in range(rows)], "group": same, "score": [1] * rows, "cost": [1] * rows})
    pq.write_table(table, tmp_path / "w.parquet")
    (tmp_path / "m.market.json").write_text(
        '{"format": "fedmech-market/1", "workers": "w.parquet", "requesters": [{"id": "r", "budget": 1}]}'
    )
    assert (tmp_path / "w.parquet").stat().st_size < 60_000
    assert read_market(tmp_path / "m.market.json").n == rows
    monkeypatch.setattr(tables, limit, {"MOST_PARQUET_VALUES": 4 * rows - 1, "MOST_PARQUET_BYTES": 1_000_000}[limit])
    with pytest.raises(InputError, match=r"its (columns hold 8,000 values|texts take 2,00.,... bytes); at most"):
        read_market(tmp_path / "m.market.json")


def test_many_columns_of_a_table_are_refused_at_once(tmp_path: Path) -> None:
    header = ",".join(f"column{i}" for i in range(200_000))
    (tmp_path / "w.csv").write_text(f"{header}\n")
    (tmp_path / "m.market.json").write_text(
        '{"format": "fedmech-market/1", "workers": "w.csv", "requesters": [{"id": "r", "budget": 1}]}'
    )
    # Compared with each other, they would take hours.
    with pytest.raises(InputError, match="unknown field"):
        read_market(tmp_path / "m.market.json")


@pytest.mark.parametrize("digits", [3_998, 3_999, 4_000, 4_001, 4_299, 4_300, 4_301, 8_000, 8_001, 30_000])
def test_numbers_of_any_length_are_written(digits: int) -> None:
    value = int("123456789" * 400) * 10**digits // 10 ** (3600 - 1) + 7 if digits > 3600 else 10**digits
    for exact in (value, -value, Fraction(1, value), 10**digits, 10**digits - 1):
        text = format_exact(exact)
        numerator, _, denominator = text.partition("/")
        assert _long(numerator) == Fraction(exact).numerator
        assert _long(denominator or "1") == Fraction(exact).denominator
        assert show(exact)
        written = number(exact)
        json.dumps(written)
        if isinstance(exact, Fraction):
            assert written == 0
        else:
            assert written == (exact if exact.bit_length() < LONGEST_NUMBER else None)


def _long(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    total = 0
    for at in range(0, len(digits), 4_000):
        part = digits[at : at + 4_000]
        total = total * 10 ** len(part) + int(part)
    return sign * total


@pytest.mark.parametrize("value", [2**8192, -(2**8192), Fraction(1, 2**8192)])
def test_integers_and_fractions_have_a_limit_as_texts_have(value: Any) -> None:
    with pytest.raises(InputError, match="have to stay below 2"):
        parse_number(value)
    half = value / 2 if isinstance(value, Fraction) else value // 2
    assert parse_number(half if not isinstance(value, Fraction) else value * 2) == (
        half if not isinstance(value, Fraction) else value * 2
    )


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("field", ["score", "cost", "budget"])
def test_prices_in_floating_point_refuse_what_is_beyond(field: str, sign: int) -> None:
    def market(exponent: int) -> Market:
        given: dict[str, Any] = {"scores": [1, 2], "costs": [1, 1], "budgets": [2]}
        name = f"{field}s"
        given[name] = [f"{value}e{sign * exponent}" for value in given[name]]
        return Market.build(**given)

    assert lp_prices(market(LARGEST_EXPONENT - 2), "opt").value >= 0
    with pytest.raises(InputError, match="LP prices are floating point"):
        lp_prices(market(LARGEST_EXPONENT + 1), "opt")


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "x", "-n", "1_0"],
        ["generate", "x", "--workers=1_0"],
        ["solve", "--time-limit", "٣"],
        ["generate", "x", "--cap-share", "０.5"],
        ["selftest", "--minutes", "1_0"],
    ],
)
def test_numbers_on_the_command_line_are_those_of_files(arguments: list[str]) -> None:
    with pytest.raises(InputError, match="expected a number"):
        refuse_odd_numbers(arguments)


@pytest.mark.parametrize(
    "arguments",
    [["solve", "m_1.market.json", "--method", "٣_"], ["audit", "--worker", "٣"], ["generate", "x_1", "-n", "10"], []],
)
def test_names_on_the_command_line_are_any(arguments: list[str]) -> None:
    refuse_odd_numbers(arguments)


def test_odd_numbers_are_one_line(tmp_path: Path) -> None:
    for arguments in (
        ["generate", "g.market.json", "-n", "1_0"],
        ["selftest", "--seed", "-1", "--cases", "1"],
        ["selftest", "--minutes", "inf"],
    ):
        done = fedmech(*arguments, folder=tmp_path)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert not list(tmp_path.iterdir())
