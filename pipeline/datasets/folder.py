"""Your own pictures: a folder per class, already split or split here, with boxes if you have any."""

import random
import shutil
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from pipeline.datasets import index
from pipeline.disk.imageset import BOX
from pipeline.errors import InputError
from pipeline.params import NaturalInt, Section

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"}


class Source(Section):
    """Your own pictures, a folder per class."""

    reader: Literal["folder"]
    root: str  # holds train/CLASS/* and test/CLASS/*, or CLASS/*
    test_share: Annotated[float, Field(gt=0, lt=1)]  # of each class, where there is no split
    seed: NaturalInt  # of the random split, where there is no other
    boxes: str | None  # a CSV of file, x0, y0, x1, y1 in pixels


def fetch(source: Source, raw: Path) -> None:
    """Copy the pictures."""
    root = Path(source.root)
    if not root.is_dir():
        raise InputError(f"{root}: the folder that the recipe names as 'root' is missing")
    if source.boxes and not Path(source.boxes).is_file():
        raise InputError(f"{source.boxes}: the table that the recipe names as 'boxes' is missing")
    copy(root, raw)


def copy(root: Path, raw: Path) -> None:
    """Copy all files with the suffix of a picture, in their folders."""
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in PICTURES and path.is_file():
            target = raw / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def read(source: Source, raw: Path) -> pd.DataFrame:
    """Make the index: root/train/CLASS and root/test/CLASS, or root/CLASS split by the recipe's seed and share."""
    if (raw / "train").is_dir() and (raw / "test").is_dir():
        images = read_split(raw)
    else:
        images = _list(raw, raw).assign(split="train")
        images.loc[_drawn_for_test(images, source), "split"] = "test"
    return _with_boxes(images, raw, source.boxes) if source.boxes else images


def read_split(raw: Path) -> pd.DataFrame:
    """Make the index of raw/train/CLASS/* and raw/test/CLASS/*."""
    images = pd.concat([_list(raw / s, raw).assign(split=s) for s in ("train", "test")], ignore_index=True)
    images["label"] = pd.factorize(images.class_name, sort=True)[0]
    return images


def _list(root: Path, raw: Path) -> pd.DataFrame:
    """List the pictures in the folders of ``root``, each folder a class."""
    paths = sorted(path for path in root.glob("*/*") if path.suffix.lower() in PICTURES)
    if not paths:
        raise InputError(f"{root}: no pictures in CLASS/*; one folder per class is expected")
    files = [path.relative_to(raw) for path in paths]
    table = pd.DataFrame({"file": [file.as_posix() for file in files], "class_name": [p.parent.name for p in paths]})
    table["id"] = table.file.str.replace(r"\.\w+$", "", regex=True).str.replace(r"[^\w.-]+", "-", regex=True)
    table["label"] = pd.factorize(table.class_name, sort=True)[0]
    return table.assign(x0=None, y0=None, x1=None, y1=None).astype(dict.fromkeys(BOX, float))


def _drawn_for_test(images: pd.DataFrame, source: Source) -> list[int]:
    """Draw test pictures, the recipe's share of every class, at least one; classes are drawn independently."""
    drawn = []
    for name, rows in images.groupby("class_name").groups.items():
        shuffled = random.Random(f"{source.seed} {name}").sample(list(rows), len(rows))
        drawn += shuffled[: max(1, round(source.test_share * len(rows)))]
    return drawn


def _with_boxes(images: pd.DataFrame, raw: Path, path: str) -> pd.DataFrame:
    """Add the boxes of a table: file is the path below the root, the rest are pixels."""
    table = pd.read_csv(path)
    if list(table.columns) != ["file", *BOX]:
        raise InputError(f"{path}: its columns are {list(table.columns)}, expected file, x0, y0, x1, y1")
    unknown = set(table.file) - set(images.file)
    if unknown:
        raise InputError(f"{path}: {min(unknown)!r} is no picture of the dataset")
    boxes = images[["file"]].merge(table, how="left", on="file")
    for row in boxes.dropna().itertuples():
        width, height = index.picture_size(raw / row.file)
        if not (0 <= row.x0 < row.x1 <= width and 0 <= row.y0 < row.y1 <= height):
            raise InputError(f"{path}: the box of {row.file!r} is empty or outside its {width} x {height} picture")
    return index.with_boxes(images, raw, *(boxes[side] for side in BOX))
