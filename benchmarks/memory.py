"""A training step on a CPU with and without ``accelerator.keep_freed_memory``, in turns on the same machine."""

import resource
import statistics
import subprocess
import sys
import time

from benchmarks.timing import Row

STEPS, BATCH = 8, 32


def measure(pixels: int, keep: bool) -> None:
    """Print the median seconds of a step and the share of processor time that went to the kernel."""
    import torch

    from model.backbone import build
    from model.losses import local_loss, object_loss
    from model.network import Network
    from pipeline.training.accelerator import keep_freed_memory

    if keep:
        keep_freed_memory()
    network = Network(build("tf_efficientnet_lite0"), 10, 16, "probability").to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters())
    X, t = torch.zeros(BATCH, 3, pixels, pixels, dtype=torch.uint8), torch.zeros(BATCH, dtype=torch.long)
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        output = network(X)
        loss = local_loss(output.attention.A, output.attention.M_b, t) + object_loss(output.logits, t)
        loss.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - started)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(statistics.median(seconds), used.ru_stime / (used.ru_stime + used.ru_utime))


def rows() -> list[Row]:
    """Run both ways in processes of their own, three times in turns."""
    found = []
    for pixels in (160, 224):
        results = {"plain": [], "kept": []}
        for way in ["plain", "kept"] * 3:
            command = [sys.executable, "-m", "benchmarks.memory", str(pixels), way]
            output = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
            results[way].append([float(word) for word in output.split()])
        plain, kept = (statistics.median(row[0] for row in results[way]) for way in results)
        kernel = [statistics.median(row[1] for row in results[way]) for way in results]
        texts = [f"{s:.2f} s, {k:.0%} of it in the kernel" for s, k in zip((kept, plain), kernel[::-1], strict=True)]
        what = f"training step, {pixels} px, freed memory kept against given back"
        found.append(Row(what, *texts, kept / plain, "below 1", kept < plain))
    return found


if __name__ == "__main__":
    measure(int(sys.argv[1]), sys.argv[2] == "kept")
