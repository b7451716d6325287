"""The folder that a scale reads."""

import pandas as pd
import pytest

from pipeline import imageset
from pipeline.errors import InputError
from pipeline.imageset import ImageSet


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
