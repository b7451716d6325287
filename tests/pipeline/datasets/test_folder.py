"""Your own pictures, and what is said of them when something is wrong."""

import pytest
from PIL import Image

from pipeline.datasets import folder, sources
from pipeline.datasets.account import Account
from pipeline.errors import InputError

SOURCE = {"reader": "folder", "test_share": 0.3, "seed": 0, "boxes": None}


@pytest.fixture
def pictures(tmp_path):
    """Put pictures at some paths."""

    def put(*paths):
        for path in paths:
            target = tmp_path / "mine" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 20), "red").save(target)
        return tmp_path / "mine"

    return put


def read(root, tmp_path, **changes):
    source = folder.Source(**SOURCE | {"root": str(root)} | changes)
    raw = sources.fetch(source, tmp_path / "raw")
    return sources.read(source, raw, Account())


TEN = [f"{c}/{n}.png" for c in ("big gull", "small gull") for n in range(10)]


def test_a_split_that_is_there_is_kept(pictures, tmp_path):
    root = pictures(*[f"{split}/{c}/{n}.jpg" for split in ("train", "test") for c in "ab" for n in range(2)])
    index = read(root, tmp_path)
    assert index.groupby(["class_name", "split"]).size().tolist() == [2] * 4
    assert index.id.tolist()[0] == "train-a-0" and index.x0.isna().all()


def test_a_drawn_split_is_reproducible_and_stable(pictures, tmp_path):
    root = pictures(*TEN)
    one = read(root, tmp_path)
    assert one.groupby(["class_name", "split"]).size().tolist() == [3, 7, 3, 7]
    pictures("third gull/0.png", "third gull/1.png")
    (tmp_path / "again").mkdir()
    two = read(root, tmp_path / "again")
    assert two[two.class_name != "third gull"].split.tolist() == one.split.tolist()
    (tmp_path / "other").mkdir()
    other = read(root, tmp_path / "other", seed=1)
    assert other[other.class_name != "third gull"].split.tolist() != one.split.tolist()


def test_what_is_no_picture_is_passed_over(pictures, tmp_path):
    root = pictures(*TEN)
    (root / "big gull" / "notes.txt").write_text("hello")
    (root / "readme.md").write_text("hello")
    assert len(read(root, tmp_path)) == 20


def test_boxes(pictures, tmp_path):
    (tmp_path / "boxes.csv").write_text("file,x0,y0,x1,y1\nbig gull/0.png,10,5,30,15\n")
    index = read(pictures(*TEN), tmp_path, boxes=str(tmp_path / "boxes.csv")).set_index("file")
    assert index.loc["big gull/0.png", ["x0", "y0", "x1", "y1"]].tolist() == [0.25, 0.25, 0.75, 0.75]
    assert index.x0.notna().sum() == 1


@pytest.mark.parametrize(
    "table, message",
    [
        (
            "file,x0,y0,x1,y1\nbig gull/0.png,10,5,300,15\n",
            "'big gull/0.png' is empty or outside its 40 x 20",
        ),
        ("file,x0,y0,x1,y1\nbig gull/0.png,10,5,10,15\n", "the box of 'big gull/0.png' is empty or outside"),
        ("file,x0,y0,x1,y1\nno.png,1,1,2,2\n", "'no.png' is no picture of the dataset"),
        ("name,x,y,w,h\na,1,1,2,2\n", r"its columns are .*, expected file, x0, y0, x1, y1"),
    ],
)
def test_wrong_boxes(pictures, tmp_path, table, message):
    (tmp_path / "boxes.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        read(pictures(*TEN), tmp_path, boxes=str(tmp_path / "boxes.csv"))


@pytest.mark.parametrize(
    "paths, message",
    [
        ([f"a/{n}.png" for n in range(5)], "1 class found"),
        (["train/a/0.jpg", "train/b/0.jpg", "test/a/0.jpg"], "class 'b' has no test picture"),
        (["a/0.png", "b/0.png"], "class 'a' has no train picture"),
        (["a/0.png", "a/0.jpg", "a/1.png", "b/0.png", "b/1.png"], "two pictures have one name: a/0.jpg, a/0.png"),
        (["0.png"], "no pictures in CLASS"),
    ],
    ids=["one class", "no test picture", "no training picture", "two of one name", "no classes"],
)
def test_errors_come_before_any_training(pictures, tmp_path, paths, message):
    with pytest.raises(InputError, match=message):
        read(pictures(*paths), tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="the folder that the recipe names as 'root' is missing"):
        read(tmp_path / "nowhere", tmp_path)
