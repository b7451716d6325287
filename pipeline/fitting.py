"""The training loop of one network at one scale: build it, then optimise what its variant optimises."""

import math
import time
from collections.abc import Iterator
from itertools import islice

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from model import backbone
from model.losses import local_loss, object_loss
from model.network import Baseline, Network, Output
from pipeline import batch_norm, inference, params, tracking
from pipeline.batches import TrainingBatches
from pipeline.checkpoint import Checkpoint
from pipeline.errors import InputError
from pipeline.imageset import ImageSet
from pipeline.inference import Seen
from pipeline.losswatch import LossWatch
from pipeline.variants import Variant


def build(recipe: params.Recipe, variant: Variant, n_categories: int, accelerator: Accelerator) -> nn.Module:
    """Build the network of a variant, its backbone pretrained, its classifiers drawn from the recipe's seed."""
    torch.manual_seed(recipe.train.seed)
    try:
        body = backbone.build(recipe.network.backbone, recipe.network.weights, recipe.network.stride)
    except ValueError as error:
        raise InputError(f"network.{error}") from error
    if variant.attention:
        n = variant.n_classifiers or recipe.network.n_classifiers
        network = Network(body, n_categories, n, recipe.network.attention)
        network.local.requires_grad_(variant.local)  # what gets no gradient is frozen, or several processes would wait
        network.object.requires_grad_(variant.object)
    else:
        network = Baseline(body, n_categories)
    if recipe.train.batch_norm == "train" and accelerator.num_processes > 1:
        batch_norm.share(network)
    dtype = torch.float64 if recipe.train.precision == "fp64" else torch.float32
    return network.to(accelerator.device, dtype, memory_format=torch.channels_last)


def fit(
    variant: Variant,
    data: ImageSet,
    recipe: params.Recipe,
    accelerator: Accelerator,
    tracker: tracking.Run,
    kept: Checkpoint,
) -> tuple[nn.Module, list[Seen]]:
    """Optimise l = l_loc + l_obj (Eq. 6), or what the variant keeps of it.

    Goes on from the last epoch that ``kept`` has, and adds a row of numbers to its history for every other.
    Returns the network after the last epoch, and what it then says of the test images.
    """
    values = recipe.train
    batches = TrainingBatches(data, values.batch, values.crop, values.seed)
    network = build(recipe, variant, len(data.class_names), accelerator)
    network, optimizer = accelerator.prepare(network, _optimizer(network, values))
    kept.restore(accelerator.unwrap_model(network), optimizer)
    tracker.catch_up(kept.history)
    done, seen = len(kept.history), []
    loader = batches.loader(range(done, values.epochs), accelerator)
    for epoch in range(done + 1, values.epochs + 1):
        started = time.perf_counter()
        _begin(network, values.batch_norm, batches.epoch_seed(epoch, accelerator.process_index))
        total, watch = torch.zeros(len(SUMS), device=accelerator.device), LossWatch(epoch, kept.path)
        for i, (X, t) in enumerate(_progress(islice(loader, batches.steps), batches.steps, epoch, accelerator)):
            lr = set_rate(optimizer, values, epoch - 1 + i / batches.steps)
            X, t = X.to(accelerator.device, non_blocking=True), t.to(accelerator.device, non_blocking=True)
            sums = step(network, variant, X, t, batches.batch, accelerator)
            optimizer.step()
            optimizer.zero_grad()
            watch.add(sums[:2].sum(), i + 1, lr)
            total += sums
        watch.finish()
        row = {"epoch": epoch, **_means(accelerator.reduce(total), batches.images), "lr": lr}
        row["images_per_s"] = batches.images / (time.perf_counter() - started)
        if epoch % values.test_every == 0 or epoch == values.epochs:
            seen = inference.see(network, data, "test", accelerator)
            row |= _test(seen, data)
        kept.history.append(row)
        if accelerator.is_main_process:
            tracker.epoch(row)
            kept.save(accelerator.unwrap_model(network), optimizer, tracker.id)
            print(_line(epoch, values.epochs, row))
    # A job that was killed after its last epoch has not seen anything yet.
    return accelerator.unwrap_model(network), seen or inference.see(network, data, "test", accelerator)


def step(network: nn.Module, variant: Variant, X: Tensor, t: Tensor, batch: int, accelerator: Accelerator) -> Tensor:
    """Add this process's share of a step's gradients; return the sums over its images that SUMS names.

    The shares may differ by an image, and the processes' gradients are averaged: so the loss is the share's sum over
    the size of the whole batch, times the number of processes.
    """
    output: Output = network(X)
    l_obj = object_loss(output.logits, t)  # b
    l_loc, attended = torch.zeros_like(l_obj), torch.ones_like(l_obj)
    if output.attention is not None:
        l_loc = local_loss(output.attention.A, output.attention.M_b, t)  # b
        attended = output.attention.M_b.float().mean(dim=(1, 2))  # b
    loss = variant.local * l_loc + variant.object * l_obj
    accelerator.backward(loss.sum() / batch * accelerator.num_processes)
    with torch.no_grad():
        loc, obj = inference.predict(output)
        hits = [(p.argmax(dim=1) == t).float() for p in (loc, obj, loc + obj)]
        return torch.stack([column.sum() for column in (l_loc, l_obj, *hits, attended)])


def set_rate(optimizer: torch.optim.Optimizer, recipe: params.Train, epoch: float) -> float:
    """Set the learning rate of a moment counted in epochs, and return it.

    Without a scheduler: Accelerate steps a prepared one once for every process, and a resumed job has none to mend.
    """
    factor = warmup_then_cosine(epoch, recipe.warmup_epochs, recipe.epochs)
    for group in optimizer.param_groups:
        group["lr"] = factor * recipe.lr
    return factor * recipe.lr


def warmup_then_cosine(epoch: float, warmup: float, epochs: int) -> float:
    """Return the learning rate's factor at a moment counted in epochs.

    >>> [round(warmup_then_cosine(e, warmup=1, epochs=3), 2) for e in (0, 0.5, 1, 2, 3)]
    [0.01, 0.5, 1.0, 0.5, 0.0]
    """
    if epoch < warmup:
        return max(epoch / warmup, 0.01)
    return 0.5 + 0.5 * math.cos(math.pi * (epoch - warmup) / (epochs - warmup))


SUMS = ["l_loc", "l_obj", "acc_loc", "acc_obj", "acc_avg", "attended"]


def _optimizer(network: nn.Module, recipe: params.Train) -> torch.optim.Optimizer:
    trained = [p for p in network.parameters() if p.requires_grad]
    # Not the fused one: on CPUs torch 2.14's goes by memory, so a gradient laid out otherwise than its parameter (as
    # channels_last ones are) is taken for another tensor's, without a word. It cost six points on ten classes of CUB.
    return torch.optim.AdamW(trained, lr=recipe.lr, weight_decay=recipe.weight_decay)


def _means(total: Tensor, n: int) -> dict[str, float]:
    values = dict(zip(SUMS, (total / n).tolist(), strict=True))
    values = {name: 100 * value if name.startswith("acc") else value for name, value in values.items()}
    return {"loss": values["l_loc"] + values["l_obj"]} | values


def _test(seen: list[Seen], data: ImageSet) -> dict[str, float]:
    accuracies = inference.predictions(seen, data).accuracies()
    return {f"test_{name}": value for name, value in accuracies.items()}


def _begin(network: nn.Module, statistics: str, seed: int) -> None:
    """Begin an epoch: training mode, and a seed for backbones with dropout."""
    torch.manual_seed(seed)
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
