"""What a registered model answers, and what it says of a request that it cannot answer."""

import base64
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline import images
from pipeline.cli import app
from pipeline.disk import imageset, predictions
from pipeline.serving import served
from pipeline.serving.served import Refused, Served


@pytest.fixture
def model(finished):
    """The tiny project's model, loaded as MLflow loads it."""
    model = Served()
    model.load_context(SimpleNamespace(artifacts={"model": str(finished / "runs/tiny/model")}))
    return model


@pytest.fixture
def originals(finished):
    """The files of the test split, by id."""
    index, pack = imageset.read_originals(finished / "data/raw/tiny")
    return {row.id: pack.read(row.file) for row in index[index.split == "test"].itertuples()}


def request(*contents):
    return pd.DataFrame({"image": [base64.b64encode(content).decode() for content in contents]})


def test_originals_get_the_answers_of_evaluate_and_of_predict(finished, originals, model, tmp_path, monkeypatch):
    answers = model.predict(None, request(*originals.values()), {"top_k": 10})
    scales = [predictions.read_predictions(finished / f"runs/tiny/attend/ours-0/scale-{s}") for s in (1, 2, 3)]
    rows = [scales[0].id.tolist().index(identity) for identity in originals]
    evaluated = predictions.over_scales([one.avg for one in scales])[rows]
    for found, expected in zip(answers, evaluated, strict=True):
        assert np.abs([one["probability"] for one in found["top"]] - np.sort(expected)[::-1]).max() < 1e-5
    monkeypatch.chdir(tmp_path)
    for identity, content in originals.items():
        (tmp_path / f"{identity}.bmp").write_bytes(content)
    words = ["predict", ".", "--model", str(finished / "runs/tiny/model"), "--format", "jsonl", "--top-k", "10"]
    output = CliRunner().invoke(app, [*words, "--device", "cpu"], catch_exceptions=False).stdout
    predicted = {row.pop("path"): row for row in map(json.loads, output.splitlines())}
    for identity, found in zip(originals, answers, strict=True):
        expected = predicted[f"{identity}.bmp"]
        assert close(found) == close(expected) and [*found] == [*expected]


def close(row):
    """Return a row that equals another whose probabilities differ by 1e-5 at most."""
    top = {one["class"]: pytest.approx(one["probability"], abs=1e-5) for one in row["top"]}
    return {**row, "top": top}


def test_a_request_says_how_many_classes_it_wants(originals, model):
    one = request(next(iter(originals.values())))
    assert [len(model.predict(None, one, words)[0]["top"]) for words in ({"top_k": 2}, {"top_k": 99}, None)] == [
        2,
        10,
        5,
    ]


def test_base64_may_be_broken_into_lines(originals, model):
    content = next(iter(originals.values()))
    broken = pd.DataFrame({"image": [base64.encodebytes(content).decode()]})
    assert model.predict(None, broken) == model.predict(None, request(content))


@pytest.mark.parametrize(
    "texts, words",
    [
        (["no base64!"], "image 2: is no base64 ("),
        (["data:image/png;base64,aGVsbG8="], "image 2: is no base64 ("),
        (["鳥"], "image 2: is no base64 ("),
        (["aGVsbG8="], "image 2: cannot be decoded (its content is no picture of a format that Pillow reads)"),
        ([""], "image 2: cannot be decoded (it is empty)"),
        ([None], "image 2: must be text, a picture's file in base64, got None"),
        ([5], "image 2: must be text, a picture's file in base64, got 5"),
        ([["a"]], "image 2: must be text, a picture's file in base64, got ['a']"),
    ],
)
def test_what_is_no_picture_is_said_in_a_line_and_none_is_answered(originals, model, monkeypatch, texts, words):
    monkeypatch.setattr(model, "_ready", None)  # which would be asked
    rows = pd.DataFrame({"image": [*request(next(iter(originals.values()))).image, *texts]}, dtype=object)
    with pytest.raises(Refused) as caught:
        model.predict(None, rows)
    assert caught.value.get_http_status_code() == 400 and caught.value.message.startswith(words)


@pytest.mark.parametrize("top_k", [0, -1])
def test_no_classes_cannot_be_meant(originals, model, top_k):
    with pytest.raises(Refused, match=rf"^top_k: must be 1 or more, got {top_k}$"):
        model.predict(None, request(*originals.values()), {"top_k": top_k})


def test_no_pictures_are_said(model):
    with pytest.raises(Refused, match=r"^image: no picture"):
        model.predict(None, request())


def test_a_request_holds_as_many_pixels_as_a_picture_may_have(originals, model, monkeypatch):
    assert served.PIXELS == 2 * Image.MAX_IMAGE_PIXELS
    contents = list(originals.values())[:2]
    sizes = [images.open_rgb(content, "").size for content in contents]
    total = sum(width * height for width, height in sizes)
    monkeypatch.setattr(served, "PIXELS", total)
    assert len(model.predict(None, request(*contents))) == 2
    monkeypatch.setattr(served, "PIXELS", total - 1)
    with pytest.raises(Refused, match=r"^image 2: with it there are more than"):
        model.predict(None, request(*contents))


def test_the_server_sends_the_words_without_the_request_that_it_puts_before_them():
    refused = Refused.invalid_parameter_value("image 1: is no base64")
    refused.message = "Failed to predict data '...'. \nError: image 1: is no base64"
    assert json.loads(refused.serialize_as_json())["message"] == "image 1: is no base64"
    long = Refused.invalid_parameter_value("x" * 10_000)
    assert len(long.serialize_as_json()) < 500
