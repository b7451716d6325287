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
    statistics = _of_few_messages if x.is_cuda else _statistics
    mean, variance, n = statistics(x.to(layer.weight.dtype))
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


def _of_few_messages(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same, up to rounding, by half as many messages, each of which costs GPUs more than what it carries.

    Each process sends its mean, its squared deviations from that, and its count (Chan, Golub and LeVeque 1979).
    """
    count = x.new_full((1,), x.numel() / x.shape[1])
    mean = x.mean(dim=(0, 2, 3))
    squares = (x - _channels(mean)).square().sum(dim=(0, 2, 3))
    means, squares, counts = _Gather.apply(torch.cat([mean, squares, count])).split([len(mean), len(mean), 1], dim=1)
    n = counts.sum()
    mean = (means * counts).sum(dim=0) / n
    squares = squares + counts * (means - mean).square()
    return mean, squares.sum(dim=0) / n, n


class _Gather(torch.autograd.Function):
    """Stack a vector of each process. Every process's loss depends on it, so the backward pass sums their gradients."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        stacked = x.new_zeros(dist.get_world_size(), len(x))
        stacked[dist.get_rank()] = x
        dist.all_reduce(stacked)  # a sum with zeros is exact, and torch renames its functions that gather
        return stacked

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[dist.get_rank()]


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
