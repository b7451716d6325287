"""The network of one scale, its forward pass on one screen (Figures 1 to 3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.attention import aggregate, attention_map
from model.backbone import Backbone
from model.otsu import binarise


@dataclass(frozen=True, slots=True)
class Attention:
    """What the local classifiers say of a batch, with every intermediate that has a name in the paper."""

    A: Tensor  # (B, L+1, H, W) float32, logits, the background last
    M: Tensor  # (B, H, W) float32
    M_b: Tensor  # (B, H, W) bool
    constant: Tensor  # (B,) bool, maps that Otsu could not divide


@dataclass(frozen=True, slots=True)
class Output:
    """What a network says of a batch."""

    logits: Tensor  # (B, L) float32, of the object-level classifier
    attention: Attention | None  # None where there are no local classifiers


class Network(nn.Module):
    """Backbone, n local classifiers and one object-level classifier, all linear (section 5.2)."""

    def __init__(self, backbone: Backbone, n_categories: int, n_classifiers: int, attention: str) -> None:
        super().__init__()
        self.backbone = backbone
        self.n, self.L = n_classifiers, n_categories
        self.read_from = attention  # M: probability or logit
        self.local = nn.Conv2d(backbone.channels, self.n * (self.L + 1), kernel_size=1)
        self.object = nn.Linear(backbone.channels, self.L)

    def forward(self, X: Tensor) -> Output:
        """X (B, 3, height, width) uint8."""
        features = self.backbone(X).to(self.local.weight.dtype)  # B C H W
        with torch.autocast(X.device.type, enabled=False):  # masks and losses do not survive bfloat16
            A_i = self.local(features).unflatten(1, (self.n, self.L + 1))  # B n L+1 H W
            A = aggregate(A_i)  # B L+1 H W
            M = attention_map(A, self.read_from)  # B H W
            M_b, constant = binarise(M)  # B H W
            logits = self.object(object_feature(features, M_b))  # B L
        return Output(logits, Attention(A, M, M_b, constant))


class Baseline(nn.Module):
    """The same backbone, spatial max pooling and one linear classifier (section 5.3)."""

    def __init__(self, backbone: Backbone, n_categories: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.object = nn.Linear(backbone.channels, n_categories)

    def forward(self, X: Tensor) -> Output:
        """X (B, 3, height, width) uint8."""
        features = self.backbone(X).to(self.object.weight.dtype)  # B C H W
        with torch.autocast(X.device.type, enabled=False):
            return Output(self.object(features.amax(dim=(2, 3))), None)


def object_feature(features: Tensor, M_b: Tensor) -> Tensor:
    """Take the spatial maximum over the attended locations (section 4.4.2).

    features  (B, C, H, W)
    M_b       (B, H, W) bool, no mask empty
    ->        (B, C); after a ReLU this is the maximum of M_b f(X), and with negative features it still is one of them

    >>> object_feature(torch.tensor([[[[-1.0, -2.0, 3.0]]]]), torch.tensor([[[True, True, False]]]))
    tensor([[-1.]])
    """
    return features.masked_fill(~M_b[:, None], -torch.inf).amax(dim=(2, 3))
