"""Figures 1 to 3 of the paper, of a real picture: how attention is made, and what its training asks for."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipeline.explaining.store import Anatomy
from pipeline.reporting.figures import BOX_COLOURS, short

MOST = 10  # categories that Figure 2 has columns for
NUMBERED = 16  # classifiers up to which Figure 2 prints each value
CELL, WINNER = "#00e5ff", "#d55e00"  # colours of outlines: the cell of Figure 2, who attains a maximum
MAPS = "viridis"


def pipeline(anatomy: Anatomy, pixels: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw Figure 1: the picture, f(X), three slices of A on one scale of colours, and M.

    pixels  (height, width, 3) uint8
    names   of the true category and of the runner-up
    """
    figure = Figure((6.6, 4.7), layout="constrained")
    panels = figure.subplots(2, 3).flat
    _picture(panels[0], anatomy, pixels, "X")
    _map(panels[1], anatomy.f, "length of f(X)")
    ends = (float(anatomy.A.min()), float(anatomy.A.max()))
    for axes, values, name in zip(panels[2:5], anatomy.A, (*map(short, names), "background"), strict=True):
        _map(axes, values, f"A: {name}", ends)
    _map(panels[5], anatomy.M, "M")
    for axes in panels:
        _outline(axes, *anatomy.cell[::-1], CELL)
    return figure


def maximum(anatomy: Anatomy, names: Sequence[str]) -> Figure:
    """Draw Figure 2: the logits of every classifier at one cell, their maximum A, and who attains it.

    names  of all L categories
    """
    columns = shown(anatomy)
    labels = [short(names[c], 18) if c < len(names) else "background" for c in columns]
    n, values = len(anatomy.A_i), anatomy.A_i[:, columns]
    figure = Figure((6.6, 1.6 + 0.21 * (min(n, NUMBERED) + 2)), layout="constrained")
    before, after = figure.subplots(2, 1, sharex=True, height_ratios=[max(min(n, NUMBERED), 2), 1])
    ends = {"vmin": values.min(), "vmax": values.max(), "cmap": MAPS, "aspect": "auto"}
    for axes, block in ((before, values), (after, values.max(axis=0, keepdims=True))):
        axes.imshow(block, **ends)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if len(block) <= NUMBERED:
            _numbers(axes, block)
    for column, row in enumerate(anatomy.winners[columns]):
        _outline(before, column, row, WINNER)
    given = columns.index(anatomy.foremost)
    _outline(after, given, 0, WINNER)
    rows = range(n) if n <= NUMBERED else []
    before.set_yticks(rows, [str(row) for row in rows], fontsize=8)
    before.set_ylabel("classifier: its $A_i$", fontsize=9)
    before.set_title(f"all classifiers at cell ({anatomy.cell[0]}, {anatomy.cell[1]})", fontsize=9)
    after.set_yticks([0], ["A"], fontsize=9)
    after.set_xticks(range(len(columns)), labels, rotation=40, ha="right", fontsize=8, parse_math=False)
    return figure


def training(anatomy: Anatomy, pixels: np.ndarray, name: str) -> Figure:
    """Draw Figure 3: M, the mask M_b that Otsu's threshold makes of it, the slice of A that it trains, and the box."""
    figure = Figure((6.6, 2.1), layout="constrained")
    panels = figure.subplots(1, 4)
    _map(panels[0], anatomy.M, "M")
    _map(panels[1], anatomy.M_b.astype(float), "$M_b$", (0, 1))
    panels[1].set_xlabel(f"{anatomy.M_b.sum()} of {anatomy.M_b.size} cells", fontsize=8)
    _map(panels[2], anatomy.A[0], f"A: {short(name, 15)}")
    _picture(panels[3], anatomy, pixels, "box of $M_b$", math=True)
    (x0, y0, x1, y1), (H, W) = anatomy.box, anatomy.M.shape
    corner, sides = (x0 * W - 0.5, y0 * H - 0.5), ((x1 - x0) * W, (y1 - y0) * H)
    panels[3].add_patch(
        Rectangle(corner, *sides, fill=False, color=BOX_COLOURS["attended"], linewidth=1.8, clip_on=False)
    )
    return figure


def shown(anatomy: Anatomy) -> list[int]:
    """Return the columns of Figure 2: the highest of A at the cell, the true category among them, and the background.

    They are in the order of the categories.
    """
    A, true = anatomy.A_i.max(axis=0)[:-1], int(anatomy.categories[0])
    order = [true, *(int(c) for c in np.argsort(-A, kind="stable") if c != true)]
    kept = {*order[:MOST]} | {anatomy.foremost}
    return [*sorted(kept), len(A)]


def _picture(axes: Axes, anatomy: Anatomy, pixels: np.ndarray, title: str, math: bool = False) -> None:
    H, W = anatomy.M.shape
    axes.imshow(pixels, extent=(-0.5, W - 0.5, H - 0.5, -0.5))  # in cells, so that a cell has its place on the picture
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9, parse_math=math)


def _map(axes: Axes, values: np.ndarray, title: str, ends: tuple[float, float] | None = None) -> None:
    """Draw a map of cells; below it stands what its darkest and its brightest cell are."""
    low, high = ends or (float(values.min()), float(values.max()))
    axes.imshow(values, cmap=MAPS, vmin=low, vmax=high, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9, parse_math="$" in title and "_b" in title)
    axes.set_xlabel(f"{values.min():.2f} to {values.max():.2f}", fontsize=8)


def _outline(axes: Axes, x: int, y: int, colour: str) -> None:
    axes.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, color=colour, linewidth=1.8))


def _numbers(axes: Axes, block: np.ndarray) -> None:
    middle = (axes.images[0].norm.vmin + axes.images[0].norm.vmax) / 2
    for (row, column), value in np.ndenumerate(block):
        colour = "black" if value > middle else "white"
        axes.text(column, row, f"{round(value, 1) + 0.0:.1f}", ha="center", va="center", fontsize=7, color=colour)
