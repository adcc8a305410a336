"""Procurement markets: workers with score, cost, bid and group; requesters with budget and seats; caps.

Source: DriftPay, sections 3 and 5 (stated). The instance is immutable, validated on construction and exact: quantities are
integers over common denominators, see :mod:`fedmech.models.exact`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import as_sequence, labels_of
from ..exact import IntArray, exact_sum, rescale
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
from .tables import REQUESTER_COLUMNS, WORKER_COLUMNS, cap_pairs, none_if_missing, table_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Market"]


@dataclass(frozen=True, eq=False)
class Market:
    """One procurement market, exact and immutable. Use :meth:`build` or :meth:`from_pandas` to make one.

    Attributes
    ----------
    worker_ids, group_ids, requester_ids : sequence of str
        Lengths ``n``, ``L`` and ``m``.
    group_of : ndarray of int64, shape (n,)
        Index of each worker's group.
    scores : integer ndarray, shape (n,)
        ``v_i * score_denominator``, all positive.
    costs : integer ndarray, shape (n,), or None
        ``c_i * money_denominator``; None when only bids are known.
    bids : integer ndarray, shape (n,)
        ``b_i * money_denominator``.
    budgets : integer ndarray, shape (m,)
        ``B_j * money_denominator``.
    cap_limits : ndarray of int64, shape (L, m)
        ``tau[l, j]`` as given; -1 means unlimited.
    seat_limits : ndarray of int64, shape (m,)
        ``s_j`` as given; -1 means unlimited.
    coverage : integer ndarray, shape (n, R), or None
        ``z_ir * coverage_denominator``.
    score_denominator, money_denominator, coverage_denominator : int
        Common denominators; costs, bids and budgets share one.

    Notes
    -----
    Integer arrays are ``int64`` while the sum of absolute values stays below 2**62, Python integers otherwise. All arrays
    are read-only.
    """

    worker_ids: Sequence[str]
    group_ids: Sequence[str]
    requester_ids: Sequence[str]
    group_of: np.ndarray
    scores: IntArray
    costs: IntArray | None
    bids: IntArray
    budgets: IntArray
    cap_limits: np.ndarray
    seat_limits: np.ndarray
    coverage: IntArray | None = None
    score_denominator: int = 1
    money_denominator: int = 1
    coverage_denominator: int = 1

    def __post_init__(self) -> None:
        for array in (
            self.group_of,
            self.scores,
            self.costs,
            self.bids,
            self.budgets,
            self.cap_limits,
            self.seat_limits,
            self.coverage,
        ):
            if array is not None:
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
        score_integers, score_denominator = number_column(scores, "score", "workers", names)
        budget_integers, budget_denominator = number_column(budgets, "budget", "requesters", requesters)
        cost_column = None if costs is None else number_column(costs, "cost", "workers", names)
        bid_column = None if bids is None else number_column(bids, "bid", "workers", names)
        if cost_column is None and bid_column is None:
            raise InputError("needs a cost or a bid for every worker", row="workers", field="cost")
        if drop_zero and bool((zero := score_integers == 0).any()):
            kept = np.flatnonzero(~zero.astype(bool)).tolist()
            columns: dict[str, Any] = {
                "scores": scores,
                "costs": costs,
                "bids": bids,
                "groups": groups,
                "coverage": coverage,
            }
            taken: dict[str, Any] = {name: take_rows(column, kept, len(names)) for name, column in columns.items()}
            return cls.build(
                **taken,
                budgets=budgets,
                caps=caps,
                default_cap=default_cap,
                seats=seats,
                worker_ids=[names[i] for i in kept],
                group_ids=group_ids,
                requester_ids=requester_ids,
            )
        require_sign(score_integers, names, "score", "workers", positive=True)
        require_sign(budget_integers, requesters, "budget", "requesters")
        group_names, group_of = group_indices(groups, group_ids, names)
        denominator = budget_denominator
        for column, field in ((cost_column, "cost"), (bid_column, "bid")):
            if column is not None:
                require_sign(column[0], names, field, "workers")
                denominator = math.lcm(denominator, column[1])
        cost_integers = None if cost_column is None else rescale(*cost_column, denominator)
        bid_integers = cost_integers if bid_column is None else rescale(*bid_column, denominator)
        assert bid_integers is not None
        coverage_integers, coverage_denominator = coverage_matrix(coverage, names)
        return cls(
            worker_ids=names,
            group_ids=group_names,
            requester_ids=requesters,
            group_of=group_of,
            scores=score_integers,
            costs=cost_integers,
            bids=bid_integers,
            budgets=rescale(budget_integers, budget_denominator, denominator),
            cap_limits=cap_limits(caps, default_cap, group_names, requesters),
            seat_limits=seat_limits(seats, requesters),
            coverage=coverage_integers,
            score_denominator=score_denominator,
            money_denominator=denominator,
            coverage_denominator=coverage_denominator,
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
        return len(self.scores)

    @property
    def m(self) -> int:
        """Number of requesters."""
        return len(self.budgets)

    @property
    def L(self) -> int:
        """Number of groups."""
        return len(self.group_ids)

    def score(self, worker: int) -> Fraction:
        """Score ``v_i`` of one worker, exactly."""
        return Fraction(int(self.scores[worker]), self.score_denominator)

    def cost(self, worker: int) -> Fraction:
        """Cost ``c_i`` of one worker, exactly."""
        return Fraction(int(self.needed_costs[worker]), self.money_denominator)

    def bid(self, worker: int) -> Fraction:
        """Bid ``b_i`` of one worker, exactly."""
        return Fraction(int(self.bids[worker]), self.money_denominator)

    def budget(self, requester: int) -> Fraction:
        """Budget ``B_j`` of one requester, exactly."""
        return Fraction(int(self.budgets[requester]), self.money_denominator)

    @property
    def needed_costs(self) -> IntArray:
        """The costs, for problems that cannot do without.

        Raises
        ------
        InputError
            If the market has bids only.
        """
        if self.costs is None:
            raise InputError("this problem needs costs, and the market has bids only", row="workers", field="cost")
        return self.costs

    @cached_property
    def total_budget(self) -> int:
        """Pooled budget ``B = sum_j B_j``, times ``money_denominator``."""
        return exact_sum(self.budgets)

    @cached_property
    def group_sizes(self) -> np.ndarray:
        """Workers in each group, shape (L,)."""
        return np.bincount(self.group_of, minlength=self.L).astype(np.int64)

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
        columns: dict[str, tuple[IntArray, int] | None] = {
            name: None if getattr(self, name) is None else (getattr(self, name), self.money_denominator)
            for name in ("costs", "bids", "budgets")
        }
        columns |= changed
        common = math.lcm(*(column[1] for column in columns.values() if column is not None))
        scaled: dict[str, Any] = {
            name: None if column is None else rescale(*column, common) for name, column in columns.items()
        }
        return replace(self, money_denominator=common, **scaled)

    def subset(self, workers: Sequence[int] | np.ndarray) -> Market:
        """Return the market of some of the workers, in the order given; requesters, groups and caps unchanged."""
        chosen = np.asarray(workers, dtype=np.int64)
        return replace(
            self,
            worker_ids=[self.worker_ids[int(i)] for i in chosen],
            group_of=self.group_of[chosen],
            scores=self.scores[chosen],
            costs=None if self.costs is None else self.costs[chosen],
            bids=self.bids[chosen],
            coverage=None if self.coverage is None else self.coverage[chosen],
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Market):
            return NotImplemented
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, np.ndarray) or isinstance(theirs, np.ndarray):
                if mine is None or theirs is None or not np.array_equal(mine, theirs):
                    return False
            elif isinstance(mine, Sequence) and not isinstance(mine, str):
                if len(mine) != len(theirs) or any(a != b for a, b in zip(mine, theirs, strict=True)):
                    return False
            elif mine != theirs:
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Market(n={self.n}, m={self.m}, L={self.L}, budget={float(Fraction(self.total_budget, self.money_denominator)):g})"
