"""Trainings travel through a real SLURM: a controller and a node of its own on this machine.

It needs root and Debian's slurm-wlm, so it runs on demand: make test-distributed
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import mlflow
import pandas as pd
import pytest

import toy
from conftest import checkout, write_params

pytestmark = pytest.mark.machines
SRUN = "srun --exact -n1 -c1"
CONFIG = """\
ClusterName=foveate
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
SlurmctldPort={port}
SlurmdPort={next_port}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def scontrol(*words):
    return subprocess.run(["scontrol", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """The name of the only node of a cluster."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        pytest.skip("needs root, and slurm-wlm with munge")
    folder, host = tmp_path_factory.mktemp("slurm"), socket.gethostname().partition(".")[0]
    (folder / "state").mkdir(), (folder / "spool").mkdir()
    port = 20000 + os.getpid() % 20000
    values = {"host": host, "folder": folder, "port": port, "next_port": port + 1, "cores": os.cpu_count()}
    (folder / "slurm.conf").write_text(CONFIG.format(**values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        daemons = []
        try:
            start_munge()
            daemons += [subprocess.Popen([name, "-D"], stderr=subprocess.DEVNULL) for name in ("slurmctld", "slurmd")]
            toy.until(lambda: subprocess.run(["srun", "true"], capture_output=True, timeout=60).returncode == 0)
            yield host
        except (OSError, LookupError, AssertionError, subprocess.SubprocessError) as error:
            pytest.skip(f"SLURM is installed and does not start here: {error!r}")
        finally:
            for daemon in reversed(daemons):
                daemon.terminate()
                daemon.wait(60)


def start_munge():
    if subprocess.run("munge -n | unmunge", shell=True, capture_output=True, check=False).returncode:
        Path("/run/munge").mkdir(exist_ok=True)
        shutil.chown("/run/munge", "munge", "munge")
        subprocess.run(["runuser", "-u", "munge", "--", "munged"], check=True)


@pytest.fixture
def grid(project, tiny):
    """A project whose trainings are long enough to be disturbed."""
    tiny["train"] |= {"epochs": 12, "test_every": 12}
    tiny["network"]["backbone"] = "mobilenetv3_small_050"
    plan = {"main": {"variants": ["ours", "baseline"], "seeds": [0, 1], "scales": [1]}}
    write_params(project, {"tiny": tiny}, plan)
    checkout(project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], check=True)
    return project


def jobs(host):
    """Return the running jobs of the cluster."""
    return subprocess.run(["squeue", "-h", "-t", "R", "-o", "%i"], capture_output=True, text=True).stdout.split()


def test_the_grid_runs_on_the_cluster_and_its_logs_come_back(grid, slurm):
    status, said = toy.run(grid, "-j", "2", "--through", SRUN)
    assert status == 0 and " FAILED " not in said, said
    assert not toy.left(grid) and not list(Path("runs").glob("away-*"))
    client = mlflow.MlflowClient(f"sqlite:///{grid / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id], max_results=100)
    trained = {run.info.run_name for run in runs if run.info.run_name.startswith("tiny/train")}
    assert trained == {f"tiny/train-{cell}-1" for cell in ("ours-0", "ours-1", "baseline-0", "baseline-1")}
    assert {run.info.status for run in runs} == {"FINISHED"} and not list(Path("runs").glob("unsent/*"))
    assert "srun" not in Path("dvc.lock").read_text()


def test_a_cancelled_job_a_drained_node_and_a_failed_one_are_said_and_gone_on_from(grid, slurm):
    process = toy.start(grid, "-j", "1", "--retries", "2", "--through", SRUN)
    kept = Path("runs/unfinished/tiny")
    toy.until(lambda: list(kept.glob("*/checkpoint.safetensors")), seconds=240)
    first = next(kept.glob("*/checkpoint.safetensors")).parent.name
    subprocess.run(["scancel", *jobs(slurm)], check=True)
    scontrol("update", f"nodename={slurm}", "state=drain", "reason=test")
    toy.until(lambda: "again" in process.stdout.readline(), seconds=120)
    time.sleep(3)
    assert not jobs(slurm), "a drained node takes no job"
    scontrol("update", f"nodename={slurm}", "state=resume")
    toy.until(lambda: jobs(slurm), seconds=120)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    log = Path(f"runs/logs/train@tiny-{first.removeprefix('train-')}.log").read_text()
    assert "going on from there" in log, log
    history = pd.read_csv(f"runs/tiny/train/{re.sub('^train-|-1$', '', first)}/scale-1/history.csv")
    assert list(history.epoch) == list(range(1, 13)), "each epoch once"


def test_a_node_that_fails_is_no_success(grid, slurm):
    process = toy.start(grid, "-j", "1", "--retries", "1", "--through", SRUN, "train@tiny-ours-0-1")
    toy.until(lambda: list(Path("runs/unfinished/tiny").glob("*/checkpoint.safetensors")), seconds=240)
    scontrol("update", f"nodename={slurm}", "state=down", "reason=test")
    toy.until(lambda: "again" in process.stdout.readline(), seconds=120)
    with suppress(subprocess.CalledProcessError):  # it may have come back by itself
        scontrol("update", f"nodename={slurm}", "state=resume")
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said


def test_ctrl_c_ends_the_jobs_of_the_cluster(grid, slurm):
    process = toy.start(grid, "-j", "1", "--through", SRUN)
    toy.until(lambda: list(Path("runs/unfinished/tiny").glob("*/checkpoint.safetensors")), seconds=240)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130 and "stopped" in said, said
    toy.until(lambda: not jobs(slurm))
    assert not toy.left(grid)
