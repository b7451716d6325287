"""Files are written whole or not at all, so that no stage ever reads half of one."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write a file or a folder to; rename it when all went well.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "runs" / "metrics.json"
    >>> with whole(target) as temporary:
    ...     target.exists(), temporary.write_text("{}")
    (False, 2)
    >>> target.read_text()
    '{}'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    _remove(temporary)
    try:
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON that git can compare line by line."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> dict:
    """Read what ``write_json`` wrote."""
    return json.loads(path.read_text())


def digest(data: bytes) -> str:
    """Name content by the first 16 hexadecimal digits of its SHA-256.

    >>> digest(b"")
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()[:16]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
