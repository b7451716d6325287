"""The report's figures."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipeline import files, overlay

COLOURS = ["#0072B2", "#D55E00", "#009E73"]  # one a scale; told apart by colour-blind readers too
TRUE_BOX, ATTENDED_BOX, NEXT_BOX = "#2ca02c", "#1f4fff", "#ff7f0e"  # green and blue as in Figure 7


@dataclass(frozen=True)
class View:
    """What one scale saw of one image, and what it made of it."""

    pixels: np.ndarray  # (height, width, 3) uint8
    M: np.ndarray  # (H, W)
    M_b: np.ndarray  # (H, W) bool
    boxes: dict[str, np.ndarray]  # colour -> x0, y0, x1, y1 as shares of what was seen
    prediction: str


@dataclass(frozen=True)
class Example:
    """One image at every scale."""

    title: str  # its true class
    views: list[View]
    truth: str


def curves(histories: list[pd.DataFrame]) -> Figure:
    """Draw the losses and accuracies of every epoch, a colour a scale."""
    figure, (losses, accuracy) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for scale, (history, colour) in enumerate(zip(histories, COLOURS, strict=False), start=1):
        losses.plot(history.epoch, history.l_loc, color=colour, label=f"scale {scale}: $\\ell_{{loc}}$")
        losses.plot(history.epoch, history.l_obj, color=colour, linestyle="--", label=f"scale {scale}: $\\ell_{{obj}}$")
        accuracy.plot(history.epoch, history.acc_avg, color=colour, alpha=0.45, label=f"scale {scale}: training crops")
        tested = history.dropna(subset="test_acc_avg")
        accuracy.plot(tested.epoch, tested.test_acc_avg, color=colour, marker="o", label=f"scale {scale}: test images")
    losses.set(title="Losses (training crops)", xlabel="epoch", ylabel="nats", yscale="log")
    accuracy.set(title="Accuracy, mean of both levels", xlabel="epoch", ylabel="%", ylim=(0, 101))
    for axes in (losses, accuracy):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, ncols=2 if axes is losses else 1)
    return figure


def gallery(examples: list[Example]) -> Figure:
    """Show what each scale saw, attended to and kept: a row an image, three columns a scale (Figures 4 to 7)."""
    n_scales = len(examples[0].views)
    figure, grid = plt.subplots(
        len(examples), 3 * n_scales, figsize=(5.1 * n_scales, 1.78 * len(examples)), layout="constrained", squeeze=False
    )
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0.01, hspace=0.01)
    for row, example in zip(grid, examples, strict=True):
        row[0].set_ylabel(_short(example.title), fontsize=9)
        for scale, view in enumerate(example.views):
            seen, heat, mask = row[3 * scale : 3 * scale + 3]
            seen.imshow(view.pixels)
            _draw_boxes(seen, view)
            heat.imshow(overlay.heat(view.pixels, view.M.astype(np.float32)))
            mask.imshow(overlay.mask(view.pixels, view.M_b))
            right = view.prediction == example.truth
            colour = "#1a7f37" if right else "#b00020"
            heat.set_xlabel(("✓ " if right else "✗ ") + _short(view.prediction), fontsize=8, color=colour, labelpad=2)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for scale in range(n_scales):
        for offset, name in enumerate(["seen", "attention M", "mask $M_b$"]):
            grid[0, 3 * scale + offset].set_title(f"scale {scale + 1}: {name}", fontsize=9)
    return figure


def save(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a figure as PNG."""
    with files.whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi)
    plt.close(figure)


def _draw_boxes(axes: Axes, view: View) -> None:
    height, width, _ = view.pixels.shape
    for colour, (x0, y0, x1, y1) in view.boxes.items():
        corner = x0 * width - 0.5, y0 * height - 0.5
        frame = Rectangle(corner, (x1 - x0) * width, (y1 - y0) * height, fill=False, color=colour, linewidth=1.8)
        axes.add_patch(frame)


def _short(name: str, longest: int = 24) -> str:
    words = name.split(".")[-1].replace("_", " ")
    return words if len(words) <= longest else words[: longest - 1] + "…"
