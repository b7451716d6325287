"""Folders of pictures: the originals, and what a scale reads."""

import os
import shutil

import pandas as pd
import pytest

from pipeline.disk import imageset
from pipeline.disk.imageset import ImageSet
from pipeline.errors import InputError


@pytest.fixture
def index():
    rows = [["0", 0, "a", "train", "d1"], ["1", 1, "b", "train", "d2"], ["2", 0, "a", "test", "d3"]]
    return pd.DataFrame(rows, columns=["id", "label", "class_name", "split", "digest"])


def test_class_names_are_in_the_order_of_their_labels(index, tmp_path):
    assert ImageSet(tmp_path, index).class_names == ["a", "b"]


@pytest.mark.parametrize("column, value", [("digest", "d4"), ("label", 1), ("split", "train"), ("id", "3")])
def test_the_digest_knows_every_picture_and_label(index, tmp_path, column, value):
    before = ImageSet(tmp_path, index.copy()).digest
    assert ImageSet(tmp_path, index.copy()).digest == before
    index.loc[2, column] = value
    assert ImageSet(tmp_path, index).digest != before


def test_ids_stay_text(index, tmp_path):
    index.assign(id=["001", "002", "010"]).to_csv(tmp_path / "index.csv", index=False)
    (tmp_path / "images.zip").touch()
    assert imageset.read(tmp_path).index.id.tolist() == ["001", "002", "010"]


def test_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match=r"index.csv: missing; 'dvc repro' makes it"):
        imageset.read(tmp_path)
    (tmp_path / "index.csv").touch()
    with pytest.raises(InputError, match=r"images.zip: missing; 'dvc repro' makes it"):
        imageset.read(tmp_path)


def test_originals_that_do_not_fit_are_refused_before_the_first_byte(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.png").touch()
    os.truncate(tmp_path / "mine" / "a.png", 3 * 10**9)  # sparse: nothing is on the disk
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**10, 8 * 10**9, 2 * 10**9))
    with pytest.raises(InputError, match=r"mine: copying it takes 3.01 GB, and 2.00 GB are free"):
        imageset.write_originals(tmp_path, pd.DataFrame({"file": ["a.png"]}), tmp_path / "mine", {})
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_originals_that_are_written_are_read(tmp_path):
    index = pd.DataFrame({"id": ["001", "002"], "file": ["a/1.png", "a/2.png"], "class_name": ["07", "08"]})
    for file in index.file:
        (tmp_path / "mine" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / file).write_bytes(file.encode())
    imageset.write_originals(tmp_path, index, tmp_path / "mine", {"said": ["2 pictures"]})
    read, pictures = imageset.read_originals(tmp_path)
    pd.testing.assert_frame_equal(read, index)
    assert pictures.read("a/2.png") == b"a/2.png"
    assert imageset.read_taken(tmp_path / imageset.TAKEN) == ["2 pictures"]


def test_missing_originals(tmp_path):
    with pytest.raises(InputError, match=r"index.csv: missing; 'dvc repro' makes it"):
        imageset.read_originals(tmp_path)


def prepared(n, fails=None):
    for number in range(n):
        if number == fails:
            raise InputError("broken")
        yield f"jpeg {number}".encode(), [64, 48, 0.0, 0.0, 1.0, 1.0, 32, 32, f"d{number}"]


def test_an_image_set_that_is_written_is_read(index, tmp_path):
    imageset.write(tmp_path / "out", index, prepared(3))
    data = imageset.read(tmp_path / "out")
    assert data.index.id.tolist() == ["0", "1", "2"] and data.read("2") == b"jpeg 2"
    assert data.index.digest.tolist() == ["d0", "d1", "d2"], "the columns of another image set are replaced"
    assert data.index[imageset.CROP].to_numpy().tolist() == [[0, 0, 1, 1]] * 3


def test_an_image_that_fails_leaves_no_image_set(index, tmp_path):
    with pytest.raises(InputError, match="broken"):
        imageset.write(tmp_path / "out", index, prepared(3, fails=1))
    assert not list(tmp_path.iterdir())
