"""From activations to class probabilities, at both levels (section 4.4.3)."""

from torch import Tensor


def local_prediction(A: Tensor) -> Tensor:
    """Average the local activations over space and drop the background.

    A     (B, L+1, H, W)  logits, the background last
    ->    (B, L) float32  probabilities

    >>> import torch
    >>> local_prediction(torch.zeros(1, 5, 2, 2))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    return A.float().mean(dim=(2, 3))[:, :-1].softmax(dim=1)


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
