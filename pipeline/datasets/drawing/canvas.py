"""A canvas, the shapes that are painted on it, and the dice that decide where.

All of it gives the same bytes on any machine: IEEE 754 defines +, -, *, / and the square root, and each is used element
by element; sums over arrays and sines, whose last bit differs between libraries, are not used.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Colour = tuple[float, float, float]
T = TypeVar("T")


class Dice:
    """Random choices that depend on a text alone; numpy promises that ``RandomState`` never changes its stream."""

    def __init__(self, seed: str) -> None:
        words = np.frombuffer(hashlib.sha256(seed.encode()).digest(), "<u4")
        self.state = np.random.RandomState(words)

    def between(self, low: float, high: float) -> float:
        """Return a number from low to high."""
        return low + (high - low) * self.state.random_sample()

    def pick(self, options: Sequence[T]) -> T:
        """Return one of some options."""
        return options[int(self.state.random_sample() * len(options))]

    def vary(self, colour: Colour, by: float) -> Colour:
        """Return a colour near another: each channel ``by`` more or less at most."""
        return tuple(min(max(channel + self.between(-by, by), 0.0), 1.0) for channel in colour)

    def field(self, *shape: int) -> Array:
        """Return random numbers from 0 to 1."""
        return self.state.random_sample(shape).astype(np.float32)

    def counts(self, *shape: int) -> NDArray[np.int32]:
        """Return whole numbers that scatter around zero like a normal distribution, by 148."""
        count = math.prod(shape)
        dice = np.frombuffer(self.state.bytes(4 * count), np.uint8).reshape(4, *shape).astype(np.int32)
        return dice[0] + dice[1] + dice[2] + dice[3] - 510


@dataclass
class Canvas:
    """Pixels to paint on, and the frame (origin, direction, scale, mirror) in which shapes are described."""

    pixels: Array  # height width 3, 0 to 1
    x: float = 0.0  # the frame's origin, pixels
    y: float = 0.0
    slope: float = 0.0  # tangent of half the angle by which the frame is turned
    scale: float = 1.0  # pixels per unit of the frame
    mirror: int = 1  # -1: the frame's u axis points left
    reach: float = 1.0  # units around the origin beyond which nothing is painted
    light: tuple[float, float] = (-0.6, -0.8)  # where light comes from, on the picture

    @property
    def direction(self) -> tuple[float, float]:
        """Cosine and sine of the frame's turn."""
        square = self.slope * self.slope
        return (1 - square) / (1 + square), 2 * self.slope / (1 + square)

    def window(self) -> tuple[slice, slice]:
        """Return the rows and columns within reach."""
        far = self.reach * self.scale + 2
        return tuple(slice(max(int(at - far), 0), max(int(at + far), 0)) for at in (self.y, self.x))

    def frame(self) -> tuple[Array, Array]:
        """Return the place of every pixel within reach, as two arrays u and v in the frame's units."""
        height, width, _ = self.pixels.shape
        rows, columns = self.window()
        dx = (np.arange(width, dtype=np.float32)[columns] + np.float32(0.5 - self.x))[None, :]
        dy = (np.arange(height, dtype=np.float32)[rows] + np.float32(0.5 - self.y))[:, None]
        dx, dy = dx * np.float32(self.mirror / self.scale), dy * np.float32(1 / self.scale)
        cos, sin = map(np.float32, self.direction)
        return cos * dx + sin * dy, cos * dy - sin * dx

    def paint(self, distance: Array, colour: Colour | Array, soft: float = 1.3, opacity: float = 1.0) -> Array:
        """Fill where the signed distance (in the frame's units) is negative; return the coverage, 0 to 1.

        colour  one, or one for each pixel of the window
        soft    width of the edge, pixels: one beyond two is out of focus
        """
        cover = np.clip(np.float32(0.5) - distance * np.float32(self.scale / soft), 0, 1)
        part = _around(cover)  # most shapes are small in their windows
        pixels, colour = self.pixels[self.window()][part], np.asarray(colour, np.float32)
        if colour.ndim > 1:
            colour = colour[part]
        pixels += (cover[part] * np.float32(opacity))[..., None] * (colour - pixels)
        return cover

    def relief(self, distance: Array, depth: float) -> Array:
        """Return how bright a rounded body is where light meets it, about 1, from the distance to its outline.

        depth  how far from the outline the body is flat, in the frame's units
        """
        inside = np.clip(distance * np.float32(-1 / depth), 0, 1)
        slope = (1 - inside) * np.float32(self.scale)  # the distance grows by 1 / scale a pixel
        x, y = np.zeros_like(distance), np.zeros_like(distance)
        x[:, 1:-1] = (distance[:, 2:] - distance[:, :-2]) * np.float32(0.5)
        y[1:-1] = (distance[2:] - distance[:-2]) * np.float32(0.5)
        lit = slope * (x * np.float32(self.light[0]) + y * np.float32(self.light[1]))
        return np.clip(np.float32(0.98) + np.float32(0.42) * lit, 0.35, 1.45)


