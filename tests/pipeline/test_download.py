"""The first stage."""

import hashlib

import pytest
from PIL import Image

import command_line
from conftest import ROOT
from pipeline.disk import imageset
from pipeline.errors import InputError


def test_raw_files_arrive_whole(finished):
    index, pictures = imageset.read_originals(finished / "data/raw/tiny")
    assert len(index) == 30
    assert all(pictures.read(file).startswith(b"BM") for file in index.file)
    assert sorted(path.name for path in (finished / "data/raw/tiny").iterdir()) == [
        "index.csv",
        "objects.csv",
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
    monkeypatch.setattr("pipeline.datasets.birdlets.read", lambda *_: "V\udcf6gel/1.jpg".encode())
    with pytest.raises(AssertionError, match=r"error: V\\udcf6gel/1.jpg: this name is not in UTF-8"):
        command_line.run("download", "tiny", "--out", "raw")
    assert not (project / "raw").exists() and not list(project.glob(".raw*"))


def test_what_lies_in_its_folder_by_mistake_is_not_lost(project):
    command_line.run("download", "tiny", "--out", "data/raw/tiny")
    (project / "data/raw/tiny/my-photo.jpg").touch()
    with pytest.raises(AssertionError, match=r"error: data/raw/tiny/my-photo.jpg: lies where this stage writes"):
        command_line.run("download", "tiny", "--out", "data/raw/tiny")
    (project / "data/raw/tiny/my-photo.jpg").unlink()
    command_line.run("download", "tiny", "--out", "data/raw/tiny")


@pytest.fixture
def photos(project, write_recipe, tiny):
    """A project with a recipe for photos of the user's own, as large as photos are beside everything else."""
    for n in range(12):
        path = project / "mine" / ("gull", "tern")[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((700, 500), 60 + n).save(path)
    tiny["download"] = {"reader": "folder", "root": "mine", "test_share": 0.5, "seed": 0, "boxes": None}
    write_recipe(tiny=tiny)
    return project


def commit(project):
    """Let DVC take what was downloaded and prepared into its cache, with this project's own configuration of DVC."""
    from dvc.repo import Repo

    if not (project / ".dvc").exists():
        Repo.init(str(project), no_scm=True)
        config = (ROOT / ".dvc" / "config").read_text()
        (project / ".dvc" / "config").write_text(config.replace("[core]", "[core]\n    no_scm = true"))
        stages = {"download": "data/raw/tiny", "prepare": "data/tiny/scale-1"}
        lines = [f"  {name}:\n    cmd: 'true'\n    outs: [{out}]\n" for name, out in stages.items()]
        (project / "dvc.yaml").write_text("stages:\n" + "".join(lines))
    Repo(str(project)).commit(force=True)


def on_disk(folder):
    """Sum the bytes below a folder, those of a file with several names once; DVC's own notes apart."""
    found = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    notes = {path.stat().st_ino for path in (folder / ".dvc" / "tmp").rglob("*") if path.is_file()}
    return sum(size for inode, size in found.items() if inode not in notes)


def damaged(project):
    """List the files of DVC's cache whose content is not what their name says."""
    files = [path for path in (project / ".dvc" / "cache").rglob("*") if path.is_file()]
    assert files
    names = {path: path.parent.name + path.name.removesuffix(".dir") for path in files}
    return [path for path in files if hashlib.md5(path.read_bytes()).hexdigest() != names[path]]


def test_photos_take_little_more_than_their_own_size(photos):
    theirs = on_disk(photos / "mine")
    command_line.run("download", "tiny", "--out", "data/raw/tiny")
    command_line.run("prepare", "tiny", "--raw", "data/raw/tiny", "--out", "data/tiny/scale-1")
    commit(photos)
    assert on_disk(photos) - theirs < 1.3 * theirs


def test_a_stage_by_hand_writes_nothing_into_the_cache(photos):
    """DVC's copy and the project's are one file: what is written anew must be another."""
    pictures = photos / "data/raw/tiny/pictures.zip"
    for seed in range(2):
        for name in ("gull", "tern"):
            Image.new("RGB", (8, 8), (seed, 0, 0)).save(photos / "mine" / name / "0.png")
        command_line.run("download", "tiny", "--out", "data/raw/tiny")
        command_line.run("prepare", "tiny", "--raw", "data/raw/tiny", "--out", "data/tiny/scale-1")
        if not seed:
            commit(photos)
            assert pictures.stat().st_nlink == 2
    assert pictures.stat().st_nlink == 1 and not damaged(photos)
    for _ in range(2):  # what is computed again, and is the same, is linked again
        commit(photos)
        assert pictures.stat().st_nlink == 2 and not damaged(photos)
        command_line.run("download", "tiny", "--out", "data/raw/tiny")


def test_what_was_taken_and_left_out_is_printed_and_kept(photos):
    (photos / "mine" / "gull" / "notes.txt").write_text("seen in May")
    said = command_line.run("download", "tiny", "--out", "raw")
    assert "gull: 3 training, 3 test\ntern: 3 training, 3 test\n" in said
    kept = imageset.read_taken(photos / "raw" / "taken.json")
    assert kept == [
        "2 classes, 6 training and 6 test pictures",
        "left out, no picture by its name: 1: gull/notes.txt",
    ]
    assert said.endswith("\n".join(kept) + "\n")
