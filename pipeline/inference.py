"""One pass of a trained network over whole images, shared among all processes, each image exactly once."""

from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn
from tqdm import tqdm

from model.network import Output
from model.prediction import local_prediction, object_prediction
from pipeline.batches import load_whole, test_batches
from pipeline.imageset import ImageSet


@dataclass(frozen=True)
class Seen:
    """What the network says of one image."""

    position: int  # in the index
    loc: np.ndarray  # (L,) float32, probabilities of the local classifiers
    obj: np.ndarray  # (L,) float32, probabilities of the object-level classifier
    M: np.ndarray  # (H, W) float32
    M_b: np.ndarray  # (H, W) bool
    constant: bool  # Otsu could not divide M


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


def accuracies(seen: list[Seen], labels: np.ndarray) -> dict[str, float]:
    """Return the accuracies of both levels and of their mean (section 4.4.3), in percent."""
    loc, obj = (np.stack([getattr(one, kind) for one in seen]) for kind in ("loc", "obj"))
    predictions = {"acc_loc": loc, "acc_obj": obj, "acc_avg": (loc + obj) / 2}
    return {name: 100 * float((p.argmax(axis=1) == labels).mean()) for name, p in predictions.items()}


def _unbatch(positions: list[int], output: Output) -> list[Seen]:
    columns = local_prediction(output.A), object_prediction(output.logits), output.M, output.M_b, output.constant
    loc, obj, M, M_b, constant = (column.cpu().numpy() for column in columns)
    rows = zip(positions, loc, obj, M, M_b, constant.tolist(), strict=True)
    return [Seen(*row) for row in rows]
