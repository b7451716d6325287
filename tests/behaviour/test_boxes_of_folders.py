"""Boxes tables of one's own pictures: what they mean, and what is said of them when something is wrong."""

from functools import partial

import pytest
from PIL import Image

import picture_folder
from picture_folder import TEN, account_for, read
from pipeline.errors import InputError


@pytest.fixture
def pictures(tmp_path):
    return partial(picture_folder.put, tmp_path)


def test_several_boxes_are_one_around_them_all(pictures, tmp_path):
    rows = "big gull/0.png,10,5,20,10\nsmall gull/1.png,0,0,40,20\nbig gull/0.png,18,8,30,15\nbig gull/1.png,,,,\n"
    (tmp_path / "boxes.csv").write_text(f"file,x0,y0,x1,y1\n{rows}")
    index, account = account_for(pictures(*TEN), tmp_path, boxes=str(tmp_path / "boxes.csv"))
    boxes = index[index.x0.notna()].set_index("file")[["x0", "y0", "x1", "y1"]]
    assert boxes.T.to_dict("list") == {"big gull/0.png": [0.25, 0.25, 0.75, 0.75], "small gull/1.png": [0, 0, 1, 1]}
    assert sum(account.with_box.values()) == 2


def test_several_boxes_of_a_picture_that_is_written_in_two_ways(pictures, tmp_path):
    """Tables are put together from tools that write paths each in its own way."""
    rows = "big gull/0.png,10,5,20,10\n./big gull/0.png,18,8,30,15\nbig gull\\0.png,12,6,14,8\n"
    (tmp_path / "boxes.csv").write_text(f"file,x0,y0,x1,y1\n{rows}")
    index = read(pictures(*TEN), tmp_path, boxes=str(tmp_path / "boxes.csv")).set_index("file")
    assert index.loc["big gull/0.png", ["x0", "y0", "x1", "y1"]].tolist() == [0.25, 0.25, 0.75, 0.75]
    assert index.x0.notna().sum() == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_picture_with_a_box_and_a_row_without_one(pictures, tmp_path, first):
    """Annotation tools write a row for a picture in which somebody saw nothing, whoever saw something."""
    rows = ["big gull/0.png,,,,\n", "big gull/0.png,10,5,30,15\n"]
    (tmp_path / "boxes.csv").write_text("file,x0,y0,x1,y1\n" + "".join(rows if first else rows[::-1]))
    index = read(pictures(*TEN), tmp_path, boxes=str(tmp_path / "boxes.csv")).set_index("file")
    assert index.loc["big gull/0.png", ["x0", "y0", "x1", "y1"]].tolist() == [0.25, 0.25, 0.75, 0.75]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_boxes_are_in_the_upright_picture(pictures, tmp_path, orientation, suffix):
    """As annotation tools show it: the photo is 40 x 20 as it is stored."""
    root = pictures(*TEN)
    photo = Image.new("RGB", (40, 20))
    exif = photo.getexif()
    exif[0x0112] = orientation
    photo.save(root / "big gull" / f"turned.{suffix}", exif=exif)
    width, height = (20, 40) if orientation > 4 else (40, 20)
    (tmp_path / "boxes.csv").write_text(f"file,x0,y0,x1,y1\nbig gull/turned.{suffix},0,0,{width},{height // 2}\n")
    index = read(root, tmp_path, boxes=str(tmp_path / "boxes.csv")).set_index("file")
    assert index.loc[f"big gull/turned.{suffix}", ["x0", "y0", "x1", "y1"]].tolist() == [0, 0, 1, 0.5]
    (tmp_path / "boxes.csv").write_text(f"file,x0,y0,x1,y1\nbig gull/turned.{suffix},0,0,{width + 1},{height}\n")
    with pytest.raises(InputError, match=f"outside its {width} x {height} picture"):
        read(root, tmp_path, boxes=str(tmp_path / "boxes.csv"))


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
        ("file,x0,y0,x1,y1\nbig gull/0.png,30,15,10,5\n", "line 2: the box of 'big gull/0.png' is empty or outside"),
        ("file,x0,y0,x1,y1\nno.png,1,1,2,2\n", "'no.png' is no picture of the dataset"),
        ("name,x,y,w,h\na,1,1,2,2\n", r"its columns are .*, expected file, x0, y0, x1, y1"),
        ("", "boxes.csv: empty"),
        ("file,x0,y0,x1,y1\nbig gull/0.png,ten,5,30,15\n", "line 2: 'ten' is no number of pixels"),
        ("file,x0,y0,x1,y1\nbig gull/0.png,10,5,30,\n", "line 2: '' is no number of pixels"),
        ("file,x0,y0,x1,y1\nbig gull/0.png,10,5,inf,15\n", "line 2: 'inf' is no number of pixels"),
    ],
)
def test_wrong_boxes(pictures, tmp_path, table, message):
    (tmp_path / "boxes.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        read(pictures(*TEN), tmp_path, boxes=str(tmp_path / "boxes.csv"))


def boxed(tmp_path, *rows):
    """Write a table of boxes."""
    path = tmp_path / "boxes.csv"
    path.write_text("file,x0,y0,x1,y1\n" + "".join(f"{row}\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("rows", [[], ["small gull/1.png,,,,", "big gull/1.png,nan,nan,nan,nan"]])
def test_a_table_of_boxes_without_a_box(pictures, tmp_path, rows):
    with pytest.raises(InputError, match=r"boxes.csv: lists no box; name null"):
        read(pictures(*TEN), tmp_path, boxes=boxed(tmp_path, *rows))


def test_boxes_that_are_shares_of_the_sides_are_not_taken_for_pixels(pictures, tmp_path):
    """They would be boxes of one pixel in the corner, and every overlap nearly nothing."""
    rows = ["small gull/1.png,0.1,0.25,0.9,1", "big gull/1.png,0,0,1.0,0.5"]
    with pytest.raises(InputError, match=r"boxes.csv: all its numbers are 1 or less, .* boxes are in pixels"):
        read(pictures(*TEN), tmp_path, boxes=boxed(tmp_path, *rows))
    assert len(read(pictures(*TEN), tmp_path, boxes=boxed(tmp_path, rows[0], "big gull/1.png,0,0,40,20")))
