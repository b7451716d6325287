"""A trained network on disk: its weights, and in the same file the recipe that it was trained with."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from model import backbone
from pipeline import params
from pipeline.disk import files
from pipeline.errors import InputError
from pipeline.training import loop

WEIGHTS = "weights.safetensors"


def write(folder: Path, network: nn.Module, recipe: params.Training) -> None:
    """Write a network's weights, with the recipe that decided them."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    with files.atomic_write(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary, {"recipe": recipe.model_dump_json()})


def read_recipe(folder: Path) -> params.Training:
    """Return what the weights in ``folder`` say of themselves."""
    path = folder / WEIGHTS
    try:
        with safe_open(path, "pt") as file:
            return params.Training.model_validate_json(file.metadata()["recipe"])
    except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise InputError(f"{path}: missing, or not written by the train stage; run that stage") from error


def read(folder: Path, recipe: params.Network, n_categories: int) -> nn.Module:
    """Build the network whose weights are in ``folder``; ``recipe`` is what ``read_recipe`` found there."""
    path = folder / WEIGHTS
    body = backbone.build(recipe.backbone, recipe.stride, recipe.last_block)
    network = loop.assemble(recipe, body, n_categories)
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(
            f"{path}: damaged, or not trained on images of {n_categories} categories; run its train stage"
        ) from error
    return network.to(memory_format=torch.channels_last)
