"""Stage: train the local classifiers and the object-level classifier of one scale (section 4.4)."""

from pathlib import Path

import pandas as pd
from safetensors.torch import save_file
from torch import nn

from pipeline import checkpoint, files, fitting, imageset, job, params, tracking, variants


def run(dataset: str, scale: int, recipe: params.Recipe, images: Path, out: Path) -> None:
    """Train on the folder ``images``; write weights.safetensors and history.csv to ``out``.

    What counts is the network after the last epoch; nothing is chosen by looking at the test split.
    """
    accelerator = job.start(recipe.train.precision)
    data, stage = imageset.read(images), f"train-{scale}"
    sections = {"prepare": recipe.prepare, "network": recipe.network, "train": recipe.train}
    with checkpoint.unfinished(f"{dataset}/{stage}", accelerator) as folder:
        identity = checkpoint.identify(recipe, variants.OURS, data)
        kept = checkpoint.read(folder / f"scale-{scale}.safetensors", identity, accelerator)
        with tracking.run(dataset, stage, sections, accelerator.is_main_process, kept.run) as tracker:
            tracker.images(data, context="training")
            network, _ = fitting.fit(variants.OURS, data, recipe, accelerator, tracker, kept)
            if accelerator.is_main_process:
                _write(out, network, kept.history)
                tracker.files(out)
    accelerator.end_training()


def _write(out: Path, network: nn.Module, history: list[dict[str, float]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with files.whole(out / "weights.safetensors") as temporary:
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, temporary)
    with files.whole(out / "history.csv") as temporary:
        pd.DataFrame(history).drop(columns="images_per_s").to_csv(temporary, index=False)
