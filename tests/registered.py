"""The tiny project as far as 'pipeline register' reads it, with a store of its own."""

import shutil

from pipeline.disk import files
from pipeline.tracking import run as tracking


def make(finished, folder, store):
    """Fill a folder that is stood in; MLFLOW_TRACKING_URI names its store. Returns the id of the run 'evaluate'."""
    for name in ("params.yaml", "runs/tiny/model", "data/tiny/scale-1"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (finished / name).is_dir() else shutil.copy
        copy(finished / name, folder / name)
    shutil.copy(store, folder / "mlflow.db")
    (folder / "dvc.lock").write_text("schema: '2.0'\n", encoding="utf-8")
    return log_evaluation(files.read_json(finished / "reports/metrics/tiny.json"))


def log_evaluation(metrics):
    """Log what the stage evaluate does; return the run's id."""
    rows = {name: row for name, row in metrics.items() if name.startswith("acc_")}
    with tracking.run("tiny", "evaluate", {}) as run:
        run.metrics({f"test/{name}.{scale}": value for name, row in rows.items() for scale, value in row.items()})
    return run.id


def environment(folder):
    """Return what names the folder's store."""
    return {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
