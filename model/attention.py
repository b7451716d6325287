"""From the activations of n local classifiers to one attention map (sections 4.2 and 4.3)."""

from torch import Tensor


def aggregate(A_i: Tensor) -> Tensor:
    """Take the largest logit among the local classifiers, for every category and location (Eq. 1).

    A_i   (B, n, L+1, H, W)  logits of the n local classifiers, the background last
    ->    (B, L+1, H, W)     logits; the gradient reaches only the classifier that attains the maximum

    >>> import torch
    >>> aggregate(torch.arange(24.0).view(1, 2, 3, 2, 2)).shape
    torch.Size([1, 3, 2, 2])
    """
    return A_i.max(dim=1).values  # not amax, which would divide the gradient among ties


def attention_map(A: Tensor, read_from: str = "probability") -> Tensor:
    """Return the score of the most likely foreground category at each location (section 4.3).

    A          (B, L+1, H, W)   logits, the background last
    read_from  ``probability``  M is the largest foreground probability, after a softmax over all L+1 channels;
                                the paper thresholds 'probability activations'
               ``logit``        M is the largest foreground logit
    ->         (B, H, W)        float32 whatever the precision of A: in bfloat16 one mask cell in nine would flip

    >>> import torch
    >>> attention_map(torch.tensor([0.0, 2.0, 1.0]).view(1, 3, 1, 1), "logit")
    tensor([[[2.]]])
    """
    scores = A.float().softmax(dim=1) if read_from == "probability" else A.float()
    return scores[:, :-1].amax(dim=1)  # B H W
