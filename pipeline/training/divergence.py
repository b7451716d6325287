"""Stop the training soon after a loss is not finite, without making a GPU wait for the host to read each loss."""

import math
from collections import deque
from pathlib import Path

import torch
from torch import Tensor

from pipeline.errors import InputError


class Divergence:
    """The losses of one epoch's steps, each read as soon as the device has computed it."""

    def __init__(self, epoch: int, checkpoint: Path) -> None:
        """``checkpoint`` is the file with the state after the previous epoch."""
        self.epoch, self.checkpoint = epoch, checkpoint
        self.waiting: deque = deque()

    def add(self, loss: Tensor, step: int, lr: float) -> None:
        """Add a step's loss; raise InputError if one of the losses that have reached the host is not finite."""
        arrived = None
        if loss.is_cuda:
            loss = torch.empty_like(loss, device="cpu", pin_memory=True).copy_(loss, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record()
        self.waiting.append((loss, arrived, step, lr))
        while self.waiting and (self.waiting[0][1] is None or self.waiting[0][1].query()):
            self._check_oldest()

    def finish(self) -> None:
        """Wait for the remaining losses and check them."""
        while self.waiting:
            if self.waiting[0][1] is not None:
                self.waiting[0][1].synchronize()
            self._check_oldest()

    def _check_oldest(self) -> None:
        loss, _, step, lr = self.waiting.popleft()
        if not math.isfinite(loss):
            before = f"; what epoch {self.epoch - 1} ended with is kept in {self.checkpoint}" if self.epoch > 1 else ""
            raise InputError(
                f"the loss became {float(loss)} in step {step} of epoch {self.epoch}, at a learning rate of {lr:.3g}; "
                f"lower train.lr or lengthen train.warmup_epochs{before}"
            )
