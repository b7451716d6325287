"""Crops come from the originals."""

import numpy as np

from pipeline import images
from pipeline.disk import imageset


def test_crops_of_crops_are_cut_from_the_original(finished):
    data = imageset.read(finished / "data/tiny/ours-0/scale-3")
    _, pictures = imageset.read_originals(finished / "data/raw/tiny")
    for row in data.index.head(5).itertuples():
        original = images.open_rgb(pictures.read(row.file), row.file)
        expected = images.cut(original, data.index.loc[row.Index, imageset.CROP].tolist(), 64)
        with data.open(row.id) as image:
            assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).mean() < 4
