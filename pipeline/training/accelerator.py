"""An Accelerate job: the same code on one process or many, on CPUs or GPUs, on one machine or several."""

import ctypes
import inspect
import os
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from torch.nn.parallel import DistributedDataParallel

from pipeline import params
from pipeline.errors import InputError
from pipeline.training import environment

OWN_THREADS = "PIPELINE_SET_OMP_NUM_THREADS"  # pipeline/launch.py sets it with a value of its own
TF32 = {"none": (False, False), "convolutions": (True, False), "all": (True, True)}  # in cuDNN, in matrix products


INSTRUCTIONS = {  # what the libraries below torch read when each first computes, and not before
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2,STRICT"},
}


def start_for(recipe: params.Train, device: str = "auto") -> Accelerator:
    """Start a job that computes as the recipe says; ``start`` has the rest."""
    return start(recipe.precision, recipe.threads, recipe.tf32, recipe.instructions, device)


def start(
    precision: str = "fp32",
    threads: int | None = None,
    tf32: str = "convolutions",
    instructions: str | None = None,
    device: str = "auto",
) -> Accelerator:
    """Join the processes that Accelerate's launcher or torchrun started, and set up this one.

    precision     ``bf16`` turns autocast on
    threads       of this process on CPUs; None: all the cores there are
    tf32          where a GPU may compute fp32 with a mantissa of 10 bits: a key of TF32
    instructions  of CPUs, no newer ones are used: a key of INSTRUCTIONS; None: the newest that the processor has
    device        ``cpu``, ``cuda``, or ``auto``: a GPU where there is one

    Raises InputError where the environment asks for something that the recipe cannot mean.
    """
    warnings.filterwarnings("ignore", message=".*pin_memory.*")  # each loader warns on machines without a GPU
    environment.check_ranks(os.environ)
    overruled = list(environment.overrule(os.environ))
    on_gpu = torch.cuda.is_available() and device != "cpu"
    if instructions and not on_gpu:
        overruled += hold_to(instructions, os.environ)
    if device == "cuda" and not on_gpu:
        raise InputError("--device cuda: torch sees no GPU here; say cpu, or auto")
    accelerator = Accelerator(
        cpu=None if on_gpu else True,  # else each of several processes on CPUs would act as if it were the only one
        mixed_precision="bf16" if precision == "bf16" else "no",
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(minutes=10))],
    )
    accelerator.ddp_handler = _parallel()
    environment.check_others(os.environ, accelerator.num_processes)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
    if accelerator.device.type == "cpu":
        torch.set_num_threads(granted_threads(threads, local))
        keep_freed_memory()
    else:
        environment.check_cards(local, torch.cuda.device_count())
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = TF32[tf32]
    if accelerator.is_main_process:
        print("".join(f"{line}\n" for line in overruled), end="", flush=True)
    return accelerator


@dataclass
class _Parallel(DistributedDataParallelKwargs):
    """Accelerate's options of DistributedDataParallel, and what replaced ``broadcast_buffers`` in torch 2.13."""

    forward_sync_buffers: bool = True


def _parallel() -> DistributedDataParallelKwargs:
    """Send no buffers around at each step: they are frozen, or made equal by ``batch_norm.synchronise``."""
    if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters:
        return _Parallel(forward_sync_buffers=False)
    return DistributedDataParallelKwargs(broadcast_buffers=False)


def hold_to(instructions: str, variables: MutableMapping[str, str]) -> Iterator[str]:
    """Let torch use no newer instructions, so that it rounds alike on old and new processors; yield what to say of it.

    Newer ones add more numbers at once, so in another order, and training amplifies that.
    """
    for name, value in INSTRUCTIONS[instructions].items():
        if variables.get(name, value).lower() != value.lower():
            yield f"{name}={variables[name]} is not obeyed: train.instructions decides"
        variables[name] = value
    taken = torch.backends.cpu.get_cpu_capability()
    if taken.lower() != instructions:
        yield (
            f"train.instructions: {instructions} wanted, {taken} taken, because this processor has no other or torch "
            "had begun: sums will round otherwise"
        )


def granted_threads(wanted: int | None, processes: int) -> int:
    """Return the number of threads for each of the ``processes`` on this machine; ``wanted`` None: all cores.

    One process takes the wanted number even on a machine with fewer cores: that is slower, but gives the same results.
    A limit that somebody set, OMP_NUM_THREADS or a container's CPU quota, is obeyed, with a message.
    """
    limits = {"the CPU quota": max(1, quota() // processes) if quota() else None}
    # With several, torchrun itself sets OMP_NUM_THREADS, with one 'pipeline launch' may: no user's limits.
    if processes == 1 and not os.environ.get(OWN_THREADS):
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
        share, period = (root / "cpu.max").read_text(encoding="utf-8").split()  # cgroup v2
        return None if share == "max" else max(1, int(share) // int(period))
    with suppress(OSError, ValueError):
        share, period = (
            int((root / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="utf-8")) for name in ("quota", "period")
        )
        return None if share < 0 else max(1, share // period)
    return None


def keep_freed_memory() -> None:
    """Stop glibc from returning the memory of every large tensor to the kernel, which zeroes it before the next use.

    On two cores the zeroing took a quarter of a training step at 160 pixels and over two fifths at 224 (measured by
    'python -m benchmarks memory'). Other C libraries have no such call; with them nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        m_trim_threshold, m_mmap_threshold = -1, -3  # their numbers in malloc.h
        mallopt(m_mmap_threshold, 1 << 30)
        mallopt(m_trim_threshold, (1 << 31) - 1)


def give_back_memory() -> None:
    """Return all freed memory to the kernel: after pictures of many sizes the heap would grow by its holes."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
