"""Shared batch normalisation against torch's own, on one process and on two."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import forked
from pipeline.training import batch_norm

SCRIPT = """
import torch, torch.distributed as dist
from torch import nn
from pipeline.training import batch_norm
dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
x, weights = torch.randn(6, 4, 5, 5), torch.randn(6, 4, 5, 5)
alone = nn.BatchNorm2d(4)
whole = x.clone().requires_grad_()
(alone(whole) * weights).sum().backward()
shared = nn.BatchNorm2d(4)
batch_norm._statistics = getattr(batch_norm, "{way}")  # that of CPUs, or that of GPUs
messages = []
def counted(x, all_reduce=dist.all_reduce):
    messages.append(x.shape)
    return all_reduce(x)
dist.all_reduce = counted
batch_norm.synchronise(shared)
mine = slice(0, 2) if rank == 0 else slice(2, 6)  # shares of different size
part = x[mine].clone().requires_grad_()
(shared(part) * weights[mine]).sum().backward()
assert len(messages) == {n}, messages
for p in shared.parameters():
    dist.all_reduce(p.grad)
torch.testing.assert_close(part.grad, whole.grad[mine], atol=1e-5, rtol=1e-4)
torch.testing.assert_close(shared.weight.grad, alone.weight.grad, atol=1e-4, rtol=1e-4)
torch.testing.assert_close(shared.running_var, alone.running_var)
torch.testing.assert_close(shared.running_mean, alone.running_mean)
"""


@pytest.mark.parametrize("way, messages", [("_statistics", 4), ("_of_few_messages", 2)])
def test_two_processes_normalise_like_one(way, messages):
    forked.together(2, forked.execute, SCRIPT.format(way=way, n=messages))


@pytest.fixture
def group(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_timms_layers_keep_their_activation(group):
    from timm.layers import BatchNormAct2d

    theirs, ours, x = BatchNormAct2d(4), BatchNormAct2d(4), torch.randn(3, 4, 5, 5)
    batch_norm.synchronise(ours)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("way", ["_statistics", "_of_few_messages"])
def test_a_layer_makes_the_host_wait_for_no_gpu(group, monkeypatch, way):
    """No tensor is made of a Python list: on a GPU that is a copy from the host, which waits for the device."""
    monkeypatch.setattr(batch_norm, "_statistics", getattr(batch_norm, way))
    copied = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            if operation in (torch.ops.aten.lift_fresh.default, torch.ops.aten._local_scalar_dense.default):
                copied.append(operation)
            return operation(*args, **(kwargs or {}))

    layer, x = nn.BatchNorm2d(4), torch.randn(3, 4, 5, 5, requires_grad=True)
    batch_norm.synchronise(layer)
    with Watch():
        layer(x).sum().backward()
    assert copied == []


def test_eval_mode_uses_the_running_statistics():
    layer, x = nn.BatchNorm2d(4).eval(), torch.randn(3, 4, 5, 5)
    expected = layer(x)
    batch_norm.synchronise(layer)
    assert torch.equal(layer(x), expected)
