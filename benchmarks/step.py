"""A whole training step of ours against a plain torchvision ResNet-50 classifier's, everything else alike."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.timing import Row, at_most, not_measured, side_by_side
from model.backbone import build
from model.network import Network
from pipeline.training import accelerator, loop

BACKBONE, PIXELS, N_CATEGORIES, N_CLASSIFIERS = "resnet50", 448, 200, 16
ON_GPU, ON_CPU = (32, 64), 4  # images
ROUNDS = {"cuda": 30, "cpu": 12}
LIMIT = 1.05  # on a GPU
WHAT = "training step, ResNet-50, n = 16, L = 200"


def rows() -> list[Row]:
    """Measure on the CPU, and on a GPU where there is one."""
    on_gpu = {batch: f"{WHAT}, bf16, GPU, {PIXELS} px, {batch} images" for batch in ON_GPU}
    on_cpu = f"{WHAT}, fp32, CPU, {PIXELS} px, {ON_CPU} images"
    if torch.cuda.is_available():  # one job has one device
        return [at_most(what, measure(batch, "bf16", "cuda"), LIMIT) for batch, what in on_gpu.items()]
    missing = [not_measured(what, f"at most {LIMIT}", "no GPU here") for what in on_gpu.values()]
    return [*missing, at_most(on_cpu, measure(ON_CPU, "fp32", "cpu"), 1.10)]


def measure(batch: int, precision: str, device: str) -> tuple[float, float]:
    """Return the median seconds of a step, ours and the reference's, both as ``loop.train`` sets them up."""
    job = accelerator.start(precision)
    X = torch.randint(256, (batch, 3, PIXELS, PIXELS), dtype=torch.uint8, device=device)
    X = X.contiguous(memory_format=torch.channels_last)
    t = torch.randint(N_CATEGORIES, (batch,), device=device)
    ours = Network(build(BACKBONE), N_CATEGORIES, N_CLASSIFIERS, "probability")
    networks = [n.to(device, memory_format=torch.channels_last).train() for n in (ours, plain(BACKBONE, N_CATEGORIES))]
    fused = device == "cuda" or None
    pairs = [job.prepare(n, torch.optim.AdamW(n.parameters(), lr=1e-4, fused=fused)) for n in networks]
    torch.backends.cudnn.benchmark = True

    def step_ours() -> None:
        network, optimizer = pairs[0]
        loop.step(network, loop.Objective(), X, t, batch, job)
        _finish(optimizer)

    def step_plain() -> None:
        network, optimizer = pairs[1]
        job.backward(cross_entropy(network(X), t))
        _finish(optimizer)

    ours_s, plain_s = side_by_side(step_ours, step_plain, rounds=ROUNDS[device])
    return ours_s, plain_s


def plain(backbone: str, n_categories: int) -> nn.Module:
    """Build torchvision's classifier of a name, which reads bytes as ours does."""
    from torchvision.models import get_model

    return nn.Sequential(_Normalise(), get_model(backbone, num_classes=n_categories))


class _Normalise(nn.Module):
    """What a data loader would have done; the same for both."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return (X - 116.0).div_(58.0)


def _finish(optimizer: torch.optim.Optimizer) -> None:
    optimizer.step()
    optimizer.zero_grad()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
