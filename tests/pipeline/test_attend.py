"""Where a trained scale looks, and where the next one will."""

import numpy as np
import pandas as pd
import pytest

import command_line
from pipeline import attend, attended, imageset, params
from pipeline.inference import Seen


def seen(*masks):
    return [Seen(i, None, None, mask.astype(np.float32), mask, False) for i, mask in enumerate(masks)]


def test_boxes_are_those_of_the_original():
    mask = np.zeros((4, 4), dtype=bool)
    mask[1, 1] = True
    recipe = params.Attend(region="all", margin=0.0, minimum=0.5)
    table = attend.boxes(seen(mask, mask), np.array([[0.0, 0, 1, 1], [0.5, 0.5, 1, 1]]), recipe)
    assert table[attended.ATTENDED].to_numpy().tolist() == [[0.25, 0.25, 0.5, 0.5], [0.625, 0.625, 0.75, 0.75]]
    assert table[attended.NEXT].to_numpy()[0] == pytest.approx([0.125, 0.125, 0.625, 0.625])
    assert table.attended.tolist() == [1 / 16, 1 / 16]


def test_region_policy():
    mask = np.array([[True, False, False, True, True]])
    whole = np.array([[0.0, 0, 1, 1]])
    boxes = {
        region: attend.boxes(seen(mask), whole, params.Attend(region=region, margin=0.0, minimum=0.0)).x0[0]
        for region in ("all", "largest")
    }
    assert boxes == {"all": 0, "largest": 0.6}


def test_the_next_scale_sees_what_the_last_one_attended_to(finished):
    for scale in (1, 2):
        boxes = attended.read_boxes(finished / "runs" / f"attend-{scale}")
        index = imageset.read(finished / "data" / f"scale-{scale + 1}").index.set_index("id")
        assert np.allclose(index[imageset.CROP].to_numpy(), boxes.loc[index.index, attended.NEXT].to_numpy())
        now = imageset.read(finished / "data" / f"scale-{scale}").index.set_index("id")[imageset.CROP].to_numpy()
        then = index[imageset.CROP].to_numpy()
        assert (then[:, :2] >= now[:, :2] - 1e-9).all() and (then[:, 2:] <= now[:, 2:] + 1e-9).all()


def test_training_and_attending_agree_on_the_last_epochs_accuracy(finished):
    for scale in (1, 2, 3):
        history = pd.read_csv(finished / "runs" / f"train-{scale}" / "history.csv")
        test = attended.read_predictions(finished / "runs" / f"attend-{scale}").of("test")
        assert len(test.id) == 10
        assert history.test_acc_avg.iloc[-1] == pytest.approx(100 * (test.avg.argmax(1) == test.label).mean())


def test_weights_of_another_network(finished, tmp_path, monkeypatch, tiny, write_recipe):
    tiny["network"]["n_classifiers"] = 3
    write_recipe(tiny=tiny)
    folders = ["--trained", finished / "runs" / "train-1", "--images", finished / "data" / "scale-1", "--out", "x"]
    with pytest.raises(AssertionError, match=r"weights.safetensors: not the weights of this recipe's network"):
        command_line.run("attend", "tiny", "1", *map(str, folders))
