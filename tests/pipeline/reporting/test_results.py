"""Published numbers stand beside a whole dataset only."""

from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.reporting import results

PATH = Path(__file__).parents[3] / "reports" / "published.yaml"


def test_the_papers_numbers():
    cub = results.published(PATH, {"reader": "cub", "subset": False})
    assert cub["ours"] == 87.9 == cub["table_6"]["acc_avg"]["ms"] and cub["iou"] == 0.54
    cars = results.published(PATH, {"reader": "cars", "subset": False})
    aircraft = results.published(PATH, {"reader": "aircraft", "subset": False})
    assert (cars["ours"], aircraft["ours"]) == (94.1, 92.1)
    for dataset in (cub, cars, aircraft):
        assert set(dataset["table_6"]) == {"acc_loc", "acc_obj", "acc_avg"}
        assert all(list(row) == ["1", "2", "3", "ms"] for row in dataset["table_6"].values())


def test_nobody_published_on_a_subset_or_on_your_pictures():
    assert results.published(PATH, {"reader": "cub", "subset": True}) is None
    assert results.published(PATH, {"reader": "birdlets", "seed": 0}) is None


@pytest.mark.parametrize("rows", ["", "101,50,50\n", "50,,50\n", "50,50,-1\n"], ids=["none", "above", "empty", "below"])
def test_a_curve_that_is_none_is_refused(tmp_path, rows):
    path = tmp_path / "coverage.csv"
    path.write_text("confidence,coverage,accuracy\n" + rows)
    with pytest.raises(
        InputError, match=r"coverage.csv: has no rows, or a number that is no percentage; run 'dvc repro'"
    ):
        results.read_calibration(path)
    path.write_text("confidence,coverage,accuracy\n99.5,50,100\n")
    assert results.read_calibration(path).coverage.tolist() == [50]
