"""Slots share out GPUs or cores; nothing is given twice."""

import os
import subprocess
import sys

import pytest

from pipeline.scheduling import slots
from pipeline.scheduling.slots import Slots


def test_cores_are_shared_out_and_given_back():
    pool = Slots(2, [], [4, 5, 6, 7])
    one, two = pool.take(1), pool.take(1)
    assert one.cores == {4, 5} and two.cores == {6, 7} and pool.take(1) is None
    pool.give_back(one)
    assert pool.take(2) is None and pool.take(1).cores == {4, 5}


@pytest.mark.parametrize("number, cores", [(1, 1), (2, 2), (3, 8), (4, 2), (5, 3)])
def test_shares_are_apart_where_there_are_cores_enough(number, cores):
    pool = Slots(number, [], list(range(cores)))
    shares = [pool.take(1) for _ in range(number)]
    assert all(share.cores for share in shares)
    if number <= cores:
        assert sum(len(share.cores) for share in shares) == len(set().union(*(share.cores for share in shares)))


@pytest.mark.parametrize(
    "number, cores, threads, taken",
    [(2, 2, 1, 1), (2, 2, 2, 2), (2, 2, 9, 2), (2, 8, 4, 1), (8, 8, 3, 3), (4, 2, 2, 2)],
)
def test_a_training_takes_the_slots_of_its_threads(number, cores, threads, taken):
    pool = Slots(number, [], list(range(cores)))
    assert pool.for_threads(threads) == taken and pool.for_threads(None) == number, "None: all the cores there are"


def test_a_slot_is_a_gpu_and_several_share_one_where_more_were_asked_for():
    pool = Slots(4, ["0", "3"], [1, 2])
    assert [pool.take(1).environment() for _ in range(4)] == [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in "0303"]
    whole = Slots(4, ["0", "3"], [1, 2]).take(4)
    assert whole.environment() == {"CUDA_VISIBLE_DEVICES": "0,3"} and not whole.cores
    assert Slots(2, ["0", "3"], [1]).for_threads(None) == 1, "on a GPU threads are no measure"


def test_a_cluster_has_its_own_cores():
    share = Slots(3, [], []).take(1)
    assert share.environment() == {} and not share.cores


@pytest.mark.parametrize(
    "value, gpus", [("0,1", ["0", "1"]), ("", []), ("-1", []), (" 2 , 3", ["2", "3"]), ("GPU-8a", ["GPU-8a"])]
)
def test_the_variable_is_believed(monkeypatch, value, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert slots.visible_gpus() == gpus


@pytest.mark.parametrize(
    "script, gpus", [("printf 'GPU 0: a\\nGPU 1: b\\n'", ["0", "1"]), ("echo no driver; exit 9", []), (None, [])]
)
def test_without_it_the_driver_is_asked(tmp_path, monkeypatch, script, gpus):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if script:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if script else str(tmp_path))
    assert slots.visible_gpus() == gpus


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
def test_a_stage_stays_on_its_cores():
    core = slots.usable_cores()[-1]
    share = Slots(1, [], [core]).take(1)
    command = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    done = subprocess.run(command, preexec_fn=share.settle, capture_output=True, text=True, check=True)
    assert done.stdout == f"{{{core}}}\n"
