"""DVC runs the stages, whatever happens to it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import checkout as put_checkout
from pipeline import params
from pipeline.disk import imageset

REPRO = [sys.executable, "-m", "dvc", "repro", "prepare@tiny"]


@pytest.fixture
def checkout(project, write_recipe, tiny):
    """A checkout whose only recipe is a small one."""
    tiny["download"] |= {"training": 10, "test": 4}
    write_recipe(tiny=tiny)
    put_checkout(project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], check=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    yield {**os.environ, "PATH": path}


def start(environment):
    return subprocess.Popen(
        REPRO, env=environment, stdout=-1, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def until_it_downloads():
    for _ in range(600):
        if list(Path("data/raw").glob(".tiny.*.partial")):
            return
        time.sleep(0.05)
    raise TimeoutError


def test_a_plan_that_was_edited_stops_it_before_anything_runs_and_once(checkout):
    with params.edit() as values:
        values["plan"]["tiny"]["main"]["scales"] = [1]
    stale = subprocess.run([*REPRO[:-1]], env=checkout, capture_output=True, text=True, check=False)
    assert stale.returncode != 0 and "cells.yaml: was not what params.yaml says, and is now" in stale.stderr
    assert not Path("data").exists() and "tiny-ours-0-2" not in Path("cells.yaml").read_text()
    again = subprocess.run([*REPRO[:-1], "plan"], env=checkout, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_a_second_one_says_why_not_and_spoils_nothing(checkout):
    first = start(checkout)
    until_it_downloads()
    second = start(checkout)
    output, _ = second.communicate(timeout=60)
    assert second.returncode != 0 and "is busy, it is being blocked by" in output and f"(PID {first.pid})" in output
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 0, output
    assert len(imageset.read(Path("data/tiny/scale-1")).index) == 140


def test_after_a_kill_it_starts_where_it_was(checkout):
    first = start(checkout)
    until_it_downloads()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not Path("data/raw/tiny").exists()
    again = start(checkout)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert not list(Path("data/raw").glob(".tiny.*.partial")), "what the killed one left is swept"
    assert len(imageset.read(Path("data/tiny/scale-1")).index) == 140
