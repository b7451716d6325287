"""Trainings that are killed, stopped or run out of disk go on to the same bytes."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

import command_line
import forked
import toy
from conftest import TINY, write_params
from pipeline.training import checkpoint

pytestmark = pytest.mark.slow
TRAIN = ("train", "tiny", "ours", "--images", "data/scale-1", "--out")
STAGE = "train-ours-0-1"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, empty_store):
    """A project whose training ended without being disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    tiny = {section: dict(values) for section, values in TINY.items()}
    tiny["train"] |= {"epochs": 5, "test_every": 5}
    tiny["network"]["backbone"] = "mobilenetv3_small_050"
    write_params(folder, {"tiny": tiny})
    shutil.copy(empty_store, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        command_line.run("download", "tiny", "--out", "data/raw")
        command_line.run("prepare", "tiny", "--raw", "data/raw", "--out", "data/scale-1")
        forked.run(*TRAIN, "runs/train")
    return folder


@pytest.fixture
def prepared(project, whole):
    """The same, before any training."""
    for name in ("data", "params.yaml"):
        (shutil.copytree if (whole / name).is_dir() else shutil.copy)(whole / name, project / name)
    return project


def kept(stage=STAGE):
    return Path(f"runs/unfinished/tiny/{stage}/checkpoint.safetensors")


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def kill(process, how):
    """Kill it once an epoch is over; return what it said."""
    toy.until(lambda: kept().exists() or process.status is not None, 120)
    os.kill(process.pid, how)
    output = process.end(timeout=30)
    assert not Path("runs/killed").exists()
    return output


def test_a_killed_training_goes_on_to_the_same_bytes_in_the_same_run(prepared, whole):
    killed = forked.start("launch", *TRAIN, "runs/killed")
    kill(killed, signal.SIGKILL)
    assert killed.status == -signal.SIGKILL
    output = forked.run(*TRAIN, "runs/killed")  # however it is started
    assert "are done; going on from there" in output and "epoch 1/5" not in output
    assert contents("runs/killed") == contents(whole / "runs" / "train")
    assert not kept().parent.exists()
    client = mlflow.MlflowClient(f"sqlite:///{prepared / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert [(run.info.run_name, run.info.status) for run in runs] == [(f"tiny/{STAGE}", "FINISHED")]
    assert {m.step for m in client.get_metric_history(runs[0].info.run_id, "train/loss")} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_training_says_how_to_go_on(prepared, whole, how):
    stopped = forked.start(*TRAIN, "runs/killed")
    output = kill(stopped, how)
    assert stopped.status == 130 and "Traceback" not in output
    assert f"tiny/{STAGE} was stopped; its checkpoint lies in runs/unfinished/tiny/{STAGE}: 'dvc repro'" in output
    forked.run(*TRAIN, "runs/killed")
    assert contents("runs/killed") == contents(whole / "runs" / "train")


def test_a_process_that_dies_ends_the_job_and_the_next_one_goes_on(prepared):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "pipeline"]
    job = subprocess.Popen([*torchrun, *TRAIN, "runs/two"], stdout=-1, stderr=-2, text=True)
    toy.until(lambda: kept().exists() or job.poll() is not None, 120)
    subprocess.run(["pkill", "-9", "--newest", "-P", str(job.pid)], check=True)
    output, _ = job.communicate(timeout=60)
    assert job.returncode != 0 and not Path("runs/two").exists(), output
    said, _ = forked.run_together(2, *TRAIN, "runs/two")
    assert "are done; going on from there" in said and "epoch 5/5" in said


def test_a_disk_that_fills_up_during_a_training_costs_no_epoch(prepared, whole):
    """No file may grow beyond a million bytes from the second epoch on: its checkpoint cannot be written."""
    training = forked.start(*TRAIN, "runs/full")
    toy.until(lambda: kept().exists() or training.status is not None, 120)
    resource.prlimit(training.pid, resource.RLIMIT_FSIZE, (10**6, 10**6))
    output = training.end(timeout=60)
    assert training.status == 1 and "Traceback" not in output and not Path("runs/full").exists(), output
    assert f"error: {kept()}: cannot be written" in output and "free some space and run again" in output
    output = forked.run(*TRAIN, "runs/full")
    assert "are done; going on from there" in output and "epoch 1/5" not in output
    assert contents("runs/full") == contents(whole / "runs" / "train")


def test_a_training_whose_files_a_thread_writes_goes_on_to_the_same_bytes(prepared, whole, monkeypatch):
    """As on a GPU. Stopped after its second epoch, by an error of the log; then gone on with."""
    from pipeline.tracking.run import Run

    monkeypatch.setattr(checkpoint, "_on_gpu", lambda network: True)
    epoch = Run.epoch

    def stop(run, row):
        epoch(run, row)
        if row["epoch"] == 3:
            raise RuntimeError("stopped")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr(Run, "epoch", stop)
        command_line.run(*TRAIN, "runs/killed")
    assert "epochs 1 to 2 are done" in command_line.run(*TRAIN, "runs/killed")
    assert contents("runs/killed") == contents(whole / "runs" / "train") and not kept().parent.exists()
