"""Locks, and file systems that have none."""

import errno
import os

import pytest

from pipeline.disk import locks


@pytest.fixture
def folder(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_lock_is_one_holders_until_it_is_released(tmp_path, folder):
    other = os.open(tmp_path, os.O_RDONLY)
    assert locks.take(folder) is None
    with pytest.raises(BlockingIOError):
        locks.take(other)
    locks.release(folder)
    assert locks.take(other) is None
    os.close(other)


@pytest.mark.parametrize("number", ["ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"])
def test_without_locks_the_systems_words_are_returned(folder, monkeypatch, number):
    def flock(file, operation):
        raise OSError(getattr(errno, number), "not here")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    assert locks.take(folder) == "not here"
    locks.release(folder)


def test_another_error_goes_on(folder, monkeypatch):
    def flock(file, operation):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with pytest.raises(OSError, match="broken"):
        locks.take(folder)
