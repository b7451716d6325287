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


def account_for(root, tmp_path, **changes):
    source = folder.Source(**SOURCE | {"root": str(root)} | changes)
    raw, account = sources.fetch(source, tmp_path / "raw"), Account()
    return sources.read(source, raw, account), account


def read(root, tmp_path, **changes):
    return account_for(root, tmp_path, **changes)[0]


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
    index, account = account_for(root, tmp_path)
    assert len(index) == 20
    assert account.left_out == {"no picture by its name": ["big gull/notes.txt", "readme.md"]}


def split_of(index):
    return index.groupby(["class_name", "split"]).size().to_dict()


def test_folders_inside_a_class_belong_to_it(pictures, tmp_path):
    root = pictures(
        *[f"{c}/{year}/{n}.jpg" for c in "ab" for year in ("2019", "2020/may") for n in range(2)], "a/4.jpg"
    )
    assert index_counts(read(root, tmp_path)) == {"a": 5, "b": 4}


def index_counts(index):
    return index.class_name.value_counts().to_dict()


@pytest.mark.parametrize("second", ["test", "Test", "TESTING", "val", "valid", "Validation"])
def test_train_beside_any_name_for_the_rest(pictures, tmp_path, second):
    root = pictures(*[f"{split}/{c}/{n}.jpg" for split in ("Train", second) for c in "ab" for n in range(2)])
    index, account = account_for(root, tmp_path)
    assert split_of(index) == {("a", "test"): 2, ("a", "train"): 2, ("b", "test"): 2, ("b", "train"): 2}
    assert account.notes == (
        []
        if second.lower().startswith("test")
        else ["the 4 pictures of 'val' are the test split, as there is no other"]
    )


def test_val_joins_training_where_there_is_a_test_split(pictures, tmp_path):
    root = pictures(*[f"{split}/{c}/0.jpg" for split in ("train", "val", "test") for c in "ab"])
    index, account = account_for(root, tmp_path)
    assert index.groupby("split").file.apply(list).to_dict() == {
        "test": ["test/a/0.jpg", "test/b/0.jpg"],
        "train": ["train/a/0.jpg", "train/b/0.jpg", "val/a/0.jpg", "val/b/0.jpg"],
    }
    assert account.notes == ["the 2 pictures of 'val' are training pictures too"]


def test_pictures_beside_the_classes_are_counted_and_named(pictures, tmp_path):
    split = [f"{split}/{c}/0.jpg" for split in ("train", "test") for c in "ab"]
    root = pictures(*split, "top.jpg", "train/loose.jpg", "extra/a/1.jpg")
    index, account = account_for(root, tmp_path)
    assert sorted(index.file) == sorted(split)
    assert account.left_out == {
        "in no class folder": ["top.jpg", "train/loose.jpg"],
        "in a folder beside those of the split": ["extra/a/1.jpg"],
    }


def test_a_class_called_train_is_a_class(pictures, tmp_path):
    root = pictures(*[f"{c}/{n}.jpg" for c in ("train", "bus", "test") for n in range(4)])
    assert index_counts(read(root, tmp_path)) == {"train": 4, "bus": 4, "test": 4}


def test_a_class_folder_that_is_a_link(pictures, tmp_path):
    root = pictures(*TEN)
    (root / "big gull").rename(tmp_path / "elsewhere")
    (root / "big gull").symlink_to(tmp_path / "elsewhere")
    assert len(read(root, tmp_path)) == 20


def test_one_class_in_both_unicode_forms(pictures, tmp_path):
    root = pictures(*[f"{s}/{c}/0.jpg" for s, c in (("train", "m\u00f6we"), ("test", "mo\u0308we"))])
    pictures("train/b/0.jpg", "test/b/0.jpg")
    assert index_counts(read(root, tmp_path)) == {"m\u00f6we": 2, "b": 2}


def test_classes_are_numbered_as_people_sort(pictures, tmp_path):
    index = read(pictures(*[f"{c}/{n}.jpg" for c in ("10", "2", "NA", "1") for n in range(2)]), tmp_path)
    assert index.groupby("label").class_name.first().tolist() == ["1", "2", "10", "NA"]


def test_names_that_differ_only_in_what_ids_cannot_have(pictures, tmp_path):
    root = pictures(
        "\U0001f426/0.jpg", "\U0001f426/1.jpg", "\U0001f985/0.jpg", "\U0001f985/1.jpg", "a b/1.jpg", "a-b/1.jpg"
    )
    index = read(pictures("a b/2.jpg", "a-b/2.jpg"), tmp_path)
    assert index.id.is_unique and len(index) == 8 and root.is_dir()


def test_all_bad_pictures_are_named_at_once_or_left_out(pictures, tmp_path, capsys):
    root = pictures(*TEN)
    for n in (3, 5):
        (root / "big gull" / f"{n}.png").write_bytes(b"oops")
    (root / "small gull" / "7.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(
        InputError, match=r"^3 pictures cannot be decoded.*3.png, .*5.png, .*7.png.*'broken: leave-out'"
    ):
        read(root, tmp_path)
    assert "7.png: cannot be decoded (it is a pointer of Git LFS" in capsys.readouterr().out
    index, account = account_for(root, tmp_path, broken="leave-out")
    assert index_counts(index) == {"big gull": 8, "small gull": 9}
    assert account.left_out == {"cannot be decoded": ["big gull/3.png", "big gull/5.png", "small gull/7.png"]}


