"""The reader of CUB-200-2011 on an archive in its official layout, drawn here."""

import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from pipeline.datasets import cub, sources
from pipeline.datasets.account import Account
from pipeline.errors import InputError

LISTS = {
    "images.txt": "1 001.Albatross/A_1.jpg\n2 001.Albatross/A_2.jpg\n5 002.Auklet/B_1.jpg\n7 002.Auklet/B_2.jpg\n",
    "image_class_labels.txt": "1 1\n2 1\n5 2\n7 2\n",
    "classes.txt": "1 001.Albatross\n2 002.Auklet\n",
    "train_test_split.txt": "1 1\n2 0\n5 1\n7 0\n",
    "bounding_boxes.txt": "1 10.0 5.0 20.0 10.0\n2 0.0 0.0 40.0 20.0\n5 30.0 10.0 15.0 5.0\n7 1.0 1.0 2.0 2.0\n",
}
SUBSET = cub.Source(reader="cub", archive=None, subset=True)


def archive(path, lists=LISTS, stray=True):
    """Write a tar archive in CUB's layout; its pictures are 40 x 20."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in lists.items():
            add(tar, name, text.encode())
        names = [line.split()[1] for line in LISTS["images.txt"].splitlines()]
        for name in names + ["001.Albatross/A_1_rgb.jpg"] * stray:
            buffer = io.BytesIO()
            Image.new("RGB", (40, 20), "green").save(buffer, "JPEG")
            add(tar, f"images/{name}", buffer.getvalue())
    return path


def add(tar, name, data):
    member = tarfile.TarInfo(f"CUB_200_2011/{name}")
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def read(tmp_path, **lists):
    path = archive(tmp_path / "CUB_200_2011.tgz", LISTS | {f"{name}.txt": text for name, text in lists.items()})
    source = SUBSET.model_copy(update={"archive": str(path)})
    sources.fetch(source, tmp_path / "raw")
    return sources.read(source, tmp_path / "raw", Account())


def test_index_keeps_the_official_ids_split_and_boxes(tmp_path):
    index = read(tmp_path)
    assert index.id.tolist() == ["1", "2", "5", "7"]
    assert index.split.tolist() == ["train", "test", "train", "test"]
    assert index.label.tolist() == [0, 0, 1, 1]
    assert index.class_name.tolist() == ["001.Albatross"] * 2 + ["002.Auklet"] * 2
    assert index.loc[0, ["x0", "y0", "x1", "y1"]].tolist() == [0.25, 0.25, 0.75, 0.75]


def test_a_box_that_overruns_its_picture_is_cut_at_the_edge(tmp_path):
    assert read(tmp_path).loc[2, ["x0", "y0", "x1", "y1"]].tolist() == [0.75, 0.5, 1.0, 0.75]


def test_stray_pictures_are_not_read(tmp_path):
    assert len(read(tmp_path)) == 4


def test_lists_with_the_ends_of_lines_of_windows(tmp_path):
    other = {name.removesuffix(".txt"): text.replace("\n", "\r\n") for name, text in LISTS.items()}
    assert read(tmp_path, **other).equals(read(tmp_path))


def test_a_subset_must_be_called_one(tmp_path):
    path = archive(tmp_path / "CUB_200_2011.tgz")
    source = cub.Source(reader="cub", archive=str(path), subset=False)
    with pytest.raises(InputError, match=r"its md5 is .*, the published one is 97eceeb.*subset: true"):
        sources.fetch(source, tmp_path / "raw")
    cub.archive.unpack(path, tmp_path / "raw")
    with pytest.raises(InputError, match="2 classes, 2 training and 2 test pictures, where Table 1 has 200"):
        sources.read(source, tmp_path / "raw", Account())


def test_missing_archive(tmp_path):
    source = SUBSET.model_copy(update={"archive": str(tmp_path / "nowhere.tgz")})
    with pytest.raises(InputError, match=r"nowhere.tgz: the archive that the recipe names is missing"):
        sources.fetch(source, tmp_path / "raw")


def test_another_archive(tmp_path):
    with tarfile.open(tmp_path / "other.tgz", "w:gz") as tar:
        add(tar, "readme.txt", b"hello")
    source = SUBSET.model_copy(update={"archive": str(tmp_path / "other.tgz")})
    with pytest.raises(InputError, match="not CUB-200-2011"):
        sources.fetch(source, tmp_path / "raw")


def test_an_empty_class(tmp_path):
    with pytest.raises(InputError, match=r"class '002.Auklet' has no test picture"):
        read(tmp_path, train_test_split="1 1\n2 0\n5 1\n7 1\n")


def test_lists_that_disagree(tmp_path):
    with pytest.raises(InputError, match=r"002.Auklet/B_2.jpg has no x in the official lists"):
        read(tmp_path, bounding_boxes="1 1 1 2 2\n2 1 1 2 2\n5 1 1 2 2\n")


REAL = Path(__file__).parents[4] / "shared" / "data" / "CUB_200_2011.tgz"


@pytest.mark.skipif(not REAL.is_file(), reason="the ten-class archive is not beside this checkout")
def test_the_ten_class_archive(tmp_path):
    source = SUBSET.model_copy(update={"archive": str(REAL)})
    sources.fetch(source, tmp_path / "raw")
    index = sources.read(source, tmp_path / "raw", Account())
    assert index.label.nunique() == 10
    assert index.split.value_counts().to_dict() == {"train": 300, "test": 243}
