"""What the page says of where it fails; the numbers are tested where they are computed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.reporting import calibration, examples, failure_figures, failure_sections
from pipeline.reporting.failure_figures import Pair
from pipeline.reporting.page import Page

NAMES = ["<i>gull</i>", "NA", "tern"]


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Write the sections for some answers; return the page's text and its folder."""
    picture = np.zeros((8, 8, 3), np.uint8)
    monkeypatch.setattr(examples, "pixels", lambda *_: picture)
    monkeypatch.setattr(examples, "pair", lambda true, answer, *_: Pair(true, answer, [picture], [picture]))

    def write(names, true, ms, fitted=None, applied=False):
        ids = [str(i) for i in range(len(true))]
        answers = pd.DataFrame({"id": ids, "true": true, "scale_1": ms, "ms": ms, "confidence": 0.75})
        index = pd.DataFrame({"id": ids, "file": [f"{i}/<b>.jpg" for i in ids]})
        sure, right = answers.confidence.to_numpy(), (answers.true == answers.ms).to_numpy()
        curves = {"reliability": calibration.reliability(sure, right), "coverage": calibration.coverage(sure, right)}
        curves["uncalibrated"] = curves["reliability"]
        curves["calibration"] = calibration.summary(
            dict.fromkeys(["1", "ms", *(["calibrated"] if applied else [])], (sure, right))
        )
        scales = [SimpleNamespace(images=SimpleNamespace(class_names=names, index=index))]
        page = Page("birds", "", tmp_path)
        recipe = SimpleNamespace(calibration=fitted)
        results = SimpleNamespace(dataset="birds", predictions=answers, scales=scales, curves=curves, recipe=recipe)
        failure_sections.add(page, results)
        page.write()
        return (tmp_path / "index.html").read_text()

    return write


def test_names_are_escaped_and_numbers_explained(show, tmp_path):
    html = show(NAMES, [NAMES[0], NAMES[0], "NA"], [NAMES[0], "NA", "NA"])
    assert "<i>" not in html and "<b>.jpg" not in html and "&lt;i&gt;gull&lt;/i&gt;" in html
    assert "test images of the true class that were given the other one as the answer" in html
    assert "50.0 [9.5, 90.5]" in html and "1/&lt;b&gt;.jpg" in html
    counts = pd.read_csv(tmp_path / "confusion.csv", index_col=0, keep_default_na=False)
    assert counts.columns.tolist() == NAMES and counts.to_numpy().tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    last = (tmp_path / "per-class.md").read_text().splitlines()[-1]
    assert [cell.strip() for cell in last.split("|")] == ["", "3", "tern", "0", "0", "0", "", ""]


def test_where_all_is_right_there_are_no_confused_pairs(show, tmp_path):
    html = show(NAMES, NAMES, NAMES)
    assert "confused pairs" not in html and "mistakes" not in html and not (tmp_path / "mistakes.csv").exists()
    assert "the confusion matrix" in html and "Can its confidence be believed?" in html


def test_of_many_classes_the_page_has_the_least_accurate(show, tmp_path):
    names = [f"class {i}" for i in range(70)]
    html = show(names, names, [*names[1:], names[0]])
    assert "The 20 least accurate of 70; the files have all." in html and "rows of confusion.csv" in html
    assert "The 10 most frequent of 70; the files have all." in html and "The 12 surest of 70" in html
    assert len((tmp_path / "confused-pairs.csv").read_text().splitlines()) == 71


FITTED = SimpleNamespace(temperature=0.61, images=1233, fold=1)


@pytest.mark.parametrize(
    "fitted, applied, words",
    [
        (None, False, "Not calibrated: the probabilities are as the networks give them; &#39;pipeline calibrate birds"),
        (
            FITTED,
            True,
            "with T = 0.61. &#39;pipeline calibrate birds&#39; has fitted it on the 1,233 images of fold 1",
        ),
        (FITTED, False, "Not calibrated: the recipe&#39;s calibration was fitted on another recipe or other scales"),
    ],
)
def test_the_page_says_whether_its_confidence_is_calibrated_and_names_the_command(
    show, tmp_path, fitted, applied, words
):
    html = show(NAMES, NAMES, NAMES, fitted, applied)
    assert words.replace("&#39;", "'") in html.replace("&#39;", "'")
    assert ("ms, calibrated" in (tmp_path / "calibration.md").read_text()) == applied
    assert ("before" in (tmp_path / "calibration.svg").read_text()) == applied


@pytest.mark.parametrize(
    "confidence, words",
    [
        (70.0, "Too sure: 70.0% confident on average, 50.0% right."),
        (30.0, "Too modest: 30.0% confident on average, 50.0% right."),
        (50.5, "About as sure as it is often right: 50.5% confident on average, 50.0% right."),
    ],
)
def test_whether_it_is_too_sure_is_said_of_the_final_answer(confidence, words):
    rows = pd.DataFrame({"scale": ["1", "calibrated"], "confidence": [99.0, confidence], "accuracy": [1.0, 50.0]})
    assert failure_sections._sureness(rows) == words


@pytest.mark.parametrize("shape", [(64, 64), (40, 100), (100, 40)])
def test_no_picture_reaches_the_title_of_its_pair(shape):
    pixels = [np.zeros((*shape, 3), np.uint8)] * 3
    figure = failure_figures.pairs([Pair("a", "b", pixels, pixels)] * 4, {})
    figure.canvas.draw()
    titles = [text.get_window_extent() for text in figure.texts]
    shown = [axes.get_window_extent() for axes in figure.axes if axes.images]
    assert len(titles) == 8 and len(shown) == 24
    assert not [1 for title in titles for picture in shown if title.overlaps(picture)]
    assert all(figure.bbox.contains(title.x0, title.y1) for title in titles)
