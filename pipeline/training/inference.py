"""Inference: one pass of a trained network over whole images, each on exactly one of the processes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn
from tqdm import tqdm

from model.network import Output
from model.prediction import local_prediction, object_prediction
from pipeline import params
from pipeline.disk.imageset import ImageSet
from pipeline.disk.predictions import Predictions
from pipeline.training.batches import load_whole, test_batches


@dataclass(frozen=True)
class ImageResult:
    """The network's outputs for one image."""

    position: int  # in the index
    loc: np.ndarray  # (L,) float32, probabilities of the local classifiers
    obj: np.ndarray  # (L,) float32, probabilities of the object-level classifier
    M: np.ndarray | None = None  # (H, W) float32; None where there are no local classifiers
    M_b: np.ndarray | None = None  # (H, W) bool
    constant: bool = False  # M has no Otsu threshold


def infer(network: nn.Module, images: ImageSet, split: str | None, accelerator: Accelerator) -> list[ImageResult]:
    """Run the network on every image of a split (None: of both); every process gets all results, in index order."""
    chosen = np.full(len(images.index), True) if split is None else images.index.split == split
    rows = np.flatnonzero(chosen)
    share = test_batches(images, rows)[accelerator.process_index :: accelerator.num_processes]
    bar = tqdm(
        run(network, images, share, accelerator.device),
        total=len(share),
        desc=f"infer {images.folder}",
        unit=" batches",
        disable=None if accelerator.is_main_process else True,
        leave=False,
    )
    results = [result for batch in bar for result in batch]
    if accelerator.num_processes > 1:
        results = gather_object(results)
    results.sort(key=lambda result: result.position)
    if [result.position for result in results] != rows.tolist():
        raise RuntimeError(f"{len(rows)} images should have one result each, {len(results)} results came back")
    return results


@torch.inference_mode()
def run(
    network: nn.Module, images: ImageSet, batches: list[list[int]], device: torch.device
) -> Iterator[list[ImageResult]]:
    """Yield the results of each batch, positions in the index of images of one shape."""
    network.eval()
    torch.backends.cudnn.benchmark = False  # ``loop`` turns it on: whole images have many shapes to try kernels on
    for positions, X in load_whole(images, batches, device):
        yield _unbatch(positions, network(X.to(device, non_blocking=True)))


def predictions(results: list[ImageResult], images: ImageSet, recipe: params.Training) -> Predictions:
    """Join the results of a recipe's network with the images' ids and labels."""
    index = images.index.iloc[[result.position for result in results]]
    return Predictions(
        id=index.id.to_numpy(dtype=str),
        split=index.split.to_numpy(dtype=str),
        label=index.label.to_numpy(),
        loc=np.stack([result.loc for result in results]),
        obj=np.stack([result.obj for result in results]),
        answer=recipe.answer,
        averaging=recipe.network.averaging,
    )


def predict(output: Output) -> tuple[Tensor, Tensor]:
    """Return the local and the object prediction, (B, L) each.

    Without local classifiers the first is that of the baseline's second classifier, or the object's once more.
    """
    obj = object_prediction(output.logits)
    if output.attention is not None:
        readout, cells = output.readout
        M_b = output.attention.M_b if cells == "attended" else None
        return local_prediction(output.attention.A, readout, M_b), obj
    return (obj if output.mean_logits is None else object_prediction(output.mean_logits)), obj


def _unbatch(positions: list[int], output: Output) -> list[ImageResult]:
    columns = list(predict(output))
    if output.attention is not None:
        columns += [output.attention.M, output.attention.M_b, output.attention.constant]
    rows = zip(positions, *(column.cpu().numpy() for column in columns), strict=True)
    return [ImageResult(*row) for row in rows]
