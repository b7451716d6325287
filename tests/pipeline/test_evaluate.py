"""Accuracies and overlaps that a person can check."""

import numpy as np
import pandas as pd
import pytest

import command_line
from pipeline import evaluate
from pipeline.disk import files, imageset, predictions
from pipeline.disk.imageset import ImageSet
from pipeline.disk.predictions import ATTENDED, Predictions
from pipeline.errors import InputError
from pipeline.reporting import intervals, overlaps


def test_the_mean_over_scales_is_of_probabilities():
    sure, unsure = np.array([[0.99, 0.01]]), np.array([[0.4, 0.6]])
    assert evaluate.accuracies([sure, unsure, unsure], np.array([0])) == {"1": 100, "2": 0, "3": 0, "ms": 100}


def test_boxes_that_are_missing_for_some_are_measured_on_the_others(finished, project):
    """The overlaps of four test images, each beside its own box, and their number."""
    (project / "images").mkdir()
    seen = finished / "data/tiny/scale-1"
    table = pd.read_csv(seen / "index.csv")
    without = table.index[table.split == "test"][1:7]
    table.loc[without, ["x0", "y0", "x1", "y1"]] = None
    table.to_csv(project / "images" / "index.csv", index=False)
    (project / "images" / "images.zip").symlink_to(seen / "images.zip")
    words = ["--attended", str(finished / "runs/tiny/attend"), "--images", "images"]
    command_line.run("evaluate", "tiny", "1", *words, "--out", "o", "--metrics", "m.json")
    boxed = table[(table.split == "test") & table.x0.notna()].set_index("id")
    found = predictions.read_boxes(finished / "runs/tiny/attend/ours-0/scale-1").loc[boxed.index, ATTENDED]
    shared = overlaps.iou(boxed[["x0", "y0", "x1", "y1"]].to_numpy(), found.to_numpy())
    metrics = files.read_json(project / "m.json")
    assert metrics["true_boxes"] == {"test images": 4} and metrics["iou"]["1"] == pytest.approx(shared.mean())


def test_metrics_file(finished):
    metrics = files.read_json(finished / "reports" / "metrics" / "tiny.json")
    folders = [finished / f"runs/tiny/attend/ours-0/scale-{scale}" for scale in (1, 2, 3)]
    scales = [predictions.read_predictions(folder).of("test") for folder in folders]
    for kind in ("loc", "obj", "avg"):
        each = [getattr(scale, kind) for scale in scales]
        hits = [(p.argmax(1) == scales[0].label).mean() * 100 for p in [*each, sum(each)]]
        assert list(metrics[f"acc_{kind}"].values()) == pytest.approx(hits)
    boxes = predictions.read_boxes(finished / "runs/tiny/attend/ours-0/scale-2").loc[scales[0].id]
    assert metrics["attended"]["2"] == pytest.approx(boxes.attended.mean())
    assert metrics["constant"]["2"] == boxes.constant.mean()
    table = pd.read_csv(finished / "runs/tiny/evaluate" / "predictions.csv")
    assert (table.ms == table.true).mean() * 100 == pytest.approx(metrics["acc_avg"]["ms"])
    summary = pd.read_csv(finished / "runs/tiny/evaluate" / "calibration.csv", dtype={"scale": str})
    assert dict(zip(summary.scale, summary.accuracy, strict=True)) == pytest.approx(metrics["acc_avg"], abs=1e-3)
    assert metrics["calibration_error"] == {"uncalibrated": pytest.approx(summary.error.iloc[-1], abs=1e-3)}
    answered = pd.read_csv(finished / "runs/tiny/evaluate" / "coverage.csv").iloc[-1]
    assert answered.coverage == 100 and answered.accuracy == pytest.approx(metrics["acc_avg"]["ms"])
    surest = pd.read_csv(finished / "runs/tiny/evaluate" / "reliability.csv")
    assert surest.images.sum() == len(table)
    assert np.average(surest.confidence, weights=surest.images) == pytest.approx(
        100 * table.confidence.mean(), abs=0.01
    )


def test_what_is_judged_of_ours(finished):
    metrics = files.read_json(finished / "reports" / "metrics" / "tiny.json")
    found = intervals.from_records(metrics["judged"])
    apart = metrics["acc_avg"]["2"] - metrics["acc_loc"]["2"]
    assert found["avg 2 minus loc 2"].points == pytest.approx(apart) and found["avg ms minus obj ms"].images == 10
    apart = metrics["iou"]["1"] - metrics["iou"]["centred box"]
    assert found["IoU 1 minus centred box"].points == pytest.approx(apart)
    assert found["IoU 1"].interval == tuple(metrics["intervals"]["iou"]["1"])
    apart = metrics["attended_of_original"]["2"] - metrics["attended_of_original"]["3"]
    assert found["area 2 minus area 3"].points == pytest.approx(apart)
    for name in ("acc_loc", "acc_obj", "acc_avg", "iou", "attended_of_original"):
        for column, (low, high) in metrics["intervals"][name].items():
            assert low <= metrics[name][column] <= high, (name, column)


