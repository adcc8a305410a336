"""Procurement markets: workers with score, cost, bid and group; requesters with budget and seats; caps.

Source: DriftPay, sections 3 and 5 (stated). The instance is immutable, validated on construction and exact: quantities are
integers over common denominators, see :mod:`fedmech.models.exact`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..arrays import as_sequence, labels_of
from ..display import Page, Readable, show
from ..exact import IntArray
from ..input_error import InputError
from .columns import (
    UNLIMITED,
    cap_limits,
    coverage_matrix,
    group_indices,
    number_column,
    require_sign,
    seat_limits,
    take_rows,
    unique_ids,
)
from .scaled import Column, Scaled
from .tables import REQUESTER_COLUMNS, WORKER_COLUMNS, cap_pairs, none_if_missing, table_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Market"]


@dataclass(frozen=True, eq=False)
class Market(Readable):
    """One procurement market, exact and immutable. Use :meth:`build` or :meth:`from_pandas` to make one.

    Attributes
    ----------
    worker_ids, group_ids, requester_ids : sequence of str
        Lengths ``n``, ``L`` and ``m``.
    group_of : ndarray of int64, shape (n,)
        Index of each worker's group.
    scaled : Scaled
        Scores, costs, bids, budgets and coverage as integers over common denominators, for exact code. The properties of the
        same names on the market itself give Fractions in the file's units.
    cap_limits : ndarray of int64, shape (L, m)
        ``tau[l, j]`` as given; -1 means unlimited.
    seat_limits : ndarray of int64, shape (m,)
        ``s_j`` as given; -1 means unlimited.
    """

    worker_ids: Sequence[str]
    group_ids: Sequence[str]
    requester_ids: Sequence[str]
    group_of: np.ndarray
    scaled: Scaled
    cap_limits: np.ndarray
    seat_limits: np.ndarray

    def __post_init__(self) -> None:
        for array in (self.group_of, self.cap_limits, self.seat_limits):
            array.setflags(write=False)

    # ------------------------------------------------------------------ builders

    @classmethod
    def build(
        cls,
        *,
        scores: Iterable[Any],
        budgets: Iterable[Any],
        costs: Iterable[Any] | None = None,
        bids: Iterable[Any] | None = None,
        groups: Iterable[Any] | None = None,
        caps: Mapping[tuple[Any, Any], Any] | Sequence[Sequence[Any]] | np.ndarray | pd.DataFrame | None = None,
        default_cap: Any = None,
        seats: Iterable[Any] | None = None,
        coverage: Sequence[Sequence[Any]] | np.ndarray | None = None,
        worker_ids: Iterable[Any] | None = None,
        group_ids: Iterable[Any] | None = None,
        requester_ids: Iterable[Any] | None = None,
        drop_zero: bool = False,
    ) -> Market:
        """Build a market from Python sequences or numpy arrays.

        Parameters
        ----------
        scores : shape (n,)
            ``v_i > 0``. Numbers as :func:`~fedmech.models.exact.parse_number` reads them, here and below.
        budgets : shape (m,)
            ``B_j >= 0``.
        costs, bids : shape (n,), optional
            ``c_i, b_i >= 0``; bids default to costs (truthful). One of the two is needed.
        groups : shape (n,), optional
            The group of each worker, by id; one common group if left out.
        caps : mapping (group, requester) -> cap, array (L, m), or data frame with groups down its side, optional
            ``tau[l, j]``; None or a missing pair takes `default_cap`.
        default_cap : int, optional
            None means unlimited.
        seats : shape (m,), optional
            ``s_j``; None entries mean unlimited.
        coverage : shape (n, R), optional
            ``z_ir >= 0``.
        worker_ids, group_ids, requester_ids : sequences of str, optional
            Default to ``w1..``, the groups in order of first appearance, ``r1..``.
        drop_zero : bool
            Leave out workers whose score is 0 instead of refusing them: they add nothing to any assignment.

        Raises
        ------
        InputError
            Naming the row and the field, for anything that is not a market.
        """
        scores, budgets = (
            column if isinstance(column, Sized) and getattr(column, "shape", True) else as_sequence(column, name, kind)
            for name, column, kind in (("score", scores, "workers"), ("budget", budgets, "requesters"))
        )
        n, m = len(scores), len(budgets)
        names = unique_ids(labels_of(scores) if worker_ids is None else worker_ids, n, "w", "workers")
        ids = labels_of(budgets) if requester_ids is None else requester_ids
        requesters = list(unique_ids(ids, m, "r", "requesters"))
        score_column = number_column(scores, "score", "workers", names)
        budget_column = number_column(budgets, "budget", "requesters", requesters)
        cost_column = None if costs is None else number_column(costs, "cost", "workers", names)
        bid_column = None if bids is None else number_column(bids, "bid", "workers", names)
        if cost_column is None and bid_column is None:
            raise InputError("needs a cost or a bid for every worker", row="workers", field="cost")
        if drop_zero and bool((zero := score_column[0] == 0).any()):
            kept = np.flatnonzero(~zero.astype(bool)).tolist()

            def rest(column: Any) -> Any:
                return take_rows(column, kept, len(names))

            return cls.build(
                scores=rest(scores),
                costs=rest(costs),
                bids=rest(bids),
                groups=rest(groups),
                coverage=rest(coverage),
                budgets=budgets,
                caps=caps,
                default_cap=default_cap,
                seats=seats,
                worker_ids=[names[i] for i in kept],
                group_ids=group_ids,
                requester_ids=requester_ids,
            )
        require_sign(score_column[0], names, "score", "workers", positive=True)
        require_sign(budget_column[0], requesters, "budget", "requesters")
        group_names, group_of = group_indices(groups, group_ids, names)
        for column, field in ((cost_column, "cost"), (bid_column, "bid")):
            if column is not None:
                require_sign(column[0], names, field, "workers")
        money = (budget_column, cost_column, bid_column)
        return cls(
            worker_ids=names,
            group_ids=group_names,
            requester_ids=requesters,
            group_of=group_of,
            scaled=Scaled.over_common_denominators(score_column, *money, coverage_matrix(coverage, names)),
            cap_limits=cap_limits(caps, default_cap, group_names, requesters),
            seat_limits=seat_limits(seats, requesters),
        )

    @classmethod
    def from_pandas(
        cls,
        workers: pd.DataFrame,
        requesters: pd.DataFrame,
        caps: pd.DataFrame | None = None,
        default_cap: Any = None,
    ) -> Market:
        """Build a market from tables with the columns of the file format.

        Parameters
        ----------
        workers : DataFrame
            Columns ``score``, ``cost`` and/or ``bid``, optionally ``id``, ``group`` and ``coverage`` (lists of numbers).
        requesters : DataFrame
            Columns ``budget``, optionally ``id`` and ``seats`` (missing values mean no limit).
        caps : DataFrame, optional
            Columns ``group``, ``requester``, ``cap``.
        default_cap : int, optional
            For pairs without a row; None means unlimited.

        Raises
        ------
        InputError
            As :meth:`build`, and for columns that are missing, unknown or there twice.
        """
        columns, owners = (
            table_columns(workers, WORKER_COLUMNS, "workers"),
            table_columns(requesters, REQUESTER_COLUMNS, "requesters"),
        )
        for table, needed, where in ((columns, "score", "workers"), (owners, "budget", "requesters")):
            if needed not in table:
                raise InputError("missing column", row=where, field=needed)
        seats = owners.get("seats")
        return cls.build(
            scores=columns["score"],
            costs=columns.get("cost"),
            bids=columns.get("bid"),
            groups=columns.get("group"),
            worker_ids=columns.get("id"),
            coverage=columns.get("coverage"),
            budgets=owners["budget"],
            requester_ids=owners.get("id"),
            seats=None if seats is None else [none_if_missing(value) for value in seats],
            caps=None if caps is None else cap_pairs(caps),
            default_cap=default_cap,
        )

    # ------------------------------------------------------------------ sizes and exact values

    @property
    def n(self) -> int:
        """Number of workers."""
        return len(self.group_of)

    @property
    def m(self) -> int:
        """Number of requesters."""
        return len(self.requester_ids)

    @property
    def L(self) -> int:
        """Number of groups."""
        return len(self.group_ids)

    @property
    def scores(self) -> Column:
        """Scores ``v_i``, shape (n,), exact."""
        return Column(self.scaled.scores, self.scaled.score_denominator)

    @property
    def costs(self) -> Column | None:
        """Costs ``c_i``, shape (n,), exact; None when only bids are known."""
        return None if self.scaled.costs is None else Column(self.scaled.costs, self.scaled.money_denominator)

    @property
    def bids(self) -> Column:
        """Bids ``b_i``, shape (n,), exact."""
        return Column(self.scaled.bids, self.scaled.money_denominator)

    @property
    def budgets(self) -> Column:
        """Budgets ``B_j``, shape (m,), exact."""
        return Column(self.scaled.budgets, self.scaled.money_denominator)

    @property
    def total_budget(self) -> Fraction:
        """Pooled budget ``B = sum_j B_j``, exact."""
        return Fraction(self.scaled.total_budget, self.scaled.money_denominator)

    @property
    def coverage(self) -> tuple[Column, ...] | None:
        """Coverage ``z_ir``, a row of length R for each worker, exact; None if the market has none."""
        if self.scaled.coverage is None:
            return None
        return tuple(Column(row, self.scaled.coverage_denominator) for row in self.scaled.coverage)

    def score(self, worker: int) -> Fraction:
        """Score ``v_i`` of one worker.

        Parameters
        ----------
        worker : int
            Its position in the market.

        Returns
        -------
        Fraction
            In the units of the file.
        """
        return Fraction(int(self.scaled.scores[worker]), self.scaled.score_denominator)

    def cost(self, worker: int) -> Fraction:
        """Cost ``c_i`` of one worker.

        Parameters
        ----------
        worker : int
            Its position in the market.

        Returns
        -------
        Fraction
            In the units of the file.

        Raises
        ------
        InputError
            When only bids are known.
        """
        return Fraction(int(self.scaled.needed_costs[worker]), self.scaled.money_denominator)

    def bid(self, worker: int) -> Fraction:
        """Bid ``b_i`` of one worker.

        Parameters
        ----------
        worker : int
            Its position in the market.

        Returns
        -------
        Fraction
            In the units of the file.
        """
        return Fraction(int(self.scaled.bids[worker]), self.scaled.money_denominator)

    def budget(self, requester: int) -> Fraction:
        """Budget ``B_j`` of one requester.

        Parameters
        ----------
        requester : int
            Its position in the market.

        Returns
        -------
        Fraction
            In the units of the file.
        """
        return Fraction(int(self.scaled.budgets[requester]), self.scaled.money_denominator)

    @cached_property
    def group_sizes(self) -> np.ndarray:
        """Workers in each group, shape (L,)."""
        return np.bincount(self.group_of, minlength=self.L).astype(np.int64)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """Workers of each group, ascending: L arrays of positions."""
        return np.split(np.argsort(self.group_of, kind="stable"), np.cumsum(self.group_sizes))[:-1]

    @cached_property
    def caps(self) -> np.ndarray:
        """Caps ``tau[l, j]`` with every limit clipped to the group's size, shape (L, m)."""
        sizes = np.broadcast_to(self.group_sizes[:, None], self.cap_limits.shape)
        return np.where(self.cap_limits == UNLIMITED, sizes, np.minimum(self.cap_limits, sizes))

    @cached_property
    def seats(self) -> np.ndarray:
        """Seat limits ``s_j`` clipped to the number of workers, shape (m,)."""
        return np.where(self.seat_limits == UNLIMITED, self.n, np.minimum(self.seat_limits, self.n))

    @cached_property
    def group_totals(self) -> np.ndarray:
        """``K_l``: the most workers of each group that all caps together admit, shape (L,)."""
        return np.minimum(self.group_sizes, self.caps.sum(axis=1))

    @cached_property
    def seats_bind(self) -> bool:
        """Whether some seat limit could ever matter (some requester has fewer seats than its caps admit)."""
        return bool(np.any(self.seats < np.minimum(self.caps.sum(axis=0), self.n)))

    def with_bids(self, bids: Iterable[Any]) -> Market:
        """Return the same market with other bids (numbers, shape (n,)), costs unchanged.

        Raises
        ------
        InputError
            As :meth:`build`.
        """
        column, denominator = number_column(bids, "bid", "workers", self.worker_ids)
        require_sign(column, self.worker_ids, "bid", "workers")
        return self._with_money(bids=(column, denominator))

    def with_budgets(self, budgets: Iterable[Any]) -> Market:
        """Return the same market with other budgets (numbers, shape (m,)).

        Raises
        ------
        InputError
            As :meth:`build`.
        """
        column, denominator = number_column(budgets, "budget", "requesters", self.requester_ids)
        require_sign(column, self.requester_ids, "budget", "requesters")
        return self._with_money(budgets=(column, denominator))

    def _with_money(self, **changed: tuple[IntArray, int]) -> Market:
        own = self.scaled
        money: dict[str, Any] = {
            name: None if (column := getattr(own, name)) is None else (column, own.money_denominator)
            for name in ("costs", "bids", "budgets")
        }
        scores, coverage = (own.scores, own.score_denominator), (own.coverage, own.coverage_denominator)
        scaled = Scaled.over_common_denominators(scores=scores, coverage=coverage, **money | changed)
        return replace(self, scaled=scaled)

    def with_scaled(self, **changed: Any) -> Market:
        """Return the same market with some of the fields of :class:`Scaled` replaced; nothing is converted or validated."""
        return replace(self, scaled=replace(self.scaled, **changed))

    def subset(self, workers: Sequence[int] | np.ndarray) -> Market:
        """Return the market of some of the workers.

        Parameters
        ----------
        workers : sequence of int
            Their positions, in the order in which the new market has them.

        Returns
        -------
        Market
            With the same requesters, groups, caps and denominators; a group may have no workers left.
        """
        chosen = np.asarray(workers, dtype=np.int64)
        return replace(
            self,
            worker_ids=[self.worker_ids[int(i)] for i in chosen],
            group_of=self.group_of[chosen],
            scaled=replace(
                self.scaled,
                **{
                    name: None if (column := getattr(self.scaled, name)) is None else column[chosen]
                    for name in ("scores", "costs", "bids", "coverage")
                },
            ),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Market):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)

    __hash__ = None  # type: ignore[assignment]

    def frame(self, of: Literal["workers", "requesters", "caps"] = "workers", *, exact: bool = True) -> pd.DataFrame:
        """Return one part of the market as a data frame, in the columns that :meth:`from_pandas` reads.

        Parameters
        ----------
        of : {'workers', 'requesters', 'caps'}
        exact : bool
            Numbers as Fractions; else as floats.

        Raises
        ------
        InputError
            For another part, or if pandas is not installed.
        """
        from .market_text import market_frame

        return market_frame(self, of, exact=exact)

    def page(self) -> Page:
        """Return the market on one screen."""
        from .market_text import market_page

        return market_page(self)

    def __repr__(self) -> str:
        return f"Market(n={self.n}, m={self.m}, L={self.L}, budget={show(self.total_budget)})"


def _same(mine: Any, theirs: Any) -> bool:
    """Whether two values of one field are equal, as the numbers and names they hold."""
    if isinstance(mine, Scaled) and isinstance(theirs, Scaled):
        return all(_same(getattr(mine, name), getattr(theirs, name)) for name in mine.__dataclass_fields__)
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        return np.array_equal(mine, theirs)
    if isinstance(mine, np.ndarray) or isinstance(theirs, np.ndarray):
        return False
    if isinstance(mine, Sequence) and not isinstance(mine, str):
        return len(mine) == len(theirs) and all(a == b for a, b in zip(mine, theirs, strict=True))
    return mine == theirs
