"""One pass of a trained network over whole images, shared among all processes, each image exactly once."""

from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn
from tqdm import tqdm

from model.network import Output
from model.prediction import local_prediction, object_prediction
from pipeline.attended import Predictions
from pipeline.batches import load_whole, test_batches
from pipeline.imageset import ImageSet


@dataclass(frozen=True)
class Seen:
    """What the network says of one image."""

    position: int  # in the index
    loc: np.ndarray  # (L,) float32, probabilities of the local classifiers
    obj: np.ndarray  # (L,) float32, probabilities of the object-level classifier
    M: np.ndarray | None = None  # (H, W) float32; None where there are no local classifiers
    M_b: np.ndarray | None = None  # (H, W) bool
    constant: bool = False  # Otsu could not divide M


@torch.inference_mode()
def see(network: nn.Module, images: ImageSet, split: str | None, accelerator: Accelerator) -> list[Seen]:
    """Look at every image of a split (None: of both), in the order of the index; every process gets all of them."""
    network.eval()
    chosen = np.full(len(images.index), True) if split is None else images.index.split == split
    rows = np.flatnonzero(chosen)
    share = test_batches(images, rows)[accelerator.process_index :: accelerator.num_processes]
    bar = tqdm(
        load_whole(images, share, accelerator.device),
        total=len(share),
        desc=f"look at {images.folder}",
        unit=" batches",
        disable=None if accelerator.is_main_process else True,
        leave=False,
    )
    seen = []
    for positions, X in bar:
        seen += _unbatch(positions, network(X.to(accelerator.device, non_blocking=True)))
    if accelerator.num_processes > 1:
        seen = gather_object(seen)
    seen.sort(key=lambda one: one.position)
    if [one.position for one in seen] != rows.tolist():
        raise RuntimeError(f"{len(rows)} images were to be looked at once each, {len(seen)} came back")
    return seen


def predictions(seen: list[Seen], images: ImageSet) -> Predictions:
    """Gather what was said of the images, with their names and labels."""
    index = images.index.iloc[[one.position for one in seen]]
    return Predictions(
        id=index.id.to_numpy(dtype=str),
        split=index.split.to_numpy(dtype=str),
        label=index.label.to_numpy(),
        loc=np.stack([one.loc for one in seen]),
        obj=np.stack([one.obj for one in seen]),
    )


def predict(output: Output) -> tuple[Tensor, Tensor]:
    """Return the local and the object prediction, (B, L) each; without local classifiers both are the object's."""
    obj = object_prediction(output.logits)
    return (local_prediction(output.attention.A) if output.attention is not None else obj), obj


def _unbatch(positions: list[int], output: Output) -> list[Seen]:
    columns = list(predict(output))
    if output.attention is not None:
        columns += [output.attention.M, output.attention.M_b, output.attention.constant]
    rows = zip(positions, *(column.cpu().numpy() for column in columns), strict=True)
    return [Seen(*row) for row in rows]
