"""The camera: a lens that is not quite sharp, and a sensor's noise, as every photo has them.

Flat colours have no texture but what a JPEG encoder makes of them, and networks can come to need that; so pictures have
a grain of their own.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.drawing.canvas import Array, Dice

BRIGHTNESS, HUES = 48, 26  # of the noise, in thousandths of a grey level for each of the dice's counts
DARK = 2  # times as much noise in black as in white


def take(pixels: Array, dice: Dice, grain: float = 1.0) -> NDArray[np.uint8]:
    """Return the photo of a scene (height width 3, 0 to 1).

    grain  how much noise: 1 as pictures have it, 0 none
    """
    height, width, _ = pixels.shape
    bright = dice.between(1.0, 1.3)
    exposure = np.array([bright * dice.between(0.97, 1.03) for _ in range(3)], np.float32)
    seen = np.clip(_blurred(pixels) * exposure, 0, 1)
    levels = np.rint(seen * np.float32(255_000)).astype(np.int32)  # thousandths: from here on whole numbers
    green = levels[..., 1:2] // 1000  # stands for how bright a pixel is
    light = _correlated(dice.counts(height + 2, width + 2, 1)) * BRIGHTNESS
    coarse = dice.counts(height // 2 + 3, width // 2 + 3, 3)
    hue = _correlated(coarse.repeat(2, 0).repeat(2, 1)[: height + 2, : width + 2]) * HUES
    noise = (light + hue) // 16 * (255 * DARK - (DARK - 1) * green) // 255
    levels += (noise * round(100 * grain)) // 100
    return np.clip((levels + 500) // 1000, 0, 255).astype(np.uint8)


def _correlated(noise: NDArray[np.int32]) -> NDArray[np.int32]:
    """Let each pixel share with its neighbours (weights 1 2 1 along both axes), as sensors' colour filters do."""
    noise = noise[:-2] + 2 * noise[1:-1] + noise[2:]
    return noise[:, :-2] + 2 * noise[:, 1:-1] + noise[:, 2:]


def _blurred(pixels: Array) -> Array:
    for axis in (0, 1):
        first = np.concatenate([pixels.take([0], axis), pixels, pixels.take([-1], axis)], axis)
        rest = [slice(None)] * 2
        parts = []
        for start in range(3):
            rest[axis] = slice(start, start + pixels.shape[axis])
            parts.append(first[tuple(rest)])
        pixels = (parts[0] + parts[2]) * np.float32(0.22) + parts[1] * np.float32(0.56)
    return pixels
