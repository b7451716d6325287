"""What surrounds a job: variables that may not change its numbers, and devices that it may not use as meant."""

import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import torch
from accelerate import Accelerator

from pipeline import params
from pipeline.errors import InputError

OTHER_WAYS = {  # of training, which Accelerate would take without being asked by the code
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism config",
    "ACCELERATE_USE_SAGEMAKER": "SageMaker",
}
OVERRULED = {  # variables of Accelerate and CUDA's libraries: the value that changes nothing, and who decides instead
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": ("1", "train.batch is the whole batch of a step"),
    "ACCELERATE_MIXED_PRECISION": ("no", "train.precision decides"),
    "ACCELERATE_DOWNCAST_BF16": ("false", "train.precision decides"),
    "ACCELERATE_TORCH_DEVICE": ("", "CUDA_VISIBLE_DEVICES chooses a GPU"),
    "NVIDIA_TF32_OVERRIDE": ("", "train.tf32 decides"),
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": ("", "train.tf32 decides"),
}
FLAGS = ("ACCELERATE_USE_CPU", "ACCELERATE_DEBUG_MODE", "ACCELERATE_CPU_AFFINITY")  # obeyed: they change no numbers
TRUE, FALSE = ("true", "1", "yes", "y", "on", "t"), ("false", "0", "no", "n", "off", "f")  # as Accelerate reads them
COMPILER = "ACCELERATE_DYNAMO_"  # begins the names of its variables; BACKEND turns it on
MPI = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
START = "start each machine by 'accelerate launch --multi_gpu ...' or torchrun (docs/running.md)"


def overrule(variables: MutableMapping[str, str]) -> Iterator[str]:
    """Remove the variables that would change what a recipe trains; yield a line for each that had meant to.

    Raises InputError for those that ask for another way of training.
    """
    for name in (*OTHER_WAYS, *FLAGS):
        if variables.get(name, "false").lower() not in TRUE + FALSE:
            raise InputError(f"{name}={variables[name]}: must be true or false; or unset it")
    for name, way in OTHER_WAYS.items():
        if variables.get(name, "false").lower() in TRUE:
            raise InputError(
                f"{name}={variables[name]}: trainings here are not made for {way}; unset it, or run "
                "'accelerate config' again and choose neither"
            )
    compiler = {name: ("no", "networks are not compiled") for name in variables if name.startswith(COMPILER)}
    for name, (neutral, instead) in (OVERRULED | compiler).items():
        value = variables.pop(name, neutral)
        said = name in OVERRULED or name == f"{COMPILER}BACKEND"  # the compiler's other variables say how it would work
        if said and value.lower() not in (neutral, ""):
            yield f"{name}={value} is not obeyed: {instead}"


