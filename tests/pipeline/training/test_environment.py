"""What surrounds a job and may not change its numbers, and what is said of its devices."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from pipeline import params
from pipeline.errors import InputError
from pipeline.training import accelerator, environment

ONE = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
ALONE = {"ACCELERATE_MIXED_PRECISION": "no", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4", "train.batch is the whole batch of a step"),
        ("ACCELERATE_MIXED_PRECISION", "fp16", "train.precision decides"),
        ("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR", "networks are not compiled"),
        ("ACCELERATE_TORCH_DEVICE", "meta", "CUDA_VISIBLE_DEVICES chooses a GPU"),
        ("NVIDIA_TF32_OVERRIDE", "0", "train.tf32 decides"),
    ],
)
def test_a_variable_that_would_change_numbers_is_overruled_and_said(monkeypatch, capsys, name, value, said):
    monkeypatch.setenv(name, value)
    job = accelerator.start("fp32", 1)
    assert f"{name}={value} is not obeyed: {said}" in capsys.readouterr().out.splitlines()
    assert job.gradient_accumulation_steps == 1 and job.mixed_precision == "no" and job.device.type == "cpu"
    assert job.state.dynamo_plugin.backend.value == "NO"


def test_what_accelerates_launcher_always_sets_is_no_news(capsys):
    neutral = {
        "ACCELERATE_MIXED_PRECISION": "no",
        "ACCELERATE_DYNAMO_BACKEND": "NO",
        "ACCELERATE_DYNAMO_MODE": "default",
    }
    assert list(environment.overrule(dict(neutral))) == []


@pytest.mark.parametrize("name", environment.OTHER_WAYS)
def test_another_way_of_training_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "true")
    with pytest.raises(InputError, match=rf"{name}=true: trainings here are not made for .*; unset it, or run"):
        accelerator.start()
    assert list(environment.overrule({name: "false"})) == []


@pytest.mark.parametrize("name", ["ACCELERATE_USE_CPU", "ACCELERATE_USE_FSDP", "ACCELERATE_DEBUG_MODE"])
def test_a_flag_that_is_neither_true_nor_false(monkeypatch, name):
    monkeypatch.setenv(name, "maybe")
    with pytest.raises(InputError, match=f"{name}=maybe: must be true or false; or unset it"):
        accelerator.start()


@pytest.mark.parametrize(
    "variables, said",
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK and LOCAL_RANK and MASTER_ADDR are not set"),
        (ONE | {"LOCAL_RANK": ""}, "WORLD_SIZE is 2, but LOCAL_RANK is not set"),
        ({"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "a"}, "WORLD_SIZE is 2, but LOCAL_RANK is not set"),
        (ONE | {"RANK": "2"}, "RANK is 2 of a WORLD_SIZE of 2"),
        (ONE | {"LOCAL_RANK": "2"}, "LOCAL_RANK is 2 of a LOCAL_WORLD_SIZE of 2"),
        (ONE | {"WORLD_SIZE": "two"}, "WORLD_SIZE=two: must be a whole number"),
        ({"RANK": "1"}, "RANK or LOCAL_RANK is set, but WORLD_SIZE is not"),
        (ALONE, "'accelerate launch' was told of several processes, but started this one alone"),
    ],
)
def test_ranks_that_do_not_fit_are_refused(variables, said):
    with pytest.raises(InputError) as raised:
        environment.check_ranks(variables)
    assert str(raised.value).startswith(said) and "--multi_gpu" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "variables", [{}, ONE, {"WORLD_SIZE": "1", "RANK": "0"}, {"LOCAL_RANK": "-1"}, {"MASTER_ADDR": "a"}]
)
def test_ranks_that_fit_are_taken(variables):
    environment.check_ranks(variables)


def test_two_machines_started_without_multi_gpu_do_not_train_alone(project):
    """The line that every guide shows, on a machine with one device at most: a job each, into one folder."""
    launcher = (sys.executable, "-m", "accelerate.commands.launch", "--num_machines=2", "--machine_rank=1")
    options = ("--num_processes=2", "--main_process_ip=127.0.0.1", "--main_process_port=29511", "--mixed_precision=no")
    script = project / "job.py"
    script.write_text("from pipeline.training import accelerator\naccelerator.start(threads=1)\nprint('trains')\n")
    root = str(environment.Path(environment.__file__).parents[2])
    done = subprocess.run(
        [*launcher, *options, "--dynamo_backend=no", str(script)],
        env={**os.environ, "PYTHONPATH": root, "HF_HOME": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "trains" not in done.stdout
    assert "'accelerate launch' was told of several processes, but started this one alone" in done.stderr


def test_processes_that_mpi_started_and_that_do_not_find_each_other():
    with pytest.raises(InputError, match="MPI started 4 processes, but this one would train as if it were alone"):
        environment.check_others({"OMPI_COMM_WORLD_SIZE": "4"}, 1)
    environment.check_others({"OMPI_COMM_WORLD_SIZE": "4"}, 4)
    environment.check_others({"PMI_SIZE": "1"}, 1)


def test_more_processes_than_cards():
    with pytest.raises(
        InputError, match="2 processes on this machine's 1 GPU, but each needs one of its own; start 1,"
    ):
        environment.check_cards(2, 1)
    environment.check_cards(2, 2)
    environment.check_cards(1, 8)


def test_a_job_says_what_it_runs_on(project, capsys):
    recipe = params.read("tiny").train
    job = accelerator.start(recipe.precision, 1)
    assert capsys.readouterr().out == ""
    described, instructions = environment.announce(job, recipe), torch.backends.cpu.get_cpu_capability()
    expected = {"device": "CPU", "processes": 1, "precision": "fp32", "tf32": "none", "threads": 1}
    assert described == expected | {"instructions": instructions}
    assert capsys.readouterr().out == f"runs on: CPU, 1 process, fp32, 1 thread, {instructions}\n"


def card(monkeypatch, n=1, bf16=True):
    """Simulate a machine with n GPUs."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    return SimpleNamespace(device=torch.device("cuda", 0), num_processes=n)


