"""What MLflow gets: one run a stage, from the main process only, to the local store or the server of the environment.

Without MLFLOW_TRACKING_URI that store is mlflow.db at the project's root, where ``mlflow ui`` finds it.
"""

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import params
from pipeline.imageset import ImageSet


class Run:
    """A run in progress."""

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        """Log numbers, of an epoch where ``step`` is given."""
        import mlflow

        mlflow.log_metrics(values, step=step)

    def images(self, images: ImageSet, context: str) -> None:
        """Log which images were used, by their digest."""
        import mlflow

        table = images.index[["id", "class_name", "split"]]
        dataset = mlflow.data.from_pandas(table, name=images.folder.as_posix(), digest=images.digest)
        mlflow.log_input(dataset, context=context)

    def picture(self, pixels: np.ndarray, name: str) -> None:
        """Log a (height, width, 3) uint8 picture."""
        import mlflow

        mlflow.log_image(pixels, artifact_file=name)

    def files(self, folder: Path) -> None:
        """Log a folder of results."""
        import mlflow

        mlflow.log_artifacts(str(folder))


class NoRun(Run):
    """What every process but the main one logs to."""

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        """Log nothing."""

    def images(self, images: ImageSet, context: str) -> None:
        """Log nothing."""

    def picture(self, pixels: np.ndarray, name: str) -> None:
        """Log nothing."""

    def files(self, folder: Path) -> None:
        """Log nothing."""


@contextmanager
def run(dataset: str, stage: str, recipe: dict[str, params.Section], is_main: bool = True) -> Iterator[Run]:
    """Open a run named after its stage in the experiment named after the dataset; it ends as the block ends.

    recipe  the sections that the stage depends on, by name
    """
    if not is_main:
        yield NoRun()
        return
    _quieten()
    import mlflow

    mlflow.set_experiment(dataset)
    with mlflow.start_run(run_name=f"{dataset}/{stage}", tags=_tags(dataset, stage)):
        mlflow.log_params(
            _shorten({f"{name}.{k}": v for name, s in recipe.items() for k, v in params.flatten(s).items()})
        )
        yield Run()


def _tags(dataset: str, stage: str) -> dict[str, str]:
    tags = {"dataset": dataset, "stage": stage, "dvc.stage": os.environ.get("DVC_STAGE", "")}
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if git.returncode == 0:
        tags["git.commit"] = git.stdout.strip()
        status = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
        tags["git.dirty"] = str(bool(status.stdout.strip())).lower()
    return tags


def _shorten(values: dict[str, Any]) -> dict[str, str]:
    """MLflow refuses values beyond a length, and Accelerate's tracker drops them without a word: keep their end."""
    return {name: str(value)[-500:] for name, value in values.items()}


def _quieten() -> None:
    """Keep the migrations of a new local store from filling the screen."""
    for name in ("alembic", "mlflow", "git"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing leaves the machine, and nothing waits for it
