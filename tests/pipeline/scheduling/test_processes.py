"""Processes are found by a mark that they inherit, and stopped with all that they have started."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.scheduling import processes


@pytest.fixture
def project(tmp_path):
    yield str(tmp_path)
    processes.kill(str(tmp_path))


def start(project, stage, script):
    environment = {**os.environ, processes.MARK: processes.mark(project, stage)}
    return subprocess.Popen(["sh", "-c", script], env=environment, start_new_session=True)


def names(found):
    return sorted(process.name() for process in found)


def wait_for(project, n):
    end = time.monotonic() + 20
    while len(processes.marked(project)) != n:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_they_are_found_by_project_and_by_stage(project):
    start(project, "a", "sleep 60; true")
    start(project, "a-1", "exec sleep 60")
    wait_for(project, 3)
    assert names(processes.marked(project, "a")) == ["sh", "sleep"]
    assert processes.stages(processes.marked(project)) == ["a", "a-1"]
    assert not processes.marked(project + "-2") and not processes.marked(str(Path(project).parent))


def test_stopping_one_stage_leaves_the_other(project):
    start(project, "a", "sleep 60; true")
    start(project, "b", "exec sleep 60")
    wait_for(project, 3)
    processes.stop(project, "a", grace=5)
    assert processes.stages(processes.marked(project)) == ["b"]


def test_what_does_not_listen_is_killed_after_the_grace(project):
    deaf = start(project, "a", "trap '' TERM; while :; do sleep 1; done")
    wait_for(project, 2)
    began = time.monotonic()
    processes.stop(project, "a", grace=1)
    assert 1 <= time.monotonic() - began < 10 and deaf.wait(5) == -9


def test_a_stage_has_time_to_end_by_itself(project, tmp_path):
    start(project, "a", f"trap 'sleep 1; echo saved > {tmp_path}/end; exit' TERM; sleep 60 & wait; wait")
    wait_for(project, 2)
    processes.stop(project, "a", grace=10)
    assert (tmp_path / "end").read_text() == "saved\n"


def test_what_has_ended_and_waits_for_its_parent_does_not_count(project):
    ended = start(project, "a", "exit 0")
    time.sleep(0.3)
    assert not processes.marked(project)
    ended.wait()
