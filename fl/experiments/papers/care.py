"""CARE's experiment: the accuracy that requesters reach with the workers a mechanism hires for them, against their number.

Source: CARE (arXiv 2504.15847), Table II; what is stated of its setting and what is chosen is said in :mod:`.care_market`. Requesters
hire once, then run federated averaging on their workers' data, whose labels are partly wrong, and are measured on clean test
data; one without workers keeps its initial model. The paper trains on Fashion-MNIST and CIFAR-10. The default here is
scikit-learn's digits, ten samples a worker, so levels cannot be compared: the order of the columns, and how they change with the number of
requesters, can. With `dataset` and `folder` the paper's own data are used; its model, rounds and samples per worker are not
known to us.

What came out (shipped configuration): in the paper CARE-CO and CARE-NO lead, RRAFL follows, random prices are last. Here CARE-NO
is below RRAFL whatever the caps and reputations: its buckets span a factor of ten, all reputations fall into one or two, and
PEA hires the cheapest of a bucket, who are the worst. CARE-CO leads clearly where caps bind and reputation is data accuracy, and ties with
pooled RRAFL elsewhere; random prices are last or next to last. CARE-CO does not stay flat: with more requesters the good workers run out.

`published` names the paper's table as a CSV file (columns ``dataset, vary, value`` and one for each mechanism), if one is at hand: its
figures then stand beside ours.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....models.input_error import InputError
from ....solvers.control import Control
from ....solvers.solve import solve
from ...comparison.colours import mechanism_colour
from ...data.label_noise import noisy_labels
from ...data.load import load_dataset
from ...data.partitions import given_sizes
from ...scoring.rank_correlation import rank_correlation
from ...settings import setting, unknown_name
from ..engine.registry import Row, experiment
from .care_market import RULES, draw_market, hire

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Care", "care", "care_findings", "read_published"]

COLUMNS = {
    "care-co": "care_co",
    "rrafl-pooled": "rrafl_pooled",
    "random-price-pooled": "ranpri_pooled",
    "care-no": "care_no",
    "rrafl-separate": "rrafl_separate",
    "random-price-separate": "ranpri_separate",
}
"""The table's columns by our names."""


@dataclass(frozen=True)
class Care:
    """Settings.

    Attributes
    ----------
    requesters, workers, groups : int
    cap : int
        Workers of one group that one requester may have.
    spread : float
        Reputation is data accuracy to this power.
    rules : tuple of str
        Columns to run.
    dataset, folder : str
    samples : int
        Of each worker, dealt at random.
    model : str
    rounds, steps : int
        Rounds of federated averaging, local steps in each.
    learning_rate : float
    published : str
        A CSV file with the paper's table; empty for none.
    vary : str
        Which rows of that table to compare with: those where the number of requesters varies, or that of groups.
    seed : int
    device : str
    """

    requesters: int = setting(6, min=1)
    workers: int = setting(120, min=1)
    groups: int = setting(10, min=1)
    cap: int = setting(1, min=0, help="workers of one group that one requester may have")
    spread: float = setting(1.0, min=0.0, help="reputation is data accuracy to this power")
    rules: tuple[str, ...] = setting(tuple(RULES), choices=tuple(RULES), help="mechanisms to run")
    dataset: str = setting("digits", help="digits, or any name for the IDX files in folder", word=True)
    folder: str = setting("", help="folder of the data set's files")
    samples: int = setting(10, min=1, help="samples of each worker")
    model: str = setting("softmax", choices=("softmax", "mlp", "swan-cnn", "moon-cnn", "cnn"))
    rounds: int = setting(20, min=1)
    steps: int = setting(5, min=1, help="local steps in a round")
    learning_rate: float = setting(0.5, min=1e-9)
    published: str = setting("", help="the paper's table as a CSV file")
    vary: str = setting(
        "requesters", choices=("requesters", "groups"), help="rows of the paper's table to compare with"
    )
    seed: int = setting(0, min=0)
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not self.rules or len(set(self.rules)) < len(self.rules):
            raise InputError("expected mechanisms, each once", field="rules")
        if self.groups > self.workers:
            raise InputError(f"{self.groups} groups for {self.workers} workers", field="groups")