def ellipse(u: Array, v: Array, centre: tuple[float, float], radii: tuple[float, float], slope: float = 0) -> Array:
    """Signed distance to an ellipse, exact enough within a pixel of its edge; ``slope`` as in ``Canvas``."""
    square = slope * slope
    cos, sin = np.float32((1 - square) / (1 + square)), np.float32(2 * slope / (1 + square))
    du, dv = u - np.float32(centre[0]), v - np.float32(centre[1])
    a, b = (cos * du + sin * dv) * np.float32(1 / radii[0]), (cos * dv - sin * du) * np.float32(1 / radii[1])
    return (np.sqrt(a * a + b * b) - 1) * np.float32(min(radii))


def polygon(u: Array, v: Array, *corners: tuple[float, float]) -> Array:
    """Signed distance to a convex polygon, its corners given clockwise on the screen."""
    distance = np.full(np.broadcast_shapes(u.shape, v.shape), -np.inf, np.float32)
    for (u0, v0), (u1, v1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        length = math.sqrt((u1 - u0) * (u1 - u0) + (v1 - v0) * (v1 - v0))
        a, b = np.float32((v1 - v0) / length), np.float32((u1 - u0) / length)
        distance = np.maximum(distance, a * (u - np.float32(u0)) - b * (v - np.float32(v0)))
    return distance


def union(one: Array, other: Array, blend: float) -> Array:
    """Join two shapes by their distances, the seam rounded over ``blend`` units."""
    near = np.maximum(np.float32(blend) - np.abs(one - other), 0)
    return np.minimum(one, other) - near * near * np.float32(0.25 / blend)


def strokes(u: Array, v: Array, table: Array, along: float, across: float) -> Array:
    """Look up random numbers so that they form strokes in direction u: ``along`` and ``across`` of them a unit."""
    rows = (v * np.float32(across) + np.float32(64)).astype(np.int32) % table.shape[0]
    columns = (u * np.float32(along) + rows * np.float32(0.37) + np.float32(64)).astype(np.int32) % table.shape[1]
    return table[rows, columns]


def enlarge(small: Array, height: int, width: int) -> Array:
    """Interpolate a small picture (rows columns 3) to a large one."""
    for axis, size in ((0, height), (1, width)):
        at = np.arange(size, dtype=np.float32) * np.float32((small.shape[axis] - 1.001) / size)
        low = at.astype(np.int32)
        share = (at - low.astype(np.float32)).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        share = share * share * (3 - 2 * share)
        small = small.take(low, axis) * (1 - share) + small.take(low + 1, axis) * share
    return small


def _around(cover: Array) -> tuple[slice, slice]:
    """Return the rows and columns outside of which nothing is covered."""
    inside = cover > 0
    found = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return tuple(slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0) for at in found)
