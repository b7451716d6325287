"""``pipeline launch COMMAND``: run it in this process if one is enough, else hand over to Accelerate's launcher.

Accelerate's launcher imports torch to count the GPUs. Even for one process it then starts a second Python, which
imports torch again: almost 3 seconds a stage. So this module first decides whether the launcher is needed.
"""

import os
import sys
from pathlib import Path
from typing import Any

from pipeline.disk import outputs
from pipeline.errors import InputError, one_line
from pipeline.scheduling import travel

# On several machines the user starts each by hand (docs/running.md); the recipe sets the precision.
OPTIONS = ["--quiet", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
KINDS = ("NO", "MULTI_CPU", "MULTI_GPU")  # of Accelerate's configurations: each process has the whole network
OWN_THREADS = "PIPELINE_SET_OMP_NUM_THREADS"  # known to training/accelerator.py too
ANEW = "run 'accelerate config' again, or delete the file"


def hand_over(words: list[str]) -> None:
    """Replace this process by Accelerate's launcher if the launcher is needed; else return, to run the command here.

    It is needed if ``accelerate config`` has been run, or if the machine has several devices. Where a cluster's own
    launcher is named (``scheduling.travel``), the command runs there instead, and this process ends with its status.
    """
    outputs.check(words[1:2])  # of the dataset: 'pipeline plan' may have looked long ago
    if through := os.environ.pop(travel.THROUGH, ""):
        sys.exit(travel.run(through, words))
    if path := configured():
        check(path)
    elif devices() < 2:
        return
    threads = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    # Left alone the launcher sets 1, where the recipe decides; what is set for it is marked as no wish of the user's.
    os.environ[OWN_THREADS] = "" if threads else "1"
    threads = threads or os.cpu_count()
    launcher = [sys.executable, "-m", "accelerate.commands.launch", *OPTIONS]
    sys.stdout.flush()
    os.execv(sys.executable, [*launcher, f"--num_cpu_threads_per_process={threads}", "-m", "pipeline", *words])


def configured() -> Path | None:
    """Return the default configuration that ``accelerate config`` has written; None if there is none."""
    from accelerate.commands.config.config_args import default_config_file

    path = Path(default_config_file)
    return path if path.is_file() else None


def check(path: Path) -> None:
    """Raise InputError where a configuration asks for what a recipe cannot mean; say what of it is not obeyed."""
    config = _read(path)
    kind, where = (getattr(e, "value", e) for e in (config.distributed_type, config.compute_environment))
    if where != "LOCAL_MACHINE":
        raise InputError(f"{path}: compute_environment {where}: 'pipeline launch' starts processes here; {ANEW}")
    if kind not in KINDS or getattr(config, "parallelism_config", None):
        other = "parallelism_config" if kind in KINDS else f"distributed_type {kind}"
        raise InputError(f"{path}: {other}: in a training here each process has the whole network; {ANEW}")
    if config.num_processes < 1:
        raise InputError(f"{path}: num_processes: must be 1 or more, got {config.num_processes}; {ANEW}")
    precision, compiler = config.mixed_precision or "no", config.dynamo_config.get("dynamo_backend", "NO")
    if str(precision) != "no":
        print(f"{path}: mixed_precision {precision} is not obeyed: train.precision decides")
    if str(compiler).upper() != "NO":
        print(f"{path}: dynamo_backend {compiler} is not obeyed: networks are not compiled")


def _read(path: Path) -> Any:
    from accelerate.commands.config.config_args import load_config_from_file
    from yaml import YAMLError

    try:
        return load_config_from_file(str(path))
    except (OSError, ValueError, TypeError, AttributeError, YAMLError) as error:  # an empty file has no 'get'
        raise InputError(
            f"{path}: not a configuration that Accelerate can read ({one_line(error, 250)}); {ANEW}"
        ) from error


def devices() -> int:
    """Return the number of GPUs that this process may use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
