"""What a threshold does to strangers, against the obvious way to count it; the interval of the area, by simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from pipeline import evaluate
from pipeline.predicting import strangers
from pipeline.predicting.strangers import ANSWERED, KEPT, RIGHT, STRANGERS, THRESHOLDS


def draw(seed):
    """Confidences of a few pictures, with ties among them, and which of the answers are right."""
    rng = np.random.default_rng(seed)
    n, k = rng.integers(1, 30, 2)
    return rng.integers(0, 101, n) / 100, rng.random(n) < 0.8, rng.integers(0, 101, k) / 100


DEGENERATE = [
    (np.array([1.0]), np.array([True]), np.array([0.0])),
    (np.array([0.2]), np.array([False]), np.array([1.0])),
    (np.full(5, 0.5), np.zeros(5, bool), np.full(3, 0.5)),
]
MADE_UP = [*map(draw, range(20)), *DEGENERATE]


@pytest.mark.parametrize("known, right, others", MADE_UP)
def test_shares_are_counted_one_by_one(known, right, others):
    found = strangers.table(known, right, others)
    assert set(THRESHOLDS) <= set(found.index) and list(found.index) == sorted(found.index)
    for threshold, row in found.iterrows():
        answered = [hit for one, hit in zip(known, right, strict=True) if one >= threshold]
        assert row[ANSWERED] == pytest.approx(100 * len(answered) / len(known))
        assert row[STRANGERS] == pytest.approx(100 * sum(one >= threshold for one in others) / len(others))
        assert np.isnan(row[RIGHT]) if not answered else row[RIGHT] == pytest.approx(100 * np.mean(answered))
        for name in (STRANGERS, ANSWERED, *([RIGHT] if answered else [])):
            assert 0 <= row[f"{name} low"] <= row[name] <= row[f"{name} high"] <= 100
            assert row[f"{name} high"] - row[f"{name} low"] > 0, "so few pictures make nothing certain"


@pytest.mark.parametrize("known, right, others", MADE_UP)
def test_the_models_own_thresholds_are_the_largest_that_keep_what_they_promise(known, right, others):
    found = strangers.table(known, right, others)
    for share in KEPT:
        best = max(one for one in known if np.mean(known >= one) >= share)
        assert best in found.index and found.loc[best, ANSWERED] >= 100 * share


@pytest.mark.parametrize("known, right, others", MADE_UP)
def test_the_area_is_the_share_of_pairs_in_the_right_order(known, right, others):
    pairs = [1.0 if one > other else 0.5 if one == other else 0.0 for one in known for other in others]
    area, low, high = strangers.auroc(known, others)
    assert area == pytest.approx(np.mean(pairs)) and 0 <= low <= area <= high <= 1


def test_what_is_told_without_an_error_is_not_certain():
    area, low, high = strangers.auroc(np.full(20, 0.9), np.full(20, 0.1))
    assert (area, high) == (1, 1) and 0.7 < low < 0.95


@pytest.mark.parametrize("apart, most", [(0.0, 0.985), (1.4, 0.985), (2.5, 1), (3.5, 1)])
def test_the_interval_is_never_too_short(apart, most):
    """Two normal distributions, whose area is known; near 1 the added answers make it longer than it need be."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(400):
        _, low, high = strangers.auroc(rng.normal(apart, 1, 100), rng.normal(0, 1, 50))
        hits += low <= norm.cdf(apart / np.sqrt(2)) <= high
    assert 0.92 <= hits / 400 <= most


def test_confidences_have_the_digits_that_the_evaluation_writes():
    assert strangers.DIGITS == evaluate.DIGITS


def test_the_figure_shows_at_each_threshold_what_the_table_says():
    known, right, others = draw(3)
    axes = strangers.draw(known, right, others).axes[0]
    lines = {patch.get_label(): patch.get_data() for patch in axes.patches}
    for threshold, row in strangers.table(known, right, others).iterrows():
        for name in (STRANGERS, ANSWERED):
            values, edges, _ = lines[name]
            assert values[np.searchsorted(edges[1:], threshold)] == pytest.approx(row[name])
    accuracy = axes.lines[0]
    assert accuracy.get_ydata()[-1] == pytest.approx(100 * right.mean()) and accuracy.get_xdata()[-1] == known.min()
