"""An Accelerate job on this machine."""

import os
import subprocess
import sys

import pytest
import torch

from conftest import ROOT
from pipeline.training import accelerator


@pytest.fixture
def machine(monkeypatch):
    """A machine of four cores, without limits."""
    monkeypatch.setattr(accelerator, "cores", lambda: 4)
    monkeypatch.setattr(accelerator, "quota", lambda: None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return monkeypatch


def test_a_job_takes_the_threads_that_it_is_given(machine):
    torch.set_num_threads(1)
    job = accelerator.start(threads=3)
    assert job.num_processes == 1
    if job.device.type == "cpu":
        assert torch.get_num_threads() == 3
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    "wanted, processes, expected",
    [(None, 1, 4), (None, 2, 2), (None, 8, 1), (2, 1, 2), (2, 2, 2), (2, 4, 1), (16, 1, 16)],
)
def test_threads(machine, capsys, wanted, processes, expected):
    assert accelerator.granted_threads(wanted, processes) == expected
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="another processor")
def test_a_job_uses_no_newer_instructions_than_its_recipe_names():
    """In a process of its own: what a library takes, it takes when it first computes."""
    script = (
        "import torch\nfrom pipeline.training import accelerator\naccelerator.start(instructions='avx2')\n"
        "print(torch.backends.cpu.get_cpu_capability())"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "avx2",
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout == "ATEN_CPU_CAPABILITY=default is not obeyed: train.instructions decides\nAVX2\n", done.stderr


def test_instructions_that_a_processor_has_not_are_said(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    variables = {}
    (line,) = accelerator.hold_to("avx2", variables)
    assert line.startswith("train.instructions: avx2 wanted, DEFAULT taken, because this processor has no other")
    assert variables == accelerator.INSTRUCTIONS["avx2"]


@pytest.mark.parametrize("limit, expected", [("1", 1), ("1,1", 1), ("2", 2), ("8", 2)])
def test_omp_num_threads_is_obeyed_and_said(machine, capsys, limit, expected):
    machine.setenv("OMP_NUM_THREADS", limit)
    assert accelerator.granted_threads(2, 1) == expected
    said = "train.threads: 2 wanted, 1 taken, because OMP_NUM_THREADS says so: sums will round otherwise\n"
    assert capsys.readouterr().out == (said if expected == 1 else "")
    assert accelerator.granted_threads(None, 1) == min(4, int(limit[0])) and accelerator.granted_threads(2, 2) == 2


def test_what_the_launcher_set_is_no_users_limit(machine, capsys):
    machine.setenv("OMP_NUM_THREADS", "1")
    machine.setenv("PIPELINE_SET_OMP_NUM_THREADS", "1")
    assert accelerator.granted_threads(2, 1) == 2 and capsys.readouterr().out == ""


def test_a_cpu_quota_is_obeyed_and_said(machine, capsys):
    machine.setattr(accelerator, "quota", lambda: 1)
    assert accelerator.granted_threads(2, 1) == 1 and accelerator.granted_threads(None, 1) == 1
    assert capsys.readouterr().out.count("because the CPU quota says so") == 1
    machine.setattr(accelerator, "quota", lambda: 2)
    assert [accelerator.granted_threads(None, processes) for processes in (1, 2, 4)] == [2, 1, 1]


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "150000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "400000 100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
        ({"cpu.max": "nonsense"}, None),
    ],
)
def test_quotas_of_containers(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert accelerator.quota(tmp_path) == expected


def test_cores_are_those_that_this_process_may_use():
    assert accelerator.cores() == len(os.sched_getaffinity(0))


def test_freed_memory_is_kept_until_it_is_given_back():
    code = (
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from pipeline.training import accelerator\n"
        "rss = lambda: int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 1e6\n"
        "accelerator.keep_freed_memory()\n"
        "held = [np.ones(1_000_000) for _ in range(50)]\n"
        "above, full = np.ones(1_000_000), rss()\n"  # what lies above the hole
        "held = []\n"
        "kept = rss()\n"
        "accelerator.give_back_memory()\n"
        "print(full - kept, kept - rss())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    at_once, asked = map(float, done.stdout.split())
    assert at_once < 50 and asked > 300  # MB of 400
