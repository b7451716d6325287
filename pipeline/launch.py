"""``pipeline launch COMMAND``: run it in this process if one is enough, else hand over to Accelerate's launcher.

Accelerate's launcher imports torch to count the GPUs. Even for one process it then starts a second Python, which
imports torch again: almost 3 seconds a stage. So this module first decides whether the launcher is needed.
"""

import os
import sys
from pathlib import Path

# On several machines the user starts each by hand (docs/running.md); the recipe sets the precision.
OPTIONS = ["--quiet", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]


def hand_over(words: list[str]) -> None:
    """Replace this process by Accelerate's launcher if the launcher is needed; else return, to run the command here.

    It is needed if ``accelerate config`` has been run, or if the machine has several devices.
    """
    if not configured() and devices() < 2:
        return
    threads = (
        os.environ.get("OMP_NUM_THREADS", "").partition(",")[0] or os.cpu_count()
    )  # else the launcher sets 1; the recipe decides
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
