"""Two trainings at once, of one thread and one core each, against one after the other of two threads."""

import json
import statistics
import subprocess
import sys

from benchmarks.timing import Row, at_least, not_measured
from pipeline.scheduling.slots import Slots, usable_cores

BACKBONE, PIXELS, BATCH, N_CATEGORIES, N_CLASSIFIERS = "tf_efficientnet_lite0", 160, 16, 10, 16
STEPS, ROUNDS = 20, 3
WHAT = "two trainings at once of one thread against one after the other of two"
# Trains on pictures of noise: waits for a line on standard input, so that both begin together; prints its seconds.
TRAIN = """
import sys, time, torch
from model.backbone import build
from model.network import Network
from pipeline.training import accelerator, loop
backbone, pixels, batch, categories, classifiers, steps, threads = sys.argv[1], *map(int, sys.argv[2:])
job = accelerator.start("fp32", threads)
X = torch.randint(256, (batch, 3, pixels, pixels), dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
t = torch.randint(categories, (batch,))
network = Network(build(backbone), categories, classifiers, "probability").to(memory_format=torch.channels_last).train()
network, optimizer = job.prepare(network, torch.optim.AdamW(network.parameters(), lr=1e-4))
def run(steps):
    for _ in range(steps):
        loop.step(network, loop.Objective(), X, t, batch, job)
        optimizer.step()
        optimizer.zero_grad()
run(3)
print("ready", flush=True)
sys.stdin.readline()
began = time.perf_counter()
run(steps)
print(time.perf_counter() - began, flush=True)
"""


def rows() -> list[Row]:
    """Measure both ways in turns."""
    if len(usable_cores()) < 2:
        return [not_measured(WHAT, "above 1", "one core here")]
    pairs = [(2 * STEPS / max(trained(2, 1)), STEPS / trained(1, 2)[0]) for _ in range(ROUNDS)]
    rates = tuple(statistics.median(rate) for rate in zip(*pairs, strict=True))
    return [at_least(f"{WHAT}, {BACKBONE}, {PIXELS} px, {BATCH} images", rates, 1, "steps/s")]


def trained(at_once: int, threads: int) -> list[float]:
    """Return the seconds that each of some trainings takes for its steps, on a share of two cores."""
    slots = Slots(at_once, [], usable_cores()[:2])
    words = [BACKBONE, *map(str, (PIXELS, BATCH, N_CATEGORIES, N_CLASSIFIERS, STEPS, threads))]
    command = [sys.executable, "-c", TRAIN, *words]
    jobs = [
        subprocess.Popen(command, stdin=-1, stdout=-1, encoding="utf-8", preexec_fn=slots.take(1).settle)
        for _ in range(at_once)
    ]
    for job in jobs:
        while job.stdout.readline() not in ("ready\n", ""):
            pass
    for job in jobs:
        job.stdin.write("\n")
        job.stdin.flush()
    return [json.loads(job.communicate()[0]) for job in jobs]
