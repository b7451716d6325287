"""Stage: measure parameters, operations and speed of ours and of the baseline, at one scale and over all three."""

import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline import params
from pipeline.disk import files, imageset, outputs
from pipeline.disk.predictions import N_SCALES
from pipeline.training import accelerator, environment, loop

BATCH, ROUNDS = 16, 7  # images a batch; timed batches, of which the median is reported
COUNTED, SPEED = ("parameters_m", "gflops"), "images_per_s"


def run(recipe: params.Recipe, images: Path, out: Path) -> None:
    """Write parameters (millions), GFLOPs an image and images a second, on this machine, to the JSON file ``out``."""
    outputs.check_file(out)
    job = accelerator.start_for(recipe.train)
    device = environment.line(environment.announce(job, recipe.train))
    n_categories = len(imageset.read(images).class_names)
    bare = recipe.model_copy(update={"network": recipe.network.model_copy(update={"n_classifiers": 0})})
    results = {}
    for name, one in (("ours", recipe), ("baseline", bare)):
        network = job.prepare_model(loop.build(one, n_categories, job), evaluation_mode=True).eval()
        single = cost(network, recipe.prepare.short_edge, job.device)
        counts = {name: N_SCALES * single[name] for name in COUNTED}
        results[name] = {"1": single, "ms": {**counts, SPEED: single[SPEED] / N_SCALES}}
    files.write_json(out, {"device": device, "image": recipe.prepare.short_edge, **results})


@torch.inference_mode()
def cost(network: nn.Module, size: int, device: torch.device) -> dict[str, float]:
    """Measure one network, prepared as for training, on square images of ``size`` pixels."""
    X = torch.zeros(BATCH, size, size, 3, dtype=torch.uint8, device=device).permute(0, 3, 1, 2)  # as they are loaded
    with FlopCounterMode(display=False) as counter:
        network(X[:1])
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        network(X)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return {
        "parameters_m": sum(p.numel() for p in network.parameters()) / 1e6,
        "gflops": counter.get_total_flops() / 1e9,
        "images_per_s": BATCH / sorted(seconds)[ROUNDS // 2],
    }
