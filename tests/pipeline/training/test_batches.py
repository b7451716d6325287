"""The images of a step depend on the seed, the epoch and the image, never on the number of processes."""

import functools
import operator
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from pipeline.disk.imageset import ImageSet
from pipeline.disk.pack import create
from pipeline.errors import InputError
from pipeline.images import to_jpeg
from pipeline.training.batches import TEST_BATCH, TrainingBatches, load_whole, test_batches

test_batches.__test__ = False  # the function under test, not a test


@pytest.fixture
def data(tmp_path):
    rows = []
    with create(tmp_path / "images.zip") as add:
        for n in range(21):
            size = (32 + 32 * (n % 3 == 0), 32 + 32 * (n % 3 == 1))
            add(f"{n}.jpg", to_jpeg(Image.new("RGB", size, (n * 10, 255 - n * 10, 0))))
            rows.append([str(n), n % 2, "train" if n < 14 else "test", *size])
    return ImageSet(tmp_path, pd.DataFrame(rows, columns=["id", "label", "split", "width", "height"]))


def steps_of(data, processes, epochs=range(2), batch=4):
    """Each step's (sorted) pixels and labels, gathered over the processes."""
    batches = TrainingBatches(data, batch, 32, seed=3)
    loaders = [
        batches.loader(epochs, SimpleNamespace(process_index=p, num_processes=processes, device=torch.device("cpu")))
        for p in range(processes)
    ]
    steps = []
    for shares in zip(*loaders, strict=True):
        images = [(X.numpy().tobytes(), int(t)) for share in shares for X, t in zip(*share, strict=True)]
        steps.append(sorted(images))
    return steps


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_processes_share_the_same_steps(data, processes):
    assert steps_of(data, processes) == steps_of(data, 1)


def test_an_epoch_can_be_entered_later(data):
    assert steps_of(data, 1, range(1, 3)) == steps_of(data, 1, range(3))[3:]


def test_epochs_differ_and_show_no_image_twice(data):
    batches = TrainingBatches(data, 4, 32, seed=3)
    assert batches.steps == 3
    one, two = batches.order(0), batches.order(1)
    assert not np.array_equal(one, two)
    assert len(set(one.ravel())) == 12


def test_only_training_images_are_trained_on(data):
    assert len(TrainingBatches(data, 100, 32, seed=0).order(0).ravel()) == 14


def test_more_processes_than_images_in_a_step(data):
    with pytest.raises(InputError, match=r"train.batch: 4 images cannot be shared by 5 processes"):
        steps_of(data, 5)


def test_test_batches_hold_every_image_once_and_equal_shapes(data):
    rows = np.arange(21)
    batches = test_batches(data, rows)
    assert sorted(functools.reduce(operator.iadd, batches, [])) == rows.tolist()
    for positions, X in load_whole(data, batches, torch.device("cpu")):
        assert len(positions) == len(X) <= TEST_BATCH
        for position, x in zip(positions, X, strict=True):
            assert abs(int(x[0].float().mean()) - position * 10) <= 2


def test_forty_shapes_on_any_number_of_processes(data):
    shapes = pd.DataFrame({"height": np.arange(100) % 40, "width": 32})
    batches = test_batches(ImageSet(data.folder, shapes), np.arange(100))
    assert len(batches) == 40
    for processes in (1, 2, 3):
        shares = [batches[p::processes] for p in range(processes)]
        assert sorted(i for share in shares for batch in share for i in batch) == list(range(100))
