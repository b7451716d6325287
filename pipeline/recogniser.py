"""Trained scales as one thing that answers for a picture as the evaluation did, and the folder that carries them.

The folder is all that is needed: no params.yaml, no DVC, no pickle. It has model.json, a model card, and below
scale-<scale> the file of weights that the scale's train stage wrote.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from PIL import Image
from pydantic import Field
from torch import nn

from model.boxes import attended_box, next_crop
from pipeline import images, params
from pipeline.disk import files, sections
from pipeline.disk.imageset import CELL, ImageSet
from pipeline.disk.predictions import over_scales
from pipeline.disk.sections import Section
from pipeline.disk.temperature import Calibration, tempered
from pipeline.errors import InputError
from pipeline.training import inference, trained
from pipeline.training.batches import TEST_BATCH, test_batches
from pipeline.training.inference import ImageResult

FORMAT, VERSION = "foveate model", 2  # 1 knew no calibration
DESCRIPTION, CARD = "model.json", "README.md"
WHOLE = (0.0, 0.0, 1.0, 1.0)
MAPS = ("M", "M_b")  # of a result
COPY = "copy the whole folder again, or export it again"
# What code, and not a recipe, decides of the images that a scale reads: another value would be another model.
HOW = {
    "cell": CELL,
    "longest": images.LONGEST,
    "resampling": images.RESAMPLING.name,
    "reducing_gap": images.REDUCING_GAP,
    "encoding": "JPEG",
    "quality": images.QUALITY,
    "subsampling": images.SUBSAMPLING,
}
AVERAGES = {
    "probabilities": {
        "levels": "mean of local and object probabilities",
        "scales": "mean of the scales' probabilities",
    },
    "log_probabilities": {
        "levels": "mean of the logarithms of local and object probabilities, made to sum to one",
        "scales": "the same of the scales' probabilities",
    },
}


class Used(Section):
    """The recipe: how pictures are prepared, what was trained and how, where the next scale looks."""

    prepare: params.Prepare
    network: params.Network
    train: params.Train
    attend: params.Attend

    @property
    def training(self) -> params.Training:
        """What each scale's network is, and how it was trained."""
        return params.Training(network=self.network, train=self.train)


class Description(Section):
    """What model.json says."""

    dataset: str
    class_names: Annotated[list[str], Field(min_length=1)]  # in the order of the networks' outputs
    recipe: Used
    images: dict[str, Any] = HOW
    average: dict[str, str] = AVERAGES["probabilities"]  # in words what recipe.network.averaging is
    trained_on: str  # digest of scale 1's image set
    weights: Annotated[list[str], Field(min_length=1)]  # SHA-256 of each scale's file, scale 1 first
    metrics: dict[str, Any]  # of the evaluation on the test split
    calibration: Calibration | None = None  # of the final answer

    @property
    def temperature(self) -> float:
        """T of the final answer."""
        return self.calibration.temperature if self.calibration else 1.0


@dataclass(frozen=True)
class View:
    """What one scale sees of a picture, where it attends and what it answers."""

    jpeg: bytes  # the image that the network has read
    crop: Sequence[float]  # what the scale sees: x0, y0, x1, y1 as shares of the picture's sides
    attended: Sequence[float]  # box around the attended cells, the same
    loc: np.ndarray  # (L,) float32, probabilities of the local classifiers
    obj: np.ndarray  # (L,) float32, of the object-level classifier
    avg: np.ndarray  # (L,) float32, the scale's answer
    M: np.ndarray  # (H, W) float32
    M_b: np.ndarray  # (H, W) bool


