"""Results on disk: a folder with one Parquet file for each point, each written whole.

Why not one file that grows: Parquet ends with a footer that describes everything before it, so appending means writing the file
anew; a crash, a full disk or a second sweep at that moment costs everything there was. With one file a point there is nothing
to append to and nothing to lock. A point's file is written beside its place, flushed, and renamed into it: after any crash the
point is wholly there or not at all. The file's name is the point's digest, so two sweeps that run the same point replace a file
by an equal one, and never count it twice. pandas, pyarrow, polars and duckdb read such a folder as one table
(``pd.read_parquet(folder)``); for a hundred thousand points one file is faster to read, which is what exporting is for.

    RESULT/_result.json            which experiment this is
    RESULT/<digest>.parquet        the rows of a point: point, experiment, version, the settings, what was measured
    RESULT/_running/<digest>       claimed by a sweep that runs it, see :mod:`.claims`
    RESULT/_failed/<digest>.json   a point that raised, or that took its workers down: settings, error, traceback

Names with ``_`` or ``.`` in front are no part of a Parquet dataset, by the convention all its readers share. The time a point took is kept in its
file's metadata, not in a column: tables of equal points are equal.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....models.files import PathLike, read_json, write_whole
from ....models.input_error import InputError
from ...settings import field_rules, settings_document
from .registry import Experiment, Row

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "FORMAT",
    "KEYS",
    "Results",
    "check_table_path",
    "export_results",
    "is_result",
    "read_results",
    "rows_with_settings",
    "write_rows",
]

FORMAT = "fedmech-result/1"
KEYS = ("point", "experiment", "version")
MARK = "_result.json"
STALE = 3600.0
ABOUT = {"format", "experiment", "version", "digest", "settings", "seconds"}


def need_tables() -> None:
    """Refuse to go on without pandas and pyarrow.

    Raises
    ------
    InputError
        Saying how to install them.
    """
    missing = [name for name in ("pandas", "pyarrow") if find_spec(name) is None]
    if missing:
        raise InputError(f"tables of results need {' and '.join(missing)}: pip install 'fedmech[fl]'")


def rows_with_settings(entry: Experiment, settings: Any, rows: Iterable[Row]) -> list[Row]:
    """Put a point's name and settings before its rows; lists as text, as ``--set`` reads them; rows keep what they name."""
    rows = list(rows)
    taken = {key for row in rows for key in row}
    head: Row = {"point": entry.digest(settings), "experiment": entry.name, "version": entry.version}
    for name, value in settings_document(settings).items():
        if name not in taken:
            head[name] = ",".join(map(str, value)) if isinstance(value, list) else value
    # Every row has every column, in the order of first appearance.
    columns = dict.fromkeys(key for row in rows for key in row)
    return [{**head, **{key: row.get(key) for key in columns}} for row in rows]


