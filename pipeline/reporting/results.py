"""The input of a report, read from the outputs of the other stages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import params
from pipeline.disk import files, imageset, text
from pipeline.disk.cells import main_line
from pipeline.errors import InputError
from pipeline.explaining import store
from pipeline.reporting import examples, metrics

CALIBRATION = {  # tables of the evaluate stage beside its predictions, and their columns
    "reliability": {"low": float, "high": float, "images": int, "confidence": float, "accuracy": float},
    "uncalibrated": {"low": float, "high": float, "images": int, "confidence": float, "accuracy": float},
    "coverage": {"confidence": float, "coverage": float, "accuracy": float},
    "calibration": dict.fromkeys(("accuracy", "confidence", "error", "error_low", "error_high"), float),
}
TRAIN = "run its train stage"
ROUNDING = 1e-3  # by which a probability may be above 1
CURVES = ["epoch", "l_loc", "l_obj", "acc_avg", "cells_right", "test_acc_avg"]  # columns of a training's history drawn


@dataclass(frozen=True)
class Results:
    """Numbers, histories and image sets of one dataset."""

    dataset: str
    metrics: dict
    comparison: dict
    cost: dict
    predictions: pd.DataFrame
    histories: list[pd.DataFrame]  # of our scales
    scales: list[examples.Scale]  # of ours
    published: dict | None
    recipe: params.Recipe
    taken: list[str]  # what the download said of the pictures
    curves: dict[str, pd.DataFrame]  # of the evaluate stage, by the names of CALIBRATION
    weights: list[str]  # SHA-256 of each scale's, as the exported model has them
    anatomy: store.Anatomy  # one test picture at scale 1


def is_own(results: Results) -> bool:
    """Say whether it is about a user's own pictures, or the method alone, and not about the paper's comparisons."""
    return results.recipe.download["reader"] == "folder" or set(results.comparison["accuracy"]) == {"ours"}


def read(  # noqa: PLR0913 - a folder each
    dataset: str, recipe: params.Recipe, scales: list[int], runs: Path, data: Path, reports: Path, taken: Path
) -> Results:
    """Read the results of a dataset.

    scales   of ours, from 1 on
    runs     the dataset's folder of runs
    data     the dataset's folder of image sets
    reports  holds published.yaml and metrics/
    taken    what the download took and left out
    """
    cells = [main_line(dataset, scale) for scale in scales]
    measured = metrics.read(reports / "metrics" / f"{dataset}.json")
    if len(set(measured["acc_avg"]) - {"ms"}) != len(scales):
        raise InputError(f"{reports / 'metrics' / dataset}.json: has other scales than {scales}; run 'dvc repro'")
    found = [examples.read(cell.images(data), cell.below(runs / "attend")) for cell in cells]
    return Results(
        dataset=dataset,
        metrics=measured,
        comparison=metrics.read_variants(reports / "metrics" / f"{dataset}.variants.json"),
        cost=metrics.read_cost(runs / "cost.json"),
        predictions=read_predictions(runs / "evaluate" / "predictions.csv", found),
        histories=[read_history(cell.below(runs / "train") / "history.csv") for cell in cells],
        scales=found,
        published=published(reports / "published.yaml", recipe.download),
        recipe=recipe,
        taken=imageset.read_taken(taken),
        weights=[files.sha256(cell.below(runs / "train") / "weights.safetensors", TRAIN) for cell in cells],
        anatomy=read_anatomy(cells[0].below(runs / "attend"), found[0].images),
        curves={name: read_calibration(runs / "evaluate" / f"{name}.csv") for name in CALIBRATION},
    )


def read_anatomy(folder: Path, images: imageset.ImageSet) -> store.Anatomy:
    """Read what is drawn as Figures 1 to 3; it must be about these images and their classes."""
    found = store.read_anatomy(folder)
    if found.id not in set(images.index.id) or found.A_i.shape[1] != len(images.class_names) + 1:
        raise InputError(f"{folder / 'anatomy.npz'}: is not about {images.folder} and its classes; {store.WAY_OUT}")
    return found


def read_predictions(path: Path, scales: list[examples.Scale]) -> pd.DataFrame:
    """Read what the evaluate stage says of each test image; all of them must have been seen at every scale."""
    way_out = "run 'dvc repro'"
    answers = [f"scale_{number}" for number in range(1, len(scales) + 1)]
    names = ["true", *answers, "ms"]
    table = text.read_table(path, {"confidence": float}, ["id", *names, "confidence"], way_out)
    known = set(scales[0].images.class_names)
    if table.empty or (strange := set(table[names].to_numpy().ravel()) - known):
        what = "no rows" if table.empty else f"{min(strange)!r:.80}, which is no class of {scales[0].images.folder}"
        raise InputError(f"{path}: has {what}; {way_out}")
    if not table.confidence.between(0, 1 + ROUNDING).all():
        raise InputError(f"{path}: has a confidence that is no probability; {way_out}")
    for scale in scales:
        seen = set(scale.images.index.id) & set(scale.boxes.index) & set(scale.maps)
        if missing := [name for name in table.id if name not in seen]:
            raise InputError(f"{path}: {scale.images.folder} or its maps and boxes lack {missing[0]!r:.80}; {way_out}")
    return table


def read_calibration(path: Path) -> pd.DataFrame:
    """Read a table of the evaluate stage that ``CALIBRATION`` names; its numbers are percent, or points."""
    way_out, numbers = "run 'dvc repro'", CALIBRATION[path.stem]
    table = text.read_table(path, numbers, [*numbers, *(["scale"] if path.stem == "calibration" else [])], way_out)
    percents = table[[name for name in numbers if name != "images"]]
    if table.empty or not (percents.ge(0) & percents.le(100 * (1 + ROUNDING))).to_numpy().all():
        raise InputError(f"{path}: has no rows, or a number that is no percentage; {way_out}")
    return table


def read_history(path: Path) -> pd.DataFrame:
    """Read the numbers of each epoch of a training."""
    header = text.read_table(path, {}, CURVES, TRAIN).columns
    return text.read_table(path, dict.fromkeys(header, float), CURVES, TRAIN)


def published(path: Path, source: dict[str, Any]) -> dict | None:
    """Return the published numbers for a source; None where there are none, as for a subset."""
    if source.get("subset"):
        return None
    try:
        found = files.parse_yaml(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); take it from git") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: must hold numbers by reader, got {found!r:.40}; take it from git")
    return found.get(source["reader"])
