"""The paper's eight claims and our controls of them (marked b, c), judged on the measured results.

docs/method.md says how a claim is judged. What a claim is about has the names that evaluate and compare gave it; what
is absent was not measured.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from pipeline.reporting import intervals, verdicts
from pipeline.reporting.intervals import Estimate
from pipeline.reporting.metrics import SCALES
from pipeline.reporting.verdicts import FAILS, HOLDS, MISSING, OPEN, Part

Found = dict[str, Estimate]
HALF = 0.5  # the usual least overlap of a box that is called found
FILLED = 0.99  # of a picture: an object of that size has nothing around it
SINGLE = SCALES[:3]

ANSWERS = {  # of a claim's first part: yes, no, the question, what it is compared with
    "1b": (
        "Zooming, and not only having more networks, helps",
        "It is not zooming that helps, but having more networks",
        "zooming helps, or only having more networks,",
        "points over as many networks without crops",
    ),
    "1": (
        "Three scales beat one",
        "Three scales do not beat one",
        "three scales beat one",
        "points over scale 1 alone",
    ),
    "6": (
        "More local classifiers beat one",
        "More local classifiers do not beat one",
        "more local classifiers beat one",
        "points",
    ),
    "7b": (
        "Attention overlaps objects better than a box in the middle",
        "Attention overlaps objects no better than a box in the middle",
        "attention overlaps objects better than a box in the middle",
        "of IoU over the best such box",
    ),
    "1c": (
        "Its crops are recognised better",
        "Its crops are recognised no better",
        "its crops are recognised better",
        "points over centred crops of the same mean area",
    ),
}


@dataclass(frozen=True)
class Claim:
    """A claim, its verdict, and the numbers that it was judged by."""

    number: str
    text: str
    verdict: str
    parts: Sequence[Part]
    needed: str = ""  # what would tell, where it cannot be told
    beside: Sequence[Part] = ()  # printed and not judged

    @property
    def figures(self) -> str:
        """The measured numbers in words."""
        shown = [part for part in (*self.parts, *self.beside) if part.found]
        seeds = [f" ({part.found.seeds} seeds)" if part.found and part.found.seeds > 1 else "" for part in shown]
        if len(set(seeds)) == 1:  # said once
            return "; ".join(part.figures for part in shown) + seeds[0]
        return "; ".join(part.figures + end for part, end in zip(shown, seeds, strict=True))


def measured(metrics: dict, comparison: dict) -> Found:
    """Return all judged numbers of a dataset: what the evaluate stage wrote, and the compare stage."""
    found = intervals.from_records(metrics.get("judged", []) + comparison.get("judged", []))
    if metrics.get("iou", {}).get("whole image", 0) > FILLED:  # boxes of whole pictures say nothing of attention
        return {name: one for name, one in found.items() if not name.startswith("IoU")}
    return found


def printed(published: dict) -> Found:
    """Return the numbers that the paper prints, under the names of those that are measured; they have no pictures."""
    theirs = {kind.removeprefix("acc_"): row for kind, row in published["table_6"].items()}
    found = {f"ours ms minus ours {s}": published["ours"] - theirs["avg"][s] for s in SINGLE}
    found |= {
        f"avg {s} minus {kind} {s}": theirs["avg"][s] - theirs[kind][s] for kind in ("loc", "obj") for s in SCALES
    }
    found |= {f"ours ms minus {name} ms": published["ours"] - value for name, value in published["one_loss"].items()}
    found["ours ms minus baseline ms"] = published["ours"] - published["baseline"]["ms"]
    found["ours 1 minus baseline 1"] = theirs["avg"]["1"] - published["baseline"]["1"]
    found["baseline ms minus baseline 1"] = published["baseline"]["ms"] - published["baseline"]["1"]
    if "iou" in published:
        found["IoU 1"] = published["iou"]
    return {name: Estimate(round(value, 6)) for name, value in found.items()}


def judge(found: Found, n_classifiers: int) -> list[Claim]:
    """Judge every claim on one dataset.

    found          ``measured`` or ``printed``
    n_classifiers  n of variant 'ours'
    """

    def part(label: str, what: str, boundary: float = 0.0) -> Part:
        return Part(label, what, found.get(what), boundary)

    def one(number: str, text: str, *parts: Part, beside: Sequence[Part] = ()) -> Claim:
        verdict = verdicts.all_of(parts)
        return Claim(number, text, verdict, parts, verdicts.would_tell(parts) if verdict == OPEN else "", beside)

    ours, scale_1 = "ours ms minus baseline ms", part("at scale 1", "ours 1 minus baseline 1")
    levels = [[part(f"{s} minus {k}", f"avg {s} minus {k} {s}") for k in ("loc", "obj")] for s in SCALES]
    levels = [group for group in levels if group[0].found]
    return [
        one(
            "1",
            "Multi-scale beats each single scale",
            *(part(f"scale {s}:", f"ours ms minus ours {s}") for s in SINGLE),
        ),
        one("1b", "Control: the crops do it, not the number of networks", part("", "ours ms minus ours ensemble")),
        one("1c", "Control: attention's crops beat those of a box in the middle", part("", "ours ms minus centred ms")),
        one("2", "Ours beats the baseline in multi-scale", part("", ours), beside=[scale_1]),
        one("2, by 2", "... by more than 2 points", part("", ours, 2.0)),
        one("2b", "Control: ours beats a baseline with a second head", part("", "ours ms minus two-heads ms")),
        one(
            "3", "Our crops help the baseline: its three scales beat its one", part("", "baseline ms minus baseline 1")
        ),
        one(
            "3b", "Control: they beat as many baselines without crops", part("", "baseline ms minus baseline ensemble")
        ),
        _losses(found, part, one),
        _averaging(levels),
        *_classifiers(found, n_classifiers, part, one),
        one("7", "Attended boxes of scale 1 overlap true ones by more than half", part("IoU", "IoU 1", HALF)),
        one(
            "7b",
            "Control: better than the best box in the middle, and than the whole image",
            *(part(f"{name}:", f"IoU 1 minus {name}") for name in ("centred box", "whole image")),
        ),
        one("8", "Later scales attend tighter", *_areas(found, part)),
    ]


def _averaging(levels: list[list[Part]]) -> Claim:
    verdict, flat = verdicts.most_of(levels), [part for group in levels for part in group]
    needed = verdicts.most_would_tell(levels) if verdict == OPEN else ""
    return Claim("5", "Averaging both levels beats each of them at most scales", verdict, flat, needed)


def _losses(found: Found, part: Callable[..., Part], one: Callable[..., Claim]) -> Claim:
    """Claim 4, at the last scale that all have; an object loss alone has a mask of ones, which is the baseline."""
    scales = [s for s in SCALES if {f"ours {s} minus local {s}", f"ours {s} minus baseline {s}"} <= set(found)]
    s = scales[-1] if scales else "ms"
    parts = part("local:", f"ours {s} minus local {s}"), part("object:", f"ours {s} minus baseline {s}")
    literal = part("object with its literal mask:", f"ours {s} minus object {s}")
    return one("4", f"Both losses beat either alone, {_at(s)}", *parts, beside=[literal])


def _classifiers(found: Found, n: int, part: Callable[..., Part], one: Callable[..., Claim]) -> list[Claim]:
    """Claim 6, at the last scale that n = 1 and a number between have; that it saturates has a verdict of its own."""
    steps: dict[str, list[int]] = {}
    for name in found:
        if (match := re.fullmatch(r"n-(\d+) (\w+) minus half of ours and n-1", name)) and int(match[1]) < n:
            steps.setdefault(match[2], []).append(int(match[1]))
    gains = [scale for scale in SCALES if f"ours {scale} minus n-1 {scale}" in found] or ["1"]
    s = max(steps or gains, key=SCALES.index)
    last = max(steps.get(s, [0]))
    gain = part(f"n={n} minus n=1", f"ours {s} minus n-1 {s}")
    flat = part(f"half of that gain minus the step from n={last}", f"n-{last} {s} minus half of ours and n-1")
    return [
        one("6", f"More local classifiers beat one, {_at(s)}", gain),
        one("6, flat", "... and saturate: the last step is less than half of the gain", gain, flat),
    ]


def _areas(found: Found, part: Callable[..., Part]) -> list[Part]:
    pairs = [(a, b) for a, b in pairwise(SINGLE) if f"area {a} minus area {b}" in found]
    pairs = pairs or [("1", "2")]
    return [part(f"area at scale {a} minus at {b}", f"area {a} minus area {b}") for a, b in pairs]


def to_table(claims: list[Claim], theirs: list[Claim] | None = None) -> pd.DataFrame:
    """Return the claims as a table; ``theirs`` are the same claims judged on what the paper prints."""
    rows = [[c.text, c.verdict, c.figures, c.needed] for c in claims]
    table = pd.DataFrame(
        rows,
        columns=["claim", "verdict", "difference, with 95% interval", "what would tell"],
        index=[c.number for c in claims],
    )
    if theirs:
        table["on the paper's numbers, by points"] = [c.verdict if c.verdict != MISSING else "" for c in theirs]
    return table


def lead(claims: list[Claim]) -> str:
    """Answer in words what a newcomer asks first: do crops, classifiers and attention help, how much, how surely."""
    by_number = {claim.number: claim for claim in claims}
    said = []
    for number in ("1", "1b", "6", "7b", "1c"):
        one, (does, does_not, whether, over) = by_number[number].parts[0], ANSWERS[number]
        if one.found is None:
            continue
        words = {HOLDS: does, FAILS: does_not, OPEN: f"Whether {whether} cannot be told"}[one.verdict]
        told = f"; {one.needed} would tell" if one.needed.startswith("about") else ""
        figures = one.figures if number == "6" else one.figures.removeprefix(one.label).strip()  # 6 says which n
        said.append(f"{words}: {figures} {over}{told}.")
    return " ".join(said)


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


def _at(scale: str) -> str:
    return "over all scales" if scale == "ms" else f"at scale {scale}"
