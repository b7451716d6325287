"""Three scales as one thing answer for an original as the evaluation did, wherever their folder lies."""

import json
import shutil

import numpy as np
import pytest

from conftest import TINY, run_pipeline, write_params
from pipeline import images, recogniser
from pipeline.disk import files, imageset, predictions, text
from pipeline.disk.imageset import CROP
from pipeline.disk.predictions import ATTENDED
from pipeline.errors import InputError
from pipeline.predicting import asking


@pytest.fixture
def folder(finished, tmp_path, monkeypatch):
    """The tiny project's model, moved to where there is neither params.yaml nor DVC."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(finished / "runs/tiny/model", tmp_path / "elsewhere" / "renamed")


def load(folder):
    return asking.load(folder, recogniser.read(folder), "cpu")


@pytest.fixture
def originals(finished):
    """The original pictures of the test split, by id."""
    index, pack = imageset.read_originals(finished / "data/raw/tiny")
    rows = index[index.split == "test"].itertuples()
    return {row.id: images.open_rgb(pack.read(row.file), row.file) for row in rows}


def assert_as_evaluated(answers, identities, project):
    """Every scale's probabilities, boxes and crops, and the answers of all scales."""
    told = text.read_table(project / "runs/tiny/evaluate/predictions.csv", {}, [], "").set_index("id")
    names = np.array(recogniser.read(project / "runs/tiny/model").class_names)
    assert set(identities) == set(told.index)
    for scale in (1, 2, 3):
        views = [answer.views[scale - 1] for answer in answers]
        attended = project / f"runs/tiny/attend/ours-0/scale-{scale}"
        before = predictions.read_predictions(attended)
        rows = [before.id.tolist().index(identity) for identity in identities]
        for level in ("loc", "obj", "avg"):
            assert np.abs(getattr(before, level)[rows] - [getattr(view, level) for view in views]).max() < 1e-5, level
        boxes = predictions.read_boxes(attended, identities)[ATTENDED].to_numpy()
        assert np.array_equal(boxes, [view.attended for view in views])
        seen = "scale-1" if scale == 1 else f"ours-0/scale-{scale}"
        data = imageset.read(project / "data/tiny" / seen)
        crops = data.index.set_index("id").loc[identities, CROP].to_numpy()
        assert np.array_equal(crops, [view.crop for view in views])
        assert [data.read(identity) for identity in identities] == [view.jpeg for view in views]
        answered = names[[view.avg.argmax() for view in views]]
        assert answered.tolist() == told.loc[identities, f"scale_{scale}"].tolist()
    together = np.array([answer.probabilities for answer in answers])
    assert names[together.argmax(axis=1)].tolist() == told.loc[identities, "ms"].tolist()
    assert np.allclose(together.max(axis=1), told.loc[identities, "confidence"].astype(float), atol=1e-4)


def test_every_original_of_the_test_split_is_answered_as_the_evaluation_answered(finished, folder, originals):
    answers = load(folder).answer(list(originals.values()))
    assert_as_evaluated(answers, list(originals), finished)
    assert [answer.size for answer in answers] == [original.size for original in originals.values()]
    later = np.array([view.crop for answer in answers for view in answer.views[1:]])
    assert (later != recogniser.WHOLE).any()  # else this would not try how crops are cut


def test_alone_or_in_another_order_or_batch_a_picture_gets_the_same_answer(finished, folder, originals):
    ready, names = load(folder), list(originals)[::-1]
    alone = [ready.answer([originals[name]])[0] for name in names]
    assert_as_evaluated(alone, names, finished)
    assert_as_evaluated(ready.answer([originals[name] for name in names], batch=3), names, finished)


