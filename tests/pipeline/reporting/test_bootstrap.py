"""Intervals against the textbook."""

import numpy as np
import pytest

from pipeline.reporting import bootstrap


@pytest.mark.parametrize("p, n", [(0.5, 400), (0.9, 1000)])
def test_interval_is_the_binomials(p, n):
    hits = np.arange(n) < p * n
    low, high = bootstrap.interval(hits.astype(float))
    error = 196 * np.sqrt(p * (1 - p) / n)
    assert low == pytest.approx(100 * p - error, abs=0.3) and high == pytest.approx(100 * p + error, abs=0.3)


def test_paired_differences_are_surer_than_unpaired_ones():
    rng = np.random.default_rng(1)
    one = (rng.random(500) < 0.8).astype(float)
    two = np.where(np.arange(500) < 20, 1 - one, one)  # the same but for 20 images
    low, high = bootstrap.interval(one - two)
    assert high - low < 4 < bootstrap.interval(one)[1] - bootstrap.interval(one)[0]


def test_same_hits_same_interval():
    hits = np.array([1.0, 0, 1, 1])
    assert bootstrap.interval(hits) == bootstrap.interval(hits)
