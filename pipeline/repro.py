"""Command: 'dvc repro' with several stages at once; DVC decides what is out of date, runs each stage and caches it."""

from pipeline import params, plan, trainings
from pipeline.scheduling import forecast, graph, session
from pipeline.scheduling.coordinator import PASSED, Options
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
    """Print what ``run`` would run, by the plan as it is now; write nothing; return the exit status."""
    planned = {plan.PATH: plan.spell(trainings.read_datasets())} if params.PATH.is_file() else {}
    forecast.show(*graph.read(targets, instead=planned))
    return PASSED
