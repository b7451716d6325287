"""A trained model as MLflow keeps and serves it: what a request holds, what comes back, what travels with it."""
