"""Folders of pictures with an index: the originals of a dataset, and the image set that a scale reads.

``data/raw/<dataset>`` has the originals: ``index.csv`` with ``COLUMNS``, ``pictures.zip`` with the files as they came,
``taken.json`` with what was taken and left out.
An image set has ``index.csv`` with the columns of ``ADDED`` as well, and ``images.zip`` with <id>.jpg for each row.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from PIL import Image
from tqdm import tqdm

from pipeline.disk import files, outputs, text
from pipeline.disk.pack import Pack, create
from pipeline.errors import InputError

CELL = 32  # pixels; the stride of the backbones: the sides of prepared images are multiples of it
INDEX, ORIGINALS, IMAGES, TAKEN = "index.csv", "pictures.zip", "images.zip", "taken.json"
OBJECTS = "objects.csv"  # boxes of the single objects, where a picture has more than one
RAW = (ORIGINALS, INDEX, OBJECTS, TAKEN)  # what a folder of originals holds
BOX = ["x0", "y0", "x1", "y1"]
COLUMNS = {
    "id": "unique name, also that of the prepared image's file",
    "file": "the original, below the raw folder",
    "label": "category, 0 to L-1",
    "class_name": "its name",
    "split": "train or test",
    "x0": "true box, as shares of the original's sides; empty where there is none",
    "y0": "",
    "x1": "",
    "y1": "",
}
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
SIDES = ["original_width", "original_height", "width", "height"]
NUMBERS = {"label": int, **dict.fromkeys(SIDES, int), **dict.fromkeys([*BOX, *CROP], float)}  # all others are text
EPS = 1e-6  # by which shares are rounded
NO_OBJECTS = pd.DataFrame(columns=["id", *BOX])
WAY_OUT = "delete its folder and run 'dvc repro'"


@dataclass(frozen=True)
class ImageSet:
    """An image set: its folder and its index."""

    folder: Path
    index: pd.DataFrame

    @property
    def class_names(self) -> list[str]:
        """Names of the categories, in the order of their labels."""
        return self.index.groupby("label").class_name.first().tolist()

    @property
    def short_edge(self) -> int:
        """The images' short edge, pixels; the same for all."""
        return int(self.index[["width", "height"]].min(axis=1).iloc[0])

    @property
    def digest(self) -> str:
        """A name for this content: changes with any image, label or box."""
        return files.digest(self.index.to_csv(index=False).encode())

    @cached_property
    def pack(self) -> Pack:
        """The images' files."""
        return Pack(self.folder / IMAGES)

    def read(self, identity: str) -> bytes:
        """Return the bytes of one image's file."""
        return self.pack.read(f"{identity}.jpg")

    def open(self, identity: str) -> Image.Image:
        """Return one image; raise InputError where it is damaged."""
        try:
            image = Image.open(io.BytesIO(self.read(identity)))
            image.load()
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise InputError(
                f"{self.folder / IMAGES}: {identity}.jpg cannot be decoded ({error}); {WAY_OUT}"
            ) from error
        return image


def write(
    folder: Path, index: pd.DataFrame, prepared: Iterable[tuple[bytes, list]], objects: pd.DataFrame | None = None
) -> None:
    """Write an image set.

    index     a row an image, of the originals or of another image set
    prepared  for each row the JPEG and the values of ``ADDED``, as ``images.cut_all`` yields them
    objects   at scale 1: what ``read_objects`` returns
    """
    outputs.check_folder(folder, (IMAGES, INDEX, OBJECTS))
    rows = tqdm(zip(index.id, prepared, strict=True), f"write {folder}", len(index), unit=" images", disable=None)
    with files.atomic_write(folder) as temporary:
        temporary.mkdir(parents=True)
        added = []
        with create(temporary / IMAGES) as add:
            for identity, (jpeg, values) in rows:
                add(f"{identity}.jpg", jpeg)
                added.append(values)
        table = index.drop(columns=list(ADDED), errors="ignore").reset_index(drop=True)
        table.join(pd.DataFrame(added, columns=list(ADDED))).to_csv(temporary / INDEX, index=False)
        if objects is not None:
            objects.to_csv(temporary / OBJECTS, index=False)


