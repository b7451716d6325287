"""The folder data/raw/<dataset>: the original pictures, packed, and their index; nothing changes them any more."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipeline.errors import InputError
from pipeline.pack import Pack, create

INDEX, PICTURES = "index.csv", "pictures.zip"


def write(index: pd.DataFrame, picture: Callable[[str], bytes], raw: Path) -> None:
    """Write an index and the pictures that it lists under ``file``."""
    with create(raw / PICTURES) as add:
        for file in index.file:
            add(file, picture(file))
    index.to_csv(raw / INDEX, index=False)


def read(raw: Path) -> tuple[pd.DataFrame, Pack]:
    """Return the index (the columns of ``datasets.index``) and the pictures."""
    for name in (INDEX, PICTURES):
        if not (raw / name).is_file():
            raise InputError(f"{raw / name}: missing; 'dvc repro' makes it")
    return pd.read_csv(raw / INDEX, dtype={"id": str, "class_name": str}), Pack(raw / PICTURES)
