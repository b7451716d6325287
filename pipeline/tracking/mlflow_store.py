"""Send the events of a run to MLflow's store.

A run is a list of events: open, then metrics, datasets and files, then end.
"""

import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline.disk import locks
from pipeline.errors import one_line

SQLITE = "sqlite:///"
PATIENCE = 25  # seconds to wait for the lock; setting up a new store takes a few
SETTINGS = {
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # the outbox says what is wrong, in a line
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # no usage data leaves the machine, and no stage waits for that
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; with one more try, less than half a minute in all
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
LONGEST = 1500  # characters; what is no MLflow server may answer with a whole page
WAYS_OUT = [  # what the store says, and what to do about it
    (
        r"experiment (\S+) must be .* state is deleted",
        r"'mlflow experiments restore --experiment-id \1' brings it back",
    ),
    (r"run (\S+) must be .* state is deleted", r"'mlflow runs restore --run-id \1' brings it back"),
    (
        r"Run with id=\S+ not found",
        "it was deleted for good: if you do not want the rest of it, delete its folder here",
    ),
    (
        "out-of-date database schema",
        "the uri is sqlite:///mlflow.db if MLFLOW_TRACKING_URI names no other; if that finds no such revision, the "
        "database is of a newer MLflow: 'python -m pip install --upgrade mlflow'",
    ),
    ("database is locked", "another program holds it; when that has ended it can be sent"),
    ("readonly database|unable to open database", "let this user write the file and its folder"),
    ("file is not a database|malformed", "move that file away, and a new store begins"),
    (
        r"UNAUTHENTICATED|PERMISSION_DENIED|error code 40[13]\b",
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
    ),
    (r"error code (404|30\d)\b|not in a valid JSON format", "does MLFLOW_TRACKING_URI name an MLflow server?"),
]


def connect() -> Any:
    """Return a client of the store that the environment names, else of mlflow.db at the project's root."""
    for name in ("alembic", "mlflow", "git", "urllib3"):  # a new store's migrations would fill the screen
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    uri = _uri()
    with _alone(uri):
        return MlflowClient(uri)


def _uri() -> str:
    """Return the store's address; a local one relative to this folder, so that the project's path is not part of it.

    MLflow makes its default absolute and escapes a space in it: beside 'my birds' it would create 'my%20birds'.
    """
    from mlflow import get_tracking_uri, is_tracking_uri_set

    uri = get_tracking_uri()
    if uri.startswith(SQLITE) and not is_tracking_uri_set():
        uri = f"{SQLITE}mlflow.db"
    file = uri.removeprefix(SQLITE)
    if file == uri or file.startswith("/") or not _in_copy():
        return uri
    return SQLITE + os.path.relpath(project() / file)


def is_server() -> bool:
    """Say whether the store is a server, to which several machines may write."""
    return not _uri().startswith(SQLITE)


def explain(error: Exception) -> str:
    """Return the store's own words, in one line, and the command that helps where there is one."""
    words = f"{type(error).__name__}: {one_line(error, LONGEST)}"
    found = next(((match, way) for pattern, way in WAYS_OUT if (match := re.search(pattern, words))), None)
    return words + (f"; {found[0].expand(found[1])}" if found else "")


def project() -> Path:
    """Return the project's folder; in a copy that DVC made for an experiment, the folder of the original project.

    ``dvc exp run --temp`` and ``--queue`` make the copy below .dvc/tmp of the project, and delete it afterwards.
    """
    here = Path.cwd()
    return next((folder.parent for folder in here.parents if folder.name == ".dvc"), here)


def send(client: Any, run: str | None, event: dict) -> str:
    """Send one event of a run; return MLflow's id of the run."""
    match event["kind"]:
        case "open":
            return _open(client, event)
        case "go on":
            return event["run"]
        case "metrics" if run != event.get("unless"):
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

    if event["run"] and _is_there(client, event["run"]):
        client.update_run(event["run"], status="RUNNING")
        return event["run"]
    found = experiment(client, event["experiment"])
    run = client.create_run(found, event["time"], event["tags"], event["name"]).info.run_id
    client.log_batch(run, params=[Param(name, value) for name, value in event["params"].items()])
    return run


def _is_there(client: Any, run: str) -> bool:
    """Say whether a run can be gone on with; one that somebody deleted, in the page or for good, cannot."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def experiment(client: Any, name: str) -> str:
    """Return the id of an experiment, which is created if it is not there."""
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    # MLflow would put a local experiment's files into the copy, which DVC deletes, and takes %20 in a path for a space.
    astray = _uri().startswith(SQLITE) and (_in_copy() or "%" in str(project()))
    artifacts = (project() / "mlruns" / name).as_uri() if astray else None
    try:
        return client.create_experiment(name, artifacts)
    except MlflowException:  # another job has just created it
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


def _in_copy() -> bool:
    return project() != Path.cwd()


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Lock a local store's folder while it is opened: MLflow's first migration is not safe against other processes."""
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(unquote(uri.removeprefix(SQLITE).partition("?")[0])).absolute()
    folder = os.open(next(parent for parent in path.parents if parent.is_dir()), os.O_RDONLY)
    try:
        _lock(folder)
        yield
    finally:
        os.close(folder)


def _lock(folder: int) -> None:
    for _ in range(10 * PATIENCE):
        with suppress(BlockingIOError):
            locks.take(folder)
            return
        time.sleep(0.1)
    raise TimeoutError(f"another process has been setting it up for {PATIENCE} s")
