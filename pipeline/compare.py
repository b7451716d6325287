"""Stage: measure the variants beside the main line, on the same test images (sections 5.3 and 5.6)."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from pipeline import attended, bootstrap, files, tracking, variants
from pipeline.attended import Predictions
from pipeline.errors import InputError

Hits = dict[str, np.ndarray]  # scale ('1', '2', '3' or 'ms') -> (N,) 1.0 where the image is recognised


def run(dataset: str, looked: list[Path], varied: Path, metrics: Path) -> None:
    """Write accuracies, their intervals and their spread over seeds, by variant and scale, to the file ``metrics``.

    looked  folders of the main line's attend stages, scale 1 first
    varied  folder of the vary stages: <variant>-seed-<seed>/<scale>/
    """
    ours = [attended.read_predictions(folder).of("test") for folder in looked]
    runs: dict[str, dict[int, Hits]] = defaultdict(dict)
    runs["ours"][0] = hits([scale.avg for scale in ours], ours[0].label)
    for folder in sorted(varied.glob("*-seed-*")) if varied.is_dir() else []:
        name, seed = re.fullmatch(r"(.+)-seed-(\d+)", folder.name).groups()
        runs[name][int(seed)] = _read(folder, variants.parse(name), ours[0])
    with tracking.run(dataset, "compare", {}) as tracker:
        results = {"accuracy": {}, "interval": {}, "seeds": {}} | {"minus_baseline": differences(runs)}
        for name, by_seed in runs.items():
            first = by_seed.get(0, {})
            results["accuracy"][name] = {scale: 100 * float(h.mean()) for scale, h in first.items()}
            results["interval"][name] = {scale: bootstrap.interval(h) for scale, h in first.items()}
            if len(by_seed) > 1:
                results["seeds"][name] = spread(by_seed)
        flat = {f"{name}.{scale}": a for name, row in results["accuracy"].items() for scale, a in row.items()}
        tracker.metrics(flat)
        files.write_json(metrics, results)
    print("\n".join(f"{dataset}  {name:<14} {value:5.1f}%" for name, value in flat.items()))


def hits(probabilities: list[np.ndarray], labels: np.ndarray, scales: list[int] | None = None) -> Hits:
    """Say which images are recognised at each scale, and by the mean over all three where there are three."""
    scales = scales or list(range(1, len(probabilities) + 1))
    named = {str(scale): p for scale, p in zip(scales, probabilities, strict=True)}
    if len(probabilities) == 3:
        named["ms"] = np.mean(probabilities, axis=0)
    return {scale: (p.argmax(axis=1) == labels).astype(float) for scale, p in named.items()}


def differences(runs: dict[str, dict[int, Hits]]) -> dict[str, dict]:
    """Return ours minus the baseline in points, paired by image, with its interval, where both have been run."""
    ours, baseline = runs["ours"][0], runs.get("baseline", {}).get(0, {})
    paired = {scale: ours[scale] - baseline[scale] for scale in ours if scale in baseline}
    return {s: {"points": 100 * float(d.mean()), "interval": bootstrap.interval(d)} for s, d in paired.items()}


def spread(by_seed: dict[int, Hits]) -> dict[str, dict]:
    """Return mean and standard deviation over seeds at every scale that more than one seed has seen."""
    scales = defaultdict(list)
    for seen in by_seed.values():
        for scale, h in seen.items():
            scales[scale].append(100 * float(h.mean()))
    return {
        scale: {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1)), "n": len(values)}
        for scale, values in scales.items()
        if len(values) > 1
    }


def _read(folder: Path, variant: variants.Variant, ours: Predictions) -> Hits:
    scales = sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
    read = [attended.read_predictions(folder / str(scale)) for scale in scales]
    if any(not np.array_equal(one.id, ours.id) for one in read):
        raise InputError(f"{folder}: its test images are not those of the main line; run 'dvc repro'")
    return hits([getattr(one, variant.predicts) for one in read], ours.label, scales)
