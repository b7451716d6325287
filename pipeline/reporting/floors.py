"""The floors of 'pipeline check': ``reports/expected.yaml``, now and in another commit."""

import re
import subprocess
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from pipeline.disk import files
from pipeline.errors import InputError

GUARDED = ("acc_loc", "acc_obj", "acc_avg", "iou")  # of ours
VARIANTS = ("accuracy", "seeds", "minus_baseline")  # of the variants beside ours
PERCENT = (0.0, 100.0)
RANGES = {"iou": (0.0, 1.0), "minus_baseline": (-100.0, 100.0)}  # of metrics that are not in percent
WHY = "why"
HEADER = """\
# Floors of 'pipeline check'; 'pipeline check --update' writes them from the current results. 'why' is the line that
# 'pipeline check --base' asks for where a floor is lower than in the commit before, or is gone.
"""


@dataclass
class Floors:
    """The floors of a dataset, and why any of them was lowered last."""

    values: dict[str, float] = field(default_factory=dict)
    why: str = ""


def kind(name: str) -> str:
    """Return the row of results that a dotted name belongs to."""
    return name.partition(".")[0]


def limits(name: str) -> tuple[float, float]:
    """Return the lowest and the highest value that a metric can have.

    >>> limits("acc_avg.1"), limits("minus_baseline.ms")
    ((0.0, 100.0), (-100.0, 100.0))
    """
    return RANGES.get(kind(name), PERCENT)


def read(path: Path) -> dict[str, Floors]:
    """Read the floors of every dataset; raise InputError unless there are some and all are numbers."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); take it from git") from error
    return _parse(content, str(path))


def _parse(content: bytes, name: str) -> dict[str, Floors]:
    """Parse floors: by dataset a number for each dotted name, and the line 'why'."""
    datasets = files.parse_yaml(content, name)
    if not isinstance(datasets, dict) or not datasets:
        raise InputError(f"{name}: must hold floors by dataset, got {datasets!r:.40}; take it from git")
    floors = {}
    for dataset, values in datasets.items():
        if not re.fullmatch(r"[A-Za-z][\w-]*", str(dataset)) or not isinstance(values, dict):
            raise InputError(f"{name}: {dataset}: must be a dataset with floors such as acc_avg.1: 80.0")
        why = values.pop(WHY, "")
        if not isinstance(why, str):
            raise InputError(f"{name}: {dataset}.{WHY}: must be a line of text, got {why!r:.40}")
        for metric, floor in values.items():
            if isinstance(floor, bool) or not isinstance(floor, int | float) or not isfinite(floor):
                raise InputError(f"{name}: {dataset}.{metric}: must be a number, got {floor!r:.40}")
            if not isinstance(metric, str) or kind(metric) not in (*GUARDED, *VARIANTS):
                raise InputError(
                    f"{name}: {dataset}.{metric}: no such metric; there are {', '.join(GUARDED + VARIANTS)}"
                )
            low, high = limits(metric)
            if not low <= floor <= high:
                raise InputError(f"{name}: {dataset}.{metric}: must be from {low:g} to {high:g}, got {floor:g}")
        floors[str(dataset)] = Floors({str(metric): float(floor) for metric, floor in values.items()}, why.strip())
    return floors


def write(path: Path, floors: dict[str, Floors]) -> None:
    """Write the floors of every dataset."""
    from ruamel.yaml import YAML

    with files.atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        YAML().dump({name: ({WHY: one.why} if one.why else {}) | one.values for name, one in floors.items()}, file)


def read_at(commit: str, path: Path) -> dict[str, Floors]:
    """Read the floors of a commit; there are none where it does not have the file."""
    content = at(commit, path)
    return {} if content is None else _parse(content, f"{commit}:{path}")


def at(commit: str, path: Path) -> bytes | None:
    """Return a file of a commit; None if the commit does not have it."""
    folder = next(parent for parent in path.parents if parent.is_dir())
    try:
        known = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        if known.returncode:
            raise InputError(f"{commit!r}: git knows no such commit here")
        words = ["git", "show", f"{commit}:./{path.relative_to(folder).as_posix()}"]
        shown = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise InputError(f"{commit!r}: cannot be looked at, because there is no git") from error
    return None if shown.returncode else shown.stdout
