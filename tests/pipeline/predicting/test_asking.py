"""A picture that arrives as bytes gets the answer that its file gets."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline import images, recogniser
from pipeline.disk import imageset
from pipeline.errors import InputError
from pipeline.predicting import asking
from pipeline.predicting.sources import Source


@pytest.fixture
def ready(finished):
    model = finished / "runs/tiny/model"
    return asking.load(model, recogniser.read(model), "cpu")


def test_the_bytes_of_a_file_are_answered_for_as_its_picture(finished, ready):
    index, pack = imageset.read_originals(finished / "data/raw/tiny")
    content = pack.read(index.file[0])
    (expected,) = ready.answer([images.open_rgb(content, "a")])
    answer = asking.answer(ready, content)
    assert answer.size == expected.size and np.array_equal(answer.probabilities, expected.probabilities)


def test_bytes_of_no_picture_are_one_line(ready):
    with pytest.raises(InputError, match=r"^picture: cannot be decoded \(its content is no picture .*\)"):
        asking.answer(ready, b"<html>")


def test_the_only_model_is_found_where_runs_are(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished)
    assert asking.only_model().as_posix() == "runs/tiny/model"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="--model: name the folder of an exported model; there is none"):
        asking.only_model()


@pytest.mark.parametrize("device, asked, batch", [("cpu", None, 8), ("cpu", 3, 3), ("cuda", None, 32)])
def test_a_cpu_is_asked_about_few_pictures_at_once(monkeypatch, device, asked, batch):
    """Of more, the heap keeps holes that grow with every new shape of a batch."""
    seen = []
    ready = SimpleNamespace(device=torch.device(device), answer=lambda originals, number: seen.append(number) or [])
    monkeypatch.setattr(asking.sources, "read", lambda source: InputError("not to be read"))
    [*asking.answers(ready, [Source("a")], asked)]
    assert seen == [batch]
