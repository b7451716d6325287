"""Birdlets: sister species of birds that the project draws itself, free of licences and downloads.

All species have the same body. Its colours, size, place and pose are random and do not depend on the species. Species
differ only in one or two small marks. The background has leaves, twigs and berries. The berries have the colours and
sizes of the marks, so a classifier has to attend to the bird, and to the places of its marks.

The same seed gives the same bytes on any machine. For this, birdlets use the standard library's random generator,
arithmetic that IEEE 754 defines, and BMP, which has no compressor that could differ between versions.
"""

import math
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from pipeline.datasets.account import Account
from pipeline.disk import text
from pipeline.disk.imageset import COLUMNS, INDEX, NUMBERS, WAY_OUT
from pipeline.disk.sections import NaturalInt, PositiveInt, Section

Array = NDArray[np.float64]
Colour = tuple[float, float, float]

SIZES = [(320, 320), (352, 288), (288, 352)]  # width, height in pixels
MARK_COLOURS: dict[str, Colour] = {
    "red": (0.85, 0.12, 0.10),
    "yellow": (0.97, 0.85, 0.15),
    "white": (0.97, 0.97, 0.95),
    "black": (0.05, 0.05, 0.06),
}
BODY_COLOURS: list[Colour] = [(0.45, 0.36, 0.27), (0.40, 0.43, 0.47), (0.30, 0.40, 0.50), (0.50, 0.45, 0.33)]
LEAF_COLOURS: list[Colour] = [(0.25, 0.42, 0.18), (0.42, 0.50, 0.22), (0.50, 0.42, 0.22), (0.35, 0.30, 0.24)]

# Neighbours are sisters: they differ in the colour of a mark, in its place, or in the presence of a second one.
SPECIES: dict[str, dict[str, str]] = {
    "red_crowned": {"crown": "red"},
    "yellow_crowned": {"crown": "yellow"},
    "red_throated": {"throat": "red"},
    "yellow_throated": {"throat": "yellow"},
    "white_winged": {"wing": "white"},
    "yellow_winged": {"wing": "yellow"},
    "white_tailed": {"tail": "white"},
    "black_tailed": {"tail": "black"},
    "red_crowned_white_winged": {"crown": "red", "wing": "white"},
    "red_throated_white_tailed": {"throat": "red", "tail": "white"},
}


class Source(Section):
    """The embedded dataset, drawn by the project."""

    reader: Literal["birdlets"]
    seed: NaturalInt
    training: PositiveInt  # pictures per species
    test: PositiveInt  # pictures per species


def fetch(source: Source, raw: Path) -> Path:
    """Draw all pictures and write the index beside them."""
    (raw / "images").mkdir(parents=True)
    plan = [(name, n) for name in SPECIES for n in range(source.training + source.test)]
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(partial(_draw_file, source, raw), plan, chunksize=8)
        rows = list(tqdm(drawn, total=len(plan), desc="draw birdlets", unit=" pictures", disable=None))
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(raw / INDEX, index=False)
    return raw


def read(source: Source, raw: Path, account: Account) -> pd.DataFrame:
    """Return the index that ``fetch`` wrote."""
    return text.read_table(raw / INDEX, NUMBERS, COLUMNS, WAY_OUT)


def draw(species: str, rng: random.Random) -> tuple[NDArray[np.uint8], tuple[float, float, float, float]]:
    """Draw one bird of a species in a scene of its own.

    -> (height, width, 3) uint8 and the bird's box x0, y0, x1, y1 as shares of the picture's sides

    >>> pixels, box = draw("white_tailed", random.Random(0))
    >>> pixels.shape, [round(side, 2) for side in box]
    ((288, 352, 3), [0.17, 0.09, 0.53, 0.47])
    """
    width, height = rng.choice(SIZES)
    canvas = Canvas(_backdrop(width, height, rng))
    _draw_clutter(canvas, rng)
    bird = _draw_bird(canvas, SPECIES[species], rng)
    rows, columns = np.flatnonzero(bird.any(axis=1)), np.flatnonzero(bird.any(axis=0))
    box = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    return np.rint(canvas.pixels * 255).astype(np.uint8), tuple(float(side) for side in box)


def _draw_file(source: Source, raw: Path, which: tuple[str, int]) -> list:
    """Draw one picture into its file; return its row of the index."""
    name, n = which
    pixels, box = draw(name, random.Random(f"birdlets {source.seed} {name} {n}"))
    identity, split = f"{name}-{n:03d}", "train" if n < source.training else "test"
    Image.fromarray(pixels).save(raw / "images" / f"{identity}.bmp")
    return [identity, f"images/{identity}.bmp", list(SPECIES).index(name), name, split, *box]


