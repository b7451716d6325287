"""What all benchmarks share: ours and its reference in turns on the same machine, and the table of what came out."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One target and what was measured; ``ratio`` is None where this machine cannot measure it."""

    what: str
    ours: str
    reference: str
    ratio: float | None
    target: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """Say in a word how it went."""
        return {True: "met", False: "not met", None: "not measured"}[self.met]


def side_by_side(*ways: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return the median seconds of each way, run in turns after one round that does not count."""
    seconds: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + 1):
        for way, taken in zip(ways, seconds, strict=True):
            started = time.perf_counter()
            way()
            if number:
                taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in seconds]


def at_most(what: str, seconds: tuple[float, float], limit: float, unit: str = "a step") -> Row:
    """Compare times: ours may take ``limit`` times as long as the reference."""
    ours, reference = seconds
    texts = [f"{value:.3g} s {unit}" for value in seconds]
    return Row(what, *texts, ours / reference, f"at most {limit}", ours / reference <= limit)


def at_least(what: str, rates: tuple[float, float], limit: float, unit: str = "images/s") -> Row:
    """Compare rates: ours must be ``limit`` times the reference's."""
    ours, reference = rates
    texts = [f"{value:,.{0 if value >= 10 else 2}f} {unit}" for value in rates]
    return Row(what, *texts, ours / reference, f"at least {limit}", ours / reference >= limit)


def not_measured(what: str, target: str, why: str) -> Row:
    """Say that this machine cannot measure it."""
    return Row(what, why, "", None, target, None)


def failed(name: str, code: int) -> Row:
    """Say that a benchmark ended with an error, which it has printed."""
    return Row(f"all of {name}", f"ended with exit code {code}", "", None, "", None)


def to_markdown(rows: list[Row]) -> str:
    """Render the rows as a table."""
    lines = ["| what | ours | reference | ratio | target | verdict |", "| --- | --- | --- | ---: | --- | --- |"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        lines.append(f"| {row.what} | {row.ours} | {row.reference} | {ratio} | {row.target} | {row.verdict} |")
    return "\n".join(lines) + "\n"
