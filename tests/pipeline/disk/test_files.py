"""Whole or not at all."""

import errno
import os
import resource
import subprocess

import pytest
import torch
from safetensors.torch import save_file

from pipeline.disk import files
from pipeline.errors import InputError


def test_a_file_that_fails_halfway_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"old": True})
    with pytest.raises(RuntimeError), files.atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert files.read_json(path) == {"old": True} and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_fails_halfway_leaves_the_old_one(tmp_path):
    for content in ("old", "new"):
        with files.atomic_write(tmp_path / "folder") as folder:
            folder.mkdir()
            (folder / "file").write_text(content)
    with pytest.raises(RuntimeError), files.atomic_write(tmp_path / "folder") as folder:
        folder.mkdir()
        raise RuntimeError
    assert (tmp_path / "folder" / "file").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_nothing_is_seen_before_it_is_whole(tmp_path):
    with files.atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("1")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_text() == "1"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def small_files(tmp_path):
    """A limit of one megabyte a file, which needs no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_bytes(path):
    path.write_bytes(bytes(2 << 20))


def write_tensors(path):
    save_file({"a": torch.zeros(1 << 20)}, path)


def write_many(path):
    path.mkdir()
    for n in range(10):
        (path / str(n)).write_bytes(bytes(200_000 + (n == 9) * (1 << 20)))


@pytest.mark.parametrize("disk", ["small_disk", "small_files"])
@pytest.mark.parametrize("write", [write_bytes, write_tensors, write_many])
def test_a_full_disk_is_named_and_the_old_file_stays(request, disk, write):
    folder = request.getfixturevalue(disk)
    files.write_json(folder / "results", {"old": True})
    with (
        pytest.raises(InputError, match=r"results: cannot be written .* free some space"),
        files.atomic_write(folder / "results") as temporary,
    ):
        write(temporary)
    assert files.read_json(folder / "results") == {"old": True}
    assert len(list(folder.glob(".*.partial"))) == 0


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(OSError), files.atomic_write(tmp_path / "a"):
        raise OSError(errno.EIO, "broken")


def test_what_a_killed_job_left_is_swept(tmp_path):
    dead, zombie = subprocess.Popen(["true"]), subprocess.Popen(["true"])
    dead.wait()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has collected it
    for pid in (dead.pid, zombie.pid):
        (tmp_path / f".folder.{files.MACHINE}.{pid}.partial").mkdir()
    lives = tmp_path / f".folder.{files.MACHINE}.{os.getppid()}.partial"
    elsewhere = tmp_path / f".folder.another-machine.{dead.pid}.partial"  # the number says nothing here
    for folder in (lives, elsewhere):
        folder.mkdir()
    with files.atomic_write(tmp_path / "folder") as folder:
        folder.mkdir()
    assert sorted(tmp_path.iterdir()) == sorted([lives, elsewhere, tmp_path / "folder"])
    zombie.wait()


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
        files.check_folders(["tiny"])
    (git_checkout / ".git").rmdir()
    files.check_folders(["tiny"])


@pytest.mark.parametrize("name", ["data/archives", "data/gulls", "runs/unfinished", ".dvc/cache", "runs/other"])
def test_links_that_are_no_outputs_of_the_plan_are_the_users(git_checkout, name):
    (git_checkout / name).parent.mkdir(parents=True)
    (git_checkout / name).symlink_to(git_checkout.parent / "disk" / "real")
    files.check_folders(["tiny"])


def test_files_that_dvc_links_to_its_cache_are_no_links_of_a_user(git_checkout):
    """As with 'dvc config cache.type symlink', which the message proposes."""
    folder = git_checkout / "runs" / "tiny" / "train"
    folder.mkdir(parents=True)
    (git_checkout.parent / "disk" / "weights").touch()
    (folder / "weights.safetensors").symlink_to(git_checkout.parent / "disk" / "weights")
    files.check_folders(["tiny"])


@pytest.mark.parametrize("name", ["data", "runs/tiny", "reports/metrics", ".dvc/cache"])
def test_a_link_to_nothing_and_a_file_in_the_place_of_a_folder(git_checkout, name):
    (git_checkout / name).parent.mkdir(exist_ok=True)
    (git_checkout / name).symlink_to("nothing")
    with pytest.raises(InputError, match=f"^{name}: is a link to nothing, which is not there"):
        files.check_folders(["tiny"])
    (git_checkout / name).unlink()
    (git_checkout / name).touch()
    with pytest.raises(InputError, match=f"^{name}: is a file, and DVC keeps a folder there"):
        files.check_folders(["tiny"])


def test_a_folder_that_the_user_cannot_write(git_checkout, monkeypatch):
    (git_checkout / "runs").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(InputError, match=r"^runs: this user cannot write there"):
        files.check_folders(["tiny"])


def test_a_project_in_a_path_that_is_not_utf8(tmp_path, monkeypatch):
    folder = tmp_path / "s\udcfft"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"s\\udcfft: DVC needs a path in UTF-8: rename it"):
        files.check_folders(["tiny"])
