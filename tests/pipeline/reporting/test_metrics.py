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
