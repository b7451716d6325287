"""Stage: render what the other stages wrote as tables, figures and one page; it computes nothing new."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline import attended, figures, files, imageset, tables, tracking
from pipeline.attended import ATTENDED, NEXT
from pipeline.datasets.index import BOX
from pipeline.figures import ATTENDED_BOX, NEXT_BOX, TRUE_BOX, Example, View
from pipeline.imageset import CROP, ImageSet
from pipeline.page import Page

N_RIGHT, N_WRONG = 6, 4  # rows of the galleries


@dataclass(frozen=True)
class Scale:
    """What is on disk of one scale."""

    images: ImageSet
    boxes: pd.DataFrame
    maps: dict[str, tuple[np.ndarray, np.ndarray]]


def run(dataset: str, runs: Path, images: list[Path], metrics: Path, out: Path) -> None:
    """Write index.html and what it shows to the folder ``out``.

    runs    the dataset's folder of runs: train-<scale>, attend-<scale>, evaluate
    images  the folders that the scales read, scale 1 first
    """
    results = files.read_json(metrics)
    numbers = range(1, len(images) + 1)
    histories = [pd.read_csv(runs / f"train-{n}" / "history.csv") for n in numbers]
    predictions = pd.read_csv(runs / "evaluate" / "predictions.csv", dtype={"id": str})
    scales = [_read_scale(folder, runs / f"attend-{n}") for n, folder in zip(numbers, images, strict=True)]
    with files.whole(out) as folder, tracking.run(dataset, "report", {}) as tracker:
        folder.mkdir()
        page = Page(f"foveate: {dataset}", _lead(scales[0].images, results))
        _add_table_6(page, results, folder)
        _add_localisation(page, results, folder)
        _add_gallery(page, scales, choose(predictions, True, N_RIGHT), folder, "gallery-right.png")
        _add_gallery(page, scales, choose(predictions, False, N_WRONG), folder, "gallery-wrong.png")
        _add_curves(page, histories, folder)
        page.write(folder / "index.html")
        tracker.files(folder)
    print(f"\n{tables.to_markdown(tables.table_6(results))}\n{dataset}: {out / 'index.html'}")


def choose(predictions: pd.DataFrame, right: bool, n: int) -> pd.DataFrame:
    """Pick test images that the multi-scale prediction gets right, or wrong: evenly over the list, never by hand."""
    chosen = predictions[(predictions.ms == predictions.true) == right]
    positions = np.linspace(0, len(chosen) - 1, min(n, len(chosen))).round().astype(int)
    return chosen.iloc[positions]


def example(row: pd.Series, scales: list[Scale]) -> Example:
    """Gather what each scale saw of one image."""
    views = []
    for number, scale in enumerate(scales, start=1):
        entry = scale.images.index.set_index("id").loc[row.id]
        with Image.open(scale.images.path(row.id)) as image:
            pixels = np.asarray(image)
        found = scale.boxes.loc[row.id]
        boxes = {TRUE_BOX: entry[BOX], ATTENDED_BOX: found[ATTENDED]}
        if number < len(scales):
            boxes[NEXT_BOX] = found[NEXT]
        inside = {
            c: _within(box.to_numpy(float), entry[CROP].to_numpy(float))
            for c, box in boxes.items()
            if box.notna().all()
        }
        views.append(View(pixels, *scale.maps[row.id], inside, row[f"scale_{number}"]))
    return Example(row.true, views, row.true)


def _read_scale(images: Path, looked: Path) -> Scale:
    return Scale(imageset.read(images), attended.read_boxes(looked), attended.read_maps(looked))


def _within(box: np.ndarray, crop: np.ndarray) -> np.ndarray:
    """Express a box of the original as shares of a crop of it, as far as it is inside."""
    corner, side = np.tile(crop[:2], 2), np.tile(crop[2:] - crop[:2], 2)
    return ((box - corner) / side).clip(0, 1)


def _lead(images: ImageSet, results: dict) -> str:
    counts = images.index.split.value_counts()
    return (
        f"{len(images.class_names)} classes, {counts['train']:,} training and {counts['test']:,} test images; "
        f"multi-scale accuracy {results['acc_avg']['ms']:.1f}%"
    )


def _add_table_6(page: Page, results: dict, folder: Path) -> None:
    table = tables.table_6(results)
    tables.write(table, folder / "table-6")
    page.section(
        "Table 6: accuracy (%) at each scale and over all scales",
        "Acc<sub>loc</sub>: local classifiers, averaged over space. Acc<sub>obj</sub>: object-level classifier. "
        "Acc<sub>avg</sub>: mean of both. ms: mean over the scales. Final epoch, test split.",
    )
    page.table(table, best=True)


def _add_localisation(page: Page, results: dict, folder: Path) -> None:
    table = tables.localisation(results)
    if table is None:
        return
    tables.write(table, folder / "localisation")
    page.section(
        "Attended and true boxes",
        "Overlap of the box around all attended cells with the true box, which no training saw, beside what needs no "
        "attention: the whole image, and the best box of one size in the middle of every image.",
    )
    page.table(table)


def _add_gallery(page: Page, scales: list[Scale], chosen: pd.DataFrame, folder: Path, name: str) -> None:
    if chosen.empty:
        return
    figures.save(figures.gallery([example(row, scales) for _, row in chosen.iterrows()]), folder / name)
    if name == "gallery-right.png":
        keys = {"true box": TRUE_BOX, "attended": ATTENDED_BOX, "what the next scale sees": NEXT_BOX}
        legend = "".join(f'<span class="key" style="border-color: {c}"></span>{text}' for text, c in keys.items())
        page.section("Attention, images recognised", f"As Figures 4 to 7; evenly picked from the test split.{legend}.")
    else:
        page.section("Attention, images mistaken")
    page.picture(name, "for each image and scale: what was seen, the attention map over it, the mask")


def _add_curves(page: Page, histories: list[pd.DataFrame], folder: Path) -> None:
    figures.save(figures.curves(histories), folder / "curves.png")
    page.section("Training", "The test images are looked at for these curves only; the last epoch counts.")
    page.picture("curves.png", "losses and accuracies per epoch at each scale")
