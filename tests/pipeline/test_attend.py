"""Where a trained scale looks, and where the next one will."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import command_line
from pipeline import attend
from pipeline.disk import imageset, predictions
from pipeline.training.inference import ImageResult


def results(*masks):
    return [ImageResult(i, None, None, mask.astype(np.float32), mask, False) for i, mask in enumerate(masks)]


def index(*crops):
    table = pd.DataFrame(crops, columns=imageset.CROP, dtype=float)
    return table.assign(id=[f"i{n}" for n in range(len(crops))])


def test_boxes_are_those_of_the_original():
    mask = np.zeros((4, 4), dtype=bool)
    mask[1, 1] = True
    table = attend.boxes(results(mask, mask), index([0, 0, 1, 1], [0.5, 0.5, 1, 1]))
    assert table[predictions.ATTENDED].to_numpy().tolist() == [[0.25, 0.25, 0.5, 0.5], [0.625, 0.625, 0.75, 0.75]]
    assert table.attended.tolist() == [1 / 16, 1 / 16] and table.id.tolist() == ["i0", "i1"]


def test_training_and_attending_agree_on_the_last_epochs_accuracy(finished):
    for scale in (1, 2, 3):
        history = pd.read_csv(finished / f"runs/tiny/train/ours-0/scale-{scale}" / "history.csv")
        test = predictions.read_predictions(finished / f"runs/tiny/attend/ours-0/scale-{scale}").of("test")
        assert len(test.id) == 10
        assert history.test_acc_avg.iloc[-1] == pytest.approx(100 * (test.avg.argmax(1) == test.label).mean())


def test_what_was_trained_is_what_attends_whatever_params_yaml_says_since(finished, tiny, write_recipe):
    tiny["network"] |= {"n_classifiers": 3, "backbone": "resnet34"}
    write_recipe(tiny=tiny)
    folders = ["--trained", finished / "runs/tiny/train/ours-0/scale-1", "--images", finished / "data/tiny/scale-1"]
    command_line.run("attend", "tiny", *map(str, folders), "--out", "x")
    then = predictions.read_predictions(finished / "runs/tiny/attend/ours-0/scale-1")
    assert np.allclose(predictions.read_predictions(Path("x")).avg, then.avg)


@pytest.mark.parametrize("run", ["baseline-0", "local-0", "object-0", "n-1-0", "ours-1"])
def test_a_variant_answers_after_attending_as_at_its_trainings_end(finished, run):
    history = pd.read_csv(finished / f"runs/tiny/train/{run}/scale-1/history.csv")
    one = predictions.read_predictions(finished / f"runs/tiny/attend/{run}/scale-1").of("test")
    assert one.accuracies() == {name: history[f"test_{name}"].iloc[-1] for name in one.accuracies()}


def test_training_images_are_run_only_where_crops_are_cut_from_them(finished):
    for run, count in {"ours-0": 30, "n-1-0": 30, "ours-1": 10, "baseline-0": 10, "local-0": 10}.items():
        folder = finished / f"runs/tiny/attend/{run}/scale-1"
        assert len(predictions.read_predictions(folder).id) == count, run
        assert (folder / "boxes.csv").exists() == (folder / "maps.npz").exists() == (run != "baseline-0")


def test_masks_are_kept_of_all_images_so_that_crops_can_be_cut_otherwise_without_looking_again(finished):
    ids = imageset.read(finished / "data/tiny/scale-1").index.id
    assert list(predictions.read_maps(finished / "runs/tiny/attend/ours-0/scale-1", ids)) == ids.tolist()
