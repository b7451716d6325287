"""What the attend stage writes is what later stages read."""

import io

import numpy as np
import pandas as pd
import pytest

from pipeline.disk import predictions
from pipeline.disk.predictions import Predictions, over_scales
from pipeline.errors import InputError


def test_predictions(tmp_path):
    loc = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    written = Predictions(np.array(["a", "b"]), np.array(["train", "test"]), np.array([0, 1]), loc, 1 - loc, "obj")
    predictions.write_predictions(tmp_path, written)
    read = predictions.read_predictions(tmp_path)
    assert all(np.array_equal(vars(read)[name], vars(written)[name]) for name in vars(written))
    assert read.of("test").id.tolist() == ["b"] and read.of("test").answer == "obj"
    assert read.avg.tolist() == [[0.5, 0.5]] * 2


def test_maps_of_different_shapes(tmp_path):
    maps = {str(n): (np.random.rand(2 + n, 3), np.random.rand(2 + n, 3) < 0.5) for n in range(4)}
    predictions.write_maps(tmp_path, maps)
    for name, (M, M_b) in predictions.read_maps(tmp_path).items():
        np.testing.assert_allclose(M, maps[name][0], atol=1e-3)
        assert np.array_equal(M_b, maps[name][1])


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class Evil:
    def __reduce__(self):
        return print, ("a pickle was run",)


