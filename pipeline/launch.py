"""``pipeline launch COMMAND``: in this process where one is enough, else handed over to Accelerate's launcher.

Accelerate's launcher imports torch to count the GPUs, and where one process is enough it starts a second Python that
imports torch again, almost 3 seconds a stage. So that is decided first.
"""

import os
import sys
from pathlib import Path

# Of several machines each is started by hand (docs/running.md); the precision is the recipe's.
OPTIONS = ["--quiet", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]


def hand_over(words: list[str]) -> None:
    """Become Accelerate's launcher of a command where it should decide; return where this process does the work.

    It decides where ``accelerate config`` has been run, and where the machine has several devices.
    """
    if not configured() and devices() < 2:
        return
    threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()  # else it would set them to 1; the recipe decides
    launcher = [sys.executable, "-m", "accelerate.commands.launch", *OPTIONS]
    sys.stdout.flush()
    os.execv(sys.executable, [*launcher, f"--num_cpu_threads_per_process={threads}", "-m", "pipeline", *words])


def configured() -> bool:
    """Whether ``accelerate config`` has written a default configuration."""
    from accelerate.commands.config.config_args import default_config_file

    return Path(default_config_file).is_file()


def devices() -> int:
    """Return the number of accelerators that this process may use."""
    import torch

    return torch.accelerator.device_count() if torch.accelerator.is_available() else 0
