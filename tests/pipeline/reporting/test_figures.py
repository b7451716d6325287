"""Figures show what they are given; how they look, people judge."""

import dataclasses
import subprocess
import sys
import unicodedata
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from conftest import ROOT
from pipeline.reporting import figures
from pipeline.reporting.figures import Example, View


@pytest.fixture
def example():
    pixels, M = np.zeros((32, 48, 3), dtype=np.uint8), np.random.rand(2, 3)
    half = np.array([0, 0, 0.5, 0.5])
    boxes = dict.fromkeys(("next", "true", "attended"), half)
    return Example("a_bird", [View(pixels, M, M > 0.5, boxes, name) for name in ("a_bird", "b", "a_bird")])


def colours(axes):
    return [to_hex(patch.get_edgecolor()) for patch in axes.patches]


def test_gallery_has_three_columns_a_scale_and_names_each_prediction(example):
    figure = figures.gallery([example] * 2)
    assert len(figure.axes) == 18
    labels = [axes.get_xlabel() for axes in figure.axes[:9]]
    assert [label for label in labels if label] == ["✓ a_bird", "✗ b", "✓ a_bird"]
    assert colours(figure.axes[0]) == ["#ff7f0e", "#2ca02c", "#1f4fff"]


NAMES = [
    "Audi A4 2.0",
    "1",
    "007",
    "$5 and $6$",
    r"50 % \alpha",
    "a_b^c",
    "gulls.v2",
    "<b>&",
    "x" * 24,
    "001.1",
    "v.2 a",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_class_is_called_what_it_is_called(example, name):
    figure = figures.gallery([dataclasses.replace(example, truth=name)])
    label = figure.axes[0].yaxis.get_label()
    assert label.get_text() == name and not label.get_parse_math()
    figure.draw_without_rendering()


def test_long_names_and_those_of_cub_are_shortened(example):
    cub = dataclasses.replace(example, truth="001.Black_footed_Albatross")
    assert figures.gallery([cub]).axes[0].get_ylabel() == "Black footed Albatross"
    long = dataclasses.replace(example, truth="Chevrolet Silverado 1500 Hybrid Crew Cab 2012")
    assert figures.gallery([long]).axes[0].get_ylabel() == "Chevrolet Silverado 150…"


def test_letters_that_the_font_lacks_have_a_stand_in(example):
    names = [
        "a",
        *(unicodedata.normalize(form, "Émeu ñandú") for form in ("NFC", "NFD")),
        "鸟",
        "gull 🐦",
        "Чайка",
        "a\nb",
    ]
    stand_ins = figures.stand_ins(names)
    assert stand_ins == {"鸟": "[class 3]", "gull 🐦": "[class 4]", "a\nb": "[class 6]"}
    seen = dataclasses.replace(
        example, truth="鸟", views=[dataclasses.replace(v, prediction="鸟") for v in example.views]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns where it draws a box for a letter
        figure = figures.gallery([seen], stand_ins)
        figure.draw_without_rendering()
    assert figure.axes[0].get_ylabel() == "[class 3]" and figure.axes[1].get_xlabel() == "✓ [class 3]"


def test_figure_7_shows_the_true_and_the_attended_box_only(example):
    figure = figures.boxes([example] * 7)
    assert [colours(axes) for axes in figure.axes] == [["#2ca02c", "#1f4fff"]] * 7 + [[]] * 5


def test_figure_8_has_a_point_for_every_number_of_classifiers():
    figure = figures.classifiers({1: 70.0, 2: float("nan"), 4: 80.0, 16: 81.0})
    assert figure.axes[0].lines[0].get_ydata().tolist() == [70, 80, 81]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "4", "16"]


def test_no_axis_of_figure_8_is_narrower_than_its_intervals():
    figure = figures.classifiers({1: 70.0, 4: 80.0}, {1: (55.0, 82.0), 4: (70.0, 95.0)})
    low, high = figure.axes[0].get_ylim()
    assert low < 55 and high > 95
    bars = figure.axes[0].containers[0].lines[2][0].get_segments()
    assert [bar[:, 1].tolist() for bar in bars] == [[55, 82], [70, 95]]


def test_cost_leaves_out_what_was_not_run():
    table = pd.DataFrame(
        {"images/s": [9, 8], "GFLOPs an image": [1, 1.2], "accuracy (%)": [None, 85.0]},
        index=["baseline, single scale", "ours, scale 1"],
    )
    figure = figures.cost(table)
    assert [(text.get_text(), text.xy) for text in figure.axes[0].texts] == [("ours, scale 1", (1.2, 85.0))]


def test_curves_of_every_scale(tmp_path):
    history = {"epoch": [1, 2], "l_loc": [1, 0.5], "l_obj": [2, 1], "acc_avg": [10, 20], "cells_right": [5, 30]}
    history |= {"test_acc_avg": [None, 15]}
    figure = figures.curves([pd.DataFrame(history)] * 3)
    assert [len(axes.lines) for axes in figure.axes] == [6, 9]
    assert figure.axes[1].lines[1].get_ydata().tolist() == [5, 30]
    figures.save(figure, tmp_path / "curves")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "curves.svg").read_text()


def test_the_same_figure_gives_the_same_bytes(tmp_path, monkeypatch):
    for when, name in (("0", "a"), ("86400", "b")):  # what matplotlib would take for the date
        monkeypatch.setenv("SOURCE_DATE_EPOCH", when)
        (tmp_path / name).mkdir()
        figures.save(figures.classifiers({1: 80.0, 16: 85.0}), tmp_path / name / "figure")
    for kind in ("png", "svg"):
        one, two = ((tmp_path / name / f"figure.{kind}").read_bytes() for name in "ab")
        assert one == two, kind


def test_importing_sets_nothing_up_for_the_whole_process():
    code = "import sys, pipeline.reporting.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
