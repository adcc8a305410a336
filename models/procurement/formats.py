"""Every kind of file that a procurement market can be read from; the end of the name decides."""

from __future__ import annotations

from pathlib import Path

from ..files import PathLike
from .file import open_market, read_market
from .folder import Folder
from .knapsack import read_knapsack
from .market import Market
from .model_file import LP_ENDING, MPS_ENDING, read_model
from .pabulib import read_pabulib

__all__ = ["KNAPSACK_ENDINGS", "MODEL_ENDINGS", "PABULIB_ENDING", "is_foreign", "open_any_market", "read_any_market"]

PABULIB_ENDING = ".pb"
KNAPSACK_ENDINGS = (".csv", ".in", ".kp", ".knapsack", ".txt")
MODEL_ENDINGS = (LP_ENDING, MPS_ENDING)


def is_foreign(path: PathLike) -> bool:
    """Whether a file's name says that it is of another project's format."""
    return _ending(path) in (PABULIB_ENDING, *KNAPSACK_ENDINGS, *MODEL_ENDINGS)


def read_any_market(path: PathLike, *, drop_zero: bool = False) -> Market:
    """Read a market: our own format, a Pabulib election, a knapsack, or an LP or MPS file of that shape.

    Parameters
    ----------
    path : path
        ``*.pb`` is read by :func:`read_pabulib`, the endings in :data:`KNAPSACK_ENDINGS` by :func:`read_knapsack`, those in
        :data:`MODEL_ENDINGS` by :func:`read_model`, all else by :func:`~fedmech.models.procurement.file.read_market`.
    drop_zero : bool
        Leave out workers whose score is 0 instead of refusing them.

    Raises
    ------
    InputError
        As the reader of the format.
    """
    ending = _ending(path)
    if ending == PABULIB_ENDING:
        return read_pabulib(path, drop_zero=drop_zero)
    if ending in KNAPSACK_ENDINGS:
        return read_knapsack(path, drop_zero=drop_zero)
    if ending in MODEL_ENDINGS:
        return read_model(path, drop_zero=drop_zero)
    return read_market(path, drop_zero=drop_zero)


def open_any_market(path: PathLike) -> Market | Folder:
    """Read a market of any format, or open it as :func:`~fedmech.models.procurement.file.open_market` does.

    Raises
    ------
    InputError
        As the reader of the format.
    """
    return read_any_market(path) if is_foreign(path) else open_market(path)


def _ending(path: PathLike) -> str:
    """The ending of the file's name, before the instance that may follow a ``#``."""
    name = str(path)
    return Path(name if Path(name).exists() else name.partition("#")[0]).suffix.lower()
