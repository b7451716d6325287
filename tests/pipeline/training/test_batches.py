"""The images of a step depend on the seed, the epoch and the image, never on the number of processes."""

import functools
import operator
from collections import namedtuple
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
from pipeline.training import batches as loading
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


pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
GPU = torch.device("meta")  # stands for one: it is no CPU, so that workers load


def damage(data, how):
    """Damage the image that is called 3: leave it out, or replace its bytes."""
    with create(data.folder / "images.zip") as add:
        for n in range(21):
            if n != 3:
                add(f"{n}.jpg", to_jpeg(Image.new("RGB", (64, 64))))
            elif how != "missing":
                add(
                    "3.jpg", to_jpeg(Image.effect_noise((64, 64), 50).convert("RGB"))[:300] if how == "cut" else b"text"
                )


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "how, said",
    [
        ("missing", "images.zip: holds no '3.jpg'"),
        ("cut", "3.jpg cannot be decoded"),
        ("text", "cannot be decoded"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_a_bad_picture_is_one_line_with_workers_too(data, monkeypatch, workers, how, said, training):
    damage(data, how)
    monkeypatch.setattr(loading, "_workers", lambda size: workers)
    job = SimpleNamespace(process_index=0, num_processes=1, device=GPU)
    with pytest.raises(InputError) as raised:
        if training:
            list(TrainingBatches(data, 4, 32, seed=3).loader(range(4), job))
        else:
            list(load_whole(data, test_batches(data, np.arange(21)), GPU))
    assert said in str(raised.value) and "\n" not in str(raised.value) and "Traceback" not in str(raised.value)


def test_workers_load_what_the_process_itself_would(data, monkeypatch):
    monkeypatch.setattr(loading, "_workers", lambda size: 2)
    jobs = [SimpleNamespace(process_index=0, num_processes=1, device=d) for d in (GPU, torch.device("cpu"))]
    theirs, own = (list(TrainingBatches(data, 4, 32, seed=3).loader(range(2), job)) for job in jobs)
    assert len(theirs) == len(own) == 6
    assert all(torch.equal(a, b) for one, two in zip(theirs, own, strict=True) for a, b in zip(one, two, strict=True))
    theirs, own = (list(load_whole(data, test_batches(data, np.arange(21)), job.device)) for job in jobs)
    assert all(one[0] == two[0] and torch.equal(one[1], two[1]) for one, two in zip(theirs, own, strict=True))


@pytest.mark.parametrize("megabytes, local, workers", [(64, 1, 1), (1000, 1, 8), (64, 2, 0), (200, 1, 5), (10, 1, 0)])
def test_shared_memory_is_looked_at_first(tmp_path, monkeypatch, capsys, megabytes, local, workers):
    """A step of 32 images of 448 px has 19 MB; a container has 64 if nobody asks for more."""
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(loading, "SHARED", tmp_path)
    monkeypatch.setattr(loading, "cores", lambda: 16)
    monkeypatch.setattr(loading.shutil, "disk_usage", lambda path: usage(megabytes * 10**6))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(local))
    assert loading._workers(32 * 3 * 448**2) == workers
    said = capsys.readouterr().out
    assert (said == "") == (workers == 8) and ("--shm-size=1g" in said) == (workers < 8)
    monkeypatch.setattr(loading, "SHARED", tmp_path / "missing")  # macOS has no such folder
    assert loading._workers(32 * 3 * 448**2) == 8


def test_the_largest_batch_decides_how_much_shared_memory_is_needed(data, monkeypatch):
    asked = []
    monkeypatch.setattr(loading, "_workers", lambda size: asked.append(size) or 0)
    list(load_whole(data, test_batches(data, np.arange(21)), GPU))
    job = SimpleNamespace(process_index=1, num_processes=3, device=GPU)
    TrainingBatches(data, 4, 32, seed=3).loader(range(1), job)
    assert asked == [7 * 64 * 32 * 3, 2 * 32 * 32 * 3], "7 images of 64 x 32, and a process's share of 4, rounded up"
