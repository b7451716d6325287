"""The files of numbers are checked when they are read."""

import copy

import pytest

from conftest import ROOT
from pipeline.disk import files
from pipeline.errors import InputError
from pipeline.reporting import metrics

FOLDER = ROOT / "reports" / "metrics"


def test_the_files_in_git_are_read_as_they_are():
    assert metrics.read(FOLDER / "birdlets.json") == files.read_json(FOLDER / "birdlets.json")
    variants = FOLDER / "birdlets.variants.json"
    assert metrics.read_variants(variants) == files.read_json(variants)


def broken(tmp_path, name, edit):
    values = copy.deepcopy(files.read_json(FOLDER / name))
    edit(values)
    files.write_json(tmp_path / name, values)
    return tmp_path / name


@pytest.mark.parametrize(
    "edit, reason",
    [
        (lambda v: v.pop("acc_avg"), "acc_avg: Field required"),
        (lambda v: v["acc_avg"].update({"4": 1.0}), "acc_avg.4.*: Input should be '1', '2', '3' or 'ms'"),
        (lambda v: v["acc_obj"].pop("2"), "acc_obj: must have 1, 2, 3, ms"),
        (lambda v: v["iou"].pop("centred box"), "iou: must have 1, 2, 3, centred box, whole image"),
        (lambda v: v["iou"].update({"1": 1.5}), "iou.1: Input should be less than or equal to 1"),
        (lambda v: v["attended"].update({"1": None}), "attended.1: Input should be a valid number, got None"),
    ],
)
def test_damaged_results_of_ours(tmp_path, edit, reason):
    path = broken(tmp_path, "birdlets.json", edit)
    with pytest.raises(InputError, match=rf"birdlets.json: {reason}.*; delete it and run 'dvc repro'$"):
        metrics.read(path)


RECORD = {"what": "a", "points": 1.0, "interval": [0.0, 2.0], "images": 9, "seeds": 1, "variance": [1.0, 0.0, 0.0]}


def test_judged_numbers_and_intervals_are_kept(tmp_path):
    more = {"judged": [RECORD], "intervals": {"acc_avg": {"1": [1.0, 2.0]}}}
    assert metrics.read(broken(tmp_path, "birdlets.json", lambda v: v.update(more))).items() >= more.items()


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"interval": [1.0]}, "judged.0.interval: List should have at least 2"),
        ({"images": 0}, "judged.0.images: Input should be greater than or equal to 1"),
        ({"variance": [1.0, -1.0, 0.0]}, "judged.0.variance.1: Input should be greater than or equal to 0"),
        ({"points": None}, "judged.0.points: Input should be a valid number, got None"),
    ],
)
def test_damaged_numbers_that_are_judged(tmp_path, change, reason):
    for name, read in (("birdlets.json", metrics.read), ("birdlets.variants.json", metrics.read_variants)):
        path = broken(tmp_path, name, lambda v: v.update(judged=[RECORD | change]))
        with pytest.raises(InputError, match=reason):
            read(path)


@pytest.mark.parametrize(
    "edit, reason",
    [
        (lambda v: v["accuracy"].pop("ours"), "accuracy.ours.1: missing"),
        (lambda v: v["interval"].pop("local"), "accuracy and interval: must have the same"),
        (lambda v: v["interval"]["ours"].update({"1": [1.0]}), "interval.ours.1: List should have at least 2"),
        (lambda v: v["minus_baseline"]["ms"].pop("points"), "minus_baseline.ms.points: Field required"),
        (lambda v: v["seeds"]["ours"]["1"].update(n=1), "seeds.ours.1.n: Input should be greater than or equal to 2"),
        (lambda v: v.update(seeds=[]), "seeds: Input should be a valid dictionary"),
    ],
)
def test_damaged_results_of_variants(tmp_path, edit, reason):
    path = broken(tmp_path, "birdlets.variants.json", edit)
    with pytest.raises(InputError, match=rf"birdlets.variants.json: {reason}.*; delete it and run 'dvc repro'$"):
        metrics.read_variants(path)
