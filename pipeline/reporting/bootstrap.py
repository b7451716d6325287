"""Confidence intervals of numbers that are measured on a finite test split."""

import numpy as np

RESAMPLES, CONFIDENCE = 2000, 0.95


def interval(hits: np.ndarray) -> tuple[float, float]:
    """Return the bootstrap interval (percentiles) of a mean over test images, times 100.

    hits  (N,)  1 or 0 for an accuracy; -1, 0 or 1 for the difference of two predictions of the same images (paired)

    >>> low, high = interval(np.array([1.0] * 90 + [0.0] * 10))
    >>> 82 < low < 86 and 94 < high < 97
    True
    """
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(hits), np.full(len(hits), 1 / len(hits)), size=RESAMPLES)  # with replacement
    means = 100 * counts @ hits / len(hits)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
