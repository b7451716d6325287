"""Command: run the missing trainings of an ablation as DVC stages, which DVC caches, and show all results."""

from pathlib import Path

from pipeline import blocks, params, plan, trainings
from pipeline.blocks import Line
from pipeline.errors import InputError
from pipeline.params import OURS
from pipeline.reporting import metrics
from pipeline.scheduling import forecast, graph, session
from pipeline.scheduling.coordinator import PASSED, Options

FIGURE_8, TABLE_5, OTHERS = "figure-8", "table-5", "ablations"  # blocks of a plan to which ablations are added
CROPS = "other-crops"  # and that of variants which cut crops otherwise, and so begin with another's scale 1
LOSSES = ("local", "object")


def run(datasets: list[str], numbers: list[str], losses: list[str], variants: list[str], options: Options) -> None:
    """Train other numbers of local classifiers (Figure 8), single losses (Table 5) and other variants on some datasets.

    The recipe's own number of classifiers is not trained again, because variant 'ours' has it. Variants that the plan
    does not list are added to the plan. From then on they are part of the experiment, and 'dvc repro' updates them.
    Raises InputError where a stage fails or is stopped; what was finished is cached.
    """
    asked = _asked(numbers, losses, variants)
    wanted = _wanted(datasets, asked)
    _add(wanted)
    plan.run([], checked=False)
    first, last = _stages(wanted)
    _repro(first, options)
    _repro(last, options, only=True)
    for dataset in wanted:
        _show(dataset, list(asked))


def dry(datasets: list[str], numbers: list[str], losses: list[str], variants: list[str]) -> None:
    """Print what ``run`` would add to the plan, and what it would run then; write nothing."""
    wanted = _wanted(datasets, _asked(numbers, losses, variants))
    planned = {dataset: trainings.read(dataset) for dataset in wanted}
    with plan.in_a_copy() as instead:
        _add(wanted)
        added = {name: [cell for cell in trainings.read(name) if cell not in old] for name, old in planned.items()}
        first, last = _stages(wanted)
    plan.check_files(instead[plan.PATH])
    for dataset, cells in added.items():
        would = f"would get {', '.join(map(str, cells))}" if cells else "has all of it"
        print(f"{params.PATH}: the plan of {dataset} {would}")
    stages, stale = graph.read(first, instead=instead)
    others, also = graph.read(last, only=True, instead=instead)
    forecast.show(stages | others, stale | also)


def _wanted(datasets: list[str], asked: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return, by dataset, the variants that are to be trained there, each with its block of the plan."""
    planned = trainings.read_datasets()
    if unknown := [name for name in datasets if name not in planned]:
        raise InputError(f"--dataset {unknown[0]}: not among the datasets of params.yaml ({', '.join(planned)})")
    defined, wanted = params.load().get("variants") or {}, {}
    for dataset in datasets or planned:
        for variant in (name for name in asked if name in defined):
            params.read(dataset, variant)  # before anything is written
        own = f"n-{params.read(dataset).network.n_classifiers}"
        wanted[dataset] = {variant: block for variant, block in asked.items() if variant != own}
    return wanted


def _asked(numbers: list[str], losses: list[str], variants: list[str]) -> dict[str, str]:
    """Return the variants that are asked for, each with the block of a plan that it belongs to."""
    if wrong := [number for number in numbers if not number.isdecimal() or int(number) < 1]:
        raise InputError(f"--n-classifiers {wrong[0]}: must be 1 or more")
    if unknown := [loss for loss in losses if loss not in LOSSES]:
        raise InputError(f"--loss {unknown[0]}: unknown; there are local and object")
    known = params.load().get("variants") or {}
    if unknown := [name for name in variants if name not in known]:
        raise InputError(f"--variant {unknown[0]}: not among the variants of params.yaml ({', '.join(known)})")
    asked = dict.fromkeys(losses, TABLE_5) | {f"n-{int(number)}": FIGURE_8 for number in numbers}
    for name in variants:
        if name not in asked and name != OURS:
            asked[name] = OTHERS if trainings.network_of(name) == name else CROPS
    if not asked:
        raise InputError("nothing to run: give --n-classifiers 1,2,4,8,16, --loss local,object or --variant NAME")
    return asked


def _add(wanted: dict[str, dict[str, str]]) -> None:
    """Add to params.yaml the variants and the lines of plans that it does not have.

    A new block trains at the first scale that is the variant's own.
    """
    planned = {dataset: {cell.variant for cell in trainings.read(dataset)} for dataset in wanted}
    blocks.add(
        {
            dataset: [
                Line(block, name, {"seeds": [0], "scales": [2 if block == CROPS else 1]})
                for name, block in asked.items()
                if name not in planned[dataset]
            ]
            for dataset, asked in wanted.items()
        }
    )


def _stages(wanted: dict[str, dict[str, str]]) -> tuple[list[str], list[str]]:
    """Return the stages to be run with all that they need, and those that then show the results.

    The latter depend on all trainings of the plan: what of those was not asked for stays as it is.
    """
    first = []
    for dataset, asked in wanted.items():
        cells = [cell for cell in trainings.read(dataset) if cell.variant in asked]
        first += [f"evaluate@{dataset}", f"measure@{dataset}"]
        first += [f"attend@{dataset}-{cell.run}-{cell.scale}" for cell in cells]
    return first, [f"{stage}@{dataset}" for dataset in wanted for stage in ("compare", "report")]


def _repro(stages: list[str], options: Options, only: bool = False) -> None:
    if session.run(stages, options, only) != PASSED:
        raise InputError("stopped; what is said above is the reason. What was finished is cached: run this again")


def _show(dataset: str, names: list[str]) -> None:
    accuracy = metrics.read_variants(Path("reports/metrics") / f"{dataset}.variants.json")["accuracy"]
    own = f"n-{params.read(dataset).network.n_classifiers}"
    print(f"\n{dataset}, accuracy (%) by scale")
    for name in names:
        row = accuracy.get(name, accuracy[OURS] if name == own else {})
        print(f"  {name:<8} " + "  ".join(f"{scale}: {value:.1f}" for scale, value in row.items()))
    print(f"  Figure 8: reports/{dataset}/figure-8.png")
