"""Boxes and masks over true boxes, against what a person can check."""

import numpy as np
import pandas as pd
import pytest

from pipeline.disk import predictions
from pipeline.disk.predictions import ATTENDED
from pipeline.reporting import overlaps


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], 1),
        ([0, 0, 0.5, 1], [0.5, 0, 1, 1], 0),
        ([0, 0, 0.5, 0.5], [0.25, 0.25, 0.75, 0.75], 1 / 7),
        ([0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75], 1 / 4),
    ],
    ids=["same", "apart", "corner", "inside"],
)
def test_iou(a, b, expected):
    assert overlaps.iou(np.array([a], float), np.array([b], float))[0] == pytest.approx(expected)


def test_overlaps_are_measured_beside_what_needs_no_attention():
    found = pd.DataFrame([[0.3, 0.3, 0.7, 0.7]], columns=ATTENDED)
    result = overlaps.with_true(np.array([[0.3, 0.3, 0.7, 0.7]]), [found])
    assert {name: value.tolist() for name, value in result.items()} == {
        "1": [1],
        "whole image": [pytest.approx(0.16)],
        "centred box": [pytest.approx(1)],
    }


def test_areas_are_shares_of_the_original():
    boxes = [pd.DataFrame([[0.0, 0.0, 0.5, 0.5]], columns=ATTENDED), pd.DataFrame([[0, 0, 1, 0]], columns=ATTENDED)]
    assert {scale: area.tolist() for scale, area in overlaps.areas(boxes).items()} == {"1": [0.25], "2": [0]}


def slow_regions(mask):
    """Flood each region from any of its cells."""
    left, count = {tuple(cell) for cell in np.argwhere(mask)}, 0
    while left:
        count, todo = count + 1, [left.pop()]
        while todo:
            row, column = todo.pop()
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            todo += near
    return count


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_regions_are_those_of_a_flood(share):
    rng = np.random.default_rng(0)
    for shape in [(1, 1), (1, 7), (8, 8), (5, 9)]:
        mask = rng.random(shape) < share
        assert overlaps.regions(mask) == slow_regions(mask)


@pytest.mark.parametrize("size", [0.0, 0.05, 0.3, 1.0])
def test_a_cell_is_attended_in_a_box_if_its_middle_lies_there(size):
    rng = np.random.default_rng(1)
    for _ in range(50):
        mask = rng.random((4, 6)) < 0.3
        x0, y0 = rng.random(2) * (1 - size)
        box = np.array([x0, y0, x0 + size, y0 + size])
        rows = [i for i in range(4) if y0 <= (i + 0.5) / 4 <= y0 + size] or [min(int((y0 + size / 2) * 4), 3)]
        columns = [j for j in range(6) if x0 <= (j + 0.5) / 6 <= x0 + size] or [min(int((x0 + size / 2) * 6), 5)]
        assert overlaps.is_attended(mask, box) == any(mask[i, j] for i in rows for j in columns)


@pytest.fixture
def attended(tmp_path):
    """Masks of three pictures: both corners attended, one of them, and none but the middle."""
    masks = {name: np.zeros((4, 4), bool) for name in "abc"}
    masks["a"][0, 0] = masks["a"][3, 3] = masks["b"][0, 0] = masks["c"][1, 2] = masks["c"][2, 1] = True
    predictions.write_maps(tmp_path, {name: (mask.astype(float), mask) for name, mask in masks.items()})
    return tmp_path


def test_several_objects_are_attended_at_once_where_each_has_a_cell(attended):
    corners = [[0.0, 0.0, 0.3, 0.3], [0.7, 0.7, 1.0, 1.0]]
    objects = pd.DataFrame([[name, *box] for name in "abz" for box in corners], columns=["id", *ATTENDED])
    found = overlaps.of_several(objects, attended, pd.Index(list("abc")))
    assert {name: (one.points, one.images) for name, one in found.items()} == {
        "all objects attended": (50.0, 2),
        "regions of several objects": (1.5, 2),
        "regions of one object": (1.0, 1),
    }
    assert overlaps.of_several(objects[:0], attended, pd.Index(list("abc"))) == {}
