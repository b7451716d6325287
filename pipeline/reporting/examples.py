"""Test images for the report: picked by a rule, each with its crop, map and boxes at every scale."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.disk import imageset, predictions
from pipeline.disk.imageset import BOX, CROP, ImageSet
from pipeline.disk.predictions import ATTENDED
from pipeline.reporting.failure_figures import SIDE, Pair
from pipeline.reporting.figures import Example, View


@dataclass(frozen=True)
class Scale:
    """The stored images and results of one scale."""

    images: ImageSet
    boxes: pd.DataFrame
    maps: dict[str, tuple[np.ndarray, np.ndarray]]


def read(images: Path, attended: Path) -> Scale:
    """Read a scale's image set (``images``) and its results (``attended``, the folder of the attend stage)."""
    return Scale(imageset.read(images), predictions.read_boxes(attended), predictions.read_maps(attended))


def choose(answers: pd.DataFrame, right: bool, n: int) -> pd.DataFrame:
    """Pick test images that the multi-scale prediction gets right, or wrong: evenly over the list, never by hand."""
    chosen = answers[(answers.ms == answers.true) == right]
    positions = np.linspace(0, len(chosen) - 1, min(n, len(chosen))).round().astype(int)
    return chosen.iloc[positions]


def gather(row: pd.Series, scales: list[Scale]) -> Example:
    """Gather the view of one image at each scale; ``row`` is the image's row of the evaluate stage's predictions."""
    views = []
    for number, scale in enumerate(scales, start=1):
        entry, found = scale.images.index.set_index("id").loc[row.id], scale.boxes.loc[row.id]
        boxes = {"true": entry[BOX], "attended": found[ATTENDED]}
        if number < len(scales):
            boxes["next"] = scales[number].images.index.set_index("id").loc[row.id, CROP]
        crop = entry[CROP].to_numpy(float)
        inside = {name: within(box.to_numpy(float), crop) for name, box in boxes.items() if box.notna().all()}
        views.append(View(pixels(scale.images, row.id), *scale.maps[row.id], inside, row[f"scale_{number}"]))
    return Example(row.true, views)


def pair(true: str, answer: str, answers: pd.DataFrame, images: ImageSet) -> Pair:
    """Gather pictures of a confused pair: mistaken ones, the surest first; of the other class recognised ones first.

    Where the other class has too few test images, training images stand in.

    answers  the evaluate stage's table
    images   the image set of scale 1
    """
    surest = answers.sort_values("confidence", ascending=False, kind="stable")
    mistaken = surest.id[(surest.true == true) & (surest.ms == answer)]
    theirs = surest[surest.true == answer]
    recognised = theirs.ms == answer
    index = images.index
    training = index.id[(index.class_name == answer) & (index.split == "train")]
    others = [*theirs.id[recognised], *theirs.id[~recognised], *training]
    return Pair(true, answer, *([pixels(images, name) for name in list(ids)[:SIDE]] for ids in (mistaken, others)))


def pixels(images: ImageSet, identity: str) -> np.ndarray:
    """Return an image (height, width, 3) uint8."""
    with images.open(identity) as image:
        return np.asarray(image)


def within(box: np.ndarray, crop: np.ndarray) -> np.ndarray:
    """Express a box of the original as shares of a crop's sides, clipped to the crop.

    >>> within(np.array([0.0, 0.5, 0.75, 1.0]), np.array([0.5, 0.5, 1.0, 1.0])).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    corner, side = np.tile(crop[:2], 2), np.tile(crop[2:] - crop[:2], 2)
    return ((box - corner) / side).clip(0, 1)
