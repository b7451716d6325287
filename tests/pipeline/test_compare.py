"""Variants beside the main line, on the same images."""

import dataclasses
import shutil

import numpy as np
import pytest

from conftest import TINY, VARIANTS, write_params
from pipeline import compare
from pipeline.disk import files, predictions
from pipeline.disk.cells import Cell
from pipeline.disk.predictions import Predictions
from pipeline.errors import InputError
from pipeline.explaining import store


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
    row = compare.spread(by_seed)
    assert list(row) == ["1"] and row["1"]["mean"] == 75 and row["1"]["n"] == 2
    assert row["1"]["std"] == pytest.approx(np.std([100, 50], ddof=1))
    assert row["1"]["interval"][0] <= 75 <= row["1"]["interval"][1]


def runs(**by_seed):
    """Made-up hits: variant -> seed -> scale -> hits."""
    return {
        name.replace("_", "-"): {s: {k: np.array(v, float) for k, v in row.items()} for s, row in rows.items()}
        for name, rows in by_seed.items()
    }


def test_differences_are_paired_by_image_and_by_seed():
    ours = {0: {"1": [1, 1, 0]}, 1: {"1": [1, 1, 1]}, 2: {"1": [0, 0, 0]}}
    found = compare.differences(runs(ours=ours, baseline={0: {"1": [1, 0, 0]}, 1: {"1": [0, 0, 1]}}))
    one = found["ours 1 minus baseline 1"]
    assert (one.points, one.images, one.seeds) == (50, 3, 2)
    assert compare.minus_baseline(found) == {"1": {"points": 50, "interval": one.interval}}
    assert compare.differences(runs(ours=ours)) == {}


def test_multi_scale_is_compared_with_each_scale_and_with_networks_that_see_no_crops():
    row = {"1": [1, 0], "2": [0, 0], "3": [1, 0], "ms": [1, 1], "ensemble": [1, 0]}
    found = compare.differences(runs(ours={0: row}))
    points = {f"ours ms minus ours {other}": 50 for other in ("1", "3", "ensemble")} | {"ours ms minus ours 2": 100}
    assert {name: one.points for name, one in found.items()} == points


def test_more_classifiers_are_compared_with_one_and_their_last_step_with_the_whole_gain():
    fewer = {"n_1": {0: {"1": [0, 0, 0, 0]}}, "n_4": {0: {"1": [1, 1, 1, 0]}}}
    found = compare.differences(runs(ours={0: {"1": [1, 1, 1, 1]}, 1: {"1": [0, 0, 0, 0]}}, **fewer))
    assert found["ours 1 minus n-1 1"].points == 100
    assert found["n-4 1 minus half of ours and n-1"].points == 25  # 75 less the half of 100 and 0


def test_results(finished):
    results = files.read_json(finished / "reports" / "metrics" / "tiny.variants.json")
    assert set(results["accuracy"]) == {"ours", "baseline", "local", "object", "centred", "two-heads", "n-1"}
    assert set(results["accuracy"]["baseline"]) == {"1", "2", "3", "ms"} and set(results["accuracy"]["local"]) == {"1"}
    assert results["accuracy"]["ours"] == files.read_json(finished / "reports" / "metrics" / "tiny.json")["acc_avg"]
    assert set(results["seeds"]) == {"ours", "baseline"} and results["seeds"]["ours"]["1"]["n"] == 2
    for name, row in results["accuracy"].items():
        for scale, value in row.items():
            low, high = results["interval"][name][scale]
            assert low <= value <= high


def test_each_variant_is_measured_by_what_it_trains(finished):
    results = files.read_json(finished / "reports" / "metrics" / "tiny.variants.json")["accuracy"]
    for name, kind in {"baseline": "obj", "two-heads": "avg", "local": "loc", "object": "obj", "n-1": "avg"}.items():
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
    shutil.copytree(finished / "runs/tiny/train", project / "train")
    return project / "attend"


def accuracies(cells, attended):
    compare.run("tiny", cells, attended, attended.parent / "train", attended / "m.json")
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


def test_the_ensemble_is_three_networks_of_scale_1(tmp_path):
    """The mean of their probabilities, by a loop; of three seeds by number, and none of two."""
    rng = np.random.default_rng(0)
    cells = [Cell("birds", "ours", seed, 1) for seed in (0, 1, 2, 5)]
    answers = [rng.dirichlet(np.ones(2), 2).astype(np.float32) for _ in cells]
    for cell, p in zip(cells, answers, strict=True):
        write_answers(tmp_path, [cell], loc=p, obj=p)
    expected = [float(np.argmax(sum(p[i] for p in answers[:3])) == i) for i in range(2)]
    assert compare.read(cells, tmp_path)["ours"][0]["ensemble"].tolist() == expected
    assert "ensemble" not in compare.read(cells[:2], tmp_path)["ours"][0]


