"""Images cut from their originals, whole or not at all."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import imageset, zoom
from pipeline.errors import InputError
from pipeline.pack import Pack, create


@pytest.fixture
def index(tmp_path):
    rows = []
    for n, (width, height) in enumerate([(64, 48), (48, 64), (50, 50)]):
        Image.effect_noise((width, height), 80).save(tmp_path / f"{n}.png")
        rows.append([str(n), f"{n}.png", n % 2, "ab"[n % 2], "train", 0.1, 0.1, 0.9, 0.9])
    columns = ["id", "file", "label", "class_name", "split", "x0", "y0", "x1", "y1"]
    return pd.DataFrame(rows, columns=columns)


def pack_of(folder):
    """What the download stage makes of the pictures in a folder."""
    with create(folder / "pictures.zip") as add:
        for path in sorted(folder.glob("*.png")):
            add(path.name, path.read_bytes())
    return Pack(folder / "pictures.zip")


def test_what_is_written_is_read(index, tmp_path):
    crops = np.array([[0, 0, 1, 1], [0, 0.5, 1, 1], [0.2, 0.2, 0.8, 0.8]])
    zoom.write(index, pack_of(tmp_path), crops, 32, tmp_path / "out")
    data = imageset.read(tmp_path / "out")
    assert data.index[imageset.CROP].to_numpy().tolist() == crops.tolist()
    assert data.index[["original_width", "original_height"]].to_numpy().tolist() == [[64, 48], [48, 64], [50, 50]]
    for row in data.index.itertuples():
        with data.open(row.id) as image:
            assert image.size == (row.width, row.height) and min(image.size) == 32
    assert data.class_names == ["a", "b"]


def test_many_images_come_in_order_and_twice_the_same(tmp_path):
    for n in range(100):
        Image.new("RGB", (32, 32), (n, n, n)).save(tmp_path / f"{n}.png")
    index = pd.DataFrame({"id": [f"{n}" for n in range(100)], "file": [f"{n}.png" for n in range(100)]})
    for out in ("one", "two"):
        zoom.write(index, pack_of(tmp_path), np.tile([0.0, 0, 1, 1], (100, 1)), 32, tmp_path / out)
    data = imageset.read(tmp_path / "one")
    assert [data.open(identity).getpixel((0, 0))[0] for identity in data.index.id] == list(range(100))
    assert (tmp_path / "one" / "images.zip").read_bytes() == (tmp_path / "two" / "images.zip").read_bytes()


def test_a_picture_that_cannot_be_decoded_leaves_no_folder(index, tmp_path):
    (tmp_path / "1.png").write_bytes(b"oops")
    with pytest.raises(InputError, match=r"1.png: cannot be decoded"):
        zoom.write(index, pack_of(tmp_path), np.tile([0.0, 0, 1, 1], (3, 1)), 32, tmp_path / "out")
    assert not (tmp_path / "out").exists()
