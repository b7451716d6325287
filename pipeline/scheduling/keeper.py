"""A process that guards one stage: it runs DVC on it, and lets nothing of the stage outlive DVC or who started it.

``python -m pipeline.scheduling.keeper LIFE PROJECT STAGE COMMAND...``; LIFE is the read end of a pipe whose other end
the coordinator holds open. The system closes that end whatever ends the coordinator.
"""

import os
import select
import signal
import subprocess
import sys

from pipeline.scheduling import processes

PAUSE = 0.2  # seconds between two looks


def main(life: int, project: str, stage: str, command: list[str]) -> int:
    """Run a command to its end; return its exit status, or 130 where the coordinator has died before."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # the stage hears them; ignored ones would be inherited
    child = subprocess.Popen(command)
    while child.poll() is None:
        if select.select([life], [], [], PAUSE)[0]:
            processes.stop(project, stage, signal.SIGINT)  # at which DVC waits for the stage's command
            return 128 + signal.SIGINT
    processes.stop(project, stage)  # what DVC, if it was killed, has left behind
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    os.set_inheritable(int(sys.argv[1]), False)
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
