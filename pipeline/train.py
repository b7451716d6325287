"""Stage: train one network, of a variant, with a seed, at a scale (section 4.4)."""

from pathlib import Path

import pandas as pd
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pipeline import params
from pipeline.disk import files, folds, imageset, outputs
from pipeline.disk.cells import Cell
from pipeline.errors import InputError
from pipeline.tracking import run as tracking
from pipeline.training import accelerator, checkpoint, environment, loop, trained

HISTORY = "history.csv"


def run(cell: Cell, recipe: params.Recipe, images: Path, weights: Path | None, out: Path) -> None:
    """Train on the image set ``images``; write weights.safetensors and history.csv to ``out``.

    weights  the file of the weights stage, which the backbone starts from; None for a recipe whose weights are 'none'

    The result is the network after the last epoch; the test split decides nothing.
    """
    for name in (trained.WEIGHTS, HISTORY):
        outputs.check_file(out / name)
    pretrained = read_pretrained(recipe.network, weights)
    job = accelerator.start_for(recipe.train)
    data = folds.divide(imageset.read(images), cell.fold)
    machine = environment.announce(job, recipe.train)
    sections = {"prepare": recipe.prepare, "network": recipe.network, "train": recipe.train, "machine": machine}
    with checkpoint.unfinished(f"{cell.dataset}/train-{cell}", job) as folder:
        identity = checkpoint.identify(recipe, data, pretrained)
        found = checkpoint.read(folder / "checkpoint.safetensors", identity, job)
        with tracking.run(cell.dataset, "train", sections, cell, job.is_main_process, found.run) as tracker:
            tracker.images(data, context="training")
            network = loop.train(recipe, data, job, tracker, found, pretrained)
            if job.is_main_process:
                trained.write(out, network, recipe.training)
                _write_history(out / HISTORY, found.history)
                last = found.history[-1]  # of its accuracies, the one of the level whose loss was minimised
                tracker.metrics({"test/accuracy": last[f"test_acc_{recipe.training.answer}"]}, int(last["epoch"]))
                tracker.files(out)
    job.end_training()


def read_pretrained(recipe: params.Network, path: Path | None) -> dict[str, Tensor]:
    """Read what the weights stage wrote for a recipe: tensors of its backbone's body, none for weights 'none'."""
    if path is None:
        if recipe.weights != "none":
            raise InputError(f"--weights: missing; 'pipeline weights' writes the file of {recipe.backbone}")
        return {}
    try:
        with safe_open(path, "pt") as file:
            backbone = (file.metadata() or {}).get("backbone")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dictionary)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the weights stage") from error
    if backbone != recipe.backbone:
        raise InputError(f"{path}: holds weights of {backbone}, not of {recipe.backbone}; run the weights stage")
    return tensors


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with files.atomic_write(path) as temporary:
        pd.DataFrame(history).drop(columns="images_per_s").to_csv(temporary, index=False)
