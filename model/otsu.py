"""Otsu's threshold for a whole batch of maps, on their device, bit for bit equal to scikit-image's.

An attention map has a few hundred cells, so calling a CPU library once an image would cost a copy, a synchronisation
and a Python loop in every training step. To be equal, the sums here must add in scikit-image's order: its 256 bins
one after the other, in float32. Another order rounds differently, and of two tied thresholds it could pick the other.
"""

from itertools import pairwise

import torch
from torch import Tensor

N_BINS = 256  # skimage.filters.threshold_otsu's default


def threshold(M: Tensor) -> tuple[Tensor, Tensor]:
    """Find the threshold that best separates each map into two classes (Otsu 1979).

    M     (B, H, W)  maps, read as float32
    ->    (B,)       float32, the centre of the last bin of the lower class: values above it are attended
          (B,)       bool, True for maps without a threshold: their values are all equal, or their range is so small
                     relative to its level that float32 cannot tell 256 bins apart (scikit-image raises then)

    >>> t, constant = threshold(torch.tensor([[[0.0, 0.2, 0.8, 1.0]], [[5.0, 5.0, 5.0, 5.0]]]))
    >>> t, constant
    (tensor([0.2012, 5.0000]), tensor([False,  True]))
    """
    values = M.detach().flatten(1).float().t().contiguous()  # HW B: so one bin of all maps is a row
    low, high = values.amin(dim=0), values.amax(dim=0)
    step = (high - low) / N_BINS
    edges = _edge(torch.arange(N_BINS + 1.0, device=M.device)[:, None], low, step)  # 257 B
    edges[-1] = high
    constant = ~((edges[1:] - edges[:-1]).amin(dim=0) > 0)  # as not (x > 0), so that a NaN counts as constant
    counts = _histogram(values, low, torch.where(constant, 1, step))  # 256 B
    centres = (edges[:-1] + edges[1:]) / 2
    best = _between_class_variance(counts, centres).max(dim=0, keepdim=True).indices  # twice as fast as argmax
    return torch.where(constant, low, centres.gather(0, best).squeeze(0)), constant


def binarise(M: Tensor) -> tuple[Tensor, Tensor]:
    """Turn attention maps into masks, the paper's surrogates of the objects' masks (section 4.3).

    M     (B, H, W)
    ->    M_b (B, H, W), bool: never empty, without gradient; all cells are attended in a map without a threshold
          constant (B,), bool: True for maps without a threshold

    >>> binarise(torch.tensor([[[0.0, 0.2, 0.8, 1.0]]]))[0]
    tensor([[[False, False,  True,  True]]])
    """
    cut, constant = threshold(M)
    return (M.detach().float() > cut[:, None, None]) | constant[:, None, None], constant


def _edge(number: Tensor, low: Tensor, step: Tensor) -> Tensor:
    """Return the left edges of bins, given their numbers (..., B); rounded as numpy.linspace rounds."""
    return number * step + low


def _histogram(values: Tensor, low: Tensor, step: Tensor) -> Tensor:
    """Count the values (HW, B) per bin; as in numpy.histogram a bin includes its left edge, the last bin both edges.

    Rounding can make the quotient wrong by one bin, so each value is compared with the edges of its bin.
    """
    bins = (values - low).div_(step).floor_().nan_to_num_(0)
    bins -= (values < _edge(bins, low, step)).float()
    bins += (values >= _edge(bins + 1, low, step)).float()
    bins = bins.clamp_(0, N_BINS - 1).long()
    counts = torch.zeros(N_BINS, len(step), device=values.device)
    return counts.scatter_add_(0, bins, torch.ones_like(values))


def _between_class_variance(counts: Tensor, centres: Tensor) -> Tensor:
    """Return the variance between the class up to each bin and the class after it, (255, B)."""
    mass = counts * centres
    weight_1, sum_1, sum_2 = _running_sums(torch.cat([counts, mass, mass.flip(0)], dim=1)).chunk(3, dim=1)
    weight_2 = weight_1[-1] - weight_1[:-1]  # whole numbers: exact in any order
    mean_1, mean_2 = sum_1[:-1] / weight_1[:-1], sum_2.flip(0)[1:] / weight_2
    return (mean_1 - mean_2).square_().mul_(weight_1[:-1] * weight_2)


def _running_sums(x: Tensor) -> Tensor:
    """Return cumulative sums along dim 0, each row added to the sum of those before it, as numpy adds.

    torch.cumsum on CUDA does so as well, by its source, in one kernel; on CPUs it adds in another order.
    """
    return x.cumsum(dim=0) if x.is_cuda else _sums_in_sequence(x)


def _sums_in_sequence(x: Tensor) -> Tensor:
    """Add to each row, in place, the row before it."""
    rows = x.unbind()
    for before, row in pairwise(rows):
        row += before
    return x
