"""The folder that a scale reads: its images ready to train on, and one index of them.

``index.csv`` has the columns of ``datasets.index`` and those of ``ADDED``; ``images/<id>.jpg`` are what it lists.
``pipeline.zoom`` writes both.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline import files
from pipeline.errors import InputError

CROP = ["crop_x0", "crop_y0", "crop_x1", "crop_y1"]
ADDED = {
    "original_width": "pixels",
    "original_height": "pixels",
    "crop_x0": "what this scale sees of the original, as shares of its sides",
    "crop_y0": "",
    "crop_x1": "",
    "crop_y1": "",
    "width": "of the prepared image, pixels",
    "height": "pixels",
    "digest": "of the prepared image's bytes",
}


@dataclass(frozen=True)
class ImageSet:
    """An index and the folder it is of."""

    folder: Path
    index: pd.DataFrame

    @property
    def class_names(self) -> list[str]:
        """Names of the categories, in the order of their labels."""
        return self.index.groupby("label").class_name.first().tolist()

    @property
    def digest(self) -> str:
        """A name for this content: changes with any image, label or box."""
        return files.digest(self.index.to_csv(index=False).encode())

    def path(self, identity: str) -> Path:
        """Return the file of one image."""
        return self.folder / "images" / f"{identity}.jpg"


def read(folder: Path) -> ImageSet:
    """Read such a folder."""
    path = folder / "index.csv"
    if not path.is_file():
        raise InputError(f"{path}: missing; 'dvc repro' makes it")
    return ImageSet(folder, pd.read_csv(path, dtype={"id": str}))
