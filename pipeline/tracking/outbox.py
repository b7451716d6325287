"""The outbox: events that could not be sent to MLflow's store, in one folder a run, until ``send_all`` sends them.

From a run's first failed event on, all its events go to the outbox; ``send_all`` sends them in the same order.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.disk import files, locks
from pipeline.tracking import mlflow_store

FOLDER = Path("runs/unsent")  # below the project's root
EVENTS = "events.jsonl"
AWAY = "PIPELINE_AWAY"  # pipeline/launch.py sets it for a stage that a cluster's launcher starts


class Store:
    """MLflow's store or, after the first failure, a run's folder in the outbox."""

    def __init__(
        self, experiment: str, name: str, tags: dict[str, str], params: dict[str, str], resume: str | None
    ) -> None:
        """Open a new run, or go on with the run that has the id ``resume``."""
        self.run: str | None = None
        self.resume = resume
        self._client: Any = None
        self._folder: Path | None = None
        self._lost = False  # the outbox cannot be written either
        self._lock: int | None = None
        self._name = name
        # No two machines write one file of SQLite.
        self._away = bool(os.environ.get(AWAY)) and not mlflow_store.is_server()
        now = int(1000 * time.time())
        self.send("open", experiment=experiment, name=name, tags=tags, params=params, run=resume, time=now)

    def send(self, kind: str, **event: Any) -> None:
        """Send an event, or put it into the outbox; warn once of what the store says, and of an outbox that is full."""
        event = {"kind": kind} | event
        if self._lost:
            return
        reason = ""
        if self._folder is None and not self._away:
            try:
                self._client = self._client or mlflow_store.connect()
                self.run = mlflow_store.send(self._client, self.run, event)
                return
            except Exception as error:  # no error of the store may stop a training
                reason = mlflow_store.explain(error)
        try:
            self._keep(event, reason)
        except OSError as error:  # a full disk, a file in the folder's place: the training matters more
            self._lost = True
            print(
                f"warning: {_folder()}: cannot be written ({error}); this run is tracked no further, the work goes on",
                file=sys.stderr,
            )

    def _keep(self, event: dict, reason: str) -> None:
        """Put an event into the outbox; ``reason`` is what the store says at the first, if it was asked."""
        if self._folder is None:
            self._folder = _new_folder(self._name)
            self._lock = _lock(self._folder)
            if reason:
                print(_warning(reason, self._folder), file=sys.stderr)
            if event["kind"] != "open" and self.run:
                _append(self._folder, {"kind": "go on", "run": self.run})
        _append(self._folder, event)
        if event["kind"] == "end":
            _unlock(self._lock)


def is_empty() -> bool:
    """Say whether nothing waits in the outbox."""
    return not any(_folder().glob(f"*/{EVENTS}"))


def send_all() -> int:
    """Send all runs in the outbox; return how many failed. Events that were not sent stay in the outbox."""
    folder = _folder()
    unsent = sorted(path.parent for path in folder.glob(f"*/{EVENTS}"))
    if not unsent:
        print(f"{folder}: nothing is kept there")
    return sum(not _send(one) for one in unsent)


def _send(folder: Path) -> bool:
    """Send one run's folder, unless its stage still writes to it; return whether all is sent."""
    lock = _lock(folder)
    if lock is None:
        print(f"{folder}: not sent, its stage is still running; try again when that has ended", file=sys.stderr)
        return False
    left, run = (folder / EVENTS).read_text(encoding="utf-8").splitlines(), None
    try:
        client = mlflow_store.connect()
        while left:
            run = mlflow_store.send(client, run, _event(left[0]))
            del left[0]
    except Exception as error:
        print(f"{folder}: not sent ({mlflow_store.explain(error)})", file=sys.stderr)
        if run:  # the next call goes on with this run
            left.insert(0, json.dumps({"kind": "go on", "run": run}))
            with files.atomic_write(folder / EVENTS) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in left), encoding="utf-8")
        return False
    else:
        shutil.rmtree(folder)
        print(f"{folder}: sent")
        return True
    finally:
        _unlock(lock)


def _event(line: str) -> dict:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"{EVENTS} has a line that was not written whole, delete it: {line:.80}") from error


def _folder() -> Path:
    """Return the outbox's folder, as a relative path unless this is a copy of the project."""
    project = mlflow_store.project()
    return FOLDER if project == Path.cwd() else project / FOLDER


def _new_folder(name: str) -> Path:
    folder = _folder() / f"{time.strftime('%Y%m%d-%H%M%S')}-{name.replace('/', '-')}-{time.time_ns() % 10**6:06d}"
    folder.mkdir(parents=True)
    return folder


def _append(folder: Path, event: dict) -> None:
    if event["kind"] == "files":  # copied, as they may change before they are sent
        copy = folder / f"files-{sum(1 for _ in folder.iterdir())}"
        shutil.copytree(event["folder"], copy)
        event = event | {"folder": str(copy)}
    with (folder / EVENTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


def _lock(folder: Path) -> int | None:
    """Lock a run's folder for this process; return None if another process has it."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        locks.take(lock)
        return lock
    except BlockingIOError:
        os.close(lock)
        return None


def _unlock(lock: int) -> None:
    locks.release(lock)
    os.close(lock)


def _warning(reason: str, folder: Path) -> str:
    where = f"what it should have got is kept in {folder}; 'pipeline send' sends it later"
    return f"warning: MLflow's store does not take this run ({reason}); the work goes on, {where}"
