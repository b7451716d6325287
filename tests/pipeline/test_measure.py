"""Counted and measured cost."""

import pytest
import torch
from torch import nn

from pipeline import measure
from pipeline.disk import files


def test_counts_are_those_of_a_network_that_a_person_can_count():
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 8, 4, stride=4, bias=False)

        def forward(self, X):
            return self.convolution(X.float())

    one = measure.cost(One(), 32, torch.device("cpu"))
    assert one["parameters_m"] == 3 * 8 * 16 / 1e6
    assert one["gflops"] == pytest.approx(2 * 3 * 16 * 8 * 8 * 8 / 1e9)
    assert one["images_per_s"] > 0


def test_three_scales_cost_three_times_one(finished):
    cost = files.read_json(finished / "runs/tiny/cost.json")
    for variant in ("ours", "baseline"):
        one, three = cost[variant]["1"], cost[variant]["ms"]
        assert three["gflops"] == pytest.approx(3 * one["gflops"])
        assert three["images_per_s"] == pytest.approx(one["images_per_s"] / 3)
    assert cost["ours"]["1"]["parameters_m"] > cost["baseline"]["1"]["parameters_m"]
