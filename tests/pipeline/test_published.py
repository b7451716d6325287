"""Published numbers stand beside a whole dataset only."""

from pathlib import Path

from pipeline import params, published

PATH = Path(__file__).parents[2] / "reports" / "published.yaml"


def test_the_papers_numbers():
    cub = published.read(PATH, params.Cub(reader="cub", archive=None, subset=False))
    assert cub["ours"] == 87.9 == cub["table_6"]["acc_avg"]["ms"] and cub["iou"] == 0.54
    cars = published.read(PATH, params.Cars(reader="cars", archives="x", subset=False))
    aircraft = published.read(PATH, params.Aircraft(reader="aircraft", archive=None, subset=False))
    assert (cars["ours"], aircraft["ours"]) == (94.1, 92.1)
    for dataset in (cub, cars, aircraft):
        assert set(dataset["table_6"]) == {"acc_loc", "acc_obj", "acc_avg"}
        assert all(list(row) == ["1", "2", "3", "ms"] for row in dataset["table_6"].values())


def test_nobody_published_on_a_subset_or_on_your_pictures():
    assert published.read(PATH, params.Cub(reader="cub", archive=None, subset=True)) is None
    assert published.read(PATH, params.Birdlets(reader="birdlets", seed=0, training=1, test=1)) is None
