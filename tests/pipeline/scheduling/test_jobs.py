"""A stage's job: how it ended, by what DVC says."""

import time
from pathlib import Path

import pytest

import toy
from pipeline.scheduling import jobs
from pipeline.scheduling.graph import Stage
from pipeline.scheduling.slots import Share


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the stage s0-0 with some command; return its job."""
    monkeypatch.chdir(tmp_path)

    def ended(command):
        toy.make(tmp_path, layers=1, width=1, commands={"s0-0": command})
        job = jobs.start(Stage("s0-0", command, frozenset()), Share((0,)), str(tmp_path), {"WORD": "said"})
        while not job.poll():
            time.sleep(0.05)
        return job

    return ended


def test_ran_unchanged_cached_failed(run):
    assert run("echo $WORD | tee s0-0.txt").result() == jobs.RAN
    again = run("echo $WORD | tee s0-0.txt")
    assert again.result() == jobs.UNCHANGED
    Path("dvc.lock").unlink()
    assert run("echo $WORD | tee s0-0.txt").result() == jobs.CACHED
    failed = run("echo before; printf '1%%\\r2%%\\r3%%\\n'; exit 3")
    assert failed.result() == jobs.FAILED and failed.status() == 3
    assert "before" in failed.last_lines() and "3%" in failed.last_lines()


def test_the_environment_reaches_the_stage_and_the_log_has_all(run):
    job = run("echo $WORD > s0-0.txt; echo out; echo err >&2")
    assert Path("s0-0.txt").read_text() == "said\n"
    assert "out\n" in job.output() and "err\n" in job.output() and job.log.name == "s0-0.log"


@pytest.mark.parametrize("command, status", [("kill -TERM $$", -15), ("exit 130", 130)])
def test_the_status_is_that_of_the_command(run, command, status):
    assert run(command).status() == status
