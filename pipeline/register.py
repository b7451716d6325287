"""Command: register an exported model with MLflow, so that it can be served and loaded by its name."""

import tempfile
from pathlib import Path

from pipeline import params, recogniser
from pipeline.disk import imageset
from pipeline.errors import InputError
from pipeline.tracking import registry


def run(dataset: str, alias: str) -> None:
    """Let ``alias`` mean the model below runs/<dataset>: a new version of it, or the one that is the same.

    A version is the same where the exported model, the code that travels with it and the packages' versions are.
    """
    params.read(dataset)
    registry.check_alias(alias)
    model = Path("runs", dataset, "model")
    description = recogniser.read(model)
    if description.dataset != dataset:
        raise InputError(f"{model}: is of {description.dataset!r}, not of {dataset!r}; 'dvc repro export' mends that")
    store = registry.Registry(dataset)
    from pipeline.serving import package  # which imports MLflow: the store's settings come first

    digest = package.digest(model)
    version, said = store.find(digest), "that was there: same model, code and packages"
    if version is None:
        evaluation = store.run_with(description.metrics)
        with tempfile.TemporaryDirectory() as folder:
            package.write(Path(folder, dataset), model, _example(dataset))
            card = (model / recogniser.CARD).read_text(encoding="utf-8")
            version = store.add(Path(folder, dataset), digest, evaluation, card)
        said = "new" if evaluation else "new; the store has no run of 'evaluate' with its accuracies to link to"
    store.point(alias, version)
    print(f"models:/{dataset}@{alias}: version {version}, {said}")


def _example(dataset: str) -> bytes:
    """Return a picture of the test split, for those who look at the registered model."""
    data = imageset.read(Path("data", dataset, "scale-1"))
    return data.read(data.index.id[data.index.split == "test"].iloc[0])
