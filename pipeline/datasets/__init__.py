"""One reader a source: ``fetch`` brings its raw files into a folder, ``read`` makes the index of that folder.

To add a source, add its section to ``pipeline.params`` and its module here.
"""

from pathlib import Path

import pandas as pd

from pipeline import params
from pipeline.datasets import aircraft, birdlets, cars, cub, folder, index

READERS = {
    params.Birdlets: birdlets,
    params.Cub: cub,
    params.Cars: cars,
    params.Aircraft: aircraft,
    params.Folder: folder,
}


def fetch(source: params.Source, raw: Path) -> None:
    """Bring a source's raw files into the folder ``raw``."""
    READERS[type(source)].fetch(source, raw)


def read(source: params.Source, raw: Path) -> pd.DataFrame:
    """Make the index of a raw folder: one row an image, the columns of ``index.COLUMNS``.

    Raises InputError for anything that would spoil a training later: see ``index.check``.
    """
    return index.check(READERS[type(source)].read(source, raw), raw)
