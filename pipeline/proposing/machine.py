"""What this machine has for trainings: a GPU, cores, weights to start from."""

from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import torch
from torchvision.models import get_model_weights

from pipeline.training import accelerator

PATIENCE = 5  # seconds that the host of the weights has to answer


@dataclass(frozen=True)
class Machine:
    """What decides which recipe suits a machine."""

    gpu: str  # its name; empty where there is none
    cores: int
    weights: bool  # whether ResNet-50's ImageNet weights are here, or can be downloaded


def look() -> Machine:
    """Return what this machine has; the network is asked only where there is a GPU, which could train a ResNet-50."""
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return Machine(gpu, accelerator.granted_threads(None, 1), bool(gpu) and can_be_had("resnet50"))


def can_be_had(name: str) -> bool:
    """Say whether torchvision's weights of a network are in torch's cache, or their host answers."""
    url = get_model_weights(name)["IMAGENET1K_V1"].url
    if Path(torch.hub.get_dir(), "checkpoints", Path(url).name).is_file():
        return True
    try:
        with urlopen(Request(url, method="HEAD"), timeout=PATIENCE):
            return True
    except OSError:
        return False
