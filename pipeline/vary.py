"""Stage: train one variant (a baseline or an ablation) on the same images as ours, and keep its test predictions."""

from pathlib import Path

import pandas as pd

from pipeline import attended, checkpoint, files, fitting, imageset, inference, job, params, tracking, variants
from pipeline.imageset import ImageSet
from pipeline.inference import Seen
from pipeline.variants import BASELINE, Variant


def run(dataset: str, name: str, seed: int, recipe: params.Recipe, images: list[Path], out: Path) -> None:
    """Train at the scales that the recipe names; write predictions.npz and history.csv of each to ``out``/<scale>.

    seed    added to the recipe's own; 0 is the main line's
    images  the folders that the scales read, scale 1 first: our crops, for every variant (section 5.3)
    """
    variant = variants.parse(name)
    recipe = with_seed(recipe, seed)
    accelerator = job.start(recipe.train.precision)
    with checkpoint.unfinished(f"{dataset}/{name}-seed-{seed}", accelerator) as folder:
        for scale in scales(variant, seed, recipe):
            data, stage = imageset.read(images[scale - 1]), f"{name}-{scale}-seed-{seed}"
            identity = checkpoint.identify(recipe, variant, data)
            kept = checkpoint.read(folder / f"scale-{scale}.safetensors", identity, accelerator)
            sections = {"network": recipe.network, "train": recipe.train}
            with tracking.run(dataset, stage, sections, accelerator.is_main_process, kept.run) as tracker:
                tracker.images(data, context="training")
                _, seen = fitting.fit(variant, data, recipe, accelerator, tracker, kept)
                if accelerator.is_main_process:
                    _write(out / str(scale), data, seen, kept.history)
            accelerator.free_memory()  # or every scale's network and optimiser would stay
    accelerator.end_training()


def scales(variant: Variant, seed: int, recipe: params.Recipe) -> list[int]:
    """Say at which scales to train: those of the recipe, and the first baseline at all three (section 5.3)."""
    if variant == BASELINE and seed == 0:
        return [1, 2, 3]
    return list(recipe.vary.scales)


def with_seed(recipe: params.Recipe, seed: int) -> params.Recipe:
    """Return the recipe with another seed: other classifiers to start from, another order, other crops."""
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"seed": recipe.train.seed + seed})})


def _write(out: Path, data: ImageSet, seen: list[Seen], history: list[dict[str, float]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    attended.write_predictions(out, inference.predictions(seen, data))
    with files.whole(out / "history.csv") as temporary:
        pd.DataFrame(history).drop(columns="images_per_s").to_csv(temporary, index=False)
