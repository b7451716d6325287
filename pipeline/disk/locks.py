"""Locks on open files and folders, also where the file system has none."""

import errno
import fcntl

# Lustre, NFS, FUSE: each has its own
WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


def take(descriptor: int) -> str | None:
    """Lock an open file or folder for this process, until it is closed or released.

    Raises BlockingIOError if another process has it. Where the file system has no locks, nothing is locked, and the
    system's words for that are returned.
    """
    return _flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def release(descriptor: int) -> None:
    """Release a lock also for processes that were forked meanwhile, such as a loader's; closing would not."""
    _flock(descriptor, fcntl.LOCK_UN)


def _flock(descriptor: int, operation: int) -> str | None:
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in WITHOUT:
            raise
        return error.strerror or str(error)
    return None
