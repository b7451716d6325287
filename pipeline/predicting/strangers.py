"""Whether pictures of no class can be told by their confidence: what a threshold does to them, and to right answers.

Confidence is the highest probability of the model's final answer, 0 to 1: of each test picture (``known``, (N,), which
have a class and so may be ``right``), and of each picture that belongs to no class (``strangers``, (K,)).
"""

from math import ceil, hypot

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.reporting import intervals
from pipeline.reporting.figures import COLOURS, tidy
from pipeline.reporting.intervals import HIT, PERCENT

DIGITS = 4  # that confidences have in the evaluation's table; strangers' are rounded alike, so that ties are ties
THRESHOLDS = (0.5, 0.7, 0.9, 0.95, 0.99)
KEPT = (0.99, 0.95, 0.9)  # shares of the test pictures that the model's own thresholds still answer
STRANGERS, ANSWERED, RIGHT = "strangers answered (%)", "test pictures answered (%)", "right of these (%)"


def table(known: np.ndarray, right: np.ndarray, strangers: np.ndarray) -> pd.DataFrame:
    """Return a row for each threshold: shares that get an answer, and the accuracy of the test pictures that do.

    Each with its 95% interval; NaN where nothing is answered. Thresholds are ``THRESHOLDS`` and, since few models are
    as sure as these suppose, the largest that answer ``KEPT`` of the test pictures.

    >>> found = table(np.array([0.4, 0.6, 0.8, 1.0]), np.array([False, True, True, True]), np.array([0.3, 0.6]))
    >>> found.loc[0.5, [STRANGERS, ANSWERED, RIGHT]].tolist()
    [50.0, 75.0, 100.0]
    """
    rows = {}
    for threshold in sorted({*THRESHOLDS, *(_keeps(known, share) for share in KEPT)}):
        answered = known >= threshold
        rows[threshold] = (
            _share(STRANGERS, strangers >= threshold) | _share(ANSWERED, answered) | _share(RIGHT, right[answered])
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("threshold")


def auroc(known: np.ndarray, strangers: np.ndarray) -> tuple[float, float, float]:
    """Return how often a test picture is surer than a stranger, ties being half, with its 95% interval.

    It is the area under the ROC curve of telling them by their confidence: 0.5 is chance. It is a mean over the test
    pictures (of the share of strangers that each is surer than) and as well one over strangers; the distances to the
    ends of both means' intervals add up as those of independent errors do. Near 1 it is longer than it need be.

    >>> auroc(np.array([0.5, 0.9]), np.array([0.1, 0.5]))[0]
    0.875
    """
    one, other = (
        intervals.estimate(values, 1.0, ends=HIT)
        for values in (_surer_than(known, strangers), 1 - _surer_than(strangers, known))
    )
    low, high = (
        hypot(one.points - one.interval[side], other.points - other.interval[side]) * (2 * side - 1) for side in (0, 1)
    )
    return one.points, max(0.0, one.points + low), min(1.0, one.points + high)


def draw(known: np.ndarray, right: np.ndarray, strangers: np.ndarray) -> Figure:
    """Draw what each threshold does: the shares that are answered, and the accuracy of the test pictures that are."""
    figure = Figure((6, 3.6), layout="constrained")
    axes = figure.subplots()
    surest, order = float(max(known.max(), strangers.max())), np.argsort(-known, kind="stable")
    for confidence, name, colour in ((known, ANSWERED, COLOURS[0]), (strangers, STRANGERS, COLOURS[1])):
        shares = PERCENT * (1 - np.arange(len(confidence) + 1) / len(confidence))
        axes.stairs(shares, [0, *np.sort(confidence), 1], baseline=None, color=colour, label=name)
    accuracy = PERCENT * right[order].cumsum() / np.arange(1, len(known) + 1)
    axes.plot(known[order], accuracy, color=COLOURS[2], linestyle="--", label="right of the test pictures answered (%)")
    axes.set(xlabel="threshold", ylabel="%", xlim=(0, min(1.0, 1.1 * surest)), ylim=(-2, 104))
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    tidy(axes)
    return figure


def _keeps(known: np.ndarray, share: float) -> float:
    """Return the largest threshold that answers a share of the test pictures."""
    return float(np.sort(known)[::-1][ceil(share * len(known)) - 1])


def _share(name: str, hits: np.ndarray) -> dict[str, float]:
    """Return a share (%) and the ends of its interval, as columns of a table."""
    if not len(hits):
        return dict.fromkeys((name, f"{name} low", f"{name} high"), float("nan"))
    found = intervals.estimate(hits, ends=HIT)
    return {name: found.points, f"{name} low": found.interval[0], f"{name} high": found.interval[1]}


def _surer_than(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return of each of some the share of the others that are less sure, ties being half."""
    ranked = np.sort(others)
    return (np.searchsorted(ranked, some, "left") + np.searchsorted(ranked, some, "right")) / (2 * len(others))
