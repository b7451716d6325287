"""The file that MLflow executes."""

import runpy

import mlflow

from pipeline.serving import package
from pipeline.serving.served import Served


def test_it_gives_mlflow_a_model_that_needs_no_pickle(monkeypatch):
    monkeypatch.setattr(mlflow.models.model, "__mlflow_model__", None)
    runpy.run_path(str(package.ENTRY))
    assert type(mlflow.models.model.__mlflow_model__) is Served
