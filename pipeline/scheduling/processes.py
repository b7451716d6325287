"""Processes of stages, found by a mark in their environment, which all that they start inherit."""

import os
import signal
import time
from contextlib import suppress

import psutil

MARK = "PIPELINE_REPRO"  # PROJECT|STAGE
GRACE = 30  # seconds in which a stage that is asked to stop may end by itself


def mark(project: str, stage: str) -> str:
    """Return the value of MARK for a stage of a project."""
    return f"{project}|{stage}"


def marked(project: str, stage: str = "") -> list[psutil.Process]:
    """Return the living processes of a project's stages, or of one, but for this process and what it runs in."""
    prefix = mark(project, stage)
    ours = {os.getpid(), os.getppid()}
    return [one for one in psutil.process_iter() if one.pid not in ours and _has(one, prefix, exact=bool(stage))]


def stages(processes: list[psutil.Process]) -> list[str]:
    """Return the names of the stages that some marked processes belong to."""
    found = set()
    for process in processes:
        value = _environment(process).get(MARK, "")
        found.add(value.partition("|")[2])
    return sorted(found - {""})


def stop(project: str, stage: str = "", how: int = signal.SIGTERM, grace: float = GRACE) -> None:
    """Ask a project's stages, or one, to stop by a signal; kill what has not ended after the grace, in seconds."""
    _send(marked(project, stage), how)
    wait(project, stage, grace)
    kill(project, stage)


def wait(project: str, stage: str, seconds: float) -> bool:
    """Wait until a project's stages, or one, have ended; say whether they have."""
    end = time.monotonic() + seconds
    while marked(project, stage):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def kill(project: str, stage: str = "") -> None:
    """Kill the processes of a project's stages, or of one, until none is left."""
    while left := marked(project, stage):
        _send(left, signal.SIGKILL)
        time.sleep(0.05)


def _send(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _has(process: psutil.Process, prefix: str, exact: bool) -> bool:
    value = _environment(process).get(MARK, "")
    return value == prefix if exact else value.startswith(prefix)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return {} if process.status() == psutil.STATUS_ZOMBIE else process.environ()
    except (psutil.Error, OSError):  # gone meanwhile, or another user's
        return {}
