"""Stage: combine the scales' predictions and measure them (sections 4.4.3, 5.5 and 5.6), without any inference."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import params
from pipeline.disk import files, imageset, outputs, predictions
from pipeline.disk.imageset import BOX, ImageSet
from pipeline.disk.predictions import N_SCALES, Predictions, over_scales
from pipeline.errors import InputError
from pipeline.reporting import calibration, intervals, overlaps
from pipeline.reporting.intervals import HIT, HITS_APART, PERCENT, Estimate
from pipeline.reporting.overlaps import REFERENCES
from pipeline.tracking import run as tracking

CALIBRATION = ("reliability", "coverage", "calibration")
KINDS = ("loc", "obj", "avg")  # measured for Table 6, which 'reporting/tables.py' lays out
ACCURACIES = tuple(f"acc_{kind}" for kind in KINDS)
DIGITS = 4  # of the tables that are written


def run(dataset: str, recipe: params.Recipe, attended: list[Path], images: Path, out: Path, metrics: Path) -> None:
    """Evaluate on the test split.

    recipe    goes to the tracker; the results do not depend on it
    attended  folders of the attend stages, scale 1 first
    images    image set of scale 1, whose index has the true boxes
    out       predictions.csv: every test image with its prediction at each scale and by their mean ('ms');
              reliability.csv and coverage.csv: the curves of that mean; calibration.csv: a row a scale
    metrics   the JSON file of all accuracies and overlaps, which is in git
    """
    for path in (*(out / f"{name}.csv" for name in ("predictions", *CALIBRATION)), metrics):
        outputs.check_file(path)
    data = imageset.read(images)
    scales, index, boxes = read(attended, data)
    results = {f"acc_{kind}": accuracies([getattr(scale, kind) for scale in scales], scales[0].label) for kind in KINDS}
    results["acc_avg_per_class"] = per_class([scale.avg for scale in scales], scales[0].label)
    results |= {name: _mean_of(name, boxes) for name in ("attended", "constant")}
    areas = overlaps.areas(boxes)
    results["attended_of_original"] = {scale: float(area.mean()) for scale, area in areas.items()}
    boxed = index[BOX].notna().all(axis=1)
    shared: dict[str, np.ndarray] = {}
    if boxed.any():
        shared = overlaps.with_true(index[BOX][boxed].to_numpy(), [table[boxed] for table in boxes])
        results["iou"] = {name: float(values.mean()) for name, values in shared.items()}
        results["iou_above_half"] = {name: float((values > 0.5).mean()) for name, values in shared.items()}
        results["true_boxes"] = {"test images": int(boxed.sum())}  # that the overlaps are measured on
    with tracking.run(dataset, "evaluate", dict(recipe)) as tracker:
        tracker.images(data, context="evaluation")
        flat = {f"test/{name}.{scale}": value for name, row in results.items() for scale, value in row.items()}
        tracker.metrics(flat)
        judged, results["intervals"] = with_intervals(scales, shared, areas)
        judged |= overlaps.of_several(imageset.read_objects(images), attended[0], index.index)
        results["judged"] = [intervals.to_record(what, found) for what, found in judged.items()]
        tables = {"predictions": _predictions(scales, index, data.class_names)} | calibrated(scales)
        for name, table in tables.items():
            with files.atomic_write(out / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False)
        files.write_json(metrics, results)
        tracker.files(out)


def read(attended: list[Path], data: ImageSet) -> tuple[list[Predictions], pd.DataFrame, list[pd.DataFrame]]:
    """Read each scale's predictions of the test images, their rows of the index, and each scale's boxes of them."""
    scales = [predictions.read_predictions(folder).of("test") for folder in attended]
    _check_same_images(scales, attended, data)
    index = data.index.set_index("id").loc[scales[0].id]
    return scales, index, [predictions.read_boxes(folder, index.index) for folder in attended]


def accuracies(probabilities: list[np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """Return the accuracy of each scale and, where there are three, of their mean ('ms'), in percent.

    >>> one, two = np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.8, 0.2], [0.1, 0.9]])
    >>> accuracies([one, one, two], np.array([0, 1]))
    {'1': 50.0, '2': 50.0, '3': 100.0, 'ms': 100.0}
    """
    return {name: 100 * float(hits.mean()) for name, hits in _hits(probabilities, labels).items()}


def with_intervals(
    scales: list[Predictions], shared: dict[str, np.ndarray], areas: dict[str, np.ndarray]
) -> tuple[dict[str, Estimate], dict[str, dict[str, list[float]]]]:
    """Return what the claims on ours alone are about, and the interval of every accuracy, overlap and area.

    shared, areas  of each image: what ``overlaps`` returns
    """
    levels = {kind: _hits([getattr(scale, kind) for scale in scales], scales[0].label) for kind in KINDS}
    found = {
        f"avg {scale} minus {kind} {scale}": intervals.estimate(levels["avg"][scale] - hits, ends=HITS_APART)
        for kind in KINDS[:2]
        for scale, hits in levels[kind].items()
    }
    rows = {f"acc_{kind}": row for kind, row in levels.items()} | {"iou": shared, "attended_of_original": areas}
    each = {
        name: {
            column: intervals.estimate(v, *((PERCENT, HIT) if name in ACCURACIES else (1.0,)))
            for column, v in row.items()
        }
        for name, row in rows.items()
    }
    if shared:
        found["IoU 1"] = each["iou"]["1"]
        for name in REFERENCES:
            found[f"IoU 1 minus {name}"] = intervals.estimate(shared["1"] - shared[name], 1.0)
    for earlier, later in pairwise(areas):
        found[f"area {earlier} minus area {later}"] = intervals.estimate(areas[earlier] - areas[later], 1.0)
    return found, {name: {column: list(e.interval) for column, e in row.items()} for name, row in each.items() if row}


def _hits(probabilities: list[np.ndarray], labels: np.ndarray) -> dict[str, np.ndarray]:
    """Say which images (N,) each scale recognises and, where there are three, which their mean ('ms') recognises."""
    named = {str(scale): p for scale, p in enumerate(probabilities, start=1)}
    if len(probabilities) == N_SCALES:
        named["ms"] = over_scales(probabilities)
    return {name: (p.argmax(axis=1) == labels).astype(float) for name, p in named.items()}


def per_class(probabilities: list[np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """Return the mean over classes of each class's accuracy, FGVC-Aircraft's official metric, in percent.

    >>> per_class([np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])], np.array([0, 0, 1]))
    {'1': 50.0}
    """
    classes = [accuracies([p[labels == c] for p in probabilities], labels[labels == c]) for c in np.unique(labels)]
    return {scale: float(np.mean([row[scale] for row in classes])) for scale in classes[0]}


def calibrated(scales: list[Predictions]) -> dict[str, pd.DataFrame]:
    """Return the tables of ``CALIBRATION``: curves of the mean over scales ('ms'); a row for each scale and for it."""
    named = {str(number): scale.avg for number, scale in enumerate(scales, start=1)}
    named["ms"] = over_scales(list(named.values()))
    answers = {name: (p.max(axis=1), p.argmax(axis=1) == scales[0].label) for name, p in named.items()}
    curves = calibration.reliability(*answers["ms"]), calibration.coverage(*answers["ms"])
    tables = [table.round(DIGITS) for table in (*curves, calibration.summary(answers))]
    return dict(zip(CALIBRATION, tables, strict=True))


def _mean_of(name: str, boxes: list[pd.DataFrame]) -> dict[str, float]:
    """Return the mean of a column at each scale: share of attended cells, or of maps without an Otsu threshold."""
    return {str(scale): float(table[name].mean()) for scale, table in enumerate(boxes, start=1)}


def _check_same_images(scales: list[Predictions], attended: list[Path], data: ImageSet) -> None:
    """Raise InputError unless all scales are about the test images of the image set, and about its classes."""
    for scale, folder in zip(scales, attended, strict=True):
        if not scale.is_about_the_images_of(scales[0]):
            raise InputError(f"{folder}: its test images are not those of {attended[0]}; run 'dvc repro'")
    test = data.index[data.index.split == "test"]
    labels = dict(zip(test.id, test.label, strict=True))
    if not len(test) or labels != dict(zip(scales[0].id.tolist(), scales[0].label.tolist(), strict=True)):
        raise InputError(
            f"{attended[0]}: its test images or their classes are not those of {data.folder}; run 'dvc repro'"
        )
    if (n := scales[0].loc.shape[1]) != len(data.class_names):
        raise InputError(f"{attended[0]}: has {n} classes, and {data.folder} {len(data.class_names)}; run 'dvc repro'")


def _predictions(scales: list[Predictions], index: pd.DataFrame, class_names: list[str]) -> pd.DataFrame:
    names = np.array(class_names, dtype=object)
    ms = over_scales([scale.avg for scale in scales])
    table = pd.DataFrame({"id": scales[0].id, "true": index.class_name.to_numpy()})
    for number, scale in enumerate(scales, start=1):
        table[f"scale_{number}"] = names[scale.avg.argmax(axis=1)]
    table["ms"] = names[ms.argmax(axis=1)]
    table["confidence"] = ms.max(axis=1).round(DIGITS)
    return table