def read_published(path: str) -> dict[tuple[str, str, int], dict[str, float]]:
    """Read the paper's table: accuracies by mechanism for every dataset, varied quantity and value.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, or holds something else than numbers.
    """
    needed = ("dataset", "vary", "value", *COLUMNS.values())
    found = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(unknown_name("column", missing[0], reader.fieldnames or ()), field=missing[0])
            for number, row in enumerate(reader, start=1):
                key = (row["dataset"], row["vary"], int(row["value"]))
                try:
                    found[key] = {ours: float(row[theirs]) for ours, theirs in COLUMNS.items()}
                except (TypeError, ValueError):
                    raise InputError("expected numbers", row=f"row {number}") from None
    except InputError as error:
        raise error.in_file(path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read: {error}", file=path, field="published") from None
    return found


def figure(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of requesters, a line for each mechanism, a panel for each cap and spread of reputations."""
    from matplotlib.figure import Figure

    panels: list[tuple[Any, Any]] = list(table.groupby(["cap", "spread"], sort=True))
    drawn = Figure(figsize=(1.6 + 4.4 * len(panels), 4.6), layout="constrained")
    axes = drawn.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    against = "groups" if set(table["vary"]) == {"groups"} else "requesters"
    for axis, (values, panel) in zip(axes, panels, strict=True):
        for rule in [rule for rule in RULES if rule in set(panel["mechanism"])]:
            each = panel[panel["mechanism"] == rule].groupby(against)["accuracy"]
            mean: Any = each.mean()
            error = each.sem().fillna(0.0)
            style = "--" if "pooled" in rule else ":" if "separate" in rule else "-"
            colour = mechanism_colour(rule.removesuffix("-pooled").removesuffix("-separate"))
            axis.errorbar(mean.index, mean, error, fmt="o" + style, markersize=4, capsize=2, color=colour, label=rule)
        found = care_findings(panel.to_dict("records"))
        title = f"cap {values[0]}, reputation = accuracy^{values[1]:g}\nCARE's order {'holds' if found['order_holds'] else 'fails'}"
        if found.get("slope"):
            title += f"; care-co {found['slope']['mean']:+.3f} a requester"
        axis.set_title(title, fontsize="medium")
        axis.set_xlabel(against)
    axes[0].set_ylabel("test accuracy, mean over requesters")
    drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    return drawn


@experiment(
    "care",
    settings=Care,
    summary="accuracy that requesters reach with the workers CARE's and its rivals' mechanisms hire",
    source="CARE (arXiv 2504.15847), Table II (setting stated in part; other data, training parameters chosen)",
    plot=figure,
    requires=("torch", "sklearn"),
)
def care(settings: Care, control: Control, checkpoint: Path | None) -> list[Row]:
    """One row for each mechanism: whom it hires on one drawn market, and what the requesters' models are worth."""
    from ...training.architectures import architecture
    from ...training.coalitions import train_coalitions
    from ...training.evaluate import evaluate
    from ...training.recipe import Recipe

    data = load_dataset(settings.dataset, settings.folder or None, settings.seed)
    sizes = [settings.samples] * settings.workers
    holdings = given_sizes(data.train_labels, sizes, np.random.default_rng([settings.seed, 3]))
    drawn = draw_market(
        settings.workers, settings.groups, settings.requesters, settings.cap, settings.seed, settings.spread
    )
    market = drawn.market
    noise = np.random.default_rng([settings.seed, 4])
    labels = noisy_labels(data.train_labels, holdings, drawn.accuracies, data.classes, noise)
    control.progress("hiring")
    hired = {rule: hire(market, rule, settings.seed) for rule in settings.rules}
    teams = {rule: [np.flatnonzero(h.assignment == j) for j in range(market.m)] for rule, h in hired.items()}
    # The models of all mechanisms' requesters are trained as one batch; requesters without workers train none.
    places = [(rule, j) for rule, of in teams.items() for j in range(market.m) if len(of[j])]
    model = architecture(settings.model, data.input_shape, data.classes)
    recipe = Recipe(steps=settings.steps, learning_rate=settings.learning_rate, seed=settings.seed)
    test = (data.test_inputs, data.test_labels)
    untrained = evaluate(model, model.initial(recipe.seed, device=settings.device), *test)[1]
    accuracy: dict[tuple[str, int], float] = {(rule, j): untrained for rule in teams for j in range(market.m)}
    if places:
        control.progress(f"training {len(places)} models")
        trained = train_coalitions(
            model,
            [teams[rule][j].tolist() for rule, j in places],
            data.train_inputs,
            labels,
            holdings,
            recipe,
            rounds=settings.rounds,
            device=settings.device,
        )
        losses, accuracies = evaluate(model, trained, *test)
        if not np.isfinite(losses).all():
            raise InputError("a test loss is not finite: training diverged", field="learning_rate")
        accuracy |= dict(zip(places, accuracies.tolist(), strict=True))
    optimum = solve(market, "opt").objective
    assert optimum is not None
    published = read_published(settings.published) if settings.published else {}
    at = (settings.vary, getattr(settings, settings.vary))
    beside = {name: row for (name, *where), row in published.items() if tuple(where) == at}
    rows: list[dict[str, Any]] = []
    for rule, h in hired.items():
        reached = [accuracy[rule, j] for j in range(market.m)]
        working = np.flatnonzero(h.assignment >= 0)
        rows.append(
            {
                "mechanism": rule,
                "accuracy": float(np.mean(reached)),
                "least_accuracy": float(np.min(reached)),
                "hired": len(working),
                "idle_requesters": sum(len(team) == 0 for team in teams[rule]),
                "data_accuracy": float(drawn.accuracies[working].mean()) if len(working) else None,
                "reputation": float(h.reputation),
                "reputation_share": float(h.reputation / optimum) if optimum else None,
                "spent": float(h.spent),
                "budget": float(sum(market.budget(j) for j in range(market.m))),
                **{f"published_{name.lower()}": row.get(rule) for name, row in beside.items()},
            }
        )
    return rows


def care_findings(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the runs say about the paper's two claims; rows as a result's table has them, of one cap and spread.

    Returns
    -------
    dict
        ``means``: accuracy of each mechanism over all points. ``order_holds``: whether CARE-CO >= CARE-NO > both RRAFL > both random
        price in these means. ``pairs``: for the order's neighbouring pairs the mean difference in the same market, its
        standard error and the number of markets. ``slope``: of CARE-CO's accuracy against the number of requesters, per
        requester, and its standard error. ``agreement``: for every published dataset the Spearman correlation of our columns' means
        with the published ones, over the points that are published.
    """
    by: dict[str, dict[tuple[Any, Any, Any], Mapping[str, Any]]] = {}
    for row in rows:
        by.setdefault(str(row["mechanism"]), {})[row["requesters"], row["groups"], row["seed"]] = row
    means = {rule: float(np.mean([row["accuracy"] for row in of.values()])) for rule, of in by.items()}
    tiers = [
        ["care-co"],
        ["care-no"],
        ["rrafl-pooled", "rrafl-separate"],
        ["random-price-pooled", "random-price-separate"],
    ]
    pairs = []
    for upper, lower in [(a, b) for high, low in pairwise(tiers) for a in high for b in low]:
        if upper in by and lower in by:
            both = [
                by[upper][key]["accuracy"] - by[lower][key]["accuracy"] for key in by[upper].keys() & by[lower].keys()
            ]
            error = float(np.std(both, ddof=1) / len(both) ** 0.5) if len(both) > 1 else None
            pairs.append(
                {"upper": upper, "lower": lower, "mean": float(np.mean(both)), "error": error, "markets": len(both)}
            )
    findings: dict[str, Any] = {
        "means": means,
        "pairs": pairs,
        "order_holds": all(pair["mean"] > 0 or (pair["upper"] == "care-co" and pair["mean"] == 0) for pair in pairs),
    }
    if "care-co" in by:
        x = np.array([key[0] for key in by["care-co"]], dtype=float)
        y = np.array([row["accuracy"] for row in by["care-co"].values()])
        findings["slope"] = _slope(x, y)
    names = sorted({name for row in rows for name in row if name.startswith("published_")})
    findings["agreement"] = {}
    for name in names:
        # Only points that the table has; NaN is how a data frame says that it has not.
        pairs_of = {
            rule: [
                (row["accuracy"], row[name])
                for row in of.values()
                if row.get(name) is not None and row[name] == row[name]
            ]
            for rule, of in by.items()
        }
        both = np.array([np.mean(found, axis=0) for found in pairs_of.values() if found]).reshape(-1, 2)
        findings["agreement"][name.removeprefix("published_")] = rank_correlation(both[:, 0], both[:, 1]).spearman
    return findings


def _slope(x: np.ndarray, y: np.ndarray) -> dict[str, float] | None:
    """Least-squares slope and its standard error."""
    spread = float(((x - x.mean()) ** 2).sum())
    if len(x) < 3 or spread == 0:
        return None
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    residual = y - y.mean() - slope * (x - x.mean())
    return {"mean": slope, "error": float((residual @ residual / (len(x) - 2) / spread) ** 0.5)}
