"""The training loop of one network at one scale: build it, then minimise its loss."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from model import backbone
from model.losses import local_loss, object_loss
from model.network import Baseline, Network, Output
from model.prediction import cells_right
from pipeline import params
from pipeline.disk.imageset import ImageSet
from pipeline.errors import InputError
from pipeline.training import batch_norm, inference
from pipeline.training.batches import TrainingBatches
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.divergence import Divergence
from pipeline.training.inference import ImageResult

SUMS = ["l_loc", "l_obj", "acc_loc", "acc_obj", "acc_avg", "attended", "cells_right"]  # sums over the images of a step
PERCENT = ["acc_loc", "acc_obj", "acc_avg", "cells_right"]  # of SUMS, as a history has them


class Log(Protocol):
    """A log of a training's epochs; ``tracking.run.Run`` is one."""

    @property
    def id(self) -> str | None:
        """The log's id, saved in checkpoints, so that a resumed training continues the same log."""

    def catch_up(self, history: list[dict[str, float]]) -> None:
        """Log the epochs that a killed job completed."""

    def epoch(self, row: dict[str, float]) -> None:
        """Log one epoch's numbers."""


def build(
    recipe: params.Recipe, n_categories: int, accelerator: Accelerator, pretrained: dict[str, Tensor] | None = None
) -> nn.Module:
    """Build a recipe's network to be trained.

    pretrained  tensors of the backbone's body by name; everything else is drawn from the recipe's seed
    """
    torch.manual_seed(recipe.train.seed)
    try:
        body = backbone.build(recipe.network.backbone, recipe.network.stride, recipe.network.last_block)
    except ValueError as error:
        raise InputError(f"network.{error}") from error
    if pretrained:
        body.body.load_state_dict(pretrained)
    network = assemble(recipe.network, body, n_categories)
    if recipe.network.n_classifiers:  # freeze unused parameters: several processes would wait for their gradients
        network.local.requires_grad_(recipe.train.loss != "object")
        network.object.requires_grad_(recipe.train.loss != "local")
    if recipe.train.batch_norm == "train" and accelerator.num_processes > 1:
        batch_norm.synchronise(network)
    dtype = torch.float64 if recipe.train.precision == "fp64" else torch.float32
    return network.to(accelerator.device, dtype, memory_format=torch.channels_last)


def assemble(recipe: params.Network, body: backbone.Backbone, n_categories: int) -> nn.Module:
    """Put the classifiers that a recipe names on a backbone."""
    if recipe.n_classifiers == 0:
        return Baseline(body, n_categories, recipe.second_head)
    readout = recipe.readout, recipe.readout_cells
    return Network(body, n_categories, recipe.n_classifiers, recipe.attention, readout)


def train(
    recipe: params.Recipe,
    data: ImageSet,
    accelerator: Accelerator,
    log: Log,
    checkpoint: Checkpoint,
    pretrained: dict[str, Tensor],
) -> nn.Module:
    """Minimise l = l_loc + l_obj (Eq. 6), or what else the recipe's ``Objective`` is.

    Goes on after the last epoch of ``checkpoint``, and adds a row of numbers to its history for every further epoch.
    Returns the network after the last epoch.
    """
    values, objective = recipe.train, Objective.of(recipe.training)
    batches = TrainingBatches(data, values.batch, values.crop, values.seed)
    network = build(recipe, len(data.class_names), accelerator, pretrained)
    network, optimizer = accelerator.prepare(network, _optimizer(network, values))
    checkpoint.restore(accelerator.unwrap_model(network), optimizer)
    log.catch_up(checkpoint.history)
    done = len(checkpoint.history)
    loader = batches.loader(range(done, values.epochs), accelerator)
    for epoch in range(done + 1, values.epochs + 1):
        started = time.perf_counter()
        _begin(network, values.batch_norm, batches.epoch_seed(epoch, accelerator.process_index))
        total, divergence = torch.zeros(len(SUMS), device=accelerator.device), Divergence(epoch, checkpoint.path)
        for i, (X, t) in enumerate(_progress(islice(loader, batches.steps), batches.steps, epoch, accelerator)):
            lr = set_rate(optimizer, values, epoch - 1 + i / batches.steps)
            X, t = X.to(accelerator.device, non_blocking=True), t.to(accelerator.device, non_blocking=True)
            sums = step(network, objective, X, t, batches.batch, accelerator)
            optimizer.step()
            optimizer.zero_grad()
            divergence.add(sums[:2].sum(), i + 1, lr)
            total += sums
        divergence.finish()
        row = {"epoch": epoch, **_means(accelerator.reduce(total), batches.images, objective), "lr": lr}
        row["images_per_s"] = batches.images / (time.perf_counter() - started)
        if epoch % values.test_every == 0 or epoch == values.epochs:
            row |= _test(inference.infer(network, data, "test", accelerator), data, recipe.training)
        checkpoint.history.append(row)
        if accelerator.is_main_process:
            log.epoch(row)
            checkpoint.save(accelerator.unwrap_model(network), optimizer, log.id)
            print(_line(epoch, values.epochs, row))
    checkpoint.finish()
    return accelerator.unwrap_model(network)


@dataclass(frozen=True)
class Objective:
    """What is minimised: w_loc l_loc + w_obj l_obj, with targets of which all categories divide a share."""

    w_loc: float = 1  # Eq. 6 has 1 and 1
    w_obj: float = 1
    smoothing: float = 0
    averaging: str = "probabilities"  # of the two levels' predictions, whose accuracy is watched

    @classmethod
    def of(cls, recipe: params.Training) -> "Objective":
        """Return what a recipe minimises; a baseline's second classifier has no l_loc to be weighted."""
        w_loc = recipe.train.loc_weight if recipe.network.n_classifiers else 1
        weights = {"both": (w_loc, 1), "local": (w_loc, 0), "object": (0, 1)}[recipe.train.loss]
        return cls(*weights, recipe.train.label_smoothing, recipe.network.averaging)


