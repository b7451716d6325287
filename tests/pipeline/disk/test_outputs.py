"""Outputs lie where DVC can keep them, and replace nothing of a user's."""

import os
from pathlib import Path

import pytest

from pipeline.disk import files, outputs
from pipeline.errors import InputError


@pytest.fixture
def git_checkout(tmp_path, monkeypatch):
    """A git checkout to stand in, and another disk beside it."""
    for name in ("checkout/.git", "disk/real"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "checkout")
    return tmp_path / "checkout"


LINKED = ["data", "data/raw", "data/tiny", "data/raw/tiny", "runs", "runs/tiny", "runs/tiny/train", "reports/tiny"]


@pytest.mark.parametrize("name", LINKED)
def test_a_folder_of_outputs_that_is_a_link_is_refused_in_a_git_checkout_alone(git_checkout, name):
    """DVC says 'outside of git repository', after the training; without git it follows the link."""
    (git_checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (git_checkout / name).symlink_to(git_checkout.parent / "disk" / "real")
    with pytest.raises(InputError, match=rf"^{name}: is a link to .*real, .*'dvc cache dir --local FOLDER'"):
        outputs.check(["tiny"])
    (git_checkout / ".git").rmdir()
    outputs.check(["tiny"])


@pytest.mark.parametrize("name", ["data/archives", "data/gulls", "runs/unfinished", ".dvc/cache", "runs/other"])
def test_links_that_are_no_outputs_of_the_plan_are_the_users(git_checkout, name):
    (git_checkout / name).parent.mkdir(parents=True)
    (git_checkout / name).symlink_to(git_checkout.parent / "disk" / "real")
    outputs.check(["tiny"])


def test_files_that_dvc_links_to_its_cache_are_no_links_of_a_user(git_checkout):
    """As with 'dvc config cache.type symlink', which the message proposes."""
    folder = git_checkout / "runs" / "tiny" / "train"
    folder.mkdir(parents=True)
    (git_checkout.parent / "disk" / "weights").touch()
    (folder / "weights.safetensors").symlink_to(git_checkout.parent / "disk" / "weights")
    outputs.check(["tiny"])


@pytest.mark.parametrize("name", ["data", "runs/tiny", "reports/metrics", ".dvc/cache"])
def test_a_link_to_nothing_and_a_file_in_the_place_of_a_folder(git_checkout, name):
    (git_checkout / name).parent.mkdir(exist_ok=True)
    (git_checkout / name).symlink_to("nothing")
    with pytest.raises(InputError, match=f"^{name}: is a link to nothing, which is not there"):
        outputs.check(["tiny"])
    (git_checkout / name).unlink()
    (git_checkout / name).touch()
    with pytest.raises(InputError, match=f"^{name}: is a file, and DVC keeps a folder there"):
        outputs.check(["tiny"])


def test_a_folder_that_the_user_cannot_write(git_checkout, monkeypatch):
    (git_checkout / "runs").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(InputError, match=r"^runs: this user cannot write there"):
        outputs.check(["tiny"])


def test_a_project_in_a_path_that_is_not_utf8(tmp_path, monkeypatch):
    folder = tmp_path / "s\udcfft"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"s\\udcfft: DVC needs a path in UTF-8: rename it"):
        outputs.check(["tiny"])


def test_a_stage_by_hand_replaces_no_folder_of_the_users(git_checkout):
    Path("photos").mkdir()
    Path("photos/gull.jpg").touch()
    with (
        pytest.raises(InputError, match=r"^photos: is there, and would be replaced; .* name a new folder"),
        files.atomic_write(Path("photos")),
    ):
        raise AssertionError("before any work")
    assert [path.name for path in Path("photos").iterdir()] == ["gull.jpg"]


@pytest.mark.parametrize("name", ["data/tiny", "runs/tiny/train", "reports/tiny", "new", "empty", "here/../runs/x"])
def test_what_stages_may_replace(git_checkout, name):
    Path("empty").mkdir()
    Path("here").mkdir()
    if name not in ("new", "empty"):
        Path(name).mkdir(parents=True)
        (Path(name) / "old").touch()
    with files.atomic_write(Path(name)) as folder:
        folder.mkdir()
        (folder / "new").touch()
    assert [path.name for path in Path(name).iterdir()] == ["new"]


@pytest.mark.parametrize(
    "name", ["data", "runs", "reports", "data/raw", "data/archives", "reports/metrics", "data/archives/cub"]
)
def test_what_no_stage_may_replace(git_checkout, name):
    Path(name, "theirs").mkdir(parents=True)
    with pytest.raises(InputError, match=rf"^{name}: is there, and would be replaced"), files.atomic_write(Path(name)):
        raise AssertionError("before any work")
    assert Path(name, "theirs").is_dir()


def test_an_output_that_is_a_link_is_replaced_where_it_leads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("disk/data/gulls").mkdir(parents=True)
    Path("data").mkdir()
    Path("data/gulls").symlink_to(Path("disk/data/gulls").resolve())
    with files.atomic_write(Path("data/gulls")) as folder:
        folder.mkdir()
        (folder / "new").touch()
    assert Path("data/gulls").is_symlink() and Path("disk/data/gulls/new").is_file()


def test_a_file_that_dvc_has_linked_to_its_cache_is_replaced_and_the_cache_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cached").write_text("of an earlier run")
    Path("metrics.json").symlink_to("cached")
    files.write_json(Path("metrics.json"), {})
    assert Path("cached").read_text() == "of an earlier run"
    assert not Path("metrics.json").is_symlink() and Path("metrics.json").read_text() == "{}\n"
