"""Means over test images, at one seed or several, with 95% intervals; and how many more would tell.

A number that is judged is a mean of one value an image: a hit (1 or 0), a difference of two hits of the same image
(paired), an overlap, an area. With several seeds there is such a value for each image and each seed, and the interval
covers both what other images and what other seeds would give. With one seed it covers other images alone: it speaks of
these trained networks.

The spread has three parts (two-way analysis of variance): of images, of seeds, and the rest, which is peculiar to an
image and a seed. The rest is counted once, with the seeds. A few seeds know their spread badly, so that the quantile is
Student's: Welch's approximation is too short here and Cochran's too long, their mean covers 95% (``test_intervals.py``
holds it on simulated results). Where values are counts, half an answer at each end of what is possible is added (one of
each to hits): without them 100 images, 95% of which are recognised, are covered by 88% of the intervals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

CONFIDENCE = 0.95
HIT, HITS_APART = (0.0, 1.0), (-1.0, 1.0)  # the ends of what a hit, and a difference of two, can be
ADDED = {HIT: 1.0, HITS_APART: 0.5}  # answers at each end
PERCENT = 100.0
TINY = 1e-30  # no variance at all divides nothing
STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8)  # numbers of images are rounded up to these, times a power of ten
MOST_IMAGES, SEEDS = 10**6, (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50, 100)


@dataclass(frozen=True)
class Estimate:
    """A mean over test images and seeds. A printed number has neither an interval nor images."""

    points: float
    interval: tuple[float, float] | None = None
    images: int = 0
    seeds: int = 0
    variance: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of images, of seeds, the rest


def estimate(values: np.ndarray, unit: float = PERCENT, ends: tuple[float, float] | None = None) -> Estimate:
    """Return the mean of values, times ``unit``, with its interval.

    values  (N,) of one seed, or (S, N) of several, the same images in the same order
    ends    where values are counts, the least and the greatest that there can be; the interval does not leave them

    >>> found = estimate(np.array([1.0] * 90 + [0.0] * 10), ends=HIT)
    >>> found.points, [round(side, 1) for side in found.interval], found.images, found.seeds
    (90.0, [83.1, 95.3], 100, 1)
    """
    values = np.atleast_2d(np.asarray(values, float))
    seeds, images = values.shape
    low, high, variance = spread(values, ends)
    parts = tuple(unit**2 * float(part) for part in variance)
    return Estimate(unit * float(values.mean()), (unit * float(low), unit * float(high)), images, seeds, parts)


def spread(values: np.ndarray, ends: tuple[float, float] | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ends of the intervals (...), and the variances (3, ...) of images, of seeds and of the rest.

    values  (..., S, N)
    """
    *_, seeds, images = values.shape
    middle, of_images, added, weight = _added(values.mean(axis=-2), ends, seeds)
    of_seeds = rest = together = np.zeros_like(middle)
    if seeds > 1:
        by_seed = values.mean(axis=-1, keepdims=True)
        apart = values - values.mean(axis=-2, keepdims=True) - by_seed + by_seed.mean(axis=-2, keepdims=True)
        rest = (apart**2).sum(axis=(-2, -1)) / ((seeds - 1) * max(images - 1, 1))
        together = by_seed[..., 0].var(axis=-1, ddof=1)  # the rest is in it
        of_images, of_seeds = np.maximum(of_images - rest / seeds, 0), np.maximum(together - rest / images, 0)
    of_images = of_images + added  # after the rest is taken away: equal answers of few images are no certainty
    half = _half(of_images / weight, together / seeds, images, seeds)
    low, high = ends or (-np.inf, np.inf)
    return np.maximum(middle - half, low), np.minimum(middle + half, high), np.stack([of_images, of_seeds, rest])


def images_that_tell(found: Estimate, boundary: float) -> int | None:
    """Return how many images would tell on which side of a boundary a mean is, if it stays; None if no number would."""
    steps = [int(step * 10**power) for power in range(2, 6) for step in STEPS] + [MOST_IMAGES]
    return _first(
        [n for n in steps if n > found.images], lambda n: _expected(found, n, found.seeds), found.points - boundary
    )


def seeds_that_tell(found: Estimate, boundary: float) -> int | None:
    """Return how many seeds would tell on the same images; None if no number would, and where there is but one now."""
    if found.seeds < 2:  # of which nobody knows how much seeds differ
        return None
    return _first(
        [s for s in SEEDS if s > found.seeds], lambda s: _expected(found, found.images, s), found.points - boundary
    )


def to_record(what: str, found: Estimate) -> dict[str, Any]:
    """Return an estimate as a row of a metrics file."""
    return {"what": what, **vars(found), "interval": list(found.interval or ()), "variance": list(found.variance)}


def from_records(records: list[dict[str, Any]]) -> dict[str, Estimate]:
    """Return the estimates of a metrics file, by what they are of."""
    names = ("points", "images", "seeds")
    return {
        row["what"]: Estimate(
            **{name: row[name] for name in names}, interval=tuple(row["interval"]), variance=tuple(row["variance"])
        )
        for row in records
    }


def _added(
    means: np.ndarray, ends: tuple[float, float] | None, seeds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return the mean (...) of the images' means (..., N), their variance, and N, with answers added at both ends.

    The variance comes in two parts: of the images, and of the answers that are added.
    """
    n, more = means.shape[-1], ADDED[ends] / seeds if ends else 0.0
    low, high = ends or (0.0, 0.0)
    weight = n + 2 * more
    middle = (means.sum(axis=-1) + more * (low + high)) / weight
    degrees = max(weight - 1, 1)
    squares = ((means - middle[..., None]) ** 2).sum(axis=-1)
    return middle, squares / degrees, more * ((low - middle) ** 2 + (high - middle) ** 2) / degrees, weight


def _half(of_images: np.ndarray, of_seeds: np.ndarray, images: int, seeds: int) -> np.ndarray:
    """Return half the widths of intervals, from the variances of the mean that images and seeds cause."""
    if seeds == 1:
        return _quantile(images - 1) * np.sqrt(of_images)
    both = np.maximum(of_images + of_seeds, TINY)
    cochran = (of_images * _quantile(images - 1) + of_seeds * _quantile(seeds - 1)) / both
    welch = _quantile(both**2 / np.maximum(of_images**2 / max(images - 1, 1) + of_seeds**2 / (seeds - 1), TINY**2))
    return (cochran + welch) / 2 * np.sqrt(of_images + of_seeds)


def _quantile(degrees: float | np.ndarray) -> np.ndarray:
    """Return Student's quantiles of a two-sided interval."""
    from scipy.stats import t

    return t.ppf((1 + CONFIDENCE) / 2, np.maximum(degrees, 1))


def _expected(found: Estimate, images: int, seeds: int) -> float:
    """Return half the width that the interval would have with another number of images or of seeds."""
    of_images, of_seeds, rest = found.variance
    return float(_half(np.array(of_images / images), np.array((of_seeds + rest / images) / seeds), images, seeds))


def _first(numbers: list[int], half: Callable[[int], float], distance: float) -> int | None:
    return next((number for number in numbers if half(number) < abs(distance)), None)
