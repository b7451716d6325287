"""A model that is registered is found, answers and says where it comes from; what cannot be registered is a line."""

import base64
import hashlib
import shutil
import sys
from types import SimpleNamespace

import mlflow
import pandas as pd
import pytest
from typer.testing import CliRunner

import registered
from pipeline import recogniser
from pipeline.cli import app
from pipeline.disk import imageset, text
from pipeline.tracking import run as tracking


@pytest.fixture(scope="module")
def store(finished, empty_store, tmp_path_factory):
    """A project in which 'pipeline register tiny' has been run: its folder, its client, the run, what was printed.

    Tests give aliases and versions of their own to it.
    """
    folder = tmp_path_factory.mktemp("registered")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(tracking, "_git", lambda *words: "a1b2c3" if words[0] == "rev-parse" else "")
        for name, value in registered.environment(folder).items():
            patch.setenv(name, value)
        run = registered.make(finished, folder, empty_store)
        said = register("tiny")
        client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        yield SimpleNamespace(folder=folder, client=client, run=run, said=said)


@pytest.fixture
def stand(store, monkeypatch):
    """Stand in that project."""
    monkeypatch.chdir(store.folder)
    for name, value in registered.environment(store.folder).items():
        monkeypatch.setenv(name, value)
    return store


def register(*words, status=0):
    """Run the command; return what it says, all of it."""
    result = CliRunner().invoke(app, ["register", *words], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output


def test_the_version_says_what_it_is_and_where_it_comes_from(stand):
    assert stand.said.splitlines()[-1] == "models:/tiny@champion: version 1, new"
    version = stand.client.get_model_version_by_alias("tiny", "champion")
    lock = hashlib.sha256((stand.folder / "dvc.lock").read_bytes()).hexdigest()
    assert version.tags | {"digest": ""} == {
        "digest": "",
        "git.commit": "a1b2c3",
        "git.dirty": "false",
        "dvc.lock": lock,
    }
    assert version.run_id == stand.run and version.description.startswith("# tiny: 10 classes, 3 scales")
    (output,) = stand.client.get_run(stand.run).outputs.model_outputs  # the run's page shows the model
    assert f"models:/{output.model_id}" == version.source
    assert stand.client.get_logged_model(output.model_id).source_run_id == stand.run


def test_it_is_loaded_anywhere_without_pickle_and_answers_as_evaluated(stand, finished, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(None)
    model = mlflow.pyfunc.load_model("models:/tiny@champion")
    index, pack = imageset.read_originals(finished / "data/raw/tiny")
    rows = index[index.split == "test"]
    asked = pd.DataFrame({"image": [base64.b64encode(pack.read(file)).decode() for file in rows.file]})
    told = text.read_table(finished / "runs/tiny/evaluate/predictions.csv", {}, [], "").set_index("id")
    assert [one["answer"] for one in model.predict(asked)] == told.ms[rows.id].tolist()
    names = {path.suffix for path in (stand.folder / "mlruns").rglob("*") if path.is_file()}
    assert names <= {".py", ".j2", ".json", ".yaml", ".txt", ".md", ".safetensors", ""}  # MLmodel has no suffix


def test_the_same_model_is_no_new_version_and_an_alias_moves(stand, monkeypatch):
    said = register("tiny", "--alias", "again")
    assert said.splitlines()[-1] == ("models:/tiny@again: version 1, that was there: same model, code and packages")
    assert register("tiny", "--alias", "again") == said
    numbers = {one.version for one in stand.client.search_model_versions("name = 'tiny'")}
    monkeypatch.setattr("pipeline.serving.package.requirements", lambda: ["torch==2.0"])
    other = register("tiny", "--alias", "again").splitlines()[-1]
    found = stand.client.get_model_version_by_alias("tiny", "again").version
    assert other == f"models:/tiny@again: version {found}, new" and found not in numbers
    assert stand.client.get_model_version_by_alias("tiny", "champion").version == 1


def test_without_the_run_of_its_evaluation_it_is_registered_and_says_so(stand, monkeypatch):
    monkeypatch.setattr("pipeline.serving.package.digest", lambda _: "another")
    monkeypatch.setattr("pipeline.tracking.registry.Registry.run_with", lambda *_: None)
    said = register("tiny", "--alias", "unlinked").splitlines()[-1]
    assert said.endswith(", new; the store has no run of 'evaluate' with its accuracies to link to")
    assert stand.client.get_model_version_by_alias("tiny", "unlinked").run_id is None


def without_model(folder):
    shutil.rmtree(folder / "runs/tiny/model")


def of_another(folder):
    description = recogniser.read(folder / "runs/tiny/model")
    recogniser.write_description(folder / "runs/tiny/model", description.model_copy(update={"dataset": "other"}))


def without_images(folder):
    (folder / "data/tiny/scale-1/index.csv").unlink()


BAD = {
    "unknown dataset": (None, ["nobody"], "params.yaml: there is no recipe for 'nobody'; recipes: tiny"),
    "not exported": (without_model, ["tiny"], "runs/tiny/model: has no model.json, so it is no exported model; 'dvc"),
    "of another dataset": (of_another, ["tiny"], "runs/tiny/model: is of 'other', not of 'tiny'; 'dvc repro export'"),
    "without images": (without_images, ["tiny"], "data/tiny/scale-1/index.csv: missing; 'dvc repro' makes it"),
    "alias": (None, ["tiny", "--alias", "a b"], "--alias 'a b': must be of letters, digits, - and _, and neither"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_registered_is_a_line_before_long_work_and_nothing_is_stored(
    finished, empty_store, tmp_path, monkeypatch, kind
):
    monkeypatch.chdir(tmp_path)
    for name, value in registered.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    registered.make(finished, tmp_path, empty_store)
    spoil, words, message = BAD[kind]
    if spoil:
        spoil(tmp_path)
    monkeypatch.setattr("pipeline.serving.package.write", lambda *_: 1 / 0)
    said = register(*words, status=1)
    assert said.startswith(f"error: {message}") and said.count("\n") == 1
    assert not mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_registered_models()


@pytest.mark.parametrize(
    "uri, words",
    [
        ("sqlite:///file:{}/mlflow.db?mode=ro&uri=true", "let this user write the file and its folder"),
        ("http://127.0.0.1:9", "Connection refused"),
    ],
    ids=["read only", "no server"],
)
def test_a_store_that_takes_nothing_is_a_line(stand, monkeypatch, uri, words):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(stand.folder))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("pipeline.serving.package.digest", lambda _: "yet another")
    monkeypatch.setattr("pipeline.serving.package.write", lambda folder, *_: folder.mkdir())
    before = len(stand.client.search_model_versions("name = 'tiny'"))
    said = register("tiny", status=1)
    assert said.startswith("error: MLflow's store does not take the model (") and said.count("\n") == 1
    assert words in said and len(stand.client.search_model_versions("name = 'tiny'")) == before
