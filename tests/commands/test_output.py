"""The writer: one document whatever libraries print, any encoding, any state of standard output, files never replaced unasked."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from campaign import thorough
from command_line import fedmech
from fedmech import InputError, Market, write_market
from fedmech.models.display import visible
from fedmech.models.files import refuse_overwriting, write_whole
from hypothesis import given
from hypothesis import strategies as st


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a shell line in which ``fedmech`` is the command line; its streams are real file descriptors."""
    line = f'fedmech() {{ "{sys.executable}" -m fedmech "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", line], capture_output=True, cwd=folder, timeout=120, check=False)


@pytest.fixture
def market(tmp_path: Path) -> Path:
    path = tmp_path / "m.market.json"
    write_market(
        Market.build(scores=["0.5", 3, 2], costs=[1, 2, 1], budgets=[3], worker_ids=["né", "日本", "\u202eevil"]), path
    )
    return path


NOISY = """
import ctypes, os, sys
from fedmech.solvers import solve as module
plain = module.solve
def noisy(*args, **kwargs):
    print("from python")
    ctypes.CDLL(None).puts(b"from C")
    os.write(1, b"straight to the descriptor")
    os.system("echo from a child")
    return plain(*args, **kwargs)
module.solve = noisy
from fedmech.cli import main
sys.argv = ["fedmech", "solve", sys.argv[1], "--json"]
main()
"""


def test_json_is_one_document_whatever_is_printed(market: Path) -> None:
    done = subprocess.run([sys.executable, "-c", NOISY, str(market)], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout.decode("utf-8"))["objective"] == 5
    for noise in (b"from python", b"from C", b"straight to the descriptor", b"from a child"):
        assert noise in done.stderr


ONE_AFTER_THE_OTHER = """
import os, sys
from fedmech.cli import main
for number, line in enumerate(sys.argv[1:]):
    if not (child := os.fork()):
        os.dup2(os.open(f"out{number}", os.O_WRONLY | os.O_CREAT), 1)
        sys.argv = ["fedmech", *line.split()]
        main()
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{line} ended badly")
"""


@pytest.mark.parametrize(
    "encoding",
    thorough(["ascii", "latin-1", "cp1252", "utf-8", "utf-16"], ("latin-1", "cp1252", "utf-8").__contains__),
)
def test_any_encoding_of_standard_output(market: Path, tmp_path: Path, encoding: str) -> None:
    lines = ["solve m.market.json", "solve m.market.json --json"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", ONE_AFTER_THE_OTHER, *lines]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    table, document = ((tmp_path / name).read_bytes() for name in ("out0", "out1"))
    assert "optimal, proved" in table.decode(encoding)
    names = [row["worker"] for row in json.loads(document.decode("utf-8"))["assignment"]]
    assert names == ["日本", "\u202eevil"]


def test_names_cannot_reorder_or_repaint_a_terminal(market: Path, tmp_path: Path) -> None:
    for command in ("solve", "run"):
        text = fedmech(command, "m.market.json", folder=tmp_path).stdout
        assert "\u202e" not in text
        assert "\\u202eevil" in text
    for words in (("solve", "\x1b[31mred.market.json"), ("--\x1b[2J",), ("\u202enone",)):
        told = fedmech(*words, folder=tmp_path).stderr
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert told.count("error: ") == 1


@pytest.mark.parametrize("arguments", ["solve m.market.json --json", "--help", "methods"])
def test_standard_output_closed_full_or_gone(market: Path, tmp_path: Path, arguments: str) -> None:
    closed = shell(f"fedmech {arguments} >&-", tmp_path)
    assert closed.returncode == 2 or (closed.returncode == 0 and arguments.startswith("--")), closed
    with open("/dev/full", "wb") as full:
        filled = fedmech(*arguments.split(), folder=tmp_path, stdout=full.fileno())
    assert filled.returncode == 2, filled
    for told in (closed.stderr.decode(), filled.stderr):
        assert "Traceback" not in told
        assert len(told.splitlines()) <= 1
    read, write = os.pipe()
    os.close(read)
    gone = fedmech(*arguments.split(), folder=tmp_path, stdout=write)
    os.close(write)
    assert (gone.returncode, gone.stderr) == (0, "")


def test_standard_error_closed(market: Path, tmp_path: Path) -> None:
    done = shell("fedmech solve m.market.json --json 2>&-", tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["objective"] == 5
    assert shell("fedmech solve none.market.json 2>&-", tmp_path).returncode == 2


def test_wrong_arguments_are_one_line(tmp_path: Path) -> None:
    for arguments in ("nonsense", "solve --nonsense", "solve --time-limit x", "verify --jobs", "solve a b c"):
        done = fedmech(*arguments.split(), folder=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1


@given(st.text())
def test_visible_text_is_visible(text: str) -> None:
    shown = visible(text)
    assert shown.replace("\n", "").isprintable() or all(c.isprintable() or c.isspace() for c in shown)
    assert not any(c in shown for c in "\x1b\r\x07\x9b\u202e\u2066\u200f\u2028")
    assert visible(shown) == shown


# ---------------------------------------------------------------------- files


def test_an_existing_file_is_replaced_only_when_asked(market: Path, tmp_path: Path) -> None:
    for command, file in (
        ("solve m.market.json --certificate out.json", "out.json"),
        ("solve m.market.json --export out.lp", "out.lp"),
        ("generate out.market.json -n 5", "out.market.json"),
        ("generate new.market.json -n 5 --workers-file w.csv", "w.csv"),
        ("simulate network-effects --set repetitions=2 --out rows.csv", "rows.csv"),
        ("plot swan-regions --out f.png", "f.png"),
    ):
        target = tmp_path / file
        target.write_text("mine")
        done = fedmech(*command.split(), folder=tmp_path)
        assert (done.returncode, target.read_text()) == (2, "mine"), done
        assert "--force replaces it" in done.stderr
        assert fedmech(*command.split(), "--force", folder=tmp_path).returncode == 0
        assert target.read_bytes() != b"mine"


def test_an_input_is_never_written_over(market: Path, tmp_path: Path) -> None:
    before = market.read_bytes()
    (tmp_path / "link.lp").symlink_to(market)
    for target in ("m.market.json", "./m.market.json"):
        done = fedmech("solve", "m.market.json", "--certificate", target, "--force", folder=tmp_path)
        assert done.returncode == 2
        assert "never written over" in done.stderr
    assert fedmech("solve", "m.market.json", "--export", "link.lp", "--force", folder=tmp_path).returncode == 2
    assert market.read_bytes() == before


def test_links_modes_and_devices(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, "through")
    reader.join(10)
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_whole("/dev/null", "nothing")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(InputError, match="cannot write"):
        write_whole(tmp_path, "a folder")
    refuse_overwriting(pipe, force=False)
    refuse_overwriting(tmp_path / "nothing", force=False)


def test_generate_and_plot_answer_in_json(tmp_path: Path) -> None:
    done = fedmech("generate", "g.market.json", "-n", "7", "--json", folder=tmp_path)
    assert json.loads(done.stdout) == {
        "file": "g.market.json", "workers_file": None, "kind": "a", "seed": 0, "workers": 7, "requesters": 5, "groups": 10
    }  # fmt: skip
    done = fedmech("plot", "swan-regions", "--out", "f.png", "--json", folder=tmp_path)
    assert json.loads(done.stdout) == {"file": "f.png", "figure": "swan-regions"}
