"""The report's figures."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Rectangle

from pipeline import overlay
from pipeline.disk import files

COLOURS = ["#0072B2", "#D55E00", "#009E73"]  # one a scale; colour-blind readers can tell them apart
BOX_COLOURS = {"true": "#2ca02c", "attended": "#1f4fff", "next": "#ff7f0e"}  # green and blue as in Figure 7


@dataclass(frozen=True)
class View:
    """One image at one scale: the scale's crop and the network's outputs for it."""

    pixels: np.ndarray  # (height, width, 3) uint8
    M: np.ndarray  # (H, W)
    M_b: np.ndarray  # (H, W) bool
    boxes: dict[str, np.ndarray]  # "true", "attended", "next" -> x0, y0, x1, y1 as shares of the crop's sides
    prediction: str


@dataclass(frozen=True)
class Example:
    """One image at every scale."""

    truth: str | None  # its class, where it is known
    views: list[View]


def curves(histories: list[pd.DataFrame]) -> Figure:
    """Draw the losses and accuracies of every epoch, a colour a scale: of images, and of their attended cells (4.3)."""
    figure = Figure((11, 5), layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
    for scale, (history, colour) in enumerate(zip(histories, COLOURS, strict=False), start=1):
        losses.plot(history.epoch, history.l_loc, color=colour, label=f"scale {scale}: $\\ell_{{loc}}$")
        losses.plot(history.epoch, history.l_obj, color=colour, linestyle="--", label=f"scale {scale}: $\\ell_{{obj}}$")
        accuracy.plot(history.epoch, history.acc_avg, color=colour, alpha=0.45, label=f"scale {scale}: training crops")
        cells = {"color": colour, "linestyle": ":", "label": f"scale {scale}: attended cells (4.3)"}
        accuracy.plot(history.epoch, history.cells_right, **cells)
        tested = history.dropna(subset="test_acc_avg")
        accuracy.plot(tested.epoch, tested.test_acc_avg, color=colour, marker="o", label=f"scale {scale}: test images")
    losses.set(title="Losses (training crops)", xlabel="epoch", ylabel="nats", yscale="log")
    accuracy.set(title="Accuracy, mean of both levels, and of single cells", xlabel="epoch", ylabel="%", ylim=(0, 101))
    for axes in (losses, accuracy):
        tidy(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize=8, frameon=False, ncols=len(histories), loc="upper center", bbox_to_anchor=(0.5, -0.14))
    return figure


def gallery(examples: list[Example], shown_as: Mapping[str, str] | None = None) -> Figure:
    """Show each scale's crop, attention map and mask: a row an image, three columns a scale (Figures 4 to 7).

    shown_as  ``stand_ins`` for class names
    """
    n_scales, shown_as = len(examples[0].views), shown_as or {}
    figure = Figure((5.1 * n_scales, 1.78 * len(examples)), layout="constrained")
    grid = figure.subplots(len(examples), 3 * n_scales, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0.01, hspace=0.01)
    for row, example in zip(grid, examples, strict=True):
        if example.truth is not None:
            row[0].set_ylabel(short(shown_as.get(example.truth, example.truth)), fontsize=9, parse_math=False)
        for scale, view in enumerate(example.views):
            seen, heat, mask = row[3 * scale : 3 * scale + 3]
            seen.imshow(view.pixels)
            _draw_boxes(seen, view)
            heat.imshow(overlay.heat(view.pixels, view.M.astype(np.float32)))
            mask.imshow(overlay.mask(view.pixels, view.M_b))
            mark, colour = _verdict(view.prediction, example.truth)
            name = short(shown_as.get(view.prediction, view.prediction))
            heat.set_xlabel(mark + name, fontsize=8, color=colour, labelpad=2, parse_math=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for scale in range(n_scales):
        for offset, name in enumerate(["seen", "attention M", "mask $M_b$"]):
            grid[0, 3 * scale + offset].set_title(f"scale {scale + 1}: {name}", fontsize=9)
    return figure


def boxes(shown: list[Example]) -> Figure:
    """Show true (green) and attended (blue) boxes of scale 1 (Figure 7)."""
    columns = 6
    rows = -(-len(shown) // columns)
    figure = Figure((2.1 * columns, 2 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, example in zip(grid.flat, shown, strict=False):
        view = example.views[0]
        axes.imshow(view.pixels)
        _draw_boxes(axes, view, ("true", "attended"))
    for axes in grid.flat:
        axes.axis("off")
    return figure


def classifiers(accuracy: dict[int, float], intervals: Mapping[int, tuple[float, float]] | None = None) -> Figure:
    """Draw accuracy (%) against the number of local classifiers (Figure 8), with the intervals that there are."""
    figure = Figure((5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    accuracy = {n: value for n, value in accuracy.items() if not np.isnan(value)}
    ends = [(intervals or {}).get(n, (value, value)) for n, value in accuracy.items()]
    sides = np.array([[v - low, high - v] for v, (low, high) in zip(accuracy.values(), ends, strict=True)]).T
    axes.errorbar(list(accuracy), list(accuracy.values()), sides, marker="o", capsize=4, color=COLOURS[0])
    for n, value in accuracy.items():
        axes.annotate(f"{value:.1f}", (n, value), textcoords="offset points", xytext=(7, 5), fontsize=9)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(accuracy), [str(n) for n in accuracy])
    axes.set(xlabel="number of local classifiers n", ylabel="accuracy (%)")
    axes.margins(y=0.15)
    tidy(axes)
    return figure


def cost(table: pd.DataFrame) -> Figure:
    """Draw accuracy against GFLOPs an image, from the columns of ``tables.cost``."""
    figure = Figure((7.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, (accuracy, gflops) in table[["accuracy (%)", "GFLOPs an image"]].dropna().iterrows():
        ours = str(name).startswith("ours")  # both cost nearly the same: labels on two sides do not overlap
        axes.scatter(gflops, accuracy, color=COLOURS[0 if ours else 1], s=45, zorder=3)
        place = {"xytext": (9 if ours else -9, 0), "ha": "left" if ours else "right", "va": "center"}
        axes.annotate(name, (gflops, accuracy), textcoords="offset points", **place)
    axes.set(xlabel="GFLOPs an image", ylabel="accuracy (%)")
    axes.margins(x=0.6, y=0.25)
    tidy(axes)
    return figure


def save(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a figure as ``path`` with .png and .svg; the same figure gives the same bytes, as DVC compares them."""
    for kind, dated in (("png", {}), ("svg", {"Date": None})):
        salted = rc_context({"svg.hashsalt": path.name})  # else the names of marks inside are drawn by lot
        with salted, files.atomic_write(path.with_name(f"{path.name}.{kind}")) as temporary:
            figure.savefig(temporary, format=kind, dpi=dpi, metadata=dated)


