"""The picture that Figures 1 to 3 are drawn of."""

import numpy as np
import pytest
import torch

from pipeline.disk import imageset, predictions
from pipeline.disk.predictions import Predictions
from pipeline.explaining import anatomy, store
from pipeline.training import trained

EYE = np.eye(2, dtype=np.float32)


@pytest.mark.parametrize(
    "split, label, chosen",
    [
        (["train", "test", "test"], [0, 1, 0], 2),  # the first test picture that is answered 0
        (["train", "test", "test"], [0, 0, 0], 1),
        (["train", "test", "test"], [0, 1, 1], 1),  # none is right
    ],
)
def test_the_first_test_picture_that_is_answered_rightly_is_chosen(split, label, chosen):
    p = EYE[[0, 0, 0]]
    assert anatomy.choose(Predictions(np.array(["a", "b", "c"]), np.array(split), np.array(label), p, p)) == chosen


@pytest.mark.parametrize("run", ["ours-0", "n-1-0"])
def test_what_is_kept_is_what_the_network_computes(finished, run):
    folder, images = finished / f"runs/tiny/attend/{run}/scale-1", imageset.read(finished / "data/tiny/scale-1")
    one, answers = store.read_anatomy(folder), predictions.read_predictions(folder)
    weights = finished / f"runs/tiny/train/{run}/scale-1"
    network = trained.read(weights, trained.read_recipe(weights).network, len(images.class_names)).eval()
    X = torch.from_numpy(np.array(images.open(one.id))).permute(2, 0, 1)[None]
    with torch.inference_mode():
        f, attention = network.backbone(X)[0], network(X).attention
    row = answers.id.tolist().index(one.id)
    probabilities = answers.avg[row].tolist()
    true, second = one.categories.tolist()
    assert answers.split[row] == "test" and true == answers.label[row] != second
    assert probabilities[second] == max(p for c, p in enumerate(probabilities) if c != true)
    assert np.allclose(one.f, (f**2).sum(0).sqrt(), rtol=1e-4)
    assert np.allclose(one.A, attention.A[0, [true, second, -1]], atol=1e-4)
    M, M_b = predictions.read_maps(folder)[one.id]
    assert np.allclose(one.M, M, atol=1e-3) and (one.M_b == M_b).all()
    y, x = one.cell
    assert one.M_b[y, x] and one.M[y, x] == one.M[one.M_b].max()
    assert np.allclose(one.A_i.max(axis=0), attention.A[0, :, y, x], atol=1e-4)
    assert one.A_i[:, :-1].max() == one.A_i[one.winners[one.foremost], one.foremost]
    assert one.box == pytest.approx(predictions.read_boxes(folder).loc[one.id, predictions.ATTENDED].to_numpy(float))


def test_the_same_network_gives_the_same_bytes(finished, tmp_path):
    folder, images = finished / "runs/tiny/attend/ours-0/scale-1", imageset.read(finished / "data/tiny/scale-1")
    weights = finished / "runs/tiny/train/ours-0/scale-1"
    network = trained.read(weights, trained.read_recipe(weights).network, len(images.class_names)).eval()
    again = anatomy.dissect(network, images, predictions.read_predictions(folder), torch.device("cpu"))
    store.write_anatomy(tmp_path, again)
    assert (tmp_path / "anatomy.npz").read_bytes() == (folder / "anatomy.npz").read_bytes()
