"""Stage: measure the variants of the plan and their controls beside ours, on the same test images (5.3 and 5.6).

Controls answer what a higher number alone leaves open: as many networks without any crop ('ensemble'), and differences
from variants that cut crops in the middle or give the baseline a second head.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from pipeline import trainings
from pipeline.disk import files, outputs, predictions
from pipeline.disk.cells import Cell, main_line
from pipeline.disk.predictions import N_SCALES, accuracy, over_scales
from pipeline.disk.text import natural_key, read_table
from pipeline.errors import InputError
from pipeline.explaining import store
from pipeline.reporting import intervals
from pipeline.reporting.intervals import HIT, HITS_APART, Estimate
from pipeline.tracking import run as tracking

Hits = dict[str, np.ndarray]  # scale ('1', '2', '3', 'ms' or 'ensemble') -> (N,) 1.0 where the image is recognised
ENSEMBLE = "ensemble"  # as many networks as the multi-scale answer has, all of scale 1
FITTED = ("ours", "object", "baseline")  # whose over-fitting is compared: with l_loc, and twice without it (5.6.1)
CONTROLS = ("baseline", "two-heads", "centred", "local", "object")  # that ours is compared with, scale by scale


def run(dataset: str, cells: list[Cell], attended: Path, trained: Path, metrics: Path) -> None:
    """Write accuracies, their intervals, their spread over seeds and paired differences to the file ``metrics``.

    cells     trainings that the plan lists; those that have not been run are left out, and no others are read
    attended  folder of the dataset's attend stages
    trained   folder of its train stages, for their histories
    """
    outputs.check_file(metrics)
    runs = read(cells, attended)
    with tracking.run(dataset, "compare", {}) as tracker:
        judged = differences(runs)
        results = {"accuracy": {}, "interval": {}, "seeds": {}} | {"minus_baseline": minus_baseline(judged)}
        for name, by_seed in runs.items():
            first = {scale: h for scale, h in by_seed.get(0, {}).items() if scale != ENSEMBLE}
            results["accuracy"][name] = {scale: 100 * float(h.mean()) for scale, h in first.items()}
            results["interval"][name] = {scale: intervals.estimate(h, ends=HIT).interval for scale, h in first.items()}
            if len(by_seed) > 1:
                results["seeds"][name] = spread(by_seed)
        judged |= {
            f"{name} {ENSEMBLE}": intervals.estimate(by_seed[0][ENSEMBLE], ends=HIT)
            for name, by_seed in runs.items()
            if ENSEMBLE in by_seed.get(0, {})
        }
        judged |= overfitting(cells, attended, trained)
        results["wins"] = wins(cells, attended)
        results["judged"] = [intervals.to_record(what, found) for what, found in judged.items()]
        flat = {f"{name}.{scale}": a for name, row in results["accuracy"].items() for scale, a in row.items()}
        tracker.metrics({f"test/accuracy.{name}": value for name, value in flat.items()})
        files.write_json(metrics, results)
    print("\n".join(f"{dataset}  {name:<14} {value:5.1f}%" for name, value in flat.items()))


def read(cells: list[Cell], attended: Path) -> dict[str, dict[int, Hits]]:
    """Read which test images each variant recognises with each seed, ours first and the others by name."""
    found: dict[tuple[str, int], dict[int, np.ndarray]] = defaultdict(dict)
    averaging, ours = {}, None
    for cell in sorted(cells, key=lambda cell: (cell.variant != "ours", natural_key(cell.variant), cell)):
        folder = cell.below(attended)
        if not folder.is_dir() and cell != main_line(cell.dataset, 1):
            continue
        one = predictions.read_predictions(folder).of("test")
        ours = ours or one
        if not one.is_about_the_images_of(ours):
            raise InputError(f"{folder}: its test images are not those of ours, or its classes; run 'dvc repro'")
        found[cell.variant, cell.seed][cell.scale] = one.probabilities()
        averaging[cell.variant] = one.averaging
    runs: dict[str, dict[int, Hits]] = {"ours": {}}
    for (variant, seed), answers in found.items():
        first = found.get((trainings.network_of(variant), seed), {}) if 1 not in answers else answers
        runs.setdefault(variant, {})[seed] = hits(answers, ours.label, first.get(1), averaging[variant])
    for variant, by_seed in runs.items():
        seeds = sorted(seed for name, seed in found if name == variant and 1 in found[name, seed])[:N_SCALES]
        if len(seeds) == N_SCALES and 0 in by_seed:
            together = over_scales([found[variant, seed][1] for seed in seeds], averaging[variant])
            by_seed[0][ENSEMBLE] = _recognised(together, ours.label)
    return runs


def hits(
    answers: dict[int, np.ndarray],
    labels: np.ndarray,
    first: np.ndarray | None = None,
    averaging: str = "probabilities",
) -> Hits:
    """Say which images each scale recognises and, where there are three scales, which their mean ('ms') recognises.

    answers  the probabilities (N, L) of each scale
    first    those of scale 1 where it is another variant's network, which this one's crops begin with
    averaging  of the scales
    """
    named = {str(scale): p for scale, p in answers.items()}
    scales = answers if first is None else {1: first} | answers
    if len(scales) == N_SCALES:
        named["ms"] = over_scales(list(scales.values()), averaging)
    return {scale: _recognised(p, labels) for scale, p in named.items()}


def differences(runs: dict[str, dict[int, Hits]]) -> dict[str, Estimate]:
    """Return what claims and controls are about: differences of accuracies in points, paired by image and by seed.

    'ours ms minus baseline 1' is the accuracy of ours over all scales less the baseline's at scale 1.
    """
    names = {"ours": "ours", **{n: n for n in CONTROLS if n in runs}}
    asked = [(("ours", scale), (name, scale)) for name, scale in product(names, ("1", "2", "3", "ms"))]
    asked += [((name, "ms"), (name, other)) for name in names for other in ("1", "2", "3", ENSEMBLE)]
    found = {f"{a} {s} minus {b} {r}": _apart(runs, (a, s), [(b, r)]) for (a, s), (b, r) in asked if (a, s) != (b, r)}
    for scale, (least, *more) in by_n(runs).items():
        found[f"ours {scale} minus {least} {scale}"] = _apart(runs, ("ours", scale), [(least, scale)])
        ends = [("ours", scale), (least, scale)]
        for name in more:  # above 0 where the step from it to ours is less than half of the whole gain
            found[f"{name} {scale} minus half of ours and {least}"] = _apart(runs, (name, scale), ends)
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def by_n(runs: dict[str, dict[int, Hits]]) -> dict[str, list[str]]:
    """Return at each scale the variants with fewer local classifiers than ours, the fewest first."""
    names = [name for name in runs if name.removeprefix("n-").isdigit() and name.startswith("n-")]
    found = {scale: [n for n in names if scale in runs[n].get(0, {})] for scale in ("1", "2", "3", "ms")}
    return {scale: row for scale, row in found.items() if row}


def _apart(
    runs: dict[str, dict[int, Hits]], one: tuple[str, str], others: Sequence[tuple[str, str]]
) -> Estimate | None:
    """Return the accuracy of a variant at a scale less the mean of others', over all seeds that all of them have."""
    rows = [{seed: row[scale] for seed, row in runs.get(v, {}).items() if scale in row} for v, scale in (one, *others)]
    shared = sorted(set.intersection(*map(set, rows)))
    if not shared:
        return None
    own, *rest = (np.stack([row[seed] for seed in shared]) for row in rows)
    return intervals.estimate(own - np.mean(rest, axis=0), ends=HITS_APART)


