"""Whether a measured number is above a boundary: three verdicts, and what would tell where it cannot be told.

A number holds if its whole interval lies above the boundary, and does not hold if all of it lies below. A printed
number has no interval: it is judged by points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.reporting import intervals
from pipeline.reporting.intervals import Estimate

HOLDS, FAILS, OPEN, MISSING = "holds", "does not hold", "cannot be told", "not measured"
SHARES = ("IoU", "area")  # what numbers begin with that are no points
SAME = 1e-9  # a number that near to a boundary is on it


@dataclass(frozen=True)
class Part:
    """A number that a claim needs to be above a boundary."""

    label: str
    what: str
    found: Estimate | None
    boundary: float = 0.0

    @property
    def verdict(self) -> str:
        """Whether the number is above the boundary."""
        if self.found is None:
            return MISSING
        low, high = self.found.interval or (self.found.points,) * 2
        if low > self.boundary + SAME:
            return HOLDS
        by_points = self.found.interval is None
        return FAILS if by_points or high < self.boundary - SAME else OPEN

    @property
    def figures(self) -> str:
        """The number with its interval, in words."""
        if self.found is None:
            return ""
        low_high = f" [{', '.join(map(self._text, self.found.interval))}]" if self.found.interval else ""
        return f"{self.label} {self._text(self.found.points)}{low_high}".strip()

    @property
    def needed(self) -> str:
        """How many test images or seeds would tell, in words; nothing where the verdict is told."""
        if self.found is None or self.verdict != OPEN:
            return ""
        if abs(self.found.points - self.boundary) < SAME:
            return "no number would: it is on the boundary"
        images = intervals.images_that_tell(self.found, self.boundary)
        seeds = intervals.seeds_that_tell(self.found, self.boundary)
        said = [f"about {images:,} test images"] if images else []
        said += [f"about {seeds} seeds"] if seeds else []
        return " or ".join(said) or (
            "more seeds and more test images" if self.found.seeds > 1 else f"over {intervals.MOST_IMAGES:,} test images"
        )

    def _text(self, number: float) -> str:
        if not self.what.startswith(SHARES):
            return f"{_unsigned(number, 1):+.1f}"
        return f"{_unsigned(number, 3):+.3f}" if " minus " in self.what else f"{number:.3f}"


def _unsigned(number: float, digits: int) -> float:
    """Round; what is zero then has no sign, for nobody reads -0.0 as what it is."""
    return round(number, digits) + 0.0


def all_of(parts: Sequence[Part]) -> str:
    """Return the verdict of a claim that holds if all of its parts do, and does not if one does not.

    A part that was not measured leaves the claim so, unless another one has decided.
    """
    found = {part.verdict for part in parts}
    return next((verdict for verdict in (FAILS, MISSING, OPEN, HOLDS) if verdict in found), MISSING)


def most_of(groups: Sequence[Sequence[Part]]) -> str:
    """Return the verdict of a claim that holds if most of its groups do, each of which needs all of its parts."""
    found = [verdict for verdict in map(all_of, groups) if verdict != MISSING]
    if not found:
        return MISSING
    if 2 * found.count(HOLDS) > len(found):
        return HOLDS
    return FAILS if 2 * found.count(FAILS) >= len(found) else OPEN


def would_tell(parts: Sequence[Part]) -> str:
    """Say what would tell the part that needs most; nothing where all are told."""
    return max(map(_need, parts), default=(0.0, ""))[1]


def most_would_tell(groups: Sequence[Sequence[Part]]) -> str:
    """Say what would tell most of the groups, those first that need least; nothing where most are told."""
    needs = sorted(max(map(_need, group)) for group in groups)
    return needs[len(needs) // 2][1] if needs else ""


def _need(part: Part) -> tuple[float, str]:
    """Return how many answers of networks a part needs, to compare parts, and that in words."""
    if part.found is None or not part.needed:
        return 0.0, ""
    images = intervals.images_that_tell(part.found, part.boundary)
    seeds = intervals.seeds_that_tell(part.found, part.boundary)
    counts = [n * part.found.seeds for n in [images] if n] + [part.found.images * n for n in [seeds] if n]
    return min(counts, default=float("inf")), part.needed
