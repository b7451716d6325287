"""What would spoil a training is said before one begins."""

import pandas as pd
import pytest

from pipeline.datasets import index
from pipeline.errors import InputError


@pytest.fixture
def table(tmp_path):
    rows = [[f"{c}{n}", f"{c}{n}.jpg", "ab".index(c), c, s] for c in "ab" for n, s in enumerate(("train", "test"))]
    for row in rows:
        (tmp_path / row[1]).touch()
    frame = pd.DataFrame(rows, columns=["id", "file", "label", "class_name", "split"])
    return frame.assign(x0=0.1, y0=0.1, x1=0.5, y1=0.5)


def test_a_sound_index_passes(table, tmp_path):
    assert index.check(table.assign(extra=1), tmp_path).columns.tolist() == list(index.COLUMNS)


def test_boxes_may_be_missing(table, tmp_path):
    table.loc[1, ["x0", "y0", "x1", "y1"]] = None
    index.check(table, tmp_path)


@pytest.mark.parametrize(
    "column, row, value, message",
    [
        ("id", 1, "a0", "two pictures have one name: a0.jpg, a1.jpg"),
        ("id", 1, "a/1", "'a/1' cannot be a file name"),
        ("file", 2, "lost.jpg", "lost.jpg: missing"),
        ("split", 1, "train", "class 'a' has no test picture"),
        ("split", 2, "test", "class 'b' has no train picture"),
        ("x1", 0, 1.5, "a0.jpg: its box .* is empty or outside the picture"),
        ("x1", 0, 0.1, "a0.jpg: its box .* is empty or outside the picture"),
    ],
)
def test_errors_name_what_is_wrong(table, tmp_path, column, row, value, message):
    table.loc[row, column] = value
    with pytest.raises(InputError, match=message):
        index.check(table, tmp_path)


def test_all_pictures_that_cannot_be_read_are_named_at_once(table, tmp_path):
    corners = [pd.Series(1.0, index=table.index) for _ in range(4)]
    message = f"^{tmp_path}: 4 pictures cannot be decoded, for the reasons above: {', '.join(table.file)}; replace"
    with pytest.raises(InputError, match=message):
        index.with_boxes(table, tmp_path, *corners)


@pytest.mark.parametrize("file", ["../a.jpg", "/etc/passwd", "x/../../a.jpg"])
def test_a_picture_outside_of_the_dataset_is_not_looked_at(table, tmp_path, file):
    table.loc[0, "file"] = file
    with pytest.raises(InputError, match="which lies outside of the dataset"):
        index.with_boxes(table, tmp_path, *(table[side] for side in ("x0", "y0", "x1", "y1")))


def test_one_class(table, tmp_path):
    with pytest.raises(InputError, match="1 class found; telling look-alikes apart takes at least two"):
        index.check(table[table.label == 0], tmp_path)


def test_labels_with_a_gap(table, tmp_path):
    with pytest.raises(InputError, match=r"labels must run from 0 to 1, found \[0, 5\]"):
        index.check(table.replace({"label": {1: 5}}), tmp_path)
