"""What a temperature does to probabilities, and to which recipe it belongs."""

import copy
import math

import numpy as np
import pytest

from conftest import TINY
from pipeline import params
from pipeline.disk import temperature
from pipeline.disk.sections import check
from pipeline.disk.temperature import tempered

RNG = np.random.default_rng(0)
SOME = RNG.dirichlet(np.full(7, 0.3), 200).astype(np.float32)
INPUTS = {
    "any": SOME,
    "one picture": SOME[0],
    "64 bits": RNG.dirichlet(np.ones(5), 20),
    "certain": np.eye(4, dtype=np.float32),
    "zeros": np.array([[0, 0.25, 0.75, 0], [0.5, 0.5, 0, 0]], np.float32),
    "tiny": np.array([[1e-38, 1e-45, 1.0]], np.float32),
    "alike": np.full((2, 3), 1 / 3, np.float32),
    "one class": np.ones((3, 1), np.float32),
}


def slow(probabilities, t):
    """One number after the other, as powers: exp(log(p) / T) is p to the power of 1 / T."""
    powers = [math.pow(p / max(probabilities), 1 / t) for p in map(float, probabilities)]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("t", [temperature.LEAST, 0.3, 0.999, 1.0, 1.7, temperature.MOST])
@pytest.mark.parametrize("name", INPUTS)
def test_a_temperature_is_a_power_and_changes_neither_the_answer_nor_the_precision(name, t):
    given = INPUTS[name]
    before = given.copy()
    found = tempered(given, t)
    expected = [slow(row, t) for row in np.atleast_2d(given)]
    np.testing.assert_allclose(np.atleast_2d(found), expected, atol=1e-6, rtol=1e-5)
    assert found.dtype == given.dtype and found.shape == given.shape and np.array_equal(given, before)
    assert np.array_equal(found.argmax(axis=-1), given.argmax(axis=-1))
    assert not found[given == 0].any()


def test_one_is_no_change_of_a_single_bit():
    assert tempered(SOME, 1.0) is SOME


def test_what_rounding_makes_alike_keeps_its_answer():
    """Two classes whose difference is the last bit, the more likely one behind the other."""
    close = np.array([[np.nextafter(np.float32(0.5), np.float32(0)), 0.5], [0.5, 0.5]], np.float32)
    found = tempered(close, temperature.MOST)
    assert found.argmax(axis=1).tolist() == [1, 0] and found[0, 1] > found[0, 0]
    np.testing.assert_allclose(found, 0.5, atol=1e-6)


def recipe(**changes):
    """The tiny recipe, with other values by dotted name."""
    values = copy.deepcopy(TINY)
    for name, value in changes.items():
        section, key = name.split("__")
        values[section][key] = value
    return check(params.Recipe, values, "")


OTHERS = {
    "network": {"network__n_classifiers": 3},
    "train": {"train__epochs": 3},
    "prepare": {"prepare__short_edge": 96},
    "attend": {"attend__margin": 0.2},
    "download": {"download__training": 3},
}


@pytest.mark.parametrize("section", OTHERS)
def test_another_value_anywhere_is_another_recipe(section):
    assert temperature.fitted_on(recipe(**OTHERS[section]), 3) != temperature.fitted_on(recipe(), 3)


def test_other_scales_are_another_and_a_default_that_is_said_is_none():
    assert temperature.fitted_on(recipe(), 2) != temperature.fitted_on(recipe(), 3)
    assert temperature.fitted_on(recipe(train__loss="both"), 3) == temperature.fitted_on(recipe(), 3)


def test_a_value_that_later_code_knows_and_the_recipe_leaves_out_makes_no_other_recipe():
    class Later(params.Recipe):
        more: int = 0

    assert temperature.fitted_on(check(Later, TINY, ""), 3) == temperature.fitted_on(recipe(), 3)
    assert temperature.fitted_on(check(Later, TINY | {"more": 1}, ""), 3) != temperature.fitted_on(recipe(), 3)


def test_the_calibration_itself_is_no_part_of_what_it_was_fitted_on():
    mine = temperature.fitted_on(recipe(), 3)
    found = {"temperature": 0.5, "fold": 1, "seed": 0, "images": 9, "predictions": "sha256-0", "recipe": mine}
    own = check(params.Recipe, TINY | {"calibration": found}, "")
    assert temperature.fitted_on(own, 3) == mine
    assert own.calibrated(3).temperature == 0.5 and own.calibrated(2) is None
    assert recipe().calibrated(3) is None


def test_no_digest_is_a_number_to_yaml():
    assert temperature.digest(b"").startswith("sha256-") and len(temperature.digest(b"")) == 23
