"""The folder that a scale reads: its images ready to train on, and one index of them.

``index.csv`` has the columns of ``datasets.index`` and those of ``ADDED``; ``images.zip`` holds <id>.jpg for each row.
``pipeline.zoom`` writes both.
"""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from PIL import Image

from pipeline import files
from pipeline.errors import InputError
from pipeline.pack import Pack

INDEX, IMAGES = "index.csv", "images.zip"
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

    @cached_property
    def pack(self) -> Pack:
        """The images' files."""
        return Pack(self.folder / IMAGES)

    def read(self, identity: str) -> bytes:
        """Return one image's file."""
        return self.pack.read(f"{identity}.jpg")

    def open(self, identity: str) -> Image.Image:
        """Return one image."""
        return Image.open(io.BytesIO(self.read(identity)))


def read(folder: Path) -> ImageSet:
    """Read such a folder."""
    for name in (INDEX, IMAGES):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: missing; 'dvc repro' makes it")
    return ImageSet(folder, pd.read_csv(folder / INDEX, dtype={"id": str, "class_name": str}))
