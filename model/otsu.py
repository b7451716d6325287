"""Otsu's threshold for a batch of maps at once, on their own device, bit for bit the one of scikit-image.

An attention map has a few hundred cells, so calling a CPU library once an image would cost a copy, a synchronisation
and a Python loop in every training step. The price of equality is the order of additions: ``skimage`` sums its 256
bins one after the other in float32, and two thresholds that tie would fall differently under any other order.
"""

import torch
from torch import Tensor

N_BINS = 256  # skimage.filters.threshold_otsu's default


def threshold(M: Tensor) -> tuple[Tensor, Tensor]:
    """Find the threshold that best separates each map into two classes (Otsu 1979).

    M     (B, H, W)  maps, read as float32
    ->    (B,)       float32, the centre of the bin after which to cut: attended is what lies above it
          (B,)       bool, the maps without a threshold: those of a single value, and those whose range is so small
                     against their level that float32 cannot tell 256 bins apart (there scikit-image raises)

    >>> t, constant = threshold(torch.tensor([[[0.0, 0.2, 0.8, 1.0]], [[5.0, 5.0, 5.0, 5.0]]]))
    >>> t, constant
    (tensor([0.2012, 5.0000]), tensor([False,  True]))
    """
    values = M.detach().flatten(1).float()  # B HW
    low, high = values.aminmax(dim=1)
    edges = _bin_edges(low, high)  # B 257
    constant = (edges[:, :-1] >= edges[:, 1:]).any(dim=1)
    safe_edges = torch.where(constant[:, None], torch.arange(N_BINS + 1.0, device=M.device), edges)
    counts = _histogram(values, safe_edges, constant)  # B 256
    centres = (safe_edges[:, :-1] + safe_edges[:, 1:]) / 2
    best = _between_class_variance(counts, centres).argmax(dim=1, keepdim=True)
    return torch.where(constant, low, centres.gather(1, best).squeeze(1)), constant


def binarise(M: Tensor) -> tuple[Tensor, Tensor]:
    """Turn attention maps into masks, the surrogate of the object's (section 4.3).

    M     (B, H, W)
    ->    M_b (B, H, W), bool: never empty, and without gradient; a map without a threshold attends everywhere
          constant (B,), bool: where that was so

    >>> binarise(torch.tensor([[[0.0, 0.2, 0.8, 1.0]]]))[0]
    tensor([[[False, False,  True,  True]]])
    """
    cut, constant = threshold(M)
    return (M.detach().float() > cut[:, None, None]) | constant[:, None, None], constant


def _bin_edges(low: Tensor, high: Tensor) -> Tensor:
    """Equal bins between the extremes, rounded as numpy.linspace rounds them."""
    step = (high - low) / N_BINS
    edges = torch.arange(N_BINS + 1.0, device=low.device) * step[:, None] + low[:, None]
    edges[:, -1] = high
    return edges


def _histogram(values: Tensor, edges: Tensor, constant: Tensor) -> Tensor:
    """Count values per bin; a bin holds its left edge, the last one both (numpy.histogram's rule)."""
    values = torch.where(constant[:, None], edges[:, :1], values).contiguous()
    bins = torch.searchsorted(edges, values, right=True).sub(1).clamp(0, N_BINS - 1)
    return torch.zeros_like(edges[:, :-1]).scatter_add(1, bins, torch.ones_like(values))


def _between_class_variance(counts: Tensor, centres: Tensor) -> Tensor:
    """Variance between what lies up to each bin and what lies after it, (B, 255)."""
    mass = counts * centres
    weight_1, weight_2 = counts.cumsum(1), counts.flip(1).cumsum(1).flip(1)  # whole numbers: exact in any order
    sums = _sums_in_sequence(torch.cat([mass, mass.flip(1)]))
    sum_1, sum_2 = sums.chunk(2)
    mean_1, mean_2 = sum_1 / weight_1, sum_2.flip(1) / weight_2
    return weight_1[:, :-1] * weight_2[:, 1:] * (mean_1[:, :-1] - mean_2[:, 1:]).square()


def _sums_in_sequence(x: Tensor) -> Tensor:
    """Cumulative sums along dim 1, added and rounded one by one as numpy does; torch.cumsum reorders."""
    columns = x.t().contiguous().unbind()
    sums = [columns[0]]
    for column in columns[1:]:
        sums.append(sums[-1] + column)
    return torch.stack(sums, dim=1)
