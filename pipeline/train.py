"""Stage: train one network, of a variant, with a seed, at a scale (section 4.4)."""

from pathlib import Path

import pandas as pd
from safetensors.torch import save_file
from torch import nn

from pipeline import params
from pipeline.disk import files, imageset
from pipeline.disk.cells import Cell
from pipeline.tracking import run as tracking
from pipeline.training import accelerator, checkpoint, loop


def run(cell: Cell, recipe: params.Recipe, images: Path, out: Path) -> None:
    """Train on the image set ``images``; write weights.safetensors and history.csv to ``out``.

    The result is the network after the last epoch; the test split decides nothing.
    """
    job = accelerator.start(recipe.train.precision, recipe.train.threads)
    data, stage = imageset.read(images), f"train-{cell}"
    sections = {"prepare": recipe.prepare, "network": recipe.network, "train": recipe.train}
    with checkpoint.unfinished(f"{cell.dataset}/{stage}", job) as folder:
        identity = checkpoint.identify(recipe, data)
        found = checkpoint.read(folder / "checkpoint.safetensors", identity, job)
        with tracking.run(cell.dataset, stage, sections, job.is_main_process, found.run) as tracker:
            tracker.images(data, context="training")
            network = loop.train(recipe, data, job, tracker, found)
            if job.is_main_process:
                _write(out, network, found.history)
                tracker.files(out)
    job.end_training()


def _write(out: Path, network: nn.Module, history: list[dict[str, float]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with files.atomic_write(out / "weights.safetensors") as temporary:
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, temporary)
    with files.atomic_write(out / "history.csv") as temporary:
        pd.DataFrame(history).drop(columns="images_per_s").to_csv(temporary, index=False)