def check_ranks(variables: MutableMapping[str, str]) -> None:
    """Raise InputError where this process could not find the others of its job, and would train as if it were alone."""
    if any(name in variables for name in MPI):
        return
    numbers = {name: _number(name, variables) for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")}
    world, rank, local = numbers["WORLD_SIZE"], numbers["RANK"], numbers["LOCAL_RANK"]
    if world is None:
        # A launcher that has an address for several processes, and has started this one without a number.
        if "ACCELERATE_MIXED_PRECISION" in variables and "MASTER_ADDR" in variables and local is None:
            raise InputError(
                "'accelerate launch' was told of several processes, but started this one alone, and every machine "
                f"would write the same folder; {START}, and on CPUs by torchrun"
            )
        if (rank or 0) > 0 or (local or 0) > 0:
            raise InputError(f"RANK or LOCAL_RANK is set, but WORLD_SIZE is not; unset them, or {START}")
    elif world > 1:
        missing = [n for n in ("RANK", "LOCAL_RANK", "MASTER_ADDR") if variables.get(n, "") == ""]
        if missing:
            raise InputError(
                f"WORLD_SIZE is {world}, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set: "
                f"this process would train as if it were the only one; unset WORLD_SIZE, or {START}"
            )
    if rank is not None and rank >= (world or 1):
        raise InputError(f"RANK is {rank} of a WORLD_SIZE of {world or 1}, counted from 0; {START}")
    if local is not None and numbers["LOCAL_WORLD_SIZE"] is not None and local >= numbers["LOCAL_WORLD_SIZE"]:
        raise InputError(f"LOCAL_RANK is {local} of a LOCAL_WORLD_SIZE of {numbers['LOCAL_WORLD_SIZE']}; {START}")


def check_others(variables: MutableMapping[str, str], processes: int) -> None:
    """Raise InputError where MPI started several processes, and this one has not found the others."""
    sizes = [_number(name, variables) or 1 for name in MPI]
    if processes == 1 and max(sizes) > 1:
        raise InputError(f"MPI started {max(sizes)} processes, but this one would train as if it were alone; {START}")


def check_cards(local: int, cards: int) -> None:
    """Raise InputError where processes of this machine would have to share a GPU, which NCCL refuses."""
    if local > cards > 0:
        raise InputError(
            f"{local} processes on this machine's {cards} GPU{'s' if cards > 1 else ''}, but each needs one of its "
            f"own; start {cards}, or train on CPUs with CUDA_VISIBLE_DEVICES="
        )


def announce(job: Accelerator, recipe: params.Train) -> dict[str, str | int]:
    """Say what a job runs on, and what of that somebody may not have meant; return it, to be logged."""
    described = describe(job, recipe.precision, recipe.tf32)
    if job.is_main_process:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", job.num_processes))
        print(*surprises(job, recipe.precision, local), f"runs on: {line(described)}", sep="\n", flush=True)
    return described


def describe(job: Accelerator, precision: str, tf32: str) -> dict[str, str | int]:
    """Name what a job runs on: device, processes, precision, TF32, threads and CPU instructions of each process."""
    on_gpu = job.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(job.device) if on_gpu else job.device.type.upper(),
        "processes": job.num_processes,
        "precision": precision,
        "tf32": tf32 if on_gpu else "none",
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def line(described: dict[str, str | int]) -> str:
    """Say in words what ``describe`` names.

    >>> cpu = {"device": "CPU", "processes": 1, "precision": "fp32", "tf32": "none", "threads": 2}
    >>> line(cpu | {"instructions": "AVX2"})
    'CPU, 1 process, fp32, 2 threads, AVX2'
    """
    words = {"none": "no TF32", "convolutions": "TF32 in convolutions", "all": "TF32"}
    tf32 = words[described["tf32"]] if described["device"] != "CPU" else ""
    processes, threads = (
        f"{described[what]} {one if described[what] == 1 else many}"
        for what, one, many in (("processes", "process", "processes"), ("threads", "thread", "threads"))
    )
    instructions = described["instructions"] if described["device"] == "CPU" else ""
    return ", ".join(
        filter(None, [described["device"], processes, described["precision"], tf32, threads, instructions])
    )


def surprises(job: Accelerator, precision: str, local: int) -> Iterator[str]:
    """Yield a line for each thing about the devices that somebody may not have meant.

    local  processes on this machine
    """
    if job.device.type == "cuda":
        cards = torch.cuda.device_count()
        if local < cards:
            yield f"{local} of this machine's {cards} GPUs {'is' if local == 1 else 'are'} used: a GPU takes a process"
        if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
            yield "train.precision: this GPU computes bf16 only by emulation, slowly; fp32 may be faster"
        return
    if why := _no_card():
        yield f"this machine has a GPU that is not used: {why}"
    elif (other := torch.accelerator.current_accelerator(check_available=True)) is not None and other.type != "cuda":
        yield f"this machine's {other.type.upper()} is not used: only CUDA and CPUs are (MPS has no float64)"
    if precision == "bf16":
        yield "train.precision: bf16 on a CPU is slow, and rounds otherwise than on a GPU; fp32 is meant for CPUs"


def _no_card(root: Path = Path("/")) -> str:
    """Return why this process does not use a GPU that the machine has; nothing where it has none."""
    devices = any((root / "dev").glob("nvidia[0-9]*"))
    if not devices and not any((root / "proc" / "driver" / "nvidia" / "gpus").glob("*")):
        return ""
    for name in ("CUDA_VISIBLE_DEVICES", "ACCELERATE_USE_CPU"):
        value = os.environ.get(name)
        if value is not None and (name == "CUDA_VISIBLE_DEVICES" or value.lower() in TRUE):
            return f"{name}={value} hides it"
    if not devices:
        return "its driver is there, but no /dev/nvidia0; a container is given it by 'docker run --gpus all'"
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # the driver is too old, or torch was built without CUDA
        return str(error).splitlines()[0]
    return "the job was started for CPUs"


def _number(name: str, variables: MutableMapping[str, str]) -> int | None:
    text = variables.get(name, "")
    if text and not text.lstrip("-").isdecimal():
        raise InputError(f"{name}={text}: must be a whole number; {START}")
    return int(text) if text and int(text) >= 0 else None
