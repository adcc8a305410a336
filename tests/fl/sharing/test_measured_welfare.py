"""Welfare on measured losses: every row of a sweep against the definitions, written out in plain numbers for every state."""

from __future__ import annotations

import random
from itertools import product
from typing import Any, cast

import pytest
from fedmech.fl.experiments.engine.registry import find_experiment
from fedmech.fl.experiments.papers.swan_welfare import SwanWelfare
from fedmech.fl.sharing.error_fit import fit_error
from fedmech.fl.sharing.measured_welfare import (
    headlines,
    measured_market,
    sweep,
    theory_market,
)
from fedmech.models.input_error import InputError

SIZES = (3, 8, 20)
MECHANISMS = {"swan", "dynamic", "modified-fl", "fl-only"}
SMALL = 1e-6


class Literal:
    """The mechanisms as their definitions have them, over a table of losses; ties do not occur."""

    def __init__(self, losses: dict, counts: tuple[int, ...], costs: list[float], limit: float | None, worst: float):
        self.e, self.N, self.c, self.limit, self.worst = losses, counts, costs, limit, worst

    def u(self, k: tuple) -> float:
        return 1 / self.e[k] - 0.4

    def cost(self, k: tuple) -> float:
        return sum(a * b for a, b in zip(k, self.c, strict=True))

    def welfare(self, k: tuple) -> float:
        return sum(self.N) * self.u(k) - self.cost(k) if any(k) else 0.0

    def alone(self, k: tuple) -> float:
        return sum(k) * self.u(k) - self.cost(k) if any(k) else 0.0

    def met(self) -> list[tuple]:
        return [k for k in self.e if self.limit is None or self.e[k] <= self.limit]

    def ends(self) -> dict[str, Any]:
        nobody = (0,) * len(self.N)
        pool = self.met() + ([nobody] if self.limit is None else [])
        best = max(pool, key=self.welfare) if pool else None
        alone = max(pool, key=self.alone) if pool else None
        return {"swan": best, "fl-only": alone, "dynamic": self.dynamic(), "modified-fl": self.modified()}

    def settle(self, start: tuple, step: Any) -> tuple:
        path = [start]
        while (following := step(path[-1])) not in path:
            path.append(following)
        return max(path[path.index(following) :], key=self.welfare)

    def dynamic(self) -> tuple:
        def step(k: tuple) -> tuple:
            return tuple(n if any(k) and self.u(k) >= c else 0 for n, c in zip(self.N, self.c, strict=True))

        return self.settle(self.N, step)

    def modified(self) -> tuple:
        reward = self.cost(self.N) / sum(self.N)

        def step(k: tuple) -> tuple:
            value = self.u(k) if any(k) else 1 / self.worst - 0.4
            return tuple(n if value + reward >= c else 0 for n, c in zip(self.N, self.c, strict=True))

        return self.settle((0,) * len(self.N), step)


