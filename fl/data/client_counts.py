"""How many samples of each class real clients hold: a table read from a CSV file, to be imposed on any data set."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.files import PathLike
from ...models.input_error import InputError

__all__ = ["ClientCounts", "read_client_counts"]

# Ten digits: beyond every data set, and sums of many stay exact.
GREATEST = 10**10


@dataclass(frozen=True, eq=False)
class ClientCounts:
    """Samples of each class that each client holds.

    Parameters
    ----------
    clients, classes : tuple of str
        Names of the rows and of the columns.
    counts : ndarray of int64, shape (clients, classes)
        Samples.
    """

    clients: tuple[str, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Samples of each client, shape (clients,)."""
        return self.counts.sum(axis=1)

    def choose(self, clients: Sequence[str] | None = None, classes: Sequence[str] | None = None) -> ClientCounts:
        """Keep some clients and some classes, in the order given.

        Parameters
        ----------
        clients, classes : sequence of str, optional
            Names; by default all.

        Raises
        ------
        InputError
            If a name is unknown or given twice.
        """
        rows = _find(self.clients, clients, "client")
        columns = _find(self.classes, classes, "class")
        return ClientCounts(
            tuple(self.clients[i] for i in rows),
            tuple(self.classes[c] for c in columns),
            self.counts[np.ix_(rows, columns)],
        )

    def draw(self, clients: int, rng: np.random.Generator) -> ClientCounts:
        """Draw clients at random, without replacement, in the order of the table.

        Raises
        ------
        InputError
            If there are not so many.
        """
        if not 1 <= clients <= len(self.clients):
            raise InputError(f"{clients} clients of {len(self.clients)}", field="clients")
        rows = np.sort(rng.permutation(len(self.clients))[:clients])
        return self.choose(clients=[self.clients[i] for i in rows])


def read_client_counts(path: PathLike) -> ClientCounts:
    """Read a table of counts.

    Parameters
    ----------
    path : path
        A CSV file in UTF-8.  Its header names the first column as it likes and the others after the classes; each row has
        a client's name and its counts.

    Returns
    -------
    ClientCounts

    Raises
    ------
    InputError
        If the file cannot be read, a name is missing or repeated, or an entry is no count; it names the row and the
        field.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            classes = _header(header)
            clients: dict[str, list[int]] = {}
            for row in rows:
                if row:
                    _add(clients, row, header, f"line {rows.line_num}")
        if not clients:
            raise InputError("no client")
    except InputError as error:
        raise error.in_file(path) from None
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", file=str(path)) from None
    except csv.Error as error:
        raise InputError(f"not a CSV file: {error}", file=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror or error}", file=str(path)) from None
    return ClientCounts(tuple(clients), classes, np.array(list(clients.values()), dtype=np.int64))


def _header(header: list[str]) -> tuple[str, ...]:
    if len(header) < 2:
        raise InputError("must name the clients' column and at least one class", row="header")
    classes = tuple(header[1:])
    for i, name in enumerate(classes):
        if not name.strip():
            raise InputError(f"column {i + 2} has no name", row="header")
        if name in classes[:i]:
            raise InputError("given twice", row="header", field=name)
    return classes


def _add(clients: dict[str, list[int]], row: list[str], header: list[str], where: str) -> None:
    name = row[0]
    if not name.strip():
        raise InputError("a client without a name", row=where, field=header[0])
    if name in clients:
        raise InputError(f"client '{name[:40]}' is given twice", row=where, field=header[0])
    if len(row) != len(header):
        raise InputError(f"{len(row)} entries, where the header has {len(header)}", row=where)
    counts = []
    for field, entry in zip(header[1:], row[1:], strict=True):
        digits = entry.strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 11 and int(digits) <= GREATEST):
            raise InputError(f"'{entry[:40]}' is not a count", row=where, field=field)
        counts.append(int(digits))
    clients[name] = counts


def _find(names: tuple[str, ...], wanted: Sequence[str] | None, kind: str) -> list[int]:
    if wanted is None:
        return list(range(len(names)))
    place = {name: i for i, name in enumerate(names)}
    for i, name in enumerate(wanted):
        if name not in place:
            raise InputError(f"no {kind} '{name}'", field=kind)
        if name in wanted[:i]:
            raise InputError(f"{kind} '{name}' is given twice", field=kind)
    return [place[name] for name in wanted]
