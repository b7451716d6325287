"""One look at every image, on one process or on several."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from pipeline import attended, imageset
from pipeline.inference import Seen, accuracies


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


def test_accuracies():
    loc = np.array([[0.6, 0.4], [0.6, 0.4]])
    obj = np.array([[0.1, 0.9], [0.2, 0.8]])
    seen = [Seen(i, loc[i], obj[i], None, None, False) for i in range(2)]
    assert accuracies(seen, np.array([0, 1])) == {"acc_loc": 50, "acc_obj": 50, "acc_avg": 50}
    assert accuracies(seen, np.array([1, 1])) == {"acc_loc": 0, "acc_obj": 100, "acc_avg": 100}
