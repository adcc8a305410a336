"""Tests of learning with every training, evaluation and drift score moved to another device: ``pytest -p on_device tests/fl/training tests/fl/scoring``.

The device is ``FEDMECH_DEVICE``, or ``cuda``. What comes back is brought to the processor, so a test compares as it always does. Tests that want
equality bit for bit, or that look at how a processor is used, may fail there.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from fedmech.fl.scoring import drift_score
from fedmech.fl.training import batched, evaluate

DEVICE = os.environ.get("FEDMECH_DEVICE", "cuda")


def _moved(function: Any) -> Any:
    @functools.wraps(function)
    def there(*arguments: Any, **options: Any) -> Any:
        found = function(*arguments, **(options | {"device": DEVICE}))
        return {key: tensor.cpu() for key, tensor in found.items()} if isinstance(found, dict) else found

    return there


def _with_models_moved(function: Any) -> Any:
    @functools.wraps(function)
    def there(architecture: Any, params: Any, *arguments: Any, **options: Any) -> Any:
        return function(architecture, {key: tensor.to(DEVICE) for key, tensor in params.items()}, *arguments, **options)

    return there


# Before any test or module has taken them by name; drift scores have taken the training already.
_TRAINED = _moved(batched.train_clients)
for module in (batched, drift_score):
    module.__dict__["train_clients"] = _TRAINED
evaluate.evaluate = _with_models_moved(evaluate.evaluate)
drift_score.probe_drifts = _moved(drift_score.probe_drifts)
