"""The first stage."""

import pytest
from PIL import Image

import command_line
from pipeline.disk import imageset
from pipeline.errors import InputError


def test_raw_files_arrive_whole(finished):
    index, pictures = imageset.read_originals(finished / "data/raw/tiny")
    assert len(index) == 30
    assert all(pictures.read(file).startswith(b"BM") for file in index.file)
    assert sorted(path.name for path in (finished / "data/raw/tiny").iterdir()) == [
        "index.csv",
        "pictures.zip",
        "taken.json",
    ]


def test_a_source_that_fails_leaves_nothing_behind(project, monkeypatch):
    def fail(source, raw):
        (raw / "half").mkdir(parents=True)
        raise InputError("no")

    monkeypatch.setattr("pipeline.datasets.birdlets.fetch", fail)
    with pytest.raises(AssertionError, match="error: no"):
        command_line.run("download", "tiny", "--out", "raw")
    assert not (project / "raw").exists() and not list(project.glob(".raw*"))


def test_what_is_wrong_is_named_where_the_user_has_it(project, write_recipe, tiny):
    for name in ("train/gull/1.png", "train/tern/2.png", "test/gull/3.png"):
        (project / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(project / "shop" / name)
    (project / "shop" / "train" / "tern" / "2.png").write_bytes(b"")
    tiny["download"] = {"reader": "folder", "root": "shop", "test_share": 0.5, "seed": 0, "boxes": None}
    write_recipe(tiny=tiny)
    with pytest.raises(AssertionError, match=r"error: shop: class 'tern' has no test picture"):
        command_line.run("download", "tiny", "--out", "raw")
    Image.new("RGB", (9, 9)).save(project / "shop" / "test" / "gull" / "1.png")
    (project / "shop" / "test" / "tern").mkdir()
    (project / "shop" / "test" / "tern" / "5.png").write_bytes(b"")
    (project / "boxes.csv").write_text("file,x0,y0,x1,y1\ntest/tern/5.png,1,1,2,2\n")
    tiny["download"]["boxes"] = "boxes.csv"
    write_recipe(tiny=tiny)
    with pytest.raises(AssertionError, match=r"error: 2 pictures cannot be decoded.*tern/2.png, shop/test/tern/5.png"):
        command_line.run("download", "tiny", "--out", "raw")


def test_a_name_that_is_not_utf8_is_named_and_nothing_is_written(project, monkeypatch):
    """Neither pandas nor a CSV holds such a name."""
    monkeypatch.setattr("pipeline.datasets.birdlets.read", lambda source, raw: "V\udcf6gel/1.jpg".encode())
    with pytest.raises(AssertionError, match=r"error: V\\udcf6gel/1.jpg: this name is not in UTF-8"):
        command_line.run("download", "tiny", "--out", "raw")
    assert not (project / "raw").exists() and not list(project.glob(".raw*"))
