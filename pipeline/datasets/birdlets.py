"""Birdlets: sister species of birds that the project draws itself, free of licences and downloads.

All species have the same body. Its colours, size, place and pose are random and do not depend on the species. Species
differ only in two small marks. Berries and flowers around have the colours and sizes of the marks, so a
classifier has to attend to the bird, and to the places of its marks. One picture in eight has two birds of a species.

The same seed gives the same bytes on any machine (see ``drawing.canvas``); BMP has no compressor that could differ.

``python -m pipeline.datasets.birdlets FOLDER`` draws birds of other species, which belong to no class of the dataset.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from pipeline.datasets.account import Account
from pipeline.datasets.drawing import bird, camera, scene
from pipeline.datasets.drawing.canvas import Colour, Dice
from pipeline.disk import imageset, text
from pipeline.disk.imageset import BOX, COLUMNS, INDEX, NUMBERS, OBJECTS, WAY_OUT
from pipeline.disk.sections import NaturalInt, PositiveInt, Section

SIZES = [
    (304, 304),
    (352, 288),
    (288, 352),
]  # width, height: more pixels than scale 1 reads, so that zooming adds detail
LARGE = (0.42, 0.66)  # a bird from beak to tail, as a share of the short edge
PAIR = (0.34, 0.44)  # each of two
TWO = 8  # one picture in so many has two birds
MARKS: dict[str, Colour] = {
    "red": (0.80, 0.13, 0.10),
    "yellow": (0.93, 0.80, 0.16),
    "white": (0.95, 0.95, 0.92),
    "black": (0.05, 0.05, 0.06),
}
# Each has a mark on its head and one behind, so attention has more than one place of the bird to find. Most marks are
# one species' own; each of the last two species shares both of its marks, and only the pair tells it apart.
SPECIES: dict[str, dict[str, str]] = {
    "red_crowned": {"crown": "red", "tail": "yellow"},
    "yellow_crowned": {"crown": "yellow", "wing": "black"},
    "red_throated": {"throat": "red", "wing": "red"},
    "yellow_throated": {"throat": "yellow", "tail": "red"},
    "white_winged": {"throat": "black", "wing": "white"},
    "yellow_winged": {"crown": "black", "wing": "yellow"},
    "white_tailed": {"crown": "white", "tail": "white"},
    "black_tailed": {"throat": "white", "tail": "black"},
    "red_crowned_white_winged": {"crown": "red", "wing": "white"},
    "red_throated_white_tailed": {"throat": "red", "tail": "white"},
}
OTHERS: dict[str, dict[str, str]] = {  # all other pairs of the same marks: species that the dataset does not have
    f"{first}_{head}_{second}_{behind}": pair
    for head, behind in product(("crown", "throat"), ("wing", "tail"))
    for first, second in product(MARKS, MARKS)
    if (pair := {head: first, behind: second}) not in SPECIES.values()
}
PICTURES = 2  # of each of the others
Box = tuple[float, float, float, float]


class Source(Section):
    """The embedded dataset, drawn by the project."""

    reader: Literal["birdlets"]
    seed: NaturalInt
    training: PositiveInt  # pictures per species
    test: PositiveInt  # pictures per species


def fetch(source: Source, raw: Path) -> Path:
    """Draw all pictures, and write beside them the index and the boxes of pictures with two birds."""
    (raw / "images").mkdir(parents=True)
    plan = [(name, n) for name in SPECIES for n in range(source.training + source.test)]
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(partial(_draw_file, source, raw), plan, chunksize=8)
        drawn = list(tqdm(drawn, total=len(plan), desc="draw birdlets", unit=" pictures", disable=None))
    pd.DataFrame([row for row, _ in drawn], columns=list(COLUMNS)).to_csv(raw / INDEX, index=False)
    several = [[row[0], *box] for row, boxes in drawn if len(boxes) > 1 for box in boxes]
    pd.DataFrame(several, columns=["id", *BOX]).to_csv(raw / OBJECTS, index=False)
    return raw


def read(source: Source, raw: Path, account: Account) -> pd.DataFrame:
    """Return the index that ``fetch`` wrote."""
    return text.read_table(raw / INDEX, NUMBERS, COLUMNS, WAY_OUT)


def objects(raw: Path) -> pd.DataFrame:
    """Return the boxes of single birds that ``fetch`` wrote, of the pictures with two."""
    return imageset.read_objects(raw)


def draw_others(folder: Path) -> None:
    """Draw birds of all species that the dataset does not have, two of each: strangers to a model of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, n in product(OTHERS, range(PICTURES)):
        Image.fromarray(draw(name, f"birdlets others {name} {n}")[0]).save(folder / f"{name}-{n}.bmp")


def draw(species: str, seed: str) -> tuple[NDArray[np.uint8], list[Box]]:
    """Draw one or two birds of a species, or of one of the others, in a scene of their own.

    seed   the same gives the same picture; of two species, one that differs in their marks alone
    ->     (height, width, 3) uint8 and each bird's box x0, y0, x1, y1 as shares of the picture's sides

    >>> pixels, boxes = draw("white_tailed", "a seed")
    >>> pixels.shape, len(boxes)
    ((352, 288, 3), 1)
    """
    dice = Dice(seed)
    width, height = dice.pick(SIZES)
    canvas = scene.backdrop(width, height, dice)
    scene.clutter(canvas, list(MARKS.values()), dice)
    marks = {place: MARKS[colour] for place, colour in (SPECIES | OTHERS)[species].items()}
    boxes = []
    for x, y, size in _places(width, height, dice):
        scene.perch(canvas, x, y + bird.FEET * size, dice)
        canvas.x, canvas.y, canvas.scale = x, y, size
        canvas.slope, canvas.mirror = dice.between(-0.2, 0.2), dice.pick([-1, 1])
        mask = bird.draw(canvas, marks, dice)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
        boxes.append(tuple(float(side) for side in box))
    return camera.take(canvas.pixels, dice), boxes


def _places(width: int, height: int, dice: Dice) -> list[tuple[float, float, float]]:
    """Return x, y and size of each bird, in pixels; two are side by side or one above the other."""
    two = dice.between(0, TWO) < 1
    size = [dice.between(*(PAIR if two else LARGE)) * min(width, height) for _ in range(1 + two)]
    shift = dice.between(0.46, 0.54)
    cells = [(0, 0, width, height)]
    if two and width >= height:
        cells = [(0, 0, shift * width, height), (shift * width, 0, width, height)]
    elif two:
        cells = [(0, 0, width, shift * height), (0, shift * height, width, height)]
    placed = []
    for (x0, y0, x1, y1), one in zip(cells, size, strict=True):
        x, y = (dice.between(low + 0.55 * one, high - 0.55 * one) for low, high in ((x0, x1), (y0, y1)))
        placed.append((x, y, one))
    return placed


def _draw_file(source: Source, raw: Path, which: tuple[str, int]) -> tuple[list, list[Box]]:
    """Draw one picture into its file; return its row of the index, whose box is around all birds, and their boxes."""
    name, n = which
    pixels, boxes = draw(name, f"birdlets {source.seed} {name} {n}")
    identity, split = f"{name}-{n:03d}", "train" if n < source.training else "test"
    Image.fromarray(pixels).save(raw / "images" / f"{identity}.bmp")
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    around = min(x0), min(y0), max(x1), max(y1)
    return [identity, f"images/{identity}.bmp", list(SPECIES).index(name), name, split, *around], boxes


if __name__ == "__main__":
    import typer

    typer.run(draw_others)
