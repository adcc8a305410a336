"""A real Dask scheduler with worker processes of its own, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from distributed import Client


class Cluster:
    """A scheduler and workers as processes on the loopback interface, on ports that the system chooses."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.env = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
        }

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"log-{len(self.processes)}").open("wb")
        command = [sys.executable, "-m", *arguments]
        process = subprocess.Popen(command, cwd=self.folder, env=self.env | env, stdout=log, stderr=log)
        log.close()
        self.processes.append(process)
        return process

    def scheduler(self, **env: str) -> str:
        where = self.folder / "scheduler.json"
        places = (
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--dashboard-address",
            "127.0.0.1:0",
            "--scheduler-file",
            str(where),
        )
        self.start("distributed.cli.dask_scheduler", *places, **env)
        while self.processes[0].poll() is None:
            if where.exists() and where.read_text().endswith("}"):
                return json.loads(where.read_text())["address"]
            time.sleep(0.05)
        raise AssertionError((self.folder / "log-0").read_text())

    def worker(self, address: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait until the scheduler knows it."""
        where = ("--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder))
        with Client(address, set_as_default=False) as client:
            before = len(client.nthreads())  # pyright: ignore[reportArgumentType]
            process = self.start("distributed.cli.dask_worker", address, *where, *arguments)
            client.wait_for_workers(before + 1, timeout=120)
        return process

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