@dataclass
class Canvas:
    """Pixels to paint on, and the frame (origin, turn, scale, mirror) in which shapes are described."""

    pixels: Array  # height width 3, 0 to 1
    x: float = 0.0  # the frame's origin, pixels
    y: float = 0.0
    turn: float = 0.0  # radians
    scale: float = 1.0  # pixels per unit of the frame
    mirror: int = 1  # -1: the frame's u axis points left
    reach: float = 1.0  # units around the origin beyond which nothing is painted

    def window(self) -> tuple[slice, slice]:
        """Return the rows and columns within reach."""
        far = self.reach * self.scale + 2
        return tuple(slice(max(int(at - far), 0), max(int(at + far), 0)) for at in (self.y, self.x))

    def frame(self) -> tuple[Array, Array]:
        """Return the place of every pixel within reach, as two arrays u and v in the frame's units."""
        height, width, _ = self.pixels.shape
        rows, columns = self.window()
        dx = (np.arange(width)[columns] + 0.5 - self.x)[None, :] / self.scale * self.mirror
        dy = (np.arange(height)[rows] + 0.5 - self.y)[:, None] / self.scale
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return cos * dx + sin * dy, cos * dy - sin * dx

    def paint(self, distance: Array, colour: Colour) -> Array:
        """Fill where the signed distance (in the frame's units) is negative; return the coverage, 0 to 1."""
        cover = np.clip(0.5 - distance * self.scale, 0, 1)
        pixels = self.pixels[self.window()]
        pixels += cover[..., None] * (np.array(colour) - pixels)
        return cover


def _ellipse(u: Array, v: Array, centre: tuple[float, float], radii: tuple[float, float], turn: float = 0) -> Array:
    """Signed distance to an ellipse, exact enough within a pixel of its edge."""
    cos, sin = math.cos(turn), math.sin(turn)
    du, dv = u - centre[0], v - centre[1]
    a, b = (cos * du + sin * dv) / radii[0], (cos * dv - sin * du) / radii[1]
    return (np.sqrt(a * a + b * b) - 1) * min(radii)


