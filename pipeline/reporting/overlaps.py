"""How attended boxes and masks lie over true boxes, image by image; boxes are shares of the original's sides."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.disk import predictions
from pipeline.disk.predictions import ATTENDED
from pipeline.reporting import intervals
from pipeline.reporting.intervals import HIT, Estimate

CENTRED, WHOLE = "centred box", "whole image"
REFERENCES = (WHOLE, CENTRED)  # that need no attention
SIDES = np.arange(0.3, 1, 0.05)  # of centred boxes; the best one is taken


def with_true(true: np.ndarray, boxes: list[pd.DataFrame]) -> dict[str, np.ndarray]:
    """Return the overlap (N,) of each image's true box with the attended one at each scale, and with two references.

    true   true boxes (N, 4)
    boxes  attended boxes of the same images, one table a scale

    The references are the whole image, and the box in every image's middle whose size is best for all of them.
    """
    named = {str(scale): iou(true, table[ATTENDED].to_numpy()) for scale, table in enumerate(boxes, start=1)}
    named[WHOLE] = iou(true, np.array([[0.0, 0.0, 1.0, 1.0]]))
    centred = [iou(true, np.array([[0.5 - s / 2, 0.5 - s / 2, 0.5 + s / 2, 0.5 + s / 2]])) for s in SIDES]
    named[CENTRED] = max(centred, key=lambda overlap: overlap.mean())
    return named


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes (N, 4), pair by pair.

    >>> iou(np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[0.5, 0.0, 1.5, 1.0]])).round(4)
    array([0.3333])
    """
    overlap = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None).prod(axis=1)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (a, b))
    return overlap / (area_a + area_b - overlap)


def areas(boxes: list[pd.DataFrame]) -> dict[str, np.ndarray]:
    """Return the share (N,) of each original that its attended box covers, by scale."""
    sides = {str(scale): table[ATTENDED].to_numpy() for scale, table in enumerate(boxes, start=1)}
    return {scale: (box[:, 2:] - box[:, :2]).prod(axis=1) for scale, box in sides.items()}


def of_several(objects: pd.DataFrame, attended: Path, test: pd.Index) -> dict[str, Estimate]:
    """Measure whether several objects of one picture are attended at once (section 5.5); nothing if none has several.

    objects   a row (id, x0, y0, x1, y1) for each object of the pictures that have more than one
    attended  folder of scale 1's attend stage
    test      ids of the test images

    Returns the share of pictures with several objects in each of which something is attended ('all objects attended'),
    and the mean number of regions of a mask on such pictures and on the others.
    """
    several = objects[objects.id.isin(test)]
    if several.empty:
        return {}
    masks = {name: mask for name, (_, mask) in predictions.read_maps(attended).items()}
    found = {
        name: float(all(is_attended(masks[name], box) for box in boxes[ATTENDED].to_numpy()))
        for name, boxes in several.groupby("id")
    }
    one = [regions(masks[name]) for name in test if name not in found]
    rows = {"all objects attended": intervals.estimate(np.array(list(found.values())), ends=HIT)}
    rows["regions of several objects"] = intervals.estimate(np.array([regions(masks[name]) for name in found]), 1.0)
    return rows | ({"regions of one object": intervals.estimate(np.array(one), 1.0)} if one else {})


def regions(mask: np.ndarray) -> int:
    """Count the connected regions of a mask (H, W); cells that meet at a corner are connected.

    >>> regions(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]], bool))
    2
    """
    from skimage.measure import label

    return int(label(mask, connectivity=2).max())


def is_attended(mask: np.ndarray, box: np.ndarray) -> bool:
    """Say whether any cell of a mask (H, W) whose middle lies in a box (4,) is attended.

    A box between the middles of cells is as large as the cell that its own middle lies in.
    """
    chosen = []
    for cells, low, high in ((mask.shape[0], box[1], box[3]), (mask.shape[1], box[0], box[2])):
        middles = (np.arange(cells) + 0.5) / cells
        inside = (middles >= low) & (middles <= high)
        if not inside.any():
            inside[min(int((low + high) / 2 * cells), cells - 1)] = True
        chosen.append(inside)
    return bool(mask[np.ix_(*chosen)].any())
