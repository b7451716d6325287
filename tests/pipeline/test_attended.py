"""What the attend stage writes is what later stages read."""

import io

import numpy as np
import pytest

from pipeline import attended
from pipeline.attended import Predictions
from pipeline.errors import InputError


def test_predictions(tmp_path):
    loc = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    written = Predictions(np.array(["a", "b"]), np.array(["train", "test"]), np.array([0, 1]), loc, 1 - loc)
    attended.write_predictions(tmp_path, written)
    read = attended.read_predictions(tmp_path)
    assert all(np.array_equal(vars(read)[name], vars(written)[name]) for name in vars(written))
    assert read.of("test").id.tolist() == ["b"] and read.avg.tolist() == [[0.5, 0.5]] * 2


def test_maps_of_different_shapes(tmp_path):
    maps = {str(n): (np.random.rand(2 + n, 3), np.random.rand(2 + n, 3) < 0.5) for n in range(4)}
    attended.write_maps(tmp_path, maps)
    for name, (M, M_b) in attended.read_maps(tmp_path).items():
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
    "pickle": npz(**dict.fromkeys(("id", "split", "label", "loc", "obj"), np.array([Evil()], dtype=object))),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_boxes_that_cannot_be_read(content, tmp_path):
    if content is not None:
        (tmp_path / "boxes.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"boxes.csv: cannot be read .*; run its attend stage"):
        attended.read_boxes(tmp_path)


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_cannot_be_read(content, tmp_path, capsys):
    if content is not None:
        (tmp_path / "predictions.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"predictions.npz: cannot be read .*; run its attend stage"):
        attended.read_predictions(tmp_path)
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
