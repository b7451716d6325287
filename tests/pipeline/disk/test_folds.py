"""Folds of the training split: who is in which, and that no official test image is in any."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.disk import folds
from pipeline.disk.imageset import ImageSet
from pipeline.errors import InputError


def images(counts, seed=0):
    """An image set with so many training images of each class, and a third as many test images, in any order."""
    rows = [(f"{label}-{i}", label, "train") for label, n in enumerate(counts) for i in range(n)]
    rows += [(f"{label}-t{i}", label, "test") for label, n in enumerate(counts) for i in range(n // 3 + 1)]
    table = pd.DataFrame(rows, columns=["id", "label", "split"]).assign(
        class_name=lambda t: "class " + t.label.map(str)
    )
    return ImageSet(Path("made"), table.sample(frac=1, random_state=seed).reset_index(drop=True))


def test_each_training_image_is_tested_once_and_no_test_image_is_there():
    data = images([3, 10, 29, 30])
    official = set(data.index.id[data.index.split == "test"])
    tested = []
    for fold in range(1, folds.N_FOLDS + 1):
        index = folds.divide(data, fold).index
        assert official.isdisjoint(index.id) and set(index.split) == {"train", "test"}
        tested += index.id[index.split == "test"].tolist()
    assert sorted(tested) == sorted(set(data.index.id) - official)


def test_folds_are_equally_large_in_each_class_and_over_all():
    data = images([4] * 30)
    parts = [folds.divide(data, fold).index for fold in range(1, folds.N_FOLDS + 1)]
    by_class = np.array([part[part.split == "test"].label.value_counts().sort_index() for part in parts])
    assert by_class.min() == 1 and by_class.max() == 2
    assert np.ptp(by_class.sum(axis=1)) == 0


def test_a_fold_follows_from_the_names_alone():
    """Neither the order of an index nor what else is in it matters: later scales read the same folds."""
    data, shuffled = images([5, 7, 9]), images([5, 7, 9], seed=1)
    alone = ImageSet(data.folder, folds.training(data.index))
    one = [set(part.index.id[part.index.split == "test"]) for part in (folds.divide(d, 2) for d in (data, shuffled))]
    assert one[0] == one[1] == set(folds.divide(alone, 2).index.query("split == 'test'").id)


def test_no_fold_is_the_official_split():
    data = images([3, 3])
    assert folds.divide(data, 0) is data


def test_too_few_pictures_for_folds():
    with pytest.raises(InputError, match="made: class 'class 1' has 2 training pictures, and 3 folds need as many"):
        folds.divide(images([3, 2]), 1)
