"""The report's sections about where it fails."""

import pandas as pd

from pipeline.disk import files
from pipeline.disk.temperature import NOT_APPLIED
from pipeline.reporting import examples, failure_figures, failures, figures, tables
from pipeline.reporting.page import Page
from pipeline.reporting.results import Results

N_CLASSES, N_PAIRS, N_MISTAKES = 20, 10, 12  # rows that the page has of longer tables
N_SHOWN = 5  # pairs with pictures
EQUAL = 1.0  # points of confidence and accuracy that nobody minds
MATRIX = "confusion.csv"


def add(page: Page, results: Results) -> None:
    """Add classes, confusions, the surest mistakes, and whether the confidence can be believed."""
    for section in (_classes, _confusions, _mistakes, _confidence):
        section(page, results)


def _classes(page: Page, results: Results) -> None:
    table = failures.per_class(_counts(results))
    page.section(
        "Where it fails: classes",
        f"{_least(table, N_CLASSES, 'least accurate')} Accuracy (%) of each class's own test images, with Wilson's 95% "
        f"interval; 'answered': images of any class that were given this answer. The answer is the mean "
        f"{_over(results)}.",
    )
    page.table(table, "per-class", rows=N_CLASSES)


def _confusions(page: Page, results: Results) -> None:
    counts = _counts(results)
    pairs, stand_ins = failures.pairs(counts), figures.stand_ins(counts.index.tolist())
    with files.atomic_write(page.folder / MATRIX) as temporary:
        counts.to_csv(temporary)
    named = set(counts.index) if len(counts) <= failure_figures.NAMED else set()
    used, note = figures.explained(stand_ins, named | set(pairs.true[:N_SHOWN]) | set(pairs.answer[:N_SHOWN]))
    order = "" if named else f" The numbers are those of the rows of {MATRIX}, from 0 on."
    page.section(
        "Where it fails: the confusion matrix", f"Test images of each class (rows) by their answer.{order}{note}"
    )
    page.picture(failure_figures.confusion(counts, used), "confusion", "answers by true class", MATRIX)
    if pairs.empty:
        return
    page.section(
        "Where it fails: confused pairs",
        f"{_least(pairs, N_PAIRS, 'most frequent')} 'images': test images of the true class that were given the other "
        "one as the answer; 'of': all test images of the true class; 'back': images of the other class that were taken "
        "for the true one. Pictures: on the left the mistaken ones, on the right some of the class that they were "
        "taken for, recognised ones first.",
    )
    page.table(pairs, "confused-pairs", rows=N_PAIRS)
    images = results.scales[0].images
    shown = [examples.pair(row.true, row.answer, results.predictions, images) for row in pairs[:N_SHOWN].itertuples()]
    page.picture(failure_figures.pairs(shown, used), "confused-pairs", "pictures of both classes of each pair")


def _mistakes(page: Page, results: Results) -> None:
    wrong, images = failures.mistakes(results.predictions), results.scales[0].images
    if wrong.empty:
        return
    table = tables.mistakes(wrong, images.index)
    page.section(
        "Where it fails: the surest mistakes",
        f"{_least(table, N_MISTAKES, 'surest')} With the answer's confidence, and what each scale alone answers.",
    )
    shown = [examples.pixels(images, identity) for identity in wrong.id[:N_MISTAKES]]
    page.table(table, "mistakes", rows=N_MISTAKES, pictures=shown)


def _confidence(page: Page, results: Results) -> None:
    curves = results.curves
    fitted = "calibrated" in set(curves["calibration"].scale)
    page.section(
        "Can its confidence be believed?",
        f'<span class="answer">{_sureness(curves["calibration"])}</span>'
        f"{_calibration(results, fitted)} Confidence: the highest probability. Left: accuracy of the answers of about "
        "that confidence; the numbers are images. Right: accuracy if only the surest are answered. Both of the mean "
        f"{_over(results)}. Calibration error: by how many points confidence and accuracy differ, averaged over the "
        "images (ten bins); its 95% intervals cover other test images, not other networks.",
    )
    before = curves["uncalibrated"] if fitted else None
    figure = failure_figures.calibration(curves["reliability"], curves["coverage"], before)
    page.picture(figure, "calibration", "accuracy against confidence, and against coverage")
    page.table(tables.calibration(curves["calibration"]), "calibration")


def _sureness(rows: pd.DataFrame) -> str:
    """Answer in words whether the final answer is as sure as it is often right."""
    last = rows.iloc[-1]
    apart = last.confidence - last.accuracy
    how = "About as sure as it is often right" if abs(apart) < EQUAL else "Too sure" if apart > 0 else "Too modest"
    return f"{how}: {last.confidence:.1f}% confident on average, {last.accuracy:.1f}% right."


def _calibration(results: Results, fitted: bool) -> str:
    """Say what was done to the final answer's probabilities."""
    own, command = results.recipe.calibration, f"pipeline calibrate {results.dataset}"
    if own and fitted:
        return (
            f"Calibrated: the probabilities p of the mean became softmax(log p / T) with T = {own.temperature:g}. "
            f"'{command}' has fitted it on the {own.images:,} images of fold {own.fold} of the training split, as "
            "networks trained on the other folds answer for them. Answers and accuracy stay as they were."
        )
    if own:
        return f"{NOT_APPLIED.format('Not calibrated', results.dataset)}."
    return f"Not calibrated: the probabilities are as the networks give them; '{command}' fits a temperature."


def _counts(results: Results) -> pd.DataFrame:
    return failures.confusion(results.predictions, results.scales[0].images.class_names)


def _least(table: pd.DataFrame, rows: int, which: str) -> str:
    """Say which rows of a table the page has, if not all."""
    return f"The {rows} {which} of {len(table):,}; the files have all." if len(table) > rows else ""


def _over(results: Results) -> str:
    n = len(results.scales)
    return f"over all {n} scales" if n > 1 else "over scale 1 alone"
