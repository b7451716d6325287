"""Which pictures are meant, in which order, and how many are held at once."""

import io
import os

import pytest
from PIL import Image

from pipeline.errors import InputError
from pipeline.predicting import sources
from pipeline.predicting.sources import Source


def paths(words, given=b""):
    return [source.path for source in sources.find(words, io.BytesIO(given))[0]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b/10.jpg", "b/9.JPG", "a.png", "b/c/1.jpg", "b/.hidden.jpg", "__MACOSX/a.jpg", "notes.txt", "x.heic"):
        (tmp_path / "top" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "top" / name).touch()
    return tmp_path


def test_folders_are_read_to_the_bottom_in_natural_order(folder):
    expected = ["top/a.png", "top/b/9.JPG", "top/b/10.jpg", "top/b/c/1.jpg", "top/x.heic"]
    assert paths(["top"]) == expected and sources.find(["top"], io.BytesIO())[1] == 3
    assert paths(["top/x.heic", "top"]) == ["top/x.heic", *expected]  # as they were named
    assert paths(["-"], b"top\ntop/notes.txt\n") == [*expected, "top/notes.txt"]
    os.chdir("top")
    assert paths(["."])[:2] == ["a.png", "b/9.JPG"]


def test_links_are_followed_and_loops_end(folder):
    (folder / "top" / "up").symlink_to("..")
    (folder / "else").mkdir()
    (folder / "else" / "z.jpg").touch()
    (folder / "top" / "else").symlink_to("../else")
    found = paths(["top"])
    assert "top/else/z.jpg" in found and len(found) == 7  # behind 'up' lies 'top', in which it is, and 'else'


def test_ten_thousand_names_are_found_in_seconds(tmp_path):
    for number in range(10_000):
        (tmp_path / f"{number}.jpg").touch()
    found = paths([str(tmp_path)])
    assert len(found) == 10_000 and found[10].endswith("/10.jpg")


def test_a_folder_that_cannot_be_listed_is_an_error_of_its_own(folder, monkeypatch):
    def refuse(path):
        if str(path) == "top/b":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", refuse)
    found, _ = sources.find(["top"], io.BytesIO())
    bad = [source for source in found if source.error]
    assert [source.path for source in bad] == ["top/b"] and "top/a.png" in [source.path for source in found]
    assert "cannot be listed (Permission denied)" in str(sources.read(bad[0]))


@pytest.mark.parametrize(
    "path, place",
    [
        ("../../a.jpg", "a.jpg"),
        ("/etc/../a.jpg", "etc/a.jpg"),
        ("a/./b.jpg", "a/b.jpg"),
        ("//host/a.jpg", "host/a.jpg"),
    ],
)
def test_outputs_stay_below_their_folder(path, place):
    assert Source(path).mirrored.as_posix() == place


def test_parts_are_bounded_by_pixels_and_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "HELD", 1000)
    made = []
    for number, side in enumerate([10, 20, 20, 20, 40, 1, 1, 1, 1]):
        Image.new("1", (side, side)).save(tmp_path / f"{number}.png")
        made.append(Source(str(tmp_path / f"{number}.png")))
    made.append(Source(str(tmp_path / "missing.png")))
    parts = list(sources.parts(made, 3))
    assert [source for part in parts for source in part] == made
    assert [len(part) for part in parts] == [3, 1, 1, 3, 2]  # 900 pixels; 400; 1600 alone; three; the rest


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(sources.LARGEST + 1)
    error = sources.read(Source(str(tmp_path / "a.jpg")))
    assert isinstance(error, InputError) and str(error) == "has 1.0 GB, and a picture may have 1"
