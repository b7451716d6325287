"""An Accelerate job: the same code on one process or many, on CPUs or GPUs, on one machine or several."""

import os
import warnings
from datetime import timedelta

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs


def start(precision: str = "fp32") -> Accelerator:
    """Join the processes that ``accelerate launch`` started, and set up this one.

    precision  ``fp32`` or ``bf16``, of what runs under autocast
    """
    warnings.filterwarnings("ignore", message=".*pin_memory.*")  # said once a loader on machines without a GPU
    accelerator = Accelerator(
        mixed_precision="no" if precision == "fp32" else precision,
        kwargs_handlers=[
            DistributedDataParallelKwargs(broadcast_buffers=False),  # they are frozen, or synchronised already
            InitProcessGroupKwargs(timeout=timedelta(minutes=10)),
        ],
    )
    if accelerator.device.type == "cpu":  # the launcher gives a process one thread unless told otherwise
        local = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // local))
    return accelerator
