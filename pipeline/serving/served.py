"""What a registered model answers: a request's pictures come in as base64, the rows of 'pipeline predict' go out."""

import base64
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext
from PIL import Image

from pipeline import images, recogniser
from pipeline.errors import InputError
from pipeline.predicting import asking, rows
from pipeline.predicting.rows import Asked
from pipeline.training import accelerator

FOLDER = "model"  # MLflow's name for what the export stage wrote
COLUMN, TOP_K = "image", "top_k"
NAMED = 5  # classes, where a request says no other number
PIXELS = 2 * Image.MAX_IMAGE_PIXELS  # of a request's pictures together: as many as one picture may have
LONGEST = 300  # characters of an answer to a wrong request


class Refused(MlflowException):
    """A request that cannot be answered, for which MLflow's server gives status 400."""

    def serialize_as_json(self) -> str:
        """Return what the server sends: the words alone, before which it would have put the request itself."""
        self.message = str(self)[:LONGEST]
        return super().serialize_as_json()


class Served(PythonModel):
    """A recogniser as a model of MLflow's; it runs on a GPU where there is one."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the networks; raise InputError where a byte of what was exported has changed."""
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # what is too large is an error
        folder = Path(context.artifacts[FOLDER])
        self._description = recogniser.read(folder)
        self._ready = asking.load(folder, self._description, "auto")
        self._alone = threading.Lock()

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Return for each row what ``rows.said`` gives: answer, size, most likely classes, what each scale looked at.

        model_input  its column COLUMN has pictures' files, in base64
        params       TOP_K: how many classes are named

        Raises Refused where a row is no picture; then none of them is answered.
        """
        top_k = (params or {}).get(TOP_K, NAMED)
        if top_k < 1:
            raise Refused.invalid_parameter_value(f"{TOP_K}: must be 1 or more, got {top_k}")
        names, n_scales = self._description.class_names, len(self._description.weights)
        asked = Asked(names, n_scales, min(top_k, len(names)), scores=False, threshold=0)
        with self._alone:  # the server asks from several threads, and a network takes all cores and the memory
            pictures = _pictures(model_input[COLUMN])
            answers = self._ready.answer(pictures)
            accelerator.give_back_memory()
        return [rows.said(answer, asked) for answer in answers]


def _pictures(column: Sequence[str]) -> list[Image.Image]:
    """Decode a request's pictures; what is wrong is said of the row, counted from 1."""
    pictures, pixels = [], 0
    if not len(column):
        raise Refused.invalid_parameter_value(f"{COLUMN}: no picture; a row has one, in base64")
    for number, text in enumerate(column, start=1):
        name = f"{COLUMN} {number}"
        if not isinstance(text, str):
            raise Refused.invalid_parameter_value(f"{name}: must be text, a picture's file in base64, got {text!r:.40}")
        try:
            content = base64.b64decode("".join(text.split()), validate=True)
        except ValueError as error:
            words = f"{name}: is no base64 ({error}): send the bytes of a picture's file as 'base64' writes them"
            raise Refused.invalid_parameter_value(words) from error
        try:
            pictures.append(images.open_rgb(content, name))
        except InputError as error:
            raise Refused.invalid_parameter_value(str(error)) from error
        pixels += pictures[-1].width * pictures[-1].height
        if pixels > PIXELS:
            words = f"{name}: with it there are more than {PIXELS / 1e6:.0f} million pixels; send fewer at once"
            raise Refused.invalid_parameter_value(words)
    return pictures