def overfitting(cells: list[Cell], attended: Path, trained: Path) -> dict[str, Estimate]:
    """Return by how many points the object-level classifiers are better on training than on test images (5.6.1).

    At scale 1, of the recipe's own seed. Training accuracy is that of the last epoch's crops, which is all that is kept
    of most trainings; of ours also that of whole images after training. It is a fact about these very images: a gap's
    interval is that of its test accuracy, and two gaps are paired by test image.
    """
    asked = {cell.variant: cell for cell in cells if (cell.seed, cell.scale) == (0, 1) and cell.variant in FITTED}
    there = {name: asked[name] for name in FITTED if name in asked and asked[name].below(attended).is_dir()}
    answers = {name: predictions.read_predictions(cell.below(attended)) for name, cell in there.items()}
    missed = {name: 1 - _recognised(one.of("test").obj, one.of("test").label) for name, one in answers.items()}
    seen = {name: _trained_to(cell.below(trained) / "history.csv") for name, cell in there.items()}
    found = {f"acc_obj of {name} 1": intervals.estimate(1 - m, ends=HIT) for name, m in missed.items()}
    gaps = {name: _moved(intervals.estimate(m, ends=HIT), seen[name] - 100) for name, m in missed.items()}
    found |= {f"gap of {name} 1": gap for name, gap in gaps.items()}
    for name in [name for name in there if name != "ours"]:
        apart = intervals.estimate(missed[name] - missed["ours"], ends=HITS_APART)
        found[f"gap of {name} 1 minus gap of ours 1"] = _moved(apart, seen[name] - seen["ours"])
    training = answers["ours"].of("train")
    if len(training.id):  # crops of them were asked for
        found["gap of ours 1, whole images"] = _moved(
            gaps["ours"], accuracy(training.obj, training.label) - seen["ours"]
        )
    return found


