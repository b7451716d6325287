"""CUB-200-2011 (Wah et al. 2011): 200 birds, 5,994 training and 5,794 test photos, true boxes."""

from pathlib import Path
from typing import Literal

import pandas as pd

from pipeline.datasets import archive, index, table
from pipeline.datasets.account import Account
from pipeline.disk.sections import Section
from pipeline.errors import InputError

URL = "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz"
MD5 = "97eceeb196236b17998738112f37df78"
CLASSES, TRAINING, TEST = 200, 5994, 5794  # Table 1
LISTS = {  # in the order in which each finds its key
    "image_class_labels.txt": ["id", "class_id"],
    "classes.txt": ["class_id", "class_name"],
    "train_test_split.txt": ["id", "is_training"],
    "bounding_boxes.txt": ["id", "x", "y", "width", "height"],
}


class Source(Section):
    """CUB-200-2011 in its official archive."""

    reader: Literal["cub"]
    archive: str | None  # a local CUB_200_2011.tgz; null downloads it
    subset: bool  # true for an archive that holds only some of the classes: its counts and checksum differ


def fetch(source: Source, unpacked: Path) -> Path:
    """Download or take the archive, check it and unpack it."""
    path = archive.obtain(source.archive, URL, None if source.subset else MD5, archive.DOWNLOADS)
    archive.unpack(path, unpacked)
    if not (unpacked / "CUB_200_2011" / "images.txt").is_file():
        raise InputError(f"{path}: not CUB-200-2011, it holds no CUB_200_2011/images.txt")
    return unpacked


def read(source: Source, raw: Path, account: Account) -> pd.DataFrame:
    """Make the index from the official lists, not from a glob: the archive also holds stray pictures."""
    root = raw / "CUB_200_2011"
    images = table.spaced(root / "images.txt", ["id", "name"])
    for name, columns in LISTS.items():
        images = images.merge(table.spaced(root / name, columns), how="left")
    if images.isna().any(axis=None):
        column = images.isna().any().idxmax()
        raise InputError(f"{root}: {images.name[images[column].isna().idxmax()]} has no {column} in the official lists")
    images["label"] = pd.factorize(table.numbers(images.class_id, root / "image_class_labels.txt"), sort=True)[0]
    if not images.is_training.isin(["0", "1"]).all():
        raise InputError(f"{root / 'train_test_split.txt'}: expected 0 or 1 for every picture")
    images["split"] = images.is_training.map({"1": "train", "0": "test"})
    images["file"] = "CUB_200_2011/images/" + images.name
    if not source.subset:
        index.check_counts(images, raw, CLASSES, TRAINING, TEST)
    boxes = root / "bounding_boxes.txt"
    x, y, width, height = (table.numbers(images[c], boxes) for c in ("x", "y", "width", "height"))
    return index.with_boxes(images, raw, x, y, x + width, y + height)
