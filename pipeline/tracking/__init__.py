"""What MLflow gets: ``run`` says what, ``mlflow_store`` how, ``outbox`` keeps what the store did not take."""
