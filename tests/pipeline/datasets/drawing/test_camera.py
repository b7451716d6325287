"""The grain: how strong, how it hangs together, and that it is all that differs."""

import numpy as np

from pipeline.datasets.drawing.camera import take
from pipeline.datasets.drawing.canvas import Dice


def photo(level, grain=1.0, seed="photo"):
    return take(np.full((120, 160, 3), level, np.float32), Dice(seed), grain).astype(float)


def test_without_grain_a_flat_scene_is_flat():
    assert photo(0.4, grain=0).std(axis=(0, 1)).max() == 0


def test_grain_is_stronger_in_the_dark_and_leaves_the_mean():
    dark, bright = photo(0.25), photo(0.6)
    assert 1.2 * bright[..., 1].std() < dark[..., 1].std() and 2 < bright[..., 1].std() < 9
    assert abs(dark - photo(0.25, grain=0)).mean() < 9 and abs((dark - photo(0.25, grain=0)).mean()) < 0.3


def test_neighbours_share_grain_and_channels_do_not_share_all():
    noise = photo(0.5) - photo(0.5, grain=0)
    near = np.corrcoef(noise[:, :-1, 1].ravel(), noise[:, 1:, 1].ravel())[0, 1]
    far = np.corrcoef(noise[:, :-9, 1].ravel(), noise[:, 9:, 1].ravel())[0, 1]
    channels = np.corrcoef(noise[..., 0].ravel(), noise[..., 2].ravel())[0, 1]
    assert near > 0.5 and abs(far) < 0.1 and 0.3 < channels < 0.98


def test_a_lens_is_not_quite_sharp():
    scene = np.zeros((21, 21, 3), np.float32)
    scene[:, 10] = 0.5
    row = take(scene, Dice("edge"), grain=0)[10, :, 1]
    assert row[10] > row[9] == row[11] > 0 and row[8] == 0


def test_nothing_overflows():
    for level in (0.0, 1.0):
        pixels = photo(level, grain=8)
        assert pixels.min() >= 0 and pixels.max() <= 255 and abs(pixels.mean() - 255 * level) < 60
