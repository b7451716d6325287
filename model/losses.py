"""The two losses of one scale: equations 2 to 5.

Each function returns one value per image, in nats. The training loop adds the losses (Eq. 6) and averages the batch.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def local_loss(A: Tensor, M_b: Tensor, t: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the image's category at attended locations, and of the background elsewhere (Eq. 2-4).

    A and M_b are made in ``Network.forward``: A by ``attention.aggregate`` (Eq. 1), M_b by ``otsu.binarise`` of the
    ``attention.attention_map`` of A.

    A     (B, L+1, H, W) float  logits, the background last
    M_b   (B, H, W) bool        surrogate of the object's mask; it carries no gradient
    t     (B,) int64            category of each image, 0 <= t < L
    smoothing                   share of the target at attended locations that all L categories divide; the background's
                                target elsewhere stays whole
    ->    (B,) float32          nats, averaged over locations; w is computed per image, which the paper leaves open

    >>> M_b = torch.arange(4).view(1, 2, 2) < 1  # a quarter attended: 3/8 of ln 201 remains
    >>> local_loss(torch.zeros(1, 201, 2, 2), M_b, torch.tensor([7]))
    tensor([1.9887])
    """
    log_p = A.float().log_softmax(dim=1)  # B L+1 H W
    log_p_t = log_p[torch.arange(len(t), device=t.device), t]  # B H W
    if smoothing:
        log_p_t = (1 - smoothing) * log_p_t + smoothing * log_p[:, :-1].mean(dim=1)
    l_1 = -log_p_t.mul(M_b).sum(dim=(1, 2))  # B, Eq. 4
    l_0 = -log_p[:, -1].mul(~M_b).sum(dim=(1, 2))  # B, Eq. 3
    w = M_b.float().mean(dim=(1, 2))  # B
    return ((1 - w) * l_1 + w * l_0) / M_b[0].numel()  # B, Eq. 2


def object_loss(logits: Tensor, t: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the object-level classifier (Eq. 5).

    logits  (B, L) float
    t       (B,) int64   category of each image
    smoothing            share of the target that all L categories divide
    ->      (B,) float32  nats

    >>> object_loss(torch.zeros(1, 200), torch.tensor([7]))
    tensor([5.2983])
    """
    return cross_entropy(logits.float(), t, reduction="none", label_smoothing=smoothing)
