"""Which store runs go to, and where their files lie."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import mlflow
import pytest

from pipeline.tracking import mlflow_store, outbox
from pipeline.tracking import run as tracking


@pytest.fixture(autouse=True)
def fresh_stores(monkeypatch):
    """MLflow keeps a store for each address, for the life of a process; here a relative one names another each time."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._tracking_service import utils

    def forget():
        monkeypatch.setattr(SqlAlchemyStore, "_engine_map", {})
        utils._tracking_store_registry._get_store_with_resolved_uri.cache_clear()

    forget()
    return forget


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
    with tracking.run("tiny", "train", {}) as run:
        run.metrics({"loss": 1.0})
        run.files(copy / "results")
    assert not list(copy.glob("mlflow.db*")) and not (copy / "mlruns").exists()
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert run.data.metrics == {"loss": 1.0}
    assert [path.name for path in (project / "mlruns").rglob("*.txt")] == ["a.txt"]


def test_what_a_copy_could_not_send_is_kept_in_the_project(project, copy, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with tracking.run("tiny", "train", {}):
        pass
    assert len(list((project / outbox.FOLDER).iterdir())) == 1 and not (copy / "runs").exists()


@pytest.mark.parametrize("name", ["my birds", "a#b", "50%41", "Vögel", "it's"])
def test_the_default_store_lies_in_the_project_whatever_its_path(tmp_path, monkeypatch, empty_store, name):
    """MLflow escapes its default's path, and makes a folder of the escaped name beside the project."""
    (tmp_path / name / "results").mkdir(parents=True)
    shutil.copy(empty_store, tmp_path / name)
    (tmp_path / name / "results" / "a.txt").touch()
    monkeypatch.chdir(tmp_path / name)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow.set_tracking_uri(None)
    with tracking.run("tiny", "train", {}) as run:
        run.files(Path("results"))
    assert run.id and [path.name for path in tmp_path.iterdir()] == [name] and not outbox.FOLDER.exists()
    assert len(list(Path("mlruns").rglob("a.txt"))) == 1
    with sqlite3.connect("mlflow.db") as database:
        assert database.execute("select run_uuid from runs").fetchall() == [(run.id,)]


def test_an_experiment_in_a_copy_leaves_a_servers_files_to_the_server(copy, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    created = []

    class Client:
        def get_experiment_by_name(self, name):
            return None

        def create_experiment(self, name, artifacts):
            created.append(artifacts)
            return "1"

    assert mlflow_store.experiment(Client(), "tiny") == "1" and created == [None]


@pytest.fixture
def said(project, monkeypatch, capsys):
    """What a stage says of a store, its words as MLflow has them."""

    def say(uri):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        mlflow.set_tracking_uri(None)
        capsys.readouterr()  # what was said before
        with tracking.run("tiny", "train", {}):
            pass
        (line,) = capsys.readouterr().err.splitlines()
        assert len(list(outbox.FOLDER.iterdir())) == 1
        return line

    return say


def test_a_store_in_files_is_refused_in_mlflows_words_to_the_end(project, said):
    line = said((project / "store").as_uri())
    assert "`mlflow migrate-filestore`" in line and "MLFLOW_ALLOW_FILE_STORE=true" in line and "'pipeline send'" in line


@pytest.mark.parametrize("revision, words", [("acf3f17fdcc7", "'mlflow db upgrade"), ("ffffffffffff", "newer MLflow")])
def test_a_database_of_another_version(project, said, fresh_stores, revision, words):
    uri = f"sqlite:///{project / 'mlflow.db'}"
    mlflow.MlflowClient(uri).search_experiments()
    with sqlite3.connect(project / "mlflow.db") as database:
        database.execute("update alembic_version set version_num = ?", [revision])
    fresh_stores()
    assert words in said(uri)


def test_a_file_that_is_no_database(project, said):
    (project / "mlflow.db").write_text("something else, and more than a few bytes of it" * 20)
    assert "file is not a database" in said(f"sqlite:///{project / 'mlflow.db'}")
    assert (project / "mlflow.db").read_text().startswith("something else")


@pytest.mark.parametrize(
    "status, body, words",
    [
        (401, "no", "MLFLOW_TRACKING_USERNAME"),
        (403, "no", "MLFLOW_TRACKING_TOKEN"),
        (404, "<html>" + "not here " * 1000, "does MLFLOW_TRACKING_URI name an MLflow server?"),
        (200, "<html>log in</html>", "does MLFLOW_TRACKING_URI name an MLflow server?"),
        (500, "broken", "500 error responses"),
    ],
)
def test_a_server_that_is_none_or_refuses(said, status, body, words):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        line = said(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert words in line and len(line) < 2500


def test_a_database_that_cannot_be_written_is_said_in_one_line(project):
    """MLflow logs a traceback of its own besides."""
    mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}").search_experiments()
    code = "from pipeline.tracking import run as tracking\nwith tracking.run('tiny', 'train-1', {}): pass"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///file:{project}/mlflow.db?mode=ro&uri=true"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert "attempt to write a readonly database" in line and "let this user write the file and its folder" in line
    assert len(list(outbox.FOLDER.iterdir())) == 1
