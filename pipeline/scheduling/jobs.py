"""A stage that runs: 'dvc repro --single-item' on it, guarded by the keeper, its output in a file."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.scheduling import processes
from pipeline.scheduling.graph import Stage
from pipeline.scheduling.slots import Share

LOGS = Path("runs/logs")
SHOWN = 20  # lines of its output that a failure shows
RAN, CACHED, UNCHANGED, FAILED, STOPPED = "ran", "cached", "unchanged", "failed", "stopped"
# 'python -m dvc', but that Python's garbage collector does not scan again and again what the imports allocate.
LEAN = "import gc, sys; gc.set_threshold(100_000); sys.argv[0] = 'dvc'; from dvc.cli import main; sys.exit(main())"
DVC = [sys.executable, "-c", LEAN, "--wait-for-lock", "repro", "--single-item"]


@dataclass
class Job:
    """A stage's keeper, started."""

    stage: Stage
    share: Share
    log: Path
    keeper: subprocess.Popen
    life: int  # the end of the pipe that tells the keeper that this process lives
    started: float

    def interrupt(self) -> None:
        """Tell the stage what Ctrl-C tells it."""
        os.killpg(self.keeper.pid, signal.SIGINT)

    def poll(self) -> bool:
        """Say whether the stage has ended."""
        if self.keeper.poll() is None:
            return False
        os.close(self.life)
        return True

    def result(self) -> str:
        """Return how a stage that has ended did so: RAN, CACHED, UNCHANGED or FAILED, by what DVC has said."""
        if self.keeper.returncode:
            return FAILED
        said = self.output()
        if f"Running stage '{self.stage.name}'" in said:
            return RAN
        return CACHED if "is cached - skipping run" in said else UNCHANGED

    def status(self) -> int:
        """Return the exit status of the stage's own command, where DVC has named it; else DVC's."""
        found = re.findall(r"exited with (-?\d+)", self.output())
        return int(found[-1]) if found else self.keeper.returncode

    def output(self) -> str:
        """Return what DVC and the stage have written."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def last_lines(self) -> list[str]:
        """Return the end of that, without the states of progress bars that were drawn over."""
        lines = [line.rpartition("\r")[2] for line in self.output().splitlines() if line.strip()]
        return lines[-SHOWN:]


def start(stage: Stage, share: Share, project: str, environment: dict[str, str]) -> Job:
    """Start a stage on its share of the machine.

    project      the folder that the processes are marked with
    environment  variables besides this process's own
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{re.sub('[^A-Za-z0-9@._-]', '_', stage.name)}.log"
    listen, life = os.pipe()
    marked = {processes.MARK: processes.mark(project, stage.name), "PYTHONUNBUFFERED": "1"}
    # A stage's command says python3, and means the one that runs this, whether its environment is activated or not.
    marked["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    keeper = [sys.executable, "-m", "pipeline.scheduling.keeper", str(listen), project, stage.name]
    try:
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*keeper, *DVC, stage.name],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment, **share.environment(), **marked},
                pass_fds=[listen],
                start_new_session=True,  # a terminal's Ctrl-C reaches the coordinator alone, which decides
                preexec_fn=share.settle,
            )
    finally:
        os.close(listen)
    return Job(stage, share, log, process, life, time.monotonic())
