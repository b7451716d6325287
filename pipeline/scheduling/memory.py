"""What a coordinator leaves for the next one: how long stages took, and a whole copy of dvc.lock."""

import json
import re
from pathlib import Path

from pipeline.disk import files
from pipeline.errors import InputError

FOLDER = Path(".dvc/tmp/side-by-side")
LOCK = Path("dvc.lock")  # DVC writes it in place: a kill or a full disk leaves it cut short
STAGE = re.compile(rb"^  \S.*:$", re.MULTILINE)


def read_times() -> dict[str, float]:
    """Return the seconds that each stage took when it ran last; an unreadable file counts as none."""
    try:
        times = json.loads((FOLDER / "times.json").read_bytes())
        return {str(name): float(value) for name, value in times.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_times(times: dict[str, float]) -> None:
    """Keep the seconds that stages took."""
    files.write_json(FOLDER / "times.json", {name: round(value, 1) for name, value in sorted(times.items())})


def keep_lock(whole: bool = False) -> None:
    """Copy dvc.lock, unless it is being written: then its last line is cut, or it has fewer stages than the copy.

    whole  DVC has just read it, so that it is not looked at
    """
    copy = FOLDER / "dvc.lock"
    content = LOCK.read_bytes() if LOCK.is_file() else b""
    before = copy.read_bytes() if copy.is_file() else b""
    whole = whole or (content.endswith(b"\n") and len(STAGE.findall(content)) >= len(STAGE.findall(before)))
    if content and content != before and whole:
        with files.atomic_write(copy) as temporary:
            temporary.write_bytes(content)


def restore_lock() -> bool:
    """Put the copy in the place of a dvc.lock that is not YAML any more; say whether that was so.

    What the copy lacks is in DVC's run cache: DVC finds it there and runs nothing twice. Also removes DVC's list of
    files in use where a kill has cut it short.
    """
    in_use = Path(".dvc/tmp/rwlock")
    if in_use.is_file() and not _is_json(in_use.read_bytes()):
        in_use.unlink()
    copy = FOLDER / "dvc.lock"
    if not LOCK.is_file() or not copy.is_file() or _is_lock(LOCK.read_bytes()):
        return False
    with files.atomic_write(LOCK) as temporary:
        temporary.write_bytes(copy.read_bytes())
    return True


def _is_lock(content: bytes) -> bool:
    try:
        return isinstance(files.parse_yaml(content, str(LOCK))["stages"], dict)
    except (InputError, TypeError, KeyError):
        return False


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False
