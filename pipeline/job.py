"""An Accelerate job: the same code on one process or many, on CPUs or GPUs, on one machine or several."""

import ctypes
import os
import warnings
from datetime import timedelta

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs


def start(precision: str = "fp32") -> Accelerator:
    """Join the processes that Accelerate's launcher or torchrun started, and set up this one.

    precision  ``bf16`` runs what may under autocast
    """
    warnings.filterwarnings("ignore", message=".*pin_memory.*")  # said once a loader on machines without a GPU
    # Started by torchrun on CPUs, each process would otherwise take itself for the only one.
    several_on_cpu = int(os.environ.get("WORLD_SIZE", 1)) > 1 and not torch.accelerator.is_available()
    accelerator = Accelerator(
        cpu=several_on_cpu or None,
        mixed_precision="bf16" if precision == "bf16" else "no",
        kwargs_handlers=[
            DistributedDataParallelKwargs(broadcast_buffers=False),  # they are frozen, or synchronised already
            InitProcessGroupKwargs(timeout=timedelta(minutes=10)),
        ],
    )
    if accelerator.device.type == "cpu":  # the launcher gives a process one thread unless told otherwise
        local = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
        torch.set_num_threads(max(1, cores() // local))
        keep_freed_memory()
    return accelerator


def cores() -> int:
    """Return how many cores this process may use: containers and SLURM give it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Stop glibc from giving every large tensor back to the kernel, which would zero it anew for the next step.

    On two cores that took a quarter of a training step at 160 pixels and over two fifths at 224, says
    'python -m benchmarks memory'. Other C libraries have no such call and are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        m_trim_threshold, m_mmap_threshold = -1, -3  # their numbers in malloc.h
        mallopt(m_mmap_threshold, 1 << 30)
        mallopt(m_trim_threshold, (1 << 31) - 1)
