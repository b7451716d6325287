"""From activations to class probabilities, at both levels (section 4.4.3)."""

import torch
from torch import Tensor


def local_prediction(A: Tensor, readout: str = "logits", cells: Tensor | None = None) -> Tensor:
    """Average the local activations over space and drop the background.

    A        (B, L+1, H, W)  logits, the background last
    readout  ``logits``         the softmax over the L categories comes after the mean
             ``probabilities``  it comes before, over all L+1 channels, and what the categories have is divided anew
    cells    (B, H, W) bool  the mean is over these; where there are none, and without it, over all
    ->       (B, L) float32  probabilities

    >>> import torch
    >>> local_prediction(torch.zeros(1, 5, 2, 2))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    A = A.float()
    if readout == "probabilities":
        p = _mean(A.softmax(dim=1), cells)[:, :-1]
        return p / p.sum(dim=1, keepdim=True).clamp(min=torch.finfo(p.dtype).tiny)
    return _mean(A, cells)[:, :-1].softmax(dim=1)


def object_prediction(logits: Tensor) -> Tensor:
    """Turn the object-level classifier's (B, L) logits into (B, L) float32 probabilities.

    >>> import torch
    >>> object_prediction(torch.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    return logits.float().softmax(dim=1)


def cells_right(A: Tensor, M_b: Tensor, t: Tensor) -> Tensor:
    """Return the share of each image's attended cells whose largest foreground logit is the true category's.

    Section 4.3 trains the local classifiers on exactly these cells; this says how many they have learnt.

    A    (B, L+1, H, W)  logits, the background last
    M_b  (B, H, W)       bool
    t    (B,)            true categories
    ->   (B,)            float32 from 0 to 1; 0 where nothing is attended
    """
    right = (A[:, :-1].argmax(dim=1) == t[:, None, None]) & M_b  # B H W
    return right.sum(dim=(1, 2)) / M_b.sum(dim=(1, 2)).clamp(min=1)


def _mean(values: Tensor, cells: Tensor | None) -> Tensor:
    """Average (B, C, H, W) over each image's cells (B, H, W), or over all where an image has none."""
    if cells is None:
        return values.mean(dim=(2, 3))
    cells = cells | ~cells.flatten(1).any(dim=1)[:, None, None]
    return values.mul(cells[:, None]).sum(dim=(2, 3)) / cells.sum(dim=(1, 2))[:, None]
