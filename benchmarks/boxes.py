"""Masks and boxes of a batch of attention maps, against the loop over scikit-image that other toolkits run."""

import numpy as np
import torch
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

from benchmarks.timing import Row, at_least, side_by_side
from model.boxes import tight_box
from model.otsu import binarise

MAPS, SIDE = 256, 14
BATCHES = 20  # a single one of ours is over before a timer is of use


def rows() -> list[Row]:
    """Measure, and check that both find the same masks and boxes."""
    M = maps()
    ours, reference = ours_of(M), reference_of(M)
    for one, other in zip(ours, reference, strict=True):
        np.testing.assert_array_equal(one, other)
    ways = (lambda: [ours_of(M) for _ in range(BATCHES)], lambda: [reference_of(M) for _ in range(BATCHES)])
    rates = [BATCHES * MAPS / seconds for seconds in side_by_side(*ways)]
    return [at_least(f"Otsu and boxes of {MAPS} maps of {SIDE} x {SIDE}, CPU", tuple(rates), 50, "maps/s")]


def maps() -> torch.Tensor:
    """Draw smooth maps with one or two bright places, as attention has."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand((MAPS, 1, 4, 4), generator=generator)
    return torch.nn.functional.interpolate(noise, (SIDE, SIDE), mode="bicubic")[:, 0].clamp(0, 1)


def ours_of(M: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Masks (N, H, W) and boxes (N, 4) as shares of the sides."""
    M_b, _ = binarise(M)
    return M_b.numpy(), tight_box(M_b).numpy()


def reference_of(M: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The same, map by map and region by region."""
    masks, boxes = [], []
    for one in M.numpy():
        mask = one > threshold_otsu(one)
        regions = [region.bbox for region in regionprops(label(mask, connectivity=2))]
        y0, x0, y1, x1 = (f(r[i] for r in regions) for i, f in enumerate((min, min, max, max)))
        masks.append(mask)
        boxes.append([x0 / SIDE, y0 / SIDE, x1 / SIDE, y1 / SIDE])
    return np.stack(masks), np.array(boxes)
