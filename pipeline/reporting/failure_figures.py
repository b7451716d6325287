"""The report's figures of where it fails."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.reporting.figures import COLOURS, short, tidy

COUNTED, NAMED = 20, 60  # classes up to which a matrix shows its numbers, and its classes' names
SIDE = 3  # pictures of each class of a pair


@dataclass(frozen=True)
class Pair:
    """Pictures (height, width, 3) uint8 of one class that were taken for another one, and pictures of that one."""

    true: str
    answer: str
    mistaken: list[np.ndarray]
    others: list[np.ndarray]


def confusion(counts: pd.DataFrame, shown_as: Mapping[str, str]) -> Figure:
    """Draw a confusion matrix: a row a true class, shaded by the share of its images that got an answer.

    shown_as  ``figures.stand_ins`` for class names
    """
    n, matrix = len(counts), counts.to_numpy()
    side = min(max(0.34 * n, 2.6), 7.5)
    figure = Figure((side + (2.2 if n <= NAMED else 0.8), side + (1.6 if n <= NAMED else 0.6)), layout="constrained")
    axes = figure.subplots()
    shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, interpolation="nearest")
    figure.colorbar(image, ax=axes, shrink=0.7, label="% of the class's test images")
    axes.set(xlabel="answer", ylabel="true class")
    if n <= NAMED:
        names = [short(shown_as.get(name, name)) for name in counts.index]
        size = 8 if n <= COUNTED else 6
        axes.set_xticks(range(n), names, rotation=90, fontsize=size, parse_math=False)
        axes.set_yticks(range(n), names, fontsize=size, parse_math=False)
    else:
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
    if n <= COUNTED:
        for row, column in zip(*matrix.nonzero(), strict=True):
            colour = "white" if shares[row, column] > 60 else "#222222"
            axes.text(column, row, matrix[row, column], ha="center", va="center", fontsize=8, color=colour)
    return figure


def calibration(reliability: pd.DataFrame, coverage: pd.DataFrame, before: pd.DataFrame | None) -> Figure:
    """Draw accuracy against confidence, beside what perfect calibration would be, and accuracy against coverage.

    before  the reliability without calibration, where there is one
    """
    figure = Figure((8, 3.7), layout="constrained")
    believed, answered = figure.subplots(1, 2)
    believed.plot([0, 100], [0, 100], color="#999999", linestyle="--", label="perfectly calibrated")
    name = "not calibrated" if before is None else "calibrated"
    if before is not None:
        believed.plot(before.confidence, before.accuracy, color=COLOURS[1], marker="s", markersize=4, label="before")
    believed.plot(reliability.confidence, reliability.accuracy, color=COLOURS[0], marker="o", label=name)
    for row in reliability.itertuples():
        place = (row.confidence, row.accuracy)
        believed.annotate(f"{row.images}", place, textcoords="offset points", xytext=(5, -11), fontsize=8)
    believed.set(title="Reliability", xlabel="confidence (%)", ylabel="accuracy (%)", xlim=(0, 103), ylim=(-4, 104))
    believed.legend(fontsize=8, frameon=False, loc="upper left")
    answered.plot(coverage.coverage, coverage.accuracy, color=COLOURS[0], marker="." if len(coverage) < 30 else "")
    answered.set(title="Accuracy of the surest answers", xlabel="coverage (% of the images)", ylabel="accuracy (%)")
    answered.set(xlim=(0, 102), ylim=(min(coverage.accuracy.min(), 99) - 2, 101))
    for axes in (believed, answered):
        tidy(axes)
    return figure


def pairs(shown: list[Pair], shown_as: Mapping[str, str]) -> Figure:
    """Show confused pairs, a row each: pictures of one class taken for the other, and pictures of that one."""
    figure = Figure((8.4, 1.75 * len(shown)))
    grid = figure.subplots(
        len(shown),
        2 * SIDE + 1,
        squeeze=False,
        width_ratios=[*[1] * SIDE, 0.12, *[1] * SIDE],
        gridspec_kw={"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 1 - 0.17 / len(shown), "wspace": 0.03}
        | {"hspace": 0.2},
    )
    for row, pair in zip(grid, shown, strict=True):
        true, answer = (short(shown_as.get(name, name)) for name in (pair.true, pair.answer))
        _strip(row[:SIDE], pair.mistaken, f"{true}, taken for {answer}", "#b00020")
        _strip(row[-SIDE:], pair.others, answer, "black")
        row[SIDE].set_axis_off()
    return figure


def _strip(row: np.ndarray, pictures: list[np.ndarray], text: str, colour: str) -> None:
    """Show pictures of any shape at the top of their places, under a title that no picture reaches."""
    for axes in row:
        axes.set_axis_off()
        axes.set_anchor("N")
    place = row[0].get_position()  # of the whole place; that of a picture is smaller
    title = {"fontsize": 9, "color": colour, "parse_math": False, "va": "bottom"}
    row[0].figure.text(place.x0, place.y1 + 0.02 * place.height, text, **title)
    for axes, pixels in zip(row, pictures, strict=False):
        axes.imshow(pixels)
