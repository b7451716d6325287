"""CUB-200-2011 (Wah et al. 2011): 200 birds, 5,994 training and 5,794 test photos, true boxes."""

from pathlib import Path

import pandas as pd
from PIL import Image

from pipeline import params
from pipeline.datasets import archive
from pipeline.errors import InputError

URL = "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz"
MD5 = "97eceeb196236b17998738112f37df78"
DOWNLOADS = Path("data/archives")  # outside every stage's outputs: a rerun does not download again
CLASSES, TRAINING, TEST = 200, 5994, 5794  # Table 1


def fetch(source: params.Cub, raw: Path) -> None:
    """Download or take the archive, check it and unpack it."""
    path = archive.obtain(source.archive, URL, None if source.subset else MD5, DOWNLOADS)
    archive.unpack(path, raw)
    if not (raw / "CUB_200_2011" / "images.txt").is_file():
        raise InputError(f"{path}: not CUB-200-2011, it holds no CUB_200_2011/images.txt")


def read(source: params.Cub, raw: Path) -> pd.DataFrame:
    """Make the index from the official lists, not from a glob: the archive also holds stray pictures."""
    root = raw / "CUB_200_2011"
    images = _list(root / "images.txt", ["id", "name"])
    images = images.merge(_list(root / "image_class_labels.txt", ["id", "class_id"]), how="left")
    images = images.merge(_list(root / "classes.txt", ["class_id", "class_name"]), how="left")
    images = images.merge(_list(root / "train_test_split.txt", ["id", "is_training"]), how="left")
    images = images.merge(_list(root / "bounding_boxes.txt", ["id", "x", "y", "width", "height"]), how="left")
    if images.isna().any(axis=None):
        column = images.isna().any().idxmax()
        raise InputError(f"{root}: {images.name[images[column].isna().idxmax()]} has no {column} in the official lists")
    images["label"] = pd.factorize(images.class_id.astype(int), sort=True)[0]
    images["split"] = images.is_training.map({"1": "train", "0": "test"})
    images["file"] = "CUB_200_2011/images/" + images.name
    if not source.subset:
        _check_counts(images, root)
    return images.join(_boxes(images, raw))


def _list(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        return pd.read_csv(path, sep=" ", names=columns, dtype=str)
    except (FileNotFoundError, ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: cannot be read ({error}); the archive is not the official one") from error


def _check_counts(images: pd.DataFrame, root: Path) -> None:
    found = images.label.nunique(), (images.split == "train").sum(), (images.split == "test").sum()
    if found != (CLASSES, TRAINING, TEST):
        raise InputError(
            f"{root}: {found[0]} classes, {found[1]} training and {found[2]} test pictures, where Table 1 has "
            f"{CLASSES}, {TRAINING:,} and {TEST:,}; for a smaller archive say 'subset: true' in the recipe"
        )


def _boxes(images: pd.DataFrame, raw: Path) -> pd.DataFrame:
    """Express the boxes as shares of the picture; a few overrun it and are cut at its edge."""
    sizes = pd.DataFrame([_size(raw / file) for file in images.file], columns=["W", "H"], index=images.index)
    x, y, width, height = (images[c].astype(float) for c in ("x", "y", "width", "height"))
    box = {"x0": x / sizes.W, "y0": y / sizes.H, "x1": (x + width) / sizes.W, "y1": (y + height) / sizes.H}
    return pd.DataFrame(box).clip(0, 1)


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a picture ({error})") from error
