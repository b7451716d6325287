"""Your own pictures, and what is said of them when something is wrong."""

from functools import partial

import pytest
from PIL import Image

import picture_folder
from picture_folder import TEN, account_for, read
from pipeline.errors import InputError


@pytest.fixture
def pictures(tmp_path):
    return partial(picture_folder.put, tmp_path)


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


def test_a_class_folder_without_pictures_is_no_class(pictures, tmp_path):
    root = pictures(*TEN)
    (root / "third gull" / "2019").mkdir(parents=True)
    assert index_counts(read(root, tmp_path)) == {"big gull": 10, "small gull": 10}


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


def test_a_picture_above_the_limit_is_named_with_boxes_and_without(pictures, tmp_path, monkeypatch):
    root = pictures(*TEN)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    (tmp_path / "boxes.csv").write_text("file,x0,y0,x1,y1\nbig gull/0.png,0,0,2,2\n")
    for boxes in (None, str(tmp_path / "boxes.csv")):
        with pytest.raises(InputError, match=r"20 pictures cannot be decoded.* and 10 more, all named above"):
            read(root, tmp_path, boxes=boxes)


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
