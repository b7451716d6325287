"""Which pictures a user means by files, folders and lists, and how they are read without trusting them."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from PIL import Image

from pipeline import images
from pipeline.datasets import walk
from pipeline.disk.text import natural_key
from pipeline.errors import InputError

LIST = "-"  # stands for the names on standard input
LARGEST = 1_000_000_000  # bytes of a picture's file
HELD = 32_000_000  # pixels of all originals that are held at once; they decide the memory


@dataclass(frozen=True)
class Source:
    """One picture that is asked about, or what stands in its place."""

    path: str  # as the user would write it
    error: str = ""  # what is wrong with it already

    @property
    def mirrored(self) -> PurePosixPath:
        """Where its output goes, below the folder of outputs: its own path, never above or beside that folder.

        >>> Source("../mine/./a.jpg").mirrored.as_posix(), Source("/tmp/a.jpg").mirrored.as_posix()
        ('mine/a.jpg', 'tmp/a.jpg')
        """
        path = PurePosixPath(self.path)
        return PurePosixPath(*(part for part in path.parts if part not in (path.anchor, "..")))

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders that it lies in, the nearest first."""
        return PurePosixPath(self.path).parts[-2::-1]


def find(words: list[str], standard_input: BinaryIO) -> tuple[list[Source], int]:
    """List the pictures of files, of folders in natural order, and of names on standard input, where a word is '-'.

    Returns the sources and how many files of folders were left out, being hidden or no pictures by their names.
    """
    named = [name for word in words for name in (_names(standard_input) if word == LIST else [word])]
    found, left_out = [], 0
    for name in named:
        if not os.path.isdir(name):  # noqa: PTH112  (a name with a zero byte is no folder, and raises nothing)
            found.append(Source(name))
            continue
        inside, others = _below(name)
        found += sorted(inside, key=lambda source: [natural_key(part) for part in PurePosixPath(source.path).parts])
        left_out += others
    return found, left_out


def read(source: Source) -> Image.Image | InputError:
    """Decode a picture to upright RGB; return an InputError, without the picture's name, where that is impossible."""
    if source.error:
        return InputError(source.error)
    try:
        status = Path(source.path).stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a device never ends
            return InputError("is no file")
        if status.st_size > LARGEST:
            return InputError(f"has {status.st_size / 1e9:.1f} GB, and a picture may have {LARGEST / 1e9:.0f}")
        return images.open_rgb(Path(source.path).read_bytes(), "picture")
    except OSError as error:
        return InputError(f"cannot be read ({error.strerror})")
    except ValueError:
        return InputError("cannot be read (no name of a file)")
    except InputError as error:
        return InputError(str(error).removeprefix("picture: "))


def parts(sources: list[Source], most: int) -> Iterator[list[Source]]:
    """Divide the sources, in their order, into parts of at most ``most`` pictures and of HELD pixels together.

    A larger picture is a part of its own. The number of pixels is what a file's header claims.
    """
    part, held = [], 0
    for source in sources:
        pixels = _claimed(source)
        if part and (len(part) == most or held + pixels > HELD):
            yield part
            part, held = [], 0
        part.append(source)
        held += pixels
    if part:
        yield part


def _names(standard_input: BinaryIO) -> list[str]:
    """Read a list: a name a line, or names that end in a zero byte, as 'find -print0' writes them."""
    content = standard_input.read()
    end = b"\0" if b"\0" in content else b"\n"
    return [os.fsdecode(name) for name in content.split(end) if name]


def _below(top: str) -> tuple[list[Source], int]:
    """Return the pictures below a folder, links followed, and how many files are none."""
    found, left_out = [], 0
    waiting = [(top, frozenset({walk.identity_of(Path(top))}))]
    while waiting:
        folder, above = waiting.pop()
        try:
            entries = walk.entries(Path(folder))
        except InputError as error:
            found.append(Source(folder, str(error).removeprefix(f"{folder}: ")))
            continue
        for entry in entries:
            path = str(PurePosixPath(folder, entry.name))
            if walk.is_junk(entry.name):
                left_out += 1
            elif walk.leads_to_a_folder(entry):
                if (identity := walk.identity_of(Path(entry.path))) not in above:  # else a link back to where it lies
                    waiting.append((path, above | {identity}))
            elif PurePosixPath(path).suffix.lower() in images.suffixes() | images.HEIF:
                found.append(Source(path))
            else:
                left_out += 1
    return found, left_out


def _claimed(source: Source) -> int:
    """Return how many pixels a file's header claims; 0 where it cannot be read, as that picture is not held either."""
    try:
        if source.error or not stat.S_ISREG(Path(source.path).stat().st_mode):
            return 0
        with Image.open(source.path) as image:
            return image.width * image.height
    except (*images.DAMAGED, Image.DecompressionBombError):
        return 0
