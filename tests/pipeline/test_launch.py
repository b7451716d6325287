"""Launching: one process is the one that was asked, several are Accelerate's."""

import os
import subprocess
import sys

import pytest

CONFIG = "compute_environment: LOCAL_MACHINE\ndistributed_type: {kind}\nnum_processes: {n}\ngpu_ids: '{gpus}'\n"


@pytest.fixture
def launched(project):
    """Launch a command where every start of another process is told instead of done; return what was printed."""

    def run(words, config=None):
        environment = {**os.environ, "HF_HOME": str(project)}
        if config:
            (project / "accelerate").mkdir(exist_ok=True)
            (project / "accelerate" / "default_config.yaml").write_text(config)
        script = (
            "import subprocess, sys, torch.distributed.run\n"
            "from pipeline import launch\n"
            "def told(*command, **_): print('started', *command); sys.exit()\n"
            "start = subprocess.Popen\n"
            "subprocess.Popen = lambda c, *a, **k: told(c) if c[0] == sys.executable else start(c, *a, **k)\n"
            "torch.distributed.run.run = told\n"
            f"launch.run({words!r})\n"
        )
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)

    return run


COMMAND = ["train", "nobody", "1", "--images", ".", "--out", "x"]


def test_a_single_process_is_this_one(launched):
    done = launched(COMMAND)
    assert done.returncode == 1 and "started" not in done.stdout
    assert done.stderr.startswith("error: params.yaml: there is no recipe for 'nobody'"), "and nothing is said before"


def test_a_gpu_chosen_by_accelerate_config_needs_a_process_that_has_not_seen_the_others(launched):
    done = launched(COMMAND, CONFIG.format(kind="'NO'", n=1, gpus="1"))
    assert "started [" in done.stdout and "'-m', 'pipeline', 'train', 'nobody'" in done.stdout, done.stderr


def test_several_gpus_are_accelerates_business(launched):
    done = launched(COMMAND, CONFIG.format(kind="MULTI_GPU", n=2, gpus="all"))
    assert "started Namespace(" in done.stdout and "nproc_per_node='2'" in done.stdout, done.stderr
