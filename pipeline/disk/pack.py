"""Many files in one: a ZIP without compression, which threads and processes read in any order.

A dataset has tens of thousands of pictures, and DVC checks every file of every folder each time. For the paper's grid
that took a minute when nothing had changed; with one file a folder it takes seconds (benchmarks/orchestration.py).
"""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError, one_line

MOMENT = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that a ZIP's bytes do not depend on it
DAMAGE = (  # what zipfile, and numpy for the arrays in it, raise at damaged bytes
    OSError,
    ValueError,
    KeyError,
    EOFError,
    AttributeError,
    TypeError,
    RuntimeError,
    MemoryError,
    OverflowError,
    SyntaxError,
    zlib.error,
    zipfile.BadZipFile,
)


@contextmanager
def create(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Open a new pack; yield a function that adds a file to it.

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
            raise InputError(f"{self.path}: holds no {name!r:.80}; delete it and run 'dvc repro'") from error
        except DAMAGE as error:
            reason = one_line(error) or type(error).__name__
            raise InputError(
                f"{self.path}: damaged at {name!r:.80} ({reason}); delete it and run 'dvc repro'"
            ) from error

    def __getstate__(self) -> dict:
        """Pickle without the open ZIP: the process that unpickles this pack opens the ZIP itself."""
        return {"path": self.path, "_opened": None}

    def _file(self) -> zipfile.ZipFile:
        """Open the ZIP once in each process: forked processes would share one file offset."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), zipfile.ZipFile(self.path)
        return self._opened[1]
