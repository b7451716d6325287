"""Two machines train as one: two network namespaces, each with an address, an interface and a disk of its own.

They need root and ``ip``, so they run on demand: make test-distributed
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import command_line

pytestmark = pytest.mark.machines
TRAIN = ("-m", "pipeline", "train", "tiny", "--images", "data/scale-1", "--out", "runs/train-1")


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def hosts():
    """The names of two machines that see each other as 10.77.0.1 and 10.77.0.2."""
    names = [f"foveate-{os.getpid()}-{n}" for n in (1, 2)]
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("only root may make network namespaces, with 'ip'")
    for name in names:
        ip("netns", "add", name)
    ip("link", "add", "left", "netns", names[0], "type", "veth", "peer", "name", "right", "netns", names[1])
    for n, (name, device) in enumerate(zip(names, ("left", "right"), strict=True), start=1):
        ip("-n", name, "address", "add", f"10.77.0.{n}/24", "dev", device)
        ip("-n", name, "link", "set", device, "up")
        ip("-n", name, "link", "set", "lo", "up")
    yield list(zip(names, ("left", "right"), strict=True))
    for name in names:
        ip("netns", "delete", name)


@pytest.fixture
def prepared(project, write_recipe, tiny):
    tiny["train"] |= {"epochs": 20, "batch": 20, "lr": 1e-4, "test_every": 20, "precision": "fp64"}
    tiny["network"]["backbone"] = "mobilenetv3_small_050"
    write_recipe(tiny=tiny)
    command_line.run("download", "tiny", "--out", "data/raw")
    command_line.run("prepare", "tiny", "--raw", "data/raw", "--out", "data/scale-1")
    return project


def test_two_machines_train_to_the_same_losses_as_one(prepared, hosts, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "disk"
    shutil.copytree(prepared, other)
    jobs = []
    for rank, ((name, device), folder) in enumerate(zip(hosts, (prepared, other), strict=True)):
        command = ["ip", "netns", "exec", name, "taskset", "--cpu-list", str(rank % os.cpu_count())]  # a core each
        command += [sys.executable, "-m", "torch.distributed.run", "--nnodes=2"]
        command += ["--nproc_per_node=1", f"--node_rank={rank}", "--master_addr=10.77.0.1", "--master_port=29500"]
        environment = {**os.environ, "GLOO_SOCKET_IFNAME": device}
        jobs.append(subprocess.Popen([*command, *TRAIN], cwd=folder, env=environment, stdout=-1, stderr=-2, text=True))
    try:
        outputs = [job.communicate(timeout=300)[0] for job in jobs]
    finally:
        for job in jobs:
            job.terminate()
    assert [job.returncode for job in jobs] == [0, 0], "\n".join(outputs)
    assert "epoch 20/20" in outputs[0] and "epoch 20/20" not in outputs[1]
    assert not (other / "runs" / "train-1").exists(), "only the first machine writes"
    two = pd.read_csv(prepared / "runs" / "train-1" / "history.csv")
    subprocess.run([sys.executable, *TRAIN[:-1], "runs/one"], check=True)
    one = pd.read_csv(Path("runs/one/history.csv"))
    apart = (one[["l_loc", "l_obj"]] - two[["l_loc", "l_obj"]]).abs().to_numpy().max()
    assert apart < 1e-5
    assert one.l_obj.iloc[0] - one.l_obj.iloc[-1] > 100 * apart, "nothing moved, so equal losses would prove nothing"
