"""Stage: bring a dataset's raw files into data/raw/<dataset>, where nothing changes them any more."""

from pathlib import Path

from pipeline import datasets, files, params


def run(source: params.Source, raw: Path) -> None:
    """Fetch the source into the folder ``raw`` and check that it can be read."""
    with files.whole(raw) as folder:
        datasets.fetch(source, folder)
        datasets.read(source, folder)
