"""Attention maps and masks drawn over their images, as in Figures 4 to 6."""

import numpy as np
from matplotlib import colormaps
from PIL import Image

STRENGTH = 0.55  # opacity of the map's colour where attention is highest


def heat(image: np.ndarray, M: np.ndarray) -> np.ndarray:
    """Lay a map over its image, brighter where attention is higher.

    image  (height, width, 3) uint8
    M      (H, W)             any range; it is normalised by its minimum and maximum
    ->     (height, width, 3) uint8
    """
    spread = M.max() - M.min()
    level = (M - M.min()) / spread if spread > 0 else np.ones_like(M)
    level = _enlarge(level.astype(np.float32), image, Image.Resampling.BILINEAR)[..., None]
    colour = colormaps["inferno"](level[..., 0])[..., :3] * 255
    cover = STRENGTH * (0.4 + 0.6 * level)
    return np.rint((1 - cover) * image + cover * colour).astype(np.uint8)


def mask(image: np.ndarray, M_b: np.ndarray) -> np.ndarray:
    """Darken the cells that are not attended.

    image  (height, width, 3) uint8
    M_b    (H, W) bool
    ->     (height, width, 3) uint8
    """
    attended = _enlarge(M_b.astype(np.float32), image, Image.Resampling.NEAREST)[..., None] > 0.5
    return np.where(attended, image, image // 5)


def _enlarge(cells: np.ndarray, image: np.ndarray, how: Image.Resampling) -> np.ndarray:
    height, width, _ = image.shape
    return np.asarray(Image.fromarray(cells).resize((width, height), how))
