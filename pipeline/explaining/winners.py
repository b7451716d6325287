"""Which local classifier gives each attended cell its value, watched while a trained network runs (Figure 2).

M at a cell is the largest activation over all foreground categories (4.3) of the largest over all classifiers (Eq. 1).
So one classifier gives the cell its value, for one category: it has won the cell.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from model.network import Network, Output
from pipeline.disk.imageset import ImageSet
from pipeline.training.batches import test_batches


def winners(A_i: Tensor) -> Tensor:
    """Return which local classifier attains the maximum of Eq. 1, for every category and location.

    A_i   (B, n, L+1, H, W)  logits of the n local classifiers, the background last
    ->    (B, L+1, H, W)     numbers from 0; the first of classifiers that tie

    Not beside ``model.attention.aggregate``: what no training uses must not be code that trainings depend on.

    >>> winners(torch.tensor([1.0, 3.0, 3.0]).view(1, 3, 1, 1, 1)).item()
    1
    """
    return A_i.max(dim=1).indices  # of the very maximum that 'aggregate' takes, so these are whom its gradient reaches


def won(A_i: Tensor, M_b: Tensor) -> list[np.ndarray]:
    """Return, for each image, who won its attended cells and for which category.

    A_i   (B, n, L+1, H, W)
    M_b   (B, H, W) bool
    ->    B arrays (2, attended cells) int16: categories, classifiers
    """
    category = A_i.amax(dim=1)[:, :-1].argmax(dim=1, keepdim=True)  # B 1 H W
    both = torch.cat([category, winners(A_i).gather(1, category)], dim=1).short()  # B 2 H W
    return [pair[:, attended].cpu().numpy() for pair, attended in zip(both, M_b, strict=True)]


@contextmanager
def watch(network: Network) -> Iterator[list[np.ndarray]]:
    """Yield a list that gets ``won`` of every image that the network runs on, in that order.

    What each classifier says is no output of the network, so that no training keeps it. It is seen on its way.
    """
    seen: list[np.ndarray] = []
    local: list[Tensor] = []

    def keep(module: nn.Module, _: tuple, activations: Tensor) -> None:
        local[:] = [activations]

    def note(module: nn.Module, _: tuple, output: Output) -> None:
        A_i = local.pop().unflatten(1, (network.n, network.L + 1))
        seen.extend(won(A_i, output.attention.M_b))

    hooks = [network.local.register_forward_hook(keep), network.register_forward_hook(note)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def count(seen: list[np.ndarray], images: ImageSet, split: str | None, n: int, job: Accelerator) -> np.ndarray:
    """Count the cells of test images that each classifier won for each category.

    seen   of this process, in ``inference.infer`` on this split
    n      number of classifiers
    ->     (n, L) int64, of all processes
    """
    rows = np.flatnonzero(np.full(len(images.index), True) if split is None else images.index.split == split)
    share = test_batches(images, rows)[job.process_index :: job.num_processes]
    positions = [position for batch in share for position in batch]
    tested = (images.index.split == "test").to_numpy()
    counts = np.zeros((n, len(images.class_names)), np.int64)
    for position, (category, classifier) in zip(positions, seen, strict=True):
        if tested[position]:
            np.add.at(counts, (classifier, category), 1)
    return np.sum(gather_object([counts]), axis=0) if job.num_processes > 1 else counts
