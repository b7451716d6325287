"""Which files below a folder are pictures, and why the others are left out."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pipeline import images
from pipeline.datasets import apart
from pipeline.datasets.account import Account
from pipeline.errors import InputError

JUNK = {  # names that systems and tools put beside pictures, in lower case; whatever begins with a dot is junk too
    "__macosx",
    "__pycache__",
    "@eadir",
    "@tmp",
    "@__thumb",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
}


def pictures(root: Path, account: Account) -> list[str]:
    """Return the paths of all pictures below ``root``, links followed; note in ``account`` what is none."""
    found, odd, linked = [], [], []
    waiting, replaced = [(root, "", frozenset({identity_of(root)}))], apart.replaced()
    while waiting:
        folder, prefix, above = waiting.pop()
        for entry in _apart(folder, replaced):
            path = prefix + entry.name
            if is_junk(entry.name):
                shown = path if _is_text(entry.name) else ascii(path)
                account.leave_out("hidden, or put there by a system or a tool", shown)
            elif not _is_text(entry.name):
                odd.append(path)
            elif not leads_to_a_folder(entry):
                _sort(entry, path, found, account)
            elif (identity := identity_of(Path(entry.path))) in above:
                account.leave_out("a link back to a folder that it is in", path)
            else:
                waiting.append((Path(entry.path), f"{path}/", above | {identity}))
                linked += [path] if entry.is_symlink() else []
    if linked:
        account.notes.append(
            f"{len(linked):,} folders are links, such as {min(linked)}: DVC does not see what changes behind them; say "
            "'dvc repro --force --single-item download@NAME' then"
        )
    if odd:
        raise InputError(f"{root}: {len(odd):,} names are not UTF-8 or break lines, such as {odd[0]!r}; rename them")
    for left_out in account.left_out.values():
        left_out.sort()
    return sorted(found, key=PurePosixPath)


def _sort(entry: os.DirEntry, path: str, found: list[str], account: Account) -> None:
    """Put a file to those found, or note why it is left out."""
    suffix = PurePosixPath(path).suffix.lower()
    if not _is_file(entry):
        account.leave_out("a link to nothing, or no file", path)
    elif suffix in images.suffixes():
        found.append(path)
    elif suffix in images.HEIF:
        account.leave_out("HEIF, which is read if the package is there: pip install pillow-heif", path)
    else:
        account.leave_out("no picture by its name", path)


def is_junk(name: str) -> bool:
    """Say whether a file or folder of this name is hidden, or put there by a system or a tool."""
    return name.startswith(".") or name.lower() in JUNK


def _apart(folder: Path, replaced: list[str]) -> Iterator[os.DirEntry]:
    """Yield what is in a folder; raise InputError for a link to where stages delete: it may be the only copy."""
    for entry in entries(folder):
        if entry.is_symlink():
            apart.keep_apart(f"{folder}: a link", entry.path, replaced)
        yield entry


def entries(folder: Path) -> list[os.DirEntry]:
    """Return what is in a folder; raise InputError where it cannot be listed."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); mend that, or take it out") from error


def identity_of(folder: Path) -> tuple[int, int]:
    """Return what a folder has in common with all links to it."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def leads_to_a_folder(entry: os.DirEntry) -> bool:
    """Say whether it is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: os.DirEntry) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_text(name: str) -> bool:
    """Say whether a name is UTF-8 and has no control characters, such as a line break."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
