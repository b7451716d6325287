"""Whether a confidence can be believed: how often answers of a confidence are right.

``confidence`` (N,) is the highest probability of each test image, 0 to 1; ``right`` (N,) says whether the class that
has it is the true one. Tables are in percent.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.reporting.intervals import CONFIDENCE

EDGES = np.arange(11) / 10  # of the bins of confidence; the last bin includes 1
POINTS = 101  # that a coverage curve has at most
DRAWS, SEED = 1000, 0  # of other test images, for intervals


def reliability(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return the reliability curve: a row for each bin of confidence that has images, the least confident first.

    Columns: low and high edge of the bin, images, their mean confidence, their accuracy.

    >>> reliability(np.array([0.55, 0.95, 1.0, 1.0]), np.array([False, True, True, False])).round(1)
        low   high  images  confidence  accuracy
    0  50.0   60.0       1        55.0       0.0
    1  90.0  100.0       3        98.3      66.7
    """
    confidence, bins = confidence.astype(float), _bins(confidence)
    answers = pd.DataFrame({"bin": bins, "confidence": confidence, "accuracy": right.astype(float)})
    means = 100 * answers.groupby("bin").mean()
    table = pd.DataFrame({"low": 100 * EDGES[means.index], "high": 100 * EDGES[means.index + 1]})
    return table.assign(images=np.bincount(bins)[means.index], **{name: means[name].to_numpy() for name in means})


def expected_error(curve: pd.DataFrame) -> float:
    """Return the expected calibration error, in points: the mean of |accuracy - confidence|, weighted by images."""
    return float(np.average((curve.accuracy - curve.confidence).abs(), weights=curve.images))


def error_interval(confidence: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Return a 95% interval of the expected calibration error, in points: what other test images may give.

    The networks and the ten bins stay. A sum of magnitudes is never too small by chance, only too large, so that the
    quantiles of drawn images would lie above the true error where that is small. So the lower end is the error less
    what all bins together move by (97.5% of the draws move less): it is 0 where the confidence may be right. The upper
    end adds how far above their own mean the draws go. At least 95% are covered; ``test_calibration.py`` holds it.
    """
    bins, apart = _bins(confidence), (right - confidence.astype(float)) / len(right)
    measured, random = _sums(bins, apart), np.random.default_rng(SEED)
    drawn = np.array([_sums(bins[rows], apart[rows]) for rows in _rows(random, len(right))])
    moved, errors = np.abs(drawn - measured).sum(axis=1), np.abs(drawn).sum(axis=1)
    error, quantile = np.abs(measured).sum(), (1 + CONFIDENCE) / 2
    low, high = error - np.quantile(moved, quantile), error + np.quantile(errors, quantile) - errors.mean()
    return 100 * max(float(low), 0.0), 100 * min(float(high), 1.0)


def coverage(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return the accuracy of the surest answers alone: a row for each share of the images that is answered.

    Columns: confidence, from which on an image is answered; coverage, the share that is; accuracy of these. Images of
    the same confidence are answered together. At most ``POINTS`` rows; the last one answers all images.

    >>> coverage(np.array([0.5, 0.9, 0.9, 1.0]), np.array([False, False, True, True])).round(1)
       confidence  coverage  accuracy
    0       100.0      25.0     100.0
    1        90.0      75.0      66.7
    2        50.0     100.0      50.0
    """
    order = np.argsort(-confidence, kind="stable")
    sure, hits, answered = confidence[order].astype(float), right[order].cumsum(), np.arange(1, len(order) + 1)
    ends = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))  # the last image of each confidence
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, POINTS).round().astype(int))]
    rows = {"confidence": sure, "coverage": answered / len(order), "accuracy": hits / answered}
    return pd.DataFrame({name: 100 * values[ends] for name, values in rows.items()})


def summary(scales: dict[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Return accuracy, mean confidence (both %) and calibration error (points, with its interval) of each scale.

    scales  confidence and right by the scale's name
    """
    rows = {}
    for name, (confidence, right) in scales.items():
        error = expected_error(reliability(confidence, right))
        rows[name] = {"accuracy": 100 * right.mean(), "confidence": 100 * confidence.mean(dtype=float), "error": error}
        rows[name]["error_low"], rows[name]["error_high"] = error_interval(confidence, right)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scale").reset_index()


def _bins(confidence: np.ndarray) -> np.ndarray:
    return np.minimum(np.searchsorted(EDGES, confidence.astype(float), side="right"), len(EDGES) - 1) - 1


def _sums(bins: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.bincount(bins, weights=values, minlength=len(EDGES) - 1)


def _rows(random: np.random.Generator, n: int) -> Iterator[np.ndarray]:
    """Draw n of n images, again and again."""
    return (random.integers(n, size=n) for _ in range(DRAWS))