def test_pictures_of_several_objects(finished, project):
    """Two of the test pictures are said to have a second object, in a corner."""
    (project / "images").mkdir()
    seen = finished / "data/tiny/scale-1"
    for name in ("index.csv", "images.zip"):
        (project / "images" / name).symlink_to(seen / name)
    table = pd.read_csv(seen / "index.csv", dtype={"id": str})
    several = table[table.split == "test"].iloc[:2][["id", "x0", "y0", "x1", "y1"]]
    several = pd.concat([several, several.assign(x0=0.0, y0=0.0, x1=0.1, y1=0.1)])
    several.to_csv(project / "images" / "objects.csv", index=False)
    words = ["--attended", str(finished / "runs/tiny/attend"), "--images", "images"]
    command_line.run("evaluate", "tiny", "1", *words, "--out", "o", "--metrics", "m.json")
    found = intervals.from_records(files.read_json(project / "m.json")["judged"])
    assert found["all objects attended"].images == found["regions of several objects"].images == 2
    assert found["regions of one object"].images == 8


@pytest.fixture
def pictures(tmp_path):
    """An image set of two classes, the names of which look like something else."""
    index = pd.DataFrame({"id": ["1", "2", "007", "NA"], "file": list("abcd"), "label": [0, 1, 0, 1]})
    index = index.assign(class_name=["NA", "1"] * 2, split=["train"] * 2 + ["test"] * 2, x0=0, y0=0, x1=1, y1=1)
    index[imageset.CROP] = [0.0, 0.0, 1.0, 1.0]
    return ImageSet(tmp_path / "images", index.assign(width=32, height=32))


def write_scale(folder, **changes):
    """Predictions and boxes of the test images."""
    values = {"id": np.array(["007", "NA"]), "split": np.array(["test"] * 2), "label": np.array([0, 1])}
    values |= {"loc": np.eye(2, dtype=np.float32), "obj": np.eye(2, dtype=np.float32)} | changes
    predictions.write_predictions(folder, Predictions(**values))
    boxes = {"id": ["NA", "007"], **dict.fromkeys(ATTENDED[:2], 0.1), **dict.fromkeys(ATTENDED[2:], 0.9)}
    boxes |= {"attended": 0.5, "constant": False}
    predictions.write_boxes(folder, pd.DataFrame(boxes))
    return folder


def test_names_that_look_like_something_else_are_kept(tmp_path, pictures):
    scales, index, boxes = evaluate.read([write_scale(tmp_path / "1")], pictures)
    assert index.index.tolist() == boxes[0].index.tolist() == ["007", "NA"]
    table = evaluate._predictions(scales, None, index, pictures.class_names)
    assert table[["id", "true", "scale_1", "ms"]].to_numpy().tolist() == [["007", *["NA"] * 3], ["NA", *["1"] * 3]]


FOREIGN = {
    "other images": ({"id": np.array(["007", "x"])}, "its test images or their classes are not those of"),
    "other classes": ({"label": np.array([1, 0])}, "its test images or their classes are not those of"),
    "more classes": (dict.fromkeys(("loc", "obj"), np.full((2, 3), 0.3)), "has 3 classes, and .*images 2"),
    "no test images": ({"split": np.array(["train"] * 2)}, "its test images or their classes are not those of"),
}


@pytest.mark.parametrize("changes, reason", FOREIGN.values(), ids=FOREIGN)
def test_predictions_of_something_else_are_not_evaluated(tmp_path, pictures, changes, reason):
    with pytest.raises(InputError, match=rf"{tmp_path}/1: {reason}.*; run 'dvc repro'$"):
        evaluate.read([write_scale(tmp_path / "1", **changes)], pictures)


def test_fewer_predictions_than_test_images(tmp_path, pictures):
    whole = vars(predictions.read_predictions(write_scale(tmp_path / "1")))
    changes = {name: values[:1] for name, values in whole.items() if isinstance(values, np.ndarray)}
    with pytest.raises(InputError, match="its test images or their classes are not those of"):
        evaluate.read([write_scale(tmp_path / "1", **changes)], pictures)


def test_boxes_of_something_else(tmp_path, pictures):
    folder = write_scale(tmp_path / "1")
    boxes = predictions.read_boxes(folder).reset_index()
    predictions.write_boxes(folder, boxes.assign(id=["NA", "x"]))
    with pytest.raises(InputError, match=r"boxes.csv: 1 images have no box there, such as '007'; run its attend stage"):
        evaluate.read([folder], pictures)


def test_scales_of_different_images_are_not_averaged(finished, tmp_path, project):
    other = predictions.read_predictions(finished / "runs/tiny/attend/ours-0/scale-2")
    predictions.write_predictions(tmp_path / "ours-0" / "scale-2", other.of("train"))
    first = predictions.read_predictions(finished / "runs/tiny/attend/ours-0/scale-1")
    predictions.write_predictions(tmp_path / "ours-0" / "scale-1", first)
    words = ["--attended", str(tmp_path), "--images", str(finished / "data/tiny/scale-1"), "--out", "o"]
    with pytest.raises(AssertionError, match="its test images are not those of"):
        command_line.run("evaluate", "tiny", "1", "2", *words, "--metrics", "m")


def test_over_fewer_than_three_scales_there_is_no_multi_scale_accuracy(finished, project):
    words = ["--attended", str(finished / "runs/tiny/attend"), "--images", str(finished / "data/tiny/scale-1")]
    command_line.run("evaluate", "tiny", "1", "2", *words, "--out", "o", "--metrics", "m.json")
    whole, part = files.read_json(finished / "reports/metrics/tiny.json"), files.read_json(project / "m.json")
    for name, row in part.items():
        if name in ("judged", "intervals", "calibration_error"):
            continue
        assert not {"3", "ms"} & set(row) and row.items() <= whole[name].items(), name


def test_evaluation_needs_no_torch():
    import subprocess
    import sys

    code = "import sys, pipeline.evaluate, pipeline.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
