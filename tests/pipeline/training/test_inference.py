"""One look at every image, on one process or on several."""

from itertools import product
from pathlib import Path

import numpy as np
import torch

import forked
from model.network import Attention, Output
from model.prediction import local_prediction
from pipeline import params
from pipeline.disk import imageset, predictions
from pipeline.training import inference
from pipeline.training.inference import ImageResult


def attend(processes, out):
    trained, images = "runs/tiny/train/ours-0/scale-2", "data/tiny/ours-0/scale-2"
    words = ("attend", "tiny", "--scale", "2", "--trained", trained, "--images", images, "--out", out)
    forked.run_together(processes, *words)
    return predictions.read_predictions(Path(out)), predictions.read_boxes(Path(out))


def test_any_number_of_processes_sees_every_image_once_and_the_same(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(finished)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    ids = imageset.read(finished / "data/tiny/ours-0/scale-2").index.id.tolist()
    one, boxes = (
        predictions.read_predictions(finished / "runs/tiny/attend/ours-0/scale-2"),
        predictions.read_boxes(finished / "runs/tiny/attend/ours-0/scale-2"),
    )
    for processes in (2, 3):
        many, their_boxes = attend(processes, str(tmp_path / str(processes)))
        assert many.id.tolist() == one.id.tolist() == ids
        np.testing.assert_allclose(many.loc, one.loc, atol=1e-5)
        np.testing.assert_allclose(many.obj, one.obj, atol=1e-5)
        assert their_boxes.equals(boxes)


def test_predictions_keep_names_and_labels(finished):
    data = imageset.read(finished / "data/tiny/scale-1")
    p = np.array([0.6, 0.4], dtype=np.float32)
    recipe = params.read("tiny", "local", path=finished / "params.yaml").training
    found = inference.predictions([ImageResult(3, p, 1 - p), ImageResult(0, p, p)], data, recipe)
    assert found.id.tolist() == data.index.id.iloc[[3, 0]].tolist()
    assert found.loc.tolist() == [p.tolist()] * 2 and found.answer == "loc"


def test_a_baselines_second_classifier_is_the_first_of_two_predictions():
    mean, most = torch.rand(2, 4), torch.rand(2, 4)
    found = inference.predict(Output(most, None, mean))
    assert all(torch.equal(p, torch.softmax(logits, dim=1)) for p, logits in zip(found, (mean, most), strict=True))


def test_without_local_classifiers_both_predictions_are_the_objects():
    loc, obj = inference.predict(Output(torch.zeros(2, 4), None))
    assert loc is obj and loc.tolist() == [[0.25] * 4] * 2


def test_the_local_prediction_is_read_out_as_the_network_says():
    A, M_b = torch.randn(2, 4, 3, 3), torch.rand(2, 3, 3) < 0.5
    attention = Attention(A, A[:, 0], M_b, torch.zeros(2, dtype=torch.bool))
    for readout, cells in product(("logits", "probabilities"), ("all", "attended")):
        loc, _ = inference.predict(Output(torch.zeros(2, 3), attention, readout=(readout, cells)))
        expected = local_prediction(A, readout, M_b if cells == "attended" else None)
        assert torch.equal(loc, expected)
        others = [local_prediction(A, r, m) for r in ("logits", "probabilities") for m in (M_b, None)]
        assert sum(torch.equal(loc, other) for other in others) == 1
