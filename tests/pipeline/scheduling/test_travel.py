"""A training that a cluster's launcher starts: its words, its status, its signals, its log."""

import os
import signal
import subprocess
import sys
import time

import pytest

import toy
from pipeline.errors import InputError
from pipeline.scheduling import travel
from pipeline.tracking import outbox

CALL = "import sys; from pipeline.scheduling import travel; sys.exit(travel.run(sys.argv[1], sys.argv[2:]))"


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()


def launcher(tmp_path, script):
    """A cluster's launcher, as a script that gets its options and the command."""
    path = tmp_path / "srun"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def call(*words):
    return subprocess.run([sys.executable, "-c", CALL, *words], capture_output=True, text=True, check=False)


def test_the_launcher_gets_its_words_and_the_command_and_its_status_comes_back(tmp_path):
    srun = launcher(tmp_path, 'echo "$PIPELINE_AWAY|$1|$2"; shift 2; "$@"')
    done = call(f"{srun} -n1 '-c 8'", "train", "nobody", "--images", ".", "--out", "x")
    assert done.stdout == "1|-n1|-c 8\n" and done.returncode == 1
    assert done.stderr.startswith("error: params.yaml: not found"), "the command's own words"


def test_a_command_that_succeeds_is_believed_and_a_launcher_that_did_not_run_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "true")
    assert travel.run("env", ["train"]) == 0
    assert travel.run("true", ["train"]) == travel.LOST, "as srun after the failure of a node"
    assert not list((tmp_path / "runs").iterdir())


def test_a_launcher_that_is_not_there_is_a_line():
    with pytest.raises(InputError, match=r"^--through: 'sruhn' cannot be started \(No such file or directory\)$"):
        travel.run("sruhn -n1", ["train"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_launcher_as_sigterm(tmp_path, number):
    script = launcher(tmp_path, f"trap 'exit 42' TERM; touch {tmp_path}/on; sleep 60 & wait")
    caller = subprocess.Popen(
        [sys.executable, "-c", CALL, script, "train"],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (tmp_path / "on").exists():
        time.sleep(0.05)
    caller.send_signal(number)
    assert caller.wait(30) == 42


def test_away_from_the_store_a_run_goes_to_the_outbox_and_a_server_gets_it(project, monkeypatch):
    assert travel.AWAY == outbox.AWAY
    (project / "mlflow.db").unlink()
    monkeypatch.setenv(travel.AWAY, "1")
    store = outbox.Store("tiny", "tiny/train", {}, {}, None)
    store.send("end", status="FINISHED", time=1)
    assert not outbox.is_empty() and not (project / "mlflow.db").exists()
    monkeypatch.delenv(travel.AWAY)
    assert outbox.send_all() == 0 and outbox.is_empty() and (project / "mlflow.db").exists()
    monkeypatch.setenv(travel.AWAY, "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert outbox.mlflow_store.is_server()
    assert os.environ[travel.AWAY]


@pytest.mark.parametrize(
    "end",
    [
        "echo 'srun: error: node: task 0: Terminated' >&2; exit 143",
        "echo 'srun: error: Timed out waiting for job step to complete' >&2; exit 0",
        "echo 'srun: error: node: task 0: Killed' >&2; exit 137",
    ],
    ids=["ended by SIGTERM", "not ended by SIGTERM", "ended by SIGKILL"],
)
def test_what_a_time_limit_ended_is_started_again(project, end):
    """How srun ends at a time limit, as seen with SLURM (the first two); the second time there is time enough."""
    toy.make(project, layers=1, width=1, commands={"s0-0": "python3 -m pipeline launch train tiny ours"})
    (project / "runs").mkdir(exist_ok=True)
    srun = launcher(project, f'test -e tried || {{ touch tried; {end}; }}; echo done > s0-0.txt; touch "$4"')
    status, said = toy.run(project, "-j", "1", "--retries", "1", "--through", srun)
    assert status == 0 and said.count("again") == 1 and "try 1 of 1" in said and "1 ran" in said, said
