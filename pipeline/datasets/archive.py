"""Archives: downloaded with resume, checked by checksum, and unpacked without trusting their content."""

import hashlib
import lzma
import shutil
import struct
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from pipeline.disk import files, outputs
from pipeline.errors import InputError, one_line

DOWNLOADS = Path("data/archives")  # outside every stage's outputs: a rerun does not download again
ATTEMPTS, PAUSE, TIMEOUT = 5, 3, 60  # tries; seconds between them; seconds without a byte
CHUNK = 1 << 20
DAMAGED = (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, zlib.error, lzma.LZMAError, struct.error)
REPACK = "unpack it, and pack what it holds with 'tar czf'"
OTHERS = {  # how files begin that are given for tar archives, in lower case, and what helps
    b"pk": f"it is a ZIP archive: {REPACK}",
    b"rar!": f"it is a RAR archive: {REPACK}",
    b"7z": f"it is a 7z archive: {REPACK}",
    b"version https://git-lfs": "it is a pointer of Git LFS, not the archive: 'git lfs pull' fetches it",
    b"<": "it is a web page, such as one that asks to log in: fetch the archive with a browser",
}


def obtain(local: str | None, url: str, md5: str | None, downloads: Path) -> Path:
    """Return the path of an archive that exists and is complete; download it if necessary.

    local      the user's own copy, or None to download ``url`` into the folder ``downloads``
    md5        published checksum, or None for a subset, which has another checksum

    A download that breaks off is resumed, in this call or the next. Raises InputError, which says what to do.
    """
    path = Path(local) if local else downloads / url.rsplit("/", 1)[1]
    if local and not path.is_file():
        raise InputError(
            f"{path}: the archive that the recipe names is missing; put it there, or name null to download"
        )
    if not path.is_file():
        _download(url, path)
    if md5:
        check_md5(path, md5)
    return path


def check_md5(path: Path, md5: str) -> None:
    """Raise InputError where an archive's checksum is not the published one."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        way_out = "it is cut short or another file; if it is a subset of the dataset, say 'subset: true'"
        raise InputError(f"{path}: its md5 is {found}, the published one is {md5}: {way_out}; otherwise delete it")


def unpack(archive: Path, to: Path) -> None:
    """Unpack a tar archive's files below ``to``.

    Raises InputError for a member that is a link or a device, would lie outside ``to``, is larger than the free space
    on the disk, or is sparse: a sparse member is small in the archive and may be huge when unpacked.
    """
    to.mkdir(parents=True, exist_ok=True)
    # Photos are as large unpacked as in the archive, and are there twice until all are in one file.
    outputs.check_space(to, 2 * archive.stat().st_size, f"{archive}: unpacking it")
    try:
        with tarfile.open(archive) as tar:
            for member in tqdm(tar, desc=f"unpack {archive.name}", unit=" files", disable=None):
                _unpack_member(tar, member, archive, to)
    except DAMAGED as error:
        if files.is_full(error):
            raise
        with archive.open("rb") as file:
            start = file.read(64).lstrip().lower()
        kind = next((kind for magic, kind in OTHERS.items() if start.startswith(magic)), None)
        way_out = kind or "delete it and fetch it again"
        raise InputError(f"{archive}: not a whole tar archive ({one_line(error)}); {way_out}") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, to: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name:
        raise InputError(f"{archive}: refused, its member {member.name!r} would be written outside the folder")
    if member.isdir():
        return
    if not member.isfile():
        raise InputError(f"{archive}: refused, its member {member.name!r} is a link or a device, not a file")
    free = shutil.disk_usage(to).free
    if member.issparse() or member.size > free:
        raise InputError(
            f"{archive}: refused, its member {member.name!r} would grow to {member.size / 1e9:.1f} GB, where "
            f"{free / 1e9:.1f} GB are free"
        )
    target = to / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)


def _download(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _append(url, partial)
            partial.replace(path)
            return
        except (OSError, EOFError) as error:  # URLError is an OSError
            if files.is_full(error):
                raise InputError(
                    f"{partial}: cannot be written ({error}); what has come is kept: free some space and run again"
                ) from error
            if attempt == ATTEMPTS or getattr(error, "code", None) in (403, 404, 410):
                raise InputError(
                    f"{url}: cannot be downloaded ({error}); what has come is kept in {partial}. "
                    f"Run again, or get the file by other means and name it as 'archive' in the recipe"
                ) from error
            time.sleep(PAUSE)


def _append(url: str, partial: Path) -> None:
    """Fetch what is missing from ``partial``; raise EOFError when the server stops early."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # no byte follows those in ``partial``: it is complete
            return
        raise
    with response:
        resumed = response.status == 206
        have = have if resumed else 0
        expected = int(response.headers["Content-Length"]) + have if "Content-Length" in response.headers else None
        with (
            partial.open("ab" if resumed else "wb") as sink,
            tqdm(total=expected, initial=have, desc=partial.stem, unit="B", unit_scale=True, disable=None) as bar,
        ):
            while chunk := response.read(CHUNK):
                sink.write(chunk)
                bar.update(len(chunk))
    if expected is not None and partial.stat().st_size < expected:
        raise EOFError(f"the server stopped at {partial.stat().st_size} of {expected} bytes")
