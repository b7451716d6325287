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
