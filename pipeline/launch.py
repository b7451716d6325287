"""``pipeline launch COMMAND``: what ``accelerate launch -m pipeline COMMAND`` does, one Python sooner.

Accelerate's launcher imports torch to count the GPUs; where one process is enough it then starts a second Python that
imports torch again, almost 3 seconds a stage. Here that process is this one. Several are started as ever.
"""

import logging
import os
import sys
from argparse import Namespace
from collections.abc import Mapping

from accelerate.commands import launch
from accelerate.utils import prepare_simple_launcher_cmd_env

# Of several machines each is started by hand (docs/running.md); the precision is the recipe's.
OPTIONS = ["--quiet", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
MODULE = ["-m", "pipeline"]


def run(words: list[str]) -> None:
    """Run a command of the pipeline in as many processes as ``accelerate config`` or the GPUs of this machine say."""
    logging.getLogger(launch.__name__).setLevel(logging.ERROR)  # it would say how many GPUs it found, at every stage
    elsewhere = launch.simple_launcher

    def simple_launcher(arguments: Namespace) -> None:
        command, environment = prepare_simple_launcher_cmd_env(arguments)
        if command != [sys.executable, *MODULE, *words] or _seen_gpus(environment) != _seen_gpus(os.environ):
            elsewhere(arguments)  # under MPI, say, or on GPUs chosen by ``accelerate config``
            return
        os.environ.update(environment)
        from pipeline.cli import app

        app(words, prog_name="pipeline")

    launch.simple_launcher = simple_launcher
    launch.launch_command(launch.launch_command_parser().parse_args([*OPTIONS, *MODULE, *words]))


def _seen_gpus(environment: Mapping[str, str]) -> str | None:
    return environment.get("CUDA_VISIBLE_DEVICES")
