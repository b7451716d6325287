"""Many files in one: a ZIP without compression, which any tool opens, read at random by threads and processes.

A dataset has tens of thousands of pictures, and DVC looks at every file of every folder each time: the paper's grid
took it a minute when nothing had changed, and takes it seconds with one file a folder (benchmarks/orchestration.py).
"""

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError

MOMENT = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever they are written


@contextmanager
def create(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Open a new pack; what comes back adds a file to it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.zip"
    >>> with create(path) as add:
    ...     add("images/1.jpg", b"...")
    >>> Pack(path).read("images/1.jpg")
    b'...'
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        yield lambda name, content: target.writestr(zipfile.ZipInfo(name, MOMENT), content)


class Pack:
    """A pack to read from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[int, zipfile.ZipFile] | None = None

    def read(self, name: str) -> bytes:
        """Return a file's content; raise InputError where it is missing or damaged."""
        try:
            return self._file().read(name)
        except KeyError as error:
            raise InputError(f"{self.path}: holds no {name!r}; delete it and run 'dvc repro'") from error
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path}: damaged at {name!r} ({error}); delete it and run 'dvc repro'") from error

    def __getstate__(self) -> dict:
        """Leave the open file behind: a process that gets this pack opens its own."""
        return {"path": self.path, "_opened": None}

    def _file(self) -> zipfile.ZipFile:
        """Open the ZIP once in each process: forked processes would share one file offset."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), zipfile.ZipFile(self.path)
        return self._opened[1]
