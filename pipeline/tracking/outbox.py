"""What MLflow's store did not take is kept here until it does: the events of a run, in a folder of their own.

From the first event that fails on, a run's events are kept; ``send_all`` sends them in the same order.
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.disk import files
from pipeline.tracking import mlflow_store

FOLDER = Path("runs/unsent")  # of the project
EVENTS = "events.jsonl"


class Store:
    """MLflow's store, or the folder that stands in for it."""

    def __init__(
        self, experiment: str, name: str, tags: dict[str, str], params: dict[str, str], resume: str | None
    ) -> None:
        """Open a run, or go on with one, ``resume``."""
        self.run: str | None = None
        self.resumed = False
        self._client: Any = None
        self._folder: Path | None = None
        self._name = name
        now = int(1000 * time.time())
        self.send("open", experiment=experiment, name=name, tags=tags, params=params, run=resume, time=now)
        self.resumed = resume is not None and self.run == resume

    def send(self, kind: str, **event: Any) -> None:
        """Send an event, or keep it; say once that the store does not answer."""
        event = {"kind": kind} | event
        if self._folder is None:
            try:
                self._client = self._client or mlflow_store.connect()
                self.run = mlflow_store.send(self._client, self.run, event)
                return
            except Exception as error:  # whatever goes wrong out there must not stop a training
                self._folder = _new_folder(self._name)
                print(_warning(error, self._folder), file=sys.stderr)
                if kind != "open" and self.run:
                    _keep(self._folder, {"kind": "go on", "run": self.run})
        _keep(self._folder, event)


def send_all() -> int:
    """Send all that was kept; return how many runs could not be sent: they stay as they are."""
    folder = _folder()
    kept = sorted(path.parent for path in folder.glob(f"*/{EVENTS}"))
    if not kept:
        print(f"{folder}: nothing is kept there")
    failed = 0
    for one in kept:
        left = (one / EVENTS).read_text().splitlines()
        run = None
        try:
            client = mlflow_store.connect()
            while left:
                run = mlflow_store.send(client, run, json.loads(left[0]))
                del left[0]
        except Exception as error:
            print(f"{one}: not sent ({_first_line(error)})", file=sys.stderr)
            failed += 1
            if run:  # the next time goes on with it
                left.insert(0, json.dumps({"kind": "go on", "run": run}))
                with files.atomic_write(one / EVENTS) as temporary:
                    temporary.write_text("".join(f"{line}\n" for line in left))
            continue
        shutil.rmtree(one)
        print(f"{one}: sent")
    return failed


def _folder() -> Path:
    """Return the outbox, as it is seen from here where it can be."""
    project = mlflow_store.project()
    return FOLDER if project == Path.cwd() else project / FOLDER


def _new_folder(name: str) -> Path:
    folder = _folder() / f"{time.strftime('%Y%m%d-%H%M%S')}-{name.replace('/', '-')}-{time.time_ns() % 10**6:06d}"
    folder.mkdir(parents=True)
    return folder


def _keep(folder: Path, event: dict) -> None:
    if event["kind"] == "files":  # they may change before they are sent
        copy = folder / f"files-{sum(1 for _ in folder.iterdir())}"
        shutil.copytree(event["folder"], copy)
        event = event | {"folder": str(copy)}
    with (folder / EVENTS).open("a") as file:
        file.write(json.dumps(event) + "\n")


def _warning(error: Exception, folder: Path) -> str:
    where = f"what it should have got is kept in {folder}; 'pipeline send' sends it later"
    return f"warning: MLflow's store does not answer ({_first_line(error)}); the work goes on, {where}"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
