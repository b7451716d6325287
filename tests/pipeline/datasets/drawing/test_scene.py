"""Scenes: bright above, cluttered with the colours of the marks, and a perch that runs through its point."""

import numpy as np

from pipeline.datasets.drawing import scene
from pipeline.datasets.drawing.canvas import Canvas, Dice


def test_backdrops_are_soft_and_brighter_above():
    found = [scene.backdrop(80, 60, Dice(f"far {n}")).pixels for n in range(12)]
    assert all(one.shape == (60, 80, 3) and np.abs(np.diff(one, axis=1)).max() < 0.12 for one in found)
    assert np.mean([one[:20].mean() - one[-20:].mean() for one in found]) > 0.1


def test_clutter_has_the_colours_it_is_given():
    magenta, found = (0.9, 0.1, 0.9), 0
    for n in range(6):
        canvas = scene.backdrop(300, 300, Dice(f"clutter {n}"))
        scene.clutter(canvas, [magenta], Dice(f"clutter {n}"))
        assert np.isfinite(canvas.pixels).all()
        found += (np.abs(canvas.pixels - np.float32(magenta)).max(axis=2) < 0.2).sum()
    assert found > 120


def test_a_perch_runs_through_its_point_from_side_to_side():
    canvas = Canvas(np.ones((100, 140, 3), np.float32))
    scene.perch(canvas, 50, 60, Dice("perch"))
    bark = canvas.pixels.mean(axis=2) < 0.8
    assert bark[61:68, 50].any() and bark[:, 0].any() and bark[:, -1].any()
    assert not bark[:40, 50].any() and not bark[85:, 50].any()
