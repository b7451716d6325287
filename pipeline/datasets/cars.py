"""Stanford Cars (Krause et al. 2013): 196 models, 8,144 training and 8,041 test photos, true boxes.

The original host is gone. Users get the official archives elsewhere, or a re-upload with a folder per class.
"""

import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.datasets import archive, folder, index
from pipeline.errors import InputError
from pipeline.params import Section

CLASSES, TRAINING, TEST = 196, 8144, 8041  # Table 1
LABELS = "cars_test_annos_withlabels.mat"
MD5 = {
    "cars_train.tgz": "065e5b463ae28d29e77c1b4b166cfe61",
    "cars_test.tgz": "4ce7ebf6a94d07f1952d94dd34c4d501",
    "car_devkit.tgz": "c3b158d763b6e2245038c8ad08e45376",
    LABELS: "b0a2b23655a3edd16d84508592a98d10",
}


class Source(Section):
    """Stanford Cars, in its official archives or as the re-upload with a folder per class."""

    reader: Literal["cars"]
    archives: str  # folder with the official archives, or with the re-upload
    subset: bool  # true if that folder has only some of the classes


def fetch(source: Source, raw: Path) -> None:
    """Unpack the official archives, or copy the re-upload with a folder per class."""
    given = Path(source.archives)
    if (given / "train").is_dir() and (given / "test").is_dir():
        folder.copy(given, raw)
        return
    missing = [name for name in MD5 if not (given / name).is_file()]
    if missing:
        raise InputError(
            f"{given}: {', '.join(missing)} missing. The original host is gone: put {', '.join(MD5)} there, or name a "
            "folder with train/CLASS/*.jpg and test/CLASS/*.jpg as 'archives'"
        )
    for name, md5 in MD5.items():
        path = archive.obtain(str(given / name), "", None if source.subset else md5, given)
        if name == LABELS:
            raw.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, raw)
        else:
            archive.unpack(path, raw)


def read(source: Source, raw: Path) -> pd.DataFrame:
    """Make the index from the official annotations, or from the folders of the re-upload."""
    images = _from_annotations(raw) if (raw / LABELS).is_file() else folder.read_split(raw)
    if not source.subset:
        index.check_counts(images, raw, CLASSES, TRAINING, TEST)
    return images


def _from_annotations(raw: Path) -> pd.DataFrame:
    names = [str(name) for name in _load(raw / "devkit" / "cars_meta.mat", "class_names")]
    train = _annotations(raw / "devkit" / "cars_train_annos.mat", "train")
    images = pd.concat([train, _annotations(raw / LABELS, "test")], ignore_index=True)
    outside = ~images.number.between(1, len(names))
    if outside.any():
        raise InputError(
            f"{raw}: {images.file[outside.idxmax()]} is of class {images.number[outside.idxmax()]}, unknown"
        )
    images["class_name"] = [names[number - 1] for number in images.number]
    images["label"] = pd.factorize(images.number, sort=True)[0]
    corners = (images[name] for name in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"))
    x0, y0, x1, y1 = (corner.astype(float) for corner in corners)
    return index.with_boxes(images, raw, x0 - 1, y0 - 1, x1, y1)  # pixels count from 1; the box includes x1 and y1


def _annotations(path: Path, split: str) -> pd.DataFrame:
    stored = np.atleast_1d(_load(path, "annotations"))  # loadmat squeezes a single row
    table = pd.DataFrame(stored.tolist(), columns=list(stored.dtype.names))
    if "class" not in table:
        raise InputError(f"{path}: holds no classes; the file with labels is {LABELS}")
    stems = table.fname.str.removesuffix(".jpg")
    return table.assign(
        id=f"{split}-" + stems, file=f"cars_{split}/" + table.fname, split=split, number=table["class"].astype(int)
    )


def _load(path: Path, name: str):  # noqa: ANN202 - whatever MATLAB stored
    from scipy.io import loadmat

    try:
        return loadmat(path, squeeze_me=True)[name]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as MATLAB's ({error}); the archive is not the official one"
        ) from error
