"""A comparison as a table: text, HTML, LaTeX, data frame, JSON, figure. One market row by row, many as mean, spread and worst."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...models.display import Framed, Page, Table, share, show
from ...models.exact import format_exact
from .row import Interval, Row, optimum_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "Summary", "in_short"]

PROMISES = ("rational", "budget", "separate-budgets", "caps")


@dataclass(frozen=True)
class Summary:
    """One mechanism over all markets.

    Attributes
    ----------
    name : str
    count : int
        Markets on which it has a ratio; the figures are about these.
    mean, worst : Interval or None
        Of the ratio to the first problem's optimum; an interval where optima are not proved.
    spread : float or None
        Sample standard deviation of the ratio, of its lower ends where it is an interval.
    worst_market : str or None
    score, spend : Fraction or None
        Means.
    broken : mapping str -> int
        On how many markets each promise was broken.
    refused : int
        Markets without an outcome.
    truthful : bool or None
        Whether it claims truthfulness; None if a mechanism of somebody's own says nothing.
    """

    name: str
    count: int
    mean: Interval | None
    spread: float | None
    worst: Interval | None
    worst_market: str | None
    score: Fraction | None
    spend: Fraction | None
    broken: Mapping[str, int]
    refused: int
    truthful: bool | None


@dataclass(frozen=True, repr=False)
class Comparison(Framed):
    """Mechanisms beside the exact optima. Made by :func:`fedmech.compare`.

    Attributes
    ----------
    rows : sequence of Row
        Market by market: the optima, then the mechanisms.
    problems : sequence of str
        The first is the one that ratios are to.
    markets : sequence of str
    cut_short : str or None
        Why not everything was compared.
    about : str
        The market in one line, where it is one.
    kept : mapping (market, name) -> Solution or Outcome
        What is behind the rows, if it was asked for.
    """

    rows: Sequence[Row]
    problems: Sequence[str]
    markets: Sequence[str]
    cut_short: str | None = None
    about: str = ""
    kept: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def ratio_name(self) -> str:
        """What the ratio is called."""
        return f"score / {optimum_name(self.problems[0])}"

    @property
    def complete(self) -> bool:
        """Whether nothing was cut short and every optimum was reached."""
        return self.cut_short is None and all(row.status == "optimal" for row in self.rows if row.kind == "optimum")

    @property
    def proved(self) -> bool:
        """Whether it is complete, and every optimum is proved: not only claimed by a solver, or by a search that was not checked."""
        return self.complete and all(row.proved for row in self.rows if row.kind == "optimum")

    def ratio(self, row: Row) -> Interval | None:
        """Return a row's ratio to the optimum of the first problem.

        Parameters
        ----------
        row : Row
            A mechanism on one market.

        Returns
        -------
        Interval or None
            Of one point where that optimum is proved, else from what is known of it; None where there is no ratio.
        """
        return row.ratios.get(self.problems[0])

    def summary(self) -> list[Summary]:
        """Return each mechanism over all markets, in the order of comparison."""
        names = dict.fromkeys(row.name for row in self.rows if row.kind == "mechanism")
        return [self._summary(name) for name in names]

    def _summary(self, name: str) -> Summary:
        rows = [row for row in self.rows if row.kind == "mechanism" and row.name == name]
        rated = [(ratio, row) for row in rows if (ratio := self.ratio(row)) is not None]
        ratios = [ratio for ratio, _ in rated]
        worst = min(rated, key=lambda pair: (pair[0].low, pair[0].high), default=None)
        return Summary(
            name,
            len(ratios),
            mean=Interval(_mean([r.low for r in ratios]), _mean([r.high for r in ratios])) if ratios else None,
            spread=_spread([r.low for r in ratios]),
            worst=None if worst is None else Interval(worst[0].low, min(r.high for r in ratios)),
            worst_market=None if worst is None else worst[1].market,
            score=_mean([row.score for row in rows if row.score is not None]),
            spend=_mean([row.spend for row in rows if row.spend is not None]),
            broken={promise: sum(row.promises.get(promise) is False for row in rows) for promise in PROMISES},
            refused=sum(row.refused is not None for row in rows),
            truthful=rows[0].truthful,
        )

    # ------------------------------------------------------------------ for people

    def page(self) -> Page:
        """Return the table and what has to be known beside it."""
        if len(self.markets) == 1:
            return Page("", tables=[self.table()], notes=self._notes())
        notes = [
            f"{self.ratio_name}: at most 1 within the limits; mean, standard deviation and worst over the markets counted."
        ]
        return Page("", tables=[self.table()], notes=[*notes, *self._notes()])

    def table(self, number: Callable[[Fraction | None], str] = show) -> Table:
        """Return the table as texts: the rows of one market, or the mechanisms over many.

        Parameters
        ----------
        number : callable
            How scores and money are shown.
        """
        return self._rows_table(number) if len(self.markets) == 1 else self._summary_table()

    def _rows_table(self, number: Callable[[Fraction | None], str]) -> Table:
        others = [problem for problem in self.problems[1:] if any(problem in row.ratios for row in self._run())]
        others = [problem for problem in others if problem not in ("opt-frac", "orp")]
        columns = ["", "score", self.ratio_name, *(f"score / {optimum_name(problem)}" for problem in others)]
        columns += ["workers", "spend", "price"]
        body: list[list[str]] = []
        section = None
        for row in self._ordered():
            if _section(row) != section:
                section = _section(row)
                body.append([section])
            ratios = [_interval(row.ratios.get(problem)) for problem in (self.problems[0], *others)]
            money = ["" if value is None else number(value) for value in (row.spend, row.price)]
            figures = [_score(row, number), *ratios, _count(row.workers), *money]
            body.append([row.name, *figures])
        return Table(columns, body, range(1, len(columns)), self.about)

    def _summary_table(self) -> Table:
        columns = ["", "count", f"mean {self.ratio_name}", "spread", "worst", "mean score", "mean spend"]
        body: list[list[str]] = []
        section = None
        for entry in sorted(self.summary(), key=_summary_section):
            if _section_of(entry) != section:
                section = _section_of(entry)
                body.append([section])
            spread = "-" if entry.spread is None else f"{entry.spread:.4f}"
            figures = [f"{entry.count:,}", _interval(entry.mean), spread, _interval(entry.worst)]
            body.append([entry.name, *figures, in_short(entry.score), in_short(entry.spend)])
        title = f"{len(self.markets):,} markets" + (f"; {self.cut_short}" if self.cut_short else "")
        return Table(columns, body, range(1, len(columns)), title)

    def _run(self) -> list[Row]:
        """The mechanisms that have an outcome."""
        return [row for row in self.rows if row.kind == "mechanism" and row.refused is None]

    def _ordered(self) -> list[Row]:
        optima = [row for row in self.rows if row.kind == "optimum" and row.refused is None]
        # Relaxations are larger than the optimum: they go above it.
        optima.sort(key=lambda row: row.problem not in ("opt-frac", "orp"))
        return optima + sorted(self._run(), key=lambda row: _SECTIONS.index(_section(row)))

    def _notes(self) -> list[str]:
        notes = []
        optima = [row for row in self.rows if row.kind == "optimum"]
        alone = len(self.markets) == 1
        for row in optima if alone else ():
            notes.append(f"{row.name}: {_proof(row)}" + (f"; {row.note}" if row.note else ""))
        if not alone:
            for name in dict.fromkeys(row.name for row in optima):
                notes.append(f"{name}: {_proofs([row for row in optima if row.name == name])}")
        if any(row.name.endswith(" at bids") for row in optima):
            notes.append("Costs are not known: these optima take bids for costs.")
        kept = [entry.name for entry in self.summary() if entry.count and not entry.broken["separate-budgets"]]
        if kept and any(row.problem == "opt-sep" for row in optima):
            notes.append(f"Every requester within its own budget{'' if alone else ' everywhere'}: {', '.join(kept)}.")
        for row in self._run() if alone else ():
            if row.note:
                notes.append(f"{row.name}: {row.note}.")
        reasons: dict[str, list[str]] = {}
        for row in self.rows:
            if row.kind == "mechanism" and row.refused is not None:
                names = reasons.setdefault(row.refused, [])
                if row.name not in names:
                    names.append(row.name)
        notes += [f"Not run: {', '.join(names)}: {reason}." for reason, names in reasons.items()]
        for entry in () if alone else self.summary():
            broken = _broken(entry)
            notes += [f"{entry.name}: {broken}."] if broken else []
        return notes

    def to_latex(self) -> str:
        """Return the table as a tabular for the package booktabs, numbers to six digits; ids are escaped."""
        drawn = self.table(in_short)
        return Table(
            drawn.columns, [[cell.replace("…", "") for cell in row] for row in drawn.rows], drawn.right
        ).latex()

    def __repr__(self) -> str:
        mechanisms = len({row.name for row in self.rows if row.kind == "mechanism"})
        return f"Comparison({len(self.markets)} markets, {mechanisms} mechanisms, {', '.join(self.problems)})"

    # ------------------------------------------------------------------ for programs

    def columns(self) -> dict[str, list[Any]]:
        """Return the rows column by column: one a market and optimum or mechanism.

        ``ratio`` is None where only its ends are known: ``ratio_low``, ``ratio_high``.
        """
        rows = self.rows
        columns: dict[str, list[Any]] = {
            name: [getattr(row, name) for row in rows] for name in ("market", "name", "kind", "score", "bound")
        }
        for position, problem in enumerate(self.problems):
            ratios = [row.ratios.get(problem) for row in rows]
            suffix = f"_{problem.replace('-', '_')}" if position else ""
            columns[f"ratio{suffix}"] = [None if ratio is None else ratio.exact for ratio in ratios]
            columns[f"ratio{suffix}_low"] = [None if ratio is None else ratio.low for ratio in ratios]
            columns[f"ratio{suffix}_high"] = [None if ratio is None else ratio.high for ratio in ratios]
        for name in ("workers", "caps_met", "spend", "price"):
            columns[name] = [getattr(row, name) for row in rows]
        for promise in PROMISES:
            columns[promise.replace("-", "_")] = [row.promises.get(promise) for row in rows]
        for name in ("truthful", "status", "exactness", "method", "seconds", "refused", "note"):
            columns[name] = [getattr(row, name) for row in rows]
        return columns

    def to_csv(self) -> str:
        """Return the rows as CSV: exact numbers as decimals or ``p/q``."""
        import csv
        import io

        columns = self.columns()
        target = io.StringIO()
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(columns)
        for values in zip(*columns.values(), strict=True):
            writer.writerow([format_exact(v) if isinstance(v, Fraction) else "" if v is None else v for v in values])
        return target.getvalue()

    def to_document(self) -> dict[str, Any]:
        """Return everything as plain data for JSON: exact numbers as Fractions."""
        optima = [row for row in self.rows if row.kind == "optimum"]
        first = optima[0] if optima else None
        columns = self.columns()
        document: dict[str, Any] = {
            "problems": [*self.problems],
            "markets": [*self.markets],
            "status": None if first is None else first.status,
            "exactness": None if first is None else first.exactness,
            "method": None if first is None else first.method,
            "cut_short": self.cut_short,
            "rows": [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)],
            "statuses": {row.name: row.status for row in optima if row.market == self.markets[0]},
        }
        if len(self.markets) > 1:
            document["summary"] = [
                {
                    "name": entry.name,
                    "count": entry.count,
                    "mean_low": None if entry.mean is None else entry.mean.low,
                    "mean_high": None if entry.mean is None else entry.mean.high,
                    "spread": entry.spread,
                    "worst_low": None if entry.worst is None else entry.worst.low,
                    "worst_high": None if entry.worst is None else entry.worst.high,
                    "worst_market": entry.worst_market,
                    "mean_score": entry.score,
                    "mean_spend": entry.spend,
                    "broken": dict(entry.broken),
                    "refused": entry.refused,
                    "truthful": entry.truthful,
                }
                for entry in self.summary()
            ]
        return document

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw score over optimum: a bar a mechanism for one market, a point a market for many.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure as wide as a column of a paper if left out.

        Raises
        ------
        InputError
            If matplotlib is not installed.
        """
        from .figure import draw

        return draw(self, ax)


