"""Where outputs are kept: folders that DVC can keep, that have room, and that a stage may replace."""

import os
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from pipeline.errors import InputError

OURS = ("data", "runs", "reports")  # folders below them are stages' and are replaced whole
FILES = ("runs", "reports/metrics")  # where stages write single files, and replace them
KEPT = ("data/archives", "reports/metrics")  # but not these: the user's, and git's
SPARE = 10_000_000  # bytes beside the pictures': the index, what ZIP adds


def check(datasets: list[str]) -> None:
    """Raise InputError where DVC could not keep outputs of some datasets: it would say so after a whole training."""
    here = Path.cwd()
    if str(here).encode("utf-8", "ignore") != os.fsencode(here):
        raise InputError(
            f"{str(here).encode('utf-8', 'backslashreplace').decode()}: DVC needs a path in UTF-8: rename it"
        )
    shared = [Path(name) for name in (*OURS, "data/raw")]
    owned = [folder / name for folder in shared for name in datasets]
    for folder in [*shared, *owned, Path("reports/metrics"), Path(".dvc/cache")]:
        _check(folder)
    if any((folder / ".git").exists() for folder in (here, *here.parents)):  # without git DVC follows links
        below = [Path(folder, name) for top in owned for folder, names, _ in os.walk(top) for name in names]
        for folder in [*shared, *owned, *below]:
            if folder.is_symlink():
                raise InputError(
                    f"{folder}: is a link to {folder.readlink()}, and in a git checkout DVC follows no link to its "
                    "outputs: put the folder itself there, and DVC's cache on the other disk, with 'dvc cache dir "
                    "--local FOLDER' and 'dvc config --local cache.type symlink' (docs/running.md has more ways)"
                )


def _check(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise InputError(
            f"{path}: is a link to {path.readlink()}, which is not there: mount that disk, or remove the link"
        )
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file, and DVC keeps a folder there: move the file away")
    if path.exists() and not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"{path}: this user cannot write there: change its owner or its rights ('ls -ld {path}')")


def check_space(folder: Path, needed: int, what: str) -> None:
    """Raise InputError, which begins with ``what``, where less than ``needed`` bytes are free on a folder's disk."""
    needed, free = needed + SPARE, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{what} takes {needed / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free on the project's disk; free some, "
            "or move the project to a larger disk"
        )


def check_replaced(path: Path) -> None:
    """Raise InputError where a stage that was run by hand would replace a folder of the user's."""
    here, whole = path.resolve(), [Path(name).resolve() for name in (*OURS, "data/raw")]
    stages = here not in whole and any(folder in here.parents for folder in whole)
    kept = any(here.is_relative_to(Path(name).resolve()) for name in KEPT)
    if path.is_dir() and any(path.iterdir()) and (kept or not stages):
        raise InputError(
            f"{path}: is there, and would be replaced; stages replace only their own folders below {', '.join(OURS)}: "
            "name a new folder"
        )


def check_folder(folder: Path, names: Sequence[str]) -> None:
    """Raise InputError where a stage would replace a folder that holds more, or something else, than it writes.

    names  of the files that the stage writes, or patterns such as '*.csv'; a folder that a stage wrote has the first
    """
    check_replaced(folder)
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    foreign = [name for name in found if not any(fnmatch(name, pattern) for pattern in names)]
    if found and names[0] not in found:
        foreign += found
    if foreign:
        raise InputError(
            f"{folder / foreign[0]}: lies where this stage writes its results; move it elsewhere, or name a new folder"
        )


def check_file(path: Path) -> None:
    """Raise InputError where a stage that was run by hand would replace a file of the user's."""
    here = path.parent.resolve()  # the file itself may be DVC's link to its cache
    if path.exists() and not any(here.is_relative_to(Path(name).resolve()) for name in FILES):
        raise InputError(
            f"{path}: is there, and would be replaced; stages replace only their own files below {', '.join(FILES)}: "
            "name a new file"
        )