@pytest.mark.parametrize("seed", range(6))
def test_every_row_is_what_the_definitions_say(seed: int) -> None:
    draw = random.Random(seed)
    counts = (draw.choice([0, 1, 2, 3]), draw.randint(0, 2), draw.randint(2, 3))
    states = [k for k in product(*(range(n + 1) for n in counts)) if any(k)]
    losses = {k: round(draw.uniform(0.2, 3.0) / (0.3 + sum(k)) + 0.2, 6) for k in states}
    fit = fit_error(states, SIZES, list(losses.values()), client_variance=seed % 2 == 1)
    market = measured_market(losses, sizes=SIZES, counts=counts, utility="1/eps - 0.4")
    requirement = None if seed < 4 else sorted(losses.values())[len(losses) // 2]
    rows = list(sweep(market, fit, points=5, max_error=requirement))
    assert len(rows) == 2 * 5 * 2 * len(MECHANISMS)
    predicted = dict(zip(states, fit.losses(states), strict=True))
    costs = [row["value"] for row in rows if row["parameter"] == "cost_per_sample"]
    seen = set()
    for row in rows:
        first = row["parameter"] == "cost_per_sample"
        price = float(row["value"] if first else max(costs) / 4)
        limit = requirement if first else float(row["value"])
        costs_of_each = [size * price for size in SIZES]
        truth = chooser = Literal(losses, counts, costs_of_each, limit, max(losses.values()))
        if row["chosen_by"] == "theory":
            # Before anybody trains the modified mechanism expects the worst corner of eq. (3), which need not be a state.
            corners = [
                fit.offset + fit.client_variance + (fit.noise / size - fit.client_variance) / K
                for size in (size for size, n in zip(SIZES, counts, strict=True) if n)
                for K in (1, sum(counts))
            ]
            chooser = Literal(predicted, counts, costs_of_each, limit, max(corners))
        end = chooser.ends()[row["mechanism"]]
        if end is None:
            assert row["state"] is None
            assert row["welfare"] is None
            continue
        state = tuple(map(int, row["state"].split("/")))
        value = Literal.alone if row["mechanism"] == "fl-only" else Literal.welfare
        # States may differ only where the chooser is indifferent, to the sixth decimal of its numbers.
        if row["mechanism"] in ("swan", "fl-only"):
            assert value(chooser, state) == pytest.approx(value(chooser, end), abs=2e-4)
        elif price > 0:
            assert state == end
        allowed = limit is None or (any(state) and losses[state] <= limit)
        assert row["meets_requirement"] == allowed
        seen.add((row["mechanism"], row["chosen_by"], allowed, any(state)))
        if not allowed:
            assert row["welfare"] is None
            continue
        assert float(row["welfare"]) == pytest.approx(value(truth, state), abs=1e-5)
        if row["mechanism"] == "fl-only":
            lack = (
                sum(k * max(0.0, c - truth.u(state)) for k, c in zip(state, truth.c, strict=True)) if any(state) else 0
            )
            assert float(row["incentive_cost"]) == pytest.approx(lack, abs=1e-5)
        if row["mechanism"] == "swan":
            promised = chooser.welfare(state)
            due = (promised if promised > 0 else SMALL) - truth.welfare(state) if any(state) else 0
            assert float(row["incentive_cost"]) == pytest.approx(due, abs=2e-4)
    assert {entry[0] for entry in seen} == MECHANISMS


def test_the_theory_market_is_the_fit() -> None:
    states = [k for k in product(range(3), range(2), range(2)) if any(k)]
    losses = {k: 0.3 + 1.7 * k[0] / sum(k) / 10 + 0.01 * k[1] for k in states}
    fit = fit_error(states, SIZES, list(losses.values()))
    market = measured_market(losses, sizes=SIZES, counts=(2, 1, 1), utility="2 - eps/3")
    theory = theory_market(market.with_max_error(1), fit)  # type: ignore[arg-type]
    for state, loss in zip(states, fit.losses(states), strict=True):
        assert float(theory.error(state)) + fit.offset == pytest.approx(loss, abs=1e-5)
        assert float(theory.utility.exact(theory.error(state))) == pytest.approx(2 - loss / 3, abs=1e-5)
    assert theory.max_error is not None
    assert float(theory.max_error) + fit.offset == pytest.approx(1, abs=1e-5)


def test_headlines_are_extremes_and_medians() -> None:
    rows = [
        {"chosen_by": chosen, "parameter": "max_error", "gain_percent": gain, "cut_percent": cut}
        for chosen, gain, cut in (("measured", 5.0, None), ("measured", 45.0, 100.0), ("theory", 900.0, 3.0))
    ] + [{"chosen_by": "measured", "parameter": "cost_per_sample", "gain_percent": 10.0, "cut_percent": None}]
    found = headlines(rows, "measured")
    assert (found.gain, found.median_gain, found.cut, found.median_cut) == (45.0, 10.0, 100.0, 100.0)
    assert headlines(rows, "measured", "cost_per_sample").cut is None


def test_swan_welfare_runs_and_draws() -> None:
    import pandas as pd

    entry = find_experiment("swan-welfare")
    settings = SwanWelfare(sizes=(5, 9, 20), counts=(2, 1, 1), rounds=2, steps=2, runs=1, points=3)
    rows = entry.run(settings)
    assert rows == entry.run(settings)
    table = cast(Any, pd.DataFrame(rows))
    assert len(table) == 2 * 3 * 2 * len(MECHANISMS)
    known = table[table["chosen_by"] == "measured"]
    best = known[known["mechanism"] == "swan"].set_index(["parameter", "value"])["welfare"]
    for name in ("dynamic", "modified-fl", "fl-only"):
        other = known[known["mechanism"] == name].set_index(["parameter", "value"])["welfare"].dropna()
        assert (best[other.index] >= other - 1e-12).all()
    assert entry.plot is not None
    drawn = entry.plot(table)
    assert sum(bool(axis.get_title()) for axis in drawn.axes) == 4
    for change, field in (({"utility": "eps("}, "utility"), ({"counts": (99, 99, 99)}, "counts")):
        with pytest.raises(InputError) as refused:
            SwanWelfare(**cast(Any, change))
        assert refused.value.field == field