def _verdict(prediction: str, truth: str | None) -> tuple[str, str]:
    """Return the mark and the colour of a prediction."""
    if truth is None:
        return "", "black"
    return ("✓ ", "#1a7f37") if prediction == truth else ("✗ ", "#b00020")


def tidy(axes: Axes) -> None:
    """Draw a grid, and no frame above and to the right."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_boxes(axes: Axes, view: View, names: Collection[str] = tuple(BOX_COLOURS)) -> None:
    height, width, _ = view.pixels.shape
    for name, (x0, y0, x1, y1) in view.boxes.items():
        if name in names:
            corner, sides = (x0 * width - 0.5, y0 * height - 0.5), ((x1 - x0) * width, (y1 - y0) * height)
            axes.add_patch(Rectangle(corner, *sides, fill=False, color=BOX_COLOURS[name], linewidth=1.8))


def stand_ins(class_names: list[str]) -> dict[str, str]:
    """Return what figures show for names with letters that the figures' font lacks, where it would draw boxes."""
    font = get_font(findfont(FontProperties()))
    return {
        name: f"[class {label}]"
        for label, name in enumerate(class_names)
        if not all(font.get_char_index(ord(letter)) for letter in name)
    }


def explained(stand_ins: Mapping[str, str], names: Collection[str | None]) -> tuple[dict[str, str], str]:
    """Return the stand-ins for some names, and the words (HTML) that explain them."""
    used = {name: text for name, text in stand_ins.items() if name in names}
    return used, "".join(f" {text}: {escape(name)}." for name, text in used.items())


def short(name: str, longest: int = 24) -> str:
    """Shorten a class's name; CUB's number goes, as the name is unique without: 001.Black_footed_Albatross."""
    if re.match(r"\d{3}\.[^\W\d]", name):
        name = name[4:].replace("_", " ")
    return name if len(name) <= longest else name[: longest - 1] + "…"
