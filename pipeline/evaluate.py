"""Stage: combine the scales' predictions and measure them (sections 4.4.3, 5.5 and 5.6), without any inference."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import params
from pipeline.disk import files, imageset, outputs, predictions
from pipeline.disk.imageset import BOX, ImageSet
from pipeline.disk.predictions import N_SCALES, Predictions, over_scales
from pipeline.disk.temperature import NOT_APPLIED, Calibration, tempered
from pipeline.errors import InputError
from pipeline.reporting import calibration, intervals, overlaps
from pipeline.reporting.intervals import HIT, HITS_APART, PERCENT, Estimate
from pipeline.reporting.overlaps import REFERENCES
from pipeline.tracking import run as tracking

CALIBRATION = ("reliability", "coverage", "uncalibrated", "calibration")
KINDS = ("loc", "obj", "avg")  # measured for Table 6, which 'reporting/tables.py' lays out
ACCURACIES = tuple(f"acc_{kind}" for kind in KINDS)
DIGITS = 4  # of the tables that are written


def run(dataset: str, recipe: params.Recipe, attended: list[Path], images: Path, out: Path, metrics: Path) -> None:
    """Evaluate on the test split.

    recipe    its calibration, if it belongs to these scales, is applied to their mean; all of it goes to the tracker
    attended  folders of the attend stages, scale 1 first
    images    image set of scale 1, whose index has the true boxes
    out       predictions.csv: every test image with its prediction at each scale and by their mean ('ms');
              reliability.csv and coverage.csv: the curves of that mean, calibrated; uncalibrated.csv: the former
              without that; calibration.csv: a row a scale
    metrics   the JSON file of all accuracies and overlaps, which is in git
    """
    for path in (*(out / f"{name}.csv" for name in ("predictions", *CALIBRATION)), metrics):
        outputs.check_file(path)
    data = imageset.read(images)
    scales, index, boxes = read(attended, data)
    labels, averaging = scales[0].label, scales[0].averaging
    answers = {kind: [getattr(scale, kind) for scale in scales] for kind in KINDS}
    results = {f"acc_{kind}": accuracies(p, labels, averaging) for kind, p in answers.items()}
    results["acc_avg_per_class"] = per_class(answers["avg"], labels, averaging)
    results |= {name: _mean_of(name, boxes) for name in ("attended", "constant")}
    areas = overlaps.areas(boxes)
    results["attended_of_original"] = {scale: float(area.mean()) for scale, area in areas.items()}
    overlapping, shared = with_true_boxes(index, boxes)
    results |= overlapping
    fitted = recipe.calibrated(len(scales))
    if recipe.calibration and not fitted:
        print(NOT_APPLIED.format(dataset, dataset))
    tables = {"predictions": _predictions(scales, fitted, index, data.class_names)} | calibrated(scales, fitted)
    results["calibration_error"], of_errors = errors(tables["calibration"])
    with tracking.run(dataset, "evaluate", dict(recipe)) as tracker:
        tracker.images(data, context="evaluation")
        flat = {f"test/{name}.{scale}": value for name, row in results.items() for scale, value in row.items()}
        tracker.metrics(flat)
        judged, results["intervals"] = with_intervals(scales, shared, areas)
        results["intervals"]["calibration_error"] = of_errors
        judged |= overlaps.of_several(imageset.read_objects(images), attended[0], index.index)
        results["judged"] = [intervals.to_record(what, found) for what, found in judged.items()]
        for name, table in tables.items():
            with files.atomic_write(out / f"{name}.csv") as temporary:
                table.round(DIGITS).to_csv(temporary, index=False)
        files.write_json(metrics, results)
        tracker.files(out)


def read(attended: list[Path], data: ImageSet) -> tuple[list[Predictions], pd.DataFrame, list[pd.DataFrame]]:
    """Read each scale's predictions of the test images, their rows of the index, and each scale's boxes of them."""
    scales = [predictions.read_predictions(folder).of("test") for folder in attended]
    _check_same_images(scales, attended, data)
    index = data.index.set_index("id").loc[scales[0].id]
    return scales, index, [predictions.read_boxes(folder, index.index) for folder in attended]


def with_true_boxes(
    index: pd.DataFrame, boxes: list[pd.DataFrame]
) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray]]:
    """Return rows of results on the attended boxes beside true ones, and each image's overlaps; nothing without these.

    index  of the images, with their true boxes
    boxes  of each scale
    """
    boxed = index[BOX].notna().all(axis=1)
    if not boxed.any():
        return {}, {}
    shared = overlaps.with_true(index[BOX][boxed].to_numpy(), [table[boxed] for table in boxes])
    results = {"iou": {name: float(values.mean()) for name, values in shared.items()}}
    results["iou_above_half"] = {name: float((values > 0.5).mean()) for name, values in shared.items()}
    return results | {"true_boxes": {"test images": int(boxed.sum())}}, shared  # that the overlaps are measured on


def accuracies(
    probabilities: list[np.ndarray], labels: np.ndarray, averaging: str = "probabilities"
) -> dict[str, float]:
    """Return the accuracy of each scale and, where there are three, of their mean ('ms'), in percent.

    >>> one, two = np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.8, 0.2], [0.1, 0.9]])
    >>> accuracies([one, one, two], np.array([0, 1]))
    {'1': 50.0, '2': 50.0, '3': 100.0, 'ms': 100.0}
    """
    return {name: 100 * float(hits.mean()) for name, hits in _hits(probabilities, labels, averaging).items()}


def with_intervals(
    scales: list[Predictions], shared: dict[str, np.ndarray], areas: dict[str, np.ndarray]
) -> tuple[dict[str, Estimate], dict[str, dict[str, list[float]]]]:
    """Return what the claims on ours alone are about, and the interval of every accuracy, overlap and area.

    shared, areas  of each image: what ``overlaps`` returns
    """
    first = scales[0]
    levels = {kind: _hits([getattr(one, kind) for one in scales], first.label, first.averaging) for kind in KINDS}
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


def _hits(probabilities: list[np.ndarray], labels: np.ndarray, averaging: str) -> dict[str, np.ndarray]:
    """Say which images (N,) each scale recognises and, where there are three, which their mean ('ms') recognises."""
    named = {str(scale): p for scale, p in enumerate(probabilities, start=1)}
    if len(probabilities) == N_SCALES:
        named["ms"] = over_scales(probabilities, averaging)
    return {name: (p.argmax(axis=1) == labels).astype(float) for name, p in named.items()}


def per_class(
    probabilities: list[np.ndarray], labels: np.ndarray, averaging: str = "probabilities"
) -> dict[str, float]:
    """Return the mean over classes of each class's accuracy, FGVC-Aircraft's official metric, in percent.

    >>> per_class([np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])], np.array([0, 0, 1]))
    {'1': 50.0}
    """
    rows = [labels == c for c in np.unique(labels)]
    classes = [accuracies([p[own] for p in probabilities], labels[own], averaging) for own in rows]
    return {scale: float(np.mean([row[scale] for row in classes])) for scale in classes[0]}


def final(scales: list[Predictions], fitted: Calibration | None) -> np.ndarray:
    """Return the final answer (N, L): the mean over scales, as the recogniser gives it."""
    mean = over_scales([scale.avg for scale in scales], scales[0].averaging)
    return tempered(mean, fitted.temperature if fitted else 1.0)


def calibrated(scales: list[Predictions], fitted: Calibration | None) -> dict[str, pd.DataFrame]:
    """Return the tables of ``CALIBRATION``.

    Curves of the final answer, and its reliability without calibration; a row for each scale, for their mean ('ms')
    and, where there is a calibration, for the mean with it ('calibrated').
    """
    named = {str(number): scale.avg for number, scale in enumerate(scales, start=1)} | {"ms": final(scales, None)}
    if fitted:
        named["calibrated"] = final(scales, fitted)
    answers = {name: (p.max(axis=1), p.argmax(axis=1) == scales[0].label) for name, p in named.items()}
    last = answers.get("calibrated", answers["ms"])
    curves = calibration.reliability(*last), calibration.coverage(*last), calibration.reliability(*answers["ms"])
    return dict(zip(CALIBRATION, (*curves, calibration.summary(answers)), strict=True))


def errors(summary: pd.DataFrame) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the calibration error (points) of the final answer with and without calibration, and their intervals."""
    rows = summary.set_index("scale").rename(index={"ms": "uncalibrated"})
    rows = rows.loc[[name for name in ("uncalibrated", "calibrated") if name in rows.index]]
    return rows.error.to_dict(), dict(
        zip(rows.index, rows[["error_low", "error_high"]].to_numpy().tolist(), strict=True)
    )


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


def _predictions(
    scales: list[Predictions], fitted: Calibration | None, index: pd.DataFrame, class_names: list[str]
) -> pd.DataFrame:
    names, ms = np.array(class_names, dtype=object), final(scales, fitted)
    table = pd.DataFrame({"id": scales[0].id, "true": index.class_name.to_numpy()})
    for number, scale in enumerate(scales, start=1):
        table[f"scale_{number}"] = names[scale.avg.argmax(axis=1)]
    table["ms"] = names[ms.argmax(axis=1)]
    table["confidence"] = ms.max(axis=1)
    return table
