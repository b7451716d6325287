"""Stage: bring a dataset's original pictures and their index into data/raw/<dataset>."""

import shutil
from pathlib import Path

from pipeline import datasets, files, originals, params
from pipeline.errors import InputError


def run(source: params.Source, raw: Path) -> None:
    """Fetch the source, check that a training could use it, and write what it needs to the folder ``raw``."""
    with files.whole(raw) as folder:
        unpacked = folder / "unpacked"
        unpacked.mkdir(parents=True)
        try:
            datasets.fetch(source, unpacked)
            index = datasets.read(source, unpacked)
        except InputError as error:  # the folder is gone when this is read; the recipe names what it was filled from
            raise InputError(str(error).replace(str(unpacked), _origin(source))) from error
        originals.write(index, lambda file: (unpacked / file).read_bytes(), folder)
        shutil.rmtree(unpacked)


def _origin(source: params.Source) -> str:
    given = (getattr(source, name, None) for name in ("root", "archive", "archives"))
    return next((path.rstrip("/") for path in given if path), f"the {source.reader} archive")
