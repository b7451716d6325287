"""Images cut from their originals, whole or not at all."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import imageset, zoom
from pipeline.errors import InputError


@pytest.fixture
def raw(tmp_path):
    rows = []
    for n, (width, height) in enumerate([(64, 48), (48, 64), (50, 50)]):
        Image.effect_noise((width, height), 80).save(tmp_path / f"{n}.png")
        rows.append([str(n), f"{n}.png", n % 2, "ab"[n % 2], "train", 0.1, 0.1, 0.9, 0.9])
    columns = ["id", "file", "label", "class_name", "split", "x0", "y0", "x1", "y1"]
    return tmp_path, pd.DataFrame(rows, columns=columns)


def test_what_is_written_is_read(raw, tmp_path):
    folder, index = raw
    crops = np.array([[0, 0, 1, 1], [0, 0.5, 1, 1], [0.2, 0.2, 0.8, 0.8]])
    zoom.write(index, folder, crops, 32, tmp_path / "out")
    data = imageset.read(tmp_path / "out")
    assert data.index[imageset.CROP].to_numpy().tolist() == crops.tolist()
    assert data.index[["original_width", "original_height"]].to_numpy().tolist() == [[64, 48], [48, 64], [50, 50]]
    for row in data.index.itertuples():
        with Image.open(data.path(row.id)) as image:
            assert image.size == (row.width, row.height) and min(image.size) == 32
    assert data.class_names == ["a", "b"]


def test_a_picture_that_cannot_be_decoded_leaves_no_folder(raw, tmp_path):
    folder, index = raw
    (folder / "1.png").write_bytes(b"oops")
    with pytest.raises(InputError, match=r"1.png: cannot be decoded"):
        zoom.write(index, folder, np.tile([0.0, 0, 1, 1], (3, 1)), 32, tmp_path / "out")
    assert not (tmp_path / "out").exists()
