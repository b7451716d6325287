"""What a person has in a folder of pictures, and what of it is a picture."""

import os

import pytest
from PIL import Image, features

from pipeline import images
from pipeline.datasets import folder, walk
from pipeline.datasets.account import Account
from pipeline.errors import InputError

COMMON = ("jfif", "jpe", "avif", "webp", "ppm", "pgm", "bmp", "gif", "tif", "tga", "jp2")
RARE = ("qoi", "ico", "mpo", "dds", "pcx", "apng")


@pytest.fixture
def put(tmp_path):
    def put(*paths):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()

    return put


def find(root):
    account = Account()
    return walk.pictures(root, account), account.left_out


def test_nested_folders_and_any_case(put, tmp_path):
    put("gull/2019/may/a.JPG", "gull/b.jpeg", "tern/c.Png")
    assert find(tmp_path) == (["gull/2019/may/a.JPG", "gull/b.jpeg", "tern/c.Png"], {})


@pytest.mark.parametrize(
    "suffix",
    [
        "jfif",
        "jpe",
        "avif",
        "webp",
        "ppm",
        "pgm",
        "bmp",
        "gif",
        "tif",
        "tga",
        "jp2",
        "qoi",
        "ico",
        "mpo",
        "dds",
        "pcx",
        "apng",
    ],
)
def test_formats_that_pillow_decodes(put, tmp_path, suffix):
    put(f"a/1.{suffix}", f"a/2.{suffix.upper()}")
    assert len(find(tmp_path)[0]) == 2


@pytest.mark.parametrize("suffix", ["pdf", "eps", "mpg", "h5", "wmf", "txt", "csv", "npy"])
def test_what_pillow_does_not_decode_by_itself_is_counted(put, tmp_path, suffix):
    put(f"a/1.{suffix}")
    assert find(tmp_path) == ([], {"no picture by its name": [f"a/1.{suffix}"]})


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
@pytest.mark.parametrize("suffix", ["jfif", "avif", "ppm", "jp2", "tga", "qoi", "mpo"])
def test_what_is_taken_by_its_suffix_decodes(tmp_path, suffix):
    Image.new("RGB", (8, 6), "red").save(tmp_path / f"a.{suffix}")
    assert find(tmp_path)[0] == [f"a.{suffix}"]
    assert folder.look((tmp_path / f"a.{suffix}").read_bytes(), "a").size == (8, 6)


def test_heif_without_its_package_is_named(put, tmp_path, monkeypatch):
    monkeypatch.setattr(images, "suffixes", lambda: frozenset({".jpg"}))
    put("a/1.HEIC", "a/2.heif", "a/3.jpg")
    found, left_out = find(tmp_path)
    assert found == ["a/3.jpg"]
    assert left_out == {
        "HEIF, which is read if the package is there: pip install pillow-heif": ["a/1.HEIC", "a/2.heif"]
    }


def test_heif_with_its_package(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    images.suffixes.cache_clear()
    heif = pillow_heif.from_pillow(Image.new("RGB", (8, 6), "red"))
    heif.save(tmp_path / "a.heic")
    assert find(tmp_path)[0] == ["a.heic"]
    assert folder.look((tmp_path / "a.heic").read_bytes(), "a").size == (8, 6)


@pytest.mark.parametrize(
    "junk",
    [
        *(".ipynb_checkpoints/a.jpg", "__MACOSX/gull/a.jpg", "gull/._p0.jpg", "gull/Thumbs.db", ".DS_Store"),
        *("gull/@eaDir/a.jpg", ".git/a.png", "$RECYCLE.BIN/a.jpg", "lost+found/a.jpg", "#recycle/a.jpg", "desktop.ini"),
    ],
)
def test_junk_is_left_out(put, tmp_path, junk):
    put("gull/p0.jpg", junk)
    found, left_out = find(tmp_path)
    assert found == ["gull/p0.jpg"] and sum(map(len, left_out.values())) == 1
    assert [reason for reason in left_out if reason.startswith("hidden, or put there by a system")]


def test_junk_may_have_any_name(put, tmp_path):
    put("gull/p0.jpg", os.fsdecode(b"gull/.m\xf6we\n.jpg"))
    found, left_out = find(tmp_path)
    assert found == ["gull/p0.jpg"] and list(left_out.values()) == [[r"'gull/.m\udcf6we\n.jpg'"]]


def test_links_are_followed_and_loops_end(put, tmp_path):
    put("mine/gull/1.jpg", "elsewhere/tern/2.jpg", "elsewhere/3.jpg")
    (tmp_path / "mine" / "tern").symlink_to(tmp_path / "elsewhere" / "tern")
    (tmp_path / "mine" / "gull" / "3.jpg").symlink_to(tmp_path / "elsewhere" / "3.jpg")
    (tmp_path / "mine" / "gull" / "up").symlink_to("..")
    (tmp_path / "mine" / "gull" / "here").symlink_to(".")
    (tmp_path / "elsewhere" / "tern" / "gull").symlink_to(tmp_path / "mine" / "gull")
    found, left_out = find(tmp_path / "mine")
    assert found == ["gull/1.jpg", "gull/3.jpg", "tern/2.jpg", "tern/gull/1.jpg", "tern/gull/3.jpg"]
    assert left_out == {
        "a link back to a folder that it is in": ["gull/here", "gull/up", "tern/gull/here", "tern/gull/up"]
    }


def test_folders_behind_which_dvc_does_not_look_are_named(put, tmp_path):
    put("elsewhere/a/1.jpg", "mine/b/2.jpg")
    (tmp_path / "mine" / "a").symlink_to(tmp_path / "elsewhere" / "a")
    account = Account()
    assert walk.pictures(tmp_path / "mine", account) == ["a/1.jpg", "b/2.jpg"]
    assert len(account.notes) == 1 and account.notes[0].startswith("1 folders are links, such as a: DVC does not see")
    account = Account()
    walk.pictures(tmp_path / "elsewhere", account)
    assert not account.notes


def test_what_is_no_file_is_not_opened(put, tmp_path):
    put("gull/1.jpg")
    os.mkfifo(tmp_path / "gull" / "2.jpg")
    (tmp_path / "gull" / "3.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "gull" / "4.jpg").symlink_to("4.jpg")
    found, left_out = find(tmp_path)
    assert found == ["gull/1.jpg"]
    assert left_out == {"a link to nothing, or no file": ["gull/2.jpg", "gull/3.jpg", "gull/4.jpg"]}


@pytest.mark.parametrize("name, shown", [(b"m\xf6we", r"m\\udcf6we"), (b"a\nb.jpg", r"a\\nb.jpg")])
def test_a_name_that_is_no_line_of_text_is_named(put, tmp_path, name, shown):
    put("gull/1.jpg")
    (tmp_path / os.fsdecode(name)).mkdir()
    with pytest.raises(InputError, match=f"1 names are not UTF-8 or break lines, such as '{shown}'; rename them"):
        find(tmp_path)


def test_blanks_that_systems_put_into_names(put, tmp_path):
    put("gull/Screenshot at 3.04\u202fPM.png", "gull/\u3000.jpg", "gull/a\u00a0b.jpg")
    assert len(find(tmp_path)[0]) == 3


def test_a_folder_that_cannot_be_listed_is_named(put, tmp_path, monkeypatch):
    put("gull/1.jpg")

    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"cannot be listed \(Permission denied\)"):
        find(tmp_path)
