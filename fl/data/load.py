"""One way to every data set: a name, a folder of IDX files, arrays, or torch's data sets."""

from __future__ import annotations

from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from ...models.files import PathLike
from ...models.input_error import InputError
from .dataset import Dataset
from .digits import digits
from .idx import read_idx

__all__ = ["load_dataset"]

# Where Debian's package dataset-fashion-mnist puts its files.
INSTALLED = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}


def load_dataset(source: Any, folder: PathLike | None = None, seed: int = 0) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    source : str, Path, Dataset or (train, test)
        ``digits``, which come with scikit-learn; any other name for the data in `folder`, or their folder; a :class:`.dataset.Dataset`;
        or two parts, each a pair of arrays (inputs, labels) as :meth:`.dataset.Dataset.of` takes them, or a
        ``torch.utils.data.Dataset`` of such samples, torchvision's with or without a transform.
    folder : path, optional
        A folder of IDX files, see :mod:`.idx`; ``fashion-mnist`` is looked for where Debian installs it.
    seed : int
        Of the split into training and test samples, for data that have none of their own.

    Raises
    ------
    InputError
        If there is no such data set, or the data are missing, damaged or do not fit together.
    """
    if isinstance(source, Dataset):
        return source
    if source == "digits":
        return digits(seed)
    if isinstance(source, str):
        place = INSTALLED.get(source) if folder is None else folder
        if place is None:
            known = "there are digits, fashion-mnist where Debian's dataset-fashion-mnist is installed"
            raise InputError(f"no data set '{source}' without a folder of IDX files; {known}", field="dataset")
        if folder is None and not Path(place).is_dir():
            package = f"Debian's package dataset-{source} is not installed (it makes {place})"
            raise InputError(f"{package}, and no folder of IDX files is named", field="dataset")
        return read_idx(place, source)
    if isinstance(source, Path):
        return read_idx(source, source.name)
    if not _is_pair(source) or not all(_is_pair(part) or hasattr(part, "__getitem__") for part in source):
        raise InputError("two parts are needed, train and test, each of inputs and labels", field="dataset")
    train, test = (part if _is_pair(part) else _arrays(part) for part in source)
    return Dataset.of("own", train, test, len(getattr(source[0], "classes", ())) or None)


def _is_pair(part: Any) -> bool:
    return isinstance(part, tuple | list) and len(part) == 2


def _arrays(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Collect the samples of a torch data set, of which its length and its items are all that is asked."""
    try:
        samples = [data[i] for i in range(len(data))]
        inputs, labels = (
            np.array([_input(x) for x, _ in samples]),
            np.array([index(y) for _, y in samples], dtype=np.int64),
        )
    except (TypeError, ValueError) as error:
        raise InputError(f"needs items (input, label), inputs all of one shape: {error}", field="dataset") from None
    return inputs, labels


def _input(sample: Any) -> np.ndarray:
    array = np.asarray(sample)
    # A picture of torchvision's without a transform has its channels last.
    return np.moveaxis(array, -1, 0) if hasattr(sample, "getbands") and array.ndim == 3 else array
