"""wins.csv and anatomy.npz."""

import dataclasses

import numpy as np
import pytest

from made_up import made_up_anatomy
from pipeline.errors import InputError
from pipeline.explaining import store


def test_wins_are_those_of_a_plain_loop(tmp_path):
    counts = np.random.default_rng(0).integers(0, 4, (5, 7))
    counts[:, 2] = 0  # a category that gives no cell, so that nobody leads it
    counts[:, 3] = 1  # all tie
    won, categories, led = [0] * 5, [0] * 5, [0] * 5
    for c in range(7):
        column = counts[:, c].tolist()
        if any(column):
            leader = column.index(max(column))
            categories[leader] += 1
            led[leader] += column[leader]
        for i in range(5):
            won[i] += column[i]
    store.write_wins(tmp_path, store.wins(counts))
    table = store.read_wins(tmp_path)
    assert (table.wins.tolist(), table.categories.tolist(), table.led.tolist()) == (won, categories, led)
    assert table.share.tolist() == pytest.approx([w / sum(won) for w in won])


def test_where_nothing_is_attended_nobody_wins():
    table = store.wins(np.zeros((2, 3), int))
    assert table.share.tolist() == [0, 0] and table.categories.tolist() == [0, 0]


def test_a_network_of_one_classifier_has_no_wins(tmp_path):
    assert store.read_wins(tmp_path) is None


@pytest.mark.parametrize(
    "changes",
    [{"wins": [-1, 11]}, {"led": [99, 0]}, {"share": [0.2, 0.2]}, {"classifier": [1, 0]}, {"categories": [0.5, 1]}],
)
def test_wins_that_do_not_fit(tmp_path, changes):
    store.write_wins(tmp_path, store.wins(np.array([[9, 0], [1, 10]])).assign(**changes))
    with pytest.raises(InputError, match=r"wins.csv: .*; run its attend stage$"):
        store.read_wins(tmp_path)


def test_an_anatomy_comes_back_as_it_was_written(tmp_path):
    one = made_up_anatomy("004")
    store.write_anatomy(tmp_path, one)
    back = store.read_anatomy(tmp_path)
    assert back.id == "004" and all(np.array_equal(v, getattr(back, name)) for name, v in vars(one).items())


UNFIT = {
    "M of another shape": {"M": np.zeros((3, 2), np.float32)},
    "M that is no map": {"M": np.zeros(4, np.float32)},
    "no mask": {"M_b": np.zeros((2, 2))},
    "four slices": {"A": np.zeros((4, 2, 2), np.float32)},
    "NaN": {"f": np.full((2, 2), np.nan, np.float32)},
    "another class": {"categories": np.array([0, 4])},
    "a cell outside": {"cell": np.array([0, 2])},
    "a box outside": {"box": np.array([0, 0, 1.5, 1])},
    "one classifier's logits without the others": {"A_i": np.zeros(5, np.float32)},
}


@pytest.mark.parametrize("changes", UNFIT.values(), ids=UNFIT)
def test_an_anatomy_that_does_not_fit_together(tmp_path, changes):
    store.write_anatomy(tmp_path, dataclasses.replace(made_up_anatomy("004"), **changes))
    with pytest.raises(InputError, match=r"anatomy.npz: cannot be read \(.*\); run its attend stage$"):
        store.read_anatomy(tmp_path)


def test_an_anatomy_that_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"anatomy.npz: cannot be read \(.*\); run its attend stage$"):
        store.read_anatomy(tmp_path)