def test_every_reading_of_a_recipe_is_answered_by_as_it_was_evaluated(project, tiny):
    """All values whose default is the paper's are others here; so are answers, boxes and what model.json says."""
    tiny["network"] |= {"readout": "probabilities", "readout_cells": "attended", "averaging": "log_probabilities"}
    tiny["train"] |= {"loc_weight": 4.0, "label_smoothing": 0.1, "classifier_rate": 5.0}
    tiny["attend"] |= {"region": "mass", "mass": 0.6, "minimum": 0.2}
    write_params(project, {"tiny": tiny})
    run_pipeline(project)
    said = recogniser.read(project / "runs/tiny/model")
    assert "logarithms" in said.average["levels"] and said.recipe.network.readout == "probabilities"
    index, pack = imageset.read_originals(project / "data/raw/tiny")
    rows = list(index[index.split == "test"].itertuples())
    answers = load(project / "runs/tiny/model").answer([images.open_rgb(pack.read(r.file), r.file) for r in rows])
    assert_as_evaluated(answers, [row.id for row in rows], project)
    one = answers[0].views[0]
    assert one.avg == pytest.approx(np.sqrt(one.loc * one.obj) / np.sqrt(one.loc * one.obj).sum(), rel=1e-4)
    assert np.ptp(one.M.astype(np.float16)) > 0, "else the box of the mass would be the whole picture"


def test_no_pictures_have_no_answers(folder):
    assert load(folder).answer([]) == []


def change(folder, **values):
    """Change what model.json says, its digest with it."""
    said = files.read_json(folder / "model.json") | values
    if "digest" not in values:
        rest = {name: value for name, value in said.items() if name not in ("format", "version", "digest")}
        said["digest"] = recogniser._digest(rest)
    files.write_json(folder / "model.json", said)


def test_a_model_of_a_version_that_knew_no_calibration_is_read_and_answers_as_before(folder, originals):
    one = next(iter(originals.values()))
    (before,) = load(folder).answer([one])
    said = files.read_json(folder / "model.json")
    said.pop("calibration")
    files.write_json(folder / "model.json", said)
    change(folder, version=1)
    assert "calibration" not in files.read_json(folder / "model.json")
    (after,) = load(folder).answer([one])
    assert np.array_equal(before.probabilities, after.probabilities) and after.temperature == 1


def rename_a_class(folder):
    path = folder / "model.json"
    path.write_text(path.read_text().replace("red_crowned", "red_crown", 1))


def flip_a_bit(folder):
    path = folder / "scale-2" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


BAD = {
    "empty": (lambda folder: shutil.rmtree(folder) or folder.mkdir(), "has no model.json, so it is no exported model"),
    "no JSON": (lambda folder: (folder / "model.json").write_bytes(b"\x80\x04pickle"), "model.json: not UTF-8"),
    "a list": (lambda folder: (folder / "model.json").write_text("[]"), "must hold a JSON object"),
    "foreign": (lambda folder: (folder / "model.json").write_text('{"format": "gltf"}'), "is 'gltf', not"),
    "newer": (lambda folder: change(folder, version=3), "has format 3, and this code reads up to 2: take a newer"),
    "edited": (rename_a_class, "damaged or edited, its digest is of another content"),
    "a bit": (flip_a_bit, "scale-2/weights.safetensors: damaged or of another model, by its digest"),
    "a scale less": (lambda folder: shutil.rmtree(folder / "scale-3"), "scale-3/weights.safetensors: cannot be read"),
    "another encoding": (
        lambda folder: change(folder, images=recogniser.HOW | {"quality": 90}),
        "its images are made in a way that this code does not know",
    ),
    "no classes": (lambda folder: change(folder, class_names=[]), "model.json: class_names: List should have at least"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_folder_that_is_not_what_was_exported_is_one_line(folder, kind):
    spoil, message = BAD[kind]
    spoil(folder)
    with pytest.raises(InputError) as caught:
        load(folder)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_has_what_the_recipe_says_it_was_made_with(finished, folder):
    said = json.loads((folder / "model.json").read_text())
    assert said["images"]["quality"] == images.QUALITY and said["recipe"]["prepare"] == {"short_edge": 64}
    assert said["recipe"]["attend"] == TINY["attend"] | {"crops": "attention", "mass": 0.8}
    assert said["metrics"] == files.read_json(finished / "reports/metrics/tiny.json")
