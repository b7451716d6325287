"""What would be run, and how long that took before; nothing is run here."""

from pipeline.scheduling import graph, memory
from pipeline.scheduling.coordinator import clock, count
from pipeline.scheduling.graph import Stage


def show(stages: dict[str, Stage], stale: set[str]) -> None:
    """Print which of some stages would be run, in DVC's order, with the times of earlier runs."""
    below = graph.below(stages, stale)
    pending = {name: stage for name, stage in stages.items() if name in stale | below}
    times = memory.read_times()
    for name in pending:
        before = clock(times[name]) if name in times else "?"
        print(f"{before:>8}  {name}{'' if name in stale else '  (if its inputs change)'}")
    known = {name: times.get(name, 0) for name in pending}
    print(f"{count(pending)} of {len(stages)}; one after the other {clock(sum(known.values()))} by earlier runs")
    if chain := graph.critical_path(pending, known):
        print(f"longest chain {clock(sum(known[name] for name in chain))}: {' > '.join(chain)}")
