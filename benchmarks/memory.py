"""A training step on a CPU with and without ``pipeline.job.keep_freed_memory``, in turns on the same machine.

python benchmarks/memory.py [PIXELS ...]    prints medians and their ratio
"""

import resource
import statistics
import subprocess
import sys
import time

STEPS, BATCH = 8, 32


def measure(pixels: int, keep: bool) -> None:
    """Print the median seconds of a step and the share of processor time that went to the kernel."""
    import torch

    from model.backbone import LITE0, build
    from model.losses import local_loss, object_loss
    from model.network import Network
    from pipeline.job import keep_freed_memory

    if keep:
        keep_freed_memory()
    network = Network(build(LITE0, "none"), 10, 16, "probability").to(memory_format=torch.channels_last)
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


def main() -> None:
    """Run both ways in processes of their own, three times in turns."""
    for pixels in [int(word) for word in sys.argv[1:]] or [160, 224]:
        results = {"plain": [], "kept": []}
        for way in ["plain", "kept"] * 3:
            command = [sys.executable, __file__, "--one", str(pixels), way]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            results[way].append([float(word) for word in output.split()])
        plain, kept = (statistics.median(row[0] for row in results[way]) for way in results)
        kernel = [statistics.median(row[1] for row in results[way]) for way in results]
        print(
            f"{pixels} pixels: {plain:.2f} s a step, {kept:.2f} s with freed memory kept, ratio {plain / kept:.2f}; "
            f"in the kernel {kernel[0]:.0%} and {kernel[1]:.0%} of the time"
        )


if __name__ == "__main__":
    if "--one" in sys.argv:
        measure(int(sys.argv[2]), sys.argv[3] == "kept")
    else:
        main()
