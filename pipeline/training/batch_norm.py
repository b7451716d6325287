"""Batch normalisation over the whole batch, on any number of processes.

torch's SyncBatchNorm needs a GPU. This one gives the same losses on several CPU processes as on one, so that a laptop
can test what a cluster will do. Frozen statistics need no synchronisation.
"""

from types import MethodType

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def layers(network: nn.Module) -> list[_BatchNorm]:
    """List the batch normalisations of a network."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def synchronise(network: nn.Module) -> None:
    """Make the batch normalisations of a network use the statistics of all processes' images while it trains."""
    for layer in layers(network):
        layer.forward = MethodType(_forward, layer)


def _forward(layer: _BatchNorm, x: Tensor) -> Tensor:
    if not layer.training:
        return type(layer).forward(layer, x)
    mean, variance, n = _statistics(x.to(layer.weight.dtype))
    with torch.no_grad():
        layer.running_mean.lerp_(mean, layer.momentum)
        layer.running_var.lerp_(variance * n / (n - 1), layer.momentum)
        layer.num_batches_tracked += 1
    scale = layer.weight * (variance + layer.eps).rsqrt()
    x = (x * _channels(scale) + _channels(layer.bias - mean * scale)).to(x.dtype)
    return layer.act(layer.drop(x)) if hasattr(layer, "act") else x  # timm's layers do the activation too


def _statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and biased variance of each channel over all processes, and the number of values per channel."""
    count = x.new_full((1,), x.numel() / x.shape[1])  # new_tensor would make the host wait
    sums = torch.cat([x.sum(dim=(0, 2, 3)), count])
    total = _Sum.apply(sums)
    mean, n = total[:-1] / total[-1], total[-1]
    squares = (x - _channels(mean)).square().sum(dim=(0, 2, 3))  # in two passes: E[x^2] - E[x]^2 cancels in float32
    return mean, _Sum.apply(squares) / n, n


class _Sum(torch.autograd.Function):
    """Sum over processes. Every process's loss depends on it, so the backward pass sums their gradients."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def _channels(values: Tensor) -> Tensor:
    return values[None, :, None, None]
