"""Folders of pictures: the originals, and what a scale reads."""

import os
import shutil
import unicodedata

import numpy as np
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


NAMES = ["1", "007", "True", "NA", "null", "nan", "1e5", "inf", "N/A", "2", "10", "Audi A4 2.0", "鸟", "$a_b$ <i> & %"]
NAMES += [unicodedata.normalize(form, "Émeu") for form in ("NFC", "NFD")]


def originals(names=NAMES):
    """An index of originals: a training and a test picture a class, without boxes."""
    table = pd.DataFrame(
        {
            "id": [f"{name}-{n}" for n in "01" for name in range(len(names))],
            "file": [*names, *(f"test/{name}" for name in names)],
        }
    )
    table["label"], table["class_name"] = list(range(len(names))) * 2, names * 2
    return table.assign(split=["train"] * len(names) + ["test"] * len(names), **dict.fromkeys(imageset.BOX, np.nan))


def test_text_stays_text(tmp_path):
    imageset.write(tmp_path / "out", originals().assign(id=originals().file), prepared(32))
    data = imageset.read(tmp_path / "out")
    assert data.index.id.tolist()[:16] == data.index.file.tolist()[:16] == data.class_names == NAMES


def test_digits_stay_text(tmp_path):
    """A column of names that are all numbers."""
    imageset.write(tmp_path / "out", originals(["07", "1"]).assign(id=["001", "1e5", "010", "2"]), prepared(4))
    data = imageset.read(tmp_path / "out")
    assert data.index.id.tolist() == ["001", "1e5", "010", "2"] and data.class_names == ["07", "1"]
    assert data.read("1e5") == b"jpeg 1"


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


def write_originals(folder, index):
    for file in index.file:
        path = folder / "mine" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.encode())
    imageset.write_originals(folder, index, folder / "mine", {"said": ["2 pictures"]})


def test_originals_that_are_written_are_read(tmp_path):
    index = originals()
    write_originals(tmp_path, index)
    read, pictures = imageset.read_originals(tmp_path)
    pd.testing.assert_frame_equal(read, index)
    assert imageset.read_taken(tmp_path / imageset.TAKEN) == ["2 pictures"]
    assert pictures.read("Audi A4 2.0") == b"Audi A4 2.0"


def test_objects_are_kept_and_where_nobody_says_there_are_none(tmp_path):
    write_originals(tmp_path, originals())
    assert list(imageset.read_objects(tmp_path).columns) == ["id", *imageset.BOX]
    assert not len(imageset.read_objects(tmp_path))
    two = pd.DataFrame([["001", 0.1, 0.2, 0.3, 0.4], ["001", 0.5, 0.6, 0.7, 0.8]], columns=["id", *imageset.BOX])
    imageset.write(tmp_path / "out", originals(), prepared(2 * len(NAMES)), two)
    pd.testing.assert_frame_equal(imageset.read_objects(tmp_path / "out"), two)


FOREIGN = {
    "an id twice": (lambda t: t.assign(id="a"), "the id 'a' is empty or not the only one"),
    "no id": (lambda t: t.assign(id=["", *t.id[1:]]), "the id '' is empty"),
    "another split": (lambda t: t.assign(split="val"), "the split 'val' is neither train nor test"),
    "a gap": (lambda t: t.assign(label=t.label * 2), "the labels do not run from 0 on without a gap"),
    "text for a label": (lambda t: t.assign(label="gull"), "row 1: label is no number, 'gull'"),
    "two names": (lambda t: t.assign(class_name=t.id), "a label has two class names"),
    "a box outside": (lambda t: t.assign(x0=0.5, y0=0, x1=1.5, y1=1), "row 1: the box [0.5, 0.0, 1.5, 1.0] does not"),
    "half a box": (lambda t: t.assign(x0=0.5), "row 1: the box [0.5, nan, nan, nan] does not"),
    "no rows": (lambda t: t[:0], "the labels do not run from 0"),
    "no column": (lambda t: t.drop(columns="split"), "has no column 'split'"),
    "another table": (lambda t: t[["file"]], "has no column 'id'"),
}


@pytest.mark.parametrize("change, reason", FOREIGN.values(), ids=FOREIGN)
def test_an_index_of_something_else(tmp_path, change, reason):
    change(originals()).to_csv(tmp_path / "index.csv", index=False)
    (tmp_path / "pictures.zip").touch()
    with pytest.raises(InputError) as raised:
        imageset.read_originals(tmp_path)
    message = str(raised.value)
    assert reason in message and message.startswith(f"{tmp_path / 'index.csv'}: ") and "\n" not in message
    assert message.endswith("; delete its folder and run 'dvc repro'")


def test_originals_are_no_image_set(tmp_path):
    write_originals(tmp_path, originals())
    (tmp_path / "pictures.zip").rename(tmp_path / "images.zip")
    with pytest.raises(InputError, match=r"index.csv: has no column 'original_width'; delete"):
        imageset.read(tmp_path)


def test_a_picture_that_is_damaged_is_named(tmp_path):
    imageset.write(tmp_path / "out", originals(["a", "b"]), prepared(4))
    with pytest.raises(InputError, match=r"images.zip: 0-0.jpg cannot be decoded .*; delete its folder"):
        imageset.read(tmp_path / "out").open("0-0")


def test_missing_originals(tmp_path):
    with pytest.raises(InputError, match=r"index.csv: missing; 'dvc repro' makes it"):
        imageset.read_originals(tmp_path)


def prepared(n, fails=None):
    for number in range(n):
        if number == fails:
            raise InputError("broken")
        yield f"jpeg {number}".encode(), [64, 48, 0.0, 0.0, 1.0, 1.0, 32, 32, f"d{number}"]


def test_an_image_set_that_is_written_is_read(tmp_path):
    imageset.write(tmp_path / "out", originals(["a", "b"]).assign(digest="old"), prepared(4))
    data = imageset.read(tmp_path / "out")
    assert data.index.id.tolist() == ["0-0", "1-0", "0-1", "1-1"] and data.read("0-1") == b"jpeg 2"
    assert data.index.digest.tolist() == ["d0", "d1", "d2", "d3"], "the columns of another image set are replaced"
    assert data.index[imageset.CROP].to_numpy().tolist() == [[0, 0, 1, 1]] * 4


def test_an_image_that_fails_leaves_no_image_set(index, tmp_path):
    with pytest.raises(InputError, match="broken"):
        imageset.write(tmp_path / "out", index, prepared(3, fails=1))
    assert not list(tmp_path.iterdir())


def test_objects_of_pictures_that_have_several(tmp_path):
    assert imageset.read_objects(tmp_path).empty
    path = tmp_path / "objects.csv"
    path.write_text("id,x0,y0,x1,y1\n")
    assert imageset.read_objects(tmp_path).empty
    path.write_text("id,x0,y0,x1,y1\n007,0.0,0.0,0.5,0.5\n007,0.5,0.5,1.0,1.0\n")
    table = imageset.read_objects(tmp_path)
    assert table.id.tolist() == ["007", "007"] and table.x1.tolist() == [0.5, 1.0]
    path.write_text("id,x0,y0,x1,y1\n007,0.0,0.0,0.5,1.5\n")
    with pytest.raises(InputError, match=r"objects.csv: a box does not lie inside its picture; delete its folder"):
        imageset.read_objects(tmp_path)