BAD = {
    "missing": None,
    "empty": b"",
    "foreign": b"broken",
    "cut short": npz(id=np.arange(1000))[:-30],
    "other arrays": npz(something=np.arange(3)),
    "one array": npz(id=np.arange(3))[:0] + b"\x93NUMPY\x01\x00",
    "pickle": npz(**dict.fromkeys(("id", "split", "label", "loc", "obj", "answer"), np.array([Evil()], dtype=object))),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_boxes_that_cannot_be_read(content, tmp_path):
    if content is not None:
        (tmp_path / "boxes.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"boxes.csv: .*; run its attend stage$"):
        predictions.read_boxes(tmp_path)


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_cannot_be_read(content, tmp_path, capsys):
    if content is not None:
        (tmp_path / "predictions.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"predictions.npz: cannot be read .*; run its attend stage"):
        predictions.read_predictions(tmp_path)
    assert "a pickle was run" not in capsys.readouterr().out


def test_accuracies_of_both_levels_and_of_their_mean():
    loc, obj = np.array([[0.6, 0.4], [0.6, 0.4]]), np.array([[0.1, 0.9], [0.2, 0.8]])
    names = np.array(["a", "b"])
    assert Predictions(names, names, np.array([0, 1]), loc, obj).accuracies() == {
        "acc_loc": 50,
        "acc_obj": 50,
        "acc_avg": 50,
    }
    assert Predictions(names, names, np.array([1, 1]), loc, obj).accuracies() == {
        "acc_loc": 0,
        "acc_obj": 100,
        "acc_avg": 100,
    }


def test_the_mean_of_logarithms_is_the_geometric_mean():
    p = np.random.default_rng(0).dirichlet(np.ones(4), (3, 5)).astype(np.float32)
    found = over_scales(list(p), "log_probabilities")
    assert found.dtype == np.float32
    for row, expected in zip(found, np.swapaxes(p, 0, 1).astype(float), strict=True):
        means = [float(np.prod(expected[:, c])) ** (1 / 3) for c in range(4)]
        assert row == pytest.approx([mean / sum(means) for mean in means], rel=1e-5)


def test_zeros_have_a_geometric_mean_too():
    sure = [np.array([[1.0, 0.0, 0.0]], np.float32), np.array([[0.0, 1.0, 0.0]], np.float32)]
    found = over_scales(sure, "log_probabilities")
    assert found.tolist() == [[0.5, 0.5, 0.0]] or found[0] == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)
    assert np.isfinite(over_scales([np.zeros((1, 3), np.float32)], "log_probabilities")).all()


def test_predictions_remember_how_they_are_averaged(tmp_path):
    loc, obj = np.array([[0.5, 0.5]], np.float32), np.array([[0.2, 0.8]], np.float32)
    names = np.array(["a"]), np.array(["test"]), np.array([1])
    predictions.write_predictions(tmp_path, Predictions(*names, loc, obj, "avg", "log_probabilities"))
    read = predictions.read_predictions(tmp_path)
    assert read.averaging == read.of("test").averaging == "log_probabilities"
    assert read.avg[0] == pytest.approx([1 / 3, 2 / 3], rel=1e-5)


@pytest.mark.parametrize("answer", ["loc", "obj", "avg"])
def test_a_network_answers_by_what_was_trained(answer):
    loc, obj = np.array([[0.6, 0.4]]), np.array([[0.1, 0.9]])
    one = Predictions(np.array(["a"]), np.array(["test"]), np.array([0]), loc, obj, answer)
    assert np.array_equal(one.probabilities(), {"loc": loc, "obj": obj, "avg": (loc + obj) / 2}[answer])


NAMES = ["1", "007", "NA", "True", "1e5", "鸟"]
SHARES = [*predictions.ATTENDED, "attended"]


def table(**changes):
    values = {"id": NAMES, **{name: [0.25] * len(NAMES) for name in SHARES}, "constant": [False, True] * 3}
    return pd.DataFrame(values | changes)


def test_boxes_keep_the_names_of_their_images(tmp_path):
    predictions.write_boxes(tmp_path, table())
    boxes = predictions.read_boxes(tmp_path)
    assert boxes.index.tolist() == NAMES and boxes.columns.tolist() == [*SHARES, "constant"]
    assert boxes.constant.mean() == 0.5 and boxes.attended.dtype == float


@pytest.mark.parametrize(
    "changes",
    [
        {"x0": [0.5] * 6},
        {"y1": [0.5] * 5 + [1.5]},
        {"attended": [float("nan")] + [0.5] * 5},
        {"y0": [-0.5] + [0.1] * 5},
        {"id": ["1"] * 6},
        {"constant": ["maybe"] * 6},
    ],
)
def test_boxes_that_do_not_fit(tmp_path, changes):
    predictions.write_boxes(tmp_path, table(**changes))
    with pytest.raises(InputError, match=r"boxes.csv: .*; run its attend stage$"):
        predictions.read_boxes(tmp_path)


def stored(**changes):
    loc = np.full((3, 2), 0.5, dtype=np.float32)
    arrays = {"id": np.array(["a", "b", "c"]), "split": np.array(["train", "test", "test"])}
    arrays |= {"label": np.array([0, 1, 0]), "loc": loc, "obj": loc, "answer": "avg"}
    return npz(**arrays | changes)


UNFIT = {
    "a name twice": {"id": np.array(["a", "a", "c"])},
    "more names": {"id": np.array(["a", "b", "c", "d"])},
    "numbers for names": {"id": np.array([1, 2, 3])},
    "other classes": {"label": np.array([0, 1, 2])},
    "below zero": {"label": np.array([0, 1, -1])},
    "labels that are no integers": {"label": np.array([0.0, 1.0, 0.0])},
    "fewer rows": {"loc": np.full((2, 2), 0.5)},
    "fewer classes": {"loc": np.full((3, 1), 0.5)},
    "no rows": {"loc": np.full((3,), 0.5)},
    "NaN": {"obj": np.full((3, 2), np.nan)},
    "no probabilities": {"obj": np.full((3, 2), 7.0)},
    "another split": {"split": np.array(["train", "val", "test"])},
    "another answer": {"answer": "best"},
    "two answers": {"answer": np.array(["avg", "avg"])},
}


@pytest.mark.parametrize("changes", UNFIT.values(), ids=UNFIT)
def test_predictions_that_do_not_fit_together(tmp_path, changes):
    (tmp_path / "predictions.npz").write_bytes(stored())
    assert predictions.read_predictions(tmp_path).of("test").id.tolist() == ["b", "c"]
    (tmp_path / "predictions.npz").write_bytes(stored(**changes))
    with pytest.raises(InputError, match=r"predictions.npz: cannot be read \(.*\); run its attend stage$"):
        predictions.read_predictions(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": np.array([[2, 2]])},
        {"shape": np.array([[2, 3], [1, 0]])},
        {"shape": np.array([2, 3])},
        {"M": np.zeros((2, 4), np.float16)},
        {"M": np.full(8, np.inf, np.float16)},
        {"M_b": np.zeros(7, bool)},
        {"M_b": np.zeros(8)},
    ],
)
def test_maps_that_do_not_fit_together(tmp_path, changes):
    arrays = {"id": np.array(["a", "b"]), "shape": np.array([[2, 3], [1, 2]])}
    arrays |= {"M": np.zeros(8, np.float16), "M_b": np.zeros(8, bool)}
    (tmp_path / "maps.npz").write_bytes(npz(**arrays))
    assert predictions.read_maps(tmp_path)["b"][0].shape == (1, 2)
    (tmp_path / "maps.npz").write_bytes(npz(**arrays | changes))
    with pytest.raises(InputError, match=r"maps.npz: cannot be read \(.*\); run its attend stage$"):
        predictions.read_maps(tmp_path)
