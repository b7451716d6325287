"""Trainings that a cluster's own launcher starts, on whatever machine, while DVC stays on this one."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.errors import InputError

THROUGH = "PIPELINE_THROUGH"  # 'pipeline repro --through' sets it: the launcher's words, such as 'srun -n1 -c8'
AWAY = "PIPELINE_AWAY"  # known to tracking/outbox.py too: this process may be on another machine than the store
LOST = 128 + signal.SIGTERM  # the status of a command that did not end where the launcher says that all is well
NOTED = '"$@" && touch "$0"'  # for sh: a command that leaves a file where it succeeds


def run(through: str, words: list[str]) -> int:
    """Launch a command through a cluster's launcher, which runs it somewhere; return its exit status.

    The launcher gets Ctrl-C as SIGTERM, at which SLURM's srun ends the command. After the failure of a node srun
    returns 0, and so it does after a time limit at which the command did not end by SIGTERM; so the command notes its
    own success in a file, and without that the status is LOST.
    """
    with tempfile.TemporaryDirectory(prefix="away-", dir="runs") as folder:
        noted = Path(folder) / "succeeded"
        command = ["sh", "-c", NOTED, str(noted), sys.executable, "-m", "pipeline", "launch", *words]
        launcher = shlex.split(through)
        try:
            job = subprocess.Popen([*launcher, *command], env={**os.environ, AWAY: "1"}, start_new_session=True)
        except OSError as error:
            raise InputError(f"--through: {launcher[0]!r} cannot be started ({error.strerror})") from error
        heard = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, lambda *_: job.terminate()) for number in heard]
        status = job.wait()
        for number, handler in zip(heard, before, strict=True):
            signal.signal(number, handler)
        if status == 0 and not noted.exists():
            print(f"{launcher[0]} says that all is well, but the command did not end: a failed machine or a time limit")
            return LOST
        return status if status >= 0 else 128 - status
