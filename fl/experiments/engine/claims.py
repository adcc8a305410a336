"""Who runs a point: sweeps on one result leave one another the points that they have begun.

A claim is a lock on a file ``RESULT/_running/<digest>`` that the system releases with the process that holds it, however that ends:
no clock is asked and nothing becomes stale. Where a file system has no locks, everything can be claimed, and two sweeps may run a
point twice; its file is then replaced by an equal one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ....models.files import make_folder

__all__ = ["Claims"]


class Claims:
    """The points of a result that this process runs.

    Parameters
    ----------
    folder : Path
        Of the result.
    """

    def __init__(self, folder: Path):
        self.folder = folder / "_running"
        self._held: dict[str, int] = {}

    def take(self, digest: str) -> bool:
        """Claim a point; False if another process has it."""
        try:
            import fcntl
        except ImportError:  # Not on this system.
            return True
        make_folder(self.folder)
        try:
            held = os.open(self.folder / digest, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return True
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            return False
        except OSError:
            os.close(held)
            return True
        self._held[digest] = held
        return True

    def give_back(self, digest: str) -> None:
        """Let others have a point, or find it done."""
        held = self._held.pop(digest, None)
        if held is not None:
            (self.folder / digest).unlink(missing_ok=True)
            os.close(held)

    def close(self) -> None:
        """Give back everything."""
        for digest in list(self._held):
            self.give_back(digest)
        # Unless there is none, or another sweep has points in it.
        with suppress(OSError):
            self.folder.rmdir()
