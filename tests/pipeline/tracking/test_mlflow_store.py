"""Which store runs go to, and where their files lie."""

import mlflow
import pytest

from pipeline.tracking import mlflow_store, outbox
from pipeline.tracking import run as tracking


@pytest.fixture
def copy(project, monkeypatch):
    """Stand in a copy of the project, as DVC makes for 'dvc exp run --temp'."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(None)
    folder = project / ".dvc" / "tmp" / "exps" / "standalone" / "tmpabc"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_the_project_of_a_copy_is_the_one_that_was_copied(project, copy, monkeypatch):
    assert mlflow_store.project() == project
    monkeypatch.chdir(project)
    assert mlflow_store.project() == project


@pytest.mark.parametrize("uri", [None, "sqlite:///mlflow.db", "absolute"])
def test_an_experiment_in_a_copy_logs_to_the_projects_store(project, copy, monkeypatch, uri):
    if uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("absolute", f"sqlite:///{project / 'mlflow.db'}"))
    (copy / "results").mkdir()
    (copy / "results" / "a.txt").write_text("content")
    with tracking.run("tiny", "train-ours-0-1", {}) as run:
        run.metrics({"loss": 1.0})
        run.files(copy / "results")
    assert not list(copy.glob("mlflow.db*")) and not (copy / "mlruns").exists()
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert run.data.metrics == {"loss": 1.0}
    assert [path.name for path in (project / "mlruns").rglob("*.txt")] == ["a.txt"]


def test_what_a_copy_could_not_send_is_kept_in_the_project(project, copy, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with tracking.run("tiny", "train-ours-0-1", {}):
        pass
    assert len(list((project / outbox.FOLDER).iterdir())) == 1 and not (copy / "runs").exists()
