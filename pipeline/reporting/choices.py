"""What settings do on folds of the training split: a row for each, both sides of it, the first one to compare with.

The held-out images of all folds together are the training images, each answered once, by the network of its fold.
Intervals are over these images, paired; they are about these trained networks, as with one seed anywhere else.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.reporting import intervals
from pipeline.reporting.intervals import HITS_APART, Estimate
from pipeline.reporting.tables import NAN

LEVELS = ("loc", "obj", "answer")  # the last is what counts: the mean of both levels, or the only one that is trained
# Values that a baseline does not have: a setting of ours has the baseline whose other values are the same.
OURS_ALONE = (
    *("network.n_classifiers", "network.attention", "network.readout", "network.second_head"),
    *("train.loc_weight", "train.loss", "attend."),
)


@dataclass(frozen=True)
class Tried:
    """A setting that was trained on folds."""

    changes: dict  # the recipe values that it changes
    hits: dict[str, list[np.ndarray]]  # by level, for each fold: (S, N) bool, which of its N held-out images a network
    # of each of S seeds recognises

    @property
    def is_baseline(self) -> bool:
        """Whether it has no local classifiers."""
        return self.changes.get("network.n_classifiers") == 0

    @property
    def shared(self) -> dict:
        """Its values that a baseline has too."""
        return {name: value for name, value in self.changes.items() if not name.startswith(OURS_ALONE)}

    def accuracy(self, level: str = "answer") -> float:
        """Return the accuracy over the images of all folds, in percent."""
        return 100 * float(np.concatenate(self.hits[level], axis=1).mean())

    def minus(self, other: "Tried") -> Estimate:
        """Return the difference to another setting, in points, paired by image."""
        own, theirs = (np.concatenate(one.hits["answer"], axis=1).astype(float) for one in (self, other))
        return intervals.estimate(own - theirs, ends=HITS_APART)

    def gains(self, other: "Tried") -> int:
        """Return in how many folds it recognises more images than another setting."""
        pairs = zip(self.hits["answer"], other.hits["answer"], strict=True)
        return sum(bool(own.sum() > theirs.sum()) for own, theirs in pairs)


def table(tried: dict[str, Tried]) -> pd.DataFrame:
    """Return a row for each setting of ours: its accuracies, its baseline's, and differences to the first setting.

    tried  by variant, in the order of the plan, all on the same folds
    """
    ours = {name: one for name, one in tried.items() if not one.is_baseline}
    baselines = [one for one in tried.values() if one.is_baseline]
    first = next(iter(ours.values()))
    rows = {name: _row(one, first, _of(one, baselines), _of(first, baselines)) for name, one in ours.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def best(tried: dict[str, Tried]) -> str:
    """Say how many settings were tried, and what the best of each side are; of equally good ones the first."""
    sides = {
        side: {name: one for name, one in tried.items() if one.is_baseline == (side == "baseline")}
        for side in ("ours", "baseline")
    }
    tops = {side: max(ones, key=lambda name: ones[name].accuracy()) for side, ones in sides.items() if ones}
    said = [f"{len(sides[side])} of {side}, best {name} {tried[name].accuracy():.1f}%" for side, name in tops.items()]
    text = f"settings tried: {'; '.join(said)}"
    if len(tops) == 2:
        apart = tried[tops["ours"]].minus(tried[tops["baseline"]])
        low, high = apart.interval
        text += f"; the one minus the other {apart.points:+.1f} [{low:+.1f}, {high:+.1f}]"
    return text


def _of(one: Tried, baselines: list[Tried]) -> Tried | None:
    """Return the baseline of a setting, if it was tried."""
    return next((baseline for baseline in baselines if baseline.shared == one.shared), None)


def _row(one: Tried, first: Tried, baseline: Tried | None, first_baseline: Tried | None) -> dict[str, float | str]:
    row: dict[str, float | str] = {f"{level} (%)": one.accuracy(level) for level in LEVELS}
    row["baseline (%)"] = baseline.accuracy() if baseline else NAN
    row["both (%)"] = (one.accuracy() + baseline.accuracy()) / 2 if baseline else NAN
    row |= _difference("minus first", one.minus(first), one is first)
    row["folds won"] = "" if one is first else f"{one.gains(first)} of {len(one.hits['answer'])}"
    moved = baseline.minus(first_baseline) if baseline and first_baseline else None
    row |= _difference("baseline minus first", moved, baseline is first_baseline)
    return row | _difference("ours minus baseline", one.minus(baseline) if baseline else None)


def _difference(title: str, found: Estimate | None, itself: bool = False) -> dict[str, float | str]:
    """Return a difference's columns; nothing where something would be compared with itself."""
    low, high = (found.interval if found and not itself else None) or (NAN, NAN)
    points = "" if itself else found.points if found else NAN
    return {title: points, f"{title} low": low, f"{title} high": high}
