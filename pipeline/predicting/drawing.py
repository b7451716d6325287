"""Where the scales looked at one picture, drawn as the report's galleries draw it."""

import io
import os
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from pipeline.disk import files
from pipeline.predicting.sources import Source
from pipeline.recogniser import Answer
from pipeline.reporting import figures
from pipeline.reporting.examples import within
from pipeline.reporting.figures import Example, View

FOLDER, SUFFIX = "overlays", ".png"
LONGEST = 255 - len(SUFFIX) - 8  # bytes of a file's name that leave room for a suffix and a number
DPI = 110


def draw(answer: Answer, class_names: list[str], truth: str | None) -> figures.Figure:
    """Show each scale's crop, attention map and mask; ``truth`` is the picture's class where its folder tells."""
    views = []
    for number, view in enumerate(answer.views, start=1):
        boxes = {"attended": view.attended}
        if number < len(answer.views):
            boxes["next"] = answer.views[number].crop
        inside = {name: within(np.array(box), np.array(view.crop)) for name, box in boxes.items()}
        with Image.open(io.BytesIO(view.jpeg)) as image:
            pixels = np.asarray(image)
        views.append(View(pixels, view.M, view.M_b, inside, class_names[view.avg.argmax()]))
    return figures.gallery([Example(truth, views)], figures.stand_ins(class_names))


def save(figure: figures.Figure, source: Source, out: Path) -> str:
    """Write a drawing below ``out/FOLDER``, where the picture's path leads from there; return its place below ``out``.

    A drawing that has this place already keeps it: the next one gets a number.
    """
    wanted = FOLDER / _short(source.mirrored)
    (out / wanted).parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        place = wanted.with_name(f"{wanted.name}{'' if number == 1 else f'-{number}'}{SUFFIX}")
        try:
            with (out / place).open("xb") as file:
                figure.savefig(file, format="png", dpi=DPI)
            return place.as_posix()
        except FileExistsError:
            number += 1


def _short(path: PurePosixPath) -> PurePosixPath:
    """Shorten a name that a file system would refuse once it has a suffix; another name stays another."""
    name = os.fsencode(path.name)
    if len(name) <= LONGEST:
        return path
    return path.with_name(os.fsdecode(name[: LONGEST - 17]) + f"-{files.digest(name)}")