def read_objects(folder: Path) -> pd.DataFrame:
    """Return a row (id, x0, y0, x1, y1) for each object of the pictures that have several, in shares as in the index.

    folder  of the originals or of the image set of scale 1; without the file there are none
    """
    path = folder / OBJECTS
    if not path.exists():
        return NO_OBJECTS
    table = text.read_table(path, dict.fromkeys(BOX, float), ["id", *BOX], WAY_OUT)
    if not (table[BOX].ge(-EPS) & table[BOX].le(1 + EPS)).to_numpy().all():
        raise InputError(f"{path}: a box does not lie inside its picture; {WAY_OUT}")
    return table


def read(folder: Path) -> ImageSet:
    """Read an image set; raise InputError where its index is missing, damaged or of something else."""
    return ImageSet(folder, _read_index(folder, IMAGES, [*COLUMNS, *ADDED]))


def write_originals(
    folder: Path, index: pd.DataFrame, originals: Path, taken: dict, objects: pd.DataFrame | None = None
) -> None:
    """Write an index, the pictures that it lists under ``file``, below ``originals``, and what was ``taken``.

    objects  a row for each object of the pictures that show several, where that is known

    Raises InputError, before the first byte is copied, where they do not fit on the disk.
    """
    outputs.check_space(
        folder, sum((originals / file).stat().st_size for file in index.file), f"{originals}: copying it"
    )
    with create(folder / ORIGINALS) as add:
        for file in tqdm(index.file, f"copy {originals}", unit=" pictures", disable=None):
            add(file, (originals / file).read_bytes())
    index.to_csv(folder / INDEX, index=False)
    (NO_OBJECTS if objects is None else objects).to_csv(folder / OBJECTS, index=False)
    files.write_json(folder / TAKEN, taken)


def read_originals(folder: Path) -> tuple[pd.DataFrame, Pack]:
    """Return the index of the originals and their files, under the names of its column ``file``."""
    return _read_index(folder, ORIGINALS, [*COLUMNS]), Pack(folder / ORIGINALS)


def read_taken(path: Path) -> list[str]:
    """Return what the download said of what it took and left out, line by line; ``path`` is its file ``TAKEN``."""
    said = files.read_json(path).get("said")
    if not isinstance(said, list) or not all(isinstance(line, str) for line in said):
        raise InputError(f"{path}: damaged, it has no lines 'said'; 'dvc repro' makes it")
    return said


def _read_index(folder: Path, pack: str, columns: list[str]) -> pd.DataFrame:
    for name in (INDEX, pack):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: missing; 'dvc repro' makes it")
    table = text.read_table(folder / INDEX, NUMBERS, columns, WAY_OUT)
    if wrong := _wrong(table):
        raise InputError(f"{folder / INDEX}: {wrong}; {WAY_OUT}")
    return table


def _wrong(table: pd.DataFrame) -> str:
    """Say what is wrong in an index; nothing if all is well."""
    if table.id.eq("").any() or table.id.duplicated().any():
        return f"the id {table.id[table.id.eq('') | table.id.duplicated()].iloc[0]!r:.80} is empty or not the only one"
    if odd := set(table.split) - {"train", "test"}:
        return f"the split {min(odd)!r:.80} is neither train nor test"
    labels = sorted(set(table.label))
    if not labels or labels != list(range(len(labels))):
        return "the labels do not run from 0 on without a gap"
    if len(table[["label", "class_name"]].drop_duplicates()) > len(labels):
        return "a label has two class names"
    for columns in [BOX, CROP] if CROP[0] in table else [BOX]:
        x0, y0, x1, y1 = (table[side] for side in columns)
        none = table[columns].isna().all(axis=1) & (columns == BOX)
        low, high = (x0 >= -EPS) & (y0 >= -EPS), (x1 <= 1 + EPS) & (y1 <= 1 + EPS)
        fits = low & high & (x0 <= x1) & (y0 <= y1)
        if not (none | fits).all():
            row = (none | fits).argmin()
            return f"row {row + 1}: the box {table[columns].iloc[row].tolist()} does not lie inside its picture"
    return ""
