"""Stage: cut the attended regions from the originals and zoom them, for the next scale to read (section 4.4)."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from model.boxes import next_crop, widen
from pipeline import images, params
from pipeline.disk import folds, imageset, predictions
from pipeline.disk.imageset import BOX, CROP
from pipeline.errors import InputError


def run(recipe: params.Attend, raw: Path, attended: Path, seen: Path, out: Path, fold: int = 0) -> None:
    """Write the next scale's image set, its images as large as those of the scale before.

    recipe    how masks become crops
    raw       folder of the originals
    attended  folder of the attend stage, which has the masks
    seen      image set that the attend stage read
    fold      for which its training images alone are cut; 0: all
    """
    before = imageset.read(seen)
    index = folds.training(before.index) if fold else before.index
    maps = predictions.read_maps(attended, index.id)
    boxes = attention(recipe, index, list(maps.values()))
    if recipe.crops == "centre":
        boxes = centred(boxes)
    elif recipe.crops == "true_box":
        boxes = true(recipe, index, seen)
    _, pictures = imageset.read_originals(raw)
    imageset.write(out, index, images.cut_all(index, pictures, boxes, before.short_edge))


def attention(recipe: params.Attend, index: pd.DataFrame, maps: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the boxes that attention chooses, (N, 4) as shares of the originals' sides.

    maps  M (H, W) and M_b (H, W) bool, of each row of the index; its columns CROP are what their scale saw
    """
    crops = torch.tensor(index[CROP].to_numpy())  # N 4
    boxes = torch.empty_like(crops)
    shapes = pd.Series([M_b.shape for _, M_b in maps])
    for rows in shapes.groupby(shapes).indices.values():  # maps differ in shape; those of one shape are a batch
        M, M_b = (torch.from_numpy(np.stack([maps[row][part] for row in rows])) for part in (0, 1))
        boxes[rows] = next_crop(M_b, M, crops[rows], recipe.policy)
    return boxes.numpy()


def centred(boxes: np.ndarray) -> np.ndarray:
    """Return, for each box, one of their mean area in its picture's middle: a control that looks nowhere.

    boxes  (N, 4)

    >>> centred(np.array([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]])).tolist()
    [[0.25, 0.25, 0.75, 0.75], [0.25, 0.25, 0.75, 0.75]]
    """
    side = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1).mean())
    return np.tile([0.5 - side / 2, 0.5 - side / 2, 0.5 + side / 2, 0.5 + side / 2], (len(boxes), 1))


def true(recipe: params.Attend, index: pd.DataFrame, seen: Path) -> np.ndarray:
    """Return the true boxes with the recipe's margin, (N, 4): what attention could reach at most."""
    if index[BOX].isna().to_numpy().any():
        raise InputError(f"{seen}: some images have no true box, and attend.crops true_box needs all; choose another")
    return widen(torch.tensor(index[BOX].to_numpy(float)), recipe.margin, minimum=0).numpy()
