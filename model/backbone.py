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


def build(name: str, stride: int = 32, last_block: str = "kept") -> Backbone:
    """Build a backbone by name, with random weights; its parts keep the names that they have in their library.

    name        resnet18 to resnet152 (torchvision), or any convolutional model of timm
    stride      pixels per cell of the feature maps, 32 or 16
    last_block  what stride 16 makes of the block that would halve the maps once more: ``kept``, dilated instead of
                strided; or ``left_out``, so that f(X) is what the block would read

    Raises ValueError for a name that neither library knows, and for a model that has no such maps.
    """
    if last_block == "left_out" and stride != 16:
        raise ValueError(f"last_block: left_out needs stride 16, the stride before the last block, not {stride}")
    make = _resnet if name in RESNETS else _timm
    return make(name, stride, last_block == "left_out")


def _resnet(name: str, stride: int, cut: bool) -> Backbone:
    from torchvision.models import get_model

    try:
        network = get_model(name, replace_stride_with_dilation=[False, False, stride == 16 and not cut])
    except (ValueError, NotImplementedError) as error:  # BasicBlock has no dilation
        raise ValueError(f"stride: {name} cannot be built with stride {stride} ({error}); use 32") from error
    left_out = ["layer4", "avgpool", "fc"] if cut else ["avgpool", "fc"]
    parts = {key: part for key, part in network.named_children() if key not in left_out}
    channels = network.layer4[0].conv1.in_channels if cut else network.fc.in_features
    return Backbone(nn.Sequential(OrderedDict(parts)), channels, IMAGENET_MEAN, IMAGENET_STD)


def _timm(name: str, stride: int, cut: bool) -> Backbone:
    import timm

    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "resnet50, tf_efficientnet_lite0"
        raise ValueError(f"backbone: neither torchvision nor timm has {name!r}; perhaps one of {near}")
    kwargs = {} if stride == 32 or cut else {"output_stride": stride}
    try:
        network = timm.create_model(name, num_classes=0, global_pool="", **kwargs)
    except (TypeError, ValueError, NotImplementedError, AssertionError, RuntimeError) as error:
        if not kwargs:
            raise ValueError(f"backbone: timm cannot build {name!r} ({error})") from error
        reason = f" ({error})" if str(error) else ""  # not every model can be dilated
        raise ValueError(f"stride: {name} cannot be built with stride {stride}{reason}; try 32") from error
    if cut:
        _cut(network, name, stride)
    body = _Features(network)
    _try_out(body, network.num_features, name)
    return Backbone(body, network.num_features, *_statistics(network))


def _cut(network: nn.Module, name: str, stride: int) -> None:
    """End a timm model with the last of its maps that have the stride; timm lists them for detectors."""
    taps = [at for at, tap in enumerate(getattr(network, "feature_info", [])) if tap["reduction"] == stride]
    if not taps or not hasattr(network, "prune_intermediate_layers"):
        raise ValueError(f"last_block: timm does not say where {name} has maps of stride {stride}; use 'kept'")
    network.prune_intermediate_layers(taps[-1:], prune_norm=True)


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
    shape = tuple(getattr(features, "shape", ()))
    if len(shape) != 4 or shape[1] != channels:
        gives = f"but {shape}" if shape else "alone"
        raise ValueError(f"backbone: {name} gives no B C H W feature maps {gives}; choose a convolutional one")
    features.sum().backward()
    for parameter in body.parameters():
        parameter.requires_grad_(parameter.grad is not None)
        parameter.grad = None
    body.train()
