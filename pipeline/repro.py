"""Command: 'dvc repro' with several stages at once; DVC decides what is out of date, runs each stage and caches it."""

from pipeline import params, plan
from pipeline.scheduling import graph, memory, session
from pipeline.scheduling.coordinator import PASSED, Options, clock, count
from pipeline.tracking import outbox


def run(targets: list[str], options: Options) -> int:
    """Run what the targets need and DVC calls out of date, by the plan as it is now; return the exit status."""
    if params.PATH.is_file():  # else the stage 'plan' would fail beside trainings of the old plan
        plan.run([], checked=False)
    status = session.run(targets, options)
    if options.through and not outbox.is_empty():
        outbox.send_all()
    return status


def dry(targets: list[str]) -> int:
    """Print what would be run, with the times of earlier runs; return the exit status."""
    stages, stale = graph.read(targets)
    pending = {name: stage for name, stage in stages.items() if name in stale | graph.below(stages, stale)}
    times = memory.read_times()
    for name in pending:
        before = clock(times[name]) if name in times else "?"
        print(f"{before:>8}  {name}{'' if name in stale else '  (if its inputs change)'}")
    known = {name: times.get(name, 0) for name in pending}
    print(f"{count(pending)} of {len(stages)}; one after the other {clock(sum(known.values()))} by earlier runs")
    if chain := graph.critical_path(pending, known):
        print(f"longest chain {clock(sum(known[name] for name in chain))}: {' > '.join(chain)}")
    return PASSED
