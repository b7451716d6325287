"""A call of 'pipeline repro': alone in its project, and after what a killed call has left."""

import os
import subprocess
import sys

import pytest

import toy
from pipeline.errors import InputError
from pipeline.scheduling import processes, session
from pipeline.scheduling.coordinator import Options


@pytest.fixture
def made(tmp_path, monkeypatch):
    toy.make(tmp_path, layers=2, width=1, seconds=0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_targets_alone_or_with_what_they_need(made, capsys):
    assert session.run(["s1-0"], Options(1), only=True) == 1, "what it reads is not there"
    assert not (made / "s0-0.txt").exists()
    assert session.run(["s1-0"], Options(1)) == 0 and toy.locked(made) == {"s0-0", "s1-0"}
    capsys.readouterr()
    assert session.run([], Options(1)) == 0 and capsys.readouterr().out == "2 stages up to date\n"


def test_what_a_killed_call_has_left_ends_first_and_is_named(made, capfd):
    marked = {processes.MARK: processes.mark(str(made), "train@x")}
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2)"], env={**os.environ, **marked})
    assert session.run(["s0-0"], Options(1)) == 0
    assert left.poll() == 0, "it had time to end by itself"
    assert "left by a call that was killed, and stopping: train@x" in capfd.readouterr().err


def test_a_second_call_is_refused(made):
    with session._only_one(str(made)), pytest.raises(InputError, match=rf"\(process {os.getpid()}\): wait for it"):
        session.run([], Options(1))
