"""Tables that users write: CSV read row by row, with the number of the line for every complaint."""

import csv
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import InputError

ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # what Excel saves as 'Unicode text'; else UTF-8
LONGEST = 4096  # characters of a line: a file with longer ones is no table
Row = dict[str, str]


def rows(path: Path, required: Collection[str], optional: Collection[str] = ()) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a table with the numbers of their lines; all values are text, and as they stand.

    A table of any length needs the memory of a row. Raises InputError where the file is not such a table.
    """
    number = 1
    try:
        with path.open("rb") as file:
            encoding = ENCODINGS.get(file.read(2), "utf-8-sig")
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(_lines(file, path), strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header, required, optional)
            for values in reader:
                number = reader.line_num
                if not values:
                    continue
                if len(values) != len(header):
                    raise InputError(f"{path}: line {number}: {len(values)} values for {len(header)} columns")
                yield number, dict(zip(header, values, strict=True))
    except UnicodeError as error:
        raise InputError(
            f"{path}: after line {number}: not UTF-8 text ({error.reason}); save it as 'CSV UTF-8'"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); make it readable") from error
    except csv.Error as error:
        raise InputError(f"{path}: after line {number}: no CSV ({error})") from error


def spaced(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read one of an archive's official lists: values of text separated by a space, the last one is the line's rest.

    The first value names the row. Raises InputError where the list is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); the archive is not the official one") from error
    listed = [line.split(" ", len(columns) - 1) for line in lines]
    names: set[str] = set()
    for number, values in enumerate(listed, start=1):
        if len(values) < len(columns) and values != [""]:
            raise InputError(f"{path}: line {number}: expected {', '.join(columns)}, got {lines[number - 1][:60]!r}")
        if values[0] in names and values != [""]:
            raise InputError(f"{path}: line {number}: {values[0][:60]!r} is listed twice")
        names.add(values[0])
    return pd.DataFrame([values for values in listed if values != [""]], columns=columns, dtype=str)


def numbers(values: pd.Series, path: Path) -> pd.Series:
    """Return text as numbers; raise InputError, which names the list, where it is none."""
    read = pd.to_numeric(values, errors="coerce")
    wrong = ~np.isfinite(read)
    if wrong.any():
        raise InputError(f"{path}: {str(values[wrong.idxmax()])[:60]!r} is no number ({values.name})")
    return read.astype(float)


class Files:
    """Finds the picture that a table names, also if the table has './', backslashes or another Unicode form."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._near: dict[str, set[str]] = {}
        for name in self._exact:
            self._near.setdefault(_plain(name), set()).add(name)

    def find(self, path: Path, number: int, name: str, elsewhere: Collection[str] = ()) -> str | None:
        """Return the picture that line ``number`` of the table ``path`` names; None if it is one of ``elsewhere``."""
        if name in self._exact:
            return name
        near = self._near.get(_plain(name), set())
        if len(near) == 1:
            return next(iter(near))
        if name in elsewhere or _plain(name) in elsewhere:
            return None
        raise InputError(
            f"{path}: line {number}: {name[:200]!r} is no picture of the dataset; paths begin below 'root'"
        )


def _lines(file: Iterable[str], path: Path) -> Iterator[str]:
    while line := file.readline(LONGEST):
        if len(line) == LONGEST:
            raise InputError(f"{path}: a line of more than {LONGEST:,} characters; it is no table, or another's")
        yield line


def _check_header(path: Path, header: list[str], required: Collection[str], optional: Collection[str]) -> None:
    if not header:
        raise InputError(f"{path}: empty; expected a table with the columns {', '.join(required)}")
    unknown = set(header) - set(required) - set(optional)
    if unknown or set(required) - set(header) or len(set(header)) < len(header):
        wanted = ", ".join(required) + (f" and {' or '.join(optional)}" if optional else "")
        raise InputError(f"{path}: its columns are {str(header)[:120]}, expected {wanted}, separated by commas")


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")
