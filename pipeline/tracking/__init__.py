"""Logging to MLflow: ``run`` makes events, ``mlflow_store`` sends them, ``outbox`` stores those that failed."""
