"""FGVC-Aircraft 2013b (Maji et al. 2013): 100 variants, 6,667 training and 3,333 test photos, true boxes.

Every photo has a copyright banner at the bottom. The dataset's README asks to cut it off before training and testing;
boxes are clipped to the rest of the photo. The training split is the official 'trainval'.
"""

from pathlib import Path
from typing import Literal

import pandas as pd
from PIL import Image
from tqdm import tqdm

from pipeline.datasets import archive, index, table
from pipeline.datasets.account import Account
from pipeline.disk import files
from pipeline.disk.imageset import BOX
from pipeline.disk.sections import Section
from pipeline.errors import InputError
from pipeline.images import DAMAGED

URL = "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz"
MD5 = "d4acdd33327262359767eeaa97a4f732"
CLASSES, TRAINING, TEST = 100, 6667, 3333  # Table 1
BANNER = 20  # pixels at the bottom
ROOT = "fgvc-aircraft-2013b/data"


class Source(Section):
    """FGVC-Aircraft 2013b in its official archive."""

    reader: Literal["aircraft"]
    archive: str | None  # a local fgvc-aircraft-2013b.tar.gz; null downloads it
    subset: bool  # true for an archive that holds only some of the variants


def fetch(source: Source, unpacked: Path) -> Path:
    """Download or take the archive, check it, unpack it and cut the banners off."""
    path = archive.obtain(source.archive, URL, None if source.subset else MD5, archive.DOWNLOADS)
    archive.unpack(path, unpacked)
    if not (unpacked / ROOT / "variants.txt").is_file():
        raise InputError(f"{path}: not FGVC-Aircraft 2013b, it holds no {ROOT}/variants.txt")
    photos = sorted((unpacked / ROOT / "images").glob("*.jpg"))
    for photo in tqdm(photos, desc="cut banners", unit=" photos", disable=None):
        _cut_banner(photo)
    return unpacked


def read(source: Source, raw: Path, account: Account) -> pd.DataFrame:
    """Make the index from the 'variant' labels and the official split."""
    images = pd.concat(
        [_list(raw, "trainval").assign(split="train"), _list(raw, "test").assign(split="test")], ignore_index=True
    )
    boxes = raw / ROOT / "images_box.txt"
    images = images.merge(table.spaced(boxes, ["id", *BOX]), how="left", on="id")
    if images.x0.isna().any():
        raise InputError(f"{raw / ROOT}: {images.id[images.x0.isna().idxmax()]} has no box in images_box.txt")
    images["label"] = index.labels(images.class_name)
    images["file"] = f"{ROOT}/images/" + images.id + ".jpg"
    if not source.subset:
        index.check_counts(images, raw, CLASSES, TRAINING, TEST)
    x0, y0, x1, y1 = (table.numbers(images.pop(side), boxes) for side in BOX)
    return index.with_boxes(images, raw, x0 - 1, y0 - 1, x1, y1)  # pixels count from 1; the box includes x1 and y1


def _list(raw: Path, split: str) -> pd.DataFrame:
    return table.spaced(raw / ROOT / f"images_variant_{split}.txt", ["id", "class_name"])


def _cut_banner(path: Path) -> None:
    try:
        with Image.open(path) as photo:
            cut = photo.crop((0, 0, photo.width, photo.height - BANNER))
            cut.save(path, quality=95, subsampling=0)
    except (*DAMAGED, Image.DecompressionBombError) as error:
        if files.is_full(error):
            raise
        raise InputError(f"{path}: cannot be decoded ({error}); the archive is damaged") from error
