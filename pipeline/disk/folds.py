"""Folds of the training split: what settings are chosen on, without a look at the test split.

The training images of each class are dealt to ``N_FOLDS`` folds. In a fold's training its own images are the test
split, the others are trained on, and the official test images are not there. An image's fold follows from the names in
its class alone: it is the same at all scales, for all variants and on all machines.
"""

from dataclasses import replace
from hashlib import sha256

import pandas as pd

from pipeline.disk.imageset import ImageSet
from pipeline.errors import InputError

N_FOLDS = 3


def divide(data: ImageSet, fold: int) -> ImageSet:
    """Return the training images of an image set, those of a fold as the test split; for 0 the set as it is."""
    if not fold:
        return data
    index = training(data.index)
    counts = index.class_name.value_counts()
    if counts.min() < N_FOLDS:
        raise InputError(
            f"{data.folder}: class {counts.idxmin()!r} has {counts.min()} training pictures, and {N_FOLDS} folds need "
            "as many; add some, or leave the class out"
        )
    return replace(data, index=index.assign(split=_fold_of(index).eq(fold).map({True: "test", False: "train"})))


def training(index: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of an index that folds are made of."""
    return index[index.split == "train"].reset_index(drop=True)


def _fold_of(index: pd.DataFrame) -> pd.Series:
    """Return each training image's fold, 1 to ``N_FOLDS``: in each class one after the other, by the names' digests."""
    digests = index.id.map(lambda name: sha256(name.encode()).hexdigest())
    rank = index.loc[digests.sort_values().index].groupby("label").cumcount()
    return (rank + index.label) % N_FOLDS + 1  # classes begin with different folds, which so are equally large
