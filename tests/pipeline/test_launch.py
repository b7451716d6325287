"""Launching: one process is the one that was asked, several are Accelerate's."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pipeline import launch
from pipeline.cli import app
from pipeline.training import accelerator

COMMAND = ["train", "nobody", "--images", ".", "--out", "x"]
CONFIG = "compute_environment: LOCAL_MACHINE\ndistributed_type: {kind}\nnum_processes: {n}\ngpu_ids: '{gpus}'\n"


@pytest.fixture
def launched(project, monkeypatch):
    """Launch a command where becoming another program is told instead of done; return how that ended."""
    path = project / "default_config.yaml"
    monkeypatch.setattr("accelerate.commands.config.config_args.default_config_file", str(path))

    def told(program, command):
        print("became", *command, "own", os.environ.get("PIPELINE_SET_OMP_NUM_THREADS"))
        sys.exit()

    def run(devices=0, config=None, **environment):
        for name in ("OMP_NUM_THREADS", launch.OWN_THREADS):
            monkeypatch.setenv(name, environment.get(name, ""))
        monkeypatch.setattr(launch, "devices", lambda: devices)
        monkeypatch.setattr(os, "execv", told)
        if config is not None:
            path.write_text(config)
        return CliRunner().invoke(app, ["launch", *COMMAND], prog_name="pipeline")

    return run


def test_a_single_process_is_this_one(launched):
    done = launched(devices=1)
    assert done.exit_code == 1 and "became" not in done.stdout
    assert done.stderr.startswith("error: params.yaml: there is no recipe for 'nobody'"), "and nothing is said before"


def test_several_devices_are_accelerates_business(launched):
    done = launched(devices=2)
    assert "-m accelerate.commands.launch --quiet --num_machines=1 --mixed_precision=no" in done.stdout, done.stderr
    assert "-m pipeline train nobody --images . --out x" in done.stdout


@pytest.mark.parametrize("kind, n", [("MULTI_GPU", 2), ("'NO'", 1)])
def test_what_was_configured_is_accelerates_business(launched, kind, n):
    done = launched(config=CONFIG.format(kind=kind, n=n, gpus="1"))
    assert "became" in done.stdout and "-m pipeline train nobody" in done.stdout, done.stderr


def test_the_launcher_takes_no_threads_away(launched):
    """Left alone it sets OMP_NUM_THREADS to 1, which would look like the user's wish."""
    config = CONFIG.format(kind="'NO'", n=1, gpus="all")
    assert f"--num_cpu_threads_per_process={os.cpu_count()} " in launched(config=config, OMP_NUM_THREADS="").stdout
    assert "own 1" in launched(config=config, OMP_NUM_THREADS="").stdout
    assert "own 1" not in launched(config=config, OMP_NUM_THREADS="3", PIPELINE_SET_OMP_NUM_THREADS="1").stdout
    assert "--num_cpu_threads_per_process=3 " in launched(config=config, OMP_NUM_THREADS="3").stdout


def test_accelerates_launcher_runs_the_command(project):
    """Handed over for real, by a configuration of one process on the CPU."""
    (project / "accelerate").mkdir()
    config = CONFIG.format(kind="'NO'", n=1, gpus="all") + "use_cpu: true\n"
    (project / "accelerate" / "default_config.yaml").write_text(config)
    command = [sys.executable, "-m", "pipeline", "launch", *COMMAND]
    environment = {**os.environ, "HF_HOME": str(project)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1 and "error: params.yaml: there is no recipe for 'nobody'" in done.stderr


LOCAL = CONFIG.format(kind="{kind}", n=2, gpus="all")


@pytest.mark.parametrize(
    "config, said",
    [
        (LOCAL.format(kind="FSDP"), "distributed_type FSDP: in a training here each process has the whole network"),
        (LOCAL.format(kind="DEEPSPEED"), "distributed_type DEEPSPEED: in a training here"),
        (LOCAL.format(kind="MEGATRON_LM"), "distributed_type MEGATRON_LM: in a training here"),
        (
            LOCAL.format(kind="MULTI_GPU") + "parallelism_config: {tp_size: 2}\n",
            "parallelism_config: in a training here",
        ),
        (LOCAL.format(kind="MULTI_GPU") + "nonsense: 1\n", "unknown keys (['nonsense'])"),
        (LOCAL.format(kind="SOMETHING"), "'SOMETHING' is not a valid DistributedType"),
        (CONFIG.format(kind="MULTI_GPU", n=-1, gpus="all"), "num_processes: must be 1 or more, got -1"),
        (
            "compute_environment: AMAZON_SAGEMAKER\ndistributed_type: DATA_PARALLEL\nmixed_precision: 'no'\n"
            "use_cpu: false\ndebug: false\nec2_instance_type: a\niam_role_name: b\n",
            "compute_environment AMAZON_SAGEMAKER",
        ),
        ("", "not a configuration that Accelerate can read"),
        ("- a\n", "not a configuration that Accelerate can read"),
        ("a: [\n", "not a configuration that Accelerate can read"),
    ],
)
def test_a_configuration_that_a_recipe_cannot_mean_is_refused_in_a_line(launched, config, said):
    done = launched(config=config)
    assert done.exit_code == 1 and "became" not in done.stdout
    assert done.stderr.count("\n") == 1 and said in done.stderr, done.stderr
    assert "default_config.yaml: " in done.stderr and "run 'accelerate config' again, or delete the file" in done.stderr


def test_what_a_configuration_would_change_is_not_obeyed_and_said(launched):
    more = "mixed_precision: fp16\ndynamo_config: {dynamo_backend: INDUCTOR}\n"
    done = launched(config=LOCAL.format(kind="MULTI_GPU") + more)
    assert "mixed_precision fp16 is not obeyed: train.precision decides" in done.stdout, done.stderr
    assert "dynamo_backend INDUCTOR is not obeyed" in done.stdout and "became" in done.stdout


def test_launcher_and_job_mean_the_same_variable():
    assert launch.OWN_THREADS == accelerator.OWN_THREADS
