"""Figures show what they are given; how they look, people judge."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pipeline import figures
from pipeline.figures import Example, View


def test_gallery_has_three_columns_a_scale_and_names_each_prediction():
    pixels, M = np.zeros((32, 48, 3), dtype=np.uint8), np.random.rand(2, 3)
    views = [
        View(pixels, M, M > 0.5, {"green": np.array([0, 0, 0.5, 0.5])}, name) for name in ("a_bird", "b", "a_bird")
    ]
    figure = figures.gallery([Example("a_bird", views, "a_bird")] * 2)
    assert len(figure.axes) == 18
    labels = [axes.get_xlabel() for axes in figure.axes[:9]]
    assert [label for label in labels if label] == ["✓ a bird", "✗ b", "✓ a bird"]
    assert len(figure.axes[0].patches) == 1
    plt.close(figure)


def test_curves_of_every_scale(tmp_path):
    history = pd.DataFrame(
        {"epoch": [1, 2], "l_loc": [1, 0.5], "l_obj": [2, 1], "acc_avg": [10, 20], "test_acc_avg": [None, 15]}
    )
    figure = figures.curves([history] * 3)
    assert [len(axes.lines) for axes in figure.axes] == [6, 6]
    figures.save(figure, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
