"""Whole or not at all."""

import errno
import os
import resource
import subprocess
from pathlib import Path

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


def test_a_folder_that_fails_halfway_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    for content in ("old", "new"):
        with files.atomic_write(runs / "folder") as folder:
            folder.mkdir()
            (folder / "file").write_text(content)
    with pytest.raises(RuntimeError), files.atomic_write(runs / "folder") as folder:
        folder.mkdir()
        raise RuntimeError
    assert (runs / "folder" / "file").read_text() == "new" and len(list(runs.iterdir())) == 1


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


def test_an_old_folder_that_cannot_be_deleted_is_replaced_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    monkeypatch.setattr(files.outputs, "check_replaced", lambda path: None)
    unlink = os.unlink

    def refuse(path, **words):
        if str(path).endswith("old"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        unlink(path, **words)

    monkeypatch.setattr(os, "unlink", refuse)
    with files.atomic_write(tmp_path / "out") as folder:
        folder.mkdir()
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


def test_an_old_folder_comes_back_where_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    monkeypatch.setattr(files.outputs, "check_replaced", lambda path: None)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(5, "broken")))
    with pytest.raises(OSError, match="broken"), files.atomic_write(tmp_path / "out") as folder:
        folder.mkdir()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]


def test_a_files_digest_is_that_of_sha256sum(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(os.urandom(3_000_000))
    expected = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]
    assert files.sha256(path, "") == expected
    with pytest.raises(InputError, match=r"nowhere: cannot be read .*; make it"):
        files.sha256(tmp_path / "nowhere", "make it")
