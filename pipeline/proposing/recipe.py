"""A recipe for some pictures on some machine, with the reason of each value that depends on either.

All values are those of a recipe of params.yaml that was run on the same kind of machine: without a GPU of 'cub10',
with one of 'cub', which is the paper's.
"""

from dataclasses import dataclass
from typing import Any

from pipeline.disk.imageset import CELL
from pipeline.proposing.machine import Machine
from pipeline.proposing.survey import Survey

STEPS = 150  # of a training at least: in as many the first birdlets were learned, flat drawings on whole backbones
FEWEST_CELLS = 5  # of a map's side: fewer could hardly show where something is
MOST_THREADS = 8  # of a training on CPUs: beyond, small networks wait for one another's threads
PER_STEP = (16, 32)  # pictures of a step; the larger one, cub10's, where an epoch still has ten steps
NETWORK = {"backbone": "", "weights": "imagenet", "stride": 32, "n_classifiers": 16, "attention": "probability"}
ATTEND = {"region": "all", "margin": 0.15, "minimum": 0.5}


@dataclass(frozen=True)
class Kind:
    """What a recipe takes over from one that was run: least epochs and pixels, whole and small."""

    backbone: str
    lr: float
    epochs: tuple[int, int]
    pixels: tuple[int, int]
    batch_norm: str
    why: str  # that of batch_norm
    like: str  # the recipe that has these values


NOT_FROZEN = "learns on all that was tried; 'frozen' is better on cub10 and learns nothing on cars14"
LITE0 = Kind("tf_efficientnet_lite0", 0.001, (10, 5), (224, 160), "train", NOT_FROZEN, "cub10")
RESNET = Kind("resnet50", 0.0001, (40, 20), (448, 224), "frozen", "as cub, the paper's", "the paper")


@dataclass(frozen=True)
class Proposal:
    """A recipe, and why it is as it is."""

    values: dict[str, dict[str, Any]]  # by section
    reasons: dict[str, str]  # 'section.key' -> one line


def propose(survey: Survey, machine: Machine, download: dict[str, Any], small: bool) -> Proposal:
    """Choose a recipe.

    download  the section that was read: the folder and what goes with it
    small     half the steps on smaller pictures: a first look
    """
    kind = RESNET if machine.weights else LITE0
    pixels, why_pixels = _pixels(survey, kind, small)
    batch = PER_STEP[survey.training >= 10 * PER_STEP[1]]
    epochs, why_epochs = _epochs(survey, kind, batch, small)
    values = {
        "download": download,
        "prepare": {"short_edge": pixels},
        "network": NETWORK | {"backbone": kind.backbone},
        "train": {
            "seed": 0,
            "epochs": epochs,
            "batch": batch,
            "crop": pixels,
            "lr": kind.lr,
            "weight_decay": 0.01,
            "warmup_epochs": max(1, epochs // 10),
            "batch_norm": kind.batch_norm,
            "precision": "bf16" if machine.gpu else "fp32",
            "threads": None if machine.gpu else min(machine.cores, MOST_THREADS),
            "test_every": -(-epochs // 5),
        },
        "attend": ATTEND,
    }
    reasons = {
        "network.backbone": _why_backbone(machine),
        "prepare.short_edge": why_pixels,
        "train.epochs": why_epochs,
        "train.batch": f"{PER_STEP[1]} where an epoch then has ten steps, else {PER_STEP[0]}",
        "train.lr": f"as {kind.like}, for this backbone",
        "train.batch_norm": kind.why,
        "train.threads": _why_threads(machine),
    }
    return Proposal(values, reasons)


def _why_threads(machine: Machine) -> str:
    return "all cores" if machine.gpu else "the cores that may be used here; another number would round otherwise"


def _why_backbone(machine: Machine) -> str:
    if machine.weights:
        return f"the paper's; there is a GPU ({machine.gpu}), and ImageNet weights are here or can be downloaded"
    carried = "a small network whose ImageNet weights come with a package"
    if machine.gpu:
        return f"{carried}; those of the paper's resnet50 cannot be had here"
    return f"no GPU here; {carried}: no download"


def _pixels(survey: Survey, kind: Kind, small: bool) -> tuple[int, str]:
    wanted, least = kind.pixels[small], FEWEST_CELLS * CELL
    has = survey.short_edge // CELL * CELL  # zooming in beyond what a camera saw adds nothing
    if has < wanted:
        why = f"half of your pictures have at most {survey.short_edge:,}; the least is {least}, 5 x 5 cells"
        return max(has, least), why
    return wanted, f"small, for a first look; {kind.like} has {kind.pixels[False]}" if small else f"as {kind.like}"


def _epochs(survey: Survey, kind: Kind, batch: int, small: bool) -> tuple[int, str]:
    steps = max(1, survey.training // batch)  # an epoch
    wanted = STEPS // 2 if small else STEPS
    epochs = max(kind.epochs[small], -(-wanted // steps))
    half, counted = "half of " if small else "", f"{epochs * steps:,} steps, {steps:,} an epoch"
    if epochs > kind.epochs[small]:
        return epochs, f"{counted}; few pictures need many epochs: {half}{STEPS} steps is the least"
    return epochs, f"{half}{kind.like}'s ({counted})"
