"""What the page says of how attention is made, of the wins and of over-fitting."""

from types import SimpleNamespace

import numpy as np
import pytest

from made_up import made_up_anatomy
from pipeline.reporting import examples, explaining_sections, intervals
from pipeline.reporting.intervals import Estimate
from pipeline.reporting.page import Page

ROW = {"variant": "ours", "seed": 0, "scale": 1, "n": 16, "winning": 9, "leading": 4, "largest": 0.31, "led": 0.9}


def record(what, points, low, high):
    return intervals.to_record(what, Estimate(points, (low, high), 400, 1, (900.0, 0.0, 0.0)))


def judged(low, high):
    rows = [(f"acc_obj of {v} 1", 90, 88, 92) for v in ("ours", "object")]
    rows += [("gap of ours 1", 5, 3, 7), ("gap of object 1", 8, 6, 10)]
    return [record(*row) for row in (*rows, ("gap of object 1 minus gap of ours 1", (low + high) / 2, low, high))]


@pytest.fixture
def results():
    recipe = SimpleNamespace(
        download={"reader": "cub"}, network=SimpleNamespace(n_classifiers=16, attention="probability")
    )
    images = SimpleNamespace(class_names=["<i>gull</i>", "鸟", "tern", "wren"])
    comparison = {"accuracy": {"ours": {}, "object": {}}, "judged": judged(1, 5), "wins": [ROW, ROW | {"seed": 2}]}
    scales = [SimpleNamespace(images=images)]
    return SimpleNamespace(comparison=comparison, recipe=recipe, scales=scales, anatomy=made_up_anatomy("004"))


def html(folder, results, add):
    page = Page("a", "b", folder)
    add(page, results)
    page.write()
    return (folder / "index.html").read_text()


def test_the_wins_begin_with_an_answer_in_words(results, tmp_path):
    text = html(tmp_path, results, explaining_sections.add_wins)
    assert "9 of 16 classifiers of ours win attended cells at scale 1; the largest share is 31.0%" in text
    table = explaining_sections.wins(results.comparison["wins"])
    assert table.index.tolist() == ["ours, scale 1", "ours, scale 1, seed 2"]
    assert table.iloc[0].tolist() == [16, 9, 4, 31, 6.25, 90]


def test_what_chance_gives_is_said_of_a_row_that_is_there(results, tmp_path):
    assert "what chance gives" not in html(tmp_path, results, explaining_sections.add_wins)
    results.comparison["wins"].append(ROW | {"variant": "object"})
    assert "what chance gives" in html(tmp_path, results, explaining_sections.add_wins)


def test_without_several_classifiers_nothing_is_said_of_wins(results, tmp_path):
    del results.comparison["wins"]
    assert "all n classifiers" not in html(tmp_path, results, explaining_sections.add_wins)


@pytest.mark.parametrize(
    "low, high, said",
    [
        (1, 5, "With l_loc the gap between training and test images is smaller"),
        (-1, 5, "cannot be told"),
        (-5, -1, "larger"),
    ],
)
def test_over_fitting_is_told_only_where_the_interval_tells_it(results, tmp_path, low, high, said):
    results.comparison["judged"] = judged(low, high)
    text = html(tmp_path, results, explaining_sections.add_gap)
    assert said in text and f"{(low + high) / 2:+.1f} [{low:+.1f}, {high:+.1f}] points" in text
    table = explaining_sections.gaps(results.comparison)
    assert table["training (%)"].tolist() == [95, 98] and table.gap.tolist() == [5, 8]
    assert "not run" not in (tmp_path / "over-fitting.md").read_text()


def test_without_a_network_that_l_loc_did_not_train_there_is_nothing_to_compare(results, tmp_path):
    results.comparison["judged"] = judged(1, 5)[:1] + judged(1, 5)[2:3]
    assert "over-fitting" not in html(tmp_path, results, explaining_sections.add_gap)


@pytest.mark.parametrize(
    "reader, title", [("cub", "Figures 1 to 3: how attention is made"), ("folder", "How attention")]
)
def test_how_attention_is_made_names_the_picture_and_escapes_names(results, tmp_path, monkeypatch, reader, title):
    results.recipe.download["reader"] = reader
    monkeypatch.setattr(examples, "pixels", lambda images, name: np.zeros((64, 64, 3), np.uint8))
    text = html(tmp_path, results, explaining_sections.add_anatomy)
    assert title in text and "<b>004</b>, &lt;i&gt;gull&lt;/i&gt;." in text and "<i>gull" not in text
    assert "[class 1]: 鸟." in text and "gives M" in text
    assert all((tmp_path / f"figure-{i}.{kind}").is_file() for i in (1, 2, 3) for kind in ("png", "svg"))
