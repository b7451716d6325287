"""Figures of where it fails, for few classes and for many, for odd names and for results without variety."""

import numpy as np
import pandas as pd
import pytest

from pipeline.reporting import calibration, failure_figures, figures
from pipeline.reporting.failure_figures import Pair

NAMES = ["NA", "1", "$x_1$ <b>", "a very long name of a species of bird", "鸟"]


def texts(figure):
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def matrix(n):
    names = [f"{number} {name}" for number, name in enumerate((NAMES * n)[:n])]
    counts = np.diag(np.arange(n)) + np.eye(n, k=1, dtype=int) * 7
    return pd.DataFrame(counts, index=names, columns=names)


@pytest.mark.parametrize("n", [1, 5, 20, 21, 60, 61, 200])
def test_a_matrix_shows_numbers_and_names_as_long_as_they_can_be_read(n):
    counts = matrix(n)
    said = texts(failure_figures.confusion(counts, figures.stand_ins(counts.index.tolist())))
    sevens = n - 1 + (n > 7)  # beside the diagonal, and once on it
    assert said.count("7") == (sevens if n <= 20 else 0)
    assert any("NA" in text for text in said) == (n <= 60)
    assert not any("鸟" in text for text in said)


@pytest.mark.parametrize("right", [True, False])
def test_curves_of_answers_that_are_all_right_or_all_wrong(right):
    confidence, rights = np.array([0.5, 1.0, 1.0]), np.full(3, right)
    curves = calibration.reliability(confidence, rights), calibration.coverage(confidence, rights)
    said = texts(failure_figures.calibration(*curves, None))
    assert {"Reliability", "1", "2", "not calibrated"} <= set(said) and "before" not in said
    assert {"before", "calibrated"} <= set(texts(failure_figures.calibration(*curves, curves[0])))


def test_pairs_with_fewer_pictures_than_places():
    picture = np.zeros((8, 12, 3), np.uint8)
    shown = [Pair("NA", "鸟", [picture], []), Pair("$a_1$", "NA", [picture] * 3, [picture] * 2)]
    figure = failure_figures.pairs(shown, figures.stand_ins(NAMES))
    said = texts(figure)
    assert "NA, taken for [class 4]" in said and "$a_1$, taken for NA" in said
    assert sum(len(axes.images) for axes in figure.axes) == 6
