"""Where the answers are wrong: by class, by pair of classes, picture by picture.

``answers`` is the evaluate stage's table: a row for each test image with its true class (``true``), the class that each
scale names (``scale_1`` and so on), the one that their mean names (``ms``, the answer) and that one's ``confidence``.
``class_names`` are all classes, in the order of their labels; classes without test images are among them.
"""

from math import sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd

NAN = float("nan")
Z = NormalDist().inv_cdf(0.975)  # of a 95% interval


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of Wilson for a share, in percent; it is no point where all or none are right.

    >>> [round(side, 1) for side in wilson(10, 10)]
    [72.2, 100.0]
    """
    if not n:
        return NAN, NAN
    share, spread = right / n, Z**2 / n
    middle, half = share + spread / 2, sqrt(spread * (share * (1 - share) + spread / 4))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return 100 * max(0.0, low), 100 * min(1.0, high)


def confusion(answers: pd.DataFrame, class_names: list[str]) -> pd.DataFrame:
    """Return how many test images of each class (rows) were given which answer (columns).

    >>> confusion(pd.DataFrame({"true": ["a", "a"], "ms": ["a", "b"]}), ["a", "b"]).to_numpy().tolist()
    [[1, 1], [0, 0]]
    """
    label = {name: number for number, name in enumerate(class_names)}
    counts = np.zeros((len(class_names), len(class_names)), int)
    np.add.at(counts, (answers.true.map(label), answers.ms.map(label)), 1)
    return pd.DataFrame(counts, index=pd.Index(class_names, name="true"), columns=class_names)


def per_class(counts: pd.DataFrame) -> pd.DataFrame:
    """Return each class's accuracy (%) with its interval, from a confusion matrix; the least accurate classes first.

    'answered' counts the images of any class that were given this one as the answer. The accuracy of a class without
    test images is NaN, and such classes come last.
    """
    images, right = counts.sum(axis=1).to_numpy(), np.diag(counts)
    intervals = [wilson(int(r), int(n)) for r, n in zip(right, images, strict=True)]
    accuracy = [100 * r / n if n else NAN for r, n in zip(right.tolist(), images.tolist(), strict=True)]
    rows = {"class": counts.index, "images": images, "right": right, "answered": counts.sum().to_numpy()}
    table = pd.DataFrame(rows | {"accuracy": accuracy})
    table[["low", "high"]] = intervals
    return numbered(table.sort_values("accuracy", kind="stable"))


def pairs(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the confusions, from a confusion matrix, the most frequent first; then the larger share of the class.

    A row is about the test images of one class (``true``) that were given another one as the answer (``answer``):
    their number (``images``), how many the class has (``of``), their share (%), and how many were confused the other
    way round (``back``).
    """
    matrix = counts.to_numpy()
    total = matrix.sum(axis=1)
    true, answer = np.nonzero(matrix * (1 - np.eye(len(matrix), dtype=int)))
    found, names = matrix[true, answer], counts.index.to_numpy(dtype=object)
    rows = {"true": names[true], "answer": names[answer], "images": found, "of": total[true]}
    rows |= {"share (%)": 100 * found / total[true], "back": matrix[answer, true]}
    return numbered(pd.DataFrame(rows).sort_values(["images", "share (%)"], ascending=False, kind="stable"))


def mistakes(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the images whose answer is wrong, the surest first, numbered from 1."""
    wrong = answers[answers.ms != answers.true].sort_values("confidence", ascending=False, kind="stable")
    return numbered(wrong)


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose rows are numbered from 1."""
    return table.set_axis(range(1, len(table) + 1))