class Results:
    """The results of one experiment in a folder.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    entry : Experiment

    Raises
    ------
    InputError
        If the folder holds something else, or another experiment's results.
    """

    def __init__(self, folder: PathLike, entry: Experiment):
        need_tables()
        self.folder = Path(folder)
        self.entry = entry
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            others = [path.name for path in self.folder.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            raise InputError(f"cannot write results here: {error.strerror or error}", file=str(folder)) from None
        if MARK in others:
            name = result_experiment(self.folder)
            if name != entry.name:
                raise InputError(f"holds results of {name!r}, not of {entry.name!r}", file=str(folder))
        elif others:
            raise InputError(f"is a folder of something else ({others[0]} ...)", file=str(folder))
        else:
            write_whole(self.folder / MARK, json.dumps({"format": FORMAT, "experiment": entry.name}) + "\n")
        self._sweep_drafts()

    def _sweep_drafts(self) -> None:
        """Remove drafts that a killed sweep left; a running one's are younger."""
        for draft in self.folder.glob(".*.parquet.*"):
            try:
                if time.time() - draft.stat().st_mtime > STALE:
                    draft.unlink()
            except OSError:
                pass  # Another sweep was quicker, or it is not ours to remove.

    def path(self, digest: str) -> Path:
        """Where a point's rows are."""
        return self.folder / f"{digest}.parquet"

    def failure_path(self, digest: str) -> Path:
        """Where a point's failure is."""
        return self.folder / "_failed" / f"{digest}.json"

    def has(self, digest: str) -> bool:
        """Whether a point is wholly there."""
        try:
            read_point(self.path(digest))
        except InputError:
            return False
        return True

    def done(self) -> tuple[set[str], list[Path]]:
        """Find the points that are wholly there, by reading them, and the files that are damaged."""
        good, damaged = set(), []
        for path in sorted(self.folder.glob("*.parquet")):
            if self.has(path.stem):
                good.add(path.stem)
            else:
                damaged.append(path)
        return good, damaged

    def add(self, settings: Any, rows: Sequence[Row], seconds: float) -> None:
        """Write a point's rows, replacing what there was; an earlier failure of the point is forgotten.

        Raises
        ------
        InputError
            If the file cannot be written.
        ValueError, TypeError
            If a column holds values of several kinds.
        """
        import pyarrow.parquet as pq

        digest = self.entry.digest(settings)
        about = {
            "format": FORMAT,
            "experiment": self.entry.name,
            "version": self.entry.version,
            "digest": digest,
            "settings": settings_document(settings),
            "seconds": round(seconds, 6),
        }
        table = arrow_table(self.entry, rows_with_settings(self.entry, settings, rows))
        about["sha256"] = _checksum(about, table)
        content = io.BytesIO()
        pq.write_table(table.replace_schema_metadata({"fedmech": json.dumps(about)}), content, write_page_checksum=True)
        write_whole(self.path(digest), content.getvalue())
        self.failure_path(digest).unlink(missing_ok=True)

    def fail(self, settings: Any, error: str, trace: str | None = None) -> None:
        """Write down that a point failed."""
        digest = self.entry.digest(settings)
        document = {
            "experiment": self.entry.name,
            "version": self.entry.version,
            "digest": digest,
            "settings": settings_document(settings),
            "error": error,
            "trace": trace,
        }
        path = self.failure_path(digest)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, json.dumps(document, indent=1) + "\n")


