"""A whole training step of ours against a plain torchvision ResNet-50 classifier's, everything else alike."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.timing import Row, at_most, not_measured, side_by_side
from model.backbone import build
from model.network import Network
from pipeline.training import accelerator, loop

N_CATEGORIES, N_CLASSIFIERS = 200, 16
WHAT = "training step, ResNet-50, n = 16, L = 200"


def rows() -> list[Row]:
    """Measure on the CPU, and on a GPU where there is one."""
    on_gpu, on_cpu = f"{WHAT}, bf16, GPU, 448 px, 64 images", f"{WHAT}, fp32, CPU, 448 px, 4 images"
    if torch.cuda.is_available():  # one job has one device
        return [at_most(on_gpu, measure(448, 64, "bf16", "cuda"), 1.05)]
    return [not_measured(on_gpu, "at most 1.05", "no GPU here"), at_most(on_cpu, measure(448, 4, "fp32", "cpu"), 1.10)]


def measure(pixels: int, batch: int, precision: str, device: str) -> tuple[float, float]:
    """Return the median seconds of a step, ours and the reference's."""
    from torchvision.models import resnet50

    job = accelerator.start(precision)
    X = torch.randint(256, (batch, 3, pixels, pixels), dtype=torch.uint8, device=device)
    X = X.contiguous(memory_format=torch.channels_last)
    t = torch.randint(N_CATEGORIES, (batch,), device=device)
    ours = Network(build("resnet50"), N_CATEGORIES, N_CLASSIFIERS, "probability")
    plain = nn.Sequential(_Normalise(), resnet50(num_classes=N_CATEGORIES))
    networks = [network.to(device, memory_format=torch.channels_last).train() for network in (ours, plain)]
    pairs = [job.prepare(n, torch.optim.AdamW(n.parameters(), lr=1e-4)) for n in networks]

    def step_ours() -> None:
        network, optimizer = pairs[0]
        loop.step(network, "both", X, t, batch, job)
        _finish(optimizer)

    def step_plain() -> None:
        network, optimizer = pairs[1]
        job.backward(cross_entropy(network(X), t))
        _finish(optimizer)

    ours_s, plain_s = side_by_side(step_ours, step_plain, rounds=30 if device == "cuda" else 12)
    return ours_s, plain_s


class _Normalise(nn.Module):
    """What a data loader would have done; the same for both."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return (X - 116.0).div_(58.0)


def _finish(optimizer: torch.optim.Optimizer) -> None:
    optimizer.step()
    optimizer.zero_grad()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
