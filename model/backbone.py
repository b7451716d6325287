"""The backbone: from the bytes of an image to f(X), the feature maps before the last pooling (section 4.1)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")  # torchvision's; all other names are timm's
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """A convolutional network without its pooling and classifier.

    X         (B, 3, height, width) uint8
    features  (B, C, H, W), with H = height / stride if stride divides height
    """

    def __init__(self, body: nn.Module, channels: int, mean: tuple, std: tuple) -> None:
        super().__init__()
        self.body = body
        self.channels = channels  # C
        self.register_buffer("mean", 255 * torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, X: Tensor) -> Tensor:
        """Normalise on the device and compute f(X): uint8 images have a quarter of the bytes to copy there."""
        x = (X - self.mean).div_(self.std)  # B 3 height width
        return self.body(x)  # B C H W


def build(name: str, stride: int = 32) -> Backbone:
    """Build a backbone by name, with random weights; its parts keep the names that they have in their library.

    name     resnet18 to resnet152 (torchvision), or any convolutional model of timm
    stride   pixels per cell of the feature maps, 32 or 16; at 16 the last block is dilated instead of strided

    Raises ValueError for a name that neither library knows.
    """
    return _resnet(name, stride) if name in RESNETS else _timm(name, stride)


def _resnet(name: str, stride: int) -> Backbone:
    from torchvision.models import get_model

    try:
        network = get_model(name, replace_stride_with_dilation=[False, False, stride == 16])
    except (ValueError, NotImplementedError) as error:  # BasicBlock has no dilation
        raise ValueError(f"stride: {name} cannot be built with stride {stride} ({error}); use 32") from error
    parts = {key: part for key, part in network.named_children() if key not in ("avgpool", "fc")}
    return Backbone(nn.Sequential(OrderedDict(parts)), network.fc.in_features, IMAGENET_MEAN, IMAGENET_STD)


def _timm(name: str, stride: int) -> Backbone:
    import timm

    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "resnet50, tf_efficientnet_lite0"
        raise ValueError(f"backbone: neither torchvision nor timm has {name!r}; perhaps one of {near}")
    kwargs = {} if stride == 32 else {"output_stride": stride}
    try:
        network = timm.create_model(name, num_classes=0, global_pool="", **kwargs)
    except (TypeError, ValueError, NotImplementedError, AssertionError, RuntimeError) as error:
        if stride == 32:
            raise ValueError(f"backbone: timm cannot build {name!r} ({error})") from error
        reason = f" ({error})" if str(error) else ""  # not every model can be dilated
        raise ValueError(f"stride: {name} cannot be built with stride {stride}{reason}; try 32") from error
    body = _Features(network)
    _try_out(body, network.num_features, name)
    return Backbone(body, network.num_features, *_statistics(network))


def _statistics(network: nn.Module) -> tuple[tuple, tuple]:
    config = network.pretrained_cfg
    return tuple(config["mean"]), tuple(config["std"])


class _Features(nn.Module):
    """A timm model reduced to its feature maps."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.forward_features(x)


def _try_out(body: nn.Module, channels: int, name: str) -> None:
    """Check that a model gives feature maps, and freeze the parameters that do not contribute to them.

    Some models of timm have layers for after the pooling, which are unused here. Their parameters never get a gradient,
    and DistributedDataParallel would wait for it.
    """
    body.eval()
    features = body(torch.zeros(1, 3, 224, 224))
    if features.ndim != 4 or features.shape[1] != channels:
        raise ValueError(
            f"backbone: {name} gives no B C H W feature maps but {tuple(features.shape)}; choose a convolutional one"
        )
    features.sum().backward()
    for parameter in body.parameters():
        parameter.requires_grad_(parameter.grad is not None)
        parameter.grad = None
    body.train()