def _checksum(about: dict[str, Any], table: pa.Table) -> str:
    """Hash what a point's file says about itself and all its rows."""
    said = {key: value for key, value in about.items() if key != "sha256"}
    text = json.dumps([said, str(table.schema.remove_metadata()), table.to_pydict()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def arrow_table(entry: Experiment, rows: Sequence[Row]) -> pa.Table:
    """Make a typed table of rows: settings have their fields' types whatever the values, None included."""
    import pyarrow as pa

    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
    columns: dict[str, Any] = {}
    rules = field_rules(entry.settings)
    fixed = {name: pa.string() if rule.many else kinds[rule.kind] for name, rule in rules.items()}
    fixed |= {"point": pa.string(), "experiment": pa.string(), "version": pa.int64()}
    for key in dict.fromkeys(key for row in rows for key in row):
        values = [row[key] for row in rows]
        try:
            columns[key] = pa.array(values, type=fixed.get(key) if _fits(values, rules.get(key)) else None)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise TypeError(f"column {key!r}: {error}") from None
    return pa.table(columns)


def _fits(values: Sequence[Any], rule: Any) -> bool:
    """Whether a row's own values under a setting's name are of the setting's type."""
    return rule is None or rule.many or all(value is None or type(value) is rule.kind for value in values)


def read_point(path: Path) -> tuple[dict[str, Any], pa.Table]:
    """Read a point's file: what it says about itself, and its rows.

    Raises
    ------
    InputError
        If the file is not whole, or not the point its name says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # A table of one file: what lies beside it is none of its business.
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        about = json.loads((table.schema.metadata or {})[b"fedmech"])
        whole = about["format"] == FORMAT and about["digest"] == path.stem
        # Pages have checksums of their own; this one covers what stands in the file's footer, names and types of columns included.
        kept = about.keys() - {"sha256"} == ABOUT and about.get("sha256") in (None, _checksum(about, table))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise InputError(f"not a whole point of a result: {error}", file=str(path)) from None
    if not whole:
        raise InputError("not the point that its name says", file=str(path))
    if not kept:
        raise InputError("not a whole point of a result: its checksum does not match", file=str(path))
    return about, table


def result_experiment(folder: Path) -> str:
    """Say which experiment a result folder belongs to.

    Raises
    ------
    InputError
        If it is no result folder.
    """
    if not (folder / MARK).exists():
        raise InputError(f"is no result: it has no {MARK}", file=str(folder))
    document = read_json(folder / MARK)
    if not isinstance(document, dict) or document.get("format") != FORMAT or "experiment" not in document:
        raise InputError(f"expected a document of format {FORMAT!r}", file=str(folder / MARK))
    return str(document["experiment"])


def is_result(path: PathLike) -> bool:
    """Whether a path is that of a result: a folder, a Parquet file, or a CSV file with headings.

    Knapsacks in CSV files have none, and a table of workers has score and cost.
    """
    source = Path(path)
    if source.is_dir() or source.suffix == ".parquet":
        return True
    if source.suffix != ".csv" or not source.is_file():
        return False
    with open(source, "rb") as file:
        names = [name.strip().strip(b'"').lower() for name in file.readline(100_000).split(b",")]
    return b"experiment" in names or (
        len(names) > 1 and not names[0][:1].isdigit() and not {b"score", b"cost"} <= {*names}
    )


def read_results(path: PathLike) -> pd.DataFrame:
    """Read results as one table.

    Parameters
    ----------
    path : path
        A result folder, or a ``.parquet`` or ``.csv`` file that was exported from one or written by ``simulate``.

    Returns
    -------
    DataFrame
        Points in the order of their settings, rows within a point in their own.

    Raises
    ------
    InputError
        If it is none of these, or a point's file is damaged.
    """
    need_tables()
    import pandas as pd
    import pyarrow as pa

    source = Path(path)
    if source.is_dir():
        result_experiment(source)
        points = [read_point(file) for file in sorted(source.glob("*.parquet"))]
        if not points:
            raise InputError("has no points yet", file=str(source))
        points.sort(key=lambda point: _order(point[0]))
        try:
            joined = pa.concat_tables(
                [table.replace_schema_metadata() for _, table in points], promote_options="permissive"
            )
        except pa.ArrowException as error:
            raise InputError(f"points do not make one table: {error}", file=str(source)) from None
        frame = joined.to_pandas()
    else:
        try:
            frame = pd.read_parquet(source) if source.suffix == ".parquet" else _read_csv(source)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"cannot read: {error}", file=str(source)) from None
    missing = [key for key in KEYS if key not in frame]
    if missing:
        raise InputError("is no table of results: missing column", file=str(source), field=missing[0])
    return frame


def _read_csv(source: Path) -> pd.DataFrame:
    """Read a CSV file; pyarrow returns every float as it was written, whatever the version of pandas."""
    from pyarrow import csv as arrow_csv

    options = arrow_csv.ConvertOptions(strings_can_be_null=True)
    return arrow_csv.read_csv(source, convert_options=options).to_pandas()


def _order(about: Mapping[str, Any]) -> list[Any]:
    """Sort key: version, then the settings in the order of their fields; None before anything else."""
    return [about["version"], *((value is not None, value) for value in about["settings"].values())]


def check_table_path(path: PathLike) -> None:
    """Refuse, before anything is run, a file that could not be written after.

    Raises
    ------
    InputError
        If it ends neither in .csv nor in .parquet, or its folder does not exist.
    """
    target = Path(path)
    if target.suffix not in (".csv", ".parquet"):
        raise InputError("tables are written as .csv or .parquet", file=str(target))
    if target.is_dir() or not target.parent.is_dir():
        raise InputError("cannot write a file here", file=str(target))
    if target.suffix == ".parquet":
        need_tables()


def write_rows(entry: Experiment, rows: Sequence[Row], path: PathLike) -> None:
    """Write rows as one ``.csv`` or ``.parquet`` file, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    check_table_path(path)
    target = Path(path)
    if target.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(target, text.getvalue())
    else:
        import pyarrow.parquet as pq

        content = io.BytesIO()
        pq.write_table(arrow_table(entry, rows), content)
        write_whole(target, content.getvalue())


def export_results(folder: PathLike, path: PathLike) -> None:
    """Write a result folder as one ``.csv`` or ``.parquet`` file, whole or not at all.

    Raises
    ------
    InputError
        As :func:`read_results` and :func:`check_table_path`.
    """
    check_table_path(path)
    target = Path(path)
    frame = read_results(folder)
    content = io.BytesIO()
    if target.suffix == ".csv":
        frame.to_csv(content, index=False)
    else:
        frame.to_parquet(content, index=False)
    write_whole(target, content.getvalue())
