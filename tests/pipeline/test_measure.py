"""Counted and measured cost."""

import pytest
import torch
from torch import nn

import command_line
from pipeline import measure
from pipeline.disk import files
from pipeline.training import loop


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


def test_speed_is_measured_as_training_runs(project, tiny, write_recipe, monkeypatch):
    """In the recipe's precision, on images that lie in memory as the loaders yield them."""
    tiny["train"]["precision"] = "bf16"
    write_recipe(tiny=tiny)
    command_line.run("download", "tiny", "--out", "data/raw")
    command_line.run("prepare", "tiny", "--raw", "data/raw", "--out", "data/scale-1")
    seen, build = set(), loop.build

    def watched(*arguments):
        network = build(*arguments)
        network.backbone.register_forward_pre_hook(
            lambda module, X: seen.add(X[0].is_contiguous(memory_format=torch.channels_last))
        )
        first = next(part for part in network.backbone.modules() if isinstance(part, nn.Conv2d))
        first.register_forward_hook(lambda module, X, y: seen.add(y.dtype))
        return network

    monkeypatch.setattr(loop, "build", watched)
    said = command_line.run("measure", "tiny", "--images", "data/scale-1", "--out", "cost.json")
    assert seen == {True, torch.bfloat16}
    cost = files.read_json(project / "cost.json")
    assert cost["device"].startswith("CPU, 1 process, bf16, 1 thread, ") and f"runs on: {cost['device']}\n" in said
