"""The keeper passes a status on, and ends its stage when the coordinator is gone."""

import os
import subprocess
import sys
import time

import pytest

from pipeline.scheduling import processes


def keep(project, *command):
    listen, life = os.pipe()
    words = [sys.executable, "-m", "pipeline.scheduling.keeper", str(listen), str(project), "a", *command]
    environment = {**os.environ, processes.MARK: processes.mark(str(project), "a")}
    keeper = subprocess.Popen(words, env=environment, pass_fds=[listen], start_new_session=True)
    os.close(listen)
    return keeper, life


@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -9 $$", 137)])
def test_the_status_is_that_of_the_command(tmp_path, script, status):
    keeper, life = keep(tmp_path, "sh", "-c", script)
    assert keeper.wait(30) == status
    os.close(life)


def test_the_stage_ends_with_the_coordinator(tmp_path):
    keeper, life = keep(tmp_path, "sh", "-c", "sleep 60; true")
    until_marked(tmp_path, 3)
    os.close(life)
    assert keeper.wait(30) == 130 and not processes.marked(str(tmp_path))


def test_what_a_dead_command_leaves_is_stopped(tmp_path):
    keeper, life = keep(tmp_path, "sh", "-c", "setsid sleep 60 & sleep 1; kill -9 $$")
    assert keeper.wait(30) == 137 and not processes.marked(str(tmp_path))
    os.close(life)


def test_ctrl_c_reaches_the_command_and_not_the_keeper(tmp_path):
    keeper, life = keep(tmp_path, "sh", "-c", "trap 'exit 5' INT; sleep 60 & wait")
    until_marked(tmp_path, 3)
    time.sleep(0.3)
    os.killpg(keeper.pid, 2)
    assert keeper.wait(30) == 5
    os.close(life)


def until_marked(project, n):
    end = time.monotonic() + 20
    while len(processes.marked(str(project))) < n:
        assert time.monotonic() < end
        time.sleep(0.05)
