"""DVC's experiments in a copy of the project run the copy's code, and their MLflow runs are the project's."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from ruamel.yaml import YAML

from conftest import checkout

pytestmark = pytest.mark.long
TARGET = "train@tiny-ours-0-1"
DVC = [sys.executable, "-m", "dvc"]
GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]


@pytest.fixture
def repository(project, write_recipe, tiny, monkeypatch):
    """A checkout in git and in DVC, whose experiments log to its own store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(None)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@b.c")
    write_recipe(tiny=tiny)
    checkout(project)
    Path(".gitignore").write_text("/data/\n/runs/\n/mlflow.db*\n/mlruns/\n__pycache__/\n/reports/*\n")
    run(*GIT, "init", "-q")
    run(*DVC, "init", "-q")
    run(*DVC, "config", "core.analytics", "false")
    run(*DVC, "repro", "-q", TARGET)
    run(*GIT, "add", "--all")
    run(*GIT, "commit", "-q", "-m", "first")
    return project


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outputs(lock):
    """The digests of what the stages wrote, of a dvc.lock."""
    stages = YAML(typ="safe").load(lock)["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}


def trainings():
    client = mlflow.MlflowClient(f"sqlite:///{Path('mlflow.db').resolve()}")
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    return [run.info.status for run in runs if run.info.run_name == "tiny/train-ours-0-1"]


def change_a_constant(quality):
    source = Path("pipeline/images.py")
    before = source.read_text()
    source.write_text(before.replace("QUALITY = 95", f"QUALITY = {quality}"))
    assert source.read_text() != before


def test_an_experiment_in_a_copy_runs_the_copys_code(repository):
    before, runs = outputs(Path("dvc.lock").read_text()), 1
    for how, quality in (("--temp", 50), ("--queue", 60)):
        change_a_constant(quality)
        run(*DVC, "exp", "run", how, "-n", f"quality-{quality}", TARGET)
        run(*GIT, "checkout", "-q", ".")  # what is queued keeps its own code
        if how == "--queue":
            run(*DVC, "exp", "run", "--run-all", "-j", "1")
        runs += 1
        assert trainings() == ["FINISHED"] * runs, "its run is in the project's store"
        references = run(*GIT, "for-each-ref", "--format=%(refname)").split()
        (reference,) = [name for name in references if name.endswith(f"/quality-{quality}")]
        there = outputs(run(*GIT, "show", f"{reference}:dvc.lock"))
        assert there["data/raw/tiny"] == before["data/raw/tiny"]
        untouched = {"data/raw/tiny", "runs/tiny/weights/ours.safetensors"}
        assert all(there[path] != before[path] for path in before.keys() - untouched)
        change_a_constant(quality)
        run(*DVC, "repro", "-q", TARGET)
        assert outputs(Path("dvc.lock").read_text()) == there, "the same change, in the workspace"
        run(*GIT, "checkout", "-q", ".")
        run(*DVC, "repro", "-q", TARGET)
        assert outputs(Path("dvc.lock").read_text()) == before
