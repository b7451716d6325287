"""Log to MLflow: one run a stage, from the main process only, to a server or to the local store.

MLFLOW_TRACKING_URI names the server. Without it the store is mlflow.db at the project's root, where ``mlflow ui`` finds
it. A store that does not answer stops nothing: ``tracking.outbox`` stores the events, which can be sent later.
"""

import getpass
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pipeline import params
from pipeline.disk.imageset import ImageSet
from pipeline.tracking import outbox


class Run:
    """A run in progress; a no-op on all processes but the main one, which alone has a store."""

    def __init__(self, store: outbox.Store | None = None) -> None:
        self._store = store

    @property
    def id(self) -> str | None:
        """MLflow's id of the run; None if the store has not created the run."""
        return self._store.run if self._store else None

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Log numbers."""
        if self._store:
            now = int(1000 * time.time())
            self._store.send("metrics", values={k: float(v) for k, v in values.items()}, step=step, time=now)

    def epoch(self, row: dict[str, float]) -> None:
        """Log an epoch's row of numbers."""
        self.metrics({name: value for name, value in row.items() if name != "epoch"}, step=int(row["epoch"]))

    def catch_up(self, history: list[dict[str, float]]) -> None:
        """Log the epochs that a killed job completed, unless this is the run that it logged them to."""
        if self._store and not self._store.resumed:
            for row in history:
                self.epoch(row)

    def images(self, images: ImageSet, context: str) -> None:
        """Log which images were used, by their digest."""
        if self._store:
            counts = {"images": len(images.index), "classes": len(images.class_names)}
            self._store.send(
                "dataset", name=images.folder.as_posix(), digest=images.digest, counts=counts, context=context
            )

    def picture(self, pixels: np.ndarray, name: str) -> None:
        """Log a (height, width, 3) uint8 picture."""
        if self._store:
            from PIL import Image

            with TemporaryDirectory() as folder:
                Image.fromarray(pixels).save(Path(folder) / name)
                self._store.send("files", folder=folder)

    def files(self, folder: Path) -> None:
        """Log a folder of results."""
        if self._store:
            self._store.send("files", folder=str(folder))


@contextmanager
def run(
    dataset: str, stage: str, recipe: dict[str, Any], is_main: bool = True, resume: str | None = None
) -> Iterator[Run]:
    """Open a run, named after its stage, in the dataset's experiment; the run ends when the block ends.

    stage   such as ``train-ours-0-1``
    recipe  the sections that the stage depends on, by name
    resume  MLflow's id of the run that a killed job left open
    """
    if not is_main:
        yield Run()
        return
    values = {name: _shorten(value) for name, value in params.flatten(recipe).items()}
    store = outbox.Store(dataset, f"{dataset}/{stage}", _tags(dataset, stage), values, resume)
    status = "FAILED"
    try:
        yield Run(store)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        store.send("end", status=status, time=int(1000 * time.time()))


def _tags(dataset: str, stage: str) -> dict[str, str]:
    tags = {"dataset": dataset, "stage": stage, "dvc.stage": os.environ.get("DVC_STAGE", "")}
    tags |= {"mlflow.source.name": " ".join(sys.argv), "mlflow.source.type": "LOCAL", "mlflow.user": getpass.getuser()}
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if git.returncode == 0:
        tags["git.commit"] = tags["mlflow.source.git.commit"] = git.stdout.strip()
        status = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
        tags["git.dirty"] = str(bool(status.stdout.strip())).lower()
    return tags


def _shorten(value: Any) -> str:
    """Return the last 500 characters of a value, because MLflow refuses values that are too long."""
    return str(value)[-500:]