def test_equal_pictures_on_both_sides_are_named(pictures, tmp_path):
    root = pictures(*[f"{split}/{c}/0.png" for split in ("train", "test") for c in "ab"])
    for n, path in enumerate(sorted(root.rglob("*.png"))):
        Image.new("RGB", (9, 9), (n * 40, 0, 0)).save(path)
    (root / "test/a/1.png").write_bytes((root / "train/a/0.png").read_bytes())
    with Image.open(root / "train/b/0.png") as picture:
        picture.save(root / "test/b/1.bmp")
    _, account = account_for(root, tmp_path)
    assert account.equal == [
        ["train/a/0.png", "test/a/1.png", "every byte"],
        ["train/b/0.png", "test/b/1.bmp", "every pixel"],
    ]
    assert any(line.startswith("2 equal pictures in both splits: train/a/0.png = ") for line in account.lines())


def test_groups_stay_on_one_side(pictures, tmp_path):
    root = pictures(*TEN)
    (tmp_path / "split.csv").write_text("file,group\n" + "".join(f"{file},{int(file[-5]) // 2}\n" for file in TEN))
    index = read(root, tmp_path, split=str(tmp_path / "split.csv"))
    group = index.file.str[-5].astype(int) // 2
    assert (index.split.groupby(group).nunique() == 1).all() and set(index.split) == {"train", "test"}


def test_a_table_gives_the_split(pictures, tmp_path):
    root = pictures(*TEN)
    rows = [f"{file},{'test' if file[-5] == '0' else 'train'}\n" for file in TEN]
    (tmp_path / "split.csv").write_text("file,split\n" + "".join(rows))
    index = read(root, tmp_path, split=str(tmp_path / "split.csv"))
    assert index.file[index.split == "test"].tolist() == ["big gull/0.png", "small gull/0.png"]


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


def test_a_picture_above_the_limit_is_named_with_boxes_and_without(pictures, tmp_path, monkeypatch):
    root = pictures(*TEN)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    (tmp_path / "boxes.csv").write_text("file,x0,y0,x1,y1\nbig gull/0.png,0,0,2,2\n")
    for boxes in (None, str(tmp_path / "boxes.csv")):
        with pytest.raises(InputError, match=r"20 pictures cannot be decoded.* and 10 more, all named above"):
            read(root, tmp_path, boxes=boxes)


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


@pytest.mark.parametrize(
    "paths, message",
    [
        ([f"a/{n}.png" for n in range(5)], "1 class found"),
        (["train/a/0.jpg", "train/b/0.jpg", "test/a/0.jpg"], "class 'b' has no test picture"),
        (["a/0.png", "b/0.png"], "class 'a' has no train picture"),
        (["a/0.png", "a/0.jpg", "a/1.png", "b/0.png", "b/1.png"], "two pictures have one name: a/0.jpg, a/0.png"),
        (["0.png"], r"no pictures in CLASS.* left out, in no class folder: 1: 0.png"),
        (["train/0.png", "test/1.png"], "no pictures in CLASS.* left out, in no class folder: 2"),
        (["train/a/0.png", "train/b/1.png", "test/1.png"], "1 pictures are in none, such as test/1.png; to draw"),
        (
            ["images/a/0.png", "images/b/1.png"],
            "1 class found, 'images', which holds folders .*images as 'root'",
        ),
    ],
    ids=[
        *("one class", "no test picture", "no training picture", "two of one name", "no classes", "flat split"),
        *("test pictures without labels", "one folder too high"),
    ],
)
def test_errors_come_before_any_training(pictures, tmp_path, paths, message):
    with pytest.raises(InputError, match=message):
        read(pictures(*paths), tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="the folder that the recipe names as 'root' is missing"):
        read(tmp_path / "nowhere", tmp_path)


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


def test_classes_whose_names_are_nearly_one_are_said(pictures, tmp_path):
    root = pictures(*(f"{c}/{n}.png" for c in ("Gull", "gull", "gull ", "tern") for n in range(2)))
    _, account = account_for(root, tmp_path)
    assert "'Gull' and 'gull' and 'gull ' are read as 3 classes" in account.lines()


@pytest.mark.parametrize("name, kind", [("root", "folder"), ("boxes", "table"), ("split", "table")])
def test_a_folder_where_a_table_is_named_and_the_reverse(pictures, tmp_path, name, kind):
    root = pictures(*TEN)
    other = root / "big gull" / "0.png" if kind == "folder" else root
    with pytest.raises(InputError, match=f"the {kind} that the recipe names as '{name}' is something else"):
        account_for(**{"root": root, "tmp_path": tmp_path, name: str(other)})


def test_a_root_is_named_as_the_recipe_names_it(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "pics").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match=r"^\.\./pics: no pictures"):
        read("../pics", tmp_path)
