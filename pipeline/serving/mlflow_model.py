"""The file that MLflow executes to load a registered model: with it no object of Python's has to be pickled."""

from mlflow.models import set_model

from pipeline.serving.served import Served

set_model(Served())
