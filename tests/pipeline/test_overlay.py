"""Attention over images."""

import numpy as np

from pipeline import overlay

GRAY = np.full((40, 60, 3), 128, dtype=np.uint8)


def test_heat_is_brightest_where_attention_is_highest():
    M = np.zeros((4, 6))
    M[1, 2] = 1
    brightness = overlay.heat(GRAY, M).sum(axis=2)
    y, x = np.unravel_index(brightness.argmax(), brightness.shape)
    assert 10 <= y < 20 and 20 <= x < 30


def test_a_constant_map_is_drawn_as_full_attention():
    assert np.ptp(overlay.heat(GRAY, np.ones((2, 3))), axis=(0, 1)).max() == 0


def test_mask_keeps_what_is_attended():
    M_b = np.array([[True, False]])
    masked = overlay.mask(GRAY, M_b)
    assert (masked[:, :30] == 128).all() and (masked[:, 30:] < 30).all()
