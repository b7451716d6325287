"""All readers, one a source of pictures.

A reader is a module with ``Source``, the values that its recipes have; ``fetch``, which returns the folder of the raw
files, the user's own or what it has unpacked; and ``read``, which makes the index of that folder.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import params
from pipeline.datasets import aircraft, apart, birdlets, cars, cub, folder, index
from pipeline.datasets.account import Account
from pipeline.disk import imageset, outputs, sections
from pipeline.disk.sections import Section
from pipeline.errors import InputError

READERS = {"birdlets": birdlets, "cub": cub, "cars": cars, "aircraft": aircraft, "folder": folder}
FILES = ("root", "archive", "archives", "boxes", "split")  # values of sources that are paths of the user's


def check(dataset: str, values: dict[str, Any]) -> Section:
    """Check the section ``download`` of a dataset's recipe, and return it as the source of its reader.

    Raises InputError for wrong values, for files of the user's that would be in danger (see ``apart``), and where
    DVC could not keep what is made of them.
    """
    where = f"{params.PATH}: recipes.{dataset}.download."
    reader = values.get("reader")
    if not isinstance(reader, str) or reader not in READERS:
        raise InputError(f"{where}reader: must be one of {', '.join(READERS)}, got {reader!r}")
    if empty := [name for name in FILES if values.get(name) == ""]:
        raise InputError(f"{where}{empty[0]}: is empty; name a path, or null where that is allowed")
    source = sections.check(READERS[reader].Source, values, where)
    outputs.check([dataset])
    for path in files(source):
        apart.keep_apart(where.rstrip("."), path, apart.replaced())
    return source


def files(source: Section) -> list[str]:
    """List the user's files and folders that a source names."""
    named = (getattr(source, field, None) for field in FILES)
    return [path for path in named if path]


def fetch(source: Section, unpacked: Path) -> Path:
    """Return the folder with a source's raw files: the user's own, or ``unpacked``, which is then filled."""
    return READERS[source.reader].fetch(source, unpacked)


def objects(source: Section, raw: Path) -> pd.DataFrame:
    """Return a row for each object of the pictures that show several, as ``imageset.read_objects``; none if unknown."""
    reader = READERS[source.reader]
    return reader.objects(raw) if hasattr(reader, "objects") else imageset.NO_OBJECTS


def read(source: Section, raw: Path, account: Account) -> pd.DataFrame:
    """Make the index of a raw folder: one row an image, the columns of ``imageset.COLUMNS``.

    Notes in ``account`` what was taken and left out. Raises InputError for anything that would spoil a training later:
    see ``index.check``.
    """
    table = index.check(READERS[source.reader].read(source, raw, account), raw)
    account.take(table)
    return table
