"""Shapes: signed distances against points whose place is known, dice that repeat, and soft edges."""

import numpy as np
import pytest

from pipeline.datasets.drawing.canvas import Canvas, Dice, ellipse, enlarge, polygon, strokes, union


def at(*points):
    u, v = np.array(points, np.float32).T
    return u, v


def test_dice_repeat_and_differ_by_their_text():
    one, two, other = Dice("a"), Dice("a"), Dice("b")
    numbers = [[dice.between(2, 3), *dice.vary((0.0, 0.5, 1.0), 0.1)] for dice in (one, two, other)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert 2 <= numbers[0][0] < 3 and all(0 <= channel <= 1 for channel in numbers[0][1:])
    assert {one.pick("xyz") for _ in range(50)} == {"x", "y", "z"}


def test_the_dice_are_those_of_every_other_machine():
    """Numbers that were computed elsewhere."""
    dice = Dice("a machine")
    assert [round(dice.between(0, 1000)) for _ in range(3)] + dice.counts(2).tolist() == [36, 994, 482, -12, -105]


def test_counts_scatter_like_a_normal_distribution():
    counts = Dice("many").counts(200, 200)
    assert abs(counts.mean()) < 3 and 145 < counts.std() < 151
    assert 0.66 < (abs(counts) < 148).mean() < 0.70


@pytest.mark.parametrize("slope", [0, 0.5, -1])
def test_an_ellipse_is_zero_on_its_edge(slope):
    cos, sin = (1 - slope**2) / (1 + slope**2), 2 * slope / (1 + slope**2)
    ends = [(1 + 3 * cos, 2 + 3 * sin), (1 - 2 * sin, 2 + 2 * cos), (1, 2)]
    np.testing.assert_allclose(ellipse(*at(*ends), (1, 2), (3, 2), slope), [0, 0, -2], atol=1e-5)


def test_a_polygon_is_negative_inside_and_measures_to_the_nearest_edge():
    found = polygon(*at((1, 1), (3, 1), (1, 0.25), (2, 1)), (0, 0), (2, 0), (2, 2), (0, 2))
    np.testing.assert_allclose(found, [-1, 1, -0.25, 0], atol=1e-6)


def test_a_union_is_either_and_fills_the_seam():
    one, other = np.float32([-1, 2, 0]), np.float32([3, -2, 0])
    np.testing.assert_allclose(union(one, other, 0.5), [-1, -2, -0.125])


def test_paint_covers_what_is_inside_and_softens_the_edge():
    canvas = Canvas(np.zeros((40, 40, 3), np.float32), x=20, y=20, scale=10, reach=1.5)
    cover = canvas.paint(ellipse(*canvas.frame(), (0, 0), (1, 1)), (1.0, 0.5, 0.0), soft=4)
    assert canvas.pixels[20, 20].tolist() == [1.0, 0.5, 0.0] and not canvas.pixels[0].any()
    assert 0.2 < canvas.pixels[20, 30, 0] < 0.8 and cover.shape == canvas.frame()[0].shape


def test_a_mirrored_frame_mirrors_what_is_painted():
    canvases = [Canvas(np.zeros((30, 30, 3), np.float32), 15, 15, 0.3, 10, mirror, 1.4) for mirror in (1, -1)]
    for canvas in canvases:
        canvas.paint(ellipse(*canvas.frame(), (0.3, 0.2), (0.7, 0.3)), (1, 1, 1))
    np.testing.assert_allclose(canvases[0].pixels, canvases[1].pixels[:, ::-1], atol=1e-4)


def test_relief_is_bright_towards_the_light():
    canvas = Canvas(np.zeros((60, 60, 3), np.float32), x=30, y=30, scale=20, reach=1.4, light=(-0.6, -0.8))
    lit = canvas.relief(ellipse(*canvas.frame(), (0, 0), (1, 1)), 0.8)
    middle = lit.shape[0] // 2
    assert lit[middle - 16, middle] > lit[middle, middle] > lit[middle + 16, middle]
    assert lit[middle, middle - 16] > lit[middle, middle + 16]


def test_strokes_are_longer_along_than_across():
    u, v = np.meshgrid(np.linspace(0, 1, 90, dtype=np.float32), np.linspace(0, 1, 90, dtype=np.float32))
    found = strokes(u, v, Dice("strokes").field(64, 64), along=5, across=30)
    assert (np.diff(found, axis=1) != 0).sum() < (np.diff(found, axis=0) != 0).sum() / 3


def test_enlarging_keeps_corners_and_stays_between():
    small = Dice("small").field(3, 4, 3)
    large = enlarge(small, 31, 47)
    assert large.shape == (31, 47, 3) and large.min() >= small.min() and large.max() <= small.max()
    np.testing.assert_array_equal(large[0, 0], small[0, 0])
