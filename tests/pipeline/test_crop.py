"""Crops come from the originals."""

import numpy as np
from PIL import Image

from pipeline import images, imageset


def test_crops_of_crops_are_cut_from_the_original(finished):
    data = imageset.read(finished / "data" / "scale-3")
    for row in data.index.head(5).itertuples():
        original = images.open_rgb(finished / "data" / "raw" / row.file)
        expected = images.cut(original, data.index.loc[row.Index, imageset.CROP].tolist(), 64)
        with Image.open(data.path(row.id)) as image:
            assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).mean() < 4
