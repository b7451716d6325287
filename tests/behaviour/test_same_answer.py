"""A picture gets one answer and one probability for it wherever it is asked about, calibrated or not."""

import base64
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pipeline import evaluate, recogniser
from pipeline.cli import app
from pipeline.disk import imageset, predictions, text
from pipeline.predicting import asking
from pipeline.serving.served import Served
from pipeline.showing import page

pytestmark = pytest.mark.slow
CLOSE = 1e-5


@pytest.fixture(params=[("finished", 1.0), ("calibrated", 0.5)], ids=["as it is", "calibrated"])
def asked(request):
    """A project, the files of its test pictures by id, and the probabilities that all of them should get."""
    name, temperature = request.param
    project = request.getfixturevalue(name)
    index, pack = imageset.read_originals(project / "data/raw/tiny")
    contents = {row.id: pack.read(row.file) for row in index[index.split == "test"].itertuples()}
    folders = [project / f"runs/tiny/attend/ours-0/scale-{scale}" for scale in (1, 2, 3)]
    scales = [predictions.read_predictions(folder).of("test") for folder in folders]
    powers = (sum(scale.avg.astype(float) for scale in scales) / 3) ** (1 / temperature)
    expected = dict(zip(scales[0].id.tolist(), powers / powers.sum(axis=1, keepdims=True), strict=True))
    found = evaluate.final(scales, recogniser.read(project / "runs/tiny/model").calibration)
    assert np.abs(found - [expected[name] for name in scales[0].id]).max() < CLOSE
    return project, contents, expected


def assert_close(top, expected, names):
    """Compare named classes and their probabilities with those of all classes."""
    best = np.argsort(-expected, kind="stable")[: len(top)]
    assert top[0]["class"] == names[best[0]]
    assert np.abs([one["probability"] for one in top] - expected[best]).max() < CLOSE
    for one in top:
        assert one["probability"] == pytest.approx(expected[names.index(one["class"])], abs=CLOSE)


def test_evaluate_predict_the_page_and_the_served_model_say_the_same(asked, tmp_path, monkeypatch):
    project, contents, expected = asked
    model = project / "runs/tiny/model"
    description = recogniser.read(model)
    names = description.class_names
    told = text.read_table(project / "runs/tiny/evaluate/predictions.csv", {"confidence": float}, [], "").set_index(
        "id"
    )

    served = Served()
    served.load_context(SimpleNamespace(artifacts={"model": str(model)}))
    rows = pd.DataFrame({"image": [base64.b64encode(content).decode() for content in contents.values()]})
    answered = dict(zip(contents, served.predict(None, rows, {"top_k": 10}), strict=True))

    monkeypatch.chdir(tmp_path)
    for identity, content in contents.items():
        (tmp_path / f"{identity}.bmp").write_bytes(content)
    words = ["predict", ".", "--model", str(model), "--format", "jsonl", "--top-k", "10", "--device", "cpu"]
    lines = CliRunner().invoke(app, words, catch_exceptions=False).stdout.splitlines()
    predicted = {row["path"].removesuffix(".bmp"): row for row in map(json.loads, lines)}

    ready = asking.load(model, description, "cpu")
    assert set(told.index) == set(contents) == set(predicted)
    for identity, content in contents.items():
        best = expected[identity].argmax()
        assert told.ms[identity] == names[best]
        assert told.confidence[identity] == pytest.approx(expected[identity][best], abs=1e-4)
        assert answered[identity]["answer"] == predicted[identity]["answer"] == names[best]
        assert_close(answered[identity]["top"], expected[identity], names)
        assert_close(predicted[identity]["top"], expected[identity], names)
        assert_close(page.answer(ready, content, names)["top"], expected[identity], names)


def test_a_calibrated_model_says_so(calibrated, finished):
    card = (calibrated / "runs/tiny/model/README.md").read_text()
    assert "are calibrated, those of single scales are not: temperature 0.5, fitted on 7 training images" in card
    assert "Its probabilities are not calibrated" in (finished / "runs/tiny/model/README.md").read_text()
    before, after = (json.loads((one / "reports/metrics/tiny.json").read_text()) for one in (finished, calibrated))
    assert set(before["calibration_error"]) == {"uncalibrated"}
    assert (
        set(after["calibration_error"])
        == set(after["intervals"]["calibration_error"])
        == {
            "uncalibrated",
            "calibrated",
        }
    )
    same = set(before) - {"calibration_error", "intervals"}
    assert {name: before[name] for name in same} == {name: after[name] for name in same}, "not a point of accuracy"
    curves = [(calibrated / f"runs/tiny/evaluate/{name}.csv").read_bytes() for name in ("reliability", "uncalibrated")]
    assert curves[0] != curves[1] == (finished / "runs/tiny/evaluate/reliability.csv").read_bytes()
