"""An Accelerate job on this machine."""

import os

import torch

from pipeline import job


def test_one_process_uses_all_cores_whatever_the_launcher_says():
    torch.set_num_threads(1)
    accelerator = job.start()
    assert accelerator.num_processes == 1
    if accelerator.device.type == "cpu":
        assert torch.get_num_threads() == job.cores() == len(os.sched_getaffinity(0))
