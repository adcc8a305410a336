"""The harnesses: each takes one input of its kind and lets a reader have it, which answers or refuses in one line.

A harness is a strategy and a function of one input. The function raises if the reader raised anything but what it says it raises, and
if an accepted input breaks what holds for accepted ones: it is read back as it is written, a damaged file is not taken for the
whole one, and nothing is accepted as a proof of what is false.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import hostile
import numpy as np
from fedmech import InputError, Market, generate_market, read_market, run_mechanism, solve, write_market
from fedmech.models.files import read_json
from fedmech.models.procurement.formats import read_any_market
from fedmech.models.sharing.expression import (
    CertifiedArithmetic,
    ExactArithmetic,
    ExpressionError,
    OutsideDomain,
    evaluate,
    is_rational,
    parse,
)
from fedmech.models.sharing.market import read_mots, write_mots
from fedmech.models.sharing.utility import Utility
from hypothesis import strategies as st

__all__ = ["CORPUS", "TARGETS", "Target", "seeds"]

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Target:
    """One harness.

    Attributes
    ----------
    inputs : callable
        Makes the strategy; bytes, or texts.
    put : callable
        Gives one input to its reader; returns whether it was accepted.
    """

    inputs: Callable[[], st.SearchStrategy[Any]]
    put: Callable[[Any], bool]


def seeds(target: str) -> list[bytes]:
    """The corpus of a target: every input that has ever failed, and some that are right."""
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


@contextlib.contextmanager
def refusal() -> Any:
    """What a reader may raise, and how."""
    try:
        yield
    except InputError as error:
        text = str(error)
        assert len(text) <= 600, text
        assert "\n" not in text, text
        raise


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fedmech-fuzz-"))


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _documents(target: str) -> list[Any]:
    found = []
    for data in seeds(target):
        with contextlib.suppress(ValueError):
            found.append(json.loads(data))
    return found


def _texts(target: str) -> st.SearchStrategy[bytes]:
    """Documents with parts exchanged, and their bytes damaged."""
    written = hostile.documents(_documents(target)).map(
        lambda d: hostile.document_text(d).encode("utf-8", "surrogatepass")
    )
    return written | hostile.damaged(seeds(target))


# ---------------------------------------------------------------------- markets


def _accepted(path: Path, *, with_workers: str | None = None) -> bool:
    try:
        with refusal():
            market = read_any_market(path)
    except InputError:
        return False
    for names in (market.worker_ids, market.group_ids, market.requester_ids):
        assert all(isinstance(name, str) and name.strip() for name in names)
        "".join(names).encode("utf-8")
    again = _folder() / "again.market.json"
    write_market(market, again, workers_file=with_workers)
    assert read_market(again) == market, "written and read it is another market"
    return True


def _market_json(data: bytes) -> bool:
    return _accepted(_file("m.market.json", data))


def _pabulib(data: bytes) -> bool:
    return _accepted(_file("e.pb", data))


def _knapsack(data: bytes) -> bool:
    return _accepted(_file("k.txt", data))


def _lp(data: bytes) -> bool:
    return _accepted(_file("m.lp", data))


def _mps(data: bytes) -> bool:
    return _accepted(_file("m.mps", data))


LP_WORDS = [
    "max", "min", "obj:", "st", "s.t.", "subject to", "bounds", "bin", "general", "end", "sos", "semi", "x", "y", "z", "x", "y", "2 x", "+", "+", "-", "<=", "<=",
    ">=", "=", ":", "1", "2", "0.1", "3e2", "1e999", "inf", "free", "c:", "\\", "[", "^", "*", "é", "3x", "x y", "\n", "\n", "\n", "0 <= x <= 1", "x + y <= 1",
]  # fmt: skip
MPS_WORDS = [
    "NAME", "OBJSENSE", "MAX", "ROWS", "N", "L", "G", "E", "obj", "b", "COLUMNS", "x", "y", "RHS", "RANGES", "BOUNDS", "BV", "UP", "FX", "BND", "ENDATA", "SOS",
    "'MARKER'", "'INTORG'", "1", "2", "-1", "0.1", "1e999", "1/3", "*", "é", "\n", "\n ", "\n ", "\n ", "\n x obj 1 b 1", "\n BV BND x", "\n RHS b 1",
]  # fmt: skip


def _models(target: str, words: list[str]) -> st.SearchStrategy[bytes]:
    """Files of the corpus with some words put in and some lines exchanged, and with their bytes damaged."""

    @st.composite
    def reworded(draw: st.DrawFn) -> bytes:
        lines = draw(st.sampled_from(seeds(target))).decode("utf-8", "replace").split("\n")
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(lines) - 1))
            parts = lines[at].split(" ")
            parts[draw(st.integers(0, len(parts) - 1))] = " ".join(draw(st.lists(st.sampled_from(words), max_size=3)))
            other = draw(st.sampled_from([at, at, draw(st.integers(0, len(lines) - 1))]))
            lines[at], lines[other] = lines[other], " ".join(parts)
        return "\n".join(lines).encode()

    soup = st.lists(st.sampled_from(words), max_size=30).map(lambda drawn: " ".join(drawn).encode())
    return reworded() | soup | hostile.damaged(seeds(target))


CONVERTED = {
    "market-json": ".market.json", "pabulib": ".pb", "knapsack": ".txt", "model-lp": ".lp", "model-mps": ".mps"
}  # fmt: skip


@st.composite
def _conversions(draw: st.DrawFn) -> tuple[str, bytes, str, bool]:
    """A file of some format, right or damaged, the ending of another, and whether names may be lost."""
    target = draw(st.sampled_from(list(CONVERTED)))
    data = draw(st.sampled_from(seeds(target)) | TARGETS[target].inputs())
    out = draw(st.sampled_from([*CONVERTED.values(), ".csv", ".in", ".kp", ".xyz", ""]))
    return CONVERTED[target], data, out, draw(st.booleans())


def _conversion(given: tuple[str, bytes, str, bool]) -> bool:
    """What is written reads back, or one line says why not and the exit code is 2."""
    ending, data, out, rename = given
    source, target = _file(f"in{ending}", data), _folder() / f"out{out}"
    target.unlink(missing_ok=True)
    code = _command("convert", source, target, *(["--rename"] if rename else []))
    assert code in (0, 2)
    assert target.exists() == (code == 0)
    if code:
        return False
    before, after = read_any_market(source), read_any_market(target)
    assert [*before.scores] == [*after.scores]
    assert [*(before.costs or ())] == [*(after.costs or ())]
    return True


def _answer(data: bytes) -> bool:
    """An answer of some other program, held to a market."""
    code = _command("check-allocation", _folder_market(), "--answer", _file("answer.json", data))
    assert code in (0, 1, 2)
    return code != 2


@cache
def _folder_market() -> Path:
    path = _folder() / "answered.market.json"
    write_market(Market.build(scores=[3, 2, 1], costs=[2, 1, 1], budgets=[2, 1]), path)
    return path


def _command(*words: object) -> int:
    """Run a command in this process; one line says what is wrong with its input, and nothing else is ever raised."""
    from fedmech.cli import app
    from typer.testing import CliRunner

    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code != 2 or (done.output.startswith("error: ") and done.output.count("\n") == 1), done.output
    return done.exit_code


def _beside(name: str, data: bytes) -> Path:
    _file(name, data)
    document = {"format": "fedmech-market/1", "workers": name, "requesters": [{"id": "r", "budget": 9}]}
    return _file("beside.market.json", json.dumps(document).encode())


def _market_csv(data: bytes) -> bool:
    return _accepted(_beside("w.csv", data), with_workers="again.csv")


@st.composite
def _tables(draw: st.DrawFn) -> bytes:
    header = draw(st.permutations(["id", "group", "score", "cost"])) + draw(
        st.sampled_from([[], [], ["bid"], ["coverage"], ["seat"], ["score"], [""], ["Id"]])
    )
    mark = draw(st.sampled_from([",", ",", ",", ";", "\t"]))
    rows = [header]
    field = st.sampled_from(hostile.DECIMAL_TEXTS + hostile.NAMES) | st.integers(1, 9).map(str)
    count = draw(st.sampled_from([0, 1, 2, 3, 300]))
    plain = ["w{}", "g", "{}", "1"]
    for at in range(count):
        rows.append([part.format(at + 1) for part in (plain + ["1"] * 9)[: len(header)]])
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(field)
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join(mark.join(row) for row in rows) + draw(st.sampled_from(["", end, end * 2]))
    return text.encode("utf-8", "surrogatepass")


def _market_parquet(data: bytes) -> bool:
    return _accepted(_beside("w.parquet", data), with_workers="again.parquet")


@st.composite
def _parquet_columns(draw: st.DrawFn) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    rows = draw(st.integers(0, 3))
    kinds = {
        "texts": st.sampled_from(hostile.DECIMAL_TEXTS + [name for name in hostile.NAMES if name.isprintable()]),
        "integers": st.integers(-(2**63), 2**63 - 1) | st.integers(1, 9),
        "floats": st.floats(),
        "bytes": st.binary(max_size=3),
        "bools": st.booleans(),
        "lists": st.lists(st.integers(0, 9) | st.none(), max_size=3),
        "floats in lists": st.lists(st.floats(), max_size=2),
        "nothing": st.none(),
        "dates": st.dates(),
        "decimals": st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-99, max_value=99),
    }
    columns = {}
    for name, usual in (("id", "texts"), ("group", "texts"), ("score", "integers"), ("cost", "integers")):
        kind = draw(st.sampled_from([usual, usual, *kinds]))
        columns[name] = draw(
            st.lists(kinds[kind] | st.none() if draw(st.booleans()) else kinds[kind], min_size=rows, max_size=rows)
        )
    if draw(st.booleans()):
        columns[draw(st.sampled_from(["bid", "coverage", "seat", "bid=1", ""]))] = columns["score"]
    sink = io.BytesIO()
    try:
        table = arrow.table(columns)
        if draw(st.booleans()):
            table = arrow.table(
                [c.dictionary_encode() if str(c.type) == "string" else c for c in table.columns],
                names=table.column_names,
            )
        parquet.write_table(table, sink)
    except (arrow.ArrowException, UnicodeError, OverflowError):
        return b""
    return sink.getvalue()


# ---------------------------------------------------------------------- sharing markets and formulas


def _mots(data: bytes) -> bool:
    try:
        with refusal():
            market = read_mots(_file("x.mots.json", data))
    except InputError:
        return False
    again = _folder() / "again.mots.json"
    write_mots(market, again)
    assert read_mots(again) == market, "written and read it is another market"
    return True


@st.composite
def _formulas(draw: st.DrawFn) -> str:
    leaves = st.sampled_from(
        ["eps", "eps", "1", "0", "2.5", "1e9", "1e-60", "1e60", "64", "0.1", "client_variance", "٣", "x", ""]
    )
    tree = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**", "", "^"]), inner).map("".join),
            st.tuples(st.sampled_from(["exp", "log", "sqrt", "-", "sin"]), inner).map(
                lambda pair: f"{pair[0]}({pair[1]})"
            ),
            inner.map(lambda text: f"({text})"),
        ),
        max_leaves=12,
    )
    text = draw(tree)
    return text * draw(st.sampled_from([1, 1, 1, 1, 30]))


def _expression(text: str) -> bool:
    try:
        with refusal():
            utility = Utility.read({"expression": text}, Fraction(1, 7), Fraction(1))
    except InputError:
        return False
    wide = CertifiedArithmetic(96)
    for point in (Fraction(1, 3), Fraction(2), Fraction(10**6)):
        for tree in (utility.tree, utility.slope):
            try:
                enclosed = evaluate(tree, {"eps": wide.number(point)}, wide)
            except (OutsideDomain, OverflowError):
                continue
            if is_rational(tree):
                exact = evaluate(tree, {"eps": point}, ExactArithmetic)
                inside = wide.number(exact)
                assert enclosed.a <= inside.b, (text, point)
                assert enclosed.b >= inside.a, (text, point)
    return True


def _parser(text: str) -> bool:
    """The parser by itself, with any characters."""
    try:
        parse(text, ("eps", "client_variance"))
    except ExpressionError:
        return False
    return True


# ---------------------------------------------------------------------- configurations, checkpoints, results


def _configuration(data: bytes) -> bool:
    from fedmech.fl.experiments.engine.configuration import read_configuration

    ending = "json" if data.lstrip()[:1] in (b"{", b"[") else "toml"
    try:
        with refusal():
            configuration = read_configuration(_file(f"c.{ending}", data))
            configuration.point()
            if configuration.size <= 200:
                configuration.points()
    except InputError:
        return False
    return True


def _configurations() -> st.SearchStrategy[bytes]:
    known = [d for d in _documents("configuration") if isinstance(d, dict)]
    return hostile.documents(known).map(
        lambda d: hostile.document_text(d).encode("utf-8", "surrogatepass")
    ) | hostile.damaged(seeds("configuration"))


SETTINGS = {"seed": 1, "sizes": [1, 2]}


@cache
def _checkpoint_seed() -> bytes:
    from fedmech.fl.rounds.checkpoint import Checkpoint, write_checkpoint

    path = _folder() / "seed.checkpoint"
    arrays = {"model": np.arange(6.0).reshape(2, 3), "taken": np.array([True, False])}
    write_checkpoint(path, SETTINGS, Checkpoint(3, [{"k": 1, "value": 0.1}], arrays))
    return path.read_bytes()


def _checkpoint(data: bytes) -> bool:
    from fedmech.fl.rounds.checkpoint import read_checkpoint

    try:
        with refusal():
            found = read_checkpoint(_file("state.checkpoint", data), SETTINGS)
    except InputError:
        return False
    if data in seeds("checkpoint"):
        return True
    assert (found.rounds, found.rows) == (3, [{"k": 1, "value": 0.1}]), "a damaged checkpoint was taken"
    assert found.arrays["model"].tolist() == [[0, 1, 2], [3, 4, 5]], "a damaged checkpoint was taken"
    assert found.arrays["taken"].tolist() == [True, False], "a damaged checkpoint was taken"
    return True


@cache
def _result_seed() -> tuple[str, bytes]:
    from fedmech.fl.experiments.engine.configuration import read_configuration
    from fedmech.fl.experiments.engine.results import Results

    configuration = read_configuration("network-effects")
    entry, settings = configuration.experiment, configuration.point()
    results = Results(_folder() / "result", entry)
    results.add(settings, [{"k": k, "error": 0.1 * k, "name": "né"} for k in range(3)], 0.25)
    digest = entry.digest(settings)
    return digest, results.path(digest).read_bytes()


def _result(data: bytes) -> bool:
    from fedmech.fl.experiments.engine.results import read_point

    digest, whole = _result_seed()
    path = _file(f"{digest}.parquet", data)
    try:
        with refusal():
            about, table = read_point(path)
    except InputError:
        return False
    path.write_bytes(whole)
    expected, rows = read_point(path)
    assert (about, table.to_pydict()) == (expected, rows.to_pydict()), "a damaged point was taken"
    return True


# ---------------------------------------------------------------------- the checkers


@cache
def _proved() -> list[tuple[Market, str, dict[str, Any], Fraction]]:
    """Markets, problems, certificates and the true optima."""
    from fedmech.solvers.certify.tree import certify

    market = generate_market("b", 8, requesters=2, groups=2, top=30, seed=3)
    found = []
    for problem in ("opt", "opt-sep", "orp", "opt-frac"):
        solution = solve(market, problem)
        assert solution.objective is not None
        document = json.loads(json.dumps(certify(market, solution)))
        found.append((market, problem, document, solution.objective))
    return found


def _proof_document(data: bytes) -> bool:
    """A document, sealed again so that what is behind the seal is looked at: nothing false is accepted."""
    from fedmech.solvers.proofs.document import check_document, digest, read_document
    from fedmech.solvers.proofs.proof import ProofError

    try:
        with refusal():
            document = read_document(_file("proof.json", data))
    except InputError:
        return False
    market = _proved()[0][0]
    try:
        if isinstance(document, dict) and "seal" in document:
            document = {**document, "seal": digest({**document, "seal": None})}
        checked = check_document(document, market)
    except ProofError:
        return False
    best = next(optimum for _, problem, _, optimum in _proved() if problem == checked.problem)
    assert checked.value <= best <= checked.bound, "something false was accepted as proved"
    return True


def _proof_documents() -> st.SearchStrategy[bytes]:
    known = [document for _, _, document, _ in _proved()]
    return hostile.documents(known).map(
        lambda d: hostile.document_text(d).encode("utf-8", "surrogatepass")
    ) | hostile.damaged([json.dumps(document).encode() for document in known] + seeds("proof-document"))


@cache
def _outcome_seed() -> tuple[Market, dict[str, Any]]:
    from fedmech.commands.run import outcome_document

    market = generate_market("b", 7, requesters=2, groups=2, top=30, seed=5)
    return market, json.loads(json.dumps(outcome_document(market, run_mechanism(market, "driftpay-co"))))


def _outcome(document: Any) -> bool:
    """An outcome with other winners, payments or prices is not accepted."""
    from fedmech.solvers.proofs.outcome import check_outcome
    from fedmech.solvers.proofs.proof import ProofError

    market, right = _outcome_seed()
    try:
        check_outcome(copy.deepcopy(document), market)
    except ProofError:
        return False
    for key in ("total_payment_exact", "score_exact", "critical_price_exact"):
        assert document[key] == right[key], f"another {key} was accepted"
    paid = {row["worker"]: row["payment_exact"] for row in document["winners"]}
    assert paid == {row["worker"]: row["payment_exact"] for row in right["winners"]}, "other payments were accepted"
    return True


def _finding(data: bytes) -> bool:
    """Any JSON whatever, by the reader that all documents pass."""
    try:
        with refusal():
            read_json(_file("any.json", data))
    except InputError:
        return False
    return True


TARGETS: dict[str, Target] = {
    "market-json": Target(lambda: _texts("market-json"), _market_json),
    "market-csv": Target(lambda: _tables() | hostile.damaged(seeds("market-csv")), _market_csv),
    "market-parquet": Target(lambda: _parquet_columns() | hostile.damaged(seeds("market-parquet")), _market_parquet),
    "pabulib": Target(lambda: hostile.damaged(seeds("pabulib")), _pabulib),
    "knapsack": Target(lambda: hostile.damaged(seeds("knapsack")), _knapsack),
    "model-lp": Target(lambda: _models("model-lp", LP_WORDS), _lp),
    "model-mps": Target(lambda: _models("model-mps", MPS_WORDS), _mps),
    "convert": Target(_conversions, _conversion),
    "answer": Target(lambda: _texts("answer"), _answer),
    "mots": Target(lambda: _texts("mots"), _mots),
    "expression": Target(_formulas, _expression),
    "parser": Target(lambda: _formulas() | st.text(max_size=60), _parser),
    "configuration": Target(_configurations, _configuration),
    "checkpoint": Target(lambda: hostile.damaged([_checkpoint_seed(), *seeds("checkpoint")]), _checkpoint),
    "result": Target(lambda: hostile.damaged([_result_seed()[1]]), _result),
    "json": Target(lambda: hostile.damaged(seeds("json")) | st.binary(max_size=60), _finding),
    "proof-document": Target(_proof_documents, _proof_document),
    "outcome": Target(lambda: hostile.documents([_outcome_seed()[1]]), _outcome),
}
