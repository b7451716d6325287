"""The temperature of the final answer: how it is applied, where it came from, and which recipe it belongs to.

One number T for all images makes the probabilities p of the final answer, the mean over the scales, as sure as it is
often right: p_T = softmax(log p / T). Above 1 it makes them less sure, below 1 surer. What each scale says stays as it
is.
"""

import json
from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.disk import files
from pipeline.disk.sections import NaturalInt, PositiveInt, Section

LEAST, MOST = 0.05, 20.0  # temperatures; beyond them probabilities are 0 and 1, or all alike
NOT_APPLIED = (
    "{}: the recipe's calibration was fitted on another recipe or other scales, and is not applied: "
    "'pipeline calibrate {}' fits it anew"
)


class Calibration(Section):
    """A temperature and where it came from, as 'pipeline calibrate' writes it into a recipe."""

    temperature: Annotated[float, Field(ge=LEAST, le=MOST)]
    fold: PositiveInt  # of the training split, whose images it was fitted on; they were not trained on
    seed: NaturalInt  # of the trainings on the other folds
    images: PositiveInt  # of that fold
    predictions: str  # digest of what they were given as answers
    recipe: str  # 'fitted_on' of the recipe: another one, or other scales, needs another temperature


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(log p / T) of probabilities (..., L), in their own precision; the most likely class stays.

    What is 0 stays 0. With T = 1 they are returned as they are.

    >>> tempered(np.array([0.64, 0.32, 0.04, 0.0]), 0.5).round(3).tolist()
    [0.798, 0.199, 0.003, 0.0]
    """
    if temperature == 1:
        return probabilities
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities.astype(np.float64)) / temperature
    shares = np.exp(logs - logs.max(axis=-1, keepdims=True))
    found = (shares / shares.sum(axis=-1, keepdims=True)).astype(probabilities.dtype)
    return _with_its_answer(found, probabilities.argmax(axis=-1)[..., None])


def fitted_on(recipe: Section, n_scales: int) -> str:
    """Name what a temperature belongs to: a recipe, but for its calibration, and the scales that are averaged."""
    values = recipe.model_dump(exclude={"calibration"}, exclude_defaults=True)
    return digest(json.dumps([values, n_scales], sort_keys=True, default=str).encode())


def digest(data: bytes) -> str:
    """Name content as ``files.digest`` does, after a word: YAML takes some digests for numbers."""
    return f"sha256-{files.digest(data)}"


def _with_its_answer(found: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Let the most likely class be ``answer`` (..., 1) where rounding has made two classes alike."""
    highest = found.max(axis=-1, keepdims=True)
    more = np.nextafter(highest, np.inf)
    first = found.argmax(axis=-1)[..., None]
    np.put_along_axis(found, answer, np.where(first == answer, highest, more), axis=-1)
    return found
