"""FGVC-Aircraft in its official layout, drawn here, from download to report."""

import errno
import io
import tarfile

import pandas as pd
import pytest
from PIL import Image, ImageDraw

from conftest import run_pipeline
from pipeline.datasets import aircraft, sources
from pipeline.datasets.account import Account
from pipeline.disk import files
from pipeline.errors import InputError

ROOT = "fgvc-aircraft-2013b/data"
VARIANTS = ["707-320", "A340-200", "F/A-18"]
SIZE, BANNER = (96, 84), 20


def photo(variant):
    """A plane on the sky, above the banner that the real photos carry."""
    image = Image.new("RGB", SIZE, (120, 170, 220))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 24, 76, 40), fill=["white", "gray", "navy"][VARIANTS.index(variant)])
    draw.rectangle((0, SIZE[1] - BANNER, SIZE[0], SIZE[1]), fill="black")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path):
    photos, lists = {}, {"trainval": [], "test": []}
    for n, variant in enumerate(VARIANTS * 4):
        photos[f"{n:07d}"] = photo(variant)
        lists["test" if n >= 9 else "trainval"].append(f"{n:07d} {variant}")
    texts = {f"images_variant_{split}.txt": "\n".join(lines) + "\n" for split, lines in lists.items()}
    texts |= {"variants.txt": "\n".join(VARIANTS) + "\n"}
    texts |= {"images_box.txt": "".join(f"{name} 21 25 76 40\n" for name in photos)}
    path = tmp_path / "fgvc-aircraft-2013b.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        members = {f"images/{name}.jpg": data for name, data in photos.items()}
        for name, data in (members | {name: text.encode() for name, text in texts.items()}).items():
            info = tarfile.TarInfo(f"{ROOT}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def source(archive):
    return aircraft.Source(reader="aircraft", archive=str(archive), subset=True)


def test_index(source, tmp_path):
    sources.fetch(source, tmp_path / "raw")
    index = sources.read(source, tmp_path / "raw", Account())
    assert index.split.value_counts().to_dict() == {"train": 9, "test": 3}
    assert sorted(index.class_name.unique()) == VARIANTS and index.id[0] == "0000000"
    height = SIZE[1] - BANNER
    assert index.loc[0, ["x0", "y0", "x1", "y1"]].tolist() == [20 / 96, 24 / height, 76 / 96, 40 / height]


def test_the_banner_is_cut_off(source, tmp_path):
    sources.fetch(source, tmp_path / "raw")
    with Image.open(tmp_path / "raw" / ROOT / "images" / "0000000.jpg") as image:
        assert image.size == (96, 64) and image.getpixel((5, 60))[2] > 150


def test_a_subset_must_be_called_one(source, tmp_path):
    sources.fetch(source, tmp_path / "raw")
    with pytest.raises(InputError, match="3 classes, 9 training and 3 test pictures, where Table 1 has 100"):
        sources.read(source.model_copy(update={"subset": False}), tmp_path / "raw", Account())


def test_another_archive(tmp_path):
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("readme.txt"))
    source = aircraft.Source(reader="aircraft", archive=str(tmp_path / "other.tar.gz"), subset=True)
    with pytest.raises(InputError, match="not FGVC-Aircraft 2013b"):
        sources.fetch(source, tmp_path / "raw")


def test_from_download_to_report(archive, project, write_recipe, tiny):
    tiny["download"] = {"reader": "aircraft", "archive": str(archive), "subset": True}
    tiny["train"] |= {"epochs": 1, "warmup_epochs": 0}
    write_recipe(planes=tiny)
    run_pipeline(project)
    metrics = files.read_json(project / "reports" / "metrics" / "planes.json")
    assert set(metrics["acc_avg_per_class"]) == {"1", "2", "3", "ms"}
    table = pd.read_csv(project / "reports" / "planes" / "table-1.csv", index_col=0)
    assert table.loc["ours"].tolist() == [3, 9, 3]
    assert "3 classes, 9 training and 3 test images" in (project / "reports" / "planes" / "index.html").read_text()


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_damaged_archive(source, tmp_path, monkeypatch):
    monkeypatch.setattr(Image.Image, "save", full)
    with (
        pytest.raises(InputError, match=r"cannot be written .*No space left.* free some space") as error,
        files.atomic_write(tmp_path / "raw") as folder,
    ):
        aircraft.fetch(source, folder)
    assert "the archive is damaged" not in str(error.value)


def test_labels_are_in_the_order_in_which_people_sort(source, tmp_path):
    lists = ["1 747-100", "2 A340-200", "3 747-20", "4 a320"]
    folder = tmp_path / ROOT
    (folder / "images").mkdir(parents=True)
    for split in ("trainval", "test"):
        rows = [f"{split}{line}" for line in lists]
        (folder / f"images_variant_{split}.txt").write_text("\n".join(rows) + "\n")
        for row in rows:
            (folder / "images" / f"{row.split()[0]}.jpg").write_bytes(photo("707-320"))
    boxes = [f"{split}{n} 21 25 76 40" for split in ("trainval", "test") for n in range(1, 5)]
    (folder / "images_box.txt").write_text("\n".join(boxes) + "\n")
    table = aircraft.read(source, tmp_path, Account())
    assert dict(zip(table.class_name, table.label, strict=True)) == {
        "747-20": 0,
        "747-100": 1,
        "a320": 2,
        "A340-200": 3,
    }
