"""The paper's eight claims, compared with the measured results."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from pipeline.reporting.metrics import SCALES

OPTIONAL = {*SCALES, "baseline", "local", "object", "iou"}  # not in every plan; 'iou' needs true boxes


class NotMeasuredError(Exception):
    """A number that a claim needs has not been measured."""


@dataclass(frozen=True)
class Claim:
    """A claim and its verdict; ``holds`` is None if a number that the claim needs has not been measured."""

    text: str
    holds: bool | None
    figures: str


def judge(metrics: dict, comparison: dict, n_classifiers: int) -> list[Claim]:
    """Judge every claim on one dataset.

    metrics        what the evaluate stage wrote
    comparison     what the compare stage wrote
    n_classifiers  n of variant 'ours'
    """
    accuracy = comparison["accuracy"]
    judged: list[tuple[str, Callable]] = [
        ("Multi-scale beats each single scale", lambda: _multi_scale(metrics["acc_avg"])),
        ("Ours beats the baselines by more than 2 points", lambda: _beats(comparison)),
        ("Our crops help the baseline too: its three scales beat its one", lambda: _crops_help(accuracy)),
        ("Both losses together beat either alone", lambda: _hybrid(accuracy)),
        ("Averaging both levels beats each of them at most scales", lambda: _averaging(metrics)),
        ("More local classifiers beat one, then saturate", lambda: _saturates(by_n(accuracy, n_classifiers)[1])),
        ("Attended boxes overlap true ones, better than the best centred box", lambda: _overlap(metrics)),
        ("Later scales attend tighter", lambda: _tighter(metrics["attended_of_original"])),
    ]
    return [_judge(text, measure) for text, measure in judged]


def to_table(claims: list[Claim]) -> pd.DataFrame:
    """Return the claims as a table, numbered in the paper's order."""
    verdicts = {True: "holds", False: "does not hold", None: "not measured"}
    rows = [[claim.text, verdicts[claim.holds], claim.figures] for claim in claims]
    return pd.DataFrame(rows, columns=["claim", "verdict", "figures"], index=range(1, len(rows) + 1))


def by_n(accuracy: dict, n_classifiers: int) -> tuple[str, dict[int, float]]:
    """Return the accuracy for every number of local classifiers, at the last scale that all of them have.

    >>> by_n({"ours": {"1": 80.0, "ms": 85.0}, "n-1": {"1": 75.0}, "local": {"1": 70.0}}, 16)
    ('1', {1: 75.0, 16: 80.0})
    """
    curves = {int(name[2:]): row for name, row in accuracy.items() if re.fullmatch(r"n-\d+", name)}
    curves[n_classifiers] = accuracy["ours"]
    scale = common_scale(accuracy["ours"], *curves.values())
    return scale, {n: curves[n][scale] for n in sorted(curves) if scale in curves[n]}


def common_scale(ours: dict[str, float], *others: dict[str, float]) -> str:
    """Return the scale to compare at: 'ms' where all rows have it, else the last single scale that all have.

    A row that has no scale in common with the others is ignored, because it cannot be compared.

    >>> common_scale({"1": 80.0, "2": 82.0, "3": 81.0, "ms": 85.0}, {"1": 75.0, "2": 76.0}, {})
    '2'
    """
    shared = set(ours)
    for row in others:
        shared = shared & set(row) or shared
    return max(shared, key=SCALES.index)


def _figure(figures: dict, name: str) -> Any:
    """Return a number; raise NotMeasuredError if it is optional and absent. Absence of any other number is a bug."""
    if name in OPTIONAL and name not in figures:
        raise NotMeasuredError(name)
    return figures[name]


def _judge(text: str, measure: Callable[[], tuple[bool, str]]) -> Claim:
    try:
        return Claim(text, *measure())
    except NotMeasuredError:
        return Claim(text, None, "")


def _multi_scale(avg: dict[str, float]) -> tuple[bool, str]:
    multi, singles = _figure(avg, "ms"), [value for scale, value in avg.items() if scale != "ms"]
    return multi > max(singles), f"ms {multi:.1f}, scales {_list(singles)}"


def _beats(comparison: dict) -> tuple[bool, str]:
    single, multi = (_figure(comparison["minus_baseline"], scale) for scale in ("1", "ms"))
    figures = [f"{d['points']:+.1f} [{d['interval'][0]:+.1f}, {d['interval'][1]:+.1f}]" for d in (single, multi)]
    text = f"scale 1 {figures[0]}, ms {figures[1]} (95% bootstrap, paired)"
    seeds = comparison["seeds"]
    if "1" in seeds.get("ours", {}) and "1" in seeds.get("baseline", {}):
        ours, baseline = seeds["ours"]["1"], seeds["baseline"]["1"]
        pair = [f"{d['mean']:.1f} ± {d['std']:.1f}" for d in (ours, baseline)]
        text += f"; over {min(ours['n'], baseline['n'])} seeds at scale 1: ours {pair[0]}, baseline {pair[1]}"
    return min(single["points"], multi["points"]) > 2, text


def _crops_help(accuracy: dict) -> tuple[bool, str]:
    multi, single = (_figure(_figure(accuracy, "baseline"), scale) for scale in ("ms", "1"))
    return multi > single, f"ms {multi:.1f}, scale 1 {single:.1f}"


def _hybrid(accuracy: dict) -> tuple[bool, str]:
    rows = accuracy["ours"], _figure(accuracy, "local"), _figure(accuracy, "object")
    scale = common_scale(*rows)
    both, local, object_ = (_figure(row, scale) for row in rows)
    return both > max(local, object_), f"at {_name(scale)}: both {both:.1f}, local {local:.1f}, object {object_:.1f}"


def _averaging(metrics: dict) -> tuple[bool, str]:
    rows = [metrics[f"acc_{kind}"] for kind in ("avg", "loc", "obj")]
    wins = sum(rows[0][scale] >= max(rows[1][scale], rows[2][scale]) for scale in rows[0])
    where = "three scales and ms" if "ms" in rows[0] else " and ".join(map(_name, rows[0]))
    return wins > len(rows[0]) / 2, f"at {wins} of {len(rows[0])} ({where})"


def _saturates(curve: dict[int, float]) -> tuple[bool, str]:
    if len(curve) < 3 or 1 not in curve:
        raise NotMeasuredError("n = 1 and two more")
    values = list(curve.values())
    whole, last = values[-1] - values[0], values[-1] - values[-2]
    return whole > 0 and last < whole / 2, ", ".join(f"n={n} {value:.1f}" for n, value in curve.items())


def _overlap(metrics: dict) -> tuple[bool, str]:
    iou = _figure(metrics, "iou")
    if iou["whole image"] > 0.99:
        raise NotMeasuredError("objects smaller than their pictures")
    figures = f"IoU {iou['1']:.2f}, centred box {iou['centred box']:.2f}, whole image {iou['whole image']:.2f}"
    return iou["1"] > max(iou["centred box"], iou["whole image"]), figures


def _tighter(share: dict[str, float]) -> tuple[bool, str]:
    values = list(share.values())
    if len(values) < 2:
        raise NotMeasuredError("a later scale")
    falls = all(later < earlier for earlier, later in pairwise(values))
    return falls, "attended box, share of the original: " + ", ".join(f"{value:.2f}" for value in values)


def _list(values: list[float]) -> str:
    return " / ".join(f"{value:.1f}" for value in values)


def _name(scale: str) -> str:
    return "all scales" if scale == "ms" else f"scale {scale}"
