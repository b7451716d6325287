"""Stage: run one trained network on every image once, to get predictions, attention maps and boxes."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from model.boxes import attended_box
from pipeline import overlay
from pipeline.disk import files, folds, imageset, outputs, predictions
from pipeline.disk.cells import Cell
from pipeline.disk.imageset import CROP, ImageSet
from pipeline.disk.predictions import ATTENDED, Predictions
from pipeline.explaining import anatomy, store, winners
from pipeline.tracking import run as tracking
from pipeline.training import accelerator, environment, inference, trained
from pipeline.training.inference import ImageResult

N_PICTURES = 8  # logged to MLflow


def run(cell: Cell, weights: Path, images: Path, split: str | None, out: Path) -> None:
    """Run the network whose weights are in the folder ``weights`` on the image set ``images``, in eval mode.

    What the network is and how it was trained stands in the file of its weights.

    split   'test', or None for training and test images, both of which the next scale's crops need

    Writes to ``out``: predictions.npz; with local classifiers boxes.csv, maps.npz and anatomy.npz; with several of them
    wins.csv.
    """
    outputs.check_folder(out, (*predictions.FILES, *store.FILES))
    recipe = trained.read_recipe(weights)
    job = accelerator.start_for(recipe.train)
    data = folds.divide(imageset.read(images), cell.fold)
    machine = environment.announce(job, recipe.train)
    network = trained.read(weights, recipe.network, len(data.class_names))
    network = job.prepare_model(network, evaluation_mode=True)
    n = recipe.network.n_classifiers
    with winners.watch(network) if n > 1 else nullcontext([]) as seen:
        results = inference.infer(network, data, split, job)
    counts = winners.count(seen, data, split, n, job) if n > 1 else None
    if job.is_main_process:
        sections = {"network": recipe.network, "machine": machine}
        with tracking.run(cell.dataset, "attend", sections, cell) as tracker:
            answers = inference.predictions(results, data, recipe)
            one = anatomy.dissect(network, data, answers, job.device) if n else None
            metrics = _write(out, data, results, answers, (counts, one))
            tracker.images(data, context="evaluation")
            named = metrics | {"accuracy": metrics[f"acc_{recipe.answer}"]}  # that of the level which was trained
            tracker.metrics({f"test/{name}": value for name, value in named.items()})
            if n:
                tracker.picture(contact_sheet(data, results), "attention.png")
            shown = ", ".join(f"{name} {value:.3g}" for name, value in metrics.items())
            print(f"{cell.dataset}, {cell}: {shown}")
    job.end_training()


def boxes(results: list[ImageResult], index: pd.DataFrame) -> pd.DataFrame:
    """Return, for every result, the box around the attended cells, as shares of the original's sides.

    index  of the image set; its columns CROP are this scale's crops of the originals
    """
    rows = index.iloc[[result.position for result in results]]
    crops = torch.tensor(rows[CROP].to_numpy())[:, None]  # N 1 4: masks differ in shape, so each is a batch
    masks = [torch.from_numpy(result.M_b)[None] for result in results]
    found = [attended_box(mask, crop) for mask, crop in zip(masks, crops, strict=True)]
    table = pd.DataFrame({"id": rows.id.to_numpy()})
    table[ATTENDED] = torch.cat(found).numpy()
    table["attended"] = [result.M_b.mean() for result in results]
    table["constant"] = [result.constant for result in results]
    return table


def contact_sheet(data: ImageSet, results: list[ImageResult], n: int = N_PICTURES) -> np.ndarray:
    """Put the attention maps of n test images, spread over the classes, side by side: (height, width, 3) uint8."""
    test = _of_test(data, results)
    tiles = []
    for result in test[:: max(1, len(test) // n)][:n]:
        with data.open(data.index.id[result.position]) as image:
            tile = Image.fromarray(overlay.heat(np.asarray(image), result.M))
        tiles.append(np.asarray(tile.resize((224, 224))))
    return np.concatenate(tiles, axis=1)


def _of_test(data: ImageSet, results: list[ImageResult]) -> list[ImageResult]:
    return [result for result in results if data.index.split[result.position] == "test"]


def _write(
    out: Path,
    data: ImageSet,
    results: list[ImageResult],
    answers: Predictions,
    explained: tuple[np.ndarray | None, store.Anatomy | None],
) -> dict[str, float]:
    """Write the stage's files in one atomic write, and return what to log of the test images."""
    metrics = answers.of("test").accuracies()
    counts, one = explained
    with files.atomic_write(out) as folder:
        folder.mkdir(parents=True)
        predictions.write_predictions(folder, answers)
        if one is not None:
            table = boxes(results, data.index)
            maps = {data.index.id[result.position]: (result.M, result.M_b) for result in results}
            predictions.write_boxes(folder, table)
            predictions.write_maps(folder, maps)
            store.write_anatomy(folder, one)
            tested = table.id.isin(answers.of("test").id)
            metrics |= table.loc[tested, ["attended", "constant"]].mean().to_dict()
        if counts is not None:
            store.write_wins(folder, store.wins(counts))
    return metrics
