"""Batches of images: random crops for training, whole images of equal shape for inference.

This module, not a library, divides the batches among processes. So the images of a step and their crops depend only on
the seed, the epoch and the image, never on the number of processes.
"""

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from pipeline.disk.imageset import ImageSet
from pipeline.errors import InputError
from pipeline.training.accelerator import cores

TEST_BATCH = 32  # images; on a GPU another number may round predictions otherwise, because kernels are chosen by shape
WORKERS = 8  # of a process, at most
PREFETCHED = 2  # batches a worker, as torch does
SHARED = Path("/dev/shm")  # where workers hand over their batches


class TrainingBatches:
    """The training images in a new order every epoch, each a random square crop, flipped or not."""

    def __init__(self, images: ImageSet, batch: int, crop: int, seed: int) -> None:
        """``batch`` counts the images of a step over all processes; ``crop`` is in pixels."""
        self.data = _RandomCrops(images, crop, seed)
        self.batch = min(batch, len(self.data))
        self.seed = seed

    @property
    def steps(self) -> int:
        """Number of steps an epoch; images that are left over, fewer than a batch, are skipped in this epoch."""
        return len(self.data) // self.batch

    @property
    def images(self) -> int:
        """Number of images an epoch."""
        return self.steps * self.batch

    def order(self, epoch: int) -> np.ndarray:
        """Return the (steps, batch) positions of the images that each step of an epoch reads."""
        positions = np.random.default_rng((self.seed, epoch)).permutation(len(self.data))
        return positions[: self.steps * self.batch].reshape(self.steps, self.batch)

    def epoch_seed(self, epoch: int, process: int) -> int:
        """Return the seed of an epoch's other random draws, such as dropout; a resumed job gets the same seed."""
        return int(np.random.default_rng((self.seed, epoch, process)).integers(2**63))

    def loader(self, epochs: range, accelerator: Accelerator) -> Iterator[tuple[Tensor, Tensor]]:
        """Load this process's share of every step of the epochs, one after the other.

        Yields X (b, 3, crop, crop) uint8, channels last in memory, and t (b,) int64, with b = batch / processes,
        rounded up or down.
        """
        process, processes = accelerator.process_index, accelerator.num_processes
        if self.batch < processes:
            raise InputError(f"train.batch: {self.batch} images cannot be shared by {processes} processes")
        steps = [
            [(epoch, int(position)) for position in step[process::processes]]
            for epoch in epochs
            for step in self.order(epoch)
        ]
        share = math.ceil(self.batch / processes) * 3 * self.data.crop**2
        return ((_channels_first(X), t) for X, t in _load(self.data, steps, accelerator.device, share))


def test_batches(images: ImageSet, rows: np.ndarray, batch: int = TEST_BATCH) -> list[list[int]]:
    """Group images of equal shape, so that none is padded, cropped or counted twice.

    rows  positions in the index
    ->    lists of positions, at most ``batch`` long
    """
    shapes = images.index.iloc[rows].groupby(["height", "width"], sort=True).indices
    groups = [rows[members] for members in shapes.values()]
    return [group[i : i + batch].tolist() for group in groups for i in range(0, len(group), batch)]


def load_whole(images: ImageSet, batches: list[list[int]], device: torch.device) -> Iterator[tuple[list[int], Tensor]]:
    """Yield the positions and the X (b, 3, height, width) uint8 of each batch, channels last in memory."""
    sides = images.index[["height", "width"]].to_numpy()
    largest = max((3 * len(batch) * int(sides[batch[0]].prod()) for batch in batches), default=0)
    for positions, X in zip(batches, _load(_Whole(images), batches, device, largest), strict=True):
        yield positions, _channels_first(X)


class _RandomCrops(Dataset):
    """Training images, indexed by (epoch, position), so that a worker needs no state."""

    def __init__(self, images: ImageSet, crop: int, seed: int) -> None:
        table = images.index[images.index.split == "train"]
        self.images, self.ids = images, table.id.tolist()
        self.labels = table.label.tolist()
        self.crop, self.seed = crop, seed

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int] | InputError:
        epoch, position = key
        rng = np.random.default_rng((self.seed, epoch, position))
        pixels = _pixels(self.images, self.ids[position])  # height width 3
        if isinstance(pixels, InputError):
            return pixels
        y, x = (rng.integers(side - self.crop + 1) for side in pixels.shape[:2])
        pixels = pixels[y : y + self.crop, x : x + self.crop]
        return (pixels.flip(1) if rng.random() < 0.5 else pixels), self.labels[position]


class _Whole(Dataset):
    """Images as they are."""

    def __init__(self, images: ImageSet) -> None:
        self.images, self.ids = images, images.index.id.tolist()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, position: int) -> Tensor | InputError:
        return _pixels(self.images, self.ids[position])


def _pixels(images: ImageSet, identity: str) -> Tensor | InputError:
    """Decode a prepared image to (height, width, 3) uint8; channels first here would make loading 20% slower.

    An InputError is returned, to be raised by ``_load``: if a worker raised it, its traceback would become its message.
    """
    try:
        return torch.from_numpy(np.array(images.open(identity)))
    except InputError as error:
        return error


def _channels_first(X: Tensor) -> Tensor:
    """View (b, height, width, 3) as (b, 3, height, width); the memory stays channels last, like the weights."""
    return X.permute(0, 3, 1, 2)


def _load(data: Dataset, batches: list[list], device: torch.device, size: int) -> Iterator[Any]:
    """Load the batches in worker processes if there is a GPU; on a CPU they would only take cores from the network.

    size  of the largest batch, in bytes
    """
    workers = 0 if device.type == "cpu" else _workers(size)
    pinned = device.type == "cuda"
    loader = DataLoader(data, batch_sampler=batches, num_workers=workers, pin_memory=pinned, collate_fn=_collate)
    return map(_raised, loader)


def _raised(batch: Any) -> Any:
    if isinstance(batch, InputError):
        raise batch
    return batch


def _collate(items: list) -> Any:
    return next((item for item in items if isinstance(item, InputError)), None) or default_collate(items)


def _workers(size: int) -> int:
    """Return how many workers this process starts; what they have loaded waits in shared memory, which may be small.

    A container has 64 MB of it if nobody asks for more, and a worker that finds it full dies of a bus error.
    """
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    wanted = min(WORKERS, max(1, cores() // local))
    if not SHARED.is_dir():
        return wanted
    free, needed = shutil.disk_usage(SHARED).free, max(1, PREFETCHED * size * local)
    fit = free // needed
    if fit < wanted and os.environ.get("LOCAL_RANK", "0") == "0":
        print(
            f"{SHARED}: {free / 1e6:.0f} MB are free, so each process loads with {fit} workers instead of {wanted}; a "
            f"container gets more by --shm-size={math.ceil(needed * wanted / 1e9)}g",
            flush=True,
        )
    return min(fit, wanted)
