"""All readers, one a source of pictures.

A reader is a module with ``Source``, the values that its recipes have; ``fetch``, which brings the raw files into a
folder; and ``read``, which makes the index of that folder.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import params
from pipeline.datasets import aircraft, birdlets, cars, cub, folder, index
from pipeline.errors import InputError
from pipeline.params import Section

READERS = {"birdlets": birdlets, "cub": cub, "cars": cars, "aircraft": aircraft, "folder": folder}


def check(dataset: str, values: dict[str, Any]) -> Section:
    """Check the section ``download`` of a dataset's recipe, and return it as the source of its reader."""
    where = f"{params.PATH}: recipes.{dataset}.download."
    if values.get("reader") not in READERS:
        raise InputError(f"{where}reader: must be one of {', '.join(READERS)}, got {values.get('reader')!r}")
    return params.check(READERS[values["reader"]].Source, values, where)


def fetch(source: Section, raw: Path) -> None:
    """Bring a source's raw files into the folder ``raw``."""
    READERS[source.reader].fetch(source, raw)


def read(source: Section, raw: Path) -> pd.DataFrame:
    """Make the index of a raw folder: one row an image, the columns of ``imageset.COLUMNS``.

    Raises InputError for anything that would spoil a training later: see ``index.check``.
    """
    return index.check(READERS[source.reader].read(source, raw), raw)
