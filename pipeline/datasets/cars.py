"""Stanford Cars (Krause et al. 2013): 196 models, 8,144 training and 8,041 test photos, true boxes.

The original host is gone. Users get the official archives elsewhere, or a re-upload with a folder per class.
"""

import faulthandler
import shutil
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.datasets import archive, folder, index, table
from pipeline.datasets.account import Account
from pipeline.disk.sections import Section
from pipeline.errors import InputError, one_line
from pipeline.images import DAMAGED, POINTER

CLASSES, TRAINING, TEST = 196, 8144, 8041  # Table 1
LABELS = "cars_test_annos_withlabels.mat"
META = "cars_meta.mat"
ANNOTATIONS = {"train": "cars_train_annos.mat", "test": LABELS}
CORNERS = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"]
MD5 = {
    "cars_train.tgz": "065e5b463ae28d29e77c1b4b166cfe61",
    "cars_test.tgz": "4ce7ebf6a94d07f1952d94dd34c4d501",
    "car_devkit.tgz": "c3b158d763b6e2245038c8ad08e45376",
    LABELS: "b0a2b23655a3edd16d84508592a98d10",
}


class Source(Section):
    """Stanford Cars, in its official archives, unpacked, or as the re-upload with a folder per class."""

    reader: Literal["cars"]
    archives: str  # folder with the official archives, with what they hold, or with the re-upload
    subset: bool  # true if that folder has only some of the classes


def fetch(source: Source, unpacked: Path) -> Path:
    """Unpack the official archives, or take a folder that holds what they hold or the re-upload as it is."""
    given = Path(source.archives)
    missing = [name for name in MD5 if not (given / name).is_file()]
    if missing and ((given / "train").is_dir() or _find(given, META)):
        return given
    if missing:
        raise InputError(
            f"{given}: {', '.join(missing)} missing. The original host is gone: put {', '.join(MD5)} there, or name a "
            "folder that holds what they hold, or one with train/CLASS/*.jpg and test/CLASS/*.jpg, as 'archives'"
        )
    for name, md5 in MD5.items():
        if not source.subset:
            archive.check_md5(given / name, md5)
        if name == LABELS:
            shutil.copy(given / name, unpacked)
        else:
            archive.unpack(given / name, unpacked)
    return unpacked


def read(source: Source, raw: Path, account: Account) -> pd.DataFrame:
    """Make the index from the official annotations, or from the folders of the re-upload."""
    images = _from_annotations(raw) if _find(raw, META) else folder.numbered(folder.listed(raw, account))
    if not source.subset:
        index.check_counts(images, raw, CLASSES, TRAINING, TEST)
    return images


def _from_annotations(raw: Path) -> pd.DataFrame:
    names = [str(name) for name in np.atleast_1d(_load(_find(raw, META), "class_names"))]
    tables = []
    for split, file in ANNOTATIONS.items():
        path = _find(raw, file)
        if path is None:
            raise InputError(f"{raw}: {file} is missing, the official annotations of the {split} pictures")
        tables.append(_annotations(path, split, raw))
    images = pd.concat(tables, ignore_index=True)
    outside = ~images.number.between(1, len(names))
    if outside.any():
        raise InputError(
            f"{raw}: {images.file[outside.idxmax()]} is of class {images.number[outside.idxmax()]:g}, unknown"
        )
    images["class_name"] = [names[int(number) - 1] for number in images.number]
    images["label"] = pd.factorize(images.number, sort=True)[0]
    x0, y0, x1, y1 = (images[name] for name in CORNERS)
    return index.with_boxes(images, raw, x0 - 1, y0 - 1, x1, y1)  # pixels count from 1; the box includes x1 and y1


def _find(raw: Path, name: str) -> Path | None:
    """Find an official file: re-uploads put it into other folders, and browsers add ' (1)' to its name."""
    stem, suffix = name.split(".")
    return next(iter(sorted(raw.rglob(f"{stem}*.{suffix}"))), None)


def _photos(raw: Path, split: str) -> Path:
    """Find the folder with a split's photos; in some re-uploads it is cars_train/cars_train."""
    folders = sorted(path for path in raw.rglob(f"cars_{split}") if path.is_dir())
    if not folders:
        raise InputError(f"{raw}: holds no folder cars_{split} with the {split} photos")
    return folders[-1]


def _annotations(path: Path, split: str, raw: Path) -> pd.DataFrame:
    stored = np.atleast_1d(_load(path, "annotations"))  # loadmat squeezes a single row
    fields = set(stored.dtype.names or ())
    if "class" not in fields:
        raise InputError(f"{path}: holds no classes; the file with labels is {LABELS}")
    if missing := {*CORNERS, "fname"} - fields:
        raise InputError(f"{path}: holds no {min(missing)}; it is not the official file")
    rows = pd.DataFrame({name: [str(value) for value in stored[name]] for name in (*CORNERS, "class", "fname")})
    photos = _photos(raw, split).relative_to(raw).as_posix()
    numbers = {name: table.numbers(rows[name], path) for name in (*CORNERS, "class")}
    return pd.DataFrame(numbers).assign(
        id=f"{split}-" + rows.fname.str.removesuffix(".jpg"),
        file=f"{photos}/" + rows.fname,
        split=split,
        number=numbers["class"],
    )


def _load(path: Path, name: str):  # noqa: ANN202 - whatever MATLAB stored
    """Read in a process of its own: SciPy's reader can crash at damaged bytes, and takes its process with it.

    Where Python's faulthandler is on, it would print where in SciPy that was: to a user the file is damaged, no more.
    """
    with ProcessPoolExecutor(1, initializer=faulthandler.disable) as pool:
        try:
            return pool.submit(_read, path, name).result()
        except BrokenProcessPool as error:
            raise InputError(f"{path}: cannot be read as MATLAB's (damaged); it is not the official file") from error


def _read(path: Path, name: str):  # noqa: ANN202
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return loadmat(path, squeeze_me=True)[name]
    except NotImplementedError as error:
        raise InputError(f"{path}: saved in MATLAB's format 7.3; save it with '-v7', as the official one is") from error
    except (*DAMAGED, MatReadError, UnboundLocalError) as error:  # the last is a slip in SciPy
        with path.open("rb") as file:
            pointer = file.read(len(POINTER)) == POINTER
        reason = "a pointer of Git LFS: 'git lfs pull' fetches the file" if pointer else one_line(error, 200)
        raise InputError(f"{path}: cannot be read as MATLAB's ({reason}); it is not the official file") from error
