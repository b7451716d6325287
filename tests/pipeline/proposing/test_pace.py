"""How long a recipe is said to take."""

import pytest

from pipeline import params
from pipeline.proposing import pace
from pipeline.proposing.pace import Pace
from pipeline.proposing.survey import Survey

FOUND = Survey(2, 20, 9, 100, seconds=2.0, lines=())


def recipe(tiny, **train):
    return params.Recipe(**tiny | {"train": tiny["train"] | train})


def test_time_is_what_training_looking_starting_and_reading_take(tiny):
    measured = Pace(pixel=1 / 64**2, start=10, reading=2)  # a second a picture
    # 2 epochs of two steps of eight; tested twice, and once by 'attend', which also sees the training pictures
    trained, looked_at = 2 * 16, 2 * 9 + 9 + 20
    starts, reads = 9 + 2 * 3 + 2, 2 + 2
    expected = 3 * (trained + looked_at / 3) + 10 * starts + 2 * reads
    assert measured.seconds(recipe(tiny), FOUND, trainings=3, crops=2) == pytest.approx(expected)


def test_four_times_the_pixels_take_four_times_as_long(tiny):
    tiny["prepare"] = {"short_edge": 128}
    measured = Pace(pixel=1e-3, start=0, reading=0)
    small, large = (measured.seconds(recipe(tiny, crop=crop), FOUND, 3, 2) for crop in (64, 128))
    assert large == pytest.approx(4 * small)


def test_fewer_pictures_than_a_step_has_are_one_step(tiny):
    one = Survey(2, 4, 2, 100, 0, ())
    assert Pace(1, 0, 0).seconds(recipe(tiny, epochs=5, test_every=5), one, 1, 0) > 5 * 4 * 64**2


def test_a_few_steps_are_timed(tiny):
    measured = pace.measure(recipe(tiny), FOUND, start=3.0)
    assert 0 < measured.pixel * 64**2 < 5 and measured.start == 3.0 and measured.reading == 2.0


def test_the_age_of_a_process_is_a_time():
    assert 0 < pace.age() < 100_000
