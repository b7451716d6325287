"""What MLflow gets, and from whom."""

import subprocess
from pathlib import Path

import mlflow
import pytest

from pipeline import params
from pipeline.tracking import run as tracking


@pytest.fixture
def store(finished, monkeypatch):
    monkeypatch.chdir(finished)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{finished / 'mlflow.db'}")
    mlflow.set_tracking_uri(f"sqlite:///{finished / 'mlflow.db'}")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(None)


def runs(store):
    experiment = store.get_experiment_by_name("tiny")
    return {run.info.run_name: run for run in store.search_runs([experiment.experiment_id])}


def test_every_stage_that_computes_has_a_run(store):
    cells = [f"{run}-{scale}" for run in ("ours-0", "baseline-0") for scale in (1, 2, 3)]
    cells += ["ours-1-1", "baseline-1-1", "n-1-0-1", "n-1-0-2", "local-0-1", "object-0-1"]
    cells += ["two-heads-0-1", "two-heads-0-2", "centred-0-2"]  # at scale 1 the network of centred is that of ours
    expected = {f"tiny/{stage}-{cell}" for stage in ("train", "attend") for cell in cells}
    assert set(runs(store)) == expected | {"tiny/evaluate", "tiny/compare", "tiny/report"}


def test_a_training_run(store):
    run = runs(store)["tiny/train-ours-0-2"]
    assert run.data.params["train.lr"] == "0.001" and run.data.params["network.backbone"] == "test_resnet"
    both = {f"{split}/acc_{level}" for split in ("train", "test") for level in ("loc", "obj", "avg")}
    others = {f"train/{name}" for name in ("l_loc", "l_obj", "loss", "attended", "cells_right", "lr", "images_per_s")}
    assert set(run.data.metrics) == both | others | {"test/accuracy"}
    assert len(store.get_metric_history(run.info.run_id, "train/l_loc")) == 2
    assert run.data.tags["dvc.stage"] == "some-stage@tiny"
    assert len(run.inputs.dataset_inputs[0].dataset.digest) == 16
    assert run.info.status == "FINISHED"


@pytest.mark.parametrize("variant, level", [("ours", "avg"), ("n-1", "avg"), ("local", "loc"), ("baseline", "obj")])
def test_one_test_metric_ranks_all_networks_by_the_level_that_was_trained(store, variant, level):
    """And a training and its attend stage say the same."""
    for stage in ("train", "attend"):
        metrics = runs(store)[f"tiny/{stage}-{variant}-0-1"].data.metrics
        assert metrics["test/accuracy"] == metrics[f"test/acc_{level}"] == round(metrics["test/accuracy"], 2)


def test_what_attention_covers_is_of_the_test_images_alone(store, finished):
    """The stage attends to training images too, which the next scale is cut from."""
    metrics = runs(store)["tiny/attend-ours-0-1"].data.metrics
    evaluated = runs(store)["tiny/evaluate"].data.metrics
    assert metrics["test/attended"] == evaluated["test/attended.1"]
    assert metrics["test/constant"] == evaluated["test/constant.1"]


def test_tags_and_a_description_say_which_training_it_is(store):
    tags = runs(store)["tiny/attend-n-1-0-2"].data.tags
    named = {name: tags[name] for name in ("dataset", "stage", "variant", "seed", "scale")}
    assert named == {"dataset": "tiny", "stage": "attend", "variant": "n-1", "seed": "0", "scale": "2"}
    assert tags["mlflow.note.content"] == (
        "`attend` of variant `n-1` with seed 0 at scale 2 on `tiny`. Report: `reports/tiny/index.html`"
    )
    tags = runs(store)["tiny/compare"].data.tags
    assert tags["mlflow.note.content"].startswith("`compare` on `tiny`. Report: ") and "variant" not in tags


def test_an_experiment_of_dvc_is_tagged_by_its_name(monkeypatch):
    assert "dvc.exp_name" not in tracking._tags("tiny", "train")
    monkeypatch.setenv("DVC_EXP_NAME", "slow-rate")
    assert tracking._tags("tiny", "train")["dvc.exp_name"] == "slow-rate"


def test_attention_pictures(store):
    run = runs(store)["tiny/attend-ours-0-1"]
    assert "attention.png" in [artifact.path for artifact in store.list_artifacts(run.info.run_id)]


def test_the_evaluation(store):
    run = runs(store)["tiny/evaluate"]
    assert {"test/acc_avg.ms", "test/acc_loc.1", "test/iou.1"} <= set(run.data.metrics)
    assert run.data.params["download.reader"] == "birdlets" and run.data.params["attend.region"] == "all"


def test_other_processes_log_nothing(project):
    (project / "mlflow.db").unlink()
    with tracking.run("tiny", "train-1", {}, is_main=False) as run:
        run.metrics({"a": 1.0})
    assert not (project / "mlflow.db").exists()


def test_a_run_that_the_environment_names_is_left_alone(project, monkeypatch):
    """MLFLOW_RUN_ID is set by whoever starts the pipeline as a step of a run of theirs: each stage's is its own."""
    with tracking.run("tiny", "train-1", {}) as first:
        pass
    monkeypatch.setenv("MLFLOW_RUN_ID", first.id)
    with tracking.run("tiny", "train-2", {}) as second:
        second.metrics({"loss": 1.0})
    assert second.id not in (None, first.id)
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    assert client.get_run(first.id).data.metrics == {} and client.get_run(second.id).data.metrics == {"loss": 1.0}


def test_git_commit_is_tagged(project):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    tags = tracking._tags("tiny", "train-1")
    assert tags["git.commit"] == head and tags["git.dirty"] == "false"


def test_what_runs_write_themselves_makes_git_no_dirtier(project):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    written = [Path("dvc.lock"), Path("cells.yaml"), Path("reports/metrics/tiny.json")]
    Path("reports/metrics").mkdir(parents=True)
    for path in (*written, Path("reports/expected.yaml")):
        path.write_text("before")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    for path in written:
        path.write_text("after")
    assert tracking._tags("tiny", "train")["git.dirty"] == "false"
    for path in (Path("params.yaml"), Path("reports/expected.yaml")):
        before = path.read_text()
        path.write_text(f"{before}# edited\n")
        assert tracking._tags("tiny", "train")["git.dirty"] == "true"
        path.write_text(before)


def test_a_user_id_without_a_name(monkeypatch):
    """As in a container that runs under a number."""

    def nobody():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert tracking._tags("tiny", "train-1")["mlflow.user"] == "12345"


def test_without_git_no_commit_is_tagged(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    assert not {name for name in tracking._tags("tiny", "train-1") if "git" in name}


def test_names_that_are_no_utf8_are_shown_with_their_bytes(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/home/\udcff/pipeline", "train"])
    assert tracking._tags("tiny", "train-1")["mlflow.source.name"] == "/home/\\udcff/pipeline train"


def test_flatten(project):
    flat = tracking.flatten(dict(params.read("tiny")))
    assert flat["train.lr"] == 0.001 and flat["download.reader"] == "birdlets"
