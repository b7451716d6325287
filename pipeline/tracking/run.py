"""Log to MLflow, from the main process only: a run each for train, attend, evaluate, compare and report.

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

from pipeline.disk.cells import Cell
from pipeline.disk.imageset import ImageSet
from pipeline.disk.sections import Section
from pipeline.tracking import outbox

DIGITS = 4  # significant, of a metric: of 10,000 test images one more or less is seen
WRITTEN = ("cells.yaml", "dvc.lock", "reports/metrics")  # in git, and written by the commands that make runs


class Run:
    """A run in progress; a no-op on all processes but the main one, which alone has a store."""

    def __init__(self, store: outbox.Store | None = None) -> None:
        self._store = store

    @property
    def id(self) -> str | None:
        """MLflow's id of the run; None if the store has not created the run."""
        return self._store.run if self._store else None

    def metrics(self, values: dict[str, float], step: int = 0, unless: str | None = None) -> None:
        """Log numbers under names that begin with their split, such as test/acc_avg.

        unless  the id of a run that has them already
        """
        if self._store:
            now, values = int(1000 * time.time()), {name: rounded(value) for name, value in values.items()}
            self._store.send("metrics", values=values, step=step, time=now, **({"unless": unless} if unless else {}))

    def epoch(self, row: dict[str, float], unless: str | None = None) -> None:
        """Log an epoch's row of numbers, in which those of the test split begin with test_."""
        values = {_of_its_split(name): value for name, value in row.items() if name != "epoch"}
        self.metrics(values, int(row["epoch"]), unless)

    def catch_up(self, history: list[dict[str, float]]) -> None:
        """Log the epochs that a killed job completed, unless this is the run that it logged them to."""
        if self._store:
            for row in history:
                self.epoch(row, unless=self._store.resume)

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
    dataset: str,
    stage: str,
    recipe: dict[str, Any],
    cell: Cell | None = None,
    is_main: bool = True,
    resume: str | None = None,
) -> Iterator[Run]:
    """Open a run, named after its stage, in the dataset's experiment; the run ends when the block ends.

    stage   such as ``train``
    recipe  the sections that the stage depends on, by name
    cell    the training that the stage makes or uses, if it is one
    resume  MLflow's id of the run that a killed job left open
    """
    if not is_main:
        yield Run()
        return
    values = {name: _shorten(value) for name, value in flatten(recipe).items()}
    name = f"{dataset}/{stage}" + (f"-{cell}" if cell else "")
    store = outbox.Store(dataset, name, _tags(dataset, stage, cell), values, resume)
    status = "FAILED"
    try:
        yield Run(store)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        store.send("end", status=status, time=int(1000 * time.time()))


def flatten(sections: dict[str, Section | dict[str, Any] | None]) -> dict[str, Any]:
    """List the values of sections under dotted names; of one that is left out there are none.

    >>> flatten({"prepare": {"short_edge": 448}, "calibration": None})
    {'prepare.short_edge': 448}
    """
    return {
        f"{section}.{name}": value for section, values in sections.items() for name, value in dict(values or {}).items()
    }


def rounded(value: float) -> float:
    """Round to DIGITS significant digits, a large number to the next whole one.

    >>> rounded(82.49999761581421), rounded(0.00034567), rounded(16185.0)
    (82.5, 0.0003457, 16185.0)
    """
    return float(f"{value:.{DIGITS}g}" if abs(value) < 10**DIGITS else f"{value:.0f}")


def _of_its_split(name: str) -> str:
    return name.replace("test_", "test/", 1) if name.startswith("test_") else f"train/{name}"


def _tags(dataset: str, stage: str, cell: Cell | None = None) -> dict[str, str]:
    tags = {"dataset": dataset, "stage": stage, "dvc.stage": os.environ.get("DVC_STAGE", "")}
    if experiment := os.environ.get("DVC_EXP_NAME"):  # of 'dvc exp run'
        tags["dvc.exp_name"] = experiment
    if cell:
        tags |= {"variant": cell.variant, "seed": str(cell.seed), "scale": str(cell.scale)}
        tags |= {"fold": str(cell.fold)} if cell.fold else {}
    tags["mlflow.note.content"] = _description(dataset, stage, cell)  # which MLflow shows as Markdown
    tags |= {"mlflow.source.name": _shorten(" ".join(sys.argv)), "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
    if found := origin():
        tags |= found | {"mlflow.source.git.commit": found["git.commit"]}
    return tags


def origin() -> dict[str, str]:
    """Return the tags that say from which code this comes; none where there is no git.

    git.dirty is about what a user edits: WRITTEN does not count.
    """
    if not (commit := _git("rev-parse", "HEAD")):
        return {}
    others = [f":(exclude){path}" for path in WRITTEN]
    return {"git.commit": commit, "git.dirty": str(bool(_git("status", "--porcelain", "-uno", "--", *others))).lower()}


def _description(dataset: str, stage: str, cell: Cell | None) -> str:
    of = f" of variant `{cell.variant}` with seed {cell.seed} at scale {cell.scale}" if cell else ""
    of += f" on fold {cell.fold} of the training split" if cell and cell.fold else ""
    return f"`{stage}`{of} on `{dataset}`. Report: `reports/{dataset}/index.html`"


def _user() -> str:
    """Return the user's name; in a container the user may be a number that has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # until Python 3.12, and from 3.13 on
        return str(os.getuid())


def _git(*words: str) -> str:
    """Return what git says; nothing where there is no git, or no repository that it trusts."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, encoding="utf-8", errors="replace", check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _shorten(value: Any) -> str:
    """Return the last 500 characters of a value: MLflow refuses longer values, and bytes of names that are no UTF-8."""
    return str(value)[-500:].encode("utf-8", "backslashreplace").decode("utf-8")
