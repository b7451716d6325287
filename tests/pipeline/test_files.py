"""Whole or not at all."""

import pytest

from pipeline import files


def test_a_file_that_fails_halfway_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"old": True})
    with pytest.raises(RuntimeError), files.whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert files.read_json(path) == {"old": True} and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_fails_halfway_leaves_the_old_one(tmp_path):
    for content in ("old", "new"):
        with files.whole(tmp_path / "folder") as folder:
            folder.mkdir()
            (folder / "file").write_text(content)
    with pytest.raises(RuntimeError), files.whole(tmp_path / "folder") as folder:
        folder.mkdir()
        raise RuntimeError
    assert (tmp_path / "folder" / "file").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_nothing_is_seen_before_it_is_whole(tmp_path):
    with files.whole(tmp_path / "a") as temporary:
        temporary.write_text("1")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_text() == "1"