def step(
    network: nn.Module, objective: Objective, X: Tensor, t: Tensor, batch: int, accelerator: Accelerator
) -> Tensor:
    """Add the gradients of this process's share of a step; return SUMS over the images of the share.

    Gradients are averaged over processes, though their shares may differ by one image. So the loss is the sum over the
    share, divided by the size of the whole batch, times the number of processes.
    """
    output: Output = network(X)
    l_obj = object_loss(output.logits, t, objective.smoothing)  # b
    l_loc, attended = torch.zeros_like(l_obj), torch.ones_like(l_obj)
    if output.mean_logits is not None:
        l_loc = object_loss(output.mean_logits, t, objective.smoothing)  # b; of the baseline's second classifier
    if output.attention is not None:
        l_loc = local_loss(output.attention.A, output.attention.M_b, t, objective.smoothing)  # b
        attended = output.attention.M_b.float().mean(dim=(1, 2))  # b
    minimised = objective.w_loc * l_loc + objective.w_obj * l_obj  # b, Eq. 6
    accelerator.backward(minimised.sum() / batch * accelerator.num_processes)
    with torch.no_grad():
        loc, obj = inference.predict(output)
        both = loc + obj if objective.averaging == "probabilities" else loc.log() + obj.log()
        hits = (torch.stack([loc, obj, both]).argmax(dim=2) == t).float()  # 3 b
        if output.attention is None:
            right = torch.full_like(l_obj, torch.nan)  # without local classifiers there is no such number
        else:
            right = cells_right(output.attention.A, output.attention.M_b, t)  # b
        return torch.stack([column.sum() for column in (l_loc, l_obj, *hits, attended, right)])


def set_rate(optimizer: torch.optim.Optimizer, recipe: params.Train, epoch: float) -> float:
    """Set the learning rates at a point in time, counted in epochs, and return that of the backbone.

    There is no scheduler: Accelerate would step it once per process, and a resumed job would have to restore it.
    """
    factor = warmup_then_cosine(epoch, recipe.warmup_epochs, recipe.epochs)
    for group in optimizer.param_groups:
        group["lr"] = factor * recipe.lr * group["multiple"]
    return factor * recipe.lr


def warmup_then_cosine(epoch: float, warmup: float, epochs: int) -> float:
    """Return the learning rate's factor at a point in time, counted in epochs.

    >>> [round(warmup_then_cosine(e, warmup=1, epochs=3), 2) for e in (0, 0.5, 1, 2, 3)]
    [0.01, 0.5, 1.0, 0.5, 0.0]
    """
    if epoch < warmup:
        return max(epoch / warmup, 0.01)
    return 0.5 + 0.5 * math.cos(math.pi * (epoch - warmup) / (epochs - warmup))


def _optimizer(network: nn.Module, recipe: params.Train) -> torch.optim.Optimizer:
    trained: dict[bool, list[nn.Parameter]] = {True: [], False: []}  # the backbone's, and the classifiers'
    for name, p in network.named_parameters():
        if p.requires_grad:
            trained[name.startswith("backbone.")].append(p)
    multiples = {True: 1.0, False: recipe.classifier_rate}
    groups = [{"params": own, "multiple": multiples[body]} for body, own in trained.items() if own]
    # Fused on GPUs alone, where it refuses a gradient whose memory layout is not that of its parameter (channels_last).
    # On CPUs that of torch 2.14 silently pairs the wrong elements then: six points lost on ten classes of CUB.
    fused = groups[0]["params"][0].is_cuda or None
    return torch.optim.AdamW(groups, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=fused)


def _means(total: Tensor, n: int, objective: Objective) -> dict[str, float]:
    values = dict(zip(SUMS, (total / n).tolist(), strict=True))
    values = {name: 100 * value if name in PERCENT else value for name, value in values.items()}
    if math.isnan(values["cells_right"]):  # neither a checkpoint nor MLflow is to hold a number that is none
        del values["cells_right"]
    w_loc = objective.w_loc or 1  # of a single loss both are shown as they are
    return {"loss": w_loc * values["l_loc"] + values["l_obj"]} | values


def _test(results: list[ImageResult], data: ImageSet, recipe: params.Training) -> dict[str, float]:
    accuracies = inference.predictions(results, data, recipe).accuracies()
    return {f"test_{name}": value for name, value in accuracies.items()}


def _begin(network: nn.Module, statistics: str, seed: int) -> None:
    """Begin an epoch: training mode, and a seed for backbones with dropout."""
    torch.manual_seed(seed)
    # On GPUs: all crops have one shape, for which the fastest kernels are tried out.
    torch.backends.cudnn.benchmark = True
    network.train()
    if statistics == "frozen":
        for layer in batch_norm.layers(network):
            layer.eval()


def _progress(steps: Iterator, n: int, epoch: int, accelerator: Accelerator) -> Iterator:
    quiet = None if accelerator.is_main_process else True
    return tqdm(steps, total=n, desc=f"epoch {epoch}", unit=" steps", disable=quiet, leave=False)


def _line(epoch: int, epochs: int, row: dict[str, float]) -> str:
    test = f"  test {row['test_acc_avg']:.1f}%" if "test_acc_avg" in row else ""
    return (
        f"epoch {epoch:>{len(str(epochs))}}/{epochs}  l_loc {row['l_loc']:.4f}  l_obj {row['l_obj']:.4f}  "
        f"training {row['acc_avg']:.1f}%{test}  {row['images_per_s']:.0f} images/s"
    )
