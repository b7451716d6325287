"""Figures 1 to 3 of one picture."""

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from made_up import made_up_anatomy
from pipeline.reporting import anatomy_figures, figures

PIXELS = np.zeros((64, 64, 3), np.uint8)


def outlined(axes):
    """The cells (column, row) that are outlined."""
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [(round(box.get_x() + 0.46), round(box.get_y() + 0.46)) for box in boxes]


def test_figure_1_shows_its_tensors_in_one_order_and_marks_the_cell_of_figure_2():
    one = made_up_anatomy("004")
    axes = anatomy_figures.pipeline(one, PIXELS, ["gull", "tern"]).axes
    assert [a.get_title() for a in axes] == ["X", "length of f(X)", "A: gull", "A: tern", "A: background", "M"]
    for shown, values in zip(axes[1:], (one.f, *one.A, one.M), strict=True):
        assert np.array_equal(shown.images[0].get_array(), values)
    assert len({shown.images[0].get_clim() for shown in axes[2:5]}) == 1
    assert [outlined(a) for a in axes] == [[(0, 1)]] * 6  # column 0, row 1


@pytest.mark.parametrize("n", [1, 2, 16, 40])
def test_figure_2_outlines_who_attains_each_maximum(n):
    one, names = made_up_anatomy("004", n), ["1", "NA", "Audi A4 2.0", "gull"]
    before, after = anatomy_figures.maximum(one, names).axes
    assert np.array_equal(before.images[0].get_array(), one.A_i)
    assert np.array_equal(after.images[0].get_array()[0], one.A_i.max(axis=0))
    for column, row in outlined(before):
        assert one.A_i[row, column] == max(one.A_i[:, column])
    assert len(outlined(before)) == 5 and outlined(after) == [(int(one.A_i[:, :-1].max(axis=0).argmax()), 0)]
    assert [label.get_text() for label in after.get_xticklabels()] == [*names, "background"]


def test_figure_2_of_many_categories_has_the_highest_and_always_the_true_one_and_the_background():
    logits = np.zeros((2, 201), np.float32)
    logits[1, 50:60] = np.arange(10) + 1.0
    one = dataclasses.replace(made_up_anatomy("004"), A_i=logits, categories=np.array([199, 59]))
    assert anatomy_figures.shown(one) == [*range(51, 60), 199, 200]


def test_figure_3_draws_the_mask_and_its_box():
    one = made_up_anatomy("004")
    axes = anatomy_figures.training(one, PIXELS, "gull").axes
    assert np.array_equal(axes[1].images[0].get_array(), one.M_b) and axes[1].get_xlabel() == "2 of 4 cells"
    (box,) = axes[3].patches
    assert box.get_bbox().extents.tolist() == [-0.5, -0.5, 0.5, 1.5]  # the left half of 2 x 2 cells
    assert to_hex(box.get_edgecolor()) == figures.BOX_COLOURS["attended"]
