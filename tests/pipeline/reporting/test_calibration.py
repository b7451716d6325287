"""Calibration against slow references, also of inputs at the edge of what there can be."""

import numpy as np
import pytest

from pipeline.reporting import calibration

RNG = np.random.default_rng(0)
INPUTS = {
    "any": (RNG.random(500), RNG.random(500) < 0.6),
    "32 bits": (RNG.random(500).astype(np.float32), RNG.random(500) < 0.6),
    "all right": (RNG.random(30), np.ones(30, bool)),
    "all wrong": (RNG.random(30), np.zeros(30, bool)),
    "ties": (RNG.choice([0.25, 0.5, 0.75, 1.0], 200), RNG.random(200) < 0.5),
    "edges of bins": (np.arange(11) / 10, np.arange(11) % 2 == 0),
    "certain": (np.ones(7), np.arange(7) < 3),
    "one image": (np.array([0.4]), np.array([True])),
}


def pairs(name):
    confidence, right = INPUTS[name]
    return [(float(c), bool(r)) for c, r in zip(confidence, right, strict=True)]


def bins(answers):
    for i in range(10):
        inside = [(c, r) for c, r in answers if i / 10 <= c < (i + 1) / 10 or (i == 9 and c == 1)]
        if inside:
            yield i, inside


@pytest.mark.parametrize("name", INPUTS)
def test_the_reliability_curve_is_the_mean_of_each_bin(name):
    found = calibration.reliability(*INPUTS[name])
    expected = [
        [10 * i, 10 * (i + 1), len(inside), *(100 * sum(column) / len(inside) for column in zip(*inside, strict=True))]
        for i, inside in bins(pairs(name))
    ]
    assert found.columns.tolist() == ["low", "high", "images", "confidence", "accuracy"]
    np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", INPUTS)
def test_the_expected_calibration_error(name):
    answers = pairs(name)
    gaps = [abs(sum(r for _, r in inside) - sum(c for c, _ in inside)) for _, inside in bins(answers)]
    error = calibration.expected_error(calibration.reliability(*INPUTS[name]))
    assert error == pytest.approx(100 * sum(gaps) / len(answers), abs=1e-9)


@pytest.mark.parametrize("name", INPUTS)
def test_coverage_answers_images_of_one_confidence_together(name):
    answers = pairs(name)
    expected = []
    for threshold in sorted({c for c, _ in answers}, reverse=True):
        kept = [r for c, r in answers if c >= threshold]
        expected.append([100 * threshold, 100 * len(kept) / len(answers), 100 * sum(kept) / len(kept)])
    found = calibration.coverage(*INPUTS[name]).to_numpy()
    assert len(found) == min(len(expected), calibration.POINTS)
    assert all(np.isclose(expected, row, rtol=1e-9).all(axis=1).any() for row in found)
    np.testing.assert_allclose(found[[0, -1]], [expected[0], expected[-1]], rtol=1e-9)


@pytest.mark.parametrize("name", INPUTS)
def test_an_interval_holds_what_is_measured_and_comes_again(name):
    error = calibration.expected_error(calibration.reliability(*INPUTS[name]))
    low, high = calibration.error_interval(*INPUTS[name])
    assert 0 <= low <= error + 1e-9 and error - 1e-9 <= high <= 100
    assert (low, high) == calibration.error_interval(*INPUTS[name])


@pytest.mark.parametrize("too_sure, error", [(0.0, 0.0), (0.05, 5.0), (0.2, 20.0)])
def test_intervals_cover_the_true_error(monkeypatch, too_sure, error):
    """Answers that are right less often than their confidence says, by as much in all bins."""
    monkeypatch.setattr(calibration, "DRAWS", 200)
    random, covered = np.random.default_rng(1), 0
    for _ in range(100):
        confidence = random.uniform(0.5, 1, 300)
        low, high = calibration.error_interval(confidence, random.random(300) < confidence - too_sure)
        covered += low <= error <= high
    assert covered >= 93


def test_a_row_for_each_scale():
    table = calibration.summary({"1": INPUTS["all right"], "ms": INPUTS["certain"]})
    assert table.scale.tolist() == ["1", "ms"] and table.accuracy.tolist() == [100, pytest.approx(300 / 7)]
    assert table.confidence.tolist() == pytest.approx([100 * INPUTS["all right"][0].mean(), 100])
    assert table.error.tolist() == pytest.approx([100 - table.confidence[0], 400 / 7])
    assert (table.error_low <= table.error).all() and (table.error <= table.error_high).all()
