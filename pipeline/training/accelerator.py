"""An Accelerate job: the same code on one process or many, on CPUs or GPUs, on one machine or several."""

import ctypes
import os
import warnings
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs


def start(precision: str = "fp32", threads: int | None = None) -> Accelerator:
    """Join the processes that Accelerate's launcher or torchrun started, and set up this one.

    precision  ``bf16`` runs what may under autocast
    threads    of this process on CPUs; None: all the cores there are
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
    if accelerator.device.type == "cpu":
        local = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
        torch.set_num_threads(granted_threads(threads, local))
        keep_freed_memory()
    return accelerator


def granted_threads(wanted: int | None, processes: int) -> int:
    """Return how many threads each of some processes on this machine takes; None wants all the cores there are.

    A wanted number is taken on a machine with fewer cores too: the results are then the same, only later. A limit that
    was set on purpose, OMP_NUM_THREADS or a container's CPU quota, is obeyed, and that is said.
    """
    limits = {"the CPU quota": quota()}
    if processes == 1:  # for several torchrun sets OMP_NUM_THREADS itself
        text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
        limits["OMP_NUM_THREADS"] = int(text) if text.isdecimal() else None
    granted = min([value for value in limits.values() if value], default=None)
    share = max(1, cores() // processes)
    number = share if wanted is None else wanted if processes == 1 else min(wanted, share)
    if granted is None or granted >= number:
        return number
    if wanted is not None:
        limit = next(name for name, value in limits.items() if value == granted)
        print(f"train.threads: {wanted} wanted, {granted} taken, because {limit} says so: sums will round otherwise")
    return granted


def cores() -> int:
    """Return how many cores this process may use: containers and SLURM give it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return how many cores' worth of time a container may take, at least 1; None where there is no limit."""
    with suppress(OSError, ValueError):
        share, period = (root / "cpu.max").read_text().split()  # cgroup v2
        return None if share == "max" else max(1, int(share) // int(period))
    with suppress(OSError, ValueError):
        share, period = (int((root / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return None if share < 0 else max(1, share // period)
    return None


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