_TRUTH = {True: "truthful", None: "truthfulness not claimed", False: "not truthful"}
_SECTIONS = (
    "optima",
    *_TRUTH.values(),
    "OVER BUDGET",
    *(f"OVER BUDGET, {text}" for truth, text in _TRUTH.items() if not truth),
    "PAID BELOW BID",
)


def _section(row: Row) -> str:
    """The heading under which a row stands: what is over budget or not truthful does not mix with what is neither."""
    if row.kind == "optimum":
        return "optima"
    return _heading(
        over=not row.promises.get("budget", True),
        below=not row.promises.get("rational", True),
        truthful=row.truthful,
    )


def _section_of(entry: Summary) -> str:
    return _heading(
        over=bool(entry.broken["budget"]), below=bool(entry.broken["rational"]), truthful=entry.truthful
    ).replace("OVER BUDGET", "OVER BUDGET somewhere")


def _summary_section(entry: Summary) -> int:
    return _SECTIONS.index(_section_of(entry).replace(" somewhere", ""))


def _heading(*, over: bool, below: bool, truthful: bool | None) -> str:
    if below:
        return "PAID BELOW BID"
    if over:
        return "OVER BUDGET" if truthful else f"OVER BUDGET, {_TRUTH[truthful]}"
    return _TRUTH[truthful]


