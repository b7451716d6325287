"""Variants beside the main line, on the same images."""

import dataclasses
import shutil

import numpy as np
import pytest

from pipeline import compare
from pipeline.disk import files, predictions
from pipeline.disk.cells import Cell
from pipeline.disk.predictions import Predictions
from pipeline.errors import InputError


def test_multi_scale_only_where_there_are_three_scales():
    right, wrong, labels = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]]), np.array([0])
    assert list(compare.hits({1: right}, labels)) == ["1"]
    assert {s: h.tolist() for s, h in compare.hits({1: right, 2: wrong, 3: right}, labels).items()} == {
        "1": [1],
        "2": [0],
        "3": [1],
        "ms": [1],
    }
    assert list(compare.hits({2: right}, labels)) == ["2"]


def test_spread_over_seeds():
    by_seed = {0: {"1": np.array([1.0, 1]), "2": np.array([1.0, 1])}, 1: {"1": np.array([1.0, 0])}}
    assert compare.spread(by_seed) == {"1": {"mean": 75, "std": pytest.approx(np.std([100, 50], ddof=1)), "n": 2}}


def test_differences_are_paired():
    ours, baseline = {"1": np.array([1.0, 1, 0])}, {"1": np.array([1.0, 0, 0])}
    result = compare.differences({"ours": {0: ours}, "baseline": {0: baseline}})
    assert result["1"]["points"] == pytest.approx(100 / 3) and result["1"]["interval"][0] >= 0
    assert compare.differences({"ours": {0: ours}}) == {}


def test_results(finished):
    results = files.read_json(finished / "reports" / "metrics" / "tiny.variants.json")
    assert set(results["accuracy"]) == {"ours", "baseline", "local", "object", "n-1"}
    assert set(results["accuracy"]["baseline"]) == {"1", "2", "3", "ms"} and set(results["accuracy"]["local"]) == {"1"}
    assert results["accuracy"]["ours"] == files.read_json(finished / "reports" / "metrics" / "tiny.json")["acc_avg"]
    assert set(results["seeds"]) == {"ours", "baseline"} and results["seeds"]["ours"]["1"]["n"] == 2
    for name, row in results["accuracy"].items():
        for scale, value in row.items():
            low, high = results["interval"][name][scale]
            assert low <= value <= high


def test_each_variant_is_measured_by_what_it_trains(finished):
    results = files.read_json(finished / "reports" / "metrics" / "tiny.variants.json")["accuracy"]
    for name, kind in {"baseline": "obj", "local": "loc", "object": "obj", "n-1": "avg"}.items():
        one = predictions.read_predictions(finished / f"runs/tiny/attend/{name}-0/scale-1").of("test")
        assert results[name]["1"] == predictions.accuracy(getattr(one, kind), one.label)


def write_answers(folder, cells, **changes):
    """Predictions of some trainings for the same two test images."""
    values = {"id": np.array(["1", "NA"]), "split": np.array(["test", "test"]), "label": np.array([0, 1])}
    values |= {"loc": np.eye(2, dtype=np.float32), "obj": np.eye(2, dtype=np.float32)} | changes
    for cell in cells:
        predictions.write_predictions(cell.below(folder), Predictions(**values))


def test_variants_are_in_the_order_in_which_people_sort(tmp_path):
    cells = [Cell("birds", name, 0, 1) for name in ("n-16", "n-2", "ours", "n-10", "baseline", "n-1")]
    write_answers(tmp_path, cells)
    assert list(compare.read(cells, tmp_path)) == ["ours", "baseline", "n-1", "n-2", "n-10", "n-16"]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": np.array(["1", "2"])},
        {"id": np.array(["NA", "1"])},
        {"label": np.array([1, 0])},
        {"loc": np.full((2, 3), 0.3, np.float32), "obj": np.full((2, 3), 0.3, np.float32)},
    ],
)
def test_predictions_of_something_else_are_not_compared(tmp_path, changes):
    ours, other = (Cell("birds", name, 0, 1) for name in ("ours", "n-2"))
    write_answers(tmp_path, [ours])
    write_answers(tmp_path, [other], **changes)
    with pytest.raises(InputError, match=r"n-2-0/scale-1: its test images are not those of ours, or its classes; run"):
        compare.read([ours, other], tmp_path)


@pytest.fixture
def attended(finished, project):
    """A copy of the finished project's attend stages."""
    shutil.copytree(finished / "runs/tiny/attend", project / "attend")
    return project / "attend"


def accuracies(cells, attended):
    compare.run("tiny", cells, attended, attended / "m.json")
    return files.read_json(attended / "m.json")["accuracy"]


def test_what_the_plan_does_not_list_is_not_looked_for_whatever_lies_there(attended):
    ours = [Cell("tiny", "ours", 0, scale) for scale in (1, 2, 3)]
    (attended / "n-4-0" / "scale-1").mkdir(parents=True)
    (attended / "stray").mkdir()
    shutil.copytree(attended / "ours-1", attended / "ours-7")
    assert set(accuracies(ours, attended)) == {"ours"}
    assert files.read_json(attended / "m.json")["seeds"] == {}


def test_what_has_not_been_run_yet_is_left_out(attended):
    cells = [Cell("tiny", variant, 0, scale) for variant in ("ours", "baseline") for scale in (1, 2)]
    shutil.rmtree(attended / "baseline-0" / "scale-2")
    found = accuracies(cells, attended)
    assert set(found["ours"]) == {"1", "2"} and set(found["baseline"]) == {"1"}


def test_variants_of_other_images_are_refused(attended):
    one = predictions.read_predictions(attended / "ours-0" / "scale-1").of("train")
    predictions.write_predictions(attended / "n-1-0" / "scale-1", dataclasses.replace(one, split=np.full(20, "test")))
    with pytest.raises(InputError, match=r"n-1-0/scale-1: its test images are not those of ours"):
        accuracies([Cell("tiny", variant, 0, 1) for variant in ("ours", "n-1")], attended)


def test_ours_not_run_yet_is_named(project):
    with pytest.raises(InputError, match=r"ours-0/scale-1/predictions.npz: cannot be read"):
        accuracies([Cell("tiny", "ours", 0, 1)], project)
