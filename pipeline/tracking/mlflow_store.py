"""Send the events of a run to MLflow's store.

A run is a list of events: open, then metrics, datasets and files, then end.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE = 25  # seconds to wait for the lock; setting up a new store takes a few
SETTINGS = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # no usage data leaves the machine, and no stage waits for that
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; with one more try, less than half a minute in all
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}


def connect() -> Any:
    """Return a client of the store that the environment names, else of mlflow.db at the project's root."""
    for name in ("alembic", "mlflow", "git", "urllib3"):  # a new store's migrations would fill the screen
        logging.getLogger(name).setLevel(logging.ERROR)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient, get_tracking_uri

    uri = get_tracking_uri()
    if _in_copy():
        given = os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
        file = given.removeprefix("sqlite:///")
        uri = given if file == given else f"sqlite:///{project() / file}"  # an absolute path stays as it is
    with _alone(uri):
        return MlflowClient(uri)


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
    experiment = _experiment(client, event["experiment"])
    run = client.create_run(experiment, event["time"], event["tags"], event["name"]).info.run_id
    client.log_batch(run, params=[Param(name, value) for name, value in event["params"].items()])
    return run


def _experiment(client: Any, name: str) -> str:
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    # In a copy of the project, MLflow would put the experiment's files into the copy, which DVC deletes.
    artifacts = (project() / "mlruns" / name).as_uri() if _in_copy() else None
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
