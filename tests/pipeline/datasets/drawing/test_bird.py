"""A bird: its mask, and marks that are small, at their places and nowhere else."""

import numpy as np
import pytest

from pipeline.datasets.drawing import bird
from pipeline.datasets.drawing.canvas import Canvas, Dice

PLACES = ["crown", "throat", "wing", "tail"]


def drawn(marks, seed="bird", mirror=1):
    canvas = Canvas(np.full((200, 240, 3), 0.5, np.float32), x=120, y=100, scale=150, mirror=mirror)
    return bird.draw(canvas, marks, Dice(seed)), canvas.pixels


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_a_mark_is_small_visible_and_on_the_bird(place, seed):
    (mask, plain), (_, marked) = drawn({}, seed), drawn({place: (0.9, 0.1, 0.9)}, seed)
    differs = np.abs(marked - plain).max(axis=2) > 0.1
    assert 0.01 < differs.sum() / mask.sum() < 0.12
    assert (differs & mask).sum() > 0.9 * differs.sum()


def test_marks_do_not_overlap_and_lie_where_they_should():
    _, plain = drawn({})
    where = {}
    for place in PLACES:
        rows, columns = np.nonzero(np.abs(drawn({place: (0.9, 0.1, 0.9)})[1] - plain).max(axis=2) > 0.2)
        where[place] = rows.mean(), columns.mean()
    assert where["crown"][0] < where["throat"][0] and where["tail"][1] < where["wing"][1] < where["throat"][1]


def test_the_mask_is_what_was_painted():
    mask, pixels = drawn({})
    changed = np.abs(pixels - 0.5).max(axis=2) > 0.05
    assert (mask & changed).sum() > 0.9 * mask.sum() and (changed & ~mask).sum() < 0.1 * mask.sum()


def test_light_comes_from_one_side_of_the_picture_also_in_the_mirror():
    _, right = drawn({})
    _, left = drawn({}, mirror=-1)
    assert np.abs(right - left[:, ::-1]).max() > 0.05
