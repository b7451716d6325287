"""One look at every image, on one process or on several."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from model.network import Output
from pipeline import attended, imageset, inference
from pipeline.inference import Seen


def attend(folder, processes, out):
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"),
        *(
            "-m",
            "pipeline",
            "attend",
            "tiny",
            "2",
            "--trained",
            "runs/train-2",
            "--images",
            "data/scale-2",
            "--out",
            out,
        ),
    ]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return attended.read_predictions(Path(out)), attended.read_boxes(Path(out))


def test_any_number_of_processes_sees_every_image_once_and_the_same(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    ids = imageset.read(finished / "data" / "scale-2").index.id.tolist()
    one, boxes = (
        attended.read_predictions(finished / "runs" / "attend-2"),
        attended.read_boxes(finished / "runs" / "attend-2"),
    )
    for processes in (2, 3):
        many, their_boxes = attend(finished, processes, str(tmp_path / str(processes)))
        assert many.id.tolist() == one.id.tolist() == ids
        np.testing.assert_allclose(many.loc, one.loc, atol=1e-5)
        np.testing.assert_allclose(many.obj, one.obj, atol=1e-5)
        assert their_boxes.equals(boxes)


def test_predictions_keep_names_and_labels(finished):
    data = imageset.read(finished / "data" / "scale-1")
    p = np.array([0.6, 0.4], dtype=np.float32)
    predictions = inference.predictions([Seen(3, p, 1 - p), Seen(0, p, p)], data)
    assert predictions.id.tolist() == data.index.id.iloc[[3, 0]].tolist()
    assert predictions.loc.tolist() == [p.tolist()] * 2


def test_without_local_classifiers_both_predictions_are_the_objects():
    loc, obj = inference.predict(Output(torch.zeros(2, 4), None))
    assert loc is obj and loc.tolist() == [[0.25] * 4] * 2
