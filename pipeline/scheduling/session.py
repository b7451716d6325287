"""One call that runs stages: alone in its project, after what a killed call has left; a line where DVC cannot read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.disk import locks
from pipeline.errors import InputError
from pipeline.scheduling import graph, memory, processes
from pipeline.scheduling.coordinator import PASSED, Coordinator, Options, count


def run(targets: list[str], options: Options, only: bool = False) -> int:
    """Run what some stages need and DVC calls out of date (without targets, all); return the exit status.

    only  the targets alone, not what they need
    """
    project = str(Path.cwd().resolve())
    with _only_one(project):
        _clear_up(project)
        stages, stale = _read(targets, only)
        if not stale:
            print(f"{count(stages)} up to date")
            return PASSED
        memory.keep_lock(whole=True)
        return Coordinator(project, stages, stale, options).run()


@contextmanager
def _only_one(project: str) -> Iterator[None]:
    """Hold a lock against a second coordinator in this project."""
    memory.FOLDER.mkdir(parents=True, exist_ok=True)
    path = memory.FOLDER / "lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            locks.take(file.fileno())
        except BlockingIOError:
            file.seek(0)
            raise InputError(
                f"{project}: another 'pipeline repro' runs here (process {file.read().strip() or '?'}): wait for it"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _clear_up(project: str) -> None:
    """Wait for stages of a coordinator that was killed, which end by themselves."""
    if left := processes.marked(project):
        names = ", ".join(processes.stages(left))
        print(f"left by a call that was killed, and stopping: {names}", file=sys.stderr, flush=True)
        if not processes.wait(project, "", processes.GRACE):
            processes.kill(project)


def _read(targets: list[str], only: bool) -> tuple[dict[str, graph.Stage], set[str]]:
    """Read DVC's graph, a second time if a dvc.lock was cut short and could be restored."""
    try:
        return graph.read(targets, only)
    except InputError:
        if not memory.restore_lock():
            raise
    print(f"{memory.LOCK}: was cut short; restored as it was after the last stage that ended", file=sys.stderr)
    return graph.read(targets, only)
