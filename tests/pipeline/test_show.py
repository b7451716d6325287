"""The page of a trained model: the answers of 'predict', hostile uploads, the port."""

import json
import socket

import pytest
from typer.testing import CliRunner

import hostile
from pipeline import recogniser, show
from pipeline.cli import app
from pipeline.disk import imageset
from pipeline.errors import InputError
from pipeline.predicting import asking
from pipeline.showing import page
from served import request, served


@pytest.fixture(scope="module")
def model(finished):
    return finished / "runs/tiny/model"


@pytest.fixture(scope="module")
def port(model):
    description = recogniser.read(model)
    with served(page.make(asking.load(model, description, "cpu"), description, [])) as port:
        yield port


@pytest.fixture(scope="module")
def pictures(finished):
    """The bytes of two test originals."""
    index, pack = imageset.read_originals(finished / "data/raw/tiny")
    return [pack.read(file) for file in index[index.split == "test"].file[:2]]


def test_the_answer_is_that_of_predict(model, port, pictures, tmp_path):
    places = [tmp_path / f"{number}.bmp" for number in range(2)]
    for place, content in zip(places, pictures, strict=True):
        place.write_bytes(content)
    words = ["predict", *map(str, places), "--model", str(model), "--device", "cpu", "--format", "jsonl"]
    rows = [json.loads(line) for line in CliRunner().invoke(app, words).stdout.splitlines()]
    for row, content in zip(rows, pictures, strict=True):
        status, _, said = request(port, "/answer", content)
        shown = json.loads(said)
        assert status == 200 and shown["top"][0]["class"] == row["answer"]
        assert [one["class"] for one in shown["top"]] == [one["class"] for one in row["top"]]
        expected = [one["probability"] for one in row["top"]]
        assert [one["probability"] for one in shown["top"]] == pytest.approx(expected, abs=1e-5)
        assert (shown["width"], shown["height"]) == (row["width"], row["height"])
        for scale, other in zip(shown["scales"], row["scales"], strict=True):
            assert (scale["crop"], scale["attended"]) == (other["crop"], other["attended"])


def test_hostile_uploads_are_one_line_each_and_the_next_is_answered(port, pictures):
    for kind, (body, expected) in hostile.uploads(pictures[0]).items():
        status, _, said = request(port, "/answer", body)
        assert status == expected, (kind, status, said)
        assert "the picture" in (why := json.loads(said)["error"]) or "this is no picture" in why
        assert "\n" not in why and len(why) < 160
    assert request(port, "/answer", pictures[0])[0] == 200


def test_a_port_in_use_is_one_line_before_any_network_is_loaded(model, monkeypatch):
    monkeypatch.setattr("pipeline.predicting.asking.load", lambda *_: 1 / 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["show", "--model", str(model), "--port", str(number)])
    assert result.exit_code == 1
    expected = f"error: --port: {number} is in use; name another, or none to get one that is free"
    assert result.output.splitlines() == [expected]


def test_it_listens_on_loopback_alone():
    with show.listen(0) as waiting:
        assert waiting.getsockname()[0] == "127.0.0.1"


def test_damaged_examples_stop_nothing(model, monkeypatch, capsys):
    def damaged(*_):
        raise InputError("index.csv: damaged")

    monkeypatch.setattr(show.examples, "find", damaged)
    assert show._examples(recogniser.read(model)) == []
    assert capsys.readouterr().out == "no examples: index.csv: damaged\n"
