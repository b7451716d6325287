"""What holds on a GPU, as far as fake tensors and hidden devices can say; what only a real one can say has a marker."""

import os
import subprocess
import sys
from collections import Counter
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

import command_line
from benchmarks import operations
from benchmarks.operations import Operations
from conftest import ROOT
from model import otsu
from pipeline.disk import predictions
from pipeline.training import accelerator

SIMULATED = """
import os, torch
torch._C._cuda_getDeviceCount = lambda: 0 if os.environ.get("CUDA_VISIBLE_DEVICES") == "" else 1
torch._C._cuda_init = lambda: None
"""
PROBE = """
import subprocess, sys, torch
def test_none(): assert not torch.cuda.is_available()
def test_none_in_a_process_of_a_test():
    code = "import simulated, torch; assert not torch.cuda.is_available()"
    subprocess.run([sys.executable, "-c", code], check=True)
"""


def pytest_of_ours(tmp_path, *words):
    """Run pytest on a machine that seems to have a GPU, with our conftest, on a file of tests."""
    (tmp_path / "simulated.py").write_text(SIMULATED)
    (tmp_path / "test_probe.py").write_text(PROBE)
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    paths = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "tests")))
    environment = {**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "0"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "simulated",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "-rs",
        *words,
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_tests_see_no_gpu(tmp_path):
    code, said = pytest_of_ours(tmp_path, "test_probe.py")
    assert code == 0 and "2 passed" in said, said


def test_only_the_marker_shows_the_gpus(tmp_path):
    probe = "import pytest, torch\n@pytest.mark.gpu\ndef test_one(): assert torch.cuda.is_available()\n"
    (tmp_path / "test_marked.py").write_text(probe)
    code, said = pytest_of_ours(tmp_path, "test_marked.py", "-m", "gpu")
    assert code == 0 and "1 passed" in said, said
    code, said = pytest_of_ours(tmp_path, "test_marked.py", "-m", "")
    assert code == 0 and "1 skipped" in said and "no GPU here that pytest was told to use by '-m gpu'" in said, said


def test_a_step_gives_a_gpu_at_most_a_quarter_more_operations_than_a_plain_networks():
    job = accelerator.start("bf16", 1)
    ours, plain = operations.step("ours", job), operations.step("plain", job)
    assert plain.names.total() > 500 and ours.names.total() <= operations.LIMIT * plain.names.total()
    assert ours.waits == plain.waits == []


def test_a_step_never_makes_the_host_wait_for_a_fake_gpu():
    """All but its backward pass; the operations are those that the count above finds without a GPU."""
    on_gpu = operations.without_backward("ours", "cuda")
    assert on_gpu.waits == [] and on_gpu.names["aten.cumsum"] == 1
    with mock.patch.object(otsu, "_running_sums", lambda x: x.cumsum(dim=0)):
        on_cpu = operations.without_backward("ours", "cpu")
    norms = {"aten.cudnn_batch_norm": 53}, {"aten.native_batch_norm": 53}
    assert (on_gpu.names - on_cpu.names, on_cpu.names - on_gpu.names) == tuple(map(Counter, norms))


@pytest.mark.parametrize(
    "wait, name",
    [
        (lambda x: x.cpu(), "aten._to_copy"),
        (lambda x: x + torch.ones(4).cuda(), "aten._to_copy"),
        (lambda x: x.new_tensor([1.0]), "aten.lift_fresh"),
        (lambda x: torch.empty(4).copy_(x), "aten.copy_"),
    ],
)
def test_operations_that_make_the_host_wait_are_seen(wait, name):
    with FakeTensorMode(allow_non_fake_inputs=True):
        x = torch.rand(4, device="cuda")
        with Operations() as counted:
            wait(x)
    assert name in counted.waits


@pytest.mark.parametrize("read", [lambda x: x.sum().item(), lambda x: x.tolist(), lambda x: bool(x.any())])
def test_values_that_the_host_reads_have_no_fake(read):
    with FakeTensorMode(), pytest.raises(DataDependentOutputException):
        read(torch.rand(4, device="cuda"))


def test_tests_do_not_look_for_a_gpu_themselves():
    """A test that looks for one, and skips itself, would never see one: the marker shows it."""
    asking = "cuda." + "is_available()"
    paths = {path.name for path in (ROOT / "tests").rglob("*.py") if asking in path.read_text()}
    assert paths <= {"conftest.py", "test_gpu.py"}


@pytest.mark.gpu
@pytest.mark.parametrize("batch_norm", ["train", "frozen"])
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_stages_run_on_a_gpu(project, write_recipe, tiny, precision, batch_norm):
    tiny["train"] |= {"precision": precision, "batch_norm": batch_norm}
    write_recipe(tiny=tiny)
    command_line.run("download", "tiny", "--out", "data/raw")
    command_line.run("prepare", "tiny", "--raw", "data/raw", "--out", "data/scale-1")
    images = ("--images", "data/scale-1")
    said = [
        command_line.run("train", "tiny", *images, "--out", "runs/train"),
        command_line.run("attend", "tiny", "--trained", "runs/train", *images, "--out", "runs/attend"),
        command_line.run("measure", "tiny", *images, "--out", "runs/cost.json"),
    ]
    assert all(f"runs on: {torch.cuda.get_device_name()}, 1 process, {precision}" in words for words in said)
    history = pd.read_csv("runs/train/history.csv")
    assert len(history) == 2 and history.loss.between(0, 20).all()
    predicted = predictions.read_predictions(project / "runs" / "attend")
    assert np.isfinite(predicted.avg).all() and len(predicted.id) == 30