@dataclass(frozen=True)
class Answer:
    """What all scales say of one picture."""

    size: tuple[int, int]  # width and height of the upright picture, pixels
    views: list[View]  # a scale each
    temperature: float = 1.0  # of the final answer
    averaging: str = "probabilities"  # of the scales

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The multi-scale prediction, calibrated, (L,) float32."""
        return tempered(over_scales([view.avg for view in self.views], self.averaging), self.temperature)


@dataclass(frozen=True)
class Recogniser:
    """Trained scales, ready to be asked."""

    networks: list[nn.Module]  # a scale each, prepared by the job
    recipe: Used
    device: torch.device
    temperature: float = 1.0  # of the final answer

    def answer(self, originals: Sequence[Image.Image], batch: int = TEST_BATCH) -> list[Answer]:
        """Ask all scales about upright RGB pictures, from ``images.open_rgb``, ``batch`` of one shape at a time.

        How many pictures are asked about together decides the memory that is taken: all of them are held.
        """
        if not originals:
            return []
        crops: Sequence[Sequence[float]] = [WHOLE] * len(originals)
        views: list[list[View]] = [[] for _ in originals]
        for network in self.networks:
            seen = self._prepare(originals, crops)
            batches = test_batches(seen, np.arange(len(originals)), batch)
            done = [one for part in inference.run(network, seen, batches, self.device) for one in part]
            done.sort(key=lambda result: result.position)
            mean = inference.predictions(done, seen, self.recipe.training).avg
            boxes, following = self._boxes(done, crops), []
            for result, avg, crop, (attended, after), before in zip(done, mean, crops, boxes, views, strict=True):
                jpeg = seen.read(str(result.position))
                before.append(View(jpeg, crop, attended, result.loc, result.obj, avg, result.M, result.M_b))
                following.append(after)
            crops = following
        settings = self.temperature, self.recipe.network.averaging
        return [Answer(one.size, own, *settings) for one, own in zip(originals, views, strict=True)]

    def _boxes(
        self, results: list[ImageResult], crops: Sequence[Sequence[float]]
    ) -> list[tuple[list[float], list[float]]]:
        """Return for each result the box around the attended cells, and what the next scale sees."""
        outer = torch.tensor(crops, dtype=torch.float64)  # N 4
        boxes = torch.empty(len(results), 2, 4, dtype=torch.float64)
        shapes = pd.Series([result.M_b.shape for result in results])
        for rows in shapes.groupby(shapes).indices.values():  # masks of one shape are a batch
            M, M_b = (torch.from_numpy(np.stack([getattr(results[i], part) for i in rows])) for part in MAPS)
            boxes[rows, 0] = attended_box(M_b, outer[rows])
            boxes[rows, 1] = next_crop(M_b, M, outer[rows], self.recipe.attend.policy)
        return [(attended, following) for attended, following in boxes.tolist()]

    def _prepare(self, originals: Sequence[Image.Image], crops: Sequence[Sequence[float]]) -> "_Held":
        """Make the image set that a scale reads, in memory."""
        size = self.recipe.prepare.short_edge
        tasks = [(original, crop, size) for original, crop in zip(originals, crops, strict=True)]
        made = list(images.in_threads(images.prepare, tasks))
        index = pd.DataFrame([shape for _, shape in made], columns=["width", "height"])
        index["id"] = index.index.astype(str)
        return _Held(Path("memory"), index.assign(split="test", label=0), [jpeg for jpeg, _ in made])


@dataclass(frozen=True)
class _Held(ImageSet):
    """An image set in memory, of the columns that inference reads; an image's id is its position."""

    jpegs: list[bytes]

    def read(self, identity: str) -> bytes:
        """Return the bytes of one image's file."""
        return self.jpegs[int(identity)]


def load(folder: Path, description: Description, job: Accelerator) -> Recogniser:
    """Load the networks of a folder that ``read`` has described, onto the device of ``job``."""
    network, n_categories = description.recipe.network, len(description.class_names)
    found = [trained.read(place, network, n_categories) for place in scales(folder, description)]
    ready = [job.prepare_model(one, evaluation_mode=True) for one in found]
    return Recogniser(ready, description.recipe, job.device, description.temperature)


def scales(folder: Path, description: Description) -> list[Path]:
    """Return the folders of the scales' weights."""
    return [folder / f"scale-{scale}" for scale in range(1, len(description.weights) + 1)]


def write_description(folder: Path, description: Description) -> None:
    """Write model.json; the digest in it is of all the rest that it says."""
    said = description.model_dump()
    content = {"format": FORMAT, "version": VERSION, "digest": _digest(said), **said}
    files.write_json(folder / DESCRIPTION, content)


def read(folder: Path) -> Description:
    """Read and check a folder that the export stage wrote, wherever it lies and whatever it is called.

    Raises InputError where it is none, is of a newer version, or where a byte of it has changed.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise InputError(
            f"{folder}: has no {DESCRIPTION}, so it is no exported model; 'dvc repro' of its dataset writes one"
        )
    said = files.read_json(path)
    kind, version, digest = (said.pop(name, None) for name in ("format", "version", "digest"))
    if kind != FORMAT or type(version) is not int:
        raise InputError(f"{path}: is not of an exported model: 'format' is {kind!r:.40}, not {FORMAT!r}")
    if version > VERSION:
        raise InputError(f"{path}: has format {version}, and this code reads up to {VERSION}: take a newer foveate")
    if digest != _digest(said):
        raise InputError(f"{path}: damaged or edited, its digest is of another content; {COPY}")
    description = sections.check(Description, said, f"{path}: ")
    if description.images != HOW or description.average != AVERAGES[description.recipe.network.averaging]:
        raise InputError(f"{path}: its images are made in a way that this code does not know: take its own foveate")
    for place, expected in zip(scales(folder, description), description.weights, strict=True):
        if files.sha256(place / trained.WEIGHTS, COPY) != expected:
            raise InputError(f"{place / trained.WEIGHTS}: damaged or of another model, by its digest; {COPY}")
    return description


def _digest(said: dict[str, Any]) -> str:
    return files.digest(json.dumps(said, sort_keys=True).encode())
