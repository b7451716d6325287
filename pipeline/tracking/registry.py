"""MLflow's registry of models: a dataset's model, its versions, and the aliases that point to them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.disk import files
from pipeline.errors import InputError
from pipeline.tracking import mlflow_store
from pipeline.tracking import run as tracking

LOCK = Path("dvc.lock")
DIGEST = "digest"  # the tag by which a version is found again
ACCURACIES = ("acc_loc", "acc_obj", "acc_avg")  # by which a run of 'evaluate' is known
LONGEST = 5000  # characters of a description, which MLflow shows as Markdown


def check_alias(alias: str) -> None:
    """Raise InputError where MLflow would refuse an alias, or take it for something else."""
    if not re.fullmatch(r"[\w-]{1,255}", alias) or re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE):
        raise InputError(
            f"--alias {alias!r:.80}: must be of letters, digits, - and _, and neither latest nor v with a number, "
            "which have a meaning of their own; such as champion"
        )


class Registry:
    """The versions of a dataset's model in MLflow's store; every method raises InputError with the store's words."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        with _in_a_line():
            self._client = mlflow_store.connect()

    def find(self, digest: str) -> str | None:
        """Return the newest version that has a digest."""
        with _in_a_line():
            found = self._client.search_model_versions(f"name = '{self._dataset}' and tag.{DIGEST} = '{digest}'")
        return max((version.version for version in found), key=int, default=None)

    def run_with(self, metrics: dict[str, Any]) -> str | None:
        """Return the id of the newest run of the stage evaluate that has some metrics; None where there is none."""
        wanted = {
            f"test/{name}.{scale}": tracking.rounded(value)
            for name in ACCURACIES
            for scale, value in metrics[name].items()
        }
        chosen = f"tags.stage = 'evaluate' and tags.dataset = '{self._dataset}'"
        with _in_a_line():
            experiment = self._client.get_experiment_by_name(self._dataset)
            if experiment is None:
                return None
            runs = self._client.search_runs([experiment.experiment_id], chosen, order_by=["attributes.start_time DESC"])
        return next((run.info.run_id for run in runs if wanted.items() <= run.data.metrics.items()), None)

    def add(self, folder: Path, digest: str, run: str | None, description: str) -> str:
        """Store a folder that MLflow's ``save_model`` wrote as a new version, and return its number.

        run  what the version and the model link to; where it is shown, so is the model
        """
        from mlflow.entities import LoggedModelOutput

        client, name = self._client, self._dataset
        tags = {DIGEST: digest, **tracking.origin(), **_lock()}
        with _in_a_line():
            experiment = mlflow_store.experiment(client, name)
            model = client.create_logged_model(experiment, name, run, tags).model_id
            status = "FAILED"
            try:
                client.log_model_artifacts(model, str(folder))
                status = "READY"
            finally:
                client.finalize_logged_model(model, status)
            if run:
                client.log_outputs(run, [LoggedModelOutput(model, 0)])
            if not client.search_registered_models(f"name = '{name}'"):
                client.create_registered_model(name)
            source, words = f"models:/{model}", description[:LONGEST]
            return client.create_model_version(name, source, run, tags, description=words, model_id=model).version

    def point(self, alias: str, version: str) -> None:
        """Let an alias mean a version, and no other any more."""
        with _in_a_line():
            self._client.set_registered_model_alias(self._dataset, alias, version)


def _lock() -> dict[str, str]:
    return {"dvc.lock": files.sha256(LOCK, "let this user read it")} if LOCK.exists() else {}


@contextmanager
def _in_a_line() -> Iterator[None]:
    """Turn an error of the store into one line; connecting to a database raises errors of SQLAlchemy's own."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise InputError(f"MLflow's store does not take the model ({mlflow_store.explain(error)})") from error
