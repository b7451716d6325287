"""The index: one row an image, the same columns (``imageset.COLUMNS``) for every source."""

from pathlib import Path, PurePosixPath

import pandas as pd
from PIL import Image

from pipeline import images
from pipeline.disk.imageset import BOX, COLUMNS
from pipeline.disk.text import natural_key
from pipeline.errors import InputError, one_line


def check(table: pd.DataFrame, raw: Path) -> pd.DataFrame:
    """Return the index, its columns in order, or raise InputError for what would spoil a training.

    Every class has training and test pictures, labels run from 0 to L-1 with L >= 2, ids are unique and fit for file
    names, every file exists, boxes lie inside their pictures.
    """
    table = table[list(COLUMNS)].reset_index(drop=True)
    _check_names(table, raw)
    check_classes(table, raw)
    boxes = table[BOX].dropna()
    wrong = (boxes < 0).any(axis=1) | (boxes > 1).any(axis=1) | (boxes.x0 >= boxes.x1) | (boxes.y0 >= boxes.y1)
    if wrong.any():
        row = table.loc[wrong.idxmax()]
        raise InputError(f"{raw / row.file}: its box {row[BOX].tolist()} is empty or outside the picture")
    return table


def check_counts(table: pd.DataFrame, raw: Path, classes: int, training: int, test: int) -> None:
    """Raise InputError unless the counts are those of the paper's Table 1."""
    found = table.label.nunique(), int((table.split == "train").sum()), int((table.split == "test").sum())
    if found != (classes, training, test):
        raise InputError(
            f"{raw}: {found[0]} classes, {found[1]:,} training and {found[2]:,} test pictures, where Table 1 has "
            f"{classes}, {training:,} and {test:,}; for a smaller archive say 'subset: true' in the recipe"
        )


def with_boxes(table: pd.DataFrame, raw: Path, *corners: pd.Series) -> pd.DataFrame:
    """Add boxes given in pixels (x0, y0, x1, y1) as shares; official ones that exceed their picture are clipped.

    Raises InputError for the pictures that cannot be read, all of them at once.
    """
    _check_files(table, raw)
    found = [picture_size(raw, file) for file in table.file]
    if bad := [one for one in found if isinstance(one, InputError)]:
        raise InputError(f"{raw}: {images.all_of(bad)}")
    sizes = pd.DataFrame(found, columns=["W", "H"], index=table.index)
    sides = [sizes.W, sizes.H, sizes.W, sizes.H]
    shares = {name: (corner / side).clip(0, 1) for name, corner, side in zip(BOX, corners, sides, strict=True)}
    return table.assign(**shares)


def picture_size(raw: Path, file: str) -> tuple[int, int] | InputError:
    """Return an upright picture's width and height in pixels, from its header, or what is wrong with it."""
    try:
        with Image.open(raw / file) as image:
            return images.upright_size(image)
    except (*images.DAMAGED, Image.DecompressionBombError) as error:
        reason = one_line(error, 500).replace(str(raw / file), "it")
        return InputError(f"{file}: cannot be decoded ({reason}); replace it or take it out of the dataset")


def labels(names: pd.Series) -> pd.Series:
    """Number class names from 0, in the order in which people sort them.

    >>> labels(pd.Series(["model 10", "model 2", "model 10"])).tolist()
    [1, 0, 1]
    """
    numbers = {name: number for number, name in enumerate(sorted(set(names), key=natural_key))}
    return names.map(numbers).astype(int)


def _check_names(table: pd.DataFrame, raw: Path) -> None:
    if table.id.duplicated().any():
        twice = table[table.id == table.id[table.id.duplicated().idxmax()]].file.head(2)
        raise InputError(f"{raw}: two pictures have one name: {', '.join(twice)}")
    odd = table.id[~table.id.str.fullmatch(r"[\w.-]+")]
    if len(odd):
        raise InputError(f"{raw}: {odd.iloc[0]!r} cannot be a file name; use letters, digits, '.', '_' and '-'")
    _check_files(table, raw)


def _check_files(table: pd.DataFrame, raw: Path) -> None:
    if len(outside := [file for file in table.file if not _is_inside(file)]):
        raise InputError(f"{raw}: the index names {outside[0]!r}, which lies outside of the dataset")
    missing = [file for file in table.file if not (raw / file).is_file()]
    if missing:
        raise InputError(
            f"{raw / missing[0]}: missing, and {len(missing) - 1} more of the pictures that the index lists"
        )


def check_classes(table: pd.DataFrame, raw: Path) -> None:
    """Raise InputError unless there are two classes or more, and each has training and test pictures."""
    names = table.groupby("label").class_name.first()
    if len(names) < 2:
        raise InputError(f"{raw}: {len(names)} class found; telling look-alikes apart takes at least two")
    if names.index.tolist() != list(range(len(names))):
        raise InputError(f"{raw}: labels must run from 0 to {len(names) - 1}, found {names.index.tolist()}")
    for split in ("train", "test"):
        empty = names.drop(table[table.split == split].label.unique())
        if len(empty):
            has = int((table.label == empty.index[0]).sum())
            raise InputError(
                f"{raw}: class {empty.iloc[0]!r} has no {split} picture (of {has}); each class needs one for training "
                "and one for the test: add some, or leave the class out"
            )


def _is_inside(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in file
