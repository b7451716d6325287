"""Atomic writes, so that no stage ever reads a half-written file; JSON and YAML; digests."""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.disk import outputs
from pipeline.errors import InputError

MACHINE = platform.node().partition(".")[0]
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, a user's quota, a limit on files
RIGHTS, IN_THE_WAY = (errno.EACCES, errno.EPERM, errno.EROFS), (errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
REFUSED = RIGHTS + IN_THE_WAY


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a file or a folder; rename it to ``path`` if the block ends without an error.

    Raises InputError where the disk is full, or ``path`` is a folder that no stage may replace; what it held is then
    still there.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "runs" / "metrics.json"
    >>> with atomic_write(target) as temporary:
    ...     target.exists(), temporary.write_text("{}")
    (False, 2)
    >>> target.read_text()
    '{}'
    """
    if path.is_symlink() and path.is_dir():  # a user's link to another disk stays; DVC's link to its cache goes
        path = path.resolve()
    outputs.check_replaced(path)
    temporary = path.with_name(f".{path.name}.{MACHINE}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield temporary
        _to_disk(temporary)
        _replace(path, temporary)
    except Exception as error:
        if is_full(error):
            raise InputError(
                f"{path}: cannot be written ({error}); nothing that was there is lost: free some space and run again"
            ) from error
        if _is_refused(error, path):
            raise InputError(
                f"{path}: cannot be written ({error}); let this user write in {path.parent}, and make way there"
            ) from error
        raise
    finally:
        _remove(temporary)


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON that git can compare line by line."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict:
    """Read what ``write_json`` wrote; raise InputError where it is missing or damaged."""
    try:
        return parse_json(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; 'dvc repro' makes it") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def parse_json(content: bytes, name: str) -> dict:
    """Parse a JSON object; an InputError gives ``name`` and what is wrong."""
    text = _decode(content, name)
    try:
        value = json.loads(text, object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not valid JSON ({error}); delete it and run 'dvc repro'") from error
    if not isinstance(value, dict):
        raise InputError(f"{name}: must hold a JSON object, got {value!r:.40}; delete it and run 'dvc repro'")
    return value


def parse_yaml(content: bytes, name: str) -> Any:
    """Parse YAML as DVC does, which reads 1e-4 as a number; an InputError gives ``name`` and what is wrong."""
    from ruamel.yaml import YAML, YAMLError

    text = _decode(content, name)
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        context = (getattr(error, "context", None) or "").partition(";")[0]
        problem = f"{problem}, {context}" if problem == "second occurrence" else problem  # 'found duplicate anchor'
        reason = f"line {mark.line + 1}: {problem}" if mark and problem else " ".join(str(error).split())
        raise InputError(f"{name}: not valid YAML: {reason}") from error
    except (ValueError, TypeError, RecursionError) as error:  # a date such as 2024-13-45, a key that is a list
        raise InputError(f"{name}: not valid YAML: {error}") from error


def _decode(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    if mark := re.search(r"^(<{7}|>{7})( |$)", text, re.MULTILINE):
        line = text.count("\n", 0, mark.start()) + 1
        raise InputError(f"{name}: holds the marks of a git merge (line {line}); finish the merge")
    return text


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise ValueError(f"{twice!r} stands there twice")
    return values


def digest(data: bytes) -> str:
    """Name content by the first 16 hexadecimal digits of its SHA-256.

    >>> digest(b"")
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()[:16]


def sha256(path: Path, way_out: str) -> str:
    """Return a file's SHA-256; an InputError where it cannot be read ends with ``way_out``."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {way_out}") from error


def is_full(error: Exception) -> bool:
    """Say whether an error means a full disk; safetensors gives the system's error number only in its text."""
    return getattr(error, "errno", None) in FULL or any(f"os error {number})" in str(error) for number in FULL)


def _is_refused(error: Exception, path: Path) -> bool:
    """Say whether the system does not let this user write ``path``; other files may be refused in the same block."""
    about = str(getattr(error, "filename", None) or error)
    if isinstance(error, OSError):
        return error.errno in REFUSED and Path(about).absolute().is_relative_to(path.parent.absolute())
    return any(f"os error {number})" in str(error) for number in REFUSED) and str(path.parent) in about


def _to_disk(path: Path) -> None:
    """Flush a file to the disk before it is renamed: else a power failure could leave an empty file."""
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _replace(path: Path, temporary: Path) -> None:
    """Put a new file or folder there. An old folder is moved aside: what of it cannot be deleted is no obstacle."""
    aside = temporary.with_suffix(".aside")
    if path.is_dir():
        path.rename(aside)
    try:
        temporary.replace(path)
    except OSError:
        if aside.is_dir():
            aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(path: Path) -> None:
    """Remove temporary files of ``path`` from killed jobs of this machine; jobs of other machines may still write."""
    for stale in path.parent.glob(f".{path.name}.{MACHINE}.*.partial"):
        pid = stale.name.split(".")[-2]
        if pid == str(os.getpid()) or not _lives(int(pid)):
            _remove(stale)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    state = Path(f"/proc/{pid}/stat")  # in a container killed processes may stay listed as zombies
    return not state.is_file() or state.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][0] != "Z"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        with suppress(NotADirectoryError):  # a file lies where its folder should
            path.unlink(missing_ok=True)