def _mean(values: Sequence[Fraction | None]) -> Any:
    """The mean, exactly; None of nothing."""
    known = [value for value in values if value is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def _spread(values: Sequence[Fraction]) -> float | None:
    """The sample standard deviation; None of fewer than two."""
    if len(values) < 2:
        return None
    mean = _mean(values)
    return math.sqrt(sum(((value - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1))


def _interval(value: Interval | None) -> str:
    if value is None:
        return "-"
    return share(value.low) if value.exact is not None else f"{share(value.low)} to {share(value.high)}"


def _score(row: Row, number: Callable[[Fraction | None], str]) -> str:
    """The score; of an optimum that is not proved what is known of it."""
    if row.kind == "mechanism" or row.status == "optimal" or row.bound is None:
        return number(row.score)
    return f"{number(row.score)} to {number(row.bound)}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def in_short(value: Fraction | None) -> str:
    """Show a number as papers do: rounded to six digits, all of those before the point."""
    if value is None:
        return "-"
    if abs(value) >= 10**15:
        return show(value)
    text = f"{float(value):,.{max(0, 6 - len(str(abs(int(value)))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _proof(row: Row) -> str:
    """Say what an optimum rests on."""
    if row.refused is not None:
        return row.refused
    if row.status == "optimal":
        how = {
            "checked": "proved optimal",
            "solver": "optimal, says HiGHS, not proved",
            "unchecked": "optimal, not checked",
        }
        return f"{how.get(row.exactness or '', 'optimal, every point enumerated')}, {row.method}, {row.seconds:.2f} s"
    if row.bound is None:
        return "not solved, and no bound is known"
    return f"NOT PROVED: between {show(row.score)} and {show(row.bound)}"


def _proofs(rows: Sequence[Row]) -> str:
    proved = sum(row.proved for row in rows)
    text = f"proved on {proved:,} of {len(rows):,} markets"
    for exactness, words in (("solver", "claimed by HiGHS"), ("unchecked", "not checked")):
        found = sum(row.status == "optimal" and row.exactness == exactness for row in rows)
        text += f", {words} on {found:,}" if found else ""
    left = sum(row.status != "optimal" for row in rows)
    return text + (f"; NOT PROVED on {left:,}, where ratios are intervals" if left else "")


def _broken(entry: Summary) -> str:
    words = {"budget": "over budget", "rational": "paid below bid", "caps": "over caps or seats"}
    return ", ".join(f"{text} on {entry.broken[name]:,} markets" for name, text in words.items() if entry.broken[name])
