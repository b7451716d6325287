"""What a tracking store gets of a run, and where it is kept while the store does not answer.

A run is a list of events: it opens, has metrics, datasets and files, and ends. Each is sent as it comes. From the first
that fails on, they are kept in a folder of their own below ``FOLDER``, and ``send`` sends them in the same order.
"""

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline import files

FOLDER = Path("runs/unsent")
EVENTS = "events.jsonl"
PATIENCE = 25  # seconds; a new store is set up in a few


class Store:
    """The store of the environment, or the folder that stands in for it."""

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
                self._client = self._client or _client()
                self.run = apply(self._client, self.run, event)
                return
            except Exception as error:  # whatever goes wrong out there must not stop a training
                self._folder = _new_folder(self._name)
                print(_warning(error, self._folder), file=sys.stderr)
                if kind != "open" and self.run:
                    _keep(self._folder, {"kind": "go on", "run": self.run})
        _keep(self._folder, event)


def send() -> int:
    """Send all that was kept; return how many runs could not be sent: they stay as they are."""
    kept = sorted(path.parent for path in FOLDER.glob(f"*/{EVENTS}"))
    if not kept:
        print(f"{FOLDER}: nothing is kept there")
    failed = 0
    for one in kept:
        left = (one / EVENTS).read_text().splitlines()
        run = None
        try:
            client = _client()
            while left:
                run = apply(client, run, json.loads(left[0]))
                del left[0]
        except Exception as error:
            print(f"{one}: not sent ({_first_line(error)})", file=sys.stderr)
            failed += 1
            if run:  # the next time goes on with it
                left.insert(0, json.dumps({"kind": "go on", "run": run}))
                with files.whole(one / EVENTS) as temporary:
                    temporary.write_text("".join(f"{line}\n" for line in left))
            continue
        shutil.rmtree(one)
        print(f"{one}: sent")
    return failed


def apply(client: Any, run: str | None, event: dict) -> str:
    """Send one event of a run; return the run's name."""
    match event["kind"]:
        case "open":
            return _open(client, event)
        case "go on":
            return event["run"]
        case "metrics":
            _log_metrics(client, run, event)
        case "dataset":
            _log_dataset(client, run, event)
        case "files":
            client.log_artifacts(run, event["folder"])
        case "end":
            client.set_terminated(run, event["status"], event["time"])
    return run


def _open(client: Any, event: dict) -> str:
    from mlflow.entities import Param
    from mlflow.exceptions import MlflowException

    if event["run"]:
        try:
            client.update_run(event["run"], status="RUNNING")
            return event["run"]
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    run = client.create_run(
        _experiment(client, event["experiment"]), event["time"], event["tags"], event["name"]
    ).info.run_id
    client.log_batch(run, params=[Param(name, value) for name, value in event["params"].items()])
    return run


def _experiment(client: Any, name: str) -> str:
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    try:
        return client.create_experiment(name)
    except MlflowException:  # another job was faster
        if found := client.get_experiment_by_name(name):
            return found.experiment_id
        raise


def _log_metrics(client: Any, run: str, event: dict) -> None:
    from mlflow.entities import Metric

    client.log_batch(run, metrics=[Metric(k, v, event["time"], event["step"]) for k, v in event["values"].items()])


def _log_dataset(client: Any, run: str, event: dict) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=event["name"],
        digest=event["digest"],
        source_type="local",
        source=json.dumps({"uri": event["name"]}),
        profile=json.dumps(event["counts"]),
    )
    client.log_inputs(run, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", event["context"])])])


def _client() -> Any:
    from mlflow import MlflowClient, get_tracking_uri

    with _alone(get_tracking_uri()):
        return MlflowClient()


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Hold a local store's folder while it is opened: two processes that set a new one up break it for good."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    folder = os.open(Path(uri.removeprefix("sqlite:///").partition("?")[0]).parent, os.O_RDONLY)
    try:
        _lock(folder)
        yield
    finally:
        os.close(folder)


def _lock(folder: int) -> None:
    for _ in range(10 * PATIENCE):
        with suppress(BlockingIOError):
            return fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.1)
    raise TimeoutError(f"another process has been setting it up for {PATIENCE} s")


def _new_folder(name: str) -> Path:
    folder = FOLDER / f"{time.strftime('%Y%m%d-%H%M%S')}-{name.replace('/', '-')}-{time.time_ns() % 10**6:06d}"
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
