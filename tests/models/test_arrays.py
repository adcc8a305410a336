"""Arrays as callers have them: labels and masks honoured or refused, no silent casts; and the places that take them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fedmech import InputError, Market
from fedmech.fl.data.dataset import Dataset
from fedmech.fl.data.partitions import check_counts, check_labels
from fedmech.fl.scoring.shapley import exact_shapley, leave_one_out, sampled_shapley
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.coalitions import train_coalitions
from fedmech.fl.training.federated import checked_participants
from fedmech.fl.training.holdings import check_clients, check_holdings, check_samples
from fedmech.fl.training.recipe import Recipe
from fedmech.models.arrays import plain_array, whole_numbers

NOT_POSITIONS = {
    "booleans": [False, True],
    "a mask": np.array([True, False]),
    "0.9": [0.9],
    "floats": np.array([0.0, 1.0]),
    "texts": ["0"],
    "None": [None],
    "NaN": [float("nan")],
    "a masked array": np.ma.array([0, 1], mask=[False, True]),
    "a Series of other rows": pd.Series([0, 1], index=[5, 6]),
    "beyond int64": [2**70],
    "beyond int64, in numpy": np.array([2**63], dtype=np.uint64),
    "a number": 3,
    "a table": [[0, 1]],
    "lists of different lengths": [[0], [0, 1]],
}


@pytest.mark.parametrize("given", NOT_POSITIONS.values(), ids=list(NOT_POSITIONS))
def test_what_is_no_list_of_positions(given: Any) -> None:
    with pytest.raises(InputError, match="field 'members'"):
        whole_numbers(given, "members")
    with pytest.raises(InputError):
        checked_participants(given, 3)
    with pytest.raises(InputError):
        check_holdings([given], 10)
    with pytest.raises(InputError):
        check_clients(given, 2)
    model, labels, holdings = architecture("softmax", (4,), 2), [0, 1, 0, 1], [[0, 1], [2, 3]]
    with pytest.raises(InputError, match="field 'coalitions'"):
        train_coalitions(model, [given], np.zeros((4, 4)), labels, holdings, Recipe(), rounds=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", [[0, 2], (0, 2), np.array([0, 2], dtype=np.uint8), pd.Series([0, 2]), torch.tensor([0, 2])], ids=repr
)
def test_what_is_one(given: Any) -> None:
    found = whole_numbers(given, "members")
    assert (found.tolist(), found.dtype) == ([0, 2], np.dtype(np.int64))
    assert checked_participants(given, 3).tolist() == [0, 2]
    assert whole_numbers([], "members").tolist() == []


def test_labels_and_masks_of_samples() -> None:
    inputs, labels = np.zeros((3, 4), dtype=np.float32), np.array([0, 1, 0])
    turned = pd.Series(labels, index=[2, 1, 0])
    masked, model = np.ma.array(inputs, mask=inputs == 0), architecture("softmax", (4,), 2)
    for wrong_inputs, wrong_labels in (
        (inputs, turned),
        (masked, labels),
        (inputs, labels + 0.5),
        (inputs, labels.astype(float)),
        (inputs * np.nan, labels),
        (np.array([[np.inf, -np.inf, 0, 0]] * 3), labels),
        (np.array([[3e38, 3e38, np.inf, -3e38]] * 3), labels),
        (inputs, labels.astype(bool)),
        (np.full((3, 4), 1e300), labels),
    ):
        with pytest.raises(InputError):
            Dataset.of("own", (wrong_inputs, wrong_labels), (inputs, labels))
        with pytest.raises(InputError, match=r"field '(inputs|labels)'"):
            check_samples(model, wrong_inputs, wrong_labels, "cpu", torch.float32)
    # Finite, though their sum is not.
    large = np.full((3, 4), 3e38, dtype=np.float32)
    assert torch.equal(check_samples(model, large, labels, "cpu", torch.float32)[0], torch.from_numpy(large))
    with pytest.raises(InputError):
        check_labels(turned)
    with pytest.raises(InputError):
        check_counts(np.ma.array([1, 2], mask=[False, True]), "sizes")
    unmasked = Dataset.of("own", (np.ma.array(inputs), pd.Series(labels)), (pd.DataFrame(inputs), labels))
    assert unmasked.train_labels.tolist() == [0, 1, 0]
    assert plain_array(np.ma.array([1, 2]), "x").tolist() == [1, 2]


def test_a_missing_value_of_a_coalition_is_refused() -> None:
    for values in (
        [0, np.nan, 1, 2],
        [0, np.inf, 1, 2],
        ["0", "1"],
        [False, True],
        np.ma.array([0, 1.0], mask=[False, True]),
        3.0,
        [0, None],
    ):
        with pytest.raises(InputError, match="field 'value'"):
            exact_shapley(np.ma.array(values) if np.ma.isMaskedArray(values) else np.asarray(values))
    wrong_values: list[Any] = [lambda c: np.full(len(c), np.nan), lambda c: np.zeros(2), lambda c: 1.0]
    for value in wrong_values:
        with pytest.raises(InputError, match="field 'value'"):
            leave_one_out(value, 3)
        with pytest.raises(InputError, match="field 'value'"):
            sampled_shapley(value, 3, permutations=2)
    wrong_options: list[dict[str, Any]] = [{"seed": -1}, {"seed": 2**64}, {"permutations": 2.5}]
    for wrong in wrong_options:
        with pytest.raises(InputError):
            sampled_shapley(lambda c: c.sum(axis=1), 3, **wrong)
    assert exact_shapley(np.array([Fraction(0), Fraction(1)], dtype=object)).tolist() == [1]


@pytest.mark.parametrize(
    "change",
    [
        {"caps": 3},
        {"caps": [3]},
        {"caps": pd.Series({("g1", "r1"): 1})},
        {"caps": {("g1", "r1", "x"): 1}},
        {"budgets": 3},
        {"budgets": np.array(3)},
        {"scores": None},
        {"scores": 5},
        {"scores": [10**2500, 1]},
        {"scores": [Fraction(1, 3**5200), 1]},
    ],
    ids=str,
)
def test_columns_that_are_none(change: dict[str, Any]) -> None:
    given: dict[str, Any] = {"scores": [1, 2], "costs": [1, 1], "budgets": [2]}
    with pytest.raises(InputError):
        Market.build(**given | change)


def test_frames_that_are_none() -> None:
    with pytest.raises(InputError, match="expected a data frame"):
        Market.from_pandas({"score": [1]}, {"budget": [1]})  # type: ignore[arg-type]


def test_a_frames_own_labels_are_its_ids() -> None:
    workers = pd.DataFrame({"score": [1, 2], "cost": [1, 1]}, index=["x", "y"])
    market = Market.from_pandas(workers, pd.DataFrame({"budget": [3]}, index=["me"]))
    assert (list(market.worker_ids), list(market.requester_ids)) == (["x", "y"], ["me"])
    named = Market.from_pandas(workers.assign(id=["a", "b"]), pd.DataFrame({"budget": [3]}))
    assert (list(named.worker_ids), list(named.requester_ids)) == (["a", "b"], ["r1"])
