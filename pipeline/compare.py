"""Stage: measure the variants of the plan beside ours, on the same test images (sections 5.3 and 5.6)."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from pipeline.disk import files, outputs, predictions
from pipeline.disk.cells import Cell, main_line
from pipeline.disk.predictions import N_SCALES
from pipeline.disk.text import natural_key
from pipeline.errors import InputError
from pipeline.reporting import bootstrap
from pipeline.tracking import run as tracking

Hits = dict[str, np.ndarray]  # scale ('1', '2', '3' or 'ms') -> (N,) 1.0 where the image is recognised


def run(dataset: str, cells: list[Cell], attended: Path, metrics: Path) -> None:
    """Write accuracies, their intervals and their spread over seeds, by variant and scale, to the file ``metrics``.

    cells     trainings that the plan lists; those that have not been run are left out, and no others are read
    attended  folder of the dataset's attend stages
    """
    outputs.check_file(metrics)
    runs = read(cells, attended)
    with tracking.run(dataset, "compare", {}) as tracker:
        results = {"accuracy": {}, "interval": {}, "seeds": {}} | {"minus_baseline": differences(runs)}
        for name, by_seed in runs.items():
            first = by_seed.get(0, {})
            results["accuracy"][name] = {scale: 100 * float(h.mean()) for scale, h in first.items()}
            results["interval"][name] = {scale: bootstrap.interval(h) for scale, h in first.items()}
            if len(by_seed) > 1:
                results["seeds"][name] = spread(by_seed)
        flat = {f"{name}.{scale}": a for name, row in results["accuracy"].items() for scale, a in row.items()}
        tracker.metrics({f"test/accuracy.{name}": value for name, value in flat.items()})
        files.write_json(metrics, results)
    print("\n".join(f"{dataset}  {name:<14} {value:5.1f}%" for name, value in flat.items()))


def read(cells: list[Cell], attended: Path) -> dict[str, dict[int, Hits]]:
    """Read which test images each variant recognises with each seed, ours first and the others by name."""
    found: dict[tuple[str, int], dict[int, np.ndarray]] = defaultdict(dict)
    ours = None
    for cell in sorted(cells, key=lambda cell: (cell.variant != "ours", natural_key(cell.variant), cell)):
        folder = cell.below(attended)
        if not folder.is_dir() and cell != main_line(cell.dataset, 1):
            continue
        one = predictions.read_predictions(folder).of("test")
        ours = ours or one
        if not one.is_about_the_images_of(ours):
            raise InputError(f"{folder}: its test images are not those of ours, or its classes; run 'dvc repro'")
        found[cell.variant, cell.seed][cell.scale] = one.probabilities()
    runs: dict[str, dict[int, Hits]] = {"ours": {}}
    for (variant, seed), answers in found.items():
        runs.setdefault(variant, {})[seed] = hits(answers, ours.label)
    return runs


def hits(answers: dict[int, np.ndarray], labels: np.ndarray) -> Hits:
    """Say which images each scale recognises and, where there are three scales, which their mean ('ms') recognises.

    answers  the probabilities (N, L) of each scale
    """
    named = {str(scale): p for scale, p in answers.items()}
    if len(answers) == N_SCALES:
        named["ms"] = np.mean(list(answers.values()), axis=0)
    return {scale: (p.argmax(axis=1) == labels).astype(float) for scale, p in named.items()}


def differences(runs: dict[str, dict[int, Hits]]) -> dict[str, dict]:
    """Return the accuracy of ours minus the baseline's, in points, with its interval, both paired by image."""
    ours, baseline = runs["ours"][0], runs.get("baseline", {}).get(0, {})
    paired = {scale: ours[scale] - baseline[scale] for scale in ours if scale in baseline}
    return {s: {"points": 100 * float(d.mean()), "interval": bootstrap.interval(d)} for s, d in paired.items()}


def spread(by_seed: dict[int, Hits]) -> dict[str, dict]:
    """Return mean and standard deviation over seeds at every scale that was run with more than one seed."""
    scales = defaultdict(list)
    for found in by_seed.values():
        for scale, h in found.items():
            scales[scale].append(100 * float(h.mean()))
    return {
        scale: {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1)), "n": len(values)}
        for scale, values in scales.items()
        if len(values) > 1
    }
