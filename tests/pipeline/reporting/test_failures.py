"""Where it fails, against slow references, also where a class has no test images or is never the answer."""

import math

import numpy as np
import pandas as pd
import pytest

from pipeline.reporting import failures

RNG = np.random.default_rng(0)


def answered(true, ms, confidence=None):
    return pd.DataFrame({"true": true, "ms": ms, "confidence": confidence or [0.5] * len(true)})


def drawn(n, names):
    true, ms = RNG.choice(names, n), RNG.choice(names, n)
    return answered(true.tolist(), np.where(RNG.random(n) < 0.5, true, ms).tolist(), RNG.random(n).tolist())


INPUTS = {  # the classes, and what was answered
    "any": (list("dabc"), drawn(300, list("dabc"))),
    "a class without test images": (list("abc"), drawn(50, list("ab"))),
    "a class that is only an answer": (list("abc"), answered(list("aab"), list("acc"))),
    "all right": (list("abc"), answered(list("abca"), list("abca"))),
    "all wrong": (list("ab"), answered(list("aabb"), list("bbaa"))),
    "ties": (list("abc"), answered(list("abcabc"), list("bcabca"), [0.7, 0.9, 0.7, 0.9, 1.0, 1.0])),
    "one class": (["a"], answered(["a"], ["a"])),
}


@pytest.fixture(params=INPUTS)
def given(request):
    names, answers = INPUTS[request.param]
    return names, answers, list(zip(answers.true, answers.ms, answers.confidence, strict=True))


@pytest.mark.parametrize("right, n", [(0, 1), (1, 1), (0, 20), (20, 20), (13, 20), (1, 3000)])
def test_wilsons_interval_ends_where_the_share_is_1_96_deviations_away(right, n):
    """Its ends p solve (share - p)^2 = z^2 p (1 - p) / n."""
    share, per_image = right / n, 1.959963984540054**2 / n
    ends = np.roots([1 + per_image, -2 * share - per_image, share**2])
    assert failures.wilson(right, n) == pytest.approx(sorted(100 * ends), abs=1e-6)


def test_of_no_images_there_is_no_interval():
    assert all(math.isnan(side) for side in failures.wilson(0, 0))


def test_the_confusion_matrix_counts_images(given):
    names, answers, rows = given
    counts = failures.confusion(answers, names)
    for true in names:
        for answer in names:
            assert counts.loc[true, answer] == sum((t, a) == (true, answer) for t, a, _ in rows)
    assert counts.index.tolist() == counts.columns.tolist() == names and counts.to_numpy().sum() == len(rows)


def test_accuracies_of_classes(given):
    names, answers, rows = given
    table = failures.per_class(failures.confusion(answers, names))
    assert sorted(table["class"]) == sorted(names) and table.index.tolist() == list(range(1, len(names) + 1))
    for name, row in table.set_index("class").iterrows():
        own = [t == a for t, a, _ in rows if t == name]
        assert (row.images, row.right, row.answered) == (len(own), sum(own), sum(a == name for _, a, _ in rows))
        accuracy = 100 * sum(own) / len(own) if own else math.nan
        assert row.accuracy == pytest.approx(accuracy, nan_ok=True)
        assert (row.low, row.high) == pytest.approx(failures.wilson(sum(own), len(own)), nan_ok=True)
        assert not own or row.low <= row.accuracy <= row.high
    known = table.accuracy.dropna()
    assert known.is_monotonic_increasing and table.accuracy[: len(known)].notna().all()


def test_confused_pairs(given):
    names, answers, rows = given
    table = failures.pairs(failures.confusion(answers, names))
    found = {(row.true, row.answer): row for row in table.itertuples()}
    assert set(found) == {(t, a) for t, a, _ in rows if t != a}
    for (true, answer), row in found.items():
        images, of = sum((t, a) == (true, answer) for t, a, _ in rows), sum(t == true for t, _, _ in rows)
        assert (row.images, row.of) == (images, of) and row[5] == pytest.approx(100 * images / of)
        assert row.back == sum((t, a) == (answer, true) for t, a, _ in rows)
    order = [(-row.images, -row[5], names.index(row.true), names.index(row.answer)) for row in table.itertuples()]
    assert order == sorted(order) and table.index.tolist() == list(range(1, len(table) + 1))


def test_the_surest_mistakes_come_first(given):
    _, answers, rows = given
    expected = sorted([(-c, at) for at, (t, a, c) in enumerate(rows) if t != a])  # ties in the order of the table
    table = failures.mistakes(answers)
    assert table.confidence.tolist() == [-c for c, _ in expected]
    assert table.true.tolist() == [rows[at][0] for _, at in expected]
    assert table.index.tolist() == list(range(1, len(expected) + 1))