def _polygon(u: Array, v: Array, *corners: tuple[float, float]) -> Array:
    """Signed distance to a convex polygon, its corners given clockwise on the screen."""
    distance = np.full(np.broadcast_shapes(u.shape, v.shape), -np.inf)
    for (u0, v0), (u1, v1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        length = math.hypot(u1 - u0, v1 - v0)
        distance = np.maximum(distance, ((v1 - v0) * (u - u0) - (u1 - u0) * (v - v0)) / length)
    return distance


def _vary(colour: Colour, by: float, rng: random.Random) -> Colour:
    return tuple(min(max(channel + by * (2 * rng.random() - 1), 0.0), 1.0) for channel in colour)


def _between(low: float, high: float, rng: random.Random) -> float:
    return low + (high - low) * rng.random()


def _backdrop(width: int, height: int, rng: random.Random) -> Array:
    """A soft mixture of muted colours: a 5 x 5 grid, interpolated."""
    grid = np.array([[_vary(rng.choice(LEAF_COLOURS), 0.09, rng) for _ in range(5)] for _ in range(5)]) + 0.12
    x, y = np.linspace(0, 3.999, width), np.linspace(0, 3.999, height)
    i, j = y.astype(int), x.astype(int)
    a, b = (y - i)[:, None, None], (x - j)[None, :, None]
    upper = (1 - b) * grid[i][:, j] + b * grid[i][:, j + 1]
    lower = (1 - b) * grid[i + 1][:, j] + b * grid[i + 1][:, j + 1]
    return np.clip((1 - a) * upper + a * lower, 0, 1)


def _draw_clutter(canvas: Canvas, rng: random.Random) -> None:
    width = canvas.pixels.shape[1]
    for _ in range(rng.randrange(30, 50)):
        size = _between(0.03, 0.09, rng) * width
        _place(canvas, size, rng)
        distance = _ellipse(*canvas.frame(), (0, 0), (size, size * _between(0.25, 0.5, rng)))
        canvas.paint(distance, _vary(rng.choice(LEAF_COLOURS), 0.12, rng))
    for _ in range(rng.randrange(3, 6)):
        length, thick = _between(0.2, 0.5, rng) * width, _between(1, 3, rng)
        _place(canvas, length, rng)
        corners = (-length, -thick), (length, -thick), (length, thick), (-length, thick)
        canvas.paint(_polygon(*canvas.frame(), *corners), _vary((0.28, 0.22, 0.16), 0.08, rng))
    for _ in range(rng.randrange(3, 8)):
        radius = _between(0.010, 0.022, rng) * width
        _place(canvas, 1.3 * radius, rng)
        berry = _ellipse(*canvas.frame(), (0, 0), (radius * 1.3, radius))
        canvas.paint(berry, _vary(rng.choice(list(MARK_COLOURS.values())), 0.05, rng))


def _place(canvas: Canvas, reach: float, rng: random.Random) -> None:
    """Put the frame anywhere, in any turn, with a unit of one pixel."""
    height, width, _ = canvas.pixels.shape
    canvas.x, canvas.y = rng.random() * width, rng.random() * height
    canvas.turn, canvas.scale, canvas.mirror, canvas.reach = _between(0, math.pi, rng), 1.0, 1, reach


def _draw_bird(canvas: Canvas, marks: dict[str, str], rng: random.Random) -> NDArray[np.bool_]:
    """Draw the bird, one unit from beak to tail, and return its mask."""
    height, width, _ = canvas.pixels.shape
    canvas.scale = _between(0.5, 0.75, rng) * min(width, height)
    canvas.x = _between(0.54 * canvas.scale, width - 0.54 * canvas.scale, rng)
    canvas.y = _between(0.46 * canvas.scale, height - 0.46 * canvas.scale, rng)
    canvas.turn, canvas.mirror, canvas.reach = _between(-0.45, 0.45, rng), rng.choice([-1, 1]), 0.65
    parts = _bird_parts(*canvas.frame(), rng)
    body, dark = _vary(rng.choice(BODY_COLOURS), 0.08, rng), (0.07, 0.06, 0.06)
    shade = tuple(0.75 * channel for channel in body)
    colours = {"leg": dark, "tail": shade, "body": body, "wing": shade, "head": body, "beak": (0.35, 0.28, 0.2)}
    bird = np.zeros((height, width), dtype=bool)
    for part, colour in colours.items():
        bird[canvas.window()] |= canvas.paint(parts[part], _vary(colour, 0.04, rng)) > 0.5
    for place, colour in marks.items():
        canvas.paint(parts[f"{place} mark"], _vary(MARK_COLOURS[colour], 0.04, rng))
    canvas.paint(parts["eye"], dark)
    return bird


def _bird_parts(u: Array, v: Array, rng: random.Random) -> dict[str, Array]:
    """Signed distances to the bird's parts and to the places of its marks, in the bird's frame."""
    plump, nod = _between(0.20, 0.25, rng), _between(-0.03, 0.03, rng)
    head_at, wing_at = (0.27, -0.20 + nod), (-0.06 + nod, -0.01)
    head = _ellipse(u, v, head_at, (0.115, 0.115))
    body = _ellipse(u, v, (0, 0), (0.31, plump), turn=-0.25)
    wing = _ellipse(u, v, wing_at, (0.21, 0.12), turn=_between(-0.1, 0.25, rng))
    tail = _polygon(u, v, (-0.2, -0.02), (-0.18, 0.11), (-0.50, 0.17), (-0.53, 0.08))
    legs = [_polygon(u, v, (x, 0.1), (x, 0.36), (x - 0.014, 0.36), (x - 0.014, 0.1)) for x in (0.03, 0.1)]
    beak, beak_tip = (head_at[0] + 0.08, head_at[1]), (head_at[0] + 0.21, head_at[1] + 0.02)
    crown = _ellipse(u, v, (head_at[0] - 0.01, head_at[1] - 0.10), (0.10, 0.07))
    throat = _ellipse(u, v, (head_at[0] + 0.05, head_at[1] + 0.11), (0.085, 0.075))
    return {
        "head": head,
        "body": body,
        "wing": wing,
        "tail": tail,
        "leg": np.minimum(*legs),
        "beak": _polygon(u, v, (beak[0], beak[1] - 0.045), beak_tip, (beak[0], beak[1] + 0.045)),
        "eye": _ellipse(u, v, (head_at[0] + 0.04, head_at[1] - 0.02), (0.018, 0.018)),
        "crown mark": np.maximum(crown, head),
        "throat mark": np.maximum(throat, np.minimum(head, body)),
        "wing mark": np.maximum(np.abs(u - wing_at[0] + 0.04) - 0.035, wing),
        "tail mark": np.maximum(np.abs(u + 0.42) - 0.045, tail),
    }
