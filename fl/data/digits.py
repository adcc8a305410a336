"""Scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels that come inside a package."""

from __future__ import annotations

import numpy as np

from ...models.input_error import InputError
from .dataset import Dataset

__all__ = ["digits"]

TEST_IMAGES = 500


def digits(seed: int = 0) -> Dataset:
    """Scikit-learn's digits, 1,297 images to train on and 500 to test on.

    Parameters
    ----------
    seed : int
        Of the split.

    Returns
    -------
    Dataset
        Inputs of shape (n, 1, 8, 8) in [0, 1], 10 classes.

    Raises
    ------
    InputError
        If scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError("the digits need scikit-learn: pip install 'fedmech[fl]'") from None
    images, shown = load_digits(return_X_y=True)
    inputs = (np.asarray(images) / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = np.asarray(shown, dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    test, train = np.sort(order[:TEST_IMAGES]), np.sort(order[TEST_IMAGES:])
    return Dataset("digits", inputs[train], labels[train], inputs[test], labels[test], 10)
