"""Commands in real processes that start at once: each is forked off from one that has imported what commands import.

Starting Python and importing takes longer than most commands do. A test of just that, of encodings or of descriptors that are closed
from the start begins with a Python of its own instead.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

MAIN = "from fedmech.cli import main\nmain()\n"

PRELOADED = (
    "fedmech.fl.comparison",
    "fedmech.fl.mechanisms.all_mechanisms",
    "fedmech.fl.sharing.all_mechanisms",
    "fedmech.solvers.all_methods",
    "fedmech.verification.judge",
)

_RUNNING: list[tuple[subprocess.Popen[bytes], socket.socket]] = []


def fedmech(
    *words: object,
    folder: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    code: str = MAIN,
    stdout: int | None = None,
    stderr: int | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run ``fedmech WORDS`` in a process of its own, or other code with these words as its arguments.

    Parameters
    ----------
    folder : Path, optional
        Where it runs.
    env : mapping, optional
        Its whole environment; what this process has if not given.
    stdout, stderr : int, optional
        Descriptors to write to; what is written is returned if not given.
    """
    request = {
        "code": code,
        "words": [str(word) for word in words],
        "folder": str(folder or os.getcwd()),
        "env": dict(os.environ if env is None else env),
    }
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
        streams = [
            nothing.fileno(),
            out.fileno() if stdout is None else stdout,
            err.fileno() if stderr is None else stderr,
        ]
        status = _ask(request, streams, timeout)
        return subprocess.CompletedProcess(["fedmech", *request["words"]], status, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _ask(request: dict[str, Any], streams: list[int], timeout: float) -> int:
    if not _RUNNING:
        here, there = socket.socketpair()
        # In a session of its own: what hangs is killed with it.
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(there.fileno())], pass_fds=[there.fileno()], start_new_session=True
        )
        there.close()
        _RUNNING.append((process, here))
        atexit.register(_end, process, here)
    process, channel = _RUNNING[0]
    channel.settimeout(timeout)
    try:
        socket.send_fds(channel, [b"."], streams)
        body = json.dumps(request).encode()
        channel.sendall(len(body).to_bytes(8, "big") + body)
        return int.from_bytes(_received(channel, 8), "big", signed=True)
    except (TimeoutError, EOFError, OSError):
        _RUNNING.clear()
        channel.close()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _end(process: subprocess.Popen[bytes], channel: socket.socket) -> None:
    # It ends where nobody is left who could ask.
    channel.close()
    process.wait()


def _received(channel: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = channel.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def _wait_for_a_request(channel: socket.socket) -> dict[str, Any]:
    """Fork for each request, and return it in the child alone; end with whoever asks."""
    while True:
        sign, streams, *_ = socket.recv_fds(channel, 1, 3)
        if not sign:
            os._exit(0)
        request = json.loads(_received(channel, int.from_bytes(_received(channel, 8), "big")))
        child = os.fork()
        if not child:
            channel.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            return request
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        channel.sendall(code.to_bytes(8, "big", signed=True))


if __name__ == "__main__":
    from importlib import import_module

    from fedmech.cli import app
    from typer.testing import CliRunner

    for name in PRELOADED:
        import_module(name)
    # Typer imports some more when it reads its first line.
    CliRunner().invoke(app, ["solve", "--help"])
    asked = _wait_for_a_request(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, "utf-8", "backslashreplace", closefd=False)
    sys.argv = ["fedmech", *asked["words"]]
    sys.path.insert(0, asked["folder"])
    exec(compile(asked["code"], "<asked>", "exec"), {"__name__": "__main__"})
