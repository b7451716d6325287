"""Batches of images: random crops for training, whole images of equal shape for inference.

This module, not a library, divides the batches among processes. So the images of a step and their crops depend only on
the seed, the epoch and the image, never on the number of processes.
"""

import io
import os
from collections.abc import Iterator

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pipeline.disk.imageset import ImageSet
from pipeline.errors import InputError
from pipeline.training.accelerator import cores

TEST_BATCH = 32  # images; any number gives the same predictions


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
        return ((_channels_first(X), t) for X, t in _loader(self.data, steps, accelerator.device))


def test_batches(images: ImageSet, rows: np.ndarray) -> list[list[int]]:
    """Group images of equal shape, so that none is padded, cropped or counted twice.

    rows  positions in the index
    ->    lists of positions, at most TEST_BATCH long
    """
    shapes = images.index.iloc[rows].groupby(["height", "width"], sort=True).indices
    groups = [rows[members] for members in shapes.values()]
    return [group[i : i + TEST_BATCH].tolist() for group in groups for i in range(0, len(group), TEST_BATCH)]


def load_whole(images: ImageSet, batches: list[list[int]], device: torch.device) -> Iterator[tuple[list[int], Tensor]]:
    """Yield the positions and the X (b, 3, height, width) uint8 of each batch, channels last in memory."""
    for positions, X in zip(batches, _loader(_Whole(images), batches, device), strict=True):
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

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, position = key
        rng = np.random.default_rng((self.seed, epoch, position))
        pixels = _pixels(self.images.read(self.ids[position]))  # height width 3
        y, x = (rng.integers(side - self.crop + 1) for side in pixels.shape[:2])
        pixels = pixels[y : y + self.crop, x : x + self.crop]
        return (pixels.flip(1) if rng.random() < 0.5 else pixels), self.labels[position]


class _Whole(Dataset):
    """Images as they are."""

    def __init__(self, images: ImageSet) -> None:
        self.images, self.ids = images, images.index.id.tolist()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, position: int) -> Tensor:
        return _pixels(self.images.read(self.ids[position]))


def _pixels(jpeg: bytes) -> Tensor:
    """Decode a prepared image to (height, width, 3) uint8; channels first here would make loading 20% slower."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return torch.from_numpy(np.array(image))


def _channels_first(X: Tensor) -> Tensor:
    """View (b, height, width, 3) as (b, 3, height, width); the memory stays channels last, like the weights."""
    return X.permute(0, 3, 1, 2)


def _loader(data: Dataset, batches: list[list], device: torch.device) -> DataLoader:
    """Load in worker processes if there is a GPU; on a CPU the workers would only take cores from the network."""
    on_cpu = device.type == "cpu"
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    workers = 0 if on_cpu else min(8, max(1, cores() // local))
    return DataLoader(data, batch_sampler=batches, num_workers=workers, pin_memory=not on_cpu)