@pytest.mark.parametrize(
    "tf32, words", [("none", "no TF32"), ("convolutions", "TF32 in convolutions"), ("all", "TF32")]
)
def test_a_card_is_named_with_its_tf32(monkeypatch, tf32, words):
    torch.set_num_threads(1)
    job = card(monkeypatch, 2)
    line = environment.line(environment.describe(job, "bf16", tf32))
    assert line == f"NVIDIA H100, 2 processes, bf16, {words}, 1 thread"


@pytest.mark.parametrize(
    "tf32, cudnn, matmul", [("none", False, False), ("convolutions", True, False), ("all", True, True)]
)
def test_the_recipe_decides_where_tf32_is_used(tf32, cudnn, matmul):
    accelerator.start("fp32", 1, tf32)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (cudnn, matmul)


def test_fewer_processes_than_cards_are_said(monkeypatch):
    assert list(environment.surprises(card(monkeypatch, 4), "bf16", 4)) == []
    found = list(environment.surprises(card(monkeypatch, 4), "bf16", 1))
    assert found == ["1 of this machine's 4 GPUs is used: a GPU takes a process"]


def test_a_card_without_bf16_is_said(monkeypatch):
    assert "only by emulation" in next(environment.surprises(card(monkeypatch, 1, bf16=False), "bf16", 1))


CPU = SimpleNamespace(device=torch.device("cpu"), num_processes=1)


def test_a_recipe_for_a_gpu_on_a_cpu_is_said():
    assert list(environment.surprises(CPU, "fp32", 1)) == []
    (found,) = environment.surprises(CPU, "bf16", 1)
    assert found.startswith("train.precision: bf16 on a CPU is slow")


def old_driver():
    raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).\nPlease update it.")


def without_cuda():
    raise AssertionError("Torch not compiled with CUDA enabled")


@pytest.mark.parametrize(
    "variables, init, why",
    [
        ({"CUDA_VISIBLE_DEVICES": ""}, None, "CUDA_VISIBLE_DEVICES= hides it"),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, None, "CUDA_VISIBLE_DEVICES=-1 hides it"),
        ({"ACCELERATE_USE_CPU": "true"}, None, "ACCELERATE_USE_CPU=true hides it"),
        ({}, old_driver, "The NVIDIA driver on your system is too old (found version 11040)."),
        ({}, without_cuda, "Torch not compiled with CUDA enabled"),
    ],
)
def test_a_card_that_is_not_used_is_said_with_the_reason(monkeypatch, tmp_path, variables, init, why):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "init", init)
    assert environment._no_card(tmp_path) == "", "no card, nothing to say"
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    assert environment._no_card(tmp_path) == why
    monkeypatch.setattr(environment, "_no_card", lambda: why)
    assert next(environment.surprises(CPU, "fp32", 1)) == f"this machine has a GPU that is not used: {why}"


def test_a_container_that_was_given_no_card(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0").mkdir(parents=True)
    assert "docker run --gpus all" in environment._no_card(tmp_path)


def test_a_macs_device_is_not_used_and_said(monkeypatch):
    """MPS has no float64, and nothing here was tried on it."""
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("mps"))
    assert accelerator.start("fp32", 1).device.type == "cpu"
    assert "this machine's MPS is not used" in next(environment.surprises(CPU, "fp32", 1))
