"""The network of one scale (Figures 1 to 3) and the baseline (section 5.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.attention import aggregate, attention_map
from model.backbone import Backbone
from model.otsu import binarise


@dataclass(frozen=True, slots=True)
class Attention:
    """The local classifiers' outputs for a batch: every intermediate tensor that the paper names."""

    A: Tensor  # (B, L+1, H, W) float32, logits, the background last
    M: Tensor  # (B, H, W) float32
    M_b: Tensor  # (B, H, W) bool
    constant: Tensor  # (B,) bool, True for maps without an Otsu threshold


@dataclass(frozen=True, slots=True)
class Output:
    """A network's outputs for a batch."""

    logits: Tensor  # (B, L) float32, of the object-level classifier
    attention: Attention | None  # None where there are no local classifiers
    mean_logits: Tensor | None = None  # (B, L) float32, of a baseline's second classifier
    readout: tuple[str, str] = ("logits", "all")  # what the local prediction is the mean of, and over which cells


class Network(nn.Module):
    """Backbone, n local classifiers and one object-level classifier, all linear (section 5.2)."""

    def __init__(
        self,
        backbone: Backbone,
        n_categories: int,
        n_classifiers: int,
        attention: str,
        readout: tuple[str, str] = ("logits", "all"),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.n, self.L = n_classifiers, n_categories
        self.read_from = attention  # what M is computed from: probability or logit
        self.readout = readout
        self.local = nn.Conv2d(backbone.channels, self.n * (self.L + 1), kernel_size=1)
        self.object = nn.Linear(backbone.channels, self.L)

    def forward(self, X: Tensor) -> Output:
        """X (B, 3, height, width) uint8."""
        features = self.backbone(X).to(self.local.weight.dtype)  # B C H W
        with torch.autocast(X.device.type, enabled=False):  # bfloat16 is too coarse for masks and losses
            A_i = self.local(features).unflatten(1, (self.n, self.L + 1))  # B n L+1 H W
            A = aggregate(A_i)  # B L+1 H W
            M = attention_map(A, self.read_from)  # B H W
            M_b, constant = binarise(M)  # B H W
            logits = self.object(object_feature(features, M_b))  # B L
        return Output(logits, Attention(A, M, M_b, constant), readout=self.readout)


class Baseline(nn.Module):
    """The same backbone, spatial max pooling and one linear classifier (section 5.3).

    second_head  adds a linear classifier of the mean-pooled features: ours averages two answers, and so does this
    """

    def __init__(self, backbone: Backbone, n_categories: int, second_head: bool = False) -> None:
        super().__init__()
        self.backbone = backbone
        self.object = nn.Linear(backbone.channels, n_categories)
        self.second = nn.Linear(backbone.channels, n_categories) if second_head else None

    def forward(self, X: Tensor) -> Output:
        """X (B, 3, height, width) uint8."""
        features = self.backbone(X).to(self.object.weight.dtype)  # B C H W
        with torch.autocast(X.device.type, enabled=False):
            logits = self.object(features.amax(dim=(2, 3)))  # B L
            return Output(logits, None, self.second(features.mean(dim=(2, 3))) if self.second is not None else None)


def object_feature(features: Tensor, M_b: Tensor) -> Tensor:
    """Take the spatial maximum over the attended locations (section 4.4.2).

    features  (B, C, H, W)
    M_b       (B, H, W) bool, no mask empty
    ->        (B, C)

    After a ReLU this is the maximum of the product M_b f(X), as in the paper. Where features can be negative, the zeros
    of that product could be its maximum; so unattended locations are excluded instead of set to zero.

    >>> object_feature(torch.tensor([[[[-1.0, -2.0, 3.0]]]]), torch.tensor([[[True, True, False]]]))
    tensor([[-1.]])
    """
    return features.masked_fill(~M_b[:, None], -torch.inf).amax(dim=(2, 3))