def wins(cells: list[Cell], attended: Path) -> list[dict]:
    """Return how many of its local classifiers each training uses, where it has several.

    winning  classifiers that won any attended cell of a test image (``explaining.winners``)
    leading  those that won the most cells of some category
    largest  the largest share of all cells that one of them won
    led      the share of the cells that the classifier won which leads the cell's category
    """
    rows = []
    for cell in sorted(cells, key=lambda cell: (cell.variant != "ours", natural_key(cell.variant), cell)):
        table = store.read_wins(cell.below(attended))
        if table is not None:
            total = max(int(table.wins.sum()), 1)
            row = {"variant": cell.variant, "seed": cell.seed, "scale": cell.scale, "n": len(table)}
            row |= {"winning": int((table.wins > 0).sum()), "leading": int((table.categories > 0).sum())}
            rows.append(row | {"largest": int(table.wins.max()) / total, "led": int(table.led.sum()) / total})
    return rows


def minus_baseline(judged: dict[str, Estimate]) -> dict[str, dict]:
    """Return the accuracy of ours minus the baseline's at each scale, in points, with its interval."""
    found = {scale: judged.get(f"ours {scale} minus baseline {scale}") for scale in ("1", "2", "3", "ms")}
    return {scale: {"points": d.points, "interval": d.interval} for scale, d in found.items() if d}


def spread(by_seed: dict[int, Hits]) -> dict[str, dict]:
    """Return mean, its interval and standard deviation over seeds, at every scale that was run with several seeds."""
    scales = defaultdict(list)
    for found in by_seed.values():
        for scale, h in found.items():
            scales[scale].append(h)
    rows = {}
    for scale, values in scales.items():
        if len(values) > 1:
            mean = intervals.estimate(np.stack(values), ends=HIT)
            std = float(np.std([100 * h.mean() for h in values], ddof=1))
            rows[scale] = {"mean": mean.points, "std": std, "n": len(values), "interval": mean.interval}
    return rows


def _recognised(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (probabilities.argmax(axis=1) == labels).astype(float)


def _trained_to(path: Path) -> float:
    """Return the accuracy (%) of the object-level classifier on the last epoch's training crops."""
    way_out = "run its train stage"
    column = read_table(path, {"acc_obj": float}, ["acc_obj"], way_out).acc_obj
    if column.empty or not 0 <= column.iloc[-1] <= 100 * (1 + 1e-6):
        raise InputError(f"{path}: ends without an accuracy in percent in 'acc_obj'; {way_out}")
    return float(column.iloc[-1])


def _moved(found: Estimate, by: float) -> Estimate:
    low, high = found.interval
    return replace(found, points=found.points + by, interval=(low + by, high + by))