def test_a_variant_that_cuts_other_crops_begins_with_the_network_of_ours(tmp_path, project):
    write_params(project, {"birds": TINY}, variants=VARIANTS | {"centred": {"attend.crops": "centre"}})
    cells = [Cell("birds", "ours", 0, 1), Cell("birds", "centred", 0, 2), Cell("birds", "centred", 0, 3)]
    write_answers(tmp_path, cells[:1])
    unsure = np.array([[0.4, 0.6], [0.6, 0.4]], np.float32)
    write_answers(tmp_path, cells[1:], loc=unsure, obj=unsure)
    found = compare.read(cells, tmp_path)["centred"][0]
    assert {scale: h.tolist() for scale, h in found.items()} == {"2": [0, 0], "3": [0, 0], "ms": [1, 1]}


def fitted(folder, **obj):
    """Made-up results of four test images and a training image, and histories; ``obj``: which test images are right."""
    cells = [Cell("birds", name, 0, 1) for name in obj]
    labels, split = np.array([0, 1, 0, 1, 0]), np.array(["test"] * 4 + ["train"])
    for cell, right in zip(cells, obj.values(), strict=True):
        p = np.eye(2, dtype=np.float32)[[*np.where(right, labels[:4], 1 - labels[:4]), 0]]
        rows = slice(None) if cell.variant == "ours" else slice(4)
        ids = np.array(list("abcde"))
        one = Predictions(ids[rows], split[rows], labels[rows], np.full_like(p, 0.5)[rows], p[rows])
        predictions.write_predictions(cell.below(folder / "attend"), one)
        cell.below(folder / "train").mkdir(parents=True)
        last = {"ours": 90, "object": 95, "baseline": 99}[cell.variant]
        (cell.below(folder / "train") / "history.csv").write_text(f"epoch,acc_obj\n1,10\n2,{last}\n")
    return cells, folder / "attend", folder / "train"


def test_a_gap_is_training_accuracy_less_test_accuracy_and_two_are_paired_by_image(tmp_path):
    found = compare.overfitting(*fitted(tmp_path, ours=[1, 1, 1, 0], object=[1, 1, 0, 0], baseline=[1, 1, 1, 1]))
    points = {name: one.points for name, one in found.items()}
    assert points["gap of ours 1"] == 90 - 75 and points["gap of object 1"] == 95 - 50
    assert points["gap of object 1 minus gap of ours 1"] == 45 - 15
    assert points["gap of baseline 1 minus gap of ours 1"] == -1 - 15
    assert points["gap of ours 1, whole images"] == 100 - 75
    test, gap = found["acc_obj of ours 1"], found["gap of ours 1"]
    assert gap.interval == pytest.approx((90 - test.interval[1], 90 - test.interval[0]))
    low, high = found["gap of object 1 minus gap of ours 1"].interval
    paired = compare.intervals.estimate(np.array([0, 0, 1.0, 0]), ends=(-1, 1))
    assert (low - 5, high - 5) == pytest.approx(paired.interval)


def test_gaps_of_what_was_not_trained_are_left_out(tmp_path):
    found = compare.overfitting(*fitted(tmp_path, ours=[1, 1, 1, 0]))
    assert set(found) == {"acc_obj of ours 1", "gap of ours 1", "gap of ours 1, whole images"}


@pytest.mark.parametrize(
    "content", ["epoch,acc_obj\n", "epoch\n1\n", "epoch,acc_obj\n1,nan\n", "epoch,acc_obj\n1,101\n"]
)
def test_a_history_without_an_accuracy_is_named(tmp_path, content):
    cells, attended, trained = fitted(tmp_path, ours=[1, 1, 1, 0])
    (cells[0].below(trained) / "history.csv").write_text(content)
    with pytest.raises(InputError, match=r"history.csv: .*; run its train stage$"):
        compare.overfitting(cells, attended, trained)


def test_wins_of_each_training_with_several_classifiers(tmp_path):
    cells = [Cell("birds", name, 0, 1) for name in ("n-4", "n-1", "ours")]
    counts = np.array([[5, 0, 0], [3, 1, 0], [0, 1, 0], [0, 0, 0]])
    for cell in (cells[0], cells[2]):
        cell.below(tmp_path).mkdir(parents=True)
        store.write_wins(cell.below(tmp_path), store.wins(counts))
    ours, four = compare.wins(cells, tmp_path)
    assert (ours["variant"], four["variant"]) == ("ours", "n-4")
    assert {"n": 4, "winning": 3, "leading": 2, "largest": 0.5, "led": 0.6}.items() <= ours.items()
