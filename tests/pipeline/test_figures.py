"""Figures show what they are given; how they look, people judge."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from pipeline import figures
from pipeline.figures import ATTENDED_BOX, NEXT_BOX, TRUE_BOX, Example, View


@pytest.fixture
def example():
    pixels, M = np.zeros((32, 48, 3), dtype=np.uint8), np.random.rand(2, 3)
    half = np.array([0, 0, 0.5, 0.5])
    boxes = dict.fromkeys((TRUE_BOX, ATTENDED_BOX, NEXT_BOX), half)
    return Example("a_bird", [View(pixels, M, M > 0.5, boxes, name) for name in ("a_bird", "b", "a_bird")])


def test_gallery_has_three_columns_a_scale_and_names_each_prediction(example):
    figure = figures.gallery([example] * 2)
    assert len(figure.axes) == 18
    labels = [axes.get_xlabel() for axes in figure.axes[:9]]
    assert [label for label in labels if label] == ["✓ a bird", "✗ b", "✓ a bird"]
    assert len(figure.axes[0].patches) == 3
    plt.close(figure)


def test_figure_7_shows_the_true_and_the_attended_box_only(example):
    figure = figures.boxes([example] * 7)
    assert len(figure.axes) == 12 and [len(axes.patches) for axes in figure.axes] == [2] * 7 + [0] * 5
    plt.close(figure)


def test_figure_8_has_a_point_for_every_number_of_classifiers():
    figure = figures.classifiers({1: 70.0, 4: 80.0, 16: 81.0})
    assert figure.axes[0].lines[0].get_ydata().tolist() == [70, 80, 81]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "4", "16"]
    plt.close(figure)


def test_cost_leaves_out_what_was_not_run():
    rows = {"baseline, single scale": ["not run", "4", "1", "9"], "ours, scale 1": ["85.0", "4", "1.2", "8"]}
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["accuracy (%)", "parameters (M)", "GFLOPs", "images/s"]
    )
    figure = figures.cost(table)
    assert [text.get_text() for text in figure.axes[0].texts] == ["ours, scale 1"]
    plt.close(figure)


def test_curves_of_every_scale(tmp_path):
    history = {"epoch": [1, 2], "l_loc": [1, 0.5], "l_obj": [2, 1], "acc_avg": [10, 20], "test_acc_avg": [None, 15]}
    figure = figures.curves([pd.DataFrame(history)] * 3)
    assert [len(axes.lines) for axes in figure.axes] == [6, 6]
    figures.save(figure, tmp_path / "curves")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "curves.svg").read_text()
