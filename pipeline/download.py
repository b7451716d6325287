"""Stage: bring a dataset's original pictures and their index into data/raw/<dataset>."""

import shutil
from pathlib import Path

from pipeline import datasets, files, originals, params


def run(source: params.Source, raw: Path) -> None:
    """Fetch the source, check that a training could use it, and write what it needs to the folder ``raw``."""
    with files.whole(raw) as folder:
        unpacked = folder / "unpacked"
        unpacked.mkdir(parents=True)
        datasets.fetch(source, unpacked)
        index = datasets.read(source, unpacked)
        originals.write(index, lambda file: (unpacked / file).read_bytes(), folder)
        shutil.rmtree(unpacked)
